package store

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Options configure Open.
type Options struct {
	ReadOnly bool // never writes, never creates
	// Still, with ReadOnly: leaves no trace beside the file either. The caller keeps all who
	// write away until Close. An error says that this database cannot be opened so, for it
	// was not closed in order, or has to be written to first.
	Still bool
	Zone  *time.Location // whose local days the day roll-up holds; a change rebuilds it. nil = UTC
	// Repair, if not zero, is the present time, and says that the caller is the one process
	// that fills this database: if it is damaged, or missing although there are backups, it
	// is moved aside and made anew from what it and its backups still tell. All logs have to
	// be read again then, and that is what the cursors of the new database say.
	Repair time.Time
	// Copies is a folder that may be made for copies of a database which can be read in no
	// other way: read-only, left behind by a killed writer, in a folder that cannot be
	// written to. "" = such a database cannot be opened.
	Copies string

	// Pricing puts costs on what is written; nil = events are stored with the cost they have.
	Pricing *Pricing

	step func(string) // for tests: called after each step of a repair or backup
}

// Store is the database: one writer, many readers.
type Store struct {
	path    string
	zone    atomic.Pointer[time.Location] // Options.Zone, or that of SetZone
	readers *pool

	mutex   sync.Mutex // held by whoever uses writer
	writer  *writer    // nil when read-only
	journal string
	pricing *Pricing // guarded by mutex

	identity os.FileInfo // of the file that is open
	repaired *Repair     // by this Open
	copied   string      // folder of the copy that is read, "" = none
	step     func(string)
}

// Path is where the database lies, absolute.
func (s *Store) Path() string { return s.path }

// Journal is the journal mode that SQLite chose: "wal", or another where the file system
// (a network drive) has no shared memory. "" for a read-only store.
func (s *Store) Journal() string { return s.journal }

// Close ends all use of the database.
func (s *Store) Close() error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	err := s.readers.close()
	if s.writer != nil {
		// Last, so that SQLite can fold the log into the file and remove it.
		if e := s.writer.close(); err == nil {
			err = e
		}
		s.writer = nil
	}
	if e := s.removeCopy(); err == nil {
		err = e
	}
	return explain(err)
}

// SetZone has the day roll-up hold another zone's local days, and fills it anew in one
// transaction. With an error the next Update does that; meanwhile History is as right, and
// slower. A read-only store only remembers the zone.
func (s *Store) SetZone(ctx context.Context, zone *time.Location) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.zone.Store(zone)
	if s.writer == nil {
		return nil
	}
	if err := s.writer.setZone(ctx, zone); err != nil {
		return fmt.Errorf("change the zone of days: %w", explain(err))
	}
	return nil
}

// Importing tells the store that much is about to be written (true), or that it is over:
// then the caches shrink and the write-ahead log is folded into the file.
func (s *Store) Importing(ctx context.Context, on bool) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	w, err := s.writable()
	if err != nil {
		return err
	}
	return s.told(w.importing(on))
}

// Update runs f in one immediate transaction; an error from f rolls everything back. Only
// one goroutine may call it at a time.
func (s *Store) Update(ctx context.Context, f func(*Tx) error) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	w, err := s.writable()
	if err != nil {
		return err
	}
	return s.told(w.update(ctx, f))
}

// told explains an error, and remembers one that means damage.
func (s *Store) told(err error) error {
	if err != nil {
		s.suspect(err)
	}
	return explain(err)
}

func (s *Store) writable() (*writer, error) {
	if s.writer == nil {
		return nil, ErrReadOnly
	}
	return s.writer, s.Moved()
}
