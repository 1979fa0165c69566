//go:build !windows

package link

import (
	"errors"
	"io/fs"
	"syscall"
)

// refused says that nobody listens there.
func refused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }

func isSocket(info fs.FileInfo) bool { return info.Mode()&fs.ModeSocket != 0 }
