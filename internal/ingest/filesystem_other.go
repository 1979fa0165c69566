//go:build !linux && !darwin && !windows

package ingest

// freeSpace cannot tell here.
func freeSpace(string) (free uint64, ok bool) { return 0, false }

// eventless cannot tell here.
func eventless(string) string { return "" }
