package platform

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// ErrLocked is returned by TakeLock when another meter runs on the data folder.
var ErrLocked = errors.New("another meter runs on this data folder")

// TakeLock makes this process the one meter of a data folder, which must exist, until
// release or its end, however that comes.
func TakeLock(dataDir string) (release func(), err error) {
	lock := flock.New(filepath.Join(dataDir, LockName), flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o600))
	ok, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock data folder: %w", err)
	}
	if !ok {
		lock.Close()
		return nil, ErrLocked
	}
	// The file stays: removing it would let two meters lock two files of one name.
	return func() { lock.Close() }, nil
}
