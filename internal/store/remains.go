package store

import (
	"cmp"
	"database/sql/driver"
	"iter"
	"math"
	"slices"

	"tokenmeter/internal/usage"
)

// shape is what the columns of a table look like on disk, a letter each: n the rowid
// (stored as NULL), i an integer, I one or NULL, r a number, t text, b a blob or NULL.
type shape struct {
	name, columns string
	index         bool // no rowids: an index, or a table that is one
}

// The tables whose content cannot be computed from others, and the indexes that hold all
// that matters of a table once more.
var (
	shapeMeta     = shape{"meta", "tt", true}
	shapeAgent    = shape{"agent", "nti", false}
	shapeAgentKey = shape{"sqlite_autoindex_agent_1", "ti", true}
	shapeStr      = shape{"str", "nt", false}
	shapeStrIndex = shape{"sqlite_autoindex_str_1", "ti", true}
	shapeFile     = shape{"file", "nititiiiiibbiii", false}
	shapeFileKey  = shape{"sqlite_autoindex_file_1", "tii", true}
	shapeSkip     = shape{"skip", "iti", true}
	shapeStrand   = shape{"strand", "niiiiiiiiiiiiiiiiiiiiiii", false}
	shapeStrandID = shape{"sqlite_autoindex_strand_1", "iiiiiiiiiiii", true}
	shapeEvent    = shape{"event", "iiiiiiiiiiIIIiIiI", false}
	shapeRedirect = shape{"redirect", "ni", false}
	shapeTwin     = shape{"twin", "ni", false}
	shapeThread   = shape{"thread", "niiIi", false}
	shapeThreadID = shape{"sqlite_autoindex_thread_1", "iii", true}
	shapeLineage  = shape{"lineage", "iitii", true}
	shapeMark     = shape{"mark", "iiiii", true}
	shapeSegment  = shape{"segment", "iiiii", true}
	shapeSession  = shape{"session", "iiiiiiiiii", true}
	shapeSeries   = shape{"series", "niiiiiiii", false}
	shapeSeriesID = shape{"sqlite_autoindex_series_1", "iiiiiiiii", true}
	shapeSample   = shape{"sample", "iiiiiri", true}
	shapeBill     = shape{"bill", "iiiiiiiiiiii", false}
	shapeForecast = shape{"forecast", "iiiiiiirrrr", true}
)

// salvaged are the tables that are taken over.
func salvaged() []shape {
	return []shape{shapeMeta, shapeAgent, shapeStr, shapeFile, shapeSkip, shapeStrand, shapeEvent, shapeRedirect, shapeTwin,
		shapeThread, shapeLineage, shapeMark, shapeSegment, shapeSession, shapeSeries, shapeSample, shapeBill, shapeForecast}
}

func (s shape) fits(fields []field) bool {
	if len(fields) != len(s.columns) {
		return false
	}
	for i := range fields {
		k := fields[i].kind
		fits := false
		switch s.columns[i] {
		case 'n':
			fits = k == isNull
		case 'i':
			fits = k == isInteger
		case 'I':
			fits = k == isInteger || k == isNull
		case 'r':
			fits = k == isReal && !math.IsNaN(fields[i].real) || k == isInteger
		case 't':
			fits = k == isText
		case 'b':
			fits = k == isBlob || k == isNull
		}
		if !fits {
			return false
		}
	}
	switch s.name {
	case "event":
		return plausibleEvent(fields)
	case "bill":
		return plausibleBill(fields)
	case "forecast":
		return fields[4].n > 0 && fields[6].n > 0
	case "mark":
		// A print is a hash of 64 bits, the number of a segment's rows is not: that tells
		// them apart where no tree leads to the page any more.
		return !smallNumber(fields[2].n)
	case "segment":
		return smallNumber(fields[2].n) && fields[2].n > 0 && fields[4].n>>1 == 0
	}
	return true
}

func smallNumber(n int64) bool { return n > -1<<24 && n < 1<<24 }

// plausibleEvent keeps noise that happens to look like an event out of the sums.
func plausibleEvent(f []field) bool {
	if f[2].n < 0 || f[2].n >= dayLength || f[3].n < 0 {
		return false
	}
	for _, i := range [...]int{4, 5, 6, 7, 8, 9, 13, 15} {
		if f[i].n < 0 || f[i].n > maxCount {
			return false
		}
	}
	return true
}

// plausibleBill is plausibleEvent for a bill.
func plausibleBill(f []field) bool {
	for i := range f[3:] {
		if n := f[3+i].n; n < 0 || n > maxCount && i > 0 {
			return false
		}
	}
	return true
}

// remains is a database file that rows are taken from, with what its ids are called in the
// new one.
type remains struct {
	pages  *pages
	roots  map[string]uint32
	owned  bitmap          // pages that a tree leads to; nil = not asked yet
	broken map[string]bool // tables that cannot be read in full
	absent map[string]bool // tables that came after its schema
	// guessed: where these tables begin is known from another database only. What is found
	// there may be a sound page of the table, and not all of it.
	guessed map[string]bool

	agents, strings, files, threads, series map[int64]int64
	strands                                 map[int64]strandKey
	lost                                    []gap // rowids of events that could not be read
	requests                                int64 // that it says it holds
}

