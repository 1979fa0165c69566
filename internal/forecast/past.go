package forecast

import (
	"math"

	"tokenmeter/internal/usage"
)

// past is a finished window.
type past struct {
	window Window
	points []Point
	last   float64      // its last figure
	fullAt usage.Millis // zero = never exhausted
	rise   float64      // points that were seen to be used
	// dollars is the demand of this machine in the same hours.
	dollars float64
	curve   [grid + 1]float64 // used % at each share of the window
}

// grid is the number of steps of a curve.
const grid = 168

// origins is the number of parts of a window; forecasts are scored at each inner border.
const origins = 20

// newPast reads a finished window.
func newPast(w Window, points []Point, rises []rise, s *series) past {
	p := past{window: w, points: points, fullAt: fullAt(points)}
	if len(points) > 0 {
		p.last = points[len(points)-1].Used
	}
	for _, r := range rises {
		if d := s.dollars(r.hour, w.End); r.seen > 0 && !math.IsNaN(d) {
			p.rise += r.points
			p.dollars += d * r.seen
		}
	}
	length := float64(w.End - w.Start)
	i, used := 0, 0.0
	for g := range p.curve {
		at := w.Start + usage.Millis(length*float64(g)/grid)
		for i < len(points) && points[i].At <= at {
			used = points[i].Used
			i++
		}
		p.curve[g] = used
	}
	if p.fullAt != 0 {
		// What would have been used without the limit: on at the pace that led there.
		share := float64(p.fullAt-w.Start) / length
		for g := range p.curve {
			if at := float64(g) / grid; at >= share && share > 0 {
				p.curve[g] = full * at / share
			}
		}
	}
	return p
}

// at reads the curve at a share of the window.
func (p *past) at(phase float64) float64 {
	x := max(0, min(1, phase)) * grid
	g := min(int(x), grid-1)
	return p.curve[g] + (p.curve[g+1]-p.curve[g])*(x-float64(g))
}

// learn replays a finished window with what was known before it, scores the models on it,
// and adds it to the past. visit, unless nil, sees each evaluation.
func (f *Forecaster) learn(w Window, visit func(*Evaluation)) {
	points := clean(w, w.End)
	exhausted := fullAt(points)
	f.hours.grow(hourOf(w.Start), hourOf(w.Start)+1)
	var loss [models]float64
	n := 0
	truth := 0.0
	if len(points) > 0 {
		truth = points[len(points)-1].Used
	}
	if len(f.past) > 0 {
		for o := 1; o < origins; o++ {
			now := w.Start + (w.End-w.Start)*usage.Millis(o)/origins
			if exhausted != 0 && exhausted <= now {
				break
			}
			e := Evaluation{Window: w, Number: len(f.past), Origin: o, At: now, Truth: min(full, truth), FullAt: exhausted}
			v := f.forecast(w, now, &e.Forecasts)
			for i := range loss {
				loss[i] += Loss(e.Forecasts[i], truth)
			}
			n++
			f.skill.note(&v, truth, &f.tune)
			if visit != nil {
				visit(&e)
			}
		}
	}
	f.skill.close(loss, n)
	rises := f.hours.spread(w, points, w.End, exhausted)
	f.past = append(f.past, newPast(w, points, rises, &f.hours))
	f.hours.add(rises, len(f.past)-1)
	f.until = max(f.until, w.End)
}
