package report

import (
	"context"
	"time"

	"tokenmeter/internal/calendar"
	"tokenmeter/internal/meter"
	"tokenmeter/internal/store"
	"tokenmeter/internal/usage"
)

// usualDay keeps a usual day as long as it may be trusted: earlier days change only while
// old logs are read.
type usualDay struct {
	day   time.Time // the start of the day it was made for
	until time.Time // when to look again
	known bool
	meter.Usual
}

// usualKept is how long a usual day is kept.
const usualKept = 10 * time.Minute

// today reads the local day so far and a usual day of its kind.
func (r *Report) today(ctx context.Context, at time.Time, reading bool) (Today, error) {
	t := Today{Start: calendar.DayStart(at.Year(), at.Month(), at.Day(), r.o.Zone)}
	next := calendar.DayStart(at.Year(), at.Month(), at.Day()+1, r.o.Zone)
	rows, err := r.o.Store.History(ctx, store.Query{
		By: []store.Dimension{store.Hour}, Zone: r.o.Zone,
		Since: usage.MillisOf(t.Start), Until: usage.MillisOf(next),
	})
	if err != nil {
		return Today{}, err
	}
	for _, row := range rows {
		t.Counts = t.Counts.Plus(row.Counts)
	}
	curve := meter.CurveOf(hours(rows, r.o.Zone))
	t.Hours = curve[:at.Hour()+1]
	usual, err := r.usualDay(ctx, t.Start, at, reading)
	if err != nil {
		return Today{}, err
	}
	if usual.known {
		share := float64(at.Minute()*60+at.Second()) / 3600
		t.Usual, t.UsualLow, t.UsualHigh = usual.Median[:], usual.Low[:], usual.High[:]
		t.UsualNow = usual.Median.At(at.Hour(), share)
		t.UsualPerMinute = usual.Median.PerMinute(at.Hour())
	}
	return t, nil
}

// usualDay looks at the same weekdays before start. A day has a record when a request of
// it is stored: on a day without one nobody worked, or its log is gone, and neither says
// how a day at work goes.
func (r *Report) usualDay(ctx context.Context, start, at time.Time, reading bool) (usualDay, error) {
	r.mu.Lock()
	kept := r.usual
	r.mu.Unlock()
	if !reading && kept.day.Equal(start) && at.Before(kept.until) {
		return kept, nil
	}
	zone := r.o.Zone
	weekday := func(weeks int) (from, to time.Time) {
		y, m, d := start.Date()
		return calendar.DayStart(y, m, d-7*weeks, zone), calendar.DayStart(y, m, d-7*weeks+1, zone)
	}
	oldest, _ := weekday(meter.UsualWeeks)
	days, err := r.o.Store.History(ctx, store.Query{
		By: []store.Dimension{store.Day}, Zone: zone,
		Since: usage.MillisOf(oldest), Until: usage.MillisOf(start),
	})
	if err != nil {
		return usualDay{}, err
	}
	recorded := map[civil]bool{}
	for _, d := range days {
		if d.Requests > 0 {
			recorded[civilOf(d.Start, zone)] = true
		}
	}
	var curves []meter.Curve
	for weeks := 1; weeks <= meter.UsualWeeks && len(curves) < meter.UsualDays; weeks++ {
		from, to := weekday(weeks)
		if !recorded[civilOf(usage.MillisOf(from), zone)] {
			continue
		}
		rows, err := r.o.Store.History(ctx, store.Query{
			By: []store.Dimension{store.Hour}, Zone: zone,
			Since: usage.MillisOf(from), Until: usage.MillisOf(to),
		})
		if err != nil {
			return usualDay{}, err
		}
		curves = append(curves, meter.CurveOf(hours(rows, zone)))
	}
	u := usualDay{day: start, until: at.Add(usualKept)}
	u.Usual, u.known = meter.UsualDay(curves)
	r.mu.Lock()
	r.usual = u
	r.mu.Unlock()
	return u, nil
}

// hours sorts rows into the hours of the local clock.
func hours(rows []store.Row, zone *time.Location) (hours [24]int64) {
	for _, row := range rows {
		if row.Start != 0 {
			hours[row.Start.Time().In(zone).Hour()] += row.Fresh()
		}
	}
	return hours
}
