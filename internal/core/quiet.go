package core

import (
	"runtime/debug"

	"tokenmeter/internal/report"
)

// quietMemory bounds the memory of a quiet meter, in bytes.
const quietMemory = 32 << 20

// settle lets the process sleep while nothing flows. The runtime collects garbage every two
// minutes even if there is none, which wakes all threads some fifty times; a quiet meter
// makes so little that the bound on its memory is reason enough to collect.
func settle(s *report.Snapshot, quiet bool) (now bool) {
	now = !s.Now.Live && !s.Reading.Running
	switch {
	case now && !quiet:
		debug.FreeOSMemory()
		debug.SetMemoryLimit(quietMemory)
		debug.SetGCPercent(-1)
	case !now && quiet:
		debug.SetGCPercent(100)
		debug.SetMemoryLimit(1<<63 - 1)
	}
	return now
}
