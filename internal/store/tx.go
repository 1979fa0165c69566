package store

import (
	"cmp"
	"context"
	"database/sql/driver"
	"slices"

	"tokenmeter/internal/usage"
)

// maxRows is how many events a transaction holds back to write them in the order of their
// keys: neighbours in the index are then touched together.
const maxRows = 1 << 16

// Tx is a running Update.
type Tx struct {
	ctx context.Context
	w   *writer

	rows    []row           // not in the table yet
	moved   map[int64]int64 // keys redirected since the last flush
	threads map[threadName]*thread
	runs    map[seriesName]*run

	// What the transaction adds to the sums.
	strands []*strand
	cells   map[cell]*usage.Counts
	events  map[int64]int64 // by agent
}

// cell is a key of roll, and of day.
type cell struct{ when, agent, model, project int64 }

func newTx(ctx context.Context, w *writer) *Tx {
	return &Tx{
		ctx: ctx, w: w, rows: w.buffer[:0], runs: map[seriesName]*run{}, moved: map[int64]int64{}, threads: map[threadName]*thread{},
		cells: map[cell]*usage.Counts{}, events: map[int64]int64{},
	}
}

// The columns of sums, in the order of bindSums.
const (
	sumColumns = "n, input, cread, cw5, cw1, output, reason, cost, priced, unpriced"
	sums       = "sum(n), sum(input), sum(cread), sum(cw5), sum(cw1), sum(output), sum(reason), sum(cost), sum(priced), sum(unpriced)"
	addSums    = "n=n+excluded.n, input=input+excluded.input, cread=cread+excluded.cread, cw5=cw5+excluded.cw5, cw1=cw1+excluded.cw1," +
		" output=output+excluded.output, reason=reason+excluded.reason, cost=cost+excluded.cost, priced=priced+excluded.priced," +
		" unpriced=unpriced+excluded.unpriced"
)

func bindSums(args []driver.NamedValue, c *usage.Counts) {
	for i, n := range [...]int64{
		c.Requests, c.Input, c.CacheRead, c.CacheWrite5m, c.CacheWrite1h, c.Output, c.Reasoning, int64(c.Cost), c.PricedRequests, c.UnpricedTokens,
	} {
		args[i].Value = n
	}
}

// book adds an event to the sums, or takes it away (sign -1).
func (t *Tx) book(r *row, sign int64) {
	c := r.counts()
	if sign < 0 {
		c = usage.Counts{}.Minus(c)
	}
	s := r.strand
	t.sum(cell{quarterOf(r.time), s.agent, s.model, s.project}, c)
	t.events[s.agent] += sign

	ts := r.millisOfDay()
	t.touch(s, ts)
	s.delta = s.delta.Plus(c)
	if sign < 0 {
		s.recheck = true
		return
	}
	s.first, s.last = min(s.first, ts), max(s.last, ts)
}

// sum adds to what roll and day will say of a quarter of an hour.
func (t *Tx) sum(key cell, c usage.Counts) {
	sum, ok := t.cells[key]
	if !ok {
		sum = new(usage.Counts)
		t.cells[key] = sum
	}
	*sum = sum.Plus(c)
}

// touch has a strand written at the end, for an event at ts.
func (t *Tx) touch(s *strand, ts int64) {
	if !s.touched {
		s.touched, s.first, s.last = true, ts, ts
		t.strands = append(t.strands, s)
	}
}

// put writes an event, merging it with the one under its key.
func (t *Tx) put(r *row) error {
	insert, err := t.w.conn.prepare(insertEvent)
	if err != nil {
		return err
	}
	r.bind(insert.args)
	taken, err := insert.insert()
	if err != nil {
		return err
	}
	if !taken {
		t.book(r, +1)
		return nil
	}
	old, err := t.w.load(r.key)
	if err != nil {
		return err
	}
	if old == nil {
		return ErrDamaged // the index has it, the table has not
	}
	merged, err := t.w.merge(old, r)
	if err != nil {
		return err
	}
	if merged.equal(old) {
		return nil
	}
	update, err := t.w.conn.prepare(updateEvent)
	if err != nil {
		return err
	}
	merged.bind(update.args)
	if err := update.write(); err != nil {
		return err
	}
	t.book(old, -1)
	t.book(&merged, +1)
	return nil
}

// take removes the event under a key and returns it; nil = there is none.
func (t *Tx) take(key int64) (*row, error) {
	r, err := t.w.load(key)
	if err != nil || r == nil {
		return nil, err
	}
	if _, _, err := t.w.conn.exec(deleteEvent, key); err != nil {
		return nil, err
	}
	t.book(r, -1)
	return r, nil
}

// flush writes the events held back.
func (t *Tx) flush() error {
	if err := t.union(); err != nil {
		return err
	}
	order := make([]int32, len(t.rows))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int {
		return cmp.Or(cmp.Compare(t.rows[a].key, t.rows[b].key), cmp.Compare(a, b))
	})
	for i := 0; i < len(order); {
		r := &t.rows[order[i]]
		for i++; i < len(order) && t.rows[order[i]].key == r.key; i++ {
			merged, err := t.w.merge(r, &t.rows[order[i]])
			if err != nil {
				return err
			}
			*r = merged
		}
		if err := t.put(r); err != nil {
			return err
		}
	}
	t.rows = t.rows[:0]
	return nil
}

