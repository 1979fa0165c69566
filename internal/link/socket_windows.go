package link

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/windows"
)

// refused says that nobody listens there.
func refused(err error) bool { return errors.Is(err, windows.WSAECONNREFUSED) }

// isSocket takes what Windows shows of a socket: a reparse point that is no link.
func isSocket(info fs.FileInfo) bool {
	return info.Mode()&(fs.ModeSocket|fs.ModeIrregular) != 0
}
