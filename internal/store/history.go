package store

import (
	"cmp"
	"context"
	"database/sql/driver"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"tokenmeter/internal/usage"
)

// History answers a question about sums; rows are in a fixed order.
//
// It takes the coarsest table that can answer exactly: whole local days of the stored zone
// from day, the rest from roll, and what is asked by session from strand and event. A
// range is cut into pieces with one offset from UTC (and one month, where months are
// asked), so that SQL only divides; see zone.go.
func (s *Store) History(ctx context.Context, q Query) ([]Row, error) {
	rows, err := s.history(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("query history: %w", explain(err))
	}
	return rows, nil
}

func (s *Store) history(ctx context.Context, q Query) ([]Row, error) {
	h, err := newHistory(q)
	if err != nil {
		return nil, err
	}
	err = s.readers.read(ctx, func(c *connection) error {
		h.conn = c
		return h.run(s.zone.Load())
	})
	if err != nil {
		return nil, err
	}
	return h.rows(), nil
}

// group is a row of the answer, in ids. when is a quarter (for hours) or a local day.
type group struct{ when, agent, model, project, session int64 }

type history struct {
	conn  *connection
	query Query
	zone  *time.Location
	by    map[Dimension]bool
	time  Dimension // Hour, Day, Week, Month or ""

	lo, hi     int64 // quarters
	bounded    bool
	filter     string // SQL, begins with AND; its arguments are those after the fourth
	filterArgs []driver.Value

	groups map[group]*usage.Counts
	names  map[int64]string
	agents map[int64]usage.AgentID
}

func newHistory(q Query) (*history, error) {
	h := &history{
		query: q, zone: q.Zone, by: map[Dimension]bool{}, groups: map[group]*usage.Counts{},
		lo: firstQuarter, hi: lastQuarter, bounded: q.Since != 0 || q.Until != 0,
	}
	if h.zone == nil {
		h.zone = time.UTC
	}
	for _, d := range q.By {
		switch d {
		case Hour, Day, Week, Month:
			if h.time != "" && h.time != d {
				return nil, fmt.Errorf("cannot group by %s and %s at once", h.time, d)
			}
			h.time = d
		case Session, Project, Model, Agent:
			h.by[d] = true
		default:
			return nil, fmt.Errorf("cannot group by %q", d)
		}
	}
	if q.Since != 0 {
		h.lo = floorDiv(int64(q.Since), quarter)
	}
	if q.Until != 0 {
		h.hi = floorDiv(int64(q.Until), quarter)
	}
	return h, nil
}

func (h *history) run(stored *time.Location) error {
	var err error
	if h.agents, err = agentNames(h.conn); err != nil {
		return err
	}
	if err := h.loadFilter(); err != nil {
		return err
	}
	if h.lo < h.hi {
		if err := h.dated(stored); err != nil {
			return err
		}
	}
	if !h.bounded && h.query.Cost != nil {
		if err := h.priced(piece{lo: undated, hi: undated + 1, start: undated, fixed: true}); err != nil {
			return err
		}
	} else if !h.bounded {
		from := rolls
		if h.by[Session] {
			from = undatedStrands
		}
		if err := h.add(from, piece{lo: undated, hi: undated + 1, start: undated, fixed: true}); err != nil {
			return err
		}
	}
	return h.loadNames()
}

// dated adds up what has a date.
func (h *history) dated(stored *time.Location) error {
	if h.query.Cost != nil {
		return h.spans(h.lo, h.hi)
	}
	if h.by[Session] {
		return h.spans(h.lo, h.hi, strands, loose)
	}
	zone, err := h.dayZone(stored)
	if err != nil {
		return err
	}
	if zone == nil {
		return h.spans(h.lo, h.hi, rolls)
	}
	// Whole days come from day, what is left at both ends from roll.
	first, end := int64(firstQuarter), int64(lastQuarter)
	startFirst, startEnd := h.lo, h.hi
	if h.query.Since != 0 {
		first = spanAt(zone, h.lo).day(h.lo)
		if startFirst = startOfDay(zone, first); startFirst < h.lo {
			first++
			startFirst = startOfDay(zone, first)
		}
	}
	if h.query.Until != 0 {
		end = spanAt(zone, h.hi).day(h.hi)
		startEnd = startOfDay(zone, end)
	}
	if first >= end {
		return h.spans(h.lo, h.hi, rolls)
	}
	if err := h.spans(h.lo, startFirst, rolls); err != nil {
		return err
	}
	if h.time != Month {
		err = h.add(days, piece{lo: first, hi: end})
	} else {
		err = h.months(first, end)
	}
	if err != nil {
		return err
	}
	return h.spans(startEnd, h.hi, rolls)
}

