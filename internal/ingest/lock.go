package ingest

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// LockName is the file in the data folder whose lock says who ingests.
const LockName = "ingest.lock"

// TryLock asks, without waiting, to be the one process that ingests into dataDir, which it
// makes if need be. ok is false while another process is; then what is stored is current
// (the meter keeps it so), or will be soon. The lock ends with release or with the process.
func TryLock(dataDir string) (release func(), ok bool, err error) {
	if err := os.MkdirAll(dataDir, 0o700); err != nil {
		return nil, false, fmt.Errorf("make data folder: %w", err)
	}
	lock := flock.New(filepath.Join(dataDir, LockName), flock.SetPermissions(0o600))
	ok, err = lock.TryLock()
	if err != nil {
		return nil, false, fmt.Errorf("lock data folder: %w", err)
	}
	if !ok {
		return nil, false, nil
	}
	return func() { _ = lock.Close() }, true, nil
}
