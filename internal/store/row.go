package store

import (
	"database/sql/driver"

	"tokenmeter/internal/usage"
)

// strandKey is what the events of a strand share. Strings are ids in str.
type strandKey struct {
	agent, day                                              int64
	session, file, model, project, branch, version, service int64
	flags                                                   usage.Flags
	claim                                                   uint8
}

// strand is a row of the table of that name, as far as the writer has to remember it.
type strand struct {
	strandKey
	id     int64
	shared usage.Event // the strings behind the ids

	// What this transaction adds.
	touched     bool
	created     bool // the row is not in the table yet
	recheck     bool // an event left, so first and last have to be looked up
	first, last int64
	delta       usage.Counts
}

// row is an event on its way to or from the table.
type row struct {
	key      int64
	strand   *strand
	time     usage.Millis
	counted  usage.Millis // never zero, see usage.Undated
	claimed  usage.Millis // never zero
	offset   int64
	tokens   usage.Tokens
	searches int64
	recorded usage.Micros
	cost     usage.Micros
	price    int64 // str
	ordinal  int64
	isLogged bool // recorded is set
	isPriced bool
	isThread bool // ordinal is set
}

// storedKey mixes the agent into a key, because keys are unique within an agent only.
func storedKey(agent usage.AgentID, key usage.Key) int64 {
	return int64(uint64(key) ^ usage.NewHash("agent").Text(string(agent)).Sum())
}

func (r *row) counts() usage.Counts {
	c := usage.Counts{Tokens: r.tokens, Requests: 1}
	if r.isPriced {
		c.Cost, c.PricedRequests = r.cost, 1
	} else {
		c.UnpricedTokens = r.tokens.Total()
	}
	return c
}

// equal reports whether the table would hold the same for both.
func (r *row) equal(o *row) bool {
	a, b := *r, *o
	a.strand, b.strand = nil, nil
	return a == b && r.strand.id == o.strand.id
}

// event gives back the event as usage.Merge wants it. The thread's name is not kept with
// the row; that there is one is all that Merge asks.
func (w *writer) event(r *row) (usage.Event, error) {
	e := r.strand.shared
	e.Time, e.CountedAt, e.ClaimedAt = r.time, r.counted, r.claimed
	e.Tokens, e.WebSearches, e.Offset = r.tokens, r.searches, r.offset
	if r.isThread {
		e.Thread, e.Ordinal = "thread", int(r.ordinal)
	}
	if r.isLogged {
		recorded := r.recorded
		e.Recorded = &recorded
	}
	if r.isPriced {
		name, err := w.name(r.price)
		if err != nil {
			return e, err
		}
		e.Cost = usage.Cost{Micros: r.cost, Priced: true, Row: name}
	}
	return e, nil
}

// rowOf makes a row of an event of a file.
func (w *writer) rowOf(e *usage.Event, agent, file, key int64) (row, error) {
	s, err := w.strandOf(e, agent, file)
	if err != nil {
		return row{}, err
	}
	r := row{
		key: key, strand: s, time: e.Time, counted: e.CountedAt, claimed: e.ClaimedAt, offset: e.Offset,
		tokens: e.Tokens, searches: e.WebSearches,
	}
	own := e.Time
	if own == 0 {
		own = usage.Undated
	}
	if r.counted == 0 {
		r.counted = own
	}
	if r.claimed == 0 {
		r.claimed = own
	}
	if e.Recorded != nil {
		r.recorded, r.isLogged = *e.Recorded, true
	}
	cost := w.cost(e) // of the merged row: time, counters and service may be another's
	if cost.Priced {
		r.cost, r.isPriced = cost.Micros, true
		if r.price, err = w.str(cost.Row); err != nil {
			return row{}, err
		}
	}
	if e.Thread != "" {
		r.ordinal, r.isThread = int64(e.Ordinal), true
	}
	return r, nil
}

// merge makes one row of two readings of one request.
func (w *writer) merge(a, b *row) (row, error) {
	x, err := w.event(a)
	if err != nil {
		return row{}, err
	}
	y, err := w.event(b)
	if err != nil {
		return row{}, err
	}
	m := usage.Merge(x, y)
	// The file goes with the offset, which goes with the claim.
	file := a.strand.file
	if !sameHome(&m, &x) || sameHome(&m, &y) && b.strand.file < file {
		file = b.strand.file
	}
	return w.rowOf(&m, a.strand.agent, file, a.key)
}

