package ingest

import (
	"bytes"
	"strings"

	"golang.org/x/sys/unix"
)

// freeSpace is how many bytes this user may still write to the disk of a folder.
func freeSpace(path string) (free uint64, ok bool) {
	var s unix.Statfs_t
	if unix.Statfs(path, &s) != nil {
		return 0, false
	}
	return s.Bavail * uint64(s.Bsize), true
}

// eventless names the kind of a file system whose changes, or those made by other
// machines, raise no events; "" where all do.
func eventless(path string) string {
	var s unix.Statfs_t
	if unix.Statfs(path, &s) != nil {
		return ""
	}
	name, _, _ := bytes.Cut(s.Fstypename[:], []byte{0})
	switch kind := strings.ToLower(string(name)); {
	case kind == "nfs":
		return "NFS"
	case kind == "smbfs", kind == "cifs":
		return "SMB"
	case kind == "afpfs", kind == "webdav", kind == "ftp":
		return "network"
	case strings.Contains(kind, "fuse"):
		return "FUSE"
	}
	return ""
}
