package forecast

import (
	"cmp"
	"math"
	"slices"
	"sort"

	"tokenmeter/internal/usage"
)

// sessionsBack is how many earlier windows a session is compared with.
const sessionsBack = 240

// session forecasts a window of a few hours from earlier ones: what was used in them after
// the same time, in proportion to what is used now. Those count most that stood alike: at
// this hour of the day, as busy, idle as long.
func (f *Forecaster) session(v *view) Forecast {
	out := Forecast{Model: Profile}
	left := full - v.used
	n := len(f.past)
	from := max(0, n-sessionsBack)
	const prior = 7
	rests := make([]weighted, 0, n-from+prior)
	idle := idleness(v.now, v.window.Start, v.lastAt)
	recent := math.Log(1 + f.recent(v))
	used := math.Log(3 + v.used)
	zone := f.hours.zone
	_, offset := v.now.Time().In(zone).Zone()
	clock := hourOfDay(v.now, offset)
	length := float64(v.window.End - v.window.Start)
	back := max(0, v.phase-float64(30*minute)/length)
	total := 0.0
	for i := from; i < n; i++ {
		p := &f.past[i]
		then := p.at(v.phase)
		rest := max(0, p.curve[grid]-then)
		at := p.window.Start + usage.Millis(v.phase*float64(p.window.End-p.window.Start))
		dh := math.Abs(hourOfDay(at, offset) - clock)
		dh = min(dh, 24-dh) / 3.5
		di := (idleness(at, p.window.Start, p.lastRise(at)) - idle) / 0.7
		dr := (math.Log(1+then-p.at(back)) - recent) / 0.8
		du := (math.Log(3+then) - used) / 1.2
		age := float64(v.window.Start-p.window.End) / float64(4*week)
		w := math.Exp(-0.5*(dh*dh+di*di+dr*dr+du*du)) * math.Exp2(-age)
		m := (15 + v.used) / (15 + then)
		rests = append(rests, weighted{rest * m, w})
		total += w
	}
	// Few that stood alike: a pace that goes on for a while, or stops.
	pace := 0.0
	if v.phase > 0 {
		pace = v.used / max(v.phase, 0.1) * (1 - v.phase)
	}
	for i := range prior {
		rests = append(rests, weighted{pace * float64(i) / 5, 0.25})
	}
	total += 0.25 * prior
	slices.SortFunc(rests, func(a, b weighted) int {
		return cmp.Or(cmp.Compare(a.value, b.value), cmp.Compare(a.weight, b.weight))
	})
	r10, r50, r90 := quantile(rests, total, 0.1), quantile(rests, total, 0.5), quantile(rests, total, 0.9)
	out.P10, out.P50, out.P90 = v.used+r10, v.used+r50, v.used+r90
	for _, r := range rests {
		out.RunOutProbability += r.weight / total * normal((r.value-left)/3)
	}
	cross := func(rest float64) usage.Millis {
		if rest < left || rest <= 0 {
			return 0
		}
		return v.now + usage.Millis(float64(v.window.End-v.now)*left/rest)
	}
	out.RunsOutAt, out.RunsOutFrom, out.RunsOutUntil = cross(r50), cross(r90), cross(r10)
	return out
}

// idleness grows with the time since the last rise.
func idleness(now, start, last usage.Millis) float64 {
	return math.Log(1 + float64(now-max(start, last))/float64(10*minute))
}

// lastRise is when the figure last rose up to at, zero = never.
func (p *past) lastRise(at usage.Millis) usage.Millis {
	i := sort.Search(len(p.points), func(i int) bool { return p.points[i].At > at })
	for i--; i > 0; i-- {
		if p.points[i].Used > p.points[i-1].Used {
			return p.points[i].At
		}
	}
	if i == 0 {
		return p.points[0].At
	}
	return 0
}

// recent is what was used in the last half hour.
func (f *Forecaster) recent(v *view) float64 {
	points := clean(v.window, v.now)
	before := 0.0
	for i := len(points) - 1; i >= 0; i-- {
		if points[i].At <= v.now-30*minute {
			before = points[i].Used
			break
		}
	}
	return max(0, v.used-before)
}

func hourOfDay(at usage.Millis, offset int) float64 {
	return math.Mod(float64(at/1000)+float64(offset), 86400) / 3600
}
