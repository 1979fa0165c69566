package store

import (
	"database/sql/driver"
	"fmt"
	"slices"

	"tokenmeter/internal/usage"
)

// A row of a thread is in one of three places:
//   - its own: under RowKey(thread, row), dated;
//   - known: the owner's log has it, nothing is kept for the copy;
//   - lent: the owner's log is missing; one row under RowKey(owner, row) stands for it and
//     for the copies that other threads have, without a date, until that log turns up.

// place puts an event where its row belongs. kept is false if it is not to be written.
func (t *Tx) place(agent usage.AgentID, id int64, e *usage.Event) (kept bool, err error) {
	th, err := t.thread(agent, e.Thread)
	if err != nil {
		return false, err
	}
	s, own := owner(th.segments, e.Ordinal)
	if own {
		return true, nil
	}
	if s.Known {
		return false, nil
	}
	v, err := t.w.conn.first("SELECT row FROM mark WHERE thread=? AND ordinal=?", th.id, int64(e.Ordinal))
	if err != nil {
		return false, err
	}
	if v == nil || integer(v[0]) == 0 {
		th.touch(int64(e.Ordinal)) // its mark is still to come; Settle will find the event
		return true, nil
	}
	lend(e, s.Owner)
	e.Key = usage.RowKey(s.Owner, uint64(integer(v[0])))
	return true, nil
}

// lend makes of a copied row the undated row of its missing owner.
func lend(e *usage.Event, owner string) {
	e.Time, e.CountedAt, e.ClaimedAt = 0, 0, 0
	e.Flags = e.Flags&^(usage.TimeGuessed|usage.TimeSeen) | usage.Inherited
	e.Session, e.Thread = owner, owner
}

// Settle gives the leading rows of a thread to their owners.
func (t *Tx) Settle(agent usage.AgentID, name string, segments []usage.Segment) error {
	if err := t.settle(agent, name, segments); err != nil {
		return fmt.Errorf("settle thread %s: %w", name, err)
	}
	return nil
}