// openRemains opens what is left of a database. usual says where the trees of an
// undamaged one begin, for want of a better answer.
func openRemains(path string, usual map[string]uint32) (*remains, error) {
	p, err := openPages(path)
	if err != nil {
		return nil, err
	}
	m := &remains{
		pages: p, broken: map[string]bool{}, absent: map[string]bool{}, guessed: map[string]bool{},
		agents: map[int64]int64{}, strings: map[int64]int64{0: 0}, files: map[int64]int64{0: 0}, threads: map[int64]int64{0: 0}, series: map[int64]int64{},
		strands: map[int64]strandKey{},
	}
	for _, later := range []struct {
		version int64
		shape   shape
	}{{2, shapeBill}, {3, shapeForecast}} {
		if v := int64(p.version()); v > 0 && v < later.version {
			m.absent[later.shape.name] = true
		}
	}
	m.roots = p.roots()
	for name, root := range usual {
		if _, ok := m.roots[name]; !ok && !m.absent[name] {
			m.roots[name], m.guessed[name] = root, true
		}
	}
	return m, nil
}

// survey finds out which tables are damaged. It says whether any is.
func (m *remains) survey() bool {
	for _, s := range salvaged() {
		if m.absent[s.name] {
			continue
		}
		t := &tree{pages: m.pages, index: s.index, take: func(r record) bool { return s.fits(r.fields) }}
		t.walk(m.roots[s.name])
		if t.broken || m.guessed[s.name] {
			m.broken[s.name] = true
		}
	}
	return len(m.broken) > 0
}

// records are all records of a tree that can still be read, also those to which it no
// longer leads. They are valid until the next one.
func (m *remains) records(s shape) iter.Seq[record] {
	return func(yield func(record) bool) {
		if m.absent[s.name] {
			return
		}
		stopped := false
		t := &tree{pages: m.pages, index: s.index}
		t.stop = func() bool { return stopped }
		t.take = func(r record) bool {
			if !s.fits(r.fields) {
				return false
			}
			if !stopped && !yield(r) {
				stopped = true
			}
			return true
		}
		t.walk(m.roots[s.name])
		if s == shapeEvent {
			m.lost = append(m.lost, t.gaps...)
		}
		if !t.broken && !m.guessed[s.name] || stopped || s.columns == "ni" || s == shapeAgentKey { // others look like that
			return
		}
		if m.owned == nil {
			m.owned = m.pages.reached(m.roots)
		}
		leaf := byte(pageTableLeaf)
		if s.index {
			leaf = pageIndexLeaf
		}
		page := make([]byte, m.pages.size)
		for n := uint32(2); n <= m.pages.count && !stopped; n++ {
			if !m.owned.has(n) && m.pages.read(n, page) && page[0] == leaf {
				t.loose(n, page)
			}
		}
	}
}

// misses says whether the event with a rowid could not be read.
func (m *remains) misses(rowid int64) bool {
	_, found := slices.BinarySearchFunc(m.lost, rowid, func(g gap, rowid int64) int {
		switch {
		case g.before <= rowid:
			return -1
		case g.after >= rowid:
			return 1
		}
		return 0
	})
	return found
}

// lose notes that an event is of no use.
func (m *remains) lose(rowid int64) {
	if n := len(m.lost); n > 0 && m.lost[n-1].before == rowid {
		m.lost[n-1].before++
		return
	}
	m.lost = append(m.lost, gap{rowid - 1, rowid + 1})
}

// joined puts gaps in order, without overlaps.
func joined(gaps []gap) []gap {
	slices.SortFunc(gaps, func(a, b gap) int { return cmp.Compare(a.after, b.after) })
	var list []gap
	for _, g := range gaps {
		if n := len(list); n > 0 && g.after < list[n-1].before {
			list[n-1].before = max(list[n-1].before, g.before)
			continue
		}
		list = append(list, g)
	}
	return list
}

// weakest is a claim on session and project that any log's own takes over.
const weakest = math.MaxUint8

// strand remembers what the ids of strands stand for; f begins with the agent.
func (m *remains) strand(id int64, f []field) {
	agent, ok := m.agents[f[0].n]
	if !ok {
		return
	}
	key := strandKey{agent: agent, day: f[1].n, flags: usage.Flags(f[9].n), claim: uint8(f[10].n)}
	if key.file, ok = m.files[f[3].n]; !ok {
		key.claim = weakest
	}
	for i, part := range map[int]*int64{2: &key.session, 4: &key.model, 5: &key.project, 6: &key.branch, 7: &key.version, 8: &key.service} {
		if *part, ok = m.strings[f[i].n]; !ok {
			key.claim = weakest
		}
	}
	m.strands[id] = key
}

func (m *remains) event(f []field, s *strand) row {
	e := row{
		key: f[0].n, strand: s, offset: f[3].n,
		tokens:   usage.Tokens{Input: f[4].n, CacheRead: f[5].n, CacheWrite5m: f[6].n, CacheWrite1h: f[7].n, Output: f[8].n, Reasoning: f[9].n},
		ordinal:  f[12].n,
		isThread: f[12].kind == isInteger,
		searches: f[13].n,
		recorded: usage.Micros(f[14].n), isLogged: f[14].kind == isInteger,
		cost: usage.Micros(f[15].n), isPriced: f[16].kind == isInteger,
	}
	if e.isPriced {
		e.price = m.strings[f[16].n]
	}
	if s.day != undated {
		e.time = usage.Millis(s.day*dayLength + f[2].n)
	}
	nullable := func(f field) driver.Value {
		if f.kind == isNull {
			return nil
		}
		return f.n
	}
	e.counted, e.claimed = absolute(nullable(f[10]), e.time), absolute(nullable(f[11]), e.time)
	return e
}
