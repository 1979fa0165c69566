package ingest

import (
	"bytes"
	"strings"

	"golang.org/x/sys/unix"
)

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
