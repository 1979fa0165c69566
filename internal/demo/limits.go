package demo

import (
	"time"

	"tokenmeter/internal/usage"
)

const (
	shortWindow = 5 * time.Hour
	longWindow  = 7 * 24 * time.Hour
)

// limits is the account of an agent that logs how much of its allowance is used.
type limits struct {
	short, long window
}

// window fills with fresh tokens and is empty again at its reset. It opens with the first
// request after that.
type window struct {
	used   int64
	resets time.Time
}

// add books fresh tokens and returns the window as a log line would state it.
func (w *window) add(now time.Time, length time.Duration, fresh, capacity int64) usage.Sample {
	if !now.Before(w.resets) {
		w.used, w.resets = 0, now.Add(length).Truncate(time.Second)
	}
	w.used += fresh
	percent := min(100, float64(w.used*1000/capacity)/10)
	return usage.Sample{
		WindowMinutes: int64(length / time.Minute), UsedPercent: percent,
		ResetsAt: usage.MillisOf(w.resets), ObservedAt: usage.MillisOf(now), Source: usage.SourceServer, Plan: "plus",
	}
}

// limitsAfter gives what the agent logs of its limits after a request; nil = nothing.
func (w *worker) limitsAfter(now time.Time, fresh int64) []usage.Sample {
	if w.ShortWindowTokens == 0 || w.LongWindowTokens == 0 {
		return nil
	}
	return []usage.Sample{
		w.limits.short.add(now, shortWindow, fresh, w.ShortWindowTokens),
		w.limits.long.add(now, longWindow, fresh, w.LongWindowTokens),
	}
}

// full reports whether a window is used up, so that a person would wait.
func (w *worker) full(now time.Time) bool {
	return w.ShortWindowTokens > 0 && (now.Before(w.limits.short.resets) && w.limits.short.used >= w.ShortWindowTokens ||
		now.Before(w.limits.long.resets) && w.limits.long.used >= w.LongWindowTokens)
}
