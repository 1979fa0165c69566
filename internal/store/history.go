package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
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
	err = s.read(ctx, func(tx *sql.Tx) error {
		h.ctx, h.tx = ctx, tx
		return h.run(s.zone)
	})
	if err != nil {
		return nil, err
	}
	return h.rows(), nil
}

// read runs f on one snapshot of the database.
func (s *Store) read(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := s.readers.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	return f(tx)
}

// group is a row of the answer, in ids. when is a quarter (for hours) or a local day.
type group struct{ when, agent, model, project, session int64 }

type history struct {
	ctx   context.Context
	tx    *sql.Tx
	query Query
	zone  *time.Location
	by    map[Dimension]bool
	time  Dimension // Hour, Day, Week, Month or ""

	lo, hi  int64 // quarters
	bounded bool
	filter  string // SQL, begins with AND

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
	if err := h.loadAgents(); err != nil {
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
	if !h.bounded {
		source := fromRoll
		if h.by[Session] {
			source = fromStrand
		}
		if err := h.add(source, piece{lo: undated, hi: undated + 1, start: undated, fixed: true}); err != nil {
			return err
		}
	}
	return h.loadNames()
}

// dated adds up what has a date.
func (h *history) dated(stored *time.Location) error {
	if h.by[Session] {
		if h.time != "" {
			return h.spans(fromEvent, h.lo, h.hi)
		}
		// Whole UTC days are summed up in strand.
		first, end := -floorDiv(-h.lo, quartersDay), floorDiv(h.hi, quartersDay)
		return h.around(fromStrand, fromEvent, first, end, first*quartersDay, end*quartersDay)
	}
	zone, err := h.dayZone(stored)
	if err != nil {
		return err
	}
	if zone == nil {
		return h.spans(fromRoll, h.lo, h.hi)
	}
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
	return h.around(fromDay, fromRoll, first, end, startFirst, startEnd)
}

// dayZone is the zone whose local days the table day holds, if they are of use here.
func (h *history) dayZone(own *time.Location) (*time.Location, error) {
	if h.time == Hour {
		return nil, nil
	}
	var stored string
	err := h.tx.QueryRowContext(h.ctx, selectZone).Scan(&stored)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if zoneID(h.zone) == stored {
		return h.zone, nil
	}
	if h.time == "" && own != nil && zoneID(own) == stored {
		return own, nil // without days in the answer, any zone's days will do
	}
	return nil, nil
}

// around takes whole days from one source, and what is left at both ends from a finer one.
// The days are first up to end; startFirst and startEnd are their first quarters.
func (h *history) around(days, rest source, first, end, startFirst, startEnd int64) error {
	if first >= end {
		return h.spans(rest, h.lo, h.hi)
	}
	if err := h.spans(rest, h.lo, startFirst); err != nil {
		return err
	}
	if h.time != Month {
		if err := h.add(days, piece{lo: first, hi: end}); err != nil {
			return err
		}
	} else if err := h.months(days, first, end); err != nil {
		return err
	}
	return h.spans(rest, startEnd, h.hi)
}

// months adds up days month by month, as far as there are any.
func (h *history) months(days source, first, end int64) error {
	for first < end {
		d, ok, err := h.next("SELECT min(d) FROM day WHERE d>=? AND d<?", first, end)
		if err != nil || !ok {
			return err
		}
		month, next := monthOf(d)
		if err := h.add(days, piece{lo: d, hi: min(next, end), start: month, fixed: true}); err != nil {
			return err
		}
		first = next
	}
	return nil
}

// spans adds up quarters, offset by offset and, if asked, month by month.
func (h *history) spans(from source, lo, hi int64) error {
	for lo < hi {
		q, ok, err := h.next("SELECT min(q) FROM roll WHERE q>=? AND q<?", lo, hi)
		if err != nil || !ok {
			return err
		}
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
		if err := h.add(from, p); err != nil {
			return err
		}
		lo = p.hi
	}
	return nil
}

func (h *history) next(query string, lo, hi int64) (n int64, ok bool, err error) {
	var found sql.NullInt64
	err = h.tx.QueryRowContext(h.ctx, query, lo, hi).Scan(&found)
	return found.Int64, found.Valid, err
}

// piece is a range of a source. With fixed, all of it falls into the group start.
type piece struct {
	lo, hi int64 // quarters for roll and event, days for day and strand
	offset int64
	start  int64
	fixed  bool
}

// source is a table to sum up.
type source struct {
	from  string
	where string // the range, from ?1 up to ?2
	local string // local day, with the offset ?3
	hour  string // first quarter of the local hour
	sums  string
}

// localDay is SQL for the local day of roll.q (q is never negative).
func localDay(offset string) string { return "((q+" + offset + "+96)/96-1)" }

const (
	eventQuarter = "(strand.day*96+event.ts/900000)"
	eventSums    = "count(*), sum(event.input), sum(event.cread), sum(event.cw5), sum(event.cw1), sum(event.output), sum(event.reason)," +
		" sum(event.cost), sum(event.price IS NOT NULL)," +
		" sum(iif(event.price IS NULL, event.input+event.cread+event.cw5+event.cw1+event.output, 0))"
)

var (
	fromDay  = source{from: "day", where: "d>=?1 AND d<?2", local: "d", sums: sums}
	fromRoll = source{
		from: "roll", where: "q>=?1 AND q<?2", local: localDay("?3"),
		hour: "((q+?3+96)/4*4-96-?3)", sums: sums,
	}
	fromStrand = source{from: "strand", where: "day>=?1 AND day<?2", local: "day", sums: sums}
	fromEvent  = source{
		from:  "strand CROSS JOIN event ON event.strand=strand.id",
		where: "strand.day>=?1/96 AND strand.day<=?2/96 AND " + eventQuarter + ">=?1 AND " + eventQuarter + "<?2",
		local: "((" + eventQuarter + "+?3+96)/96-1)",
		hour:  "((" + eventQuarter + "+?3+96)/4*4-96-?3)",
		sums:  eventSums,
	}
)

// add sums up a piece of a source into the groups.
func (h *history) add(from source, p piece) error {
	when := "0"
	switch {
	case h.time == "":
	case p.fixed:
		when = "?4"
	case h.time == Hour:
		when = from.hour
	case h.time == Day:
		when = from.local
	case h.time == Week: // 1970-01-01 was a Thursday; 700,000 days keep the dividend positive
		when = "((" + from.local + "+700003)/7*7-700003)"
	}
	columns := []string{when}
	for _, d := range []Dimension{Agent, Model, Project, Session} {
		column := "0"
		if h.by[d] {
			column = string(d)
		}
		columns = append(columns, column)
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
	text := "SELECT " + strings.Join(columns, ",") + "," + from.sums + " FROM " + from.from +
		" WHERE " + from.where + " AND ?3 NOTNULL AND ?4 NOTNULL" + h.filter + grouping
	rows, err := h.tx.QueryContext(h.ctx, text, p.lo, p.hi, p.offset, p.start)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var g group
		var c usage.Counts
		if err := rows.Scan(append([]any{&g.when, &g.agent, &g.model, &g.project, &g.session}, countsTargets(&c)...)...); err != nil {
			return err
		}
		if sum, ok := h.groups[g]; ok {
			*sum = sum.Plus(c)
		} else {
			h.groups[g] = &c
		}
	}
	return rows.Err()
}

// countsTargets are where Scan puts the columns of sums.
func countsTargets(c *usage.Counts) []any {
	return []any{
		&c.Requests, &c.Input, &c.CacheRead, &c.CacheWrite5m, &c.CacheWrite1h, &c.Output, &c.Reasoning, &c.Cost, &c.PricedRequests, &c.UnpricedTokens,
	}
}

func (h *history) loadAgents() error {
	var err error
	h.agents, err = agentNames(h.ctx, h.tx)
	return err
}

func agentNames(ctx context.Context, tx *sql.Tx) (map[int64]usage.AgentID, error) {
	rows, err := tx.QueryContext(ctx, "SELECT id, name FROM agent")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names := map[int64]usage.AgentID{}
	for rows.Next() {
		var id int64
		var name usage.AgentID
		if err := rows.Scan(&id, &name); err != nil {
			return nil, err
		}
		names[id] = name
	}
	return names, rows.Err()
}

// loadFilter turns the names of the query into ids. A name that was never stored has none
// and matches nothing.
func (h *history) loadFilter() error {
	if len(h.query.Agents) > 0 {
		var ids []int64
		for id, name := range h.agents {
			if slices.Contains(h.query.Agents, name) {
				ids = append(ids, id)
			}
		}
		h.filter += " AND agent IN (" + list(ids) + ")"
	}
	for _, f := range []struct {
		column string
		names  []string
	}{{"project", h.query.Projects}, {"model", h.query.Models}} {
		if len(f.names) == 0 {
			continue
		}
		var ids []int64
		for _, name := range f.names {
			var id int64 // 0 is the empty string
			if name != "" {
				err := h.tx.QueryRowContext(h.ctx, "SELECT id FROM str WHERE s=?", name).Scan(&id)
				if errors.Is(err, sql.ErrNoRows) {
					continue
				}
				if err != nil {
					return err
				}
			}
			ids = append(ids, id)
		}
		h.filter += " AND " + f.column + " IN (" + list(ids) + ")"
	}
	return nil
}

// loadNames fetches the strings of the answer at once.
func (h *history) loadNames() error {
	ids := map[int64]bool{}
	for g := range h.groups {
		ids[g.model], ids[g.project], ids[g.session] = true, true, true
	}
	var err error
	h.names, err = stringsOf(h.ctx, h.tx, ids)
	return err
}

// stringsOf looks up many strings; id 0 is the empty one.
func stringsOf(ctx context.Context, tx *sql.Tx, ids map[int64]bool) (map[int64]string, error) {
	names := map[int64]string{0: ""}
	var wanted []int64
	for id := range ids {
		if id != 0 {
			wanted = append(wanted, id)
		}
	}
	if len(wanted) == 0 {
		return names, nil
	}
	slices.Sort(wanted)
	numbers, err := json.Marshal(wanted)
	if err != nil {
		return nil, err
	}
	rows, err := tx.QueryContext(ctx, "SELECT str.id, str.s FROM json_each(?) JOIN str ON str.id=json_each.value", string(numbers))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var s string
		if err := rows.Scan(&id, &s); err != nil {
			return nil, err
		}
		names[id] = s
	}
	return names, rows.Err()
}

// rows turns the groups into the answer: by time, the undated last, then by the
// dimensions in their order.
func (h *history) rows() []Row {
	starts := map[int64]usage.Millis{undated: 0}
	answer := make([]Row, 0, len(h.groups))
	for g, c := range h.groups {
		row := Row{Agent: h.agents[g.agent], Model: h.names[g.model], Project: h.names[g.project], Session: h.names[g.session], Counts: *c}
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
	slices.SortFunc(answer, func(a, b Row) int {
		if (a.Start == 0) != (b.Start == 0) {
			return cmp.Compare(b.Start, a.Start)
		}
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.Session, b.Session), cmp.Compare(a.Project, b.Project),
			cmp.Compare(a.Model, b.Model), cmp.Compare(a.Agent, b.Agent))
	})
	return answer
}
