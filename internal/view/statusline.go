package view

import (
	"strings"
	"time"

	"tokenmeter/internal/usage"
)

// StatusWindow is an allowance window on the line that an agent shows at its prompt.
type StatusWindow struct {
	Minutes     int64 // its length
	UsedPercent float64
	ResetsAt    time.Time // zero = not known
	Passed      bool      // the reset is over and nothing was heard since
}

// StatusLine is that line: "5 h 62 % · resets 14:20 · 7 d 18 % · Opus 5.5 · $1.23". The windows come
// with the one first whose reset is told; cost is nil where it is not known. It is never empty.
func StatusLine(windows []StatusWindow, model string, cost *usage.Micros, now time.Time) string {
	var parts []string
	for i, w := range windows {
		name, used := windowLength(w.Minutes), Percent(w.UsedPercent)
		if w.Passed {
			parts = append(parts, name+" full again, was "+used)
			continue
		}
		parts = append(parts, name+" "+used)
		if i == 0 && !w.ResetsAt.IsZero() {
			parts = append(parts, "resets "+Moment(w.ResetsAt, now))
		}
	}
	if model != "" {
		parts = append(parts, model)
	}
	if cost != nil {
		parts = append(parts, Money(*cost))
	}
	if len(parts) == 0 {
		return "Tokenmeter, no allowance known yet"
	}
	return strings.Join(parts, " · ")
}