// dayZone is the zone whose local days the table day holds, if they are of use here.
func (h *history) dayZone(own *time.Location) (*time.Location, error) {
	if h.time == Hour {
		return nil, nil
	}
	v, err := h.conn.first(selectZone)
	if err != nil || v == nil {
		return nil, err
	}
	stored := text(v[0])
	if zoneID(h.zone) == stored {
		return h.zone, nil
	}
	if h.time == "" && own != nil && zoneID(own) == stored {
		return own, nil // without days in the answer, any zone's days will do
	}
	return nil, nil
}

// months adds up days month by month, as far as there are any.
func (h *history) months(first, end int64) error {
	for first < end {
		v, err := h.conn.first("SELECT min(d) FROM day WHERE d>=? AND d<?", first, end)
		if err != nil || v[0] == nil {
			return err
		}
		d := integer(v[0])
		month, next := monthOf(d)
		if err := h.add(days, piece{lo: d, hi: min(next, end), start: month, fixed: true}); err != nil {
			return err
		}
		first = next
	}
	return nil
}

// spans adds up quarters, offset by offset and, if asked, month by month.
func (h *history) spans(lo, hi int64, from ...source) error {
	for lo < hi {
		v, err := h.conn.first("SELECT min(q) FROM roll WHERE q>=? AND q<?", lo, hi)
		if err != nil || v[0] == nil {
			return err
		}
		q := integer(v[0])
		p := piece{lo: q, hi: hi}
		if h.time != "" {
			s := spanAt(h.zone, q)
			p.offset, p.hi = s.offset, min(hi, s.hi)
			if h.time == Month {
				month, next := monthOf(s.day(q))
				p.start, p.fixed = month, true
				p.hi = min(p.hi, next*quartersDay-s.offset)
			}
		}
		for _, f := range from {
			if err := h.add(f, p); err != nil {
				return err
			}
		}
		if h.query.Cost != nil {
			if err := h.priced(p); err != nil {
				return err
			}
		}
		lo = p.hi
	}
	return nil
}

// piece is a range of a source. With fixed, all of it falls into the group start.
type piece struct {
	lo, hi int64 // quarters, or local days of the table day
	offset int64
	start  int64
	fixed  bool
}

// source is a table to sum up. In its SQL, ?1 and ?2 are the range, ?3 the offset from UTC.
type source struct {
	from  string
	where string
	// at is a quarter in the range; local, if there is no quarter, a local day.
	at, local string
	// whole is the other end of what is summed up already: to be used as one, both ends
	// have to fall into one group. The rest must come from another source.
	whole string
	// rest is the whole of that other source, whose complement this one is.
	rest bool
	sums string
}

const (
	eventQuarter = "(strand.day*96+event.ts/900000)"
	firstOfAll   = "(strand.day*96+strand.first/900000)"
	lastOfAll    = "(strand.day*96+strand.last/900000)"
	// The index of strand begins with the agent.
	nearby = "agent IN (SELECT id FROM agent) AND strand.day BETWEEN ?1/96 AND ?2/96 AND "

	eventSums = "count(*), sum(event.input), sum(event.cread), sum(event.cw5), sum(event.cw1), sum(event.output), sum(event.reason)," +
		" sum(event.cost), sum(event.price IS NOT NULL)," +
		" sum(iif(event.price IS NULL, event.input+event.cread+event.cw5+event.cw1+event.output, 0))"
)

var (
	days  = source{from: "day", where: "d>=?1 AND d<?2", local: "d", sums: sums}
	rolls = source{from: "roll", where: "q>=?1 AND q<?2", at: "q", sums: sums}
	// Strands that lie within the piece, and within one group.
	strands = source{from: "strand", where: nearby + firstOfAll + ">=?1 AND " + lastOfAll + "<?2", at: firstOfAll, whole: lastOfAll, sums: sums}
	// The events of the others.
	loose = source{
		from:  "strand CROSS JOIN event ON event.strand=strand.id",
		where: nearby + lastOfAll + ">=?1 AND " + firstOfAll + "<?2 AND " + eventQuarter + ">=?1 AND " + eventQuarter + "<?2",
		at:    eventQuarter, rest: true, sums: eventSums,
	}
	undatedStrands = source{from: "strand", where: "day>=?1 AND day<?2", local: "day", sums: sums}
)

// localDay is SQL for the local day of a quarter (which is never negative).
func localDay(quarter, offset string) string { return "((" + quarter + "+" + offset + "+96)/96-1)" }

