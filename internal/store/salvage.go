package store

import (
	"context"
	"database/sql/driver"
	"fmt"
	"iter"
	"slices"
	"time"

	"tokenmeter/internal/usage"
)

// A damaged database is not mended in place: what it, and a backup, still tell is written
// into a new one. Ids are given anew; events are merged as they are when a log is read, so
// roll-ups come by themselves. Cursors are not taken over: every log that is still there is
// read again, which the keys make harmless. Rows that an earlier Settle moved or removed
// stay so, because a backup only fills in what the damaged file has lost.

// salvageBatch is how many records one transaction takes over.
const salvageBatch = 1 << 15

// rescue fills a new database.
type rescue struct {
	ctx  context.Context
	w    *writer
	step func() error     // called after each transaction
	open map[int64][2]any // threads that were not settled: dirty and unsettled
}

// pour hands records to f, in transactions of a bounded size.
func (r *rescue) pour(records iter.Seq[record], f func(t *Tx, rec record) error) error {
	next, stop := iter.Pull(records)
	defer stop()
	for more := true; more; {
		err := r.w.update(r.ctx, func(t *Tx) error {
			for range salvageBatch {
				var rec record
				if rec, more = next(); !more {
					return nil
				}
				if err := f(t, rec); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if err := r.step(); err != nil {
			return err
		}
	}
	return nil
}

// salvage writes what the damaged file (nil = there is none) and a backup (nil = none, or
// none needed) tell into the database of w. It calls step after each transaction.
func salvage(ctx context.Context, w *writer, damaged, backup *remains, step func() error) error {
	r := &rescue{ctx: ctx, w: w, step: step, open: map[int64][2]any{}}
	var sources []*remains
	for _, m := range []*remains{damaged, backup} {
		if m == nil {
			continue
		}
		sources = append(sources, m)
		if err := r.names(m); err != nil {
			return fmt.Errorf("take over names: %w", err)
		}
	}
	// A backup of the damaged file itself knows the ids that it lost, and which rows.
	kin := damaged != nil && backup != nil && sameHistory(damaged.strings, backup.strings)
	if kin {
		adopt(damaged.agents, backup.agents)
		adopt(damaged.strings, backup.strings)
	}
	for _, step := range []struct {
		what string
		do   func(*remains) error
		kin  func()
	}{
		{"files", r.files, func() { adopt(damaged.files, backup.files) }},
		{"threads", r.threads, func() { adopt(damaged.threads, backup.threads); adopt(damaged.series, backup.series) }},
	} {
		for _, m := range sources {
			if err := step.do(m); err != nil {
				return fmt.Errorf("take over %s: %w", step.what, err)
			}
		}
		if kin {
			step.kin()
		}
	}
	for _, m := range sources {
		if err := r.facts(m); err != nil {
			return fmt.Errorf("take over what was stored: %w", err)
		}
	}
	for _, m := range sources {
		wanted := func(int64) bool { return true }
		if m == backup && kin && !damaged.guessed[shapeEvent.name] {
			wanted = damaged.misses
		}
		if err := r.events(m, wanted); err != nil {
			return fmt.Errorf("take over requests: %w", err)
		}
	}
	if err := r.lineages(damaged, backup != nil); err != nil {
		return fmt.Errorf("take over lineages: %w", err)
	}
	return nil
}

// sameHistory says whether two databases gave their ids out together. Strings are never
// changed, so one difference is enough.
func sameHistory(a, b map[int64]int64) bool {
	common := 0
	for id, name := range b {
		other, ok := a[id]
		if !ok || id == 0 {
			continue
		}
		if other != name {
			return false
		}
		common++
	}
	return common > 0
}

func adopt(to, from map[int64]int64) {
	for id, name := range from {
		if _, ok := to[id]; !ok {
			to[id] = name
		}
	}
}

func (r *rescue) names(m *remains) error {
	err := r.pour(m.records(shapeAgent), func(t *Tx, rec record) error {
		id, err := t.w.agent(usage.AgentID(rec.fields[1].bytes))
		m.agents[rec.rowid] = id
		m.requests += rec.fields[2].n
		return err
	})
	if err == nil && m.broken[shapeAgent.name] {
		m.requests = 0 // not known
		err = r.pour(m.records(shapeAgentKey), func(t *Tx, rec record) error {
			id, err := t.w.agent(usage.AgentID(rec.fields[0].bytes))
			m.agents[rec.fields[1].n] = id
			return err
		})
	}
	if err != nil {
		return err
	}
	err = r.pour(m.records(shapeStr), func(t *Tx, rec record) error {
		id, err := t.w.str(string(rec.fields[1].bytes))
		m.strings[rec.rowid] = id
		return err
	})
	if err != nil || !m.broken[shapeStr.name] {
		return err
	}
	return r.pour(m.records(shapeStrIndex), func(t *Tx, rec record) error {
		id, err := t.w.str(string(rec.fields[0].bytes))
		m.strings[rec.fields[1].n] = id
		return err
	})
}

// files takes over which files there were. They count as not read at all.
func (r *rescue) files(m *remains) error {
	keep := func(t *Tx, id, agent int64, path string, root int64, name string, seen, gone int64) error {
		agent, ok := m.agents[agent]
		if !ok {
			return nil
		}
		c := t.w.conn
		_, _, err := c.exec("INSERT INTO file ("+fileColumns+") VALUES (?,?,?,?,0,0,0,0,0,NULL,NULL,0,?,?) ON CONFLICT DO NOTHING",
			agent, path, m.strings[root], name, seen, gone)
		if err != nil {
			return err
		}
		m.files[id], err = c.number("SELECT id FROM file WHERE path=? AND agent=?", path, agent)
		return err
	}
	err := r.pour(m.records(shapeFile), func(t *Tx, rec record) error {
		f := rec.fields
		return keep(t, rec.rowid, f[1].n, string(f[2].bytes), f[3].n, string(f[4].bytes), f[13].n, f[14].n)
	})
	if err != nil {
		return err
	}
	if m.broken[shapeFile.name] {
		err = r.pour(m.records(shapeFileKey), func(t *Tx, rec record) error {
			f := rec.fields
			if _, ok := m.files[f[2].n]; ok {
				return nil
			}
			return keep(t, f[2].n, f[1].n, string(f[0].bytes), 0, "", 0, 0)
		})
		if err != nil {
			return err
		}
	}
	return r.pour(m.records(shapeSkip), func(t *Tx, rec record) error {
		file, ok := m.files[rec.fields[0].n]
		if !ok {
			return nil
		}
		_, _, err := t.w.conn.exec("INSERT INTO skip (file, reason, n) VALUES (?,?,?) ON CONFLICT DO NOTHING", file, string(rec.fields[1].bytes), rec.fields[2].n)
		return err
	})
}

// threads takes over what ids of threads and of series stand for.
func (r *rescue) threads(m *remains) error {
	keep := func(t *Tx, id, agent, name int64, dirty driver.Value, unsettled int64) error {
		agent, ok := m.agents[agent]
		name, named := m.strings[name]
		if !ok || !named {
			return nil
		}
		c := t.w.conn
		if _, _, err := c.exec("INSERT INTO thread (agent, name, dirty, unsettled) VALUES (?,?,NULL,0) ON CONFLICT DO NOTHING", agent, name); err != nil {
			return err
		}
		thread, err := c.number("SELECT id FROM thread WHERE agent=? AND name=?", agent, name)
		if _, known := r.open[thread]; !known && (dirty != nil || unsettled != 0) {
			r.open[thread] = [2]any{dirty, unsettled}
		}
		m.threads[id] = thread
		return err
	}
	err := r.pour(m.records(shapeThread), func(t *Tx, rec record) error {
		f := rec.fields
		var dirty driver.Value
		if f[3].kind == isInteger {
			dirty = f[3].n
		}
		return keep(t, rec.rowid, f[1].n, f[2].n, dirty, f[4].n)
	})
	if err != nil {
		return err
	}
	if m.broken[shapeThread.name] {
		err = r.pour(m.records(shapeThreadID), func(t *Tx, rec record) error {
			f := rec.fields
			if _, ok := m.threads[f[2].n]; ok {
				return nil
			}
			return keep(t, f[2].n, f[0].n, f[1].n, int64(0), 0)
		})
		if err != nil {
			return err
		}
	}
	series := func(t *Tx, id int64, f []field) error {
		agent, ok := m.agents[f[0].n]
		thread, known := m.threads[f[1].n]
		if !ok || !known {
			return nil
		}
		args := []driver.Value{agent, thread}
		for _, part := range f[2:7] {
			name, ok := m.strings[part.n]
			if !ok {
				return nil
			}
			args = append(args, name)
		}
		args = append(args, f[7].n)
		c := t.w.conn
		_, _, err := c.exec("INSERT INTO series (agent, thread, account, limits, source, plan, reached, minutes) VALUES (?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING", args...)
		if err != nil {
			return err
		}
		m.series[id], err = c.number("SELECT id FROM series WHERE agent=? AND thread=? AND account=? AND limits=? AND source=? AND plan=? AND reached=? AND minutes=?", args...)
		return err
	}
	err = r.pour(m.records(shapeSeries), func(t *Tx, rec record) error { return series(t, rec.rowid, rec.fields[1:]) })
	if err != nil || !m.broken[shapeSeries.name] {
		return err
	}
	return r.pour(m.records(shapeSeriesID), func(t *Tx, rec record) error { return series(t, rec.fields[8].n, rec.fields) })
}

// facts takes over all but the events. Where two sources tell of one thing, the first
// holds.
func (r *rescue) facts(m *remains) error {
	settled := map[int64]bool{}
	threads, err := r.numbers("SELECT DISTINCT thread FROM segment")
	if err != nil {
		return err
	}
	for _, thread := range threads {
		settled[thread] = true
	}
	for _, table := range []struct {
		shape
		insert string
		values func(f []field) []driver.Value // nil: something it refers to is lost
	}{
		{shapeRedirect, "", nil},
		{shapeTwin, "", nil},
		{shapeLineage, "INSERT INTO lineage (thread, file, parents, inherited, exact) VALUES (?,?,?,?,?) ON CONFLICT DO NOTHING", func(f []field) []driver.Value {
			thread, ok := m.threads[f[0].n]
			file, known := m.files[f[1].n]
			if !ok || !known {
				return nil
			}
			return []driver.Value{thread, file, string(f[2].bytes), f[3].n, f[4].n}
		}},
		{shapeMark, "INSERT INTO mark (thread, ordinal, print, row, time) VALUES (?,?,?,?,?) ON CONFLICT DO NOTHING", func(f []field) []driver.Value {
			thread, ok := m.threads[f[0].n]
			if !ok {
				return nil
			}
			return []driver.Value{thread, f[1].n, f[2].n, f[3].n, f[4].n}
		}},
		{shapeSegment, "INSERT INTO segment (thread, first, rows, owner, known) VALUES (?,?,?,?,?) ON CONFLICT DO NOTHING", func(f []field) []driver.Value {
			thread, ok := m.threads[f[0].n]
			owner, known := m.strings[f[3].n]
			if !ok || !known || settled[thread] {
				return nil
			}
			return []driver.Value{thread, f[1].n, f[2].n, owner, f[4].n}
		}},
		{shapeSession, "INSERT INTO session (agent, id, project, branch, version, model, parent, context_tokens, context_window, time)" +
			" VALUES (?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING", func(f []field) []driver.Value {
			agent, ok := m.agents[f[0].n]
			id, known := m.strings[f[1].n]
			if !ok || !known {
				return nil
			}
			values := []driver.Value{agent, id}
			for _, part := range f[2:7] {
				values = append(values, m.strings[part.n]) // 0 where it is lost: not told
			}
			return append(values, f[7].n, f[8].n, f[9].n)
		}},
		{shapeSample, "INSERT INTO sample (series, begin, finish, first, last, used, resets) VALUES (?,?,?,?,?,?,?) ON CONFLICT DO NOTHING", func(f []field) []driver.Value {
			series, ok := m.series[f[0].n]
			if !ok {
				return nil
			}
			return []driver.Value{series, f[1].n, f[2].n, f[3].n, f[4].n, f[5].float(), f[6].n}
		}},
		{shapeBill, insertBill + " ON CONFLICT DO NOTHING", func(f []field) []driver.Value {
			agent, ok := m.agents[f[0].n]
			session, known := m.strings[f[1].n]
			model, named := m.strings[f[2].n]
			if !ok || !known || !named {
				return nil
			}
			values := []driver.Value{agent, session, model}
			for _, number := range f[3:] {
				values = append(values, number.n)
			}
			return values
		}},
		{shapeForecast, insertForecast + " WHERE true ON CONFLICT DO NOTHING", func(f []field) []driver.Value {
			agent, ok := m.agents[f[0].n]
			account, known := m.strings[f[2].n]
			limit, named := m.strings[f[3].n]
			model, told := m.strings[f[5].n]
			if !ok || !known || !named || !told {
				return nil
			}
			values := []driver.Value{agent, f[1].n, account, limit, f[4].n, model, f[6].n}
			for _, figure := range f[7:] {
				values = append(values, figure.float())
			}
			return values
		}},
	} {
		insert := table.insert
		if table.values == nil { // tables of a key and another one
			insert = "INSERT INTO " + table.name + " VALUES (?,?) ON CONFLICT DO NOTHING"
		}
		err := r.pour(m.records(table.shape), func(t *Tx, rec record) error {
			values := []driver.Value{rec.rowid, int64(0)}
			if table.values == nil {
				values[1] = rec.fields[1].n
			} else if values = table.values(rec.fields); values == nil {
				return nil
			}
			_, _, err := t.w.conn.exec(insert, values...)
			return err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", table.name, err)
		}
	}
	return nil
}

// events takes over the wanted events. One whose strand is lost has neither a day nor an
// agent: it is left to the backup, or to its log.
func (r *rescue) events(m *remains, wanted func(rowid int64) bool) error {
	for rec := range m.records(shapeStrand) {
		m.strand(rec.rowid, rec.fields[1:])
	}
	if m.broken[shapeStrand.name] {
		for rec := range m.records(shapeStrandID) {
			m.strand(rec.fields[11].n, rec.fields)
		}
	}
	err := r.pour(m.records(shapeEvent), func(t *Tx, rec record) error {
		if !wanted(rec.rowid) {
			return nil
		}
		key, ok := m.strands[rec.fields[1].n]
		if !ok {
			m.lose(rec.rowid)
			return nil
		}
		s, err := t.w.strandFor(key)
		if err != nil {
			return err
		}
		restored := m.event(rec.fields, s)
		if restored.key, err = t.resolve(restored.key); err != nil {
			return err
		}
		t.rows = append(t.rows, restored)
		return nil
	})
	m.lost = joined(m.lost)
	return err
}

// strandFor returns the strand with a key, making one if need be.
func (w *writer) strandFor(key strandKey) (*strand, error) {
	if s, ok := w.strands[key]; ok {
		return s, nil
	}
	s := &strand{strandKey: key, shared: usage.Event{Flags: key.flags, Claim: key.claim}}
	var err error
	if s.shared.Agent, err = w.agentName(key.agent); err != nil {
		return nil, err
	}
	for _, part := range []struct {
		id int64
		s  *string
	}{
		{key.session, &s.shared.Session}, {key.model, &s.shared.Model}, {key.project, &s.shared.Project},
		{key.branch, &s.shared.Branch}, {key.version, &s.shared.Version}, {key.service, &s.shared.Service},
	} {
		if *part.s, err = w.name(part.id); err != nil {
			return nil, err
		}
	}
	if err := w.identify(s); err != nil {
		return nil, err
	}
	w.strands[key], w.strandIDs[s.id] = s, s
	return s, nil
}

// numbers are the first columns of an answer of the new database.
func (r *rescue) numbers(query string) (list []int64, err error) {
	err = r.w.conn.each(query, func(v []driver.Value) error { list = append(list, integer(v[0])); return nil })
	return list, err
}

// lineages makes the facts of threads agree, and marks for asking what cannot be known.
func (r *rescue) lineages(damaged *remains, withBackup bool) error {
	// each calls f for the threads of a query, some in a transaction.
	each := func(query string, f func(t *Tx, th *thread) error) error {
		ids, err := r.numbers(query)
		if err != nil {
			return err
		}
		for some := range slices.Chunk(ids, 256) {
			err := r.w.update(r.ctx, func(t *Tx) error {
				for _, id := range some {
					v, err := t.w.conn.first("SELECT agent, name FROM thread WHERE id=?", id)
					if err != nil {
						return err
					}
					agentID, nameID := integer(v[0]), integer(v[1])
					agent, err := t.w.agentName(agentID)
					if err != nil {
						return err
					}
					name, err := t.w.name(nameID)
					if err != nil {
						return err
					}
					th, err := t.thread(agent, name)
					if err != nil {
						return err
					}
					if err := f(t, th); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	}
	err := each("SELECT DISTINCT thread FROM lineage", func(t *Tx, th *thread) error { return t.saveParents(th) })
	if err != nil {
		return err
	}
	if withBackup {
		// What had been given to its owner since the backup may be back.
		err := each("SELECT DISTINCT thread FROM segment", func(t *Tx, th *thread) error { return t.settle(th.name.agent, th.name.name, th.segments) })
		if err != nil {
			return err
		}
	}
	if damaged != nil && len(damaged.lost) > 0 {
		// What a thread's owner has lost, a copy in another log may tell again.
		err := each("SELECT DISTINCT thread FROM segment WHERE known", func(t *Tx, th *thread) error { return t.lendLost(th) })
		if err != nil {
			return err
		}
	}
	return r.w.update(r.ctx, func(t *Tx) error {
		c := t.w.conn
		if damaged == nil || damaged.broken[shapeMark.name] {
			// Rows of a thread that are lost may live on in a copy that another one has; else
			// that one would count them as its own when it is asked again.
			_, _, err := c.exec("INSERT INTO mark (thread, ordinal, print, row, time)" +
				" SELECT o.id, m.ordinal, m.print, m.row, m.time FROM segment s JOIN thread h ON h.id=s.thread" +
				" JOIN thread o ON o.agent=h.agent AND o.name=s.owner JOIN mark m ON m.thread=s.thread AND m.ordinal<s.first+s.rows" +
				" WHERE s.known ON CONFLICT DO NOTHING")
			if err != nil {
				return err
			}
		}
		if damaged != nil && (damaged.broken[shapeSegment.name] || damaged.broken[shapeThread.name]) {
			if _, _, err := c.exec("UPDATE thread SET unsettled=1 WHERE (agent, name) IN (SELECT agent, child FROM parent)"); err != nil {
				return err
			}
		}
		for id, state := range r.open {
			if _, _, err := c.exec("UPDATE thread SET dirty=?, unsettled=max(unsettled, ?) WHERE id=?", state[0], state[1], id); err != nil {
				return err
			}
		}
		return nil
	})
}

// lendLost treats the owners of a thread's rows as missing where rows of theirs are, so that
// the thread's own log brings these back without a date. Rows that are there stay dated.
func (t *Tx) lendLost(th *thread) error {
	segments, first, changed := slices.Clone(th.segments), 0, false
	for i := range segments {
		s := &segments[i]
		if s.Known {
			var rows []uint64
			err := t.w.conn.each("SELECT row FROM mark WHERE thread=? AND ordinal>=? AND ordinal<? AND row<>0", func(v []driver.Value) error {
				rows = append(rows, uint64(integer(v[0])))
				return nil
			}, th.id, int64(first), int64(first+s.Rows))
			if err != nil {
				return err
			}
			for _, row := range rows {
				v, err := t.w.conn.first("SELECT 1 FROM event WHERE key=?", storedKey(th.name.agent, usage.RowKey(s.Owner, row)))
				if err != nil {
					return err
				}
				if v == nil {
					s.Known, changed = false, true
					break
				}
			}
		}
		first += s.Rows
	}
	if !changed {
		return nil
	}
	return t.saveSegments(th, segments)
}

// newDatabase makes the database that is filled, and says where its trees begin.
func newDatabase(ctx context.Context, path string, zone *time.Location) (*writer, map[string]uint32, error) {
	if err := createPrivate(path); err != nil {
		return nil, nil, err
	}
	c, err := connect(dsn(path, "mode=rw&_txlock=immediate&_mutex=no&_sync=0", cacheIdle))
	if err != nil {
		return nil, nil, err
	}
	roots := map[string]uint32{}
	_, err = prepareSchema(c)
	if err == nil {
		err = c.each("SELECT name, rootpage FROM sqlite_schema", func(v []driver.Value) error {
			roots[text(v[0])] = uint32(integer(v[1]))
			return nil
		})
	}
	var w *writer
	if err == nil {
		w, err = newWriter(ctx, c, zone, nil)
	}
	if err != nil {
		c.close()
		return nil, nil, err
	}
	return w, roots, nil
}
