package ingest

import (
	"errors"
	"math"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// nextData is where the next bytes that were really written begin, at or after an offset;
// far away if there are none. It may move the file's position.
func nextData(file *os.File, at int64) int64 {
	data, err := file.Seek(at, unix.SEEK_DATA)
	switch {
	case err == nil:
		return data
	case errors.Is(err, syscall.ENXIO):
		return math.MaxInt64
	}
	return at // this file system cannot tell
}
