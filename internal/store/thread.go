package store

import (
	"cmp"
	"database/sql/driver"
	"slices"
	"strings"

	"tokenmeter/internal/usage"
)

type threadName struct {
	agent usage.AgentID
	name  string
}

// thread is a row of the table of that name, with the segments that the last Settle gave.
type thread struct {
	id, agent int64
	nameID    int64
	name      threadName
	segments  []usage.Segment
	// dirty is the lowest row written since the family was last asked, or clean.
	dirty int64
	// unsettled: its lineage has to be asked again. storedOpen: the table says so.
	unsettled, storedOpen bool
}

const clean = -1

// inherited is how many leading rows belong to others.
func inherited(segments []usage.Segment) int {
	n := 0
	for _, s := range segments {
		n += s.Rows
	}
	return n
}

// owner says whose a row is; own = the thread's.
func owner(segments []usage.Segment, ordinal int) (s usage.Segment, own bool) {
	for _, s := range segments {
		if ordinal < s.Rows {
			return s, false
		}
		ordinal -= s.Rows
	}
	return usage.Segment{}, true
}

// thread looks a thread up, making it if need be.
func (t *Tx) thread(agent usage.AgentID, name string) (*thread, error) {
	key := threadName{agent, name}
	if th, ok := t.threads[key]; ok {
		return th, nil
	}
	w := t.w
	th := &thread{name: key, dirty: clean}
	var err error
	if th.agent, err = w.agent(agent); err != nil {
		return nil, err
	}
	if th.nameID, err = w.str(name); err != nil {
		return nil, err
	}
	v, err := w.conn.first("SELECT id, unsettled FROM thread WHERE agent=? AND name=?", th.agent, th.nameID)
	if err != nil {
		return nil, err
	}
	if v == nil {
		_, th.id, err = w.conn.exec("INSERT INTO thread (agent, name, dirty, unsettled) VALUES (?, ?, NULL, 0)", th.agent, th.nameID)
		if err != nil {
			return nil, err
		}
		th.dirty = 0 // its children may have waited for it
	} else {
		th.id, th.storedOpen = integer(v[0]), integer(v[1]) != 0
		th.unsettled = th.storedOpen
		if th.segments, err = w.segments(th.id); err != nil {
			return nil, err
		}
	}
	t.threads[key] = th
	return th, nil
}

func (w *writer) segments(thread int64) ([]usage.Segment, error) {
	var found []usage.Segment
	err := w.conn.each("SELECT s.s, segment.rows, segment.known FROM segment JOIN str s ON s.id=segment.owner WHERE thread=? ORDER BY first",
		func(v []driver.Value) error {
			found = append(found, usage.Segment{Owner: text(v[0]), Rows: int(integer(v[1])), Known: integer(v[2]) != 0})
			return nil
		}, thread)
	return found, err
}

func (th *thread) touch(ordinal int64) {
	if th.dirty == clean || ordinal < th.dirty {
		th.dirty = ordinal
	}
}

// writeThread keeps what one file says of a thread's lineage.
func (t *Tx) writeThread(agent usage.AgentID, file int64, f *usage.Thread) error {
	th, err := t.thread(agent, f.ID)
	if err != nil {
		return err
	}
	parents, exact := strings.Join(f.Parents, "\n"), int64(0)
	if f.Exact {
		exact = 1
	}
	v, err := t.w.conn.first("SELECT parents, inherited, exact FROM lineage WHERE thread=? AND file=?", th.id, file)
	if err != nil {
		return err
	}
	if v != nil && text(v[0]) == parents && integer(v[1]) == int64(f.Inherited) && integer(v[2]) == exact {
		return nil
	}
	_, _, err = t.w.conn.exec("INSERT INTO lineage (thread, file, parents, inherited, exact) VALUES (?,?,?,?,?)"+
		" ON CONFLICT DO UPDATE SET parents=excluded.parents, inherited=excluded.inherited, exact=excluded.exact",
		th.id, file, parents, int64(f.Inherited), exact)
	if err != nil {
		return err
	}
	th.touch(0)
	return t.saveParents(th)
}

