package ingest

import "golang.org/x/sys/unix"

// What watching a folder costs in descriptors: with inotify, none.
const (
	descriptorsPerFolder = 0
	descriptorsPerFile   = 0
	descriptorBudget     = 1
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
	switch uint32(s.Type) {
	case unix.NFS_SUPER_MAGIC:
		return "NFS"
	case unix.SMB_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC:
		return "SMB"
	case unix.FUSE_SUPER_MAGIC:
		return "FUSE"
	case unix.V9FS_MAGIC:
		return "9p" // and the drives of Windows under WSL 2
	case 0x53464846:
		return "WSL" // and the drives of Windows under WSL 1
	case unix.AFS_SUPER_MAGIC, unix.AFS_FS_MAGIC, unix.CODA_SUPER_MAGIC, unix.CEPH_SUPER_MAGIC, 0x0bd00bd0: // Lustre
		return "network"
	case 0x786f4256, 0xbacbacbc: // VirtualBox, VMware
		return "shared folder"
	}
	return ""
}
