package core

import (
	"time"

	"tokenmeter/internal/report"
)

// For the tests: the rhythm of snapshots.
func UntilUntrue(s *report.Snapshot, now time.Time) time.Duration { return untilUntrue(s, now) }

func Pause(reading, failing bool, took time.Duration) time.Duration {
	return pause(reading, failing, took)
}

// Poke asks for a new snapshot, as the slow timer would.
func Poke(c *Core) { c.poke() }
