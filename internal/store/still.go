package store

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// openStill opens the database without leaving a trace: no file is made beside it, none is
// written to or removed, and nothing is locked. That is possible where all that was written
// has been folded into the file and nobody writes meanwhile.
func (s *Store) openStill() error {
	if err := needsRepair(s.path); err != nil {
		return err
	}
	for _, suffix := range []string{"-wal", "-journal"} {
		if _, err := os.Lstat(s.path + suffix); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("it is in use, or was left without being closed: %s%s is there", s.path, suffix)
		}
	}
	info, err := os.Stat(s.path)
	if err != nil {
		return err
	}
	if info.Size() == 0 {
		return ErrOlder
	}
	s.identity = info
	s.readers, err = s.tryReaders(s.path, readerMode+"&immutable=1")
	if err != nil {
		return err
	}
	s.readers.failed = s.suspect // nobody else may be asked while it is open
	stored := ""
	c, err := s.readers.get()
	if err == nil {
		var v []driver.Value
		if v, err = c.first(selectZone); err == nil && v != nil {
			stored = text(v[0])
		}
		s.readers.put(c, err == nil)
	}
	if err == nil && stored != zoneID(s.zone.Load()) {
		err = fmt.Errorf("the days of another time zone are stored: %w", ErrOlder)
	}
	if err != nil {
		s.readers.close()
	}
	return err
}