func sameHome(a, b *usage.Event) bool {
	return a.Claim == b.Claim && a.ClaimedAt == b.ClaimedAt && a.Offset == b.Offset && a.Session == b.Session &&
		a.Project == b.Project && a.Branch == b.Branch && a.Version == b.Version
}

// The columns of event, in the order in which values and read use them.
const eventColumns = "key, strand, ts, offset, input, cread, cw5, cw1, output, reason, counted, claimed, ordinal, searches, recorded, cost, price"

const (
	insertEvent = "INSERT INTO event (" + eventColumns + ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
	selectEvent = "SELECT " + eventColumns + " FROM event WHERE key=?"
	updateEvent = "UPDATE event SET strand=?2, ts=?3, offset=?4, input=?5, cread=?6, cw5=?7, cw1=?8, output=?9, reason=?10," +
		" counted=?11, claimed=?12, ordinal=?13, searches=?14, recorded=?15, cost=?16, price=?17 WHERE key=?1"
	deleteEvent = "DELETE FROM event WHERE key=?"
)

// relative packs a time beside the row's own: equal ones take no byte in the table.
func relative(m, own usage.Millis) driver.Value {
	if own == 0 {
		own = usage.Undated
	}
	if m == usage.Undated && own != usage.Undated {
		return nil
	}
	return int64(m - own)
}

func absolute(v driver.Value, own usage.Millis) usage.Millis {
	if own == 0 {
		own = usage.Undated
	}
	if v == nil {
		return usage.Undated
	}
	return own + usage.Millis(integer(v))
}

func (r *row) bind(args []driver.NamedValue) {
	args[0].Value = r.key
	args[1].Value = r.strand.id
	args[2].Value = r.millisOfDay()
	args[3].Value = r.offset
	args[4].Value = r.tokens.Input
	args[5].Value = r.tokens.CacheRead
	args[6].Value = r.tokens.CacheWrite5m
	args[7].Value = r.tokens.CacheWrite1h
	args[8].Value = r.tokens.Output
	args[9].Value = r.tokens.Reasoning
	args[10].Value = relative(r.counted, r.time)
	args[11].Value = relative(r.claimed, r.time)
	args[12].Value = nil
	if r.isThread {
		args[12].Value = r.ordinal
	}
	args[13].Value = r.searches
	args[14].Value = nil
	if r.isLogged {
		args[14].Value = int64(r.recorded)
	}
	args[15].Value = int64(r.cost)
	args[16].Value = nil
	if r.isPriced {
		args[16].Value = r.price
	}
}

func (r *row) millisOfDay() int64 {
	if r.time == 0 {
		return 0
	}
	return int64(r.time) - r.strand.day*dayLength
}

// load reads the row under a key; nil = there is none.
func (w *writer) load(key int64) (*row, error) {
	v, err := w.conn.first(selectEvent, key)
	if err != nil || v == nil {
		return nil, err
	}
	r := &row{
		key: key, offset: integer(v[3]),
		tokens: usage.Tokens{
			Input: integer(v[4]), CacheRead: integer(v[5]), CacheWrite5m: integer(v[6]), CacheWrite1h: integer(v[7]),
			Output: integer(v[8]), Reasoning: integer(v[9]),
		},
		ordinal: integer(v[12]), isThread: v[12] != nil,
		searches: integer(v[13]),
		recorded: usage.Micros(integer(v[14])), isLogged: v[14] != nil,
		cost: usage.Micros(integer(v[15])), price: integer(v[16]), isPriced: v[16] != nil,
	}
	ts, counted, claimed := integer(v[2]), v[10], v[11]
	if r.strand, err = w.strandByID(integer(v[1])); err != nil {
		return nil, err
	}
	if r.strand.day != undated {
		r.time = usage.Millis(r.strand.day*dayLength + ts)
	}
	r.counted, r.claimed = absolute(counted, r.time), absolute(claimed, r.time)
	return r, nil
}
