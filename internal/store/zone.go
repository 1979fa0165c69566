package store

import (
	"fmt"
	"math"
	"time"

	"tokenmeter/internal/usage"
)

// All arithmetic of days and zones is done on whole quarters of an hour since 1970 UTC:
// every zone's offset has been a multiple of a quarter since 1972, so a quarter never
// straddles a local midnight.

const (
	quarter     = 15 * 60 * 1000 // in milliseconds
	dayLength   = 24 * 60 * 60 * 1000
	quartersDay = 96
	quarterHour = 4

	// undated is the key of what has no date, as a quarter, a local day or a UTC day. It
	// is far before any date, so a lower bound leaves it out by itself.
	undated = math.MinInt32
)

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func quarterOf(m usage.Millis) int64 {
	if m == 0 {
		return undated
	}
	return floorDiv(int64(m), quarter)
}

// span is a run of quarters, from lo up to but without hi, with one offset from UTC.
type span struct {
	lo, hi int64
	offset int64 // in quarters; local = UTC + offset
}

func (s span) day(q int64) int64 { return floorDiv(q+s.offset, quartersDay) }

// The bounds of the first and last span of a zone.
const (
	firstQuarter = undated + 1
	lastQuarter  = 1 << 50
)

// spanAt returns the span of a zone that holds the quarter q.
func spanAt(zone *time.Location, q int64) span {
	at := time.Unix(q*(quarter/1000), 0).In(zone)
	start, end := at.ZoneBounds()
	_, seconds := at.Zone()
	s := span{lo: firstQuarter, hi: lastQuarter, offset: floorDiv(int64(seconds), quarter/1000)}
	if !start.IsZero() {
		s.lo = -floorDiv(-start.Unix(), quarter/1000)
	}
	if !end.IsZero() {
		s.hi = -floorDiv(-end.Unix(), quarter/1000)
	}
	// Beyond the table of transitions Go ends leap years a day early, and then gives an
	// end that has passed. A quarter is always in its own span.
	s.lo, s.hi = min(s.lo, q), max(s.hi, q+1)
	return s
}

// startOfDay is the first quarter whose local day is d or later. That need not be 00:00:
// there are zones that skip midnight, and days that never were.
func startOfDay(zone *time.Location, d int64) int64 {
	s := spanAt(zone, d*quartersDay-quartersDay)
	for {
		q := max(s.lo, d*quartersDay-s.offset)
		if q < s.hi {
			return q
		}
		s = spanAt(zone, s.hi)
	}
}

// monthOf returns the first day of the month of day d, and of the month after it.
func monthOf(d int64) (first, next int64) {
	year, month, _ := time.Unix(d*(dayLength/1000), 0).UTC().Date()
	first = floorDiv(time.Date(year, month, 1, 0, 0, 0, 0, time.UTC).Unix(), dayLength/1000)
	next = floorDiv(time.Date(year, month+1, 1, 0, 0, 0, 0, time.UTC).Unix(), dayLength/1000)
	return first, next
}

// zoneID names the rules of a zone, not its name: "Local" means something else on another
// machine, and a new edition of the zone tables may change a zone.
func zoneID(zone *time.Location) string {
	const from, to = 946684800, 2114380800 // 2000 to 2037, where zone tables end
	hash := usage.NewHash("zone")
	for q := int64(from / 900); q < to/900; {
		s := spanAt(zone, q)
		hash = hash.Int(s.hi).Int(s.offset)
		q = s.hi
	}
	return fmt.Sprintf("%016x", hash.Sum())
}
