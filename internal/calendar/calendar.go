package calendar

import "time"

// Span is a stretch of time, End not part of it.
type Span struct{ Start, End time.Time }

// Holds says whether a moment lies in the span.
func (s Span) Holds(t time.Time) bool { return !t.Before(s.Start) && t.Before(s.End) }

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

// Day is the local day of a moment.
func Day(t time.Time, zone *time.Location) Span {
	y, m, d := t.In(zone).Date()
	return Span{DayStart(y, m, d, zone), DayStart(y, m, d+1, zone)}
}

// Week is the local week of a moment, from Monday on.
func Week(t time.Time, zone *time.Location) Span {
	local := t.In(zone)
	y, m, d := local.Date()
	d -= (int(local.Weekday()) + 6) % 7
	return Span{DayStart(y, m, d, zone), DayStart(y, m, d+7, zone)}
}

// Month is the local month of a moment.
func Month(t time.Time, zone *time.Location) Span { return Cycle(t, 1, zone) }

// Cycle is the billing cycle of a moment: from the renewal day, 1 to 31, of one month to that
// of the next. In a month that is too short it is the last day. A day out of these bounds is
// taken as the nearest one within.
func Cycle(t time.Time, renewal int, zone *time.Location) Span {
	y, m, _ := t.In(zone).Date()
	start := renews(y, m, renewal, zone)
	if t.Before(start) {
		return Span{renews(y, m-1, renewal, zone), start}
	}
	return Span{start, renews(y, m+1, renewal, zone)}
}

// renews is when a cycle begins in a month; months over the end of the year count on.
func renews(year int, month time.Month, renewal int, zone *time.Location) time.Time {
	last := time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
	return DayStart(year, month, min(max(renewal, 1), last), zone)
}
