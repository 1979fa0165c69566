package meter

import (
	"math"
	"slices"
)

// The bounds of what makes a day usual.
const (
	UsualDays    = 8  // as many earlier days of the same weekday are looked at
	UsualAtLeast = 2  // with fewer, nothing is called usual
	UsualWeeks   = 26 // how far back a day may lie
)

// Curve is a day as running sums: what was there at the end of each hour of the local
// clock. A day that skips an hour repeats the sum; a day that has one twice adds both.
type Curve [24]int64

// CurveOf makes running sums of what each hour added.
func CurveOf(hours [24]int64) Curve {
	var c Curve
	var sum int64
	for i, h := range hours {
		sum += h
		c[i] = sum
	}
	return c
}

// At is the sum at a moment of the day: hour 0…23 and the share 0…1 of it that is over.
func (c Curve) At(hour int, share float64) int64 {
	var before int64
	if hour > 0 {
		before = c[hour-1]
	}
	return before + int64(math.Round(float64(c[hour]-before)*share))
}

// PerMinute is the mean rate within an hour.
func (c Curve) PerMinute(hour int) int64 {
	return int64(math.Round(float64(c[hour]-c.At(hour, 0)) / 60))
}

// Usual is a usual day with the band in which half of the days lie.
type Usual struct {
	Median, Low, High Curve
}

// UsualDay takes the median and the quartiles of days, hour by hour; ok is false when
// there are too few of them.
func UsualDay(days []Curve) (u Usual, ok bool) {
	if len(days) < UsualAtLeast {
		return Usual{}, false
	}
	values := make([]int64, len(days))
	for hour := range u.Median {
		for i := range days {
			values[i] = days[i][hour]
		}
		slices.Sort(values)
		u.Low[hour] = quantile(values, 0.25)
		u.Median[hour] = quantile(values, 0.5)
		u.High[hour] = quantile(values, 0.75)
	}
	return u, true
}

// quantile interpolates between the two nearest of the sorted values.
func quantile(sorted []int64, q float64) int64 {
	at := q * float64(len(sorted)-1)
	low := int(at)
	if low+1 >= len(sorted) {
		return sorted[low]
	}
	return sorted[low] + int64(math.Round(float64(sorted[low+1]-sorted[low])*(at-float64(low))))
}
