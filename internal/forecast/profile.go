package forecast

import (
	"math"
	"slices"

	"tokenmeter/internal/usage"
)

// memory is how many hours back the profile looks.
const memory = 26 * bins

// tuning holds the constants of the models, found on synthetic users other than those of the tests.
type tuning struct {
	halfLife     float64 // hours, of what the profile remembers
	binWeeks     float64 // weight of the same hour on other days, in weeks
	classWeeks   float64 // weight of the mean hour, in weeks
	longHalf     float64 // hours, of the intensity of these days
	longPoints   float64 // weight of the usual intensity, in points
	shortHalf    float64 // hours, of the intensity of just now
	shortPoints  float64
	shortLead    float64 // hours after which just now matters half as much
	shift        float64 // points added before taking logarithms
	sigma        float64 // of the intensity, log
	grain        float64 // points that come at once
	priorBias    float64 // of the residual, in its own sigmas
	priorWindows float64 // weight of the prior of residuals
	phaseWidth   float64 // of the kernel over phases
	residualFade float64 // weight of a residual against that of the window after it
	band         float64 // width of the shown band against that of the distribution
	jump         float64 // log of a change of points per dollar that is believed
}

func tuned() tuning {
	return tuning{
		halfLife: 7 * bins, binWeeks: 7, classWeeks: 0.8,
		longHalf: 420, longPoints: 20,
		shortHalf: 18, shortPoints: 7, shortLead: 20,
		shift: 4, sigma: 0.35, grain: 7, priorBias: -0.05, priorWindows: 10, phaseWidth: 0.2, residualFade: 0.95,
		jump: 0.4, band: 0.86,
	}
}

// shape is the profile at a moment: what an hour of the week is expected to take, in points.
type shape struct {
	rate   [bins]float64
	active [bins]float64 // chance that an hour sees any use
	long   float64       // intensity of these days
	short  float64       // intensity of just now
	scale  []float64     // of each past window: points of now for one point of then
}

// profileShape works out the profile from the past and the running window.
func (f *Forecaster) profileShape(v *view) shape {
	var sh shape
	s, t := &f.hours, &f.tune
	now := hourOf(v.now)
	scale, perDollar := f.scales(v)
	sh.scale = scale

	var points, seen, used, hours [bins]float64
	start := hourOf(v.window.Start)
	// The running window.
	decay := math.Exp2(-1 / t.halfLife)
	first := now
	if len(v.rises) > 0 {
		first = v.rises[0].hour
	}
	var bin [8 * bins]uint8
	running := bin[:min(len(bin), len(v.rises))]
	fillBins(running, first, s.zone)
	w := math.Exp2(-float64(now-first-int64(len(running))+1) / t.halfLife)
	for i := len(running) - 1; i >= 0; i-- {
		r, b := &v.rises[i], running[i]
		points[b] += w * r.points
		seen[b] += w * r.seen
		if r.points > 0 {
			used[b] += w
		}
		if r.seen > 0 {
			hours[b] += w
		}
		w *= decay
	}
	// The past, newest first.
	end := min(int64(len(s.bin)), start-s.first)
	dollarsAt := s.first - hourOf(s.demand.First)
	w = math.Exp2(-float64(now-start+1) / t.halfLife)
	w = faded(w, decay, start-s.first-end)
	for i := end - 1; i >= max(0, end-memory); i-- {
		b := s.bin[i]
		y, e := s.rise[i], s.seen[i]
		if n := s.window[i]; n >= 0 {
			y *= scale[n]
		} else if j := i + dollarsAt; perDollar > 0 && j >= 0 && j < int64(len(s.demand.Hours)) && s.demand.Hours[j] >= 0 {
			y, e = s.demand.Hours[j]*perDollar, 1
		}
		if e > 0 {
			points[b] += w * y
			seen[b] += w * e
			hours[b] += w
			if y > 0 {
				used[b] += w
			}
		}
		w *= decay
	}
	shrink(&points, &seen, t, &sh.rate)
	shrink(&used, &hours, t, &sh.active)

	// Intensity: what was used against what was expected, lately and just now.
	var expected, actual, expectedNow, actualNow float64
	long, short := math.Exp2(-1/t.longHalf), math.Exp2(-1/t.shortHalf)
	wl := math.Exp2(-float64(now-first-int64(len(running))+1) / t.longHalf)
	ws := math.Exp2(-float64(now-first-int64(len(running))+1) / t.shortHalf)
	for i := len(running) - 1; i >= 0; i-- {
		r, b := &v.rises[i], running[i]
		x := sh.rate[b] * r.seen
		expected += wl * x
		actual += wl * r.points
		expectedNow += ws * x
		actualNow += ws * r.points
		wl *= long
		ws *= short
	}
	wl = faded(math.Exp2(-float64(now-start+1)/t.longHalf), long, start-s.first-end)
	ws = faded(math.Exp2(-float64(now-start+1)/t.shortHalf), short, start-s.first-end)
	for i := end - 1; i >= max(0, end-int64(6*t.longHalf)); i-- {
		if n := s.window[i]; n >= 0 {
			x, y := sh.rate[s.bin[i]]*s.seen[i], s.rise[i]*scale[n]
			expected += wl * x
			actual += wl * y
			expectedNow += ws * x
			actualNow += ws * y
		}
		wl *= long
		ws *= short
	}
	sh.long = (t.longPoints + actual) / (t.longPoints + expected)
	sh.short = sh.long * (t.shortPoints + actualNow) / (t.shortPoints + sh.long*expectedNow)
	return sh
}

