package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// ErrMoved: the open file is no longer the one at its path, because it was removed, moved
// away or replaced. What is written to it is lost, and what it tells is of the past; whoever
// has it open closes it and opens the path anew.
var ErrMoved = errors.New("the database was removed or replaced")

// Moved is ErrMoved if the file at the path is not the one that is open. It costs one look
// at the path, and comes before each transaction and each answer.
func (s *Store) Moved() error {
	info, err := os.Stat(s.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: %w", s.path, ErrMoved)
	case err != nil:
		return nil // it cannot be told; what is done next fails by itself if it must
	case !os.SameFile(info, s.identity):
		return fmt.Errorf("%s: %w", s.path, ErrMoved)
	}
	return nil
}