// bucket is SQL for the group of a quarter or, if at is "", of a local day.
func (h *history) bucket(p piece, at, local string) string {
	if at != "" {
		local = localDay(at, "?3")
	}
	switch {
	case h.time == "":
		return "0"
	case p.fixed:
		return "?4"
	case h.time == Hour:
		return "((" + at + "+?3+96)/4*4-96-?3)"
	case h.time == Week:
		return "((" + local + "+700003)/7*7-700003)"
	}
	return local
}

// add sums up a piece of a source into the groups.
func (h *history) add(from source, p piece) error {
	columns := []string{h.bucket(p, from.at, from.local)}
	for _, d := range []Dimension{Agent, Model, Project, Session} {
		column := "0"
		if h.by[d] {
			column = string(d)
		}
		columns = append(columns, column)
	}
	where := from.where
	if from.whole != "" {
		where += " AND " + columns[0] + "=" + h.bucket(p, from.whole, "")
	}
	if from.rest {
		where += " AND NOT (" + firstOfAll + ">=?1 AND " + lastOfAll + "<?2 AND " + h.bucket(p, firstOfAll, "") + "=" + h.bucket(p, lastOfAll, "") + ")"
	}
	// A constant must not be grouped by: a number there means a column.
	var keys []string
	for i, column := range columns {
		if column != "0" && column != "?4" {
			keys = append(keys, fmt.Sprint(i+1))
		}
	}
	grouping := " HAVING count(*)>0"
	if len(keys) > 0 {
		grouping = " GROUP BY " + strings.Join(keys, ",")
	}
	// ?3 and ?4 are named in any case, so that every text takes four arguments.
	query := "SELECT " + strings.Join(columns, ",") + "," + from.sums + " FROM " + from.from +
		" WHERE " + where + " AND ?3 NOTNULL AND ?4 NOTNULL" + h.filter + grouping
	return h.conn.each(query, func(v []driver.Value) error {
		g := group{integer(v[0]), integer(v[1]), integer(v[2]), integer(v[3]), integer(v[4])}
		sum, ok := h.groups[g]
		if !ok {
			sum = new(usage.Counts)
			h.groups[g] = sum
		}
		*sum = sum.Plus(countsOf(v[5:]))
		return nil
	}, append([]driver.Value{p.lo, p.hi, p.offset, p.start}, h.filterArgs...)...)
}

// priced puts the query's own cost on each event of a piece and sums up.
func (h *history) priced(p piece) error {
	where := nearby + lastOfAll + ">=?1 AND " + firstOfAll + "<?2 AND " + eventQuarter + ">=?1 AND " + eventQuarter + "<?2"
	if p.lo == undated {
		where = "agent IN (SELECT id FROM agent) AND strand.day>=?1 AND strand.day<?2"
	}
	query := "SELECT " + h.bucket(p, eventQuarter, "") + ", agent, model, project, session, service, strand.day, event.ts," +
		" event.input, event.cread, event.cw5, event.cw1, event.output, event.reason, event.searches" +
		" FROM strand CROSS JOIN event ON event.strand=strand.id WHERE " + where + " AND ?3 NOTNULL AND ?4 NOTNULL" + h.filter
	names := map[int64]string{0: ""}
	name := func(id int64) (string, error) {
		s, ok := names[id]
		if !ok {
			v, err := h.conn.first("SELECT s FROM str WHERE id=?", id)
			if err != nil || v == nil {
				return "", err
			}
			s = text(v[0])
			names[id] = s
		}
		return s, nil
	}
	return h.conn.each(query, func(v []driver.Value) error {
		asked := func(d Dimension, id driver.Value) int64 {
			if h.by[d] {
				return integer(id)
			}
			return 0
		}
		g := group{integer(v[0]), asked(Agent, v[1]), asked(Model, v[2]), asked(Project, v[3]), asked(Session, v[4])}
		e := usage.Event{Agent: h.agents[integer(v[1])], WebSearches: integer(v[14])}
		e.Tokens = usage.Tokens{Input: integer(v[8]), CacheRead: integer(v[9]), CacheWrite5m: integer(v[10]), CacheWrite1h: integer(v[11]),
			Output: integer(v[12]), Reasoning: integer(v[13])}
		if day := integer(v[6]); day != undated {
			e.Time = usage.Millis(day*dayLength + integer(v[7]))
		}
		var err error
		if e.Model, err = name(integer(v[2])); err != nil {
			return err
		}
		if e.Service, err = name(integer(v[5])); err != nil {
			return err
		}
		c := costCounts(h.query.Cost(&e), e.Total())
		c.Tokens, c.Requests = e.Tokens, 1
		sum, ok := h.groups[g]
		if !ok {
			sum = new(usage.Counts)
			h.groups[g] = sum
		}
		*sum = sum.Plus(c)
		return nil
	}, append([]driver.Value{p.lo, p.hi, p.offset, p.start}, h.filterArgs...)...)
}

