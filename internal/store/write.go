package store

import (
	"bytes"
	"cmp"
	"database/sql/driver"
	"fmt"

	"tokenmeter/internal/usage"
)

// Write stores a chunk: events are merged with what is there, roll-ups follow, the file's
// cursor moves. Events of rows that an earlier Settle gave to another thread stay so. The
// chunk may be used again after the call.
func (t *Tx) Write(c *Chunk) error {
	if err := t.ctx.Err(); err != nil {
		return err
	}
	var file int64
	var agent usage.AgentID
	if c.File != nil {
		if err := t.saveFile(c.File); err != nil {
			return fmt.Errorf("write file %s: %w", c.File.Path, err)
		}
		file, agent = c.File.ID, c.File.Agent
	}
	for i := range c.Threads {
		if err := t.writeThread(cmp.Or(c.Threads[i].Agent, agent), file, &c.Threads[i]); err != nil {
			return fmt.Errorf("write thread: %w", err)
		}
	}
	for i := range c.Marks {
		if err := t.writeMark(agent, &c.Marks[i]); err != nil {
			return fmt.Errorf("write mark: %w", err)
		}
	}
	for i := range c.Events {
		if err := t.writeEvent(cmp.Or(c.Events[i].Agent, agent), file, c.Events[i]); err != nil {
			return fmt.Errorf("write event: %w", err)
		}
	}
	for i := range c.Sessions {
		if err := t.writeSession(cmp.Or(c.Sessions[i].Agent, agent), &c.Sessions[i]); err != nil {
			return fmt.Errorf("write session: %w", err)
		}
	}
	for i := range c.Bills {
		if err := t.writeBill(cmp.Or(c.Bills[i].Agent, agent), c.Bills[i]); err != nil {
			return fmt.Errorf("write the agent's own sum: %w", err)
		}
	}
	for i := range c.Samples {
		if err := t.writeSample(cmp.Or(c.Samples[i].Agent, agent), &c.Samples[i]); err != nil {
			return fmt.Errorf("write sample: %w", err)
		}
	}
	if len(t.rows) >= maxRows {
		return t.flush()
	}
	return nil
}

func (t *Tx) writeEvent(name usage.AgentID, file int64, e usage.Event) error {
	agent, err := t.w.agent(name)
	if err != nil {
		return err
	}
	sane(&e)
	if e.Thread != "" {
		kept, err := t.place(name, agent, &e)
		if err != nil || !kept {
			return err
		}
	}
	key, err := t.identity(name, &e)
	if err != nil {
		return err
	}
	r, err := t.w.rowOf(&e, agent, file, key)
	if err != nil {
		return err
	}
	t.rows = append(t.rows, r)
	return nil
}

// maxCount bounds a counter of one request, far beyond any real one, so that no damaged
// line can make a sum overflow.
const maxCount = 1 << 40

// sane clamps what no real request can hold. Before 1970 there are no logs, only clocks
// that were wrong.
func sane(e *usage.Event) {
	e.Time = max(e.Time, 0)
	for _, n := range []*int64{&e.Input, &e.CacheRead, &e.CacheWrite5m, &e.CacheWrite1h, &e.Output, &e.Reasoning, &e.WebSearches} {
		*n = min(max(*n, 0), maxCount)
	}
}

