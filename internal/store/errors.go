package store

import (
	"errors"
	"fmt"

	"github.com/mattn/go-sqlite3"
)

// What can be wrong with a database, for others to put into words. Errors of this package
// wrap one of these where it applies, and the error of SQLite.
var (
	ErrDamaged  = errors.New("the database is damaged")
	ErrForeign  = errors.New("the file is a database of another program")
	ErrNewer    = errors.New("the database was written by a newer version")
	ErrOlder    = errors.New("the database has to be brought up to date first")
	ErrLocked   = errors.New("the database is locked by another program")
	ErrFull     = errors.New("the disk is full")
	ErrReadOnly = errors.New("the database cannot be written to")
)

// explain adds the package's own error to one of SQLite.
func explain(err error) error {
	var e sqlite3.Error
	if !errors.As(err, &e) {
		return err
	}
	kind := error(nil)
	switch e.Code {
	case sqlite3.ErrCorrupt, sqlite3.ErrNotADB, sqlite3.ErrFormat:
		kind = ErrDamaged
	case sqlite3.ErrBusy, sqlite3.ErrLocked:
		kind = ErrLocked
	case sqlite3.ErrFull:
		kind = ErrFull
	case sqlite3.ErrReadonly, sqlite3.ErrPerm, sqlite3.ErrAuth:
		kind = ErrReadOnly
	default:
		return err
	}
	if errors.Is(err, kind) {
		return err
	}
	return fmt.Errorf("%w: %w", kind, err)
}
