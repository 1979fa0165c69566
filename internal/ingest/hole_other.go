//go:build !linux

package ingest

import "os"

// nextData is where the next bytes that were really written begin. Here that is not asked:
// zeros are read as they come.
func nextData(_ *os.File, at int64) int64 { return at }