// faded takes hours of decay off a weight, hour by hour, so that it is the same to the bit
// whether these hours were written down or not.
func faded(w, decay float64, hours int64) float64 {
	for range min(hours, memory) {
		w *= decay
	}
	return w
}

// shrink turns sums by the hour of the week into rates: thin bins lean on the same hour of
// other days of their kind, and these on the mean hour.
func shrink(sum, weight *[bins]float64, t *tuning, rate *[bins]float64) {
	var all, allWeight float64
	var class, classWeight [2][24]float64
	for b := range sum {
		k, h := 0, b%24
		if b >= 5*24 {
			k = 1
		}
		class[k][h] += sum[b]
		classWeight[k][h] += weight[b]
		all += sum[b]
		allWeight += weight[b]
	}
	mean := 0.0
	if allWeight > 0 {
		mean = all / allWeight
	}
	var base [2][24]float64
	for k := range class {
		days := 5.0
		if k == 1 {
			days = 2
		}
		for h := range 24 {
			a, c := (h+23)%24, (h+1)%24
			y := class[k][h] + 0.25*(class[k][a]+class[k][c])
			n := classWeight[k][h] + 0.25*(classWeight[k][a]+classWeight[k][c])
			base[k][h] = (y + t.classWeeks*days*mean) / (n + t.classWeeks*days)
		}
	}
	for b := range rate {
		k := 0
		if b >= 5*24 {
			k = 1
		}
		rate[b] = (sum[b] + t.binWeeks*base[k][b%24]) / (weight[b] + t.binWeeks)
	}
}

// scales gives for each past window how many points of now one of its points is, and how
// many points a dollar is now (0 = not known). Limits change; demand shows it.
func (f *Forecaster) scales(v *view) ([]float64, float64) {
	scale := make([]float64, len(f.past))
	var rise, dollars float64
	for _, r := range v.rises {
		if d := f.hours.dollars(r.hour, v.now); !math.IsNaN(d) && r.seen > 0 {
			rise += r.points
			dollars += d * r.seen
		}
	}
	nowRise, nowDollars := rise, dollars
	const enough = 12 // points, to say what a dollar is worth
	for i := len(f.past) - 1; i >= 0 && nowRise < enough; i-- {
		if p := &f.past[i]; p.rise > 0 {
			w := min(1, (enough-nowRise)/p.rise)
			nowRise += w * p.rise
			nowDollars += w * p.dollars
		}
	}
	known := nowRise >= 10 && nowDollars > 0
	perDollar := 0.0
	if known {
		perDollar = nowRise / nowDollars
	}
	threshold := f.tune.jump
	if known {
		threshold = max(threshold, 3*f.unsteady())
	}
	for i := range scale {
		scale[i] = 1
		p := &f.past[i]
		if !known || p.rise < 10 || p.dollars <= 0 {
			continue
		}
		x := math.Log(perDollar * p.dollars / p.rise)
		if math.Abs(x) > threshold {
			scale[i] = math.Exp(x)
		}
	}
	return scale, perDollar
}

