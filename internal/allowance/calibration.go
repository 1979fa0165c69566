package allowance

import (
	"cmp"
	"math"
	"slices"

	"tokenmeter/internal/usage"
)

// Rise is what a window did between two readings, and what this machine used meanwhile.
type Rise struct {
	Until  usage.Millis // of the second reading
	Points float64      // percentage points, never negative
	Cost   usage.Micros // at list price
}

// Calibration says how far one dollar at list price moves a window. It is learnt from the
// rises of one account and one length of window, and moves the needle between readings.
type Calibration struct {
	PointsPerDollar float64
	Low, High       float64 // the 80 % band of it
	// Elsewhere is the share of the rises, 0 to 1, that nothing on this machine explains:
	// other devices and the web draw on the same account.
	Elsewhere float64
	Rises     int // that it was learnt from
}

// What a calibration needs before anything is said.
const (
	leastRises       = 4
	leastPoints      = 10
	largestDeviation = 0.5 // of the figure itself, relative
)

// What a rise is worth as evidence.
const (
	// Half the weight after so long, counted from the newest rise: meters change.
	halfLife = 3 * day
	// But the newest ones always count, so that a rarely used account has a figure, too.
	halfCount = 12
	// Both readings may be rounded to whole points.
	roundedBy = 1.0 / 6 // variance, points²
	// Models differ in how much of the meter a list-price dollar takes.
	spread = 0.25 // standard deviation, relative
	// Use from elsewhere only adds, so what lies above the line is trusted less.
	above, below = 0.8, 2.5 // in standard deviations
	// A calibration whose newest rises lie so far off has to begin anew with them: limits
	// were doubled more than once.
	jump = 1.35
)

// Calibrate learns from rises, in any order. ok is false where they do not suffice for a
// figure that deserves to be shown.
func Calibrate(rises []Rise) (c Calibration, ok bool) {
	rises = slices.DeleteFunc(slices.Clone(rises), func(r Rise) bool {
		return !(r.Points >= 0) || math.IsInf(r.Points, 0) || r.Cost < 0 || r.Points == 0 && r.Cost == 0
	})
	slices.SortFunc(rises, func(a, b Rise) int { // newest first
		return cmp.Or(-cmp.Compare(a.Until, b.Until), cmp.Compare(a.Cost, b.Cost), cmp.Compare(a.Points, b.Points))
	})
	for _, newest := range []int{6, 10, 16} {
		if len(rises) < newest+leastRises {
			break
		}
		now, known := fit(rises[:newest])
		before, knownBefore := fit(rises[newest:])
		apart := now.Low > before.High || before.Low > now.High
		ratio := now.PointsPerDollar / before.PointsPerDollar
		if known && knownBefore && apart && (ratio > jump || ratio < 1/jump) {
			return now, true
		}
	}
	return fit(rises)
}

// fit is a robust regression through the origin of points on dollars; rises are newest first.
func fit(rises []Rise) (c Calibration, ok bool) {
	var points, dollars float64
	weights := make([]float64, len(rises))
	for i, r := range rises {
		age := float64(rises[0].Until-r.Until) / float64(halfLife)
		weights[i] = max(math.Exp2(-age), math.Exp2(-float64(i)/halfCount))
		points += r.Points
		dollars += dollarsOf(r)
	}
	if len(rises) < leastRises || points < leastPoints || dollars <= 0 {
		return Calibration{}, false
	}
	k := medianRatio(rises, weights)
	trust := make([]float64, len(rises))
	for range 30 {
		var xy, xx float64
		for i, r := range rises {
			x := dollarsOf(r)
			variance := roundedBy + spread*spread*k*k*x*x
			off := (r.Points - k*x) / math.Sqrt(variance)
			trust[i] = weights[i] / variance
			switch {
			case off > above:
				trust[i] *= above / off
			case off < -below:
				trust[i] *= below / -off
			}
			xy += trust[i] * x * r.Points
			xx += trust[i] * x * x
		}
		if xx == 0 {
			return Calibration{}, false
		}
		k = xy / xx
	}
	var xx, noise, explained, risen float64
	for i, r := range rises {
		x := dollarsOf(r)
		off := r.Points - k*x
		xx += trust[i] * x * x
		noise += trust[i] * trust[i] * x * x * off * off
		explained += weights[i] * k * x
		risen += weights[i] * r.Points
	}
	deviation := math.Sqrt(noise) / xx
	if !(k > 0) || deviation > largestDeviation*k {
		return Calibration{}, false
	}
	const band = 1.2816 // standard deviations to either side hold 80 %
	return Calibration{
		PointsPerDollar: k, Low: max(k-band*deviation, 0), High: k + band*deviation,
		Elsewhere: max(0, 1-explained/risen), Rises: len(rises),
	}, true
}

// medianRatio is the median of points a dollar, weighted by dollars.
func medianRatio(rises []Rise, weights []float64) float64 {
	type ratio struct{ value, weight float64 }
	var list []ratio
	var all float64
	for i, r := range rises {
		if x := dollarsOf(r); x > 0 {
			list = append(list, ratio{r.Points / x, weights[i] * x})
			all += weights[i] * x
		}
	}
	slices.SortFunc(list, func(a, b ratio) int { return cmp.Or(cmp.Compare(a.value, b.value), cmp.Compare(a.weight, b.weight)) })
	var sum float64
	for _, r := range list {
		if sum += r.weight; sum >= all/2 {
			return r.value
		}
	}
	return 0
}

func dollarsOf(r Rise) float64 { return float64(r.Cost) / 1e6 }

// Estimate is where the needle stands when the machine has used cost since a reading, with
// the 80 % band: of the calibration, of the models' weights and of the reading's roundedBy. A
// window is never called exhausted by an estimate, only by a reading.
func (c Calibration) Estimate(reading float64, cost usage.Micros) (used, low, high float64) {
	const almost = 99.0
	x := float64(max(cost, 0)) / 1e6
	k := c.PointsPerDollar
	off := 1.2816 * math.Sqrt(roundedBy/2+spread*spread*k*k*x*x)
	bound := func(v float64) float64 { return max(reading, min(v, max(almost, reading))) }
	return bound(reading + k*x), bound(reading + c.Low*x - off), bound(reading + c.High*x + off)
}
