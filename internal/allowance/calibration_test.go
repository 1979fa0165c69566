package allowance

import (
	"math"
	"math/rand/v2"
	"testing"

	"tokenmeter/internal/usage"
)

// rises makes readings of a meter that one dollar moves by k points, in whole points where
// rounded, with a share of the rises that comes from elsewhere.
func rises(seed uint64, n int, k, elsewhere float64, rounded bool) []Rise {
	r := rand.New(rand.NewPCG(seed, 1))
	list := make([]Rise, n)
	meter, told := 0.0, 0.0
	for i := range list {
		dollars := 0.5 + 3*r.Float64()
		moved := k * dollars * (0.85 + 0.3*r.Float64())
		if r.Float64() < elsewhere {
			moved += 2 + 6*r.Float64()
		}
		meter += moved
		now := meter
		if rounded {
			now = math.Round(meter)
		}
		list[i] = Rise{Until: usage.Millis(i) * 3 * 60 * minute, Points: now - told, Cost: usage.Micros(dollars * 1e6)}
		told = now
	}
	return list
}

func TestCalibrate(t *testing.T) {
	cases := map[string]struct {
		rises               []Rise
		k                   float64 // truth; 0 = nothing may be said
		off                 float64 // allowed, relative
		leastElse, mostElse float64
	}{
		"all of it is local":         {rises(1, 40, 2, 0, false), 2, 0.05, 0, 0.06},
		"whole points":               {rises(2, 40, 2, 0, true), 2, 0.08, 0, 0.08},
		"a third is used elsewhere":  {rises(3, 60, 2, 0.3, true), 2, 0.2, 0.1, 0.4},
		"half is used elsewhere":     {rises(4, 60, 2, 0.5, true), 2, 0.35, 0.15, 0.6},
		"a small account moves fast": {rises(5, 40, 9, 0, true), 9, 0.06, 0, 0.06},
		"limits were doubled":        {append(rises(6, 40, 4, 0, true), later(rises(7, 12, 2, 0, true), 40)...), 2, 0.12, 0, 0.1},
		"limits were halved":         {append(rises(8, 40, 2, 0, true), later(rises(9, 12, 4, 0, true), 40)...), 4, 0.12, 0, 0.1},
		"nothing was used here":      {[]Rise{{1, 5, 0}, {2, 5, 0}, {3, 5, 0}, {4, 5, 0}, {5, 5, 0}}, 0, 0, 0, 0},
		"too few readings":           {rises(10, 3, 2, 0, true), 0, 0, 0, 0},
		"too few points":             {rises(11, 6, 0.1, 0, false), 0, 0, 0, 0},
		"the meter never moved":      {[]Rise{{1, 0, 5e6}, {2, 0, 5e6}, {3, 0, 5e6}, {4, 0, 5e6}, {5, 0, 5e6}}, 0, 0, 0, 0},
		"no readings":                {nil, 0, 0, 0, 0},
		"figures that make no sense": {append(rises(12, 40, 2, 0, true), Rise{5, math.NaN(), 1}, Rise{6, math.Inf(1), 1}, Rise{7, -3, 1}, Rise{8, 3, -1}), 2, 0.1, 0, 0.1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, ok := Calibrate(c.rises)
			if ok != (c.k > 0) {
				t.Fatalf("calibrated %v: %+v", ok, got)
			}
			if !ok {
				return
			}
			if off := got.PointsPerDollar/c.k - 1; math.Abs(off) > c.off {
				t.Errorf("%.3f points a dollar, the truth is %.3f", got.PointsPerDollar, c.k)
			}
			if !(got.Low > 0 && got.Low <= got.PointsPerDollar && got.PointsPerDollar <= got.High) {
				t.Errorf("the band %v to %v does not hold %v", got.Low, got.High, got.PointsPerDollar)
			}
			if got.Elsewhere < c.leastElse || got.Elsewhere > c.mostElse {
				t.Errorf("%.2f used elsewhere, wanted %.2f to %.2f", got.Elsewhere, c.leastElse, c.mostElse)
			}
			shuffled := append([]Rise(nil), c.rises...)
			rand.New(rand.NewPCG(9, 9)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			if again, _ := Calibrate(shuffled); again != got {
				t.Errorf("another order gives %+v, not %+v", again, got)
			}
		})
	}
}

// later moves rises behind n others.
func later(list []Rise, n int) []Rise {
	for i := range list {
		list[i].Until += usage.Millis(n) * 3 * 60 * minute
	}
	return list
}

func TestEstimate(t *testing.T) {
	c := Calibration{PointsPerDollar: 2, Low: 1.8, High: 2.2}
	for name, k := range map[string]struct {
		reading float64
		cost    usage.Micros
		used    float64
	}{
		"some dollars":                 {40, 5e6, 50},
		"nothing since":                {40, 0, 40},
		"more than there is":           {90, 50e6, 99},
		"over a hundred by the server": {104, 5e6, 104},
		"a cost that makes no sense":   {40, -5e6, 40},
	} {
		t.Run(name, func(t *testing.T) {
			used, low, high := c.Estimate(k.reading, k.cost)
			if used != k.used || !(low <= used && used <= high) || low < k.reading {
				t.Errorf("%v (%v to %v), wanted %v", used, low, high, k.used)
			}
		})
	}
}

// The band of the needle must hold the truth about as often as it says.
func TestBandOfTheNeedle(t *testing.T) {
	inside, all := 0, 0
	for seed := range uint64(400) {
		list := rises(100+seed, 30, 2, 0.1, true)
		c, ok := Calibrate(list[:29])
		if !ok {
			continue
		}
		r := rand.New(rand.NewPCG(seed, 7))
		dollars := 1 + 4*r.Float64()
		truth := 20 + 2*dollars*(0.85+0.3*r.Float64())
		_, low, high := c.Estimate(20, usage.Micros(dollars*1e6))
		all++
		if low <= truth && truth <= high {
			inside++
		}
	}
	if share := float64(inside) / float64(all); all < 300 || share < 0.75 {
		t.Errorf("%d of %d inside the band", inside, all)
	}
}
