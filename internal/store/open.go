package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

const (
	applicationID = 0x546f6b4d // "TokM"

	busyMilliseconds = 5000
	// Page caches, in KiB. An import touches most of the key index in every transaction.
	cacheIdle   = 2048
	cacheImport = 24576
	cacheReader = 4096
	// How long the write-ahead log may grow, in pages, before it is folded in.
	checkpointIdle   = 1000
	checkpointImport = 16000
)

// Open opens or creates the database at path and brings its schema up to date. The file is
// readable by its owner only, and so is its folder if it had to be made. Errors: ErrNewer,
// ErrForeign and ErrDamaged where the file cannot be used as it is, ErrOlder for a
// read-only open before the first writing one, fs.ErrNotExist for one of a missing file.
func Open(ctx context.Context, path string, o Options) (*Store, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	s := &Store{path: path, step: o.step, pricing: o.Pricing}
	s.zone.Store(cmp.Or(o.Zone, time.UTC))
	switch {
	case o.ReadOnly && o.Still:
		err = s.openStill()
	case o.ReadOnly:
		err = s.openReadOnly(o)
	default:
		err = s.openWriter(ctx, o)
	}
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, explain(err))
	}
	return s, nil
}

// openWriter opens the database for writing, and repairs it first where that is due and
// allowed.
func (s *Store) openWriter(ctx context.Context, o Options) error {
	due := needsRepair(s.path)
	if due == nil {
		due = s.connectWriter(ctx)
	}
	if o.Repair.IsZero() || !errors.Is(explain(due), ErrDamaged) {
		return due
	}
	if falseAlarm(ctx, s.path, due) {
		if due = s.connectWriter(ctx); !errors.Is(explain(due), ErrDamaged) {
			return due
		}
	}
	// Who was told to stop while it looked knows nothing, and begins nothing.
	if err := ctx.Err(); err != nil {
		return err
	}
	var err error
	if s.repaired, err = repair(ctx, s.path, o, due); err != nil {
		return fmt.Errorf("repair: %w", err)
	}
	if err := s.connectWriter(ctx); err != nil {
		return err
	}
	if s.repaired == nil { // it was all but complete
		if s.repaired, err = s.Repaired(ctx); err != nil {
			s.Close()
			return err
		}
		if s.repaired != nil {
			s.repaired.Fresh = true
		}
	}
	return nil
}

func (s *Store) connectWriter(ctx context.Context) error {
	if err := createPrivate(s.path); err != nil {
		return err
	}
	var err error
	if s.identity, err = os.Stat(s.path); err != nil {
		return err
	}
	c, err := connect(dsn(s.path, "mode=rw&_txlock=immediate&_mutex=no", cacheIdle))
	if err != nil {
		return err
	}
	s.journal, err = prepareSchema(c)
	if err != nil {
		c.close()
		return err
	}
	s.writer, err = newWriter(ctx, c, s.zone.Load(), s.pricing)
	if err != nil {
		c.close()
		return err
	}
	s.readers = newPool(dsn(s.path, readerMode, cacheReader))
	s.readers.moved = s.Moved
	s.readers.failed = s.suspect
	return nil
}

const readerMode = "mode=ro&_query_only=1&_mutex=no"

func (s *Store) openReadOnly(o Options) error {
	if err := needsRepair(s.path); err != nil {
		return err
	}
	info, err := os.Stat(s.path)
	if err != nil {
		return err
	}
	if info.Size() == 0 {
		return ErrOlder // made, but not filled yet
	}
	s.identity = info
	if s.readers, err = s.tryReaders(s.path, readerMode); err == nil {
		return nil
	}
	switch known := explain(err); {
	case errors.Is(known, ErrNewer), errors.Is(known, ErrOlder), errors.Is(known, ErrForeign), errors.Is(known, ErrDamaged), errors.Is(known, ErrLocked):
		return err
	}
	// In a folder that cannot be written to SQLite cannot make its shared memory, and nobody
	// else can write either: the file stands still. Closed cleanly, it is complete.
	if emptyLog(s.path) {
		s.readers, err = s.tryReaders(s.path, readerMode+"&immutable=1")
		return err
	}
	if o.Copies == "" {
		return err
	}
	return s.openCopy(o.Copies)
}

// tryReaders makes a pool and its first connection.
func (s *Store) tryReaders(path, mode string) (*pool, error) {
	p := newPool(dsn(path, mode, cacheReader))
	p.moved = s.Moved
	c, err := p.get()
	if err != nil {
		return nil, err
	}
	if err := checkReadable(c); err != nil {
		c.close()
		return nil, err
	}
	p.put(c, true)
	return p, nil
}

// emptyLog reports whether nothing waits in the write-ahead log.
func emptyLog(path string) bool {
	info, err := os.Stat(path + "-wal")
	return errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0
}

// dsn is the address of a database file for the driver; its path may hold any character.
func dsn(path, options string, cacheKiB int) string {
	slashed := filepath.ToSlash(path)
	if slashed[0] != '/' {
		slashed = "/" + slashed // C:/…
	}
	address := url.URL{Scheme: "file", Path: slashed}
	return fmt.Sprintf("%s?%s&_busy_timeout=%d&_cache_size=-%d", address.String(), options, busyMilliseconds, cacheKiB)
}

// createPrivate makes the file before SQLite does, because SQLite would leave its mode to
// the umask. The log and the shared memory beside it take the mode of the file.
func createPrivate(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", path)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return file.Chmod(0o600)
	}
	return nil
}
