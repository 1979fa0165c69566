package forecast

import "math"

// skill is how good the models were, and by how much the profile missed.
type skill struct {
	loss      [models][]float64 // mean loss of each finished window
	residuals [][]residual      // of each finished window
	open      []residual
}

// residual is a miss of the profile, in its own sigmas.
type residual struct {
	phase    float64
	z        float64
	variance float64 // more than zero where z is only known to be at least so much
}

// note keeps by how much the profile missed at an origin. A window that ran out says only
// that at least so much would have been used; what is to be expected of such a window
// stands in for it.
func (s *skill) note(v *view, truth float64, t *tuning) {
	if v.spread == 0 {
		return
	}
	rest := max(0, min(full, truth)-v.used)
	z := (math.Log(rest+t.shift) - math.Log(v.center+t.shift)) / v.spread
	r := residual{phase: v.phase, z: z}
	if truth >= full {
		x := z - t.priorBias
		density := math.Exp(-x*x/2) / math.Sqrt(2*math.Pi)
		beyond := max(1e-9, 1-normal(x))
		m := density / beyond
		if x > 5 {
			m = x
		}
		r.z = t.priorBias + m
		r.variance = max(0, 1+x*m-m*m)
	}
	r.z = max(-6, min(6, r.z))
	s.open = append(s.open, r)
}

// close ends a window of n origins with the summed losses.
func (s *skill) close(loss [models]float64, n int) {
	s.residuals = append(s.residuals, s.open)
	s.open = nil
	if n == 0 {
		return
	}
	for i := range loss {
		s.loss[i] = append(s.loss[i], loss[i]/float64(n))
	}
}

// residual gives mean and deviation of the misses at a phase, in sigmas.
func (s *skill) residual(phase float64, t *tuning) (bias, sigma float64) {
	var n, sum, squares float64
	w := 1.0
	for i := len(s.residuals) - 1; i >= 0 && w > 0.02; i-- {
		var k, m, q float64
		for _, r := range s.residuals[i] {
			x := (r.phase - phase) / t.phaseWidth
			if x > 3 || x < -3 {
				continue
			}
			g := math.Exp(-x * x / 2)
			k += g
			m += g * r.z
			q += g * (r.z*r.z + r.variance)
		}
		if k > 0.3 {
			n += w
			sum += w * m / k
			squares += w * q / k
		}
		w *= t.residualFade
	}
	p := t.priorWindows
	bias = (sum + p*t.priorBias) / (n + p)
	variance := (squares+p*(1+t.priorBias*t.priorBias))/(n+p) - bias*bias
	return bias, math.Sqrt(max(0.04, variance))
}

// scored windows are needed before another model than the profile is shown.
const scored = 4

// fade is the weight of a window's loss against that of the window after it.
const fade = 0.85

// best is the model with the lowest discounted loss.
func (s *skill) best() int {
	if len(s.loss[profile]) < scored {
		return profile
	}
	best, least := profile, math.Inf(1)
	for _, m := range [...]int{profile, curves, workday, linear} {
		if d := discounted(s.loss[m]); d < least {
			best, least = m, d
		}
	}
	return best
}

// discounted is the mean of the losses, oldest first, the later the heavier.
func discounted(losses []float64) float64 {
	var sum, weight float64
	w := 1.0
	for i := len(losses) - 1; i >= 0; i-- {
		sum += w * losses[i]
		weight += w
		w *= fade
	}
	return sum / weight
}

// Loss is the pinball loss of a forecast against the figure at the reset: the mean over its
// 10, 50 and 90 % quantiles, in points. Above 100 all figures are alike, for a window that
// has run out shows no more.
func Loss(f Forecast, truth float64) float64 {
	return (pinball(0.1, f.P10, truth) + pinball(0.5, f.P50, truth) + pinball(0.9, f.P90, truth)) / 3
}

func pinball(q, forecast, truth float64) float64 {
	d := min(full, truth) - min(full, forecast)
	return max(q*d, (q-1)*d)
}

// Scored is the loss of a stored forecast, or the mean of several, of a window that has closed.
type Scored struct {
	Model string
	Loss  float64
	Age   int // how many windows have closed since
}

// Best names the model with the lowest discounted loss, Profile until one has been scored on
// enough windows. Of equal ones the later in Models wins.
func Best(scores []Scored) string {
	var sum, weight [models]float64
	var windows [models]map[int]bool
	names := Models()
	for _, s := range scores {
		for i, name := range names[:shown] {
			if name == s.Model && s.Age >= 0 && s.Loss >= 0 {
				w := math.Pow(fade, float64(s.Age))
				sum[i] += w * s.Loss
				weight[i] += w
				if windows[i] == nil {
					windows[i] = map[int]bool{}
				}
				windows[i][s.Age] = true
			}
		}
	}
	if len(windows[profile]) < scored {
		return Profile
	}
	best, least := profile, math.Inf(1)
	for i := shown - 1; i >= 0; i-- {
		if len(windows[i]) >= scored && sum[i]/weight[i] < least {
			best, least = i, sum[i]/weight[i]
		}
	}
	return names[best]
}
