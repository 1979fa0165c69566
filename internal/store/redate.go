package store

import (
	"context"
	"database/sql/driver"
	"fmt"

	"tokenmeter/internal/usage"
)

// redateSome bounds how many events one call of Redate moves.
const redateSome = 10_000

// FilesAfter lists the files, among those that are there, with events after a moment.
func (s *Store) FilesAfter(ctx context.Context, after usage.Millis) (ids []int64, err error) {
	err = s.readers.read(ctx, func(c *connection) error {
		return c.each("SELECT DISTINCT strand.file FROM strand JOIN file ON file.id=strand.file WHERE strand.agent IN (SELECT id FROM agent)"+
			" AND strand.day>=?1/86400000 AND strand.day*86400000+strand.last>?1 AND file.gone=0", func(v []driver.Value) error {
			ids = append(ids, integer(v[0]))
			return nil
		}, int64(after))
	})
	if err != nil {
		return nil, fmt.Errorf("find files with events after a moment: %w", explain(err))
	}
	return ids, nil
}

// Redate dates the events that lie after a moment at another one, as times of sight, and
// says how many there were; if they are more than one transaction should hold, it moves
// some. Events whose log is gone stay: nothing could take their new date back.
func (t *Tx) Redate(after, to usage.Millis) (moved int, err error) {
	if err := t.flush(); err != nil {
		return 0, err
	}
	var keys []int64
	err = t.w.conn.each("SELECT event.key FROM strand CROSS JOIN event ON event.strand=strand.id JOIN file ON file.id=strand.file"+
		" WHERE strand.agent IN (SELECT id FROM agent) AND strand.day>=?1/86400000 AND strand.day*86400000+event.ts>?1 AND file.gone=0 LIMIT ?2",
		func(v []driver.Value) error {
			keys = append(keys, integer(v[0]))
			return nil
		}, int64(after), int64(redateSome))
	if err != nil {
		return 0, fmt.Errorf("find events after a moment: %w", err)
	}
	for _, key := range keys {
		r, err := t.take(key)
		if err != nil {
			return moved, fmt.Errorf("date an event anew: %w", err)
		}
		if r == nil {
			continue
		}
		e, err := t.w.event(r)
		if err != nil {
			return moved, fmt.Errorf("date an event anew: %w", err)
		}
		e.Time, e.Flags = to, e.Flags|usage.TimeSeen
		anew, err := t.w.rowOf(&e, r.strand.agent, r.strand.file, key)
		if err != nil {
			return moved, fmt.Errorf("date an event anew: %w", err)
		}
		if err := t.put(&anew); err != nil {
			return moved, fmt.Errorf("date an event anew: %w", err)
		}
		moved++
	}
	return moved, nil
}