// identity is the key under which an event is stored, after all that is known of twins.
func (t *Tx) identity(agent usage.AgentID, e *usage.Event) (int64, error) {
	key, err := t.resolve(storedKey(agent, e.Key))
	if err != nil || e.Twin == 0 {
		return key, err
	}
	twin := storedKey(agent, e.Twin)
	v, err := t.w.conn.first("SELECT key FROM twin WHERE twin=?", twin)
	if err != nil {
		return 0, err
	}
	if v == nil {
		_, _, err := t.w.conn.exec("INSERT INTO twin (twin, key) VALUES (?, ?)", twin, key)
		return key, err
	}
	other, err := t.resolve(integer(v[0]))
	if err != nil || other == key {
		return key, err
	}
	// The smaller key stays, so that the order of arrival leaves no trace.
	target, gone := min(key, other), max(key, other)
	if _, _, err := t.w.conn.exec("INSERT INTO redirect (key, target) VALUES (?, ?)", gone, target); err != nil {
		return 0, err
	}
	// The twin leads to the row itself, so that a lost redirect is found again.
	if _, _, err := t.w.conn.exec("UPDATE twin SET key=? WHERE twin=?", target, twin); err != nil {
		return 0, err
	}
	t.w.redirects = true
	t.moved[gone] = target
	return target, nil
}

// resolve follows redirects. Each leads to a smaller key, so there is no circle.
func (t *Tx) resolve(key int64) (int64, error) {
	for t.w.redirects {
		v, err := t.w.conn.first("SELECT target FROM redirect WHERE key=?", key)
		if err != nil {
			return 0, err
		}
		if v == nil {
			break
		}
		key = integer(v[0])
	}
	return key, nil
}

// union takes back the events stored under keys that were redirected in this transaction,
// to be written again under their new ones.
func (t *Tx) union() error {
	if len(t.moved) == 0 {
		return nil
	}
	for gone := range t.moved {
		r, err := t.take(gone)
		if err != nil {
			return err
		}
		if r != nil {
			t.rows = append(t.rows, *r)
		}
	}
	for i := range t.rows {
		for {
			target, ok := t.moved[t.rows[i].key]
			if !ok {
				break
			}
			t.rows[i].key = target
		}
	}
	clear(t.moved)
	return nil
}

const fileColumns = "agent, path, root, name, device, inode, size, modified, offset, state, tail, revision, seen, gone"

// saveFile writes what is known of a file and fills in its id. A file is known by its
// agent and path, whatever id the caller has.
func (t *Tx) saveFile(f *File) error {
	w := t.w
	agent, err := w.agent(f.Agent)
	if err != nil {
		return err
	}
	root, err := w.str(f.Root)
	if err != nil {
		return err
	}
	gone := int64(0)
	if f.Gone {
		gone = 1
	}
	v, err := w.conn.first("SELECT id, root, name, device, inode, size, modified, offset, state, tail, revision, seen, gone"+
		" FROM file WHERE path=? AND agent=?", f.Path, agent)
	if err != nil {
		return err
	}
	switch {
	case v != nil:
		f.ID = integer(v[0])
		if integer(v[1]) == root && text(v[2]) == f.Name && uint64(integer(v[3])) == f.Device && uint64(integer(v[4])) == f.Inode &&
			integer(v[5]) == f.Size && integer(v[6]) == f.Modified && integer(v[7]) == f.Offset && bytes.Equal(blob(v[8]), f.State) &&
			bytes.Equal(blob(v[9]), f.Tail) && integer(v[10]) == int64(f.Revision) && integer(v[11]) == int64(f.Seen) && integer(v[12]) == gone {
			break
		}
		_, _, err = w.conn.exec("UPDATE file SET ("+fileColumns+")=(?,?,?,?,?,?,?,?,?,?,?,?,?,?) WHERE id=?",
			agent, f.Path, root, f.Name, int64(f.Device), int64(f.Inode), f.Size, f.Modified, f.Offset, f.State, f.Tail,
			int64(f.Revision), int64(f.Seen), gone, f.ID)
	default:
		// An id with another path: the file was renamed.
		changed := int64(0)
		if f.ID != 0 {
			changed, _, err = w.conn.exec("UPDATE file SET ("+fileColumns+")=(?,?,?,?,?,?,?,?,?,?,?,?,?,?) WHERE id=?",
				agent, f.Path, root, f.Name, int64(f.Device), int64(f.Inode), f.Size, f.Modified, f.Offset, f.State, f.Tail,
				int64(f.Revision), int64(f.Seen), gone, f.ID)
		}
		if err == nil && changed == 0 {
			_, f.ID, err = w.conn.exec("INSERT INTO file ("+fileColumns+") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
				agent, f.Path, root, f.Name, int64(f.Device), int64(f.Inode), f.Size, f.Modified, f.Offset, f.State, f.Tail,
				int64(f.Revision), int64(f.Seen), gone)
		}
	}
	if err != nil {
		return err
	}
	return t.saveSkips(f)
}

