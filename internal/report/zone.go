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