// unsteady is by how much the points of a dollar usually differ from one window to the
// next, as a logarithm: much where another machine uses the same account.
func (f *Forecaster) unsteady() float64 {
	var steps []float64
	last, known := 0.0, false
	for i := max(0, len(f.past)-20); i < len(f.past); i++ {
		if p := &f.past[i]; p.rise >= 10 && p.dollars > 0 {
			x := math.Log(p.rise / p.dollars)
			if known {
				steps = append(steps, math.Abs(x-last))
			}
			last, known = x, true
		}
	}
	if len(steps) < 2 {
		return 0
	}
	slices.Sort(steps)
	return steps[len(steps)/2]
}

// ahead walks over the hours that are left and calls visit with the expected points and
// activity of each, until it returns false.
func (f *Forecaster) ahead(v *view, sh *shape, visit func(from, until usage.Millis, points, active float64) bool) {
	var bin [8 * bins]uint8
	first, last := hourOf(v.now), hourOf(v.window.End-1)
	left := bin[:min(int64(len(bin)), last-first+1)]
	fillBins(left, first, f.hours.zone)
	fade := math.Exp2(-1 / f.tune.shortLead)
	excess := sh.short - sh.long
	for i, b := range left {
		from, until := max(v.now, usage.Millis(first+int64(i))*hour), min(v.window.End, usage.Millis(first+int64(i)+1)*hour)
		share := float64(until-from) / float64(hour)
		if !visit(from, until, sh.rate[b]*share*(sh.long+excess), sh.active[b]*share) {
			return
		}
		excess *= fade
	}
}

// profile forecasts by the hour of the week and the present intensity.
func (f *Forecaster) profile(v *view, sh *shape) Forecast {
	mean := 0.0
	f.ahead(v, sh, func(_, _ usage.Millis, points, _ float64) bool {
		mean += points
		return true
	})
	v.center = mean
	v.spread = f.rawSigma(mean)
	bias, sigma := f.skill.residual(v.phase, &f.tune)
	c := f.tune.shift
	center := math.Log(mean+c) + bias*v.spread
	spread := v.spread * sigma
	out := Forecast{Model: Profile}
	left := full - v.used
	rest := func(z float64) float64 { return max(0, math.Exp(center+z*spread)-c) }
	r10, r50, r90 := rest(-z90*f.tune.band), rest(0), rest(z90*f.tune.band)
	out.P10, out.P50, out.P90 = v.used+r10, v.used+r50, v.used+r90
	out.RunOutProbability = 1 - normal((math.Log(left+c)-center)/spread)
	// Each path is the expected one, stretched to its end.
	cross := [3]usage.Millis{}
	ends := [3]float64{r50, r90, r10}
	sum := 0.0
	f.ahead(v, sh, func(from, until usage.Millis, points, _ float64) bool {
		for i, end := range ends {
			if cross[i] == 0 && end >= left && mean > 0 {
				if at := left * mean / end; sum+points >= at && points > 0 {
					cross[i] = from + usage.Millis(float64(until-from)*(at-sum)/points)
				}
			}
		}
		sum += points
		return true
	})
	out.RunsOutAt, out.RunsOutFrom, out.RunsOutUntil = cross[0], cross[1], cross[2]
	return out
}

// rawSigma is the spread of the logarithm of what is left to be used, before it was
// compared with how it came: unsure of the intensity, and of the last few bursts.
func (f *Forecaster) rawSigma(mean float64) float64 {
	t := &f.tune
	return math.Sqrt(t.sigma*t.sigma + math.Log1p(t.grain/(mean+t.shift)))
}

// z90 is the 90 % quantile of the normal distribution.
const z90 = 1.2815515655446004

func normal(z float64) float64 { return 0.5 * math.Erfc(-z/math.Sqrt2) }

// safePace gives the points an active hour that just last to the reset.
func (f *Forecaster) safePace(v *view, sh *shape) float64 {
	active := 0.0
	f.ahead(v, sh, func(_, _ usage.Millis, _, a float64) bool {
		active += a
		return true
	})
	left := float64(v.window.End-v.now) / float64(hour)
	return (full - v.used) / max(active, min(left, 0.25))
}
