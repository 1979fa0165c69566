package ingest

import (
	"path/filepath"
	"strings"

	"golang.org/x/sys/windows"
)

// What watching a folder costs in descriptors: nothing to speak of.
const (
	descriptorsPerFolder = 0
	descriptorsPerFile   = 0
	descriptorBudget     = 1
)

// freeSpace is how many bytes this user may still write to the disk of a folder.
func freeSpace(path string) (free uint64, ok bool) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil || windows.GetDiskFreeSpaceEx(name, &free, nil, nil) != nil {
		return 0, false
	}
	return free, true
}

// eventless names the kind of a drive whose changes raise no events, or not all; "" where
// all do. Under \\wsl$ lie the files of a Linux, reached over 9p.
func eventless(path string) string {
	volume := filepath.VolumeName(path)
	if strings.HasPrefix(volume, `\\`) {
		if lower := strings.ToLower(volume); strings.HasPrefix(lower, `\\wsl$`) || strings.HasPrefix(lower, `\\wsl.localhost`) {
			return "WSL"
		}
		return "network"
	}
	name, err := windows.UTF16PtrFromString(volume + `\`)
	if err == nil && windows.GetDriveType(name) == windows.DRIVE_REMOTE {
		return "network"
	}
	return ""
}
