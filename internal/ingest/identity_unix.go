//go:build unix

package ingest

import (
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// identity tells the device and inode of a file. ok is false where there are none.
func identity(info fs.FileInfo) (device, inode uint64, ok bool) {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, false
	}
	return uint64(s.Dev), uint64(s.Ino), true //nolint:unconvert // the types differ by system
}

// stampIn looks at an entry of an open folder. That takes half as long as to look at its path.
func stampIn(dir *os.File, entry fs.DirEntry) (stamp, fs.FileMode, error) {
	var s unix.Stat_t
	for {
		err := unix.Fstatat(int(dir.Fd()), entry.Name(), &s, unix.AT_SYMLINK_NOFOLLOW)
		if err == nil {
			break
		}
		if err != unix.EINTR {
			return stamp{}, 0, err
		}
	}
	mode := fs.ModeIrregular
	switch s.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		mode = 0
	case unix.S_IFDIR:
		mode = fs.ModeDir
	}
	return stamp{
		size: s.Size, modified: s.Mtim.Nano(), device: uint64(s.Dev), inode: uint64(s.Ino), //nolint:unconvert // the types differ by system
	}, mode, nil
}

// openLog opens a file for reading without waiting for the other end of a FIFO and without
// following a link that took the file's place.
func openLog(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
}

// openFolder opens a folder, and nothing else, for listing.
func openFolder(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
}