// finish writes all that the transaction still holds.
func (t *Tx) finish() error {
	if err := t.flush(); err != nil {
		return err
	}
	if err := t.saveThreads(); err != nil {
		return err
	}
	for _, r := range t.runs {
		if err := t.saveRun(r); err != nil {
			return err
		}
	}
	if err := t.saveStrands(); err != nil {
		return err
	}
	if err := t.saveCells(); err != nil {
		return err
	}
	for agent, n := range t.events {
		if n == 0 {
			continue
		}
		if _, _, err := t.w.conn.exec("UPDATE agent SET events=events+? WHERE id=?", n, agent); err != nil {
			return err
		}
	}
	return nil
}

const (
	insertStrand = "INSERT INTO strand (id, agent, day, session, file, model, project, branch, version, service, flags, claim, first, last, " + sumColumns +
		") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
	growStrand = "UPDATE strand SET first=min(first,?1), last=max(last,?2), n=n+?3, input=input+?4, cread=cread+?5, cw5=cw5+?6, cw1=cw1+?7," +
		" output=output+?8, reason=reason+?9, cost=cost+?10, priced=priced+?11, unpriced=unpriced+?12 WHERE id=?13"
	dropStrand  = "DELETE FROM strand WHERE id=? AND n=0"
	boundStrand = "UPDATE strand SET (first, last) = (SELECT min(ts), max(ts) FROM event WHERE strand=?1) WHERE id=?1"
)

func (t *Tx) saveStrands() error {
	c := t.w.conn
	slices.SortFunc(t.strands, func(a, b *strand) int { return cmp.Compare(a.id, b.id) })
	for _, s := range t.strands {
		if s.created && s.delta.Requests == 0 {
			// Events came and went within the transaction.
			t.w.dropStrand(s)
			continue
		}
		if s.created {
			insert, err := c.prepare(insertStrand)
			if err != nil {
				return err
			}
			for i, n := range [...]int64{s.id, s.agent, s.day, s.session, s.file, s.model, s.project, s.branch, s.version, s.service,
				int64(s.flags), int64(s.claim), s.first, s.last} {
				insert.args[i].Value = n
			}
			bindSums(insert.args[14:], &s.delta)
			if err := insert.write(); err != nil {
				return err
			}
			s.created = false
		} else {
			grow, err := c.prepare(growStrand)
			if err != nil {
				return err
			}
			grow.args[0].Value, grow.args[1].Value = s.first, s.last
			bindSums(grow.args[2:], &s.delta)
			grow.args[12].Value = s.id
			if err := grow.write(); err != nil {
				return err
			}
		}
		if s.recheck {
			dropped, _, err := c.exec(dropStrand, s.id)
			if err != nil {
				return err
			}
			if dropped > 0 {
				t.w.dropStrand(s)
				continue
			}
			if _, _, err := c.exec(boundStrand, s.id); err != nil {
				return err
			}
		}
		s.touched, s.recheck, s.delta = false, false, usage.Counts{}
	}
	return nil
}

func (w *writer) dropStrand(s *strand) {
	delete(w.strands, s.strandKey)
	delete(w.strandIDs, s.id)
	w.recent = nil
}

// saveCells adds the transaction's sums to roll and to day, in the order of their keys.
func (t *Tx) saveCells() error {
	days := map[cell]*usage.Counts{}
	var s span
	for key, sum := range t.cells {
		if key.when != undated {
			if key.when < s.lo || key.when >= s.hi {
				s = spanAt(t.w.zone, key.when)
			}
			key.when = s.day(key.when)
		}
		day, ok := days[key]
		if !ok {
			day = new(usage.Counts)
			days[key] = day
		}
		*day = day.Plus(*sum)
	}
	if err := t.saveSums("roll", "q", t.cells); err != nil {
		return err
	}
	return t.saveSums("day", "d", days)
}

func (t *Tx) saveSums(table, when string, sums map[cell]*usage.Counts) error {
	add, err := t.w.conn.prepare("INSERT INTO " + table + " (" + when + ", agent, model, project, " + sumColumns + ")" +
		" VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET " + addSums)
	if err != nil {
		return err
	}
	drop := "DELETE FROM " + table + " WHERE " + when + "=? AND agent=? AND model=? AND project=? AND n=0"
	keys := make([]cell, 0, len(sums))
	for key, sum := range sums {
		if *sum != (usage.Counts{}) {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b cell) int {
		return cmp.Or(cmp.Compare(a.when, b.when), cmp.Compare(a.agent, b.agent), cmp.Compare(a.model, b.model), cmp.Compare(a.project, b.project))
	})
	for _, key := range keys {
		for i, n := range [...]int64{key.when, key.agent, key.model, key.project} {
			add.args[i].Value = n
		}
		bindSums(add.args[4:], sums[key])
		if err := add.write(); err != nil {
			return err
		}
		if sums[key].Requests >= 0 {
			continue
		}
		if _, _, err := t.w.conn.exec(drop, key.when, key.agent, key.model, key.project); err != nil {
			return err
		}
	}
	return nil
}
