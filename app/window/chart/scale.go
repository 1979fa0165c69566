package chart

import "math"

// scale is an axis from 0 to top in round steps.
type scale struct{ step, top int64 }

// roundScale finds an axis with up to about n steps that holds the largest value.
func roundScale(largest int64, n int, steps ...float64) scale {
	if largest <= 0 {
		return scale{}
	}
	raw := max(float64(largest)/float64(n), 1)
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	step := 10 * power
	for _, s := range steps {
		if s*power >= raw*(1-1e-9) && s*power == math.Trunc(s*power) {
			step = s * power
			break
		}
	}
	top := math.Ceil(float64(largest)/step) * step
	if top > math.MaxInt64/2 {
		return scale{step: math.MaxInt64 / 4, top: math.MaxInt64 / 4 * 4}
	}
	return scale{step: int64(step), top: int64(top)}
}

// tickScale is an axis with three or four ticks above zero.
func tickScale(largest int64) scale { return roundScale(largest, 4, 1, 2, 2.5, 5, 10) }

// endScale is an axis of which only the end is written.
func endScale(largest int64) scale { return roundScale(largest, 1, 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) }

// share is how far up the axis a value lies, 0…1.
func (s scale) share(v int64) float64 {
	if s.top == 0 {
		return 0
	}
	return float64(v) / float64(s.top)
}
