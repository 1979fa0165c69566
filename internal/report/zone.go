package report

import (
	"time"

	"tokenmeter/internal/usage"
)

// civil is a local date.
type civil struct {
	year  int
	month time.Month
	day   int
}

// civilOf is the local date of the day that starts at start. The few hours it adds keep the
// date right where the clock is turned at midnight.
func civilOf(start usage.Millis, zone *time.Location) civil {
	y, m, d := start.Time().Add(6 * time.Hour).In(zone).Date()
	return civil{y, m, d}
}

// DayStart is the first instant of a local date: midnight, the later hour where the clock
// leaps over midnight, and the earlier of two midnights. Days over the end of the month
// count on, as in time.Date.
func DayStart(year int, month time.Month, day int, zone *time.Location) time.Time {
	midnight := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	year, month, day = midnight.Date()
	noon := time.Date(year, month, day, 12, 0, 0, 0, zone)
	var start time.Time
	for _, near := range []time.Time{noon.AddDate(0, 0, -1), noon} {
		_, offset := near.Zone()
		t := midnight.Add(-time.Duration(offset) * time.Second).In(zone)
		y, m, d := t.Date()
		if y == year && m == month && d == day && (start.IsZero() || t.Before(start)) {
			start = t
		}
	}
	if start.IsZero() { // the zone never had this date: it is over when it begins
		return DayStart(year, month, day+1, zone)
	}
	return start
}
