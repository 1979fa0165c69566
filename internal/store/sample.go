package store

import (
	"math"

	"tokenmeter/internal/usage"
)

// An agent repeats its limits with every answer, mostly with the same figures. So a sample
// is kept as a run of equal readings: the first, and how far it went. Runs are told apart
// by the row of the thread, because only that says what was read before; where there is no
// thread, every moment is a run of its own.

// seriesName is what all samples of one window have in common, in one thread.
type seriesName struct {
	agent                          usage.AgentID
	thread, account, limit, source string
	plan, reached                  string
	minutes                        int64
}

// run is a row of the table sample, as it stands in this transaction.
type run struct {
	series   int64
	threaded bool
	any      bool  // false: there is no run at or before the positions asked for
	until    int64 // begin of the next run in the table; up to there, this one decides
	changed  bool  // to be written
	created  bool

	begin, finish, first, last int64
	used                       float64
	resets                     int64
}

// A reset time is computed from "in n seconds" by some versions and then jitters.
const resetJitter = 5000 // milliseconds

// writeSample keeps a sample.
func (t *Tx) writeSample(agent usage.AgentID, s *usage.Sample) error {
	if math.IsNaN(s.UsedPercent) || math.IsInf(s.UsedPercent, 0) {
		return nil // a reader's mistake; a database cannot hold it
	}
	name := seriesName{agent, s.Thread, s.Account, s.LimitID, string(s.Source), s.Plan, s.Reached, s.WindowMinutes}
	r, ok := t.runs[name]
	if !ok {
		id, err := t.series(name)
		if err != nil {
			return err
		}
		r = &run{series: id, threaded: s.Thread != "", until: math.MinInt64}
		t.runs[name] = r
	}
	position := int64(s.ObservedAt)
	if r.threaded {
		position = int64(s.Ordinal)
	}
	if position >= r.until || position < r.begin {
		if err := t.loadRun(r, position); err != nil {
			return err
		}
	}
	same := r.any && r.used == s.UsedPercent && (r.resets == 0) == (s.ResetsAt == 0) && abs(r.resets-int64(s.ResetsAt)) <= resetJitter
	switch {
	case r.any && position <= r.finish:
		if position > r.begin || r.used >= s.UsedPercent {
			return nil // read before
		}
		// Two figures for one moment: the higher one holds.
		r.used, r.resets, r.changed = s.UsedPercent, int64(s.ResetsAt), true
	case same && r.threaded:
		r.finish, r.last, r.changed = position, int64(s.ObservedAt), true
	default:
		if err := t.saveRun(r); err != nil {
			return err
		}
		r.any, r.created, r.changed = true, true, true
		r.begin, r.finish, r.first, r.last = position, position, int64(s.ObservedAt), int64(s.ObservedAt)
		r.used, r.resets = s.UsedPercent, int64(s.ResetsAt)
	}
	return nil
}

func abs(n int64) int64 { return max(n, -n) }

// loadRun finds the run that decides over a position.
func (t *Tx) loadRun(r *run, position int64) error {
	if err := t.saveRun(r); err != nil {
		return err
	}
	v, err := t.w.conn.first("SELECT begin, finish, first, last, used, resets FROM sample WHERE series=? AND begin<=? ORDER BY begin DESC LIMIT 1", r.series, position)
	if err != nil {
		return err
	}
	r.any, r.begin = v != nil, math.MinInt64
	if r.any {
		r.begin, r.finish, r.first, r.last, r.used, r.resets = integer(v[0]), integer(v[1]), integer(v[2]), integer(v[3]), real(v[4]), integer(v[5])
	}
	v, err = t.w.conn.first("SELECT min(begin) FROM sample WHERE series=? AND begin>?", r.series, position)
	if err != nil {
		return err
	}
	r.until = math.MaxInt64
	if v[0] != nil {
		r.until = integer(v[0])
	}
	return nil
}

// saveRun writes a run if the table does not hold it yet.
func (t *Tx) saveRun(r *run) error {
	if !r.changed {
		return nil
	}
	text := "UPDATE sample SET finish=?3, first=?4, last=?5, used=?6, resets=?7 WHERE series=?1 AND begin=?2"
	if r.created {
		text = "INSERT INTO sample (series, begin, finish, first, last, used, resets) VALUES (?1,?2,?3,?4,?5,?6,?7)"
	}
	r.changed, r.created = false, false
	_, _, err := t.w.conn.exec(text, r.series, r.begin, r.finish, r.first, r.last, r.used, r.resets)
	return err
}

// series returns the id of a series, giving it one if need be.
func (t *Tx) series(name seriesName) (int64, error) {
	w := t.w
	agent, err := w.agent(name.agent)
	if err != nil {
		return 0, err
	}
	var thread int64
	if name.thread != "" {
		th, err := t.thread(name.agent, name.thread)
		if err != nil {
			return 0, err
		}
		thread = th.id
	}
	var ids [5]int64
	for i, part := range []string{name.account, name.limit, name.source, name.plan, name.reached} {
		if ids[i], err = w.str(part); err != nil {
			return 0, err
		}
	}
	v, err := w.conn.first("SELECT id FROM series WHERE agent=? AND thread=? AND account=? AND limits=? AND source=? AND plan=? AND reached=? AND minutes=?",
		agent, thread, ids[0], ids[1], ids[2], ids[3], ids[4], name.minutes)
	if err != nil {
		return 0, err
	}
	if v != nil {
		return integer(v[0]), nil
	}
	_, id, err := w.conn.exec("INSERT INTO series (agent, thread, account, limits, source, plan, reached, minutes) VALUES (?,?,?,?,?,?,?,?)",
		agent, thread, ids[0], ids[1], ids[2], ids[3], ids[4], name.minutes)
	return id, err
}