// countsOf reads the columns of sums.
func countsOf(v []driver.Value) usage.Counts {
	return usage.Counts{
		Requests: integer(v[0]),
		Tokens: usage.Tokens{
			Input: integer(v[1]), CacheRead: integer(v[2]), CacheWrite5m: integer(v[3]), CacheWrite1h: integer(v[4]),
			Output: integer(v[5]), Reasoning: integer(v[6]),
		},
		Cost: usage.Micros(integer(v[7])), PricedRequests: integer(v[8]), UnpricedTokens: integer(v[9]),
	}
}

func agentNames(c *connection) (map[int64]usage.AgentID, error) {
	names := map[int64]usage.AgentID{}
	err := c.each("SELECT id, name FROM agent", func(v []driver.Value) error {
		names[integer(v[0])] = usage.AgentID(text(v[1]))
		return nil
	})
	return names, err
}

// loadFilter turns the names of the query into ids. A name that was never stored has none
// and matches nothing.
func (h *history) loadFilter() error {
	for _, f := range []struct {
		column string
		names  []string
		find   string
	}{
		{"agent", agentStrings(h.query.Agents), "SELECT id FROM agent WHERE name=?"},
		{"project", h.query.Projects, "SELECT id FROM str WHERE s=?"},
		{"model", h.query.Models, "SELECT id FROM str WHERE s=?"},
	} {
		if len(f.names) == 0 {
			continue
		}
		var ids []int64
		for _, name := range f.names {
			v, err := h.conn.first(f.find, name)
			if err != nil {
				return err
			}
			if v != nil {
				ids = append(ids, integer(v[0]))
			} else if name == "" && f.column != "agent" {
				ids = append(ids, 0)
			}
		}
		h.filterArgs = append(h.filterArgs, array(ids))
		h.filter += fmt.Sprintf(" AND %s IN (SELECT value FROM json_each(?%d))", f.column, 4+len(h.filterArgs))
	}
	return nil
}

func agentStrings(ids []usage.AgentID) []string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = string(id)
	}
	return names
}

// array writes numbers for json_each, so that one statement serves any number of them.
func array(ids []int64) string {
	text := []byte{'['}
	for i, id := range ids {
		if i > 0 {
			text = append(text, ',')
		}
		text = strconv.AppendInt(text, id, 10)
	}
	return string(append(text, ']'))
}

// loadNames fetches the strings of the answer at once.
func (h *history) loadNames() error {
	ids := map[int64]bool{}
	for g := range h.groups {
		ids[g.model], ids[g.project], ids[g.session] = true, true, true
	}
	var err error
	h.names, err = stringsOf(h.conn, ids)
	return err
}

// stringsOf looks up many strings; id 0 is the empty one.
func stringsOf(c *connection, ids map[int64]bool) (map[int64]string, error) {
	names := map[int64]string{0: ""}
	delete(ids, 0)
	if len(ids) == 0 {
		return names, nil
	}
	err := c.each("SELECT str.id, str.s FROM json_each(?) JOIN str ON str.id=json_each.value", func(v []driver.Value) error {
		names[integer(v[0])] = text(v[1])
		return nil
	}, array(slices.Sorted(maps.Keys(ids))))
	return names, err
}

// rows turns the groups into the answer: by time, the undated last, then by the
// dimensions in their order.
func (h *history) rows() []Row {
	starts := map[int64]usage.Millis{undated: 0}
	answer := make([]*Row, 0, len(h.groups))
	for g, c := range h.groups {
		row := &Row{Agent: h.agents[g.agent], Model: h.names[g.model], Project: h.names[g.project], Session: h.names[g.session], Counts: *c}
		if h.time != "" {
			start, ok := starts[g.when]
			if !ok {
				q := g.when
				if h.time != Hour {
					q = startOfDay(h.zone, g.when)
				}
				start = usage.Millis(q * quarter)
				starts[g.when] = start
			}
			row.Start = start
		}
		answer = append(answer, row)
	}
	slices.SortFunc(answer, func(a, b *Row) int {
		if (a.Start == 0) != (b.Start == 0) {
			return cmp.Compare(b.Start, a.Start)
		}
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.Session, b.Session), cmp.Compare(a.Project, b.Project),
			cmp.Compare(a.Model, b.Model), cmp.Compare(a.Agent, b.Agent))
	})
	return values(answer)
}
