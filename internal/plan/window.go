package plan

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"tokenmeter/internal/calendar"
)

// Window is the time over which a limit counts: the last "5h", "7d" or "90m", or the "day",
// "week", "month" or billing "cycle" that is running.
type Window string

// The windows that follow the calendar.
const (
	Day   Window = "day"
	Week  Window = "week" // from Monday on
	Month Window = "month"
	Cycle Window = "cycle"
)

// longest is the longest rolling window in minutes, a year.
const longest = 366 * 24 * 60

// ParseWindow reads a window.
func ParseWindow(text string) (Window, error) {
	w := Window(text)
	if w == Day || w == Week || w == Month || w == Cycle || w.Minutes() > 0 {
		return w, nil
	}
	return "", fmt.Errorf("%q is not a window: use day, week, month, cycle, or a length like 5h, 7d or 90m", text)
}

// Minutes is the length of a rolling window; 0 = it is none.
func (w Window) Minutes() int64 {
	for unit, minutes := range map[string]int64{"m": 1, "h": 60, "d": 24 * 60} {
		digits, ok := strings.CutSuffix(string(w), unit)
		if n, err := strconv.ParseInt(digits, 10, 32); ok && err == nil && n > 0 && digits[0] != '+' && n*minutes <= longest {
			return n * minutes
		}
	}
	return 0
}

// Span is the window that is running at a moment. Of a rolling one it ends then. renewal is the
// first day of billing cycles.
func (w Window) Span(now time.Time, renewal int, zone *time.Location) calendar.Span {
	switch w {
	case Day:
		return calendar.Day(now, zone)
	case Week:
		return calendar.Week(now, zone)
	case Month:
		return calendar.Month(now, zone)
	case Cycle:
		return calendar.Cycle(now, renewal, zone)
	}
	return calendar.Span{Start: now.Add(-time.Duration(w.Minutes()) * time.Minute), End: now}
}
