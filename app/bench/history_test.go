//go:build linux

package main

import (
	"testing"
	"time"

	"tokenmeter/internal/usage"
)

func TestTheMillionIsSpreadOverAYear(t *testing.T) {
	const logs = millionRequests / aLog
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	last := now
	keys := map[usage.Key]bool{}
	for n := range logs {
		c := chunk(n, logs, "first", now)
		first := c.Events[0].Time.Time()
		if first.After(last) || first.Before(now.Add(-aYear-7*time.Hour)) || len(c.Events) != aLog {
			t.Fatalf("log %d has %d requests from %v on, the one before begins at %v", n, len(c.Events), first, last)
		}
		if end := c.Events[aLog-1].Time.Time(); end.After(now) {
			t.Fatalf("log %d ends at %v, after the present", n, end)
		}
		last = first.Add(90 * time.Second) // a log begins at most so long after its start
		keys[c.Events[0].Key] = true
	}
	if len(keys) != logs {
		t.Errorf("%d logs begin with %d different keys", logs, len(keys))
	}
	if span := now.Sub(last); span < aYear-24*time.Hour {
		t.Errorf("the oldest log is %v old", span)
	}
}
