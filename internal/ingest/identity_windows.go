package ingest

import (
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

// identity is not part of what a listing tells on Windows; paths stand in for it.
func identity(fs.FileInfo) (device, inode uint64, ok bool) { return 0, 0, false }

// stampIn looks at an entry of an open folder; the listing has told all of it.
func stampIn(_ *os.File, entry fs.DirEntry) (stamp, fs.FileMode, error) {
	info, err := entry.Info()
	if err != nil {
		return stamp{}, 0, err
	}
	return stampOf(info), info.Mode(), nil
}

// openLog opens a file so that the agent may still rename or delete it.
func openLog(path string) (*os.File, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	handle, err := windows.CreateFile(name, windows.GENERIC_READ,
		windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE, nil,
		windows.OPEN_EXISTING, windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(handle), path), nil
}

// openFolder opens a folder for listing.
func openFolder(path string) (*os.File, error) { return os.Open(path) }