// saveSkips makes the stored counts equal to the file's.
func (t *Tx) saveSkips(f *File) error {
	stored, err := t.w.skips(f.ID)
	if err != nil {
		return err
	}
	for reason, n := range f.Skipped {
		if n == stored[reason] {
			continue
		}
		_, _, err := t.w.conn.exec("INSERT INTO skip (file, reason, n) VALUES (?,?,?) ON CONFLICT DO UPDATE SET n=excluded.n", f.ID, string(reason), n)
		if err != nil {
			return err
		}
	}
	for reason := range stored {
		if f.Skipped[reason] != 0 {
			continue
		}
		if _, _, err := t.w.conn.exec("DELETE FROM skip WHERE file=? AND reason=?", f.ID, string(reason)); err != nil {
			return err
		}
	}
	return nil
}

// Gone notes that files are no longer there. What they told stays.
func (t *Tx) Gone(ids []int64) error {
	for _, id := range ids {
		if _, _, err := t.w.conn.exec("UPDATE file SET gone=1 WHERE id=? AND gone=0", id); err != nil {
			return fmt.Errorf("note file %d as gone: %w", id, err)
		}
	}
	return nil
}

// writeSession keeps the newest of what is told of a session; where the newest says
// nothing, what an older line said stays.
func (t *Tx) writeSession(name usage.AgentID, s *usage.Session) error {
	w := t.w
	agent, err := w.agent(name)
	if err != nil {
		return err
	}
	var told [9]int64 // project, branch, version, model, parent, tokens, window, time; id last
	for i, part := range []string{s.Project, s.Branch, s.Version, s.Model, s.Parent} {
		if told[i], err = w.str(part); err != nil {
			return err
		}
	}
	told[5], told[6], told[7] = s.ContextTokens, s.ContextWindow, int64(s.Time)
	if told[8], err = w.str(s.ID); err != nil {
		return err
	}
	v, err := w.conn.first("SELECT project, branch, version, model, parent, context_tokens, context_window, time FROM session WHERE agent=? AND id=?", agent, told[8])
	if err != nil {
		return err
	}
	if v != nil {
		var old [9]int64
		for i := range v {
			old[i] = integer(v[i])
		}
		old[8] = told[8]
		newer, older := &told, &old
		if old[7] > told[7] {
			newer, older = &old, &told
		}
		merged := *newer
		for i := range merged {
			if merged[i] == 0 {
				merged[i] = older[i]
			}
		}
		if merged == old {
			return nil
		}
		told = merged
	}
	_, _, err = w.conn.exec("INSERT INTO session (agent, project, branch, version, model, parent, context_tokens, context_window, time, id)"+
		" VALUES (?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET project=excluded.project, branch=excluded.branch, version=excluded.version,"+
		" model=excluded.model, parent=excluded.parent, context_tokens=excluded.context_tokens, context_window=excluded.context_window, time=excluded.time",
		agent, told[0], told[1], told[2], told[3], told[4], told[5], told[6], told[7], told[8])
	return err
}

// skips are the stored counts of a file.
func (w *writer) skips(file int64) (map[usage.Reason]int64, error) {
	found := map[usage.Reason]int64{}
	err := w.conn.each("SELECT reason, n FROM skip WHERE file=?", func(v []driver.Value) error {
		found[usage.Reason(text(v[0]))] = integer(v[1])
		return nil
	}, file)
	return found, err
}
