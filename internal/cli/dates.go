package cli

import (
	"strings"
	"time"

	"tokenmeter/internal/calendar"
)

// parseDate understands 2026-11-20, 20261120, RFC 3339, today and yesterday. A date is a
// whole local day, from first to the instant after it; a time is an instant, so both are
// the same.
func parseDate(text string, now time.Time, zone *time.Location) (first, after time.Time, err error) {
	day := func(t time.Time, shift int) (time.Time, time.Time, error) {
		y, m, d := t.Date()
		return calendar.DayStart(y, m, d+shift, zone), calendar.DayStart(y, m, d+shift+1, zone), nil
	}
	switch strings.ToLower(text) {
	case "today":
		return day(now.In(zone), 0)
	case "yesterday":
		return day(now.In(zone), -1)
	}
	for _, layout := range []string{"2006-01-02", "20060102"} {
		if t, err := time.Parse(layout, text); err == nil {
			return day(t, 0)
		}
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05Z07:00"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, t, nil
		}
	}
	return time.Time{}, time.Time{}, wrongUsage("%q is not a date: use 2026-11-20, 20261120, 2026-11-20T14:00:00Z, today or yesterday", text)
}
