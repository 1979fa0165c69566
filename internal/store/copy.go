package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// A database whose writer was killed needs its log to be complete, and SQLite needs shared
// memory beside it to read that. In a folder that cannot be written to there is no way but
// to read a copy.

const (
	copyPrefix = "read-"
	// copyLife is how old a copy of another process is when it cannot be in use any more.
	copyLife = 24 * time.Hour
)

// readCopy makes a folder of its own in folder, with the database and its log joined in one
// file there, and returns that file's path.
func readCopy(path, folder string) (copied string, err error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", err
	}
	own, err := os.MkdirTemp(folder, copyPrefix)
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			os.RemoveAll(own)
		}
	}()
	removeCopies(folder, own)
	from, err := openPages(path)
	if err != nil {
		return "", err
	}
	defer from.close()
	copied = filepath.Join(own, filepath.Base(path))
	to, err := os.OpenFile(copied, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	defer to.Close()
	page := make([]byte, from.size)
	for n := uint32(1); n <= from.count; n++ {
		if !from.read(n, page) {
			return "", fmt.Errorf("%w: page %d cannot be read", ErrDamaged, n)
		}
		if _, err := to.Write(page); err != nil {
			return "", err
		}
	}
	return copied, to.Close()
}

// removeCopies removes what processes that were killed have left. Time is the file
// system's own, told by the folder that was just made.
func removeCopies(folder, own string) {
	present, err := os.Stat(own)
	if err != nil {
		return
	}
	others, _ := filepath.Glob(filepath.Join(folder, copyPrefix+"*"))
	for _, other := range others {
		if info, err := os.Stat(other); err == nil && info.IsDir() && present.ModTime().Sub(info.ModTime()) > copyLife {
			os.RemoveAll(other)
		}
	}
}

// openCopy reads a copy of the database instead of the database.
func (s *Store) openCopy(folder string) error {
	copied, err := readCopy(s.path, folder)
	if err != nil {
		return fmt.Errorf("copy to %s: %w", folder, err)
	}
	s.copied = filepath.Dir(copied)
	if s.readers, err = s.tryReaders(copied, readerMode+"&immutable=1"); err != nil {
		return errors.Join(err, s.removeCopy())
	}
	return nil
}

func (s *Store) removeCopy() error {
	if s.copied == "" {
		return nil
	}
	err := os.RemoveAll(s.copied)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return err
}
