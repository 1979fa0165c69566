package core

import (
	"runtime"
	"runtime/debug"
	"time"

	"tokenmeter/internal/platform"
	"tokenmeter/internal/report"
)

const (
	// settleTime is how long nothing may flow before the process goes to sleep.
	settleTime = 3 * time.Second
	// quietMemory is how much garbage a sleeping process may make, in bytes.
	quietMemory = 12 << 20
)

// quiet says that nothing flows, so that the next snapshot will be long in coming.
func quiet(s *report.Snapshot) bool { return !s.Now.Live && !s.Reading.Running }

// sleepDeep lets the process sleep while nothing flows. Memory that was needed before goes
// back to the system. The runtime would go on to collect garbage every two minutes even if
// there is none, which wakes all threads some fifty times; a quiet meter makes so little
// that a bound on its memory is reason enough to collect.
func sleepDeep() {
	platform.ReleaseMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	debug.SetMemoryLimit(int64(m.Sys-m.HeapReleased) + quietMemory)
	debug.SetGCPercent(-1)
}

// wakeUp takes that back.
func wakeUp() {
	debug.SetGCPercent(100)
	debug.SetMemoryLimit(1<<63 - 1)
}