// saveParents writes the ancestors that the files of a thread name together.
func (t *Tx) saveParents(th *thread) error {
	facts, err := t.w.lineage(th)
	if err != nil {
		return err
	}
	c := t.w.conn
	var stored []int64
	err = c.each("SELECT name FROM parent WHERE agent=? AND child=? ORDER BY position", func(v []driver.Value) error {
		stored = append(stored, integer(v[0]))
		return nil
	}, th.agent, th.nameID)
	if err != nil {
		return err
	}
	var named []int64
	for _, parent := range facts.Parents {
		id, err := t.w.str(parent)
		if err != nil {
			return err
		}
		named = append(named, id)
	}
	if slices.Equal(stored, named) {
		return nil
	}
	if _, _, err := c.exec("DELETE FROM parent WHERE agent=? AND child=?", th.agent, th.nameID); err != nil {
		return err
	}
	for i, id := range named {
		if _, _, err := c.exec("INSERT INTO parent (agent, child, position, name) VALUES (?,?,?,?)", th.agent, th.nameID, int64(i), id); err != nil {
			return err
		}
	}
	return nil
}

// lineage joins what the files of a thread say: an exact finding holds, else the largest;
// the longest list of parents holds.
func (w *writer) lineage(th *thread) (usage.Thread, error) {
	joined := usage.Thread{Agent: th.name.agent, ID: th.name.name}
	err := w.conn.each("SELECT parents, inherited, exact FROM lineage WHERE thread=? ORDER BY parents", func(v []driver.Value) error {
		if parents := text(v[0]); parents != "" {
			if names := strings.Split(parents, "\n"); len(names) > len(joined.Parents) {
				joined.Parents = names
			}
		}
		found, exact := int(integer(v[1])), integer(v[2]) != 0
		switch {
		case exact && !joined.Exact:
			joined.Inherited, joined.Exact = found, true
		case exact == joined.Exact:
			joined.Inherited = max(joined.Inherited, found)
		}
		return nil
	}, th.id)
	return joined, err
}

// writeMark keeps a row of a thread. Two files of one thread normally agree; if not, the
// earlier reading holds, whichever came first.
func (t *Tx) writeMark(agent usage.AgentID, m *usage.Mark) error {
	th, err := t.thread(agent, m.Thread)
	if err != nil {
		return err
	}
	c := t.w.conn
	const insert = "INSERT INTO mark (thread, ordinal, print, row, time) VALUES (?,?,?,?,?)"
	ordinal := int64(m.Ordinal)
	mark, err := c.prepare(insert)
	if err != nil {
		return err
	}
	bind := func(s *statement) {
		for i, n := range [...]int64{th.id, ordinal, int64(m.Print), int64(m.Row), int64(m.Time)} {
			s.args[i].Value = n
		}
	}
	bind(mark)
	taken, err := mark.insert()
	if err != nil {
		return err
	}
	if taken {
		v, err := c.first("SELECT print, row, time FROM mark WHERE thread=? AND ordinal=?", th.id, ordinal)
		if err != nil || v == nil {
			return err
		}
		if cmp.Or(cmp.Compare(int64(m.Time), integer(v[2])), cmp.Compare(int64(m.Print), integer(v[0])), cmp.Compare(int64(m.Row), integer(v[1]))) >= 0 {
			return nil
		}
		update, err := c.prepare("UPDATE mark SET print=?3, row=?4, time=?5 WHERE thread=?1 AND ordinal=?2")
		if err != nil {
			return err
		}
		bind(update)
		if err := update.write(); err != nil {
			return err
		}
	}
	th.touch(ordinal)
	return nil
}

// saveThreads writes what Unsettled and Settle have not been asked about, so that the next
// transaction, or the next process, goes on from there.
func (t *Tx) saveThreads() error {
	for _, th := range t.threads {
		if th.dirty != clean {
			_, _, err := t.w.conn.exec("UPDATE thread SET dirty=min(coalesce(dirty, ?1), ?1) WHERE id=?2", th.dirty, th.id)
			if err != nil {
				return err
			}
		}
		if th.unsettled != th.storedOpen {
			open := int64(0)
			if th.unsettled {
				open = 1
			}
			if _, _, err := t.w.conn.exec("UPDATE thread SET unsettled=? WHERE id=?", open, th.id); err != nil {
				return err
			}
		}
	}
	return nil
}