func (t *Tx) settle(agent usage.AgentID, name string, segments []usage.Segment) error {
	if err := t.flush(); err != nil {
		return err
	}
	th, err := t.thread(agent, name)
	if err != nil {
		return err
	}
	segments = slices.DeleteFunc(slices.Clone(segments), func(s usage.Segment) bool { return s.Rows <= 0 || s.Owner == name })
	old := th.segments
	if !slices.Equal(old, segments) {
		if err := t.saveSegments(th, segments); err != nil {
			return err
		}
	}
	th.segments, th.dirty, th.unsettled = segments, clean, false

	// The rows are gathered first: moving one uses the same tables.
	var marks []usage.Mark
	limit := max(inherited(old), inherited(segments))
	err = t.w.conn.each("SELECT ordinal, row, time FROM mark WHERE thread=? AND ordinal<? AND row<>0 ORDER BY ordinal", func(v []driver.Value) error {
		marks = append(marks, usage.Mark{Ordinal: int(integer(v[0])), Row: uint64(integer(v[1])), Time: usage.Millis(integer(v[2]))})
		return nil
	}, th.id, int64(limit))
	if err != nil {
		return err
	}
	seen := make(map[uint64]bool, len(marks))
	for _, m := range marks {
		if seen[m.Row] {
			continue // a repeat of an earlier row; the first one decides
		}
		seen[m.Row] = true
		from, wasOwn := owner(old, m.Ordinal)
		to, isOwn := owner(segments, m.Ordinal)
		if err := t.move(th, m, from, wasOwn, to, isOwn); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tx) saveSegments(th *thread, segments []usage.Segment) error {
	if _, _, err := t.w.conn.exec("DELETE FROM segment WHERE thread=?", th.id); err != nil {
		return err
	}
	first := 0
	for _, s := range segments {
		owner, err := t.w.str(s.Owner)
		if err != nil {
			return err
		}
		known := int64(0)
		if s.Known {
			known = 1
		}
		_, _, err = t.w.conn.exec("INSERT INTO segment (thread, first, rows, owner, known) VALUES (?,?,?,?,?)",
			th.id, int64(first), int64(s.Rows), owner, known)
		if err != nil {
			return err
		}
		first += s.Rows
	}
	return nil
}

// move brings one row of a thread from where it was to where it belongs. It looks instead
// of trusting: whatever state the row is in, it ends in the right one.
func (t *Tx) move(th *thread, m usage.Mark, from usage.Segment, wasOwn bool, to usage.Segment, isOwn bool) error {
	agent := th.name.agent
	ownKey := storedKey(agent, usage.RowKey(th.name.name, m.Row))
	switch {
	case isOwn:
		own, err := t.w.load(ownKey)
		if err != nil || own != nil || wasOwn {
			return err
		}
		copied, err := t.w.load(storedKey(agent, usage.RowKey(from.Owner, m.Row)))
		if err != nil || copied == nil {
			return err
		}
		if err := t.takeBack(th, m, copied, ownKey); err != nil {
			return err
		}
	case to.Known:
		if _, err := t.take(ownKey); err != nil {
			return err
		}
	default:
		lentKey := storedKey(agent, usage.RowKey(to.Owner, m.Row))
		r, err := t.take(ownKey)
		if err != nil {
			return err
		}
		if r == nil && !wasOwn && from.Owner != to.Owner {
			// Never this thread's own, but known under another owner.
			present, err := t.w.load(lentKey)
			if err != nil {
				return err
			}
			if present == nil {
				if r, err = t.w.load(storedKey(agent, usage.RowKey(from.Owner, m.Row))); err != nil {
					return err
				}
			}
		}
		if r != nil {
			if err := t.lendRow(r, to.Owner, lentKey, m.Ordinal); err != nil {
				return err
			}
		}
	}
	if !wasOwn && !from.Known && (isOwn || to.Known || to.Owner != from.Owner) {
		return t.release(th, m.Row, from.Owner)
	}
	return nil
}

// lendRow stores a row under the key of its missing owner.
func (t *Tx) lendRow(r *row, owner string, key int64, ordinal int) error {
	e, err := t.w.event(r)
	if err != nil {
		return err
	}
	lend(&e, owner)
	e.Ordinal = ordinal
	lent, err := t.w.rowOf(&e, r.strand.agent, r.strand.file, key)
	if err != nil {
		return err
	}
	return t.put(&lent)
}

// takeBack makes of another's row the thread's own, dated as its mark says.
func (t *Tx) takeBack(th *thread, m usage.Mark, copied *row, key int64) error {
	e, err := t.w.event(copied)
	if err != nil {
		return err
	}
	e.Time, e.CountedAt, e.ClaimedAt = max(m.Time, 0), 0, 0
	e.Flags &^= usage.Inherited
	e.Session, e.Thread, e.Ordinal = th.name.name, th.name.name, m.Ordinal
	own, err := t.w.rowOf(&e, th.agent, copied.strand.file, key)
	if err != nil {
		return err
	}
	return t.put(&own)
}

// release gives up a thread's claim on a lent row. Without another claim, and without the
// owner's own reading, nothing is left that tells of it.
func (t *Tx) release(th *thread, row uint64, owner string) error {
	key := storedKey(th.name.agent, usage.RowKey(owner, row))
	lent, err := t.w.load(key)
	if err != nil || lent == nil || lent.time != 0 || lent.strand.flags&usage.Inherited == 0 {
		return err
	}
	ownerID, err := t.w.str(owner)
	if err != nil {
		return err
	}
	v, err := t.w.conn.first("SELECT 1 FROM segment s JOIN thread h ON h.id=s.thread JOIN mark m ON m.thread=s.thread AND m.ordinal>=s.first AND m.ordinal<s.first+s.rows"+
		" WHERE s.owner=?1 AND s.known=0 AND h.agent=?2 AND s.thread<>?3 AND m.row=?4 LIMIT 1", ownerID, th.agent, th.id, int64(row))
	if err != nil || v != nil {
		return err
	}
	_, err = t.take(key)
	return err
}
