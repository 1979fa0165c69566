package store

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

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
	ErrClosed   = errors.New("the database has been closed")
	ErrReadOnly = errors.New("the database cannot be written to")
)

// explain adds the package's own error to one of SQLite or of the file system.
func explain(err error) error {
	kind := kindOf(err)
	if kind == nil || errors.Is(err, kind) {
		return err
	}
	return fmt.Errorf("%w: %w", kind, err)
}

func kindOf(err error) error {
	var e sqlite3.Error
	if !errors.As(err, &e) { // the file could not be made
		switch {
		case errors.Is(err, syscall.ENOSPC):
			return ErrFull
		case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
			return ErrReadOnly
		}
		return nil
	}
	// A full disk may come as a failed write, with the reason of the system.
	switch e.SystemErrno {
	case syscall.ENOSPC, syscall.EDQUOT:
		return ErrFull
	case syscall.EROFS:
		return ErrReadOnly
	}
	switch e.Code {
	case sqlite3.ErrCorrupt, sqlite3.ErrNotADB, sqlite3.ErrFormat:
		return ErrDamaged
	case sqlite3.ErrBusy, sqlite3.ErrLocked:
		return ErrLocked
	case sqlite3.ErrFull:
		return ErrFull
	case sqlite3.ErrReadonly, sqlite3.ErrPerm, sqlite3.ErrAuth:
		return ErrReadOnly
	}
	return nil
}
