package allowance

import (
	"cmp"
	"math"
	"slices"

	"tokenmeter/internal/usage"
)

// Point is the used percent of a window at a moment.
type Point struct {
	At   usage.Millis
	Used float64 // 0…100, may exceed it
}

// Instance is one run of a window, from its start to its reset.
type Instance struct {
	Start, End usage.Millis
	Points     []Point // at least one, oldest first; what held at each reading
	// Touched: the window did not run undisturbed. It was reset early, its reset was moved,
	// or something of it was given back.
	Touched bool
}

const (
	// nearZero is up to where a fall, in percent, can be a reset that was not stated. A meter
	// is read some minutes after its reset, when a little is used again.
	nearZero = 10
	// rounding is how much a figure may fall because one source rounds and another does not.
	rounding = 1
	// unheard is which part of a window's length without a reading is a long silence.
	unheard = 4
	// sameText is how far the reset that a limit message names may lie from the one that is
	// meant, for the text gives whole hours.
	sameText = 60 * minute
)

// Instances splits the readings of one window (one agent, account, limit id and length) into
// its runs, oldest first. Samples may come in any order. The last run may not be over yet:
// its End is then after now. Readings of a clock that ran ahead are not believed. A window
// of no known length has no runs.
//
// Readings of one stated reset are one run. Where none is stated, a fall to nearly nothing
// that the next reading confirms is the reset.
func Instances(samples []usage.Sample, now usage.Millis) []Instance {
	var length usage.Millis
	var stated, unstated []usage.Sample
	for _, s := range samples {
		if math.IsNaN(s.UsedPercent) || math.IsInf(s.UsedPercent, 0) || s.UsedPercent < 0 ||
			s.ObservedAt <= 0 || s.ObservedAt > now+usage.ClockTolerance || s.WindowMinutes <= 0 || s.WindowMinutes > math.MaxInt32 {
			continue
		}
		length = usage.Millis(s.WindowMinutes) * minute
		switch {
		case s.ResetsAt == 0 || s.ResetsAt > s.ObservedAt+length+day:
			s.ResetsAt = 0
			unstated = append(unstated, s)
		case s.ObservedAt < s.ResetsAt+SameReset: // else it is an old reading in a copied log
			stated = append(stated, s)
		}
	}
	runs := joined(byReset(stated, length), length)
	runs, unstated = place(runs, unstated)
	runs = append(runs, byFalls(unstated, length)...)
	slices.SortFunc(runs, func(a, b *run) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end))
	})
	instances := make([]Instance, 0, len(runs))
	for i, r := range runs {
		if i+1 < len(runs) && runs[i+1].start < r.end {
			r.end = max(runs[i+1].start, r.samples[len(r.samples)-1].ObservedAt)
		}
		instances = append(instances, r.instance())
	}
	return instances
}

// run is an Instance in the making.
type run struct {
	start, end usage.Millis
	samples    []usage.Sample // oldest first
	touched    bool
}

func (r *run) sort() {
	slices.SortStableFunc(r.samples, func(a, b usage.Sample) int {
		return cmp.Or(cmp.Compare(a.ObservedAt, b.ObservedAt), cmp.Compare(a.UsedPercent, b.UsedPercent), cmp.Compare(a.ResetsAt, b.ResetsAt))
	})
}

func (r *run) first() usage.Millis { return r.samples[0].ObservedAt }
func (r *run) last() usage.Millis  { return r.samples[len(r.samples)-1].ObservedAt }

// highest is the most that was read.
func (r *run) highest() (used float64) {
	for _, s := range r.samples {
		used = max(used, s.UsedPercent)
	}
	return used
}

// unbegun reports whether every reading says that nothing is used and a whole length is
// left: the agent was asked, but the window had not begun.
func (r *run) unbegun(length usage.Millis) bool {
	return !slices.ContainsFunc(r.samples, func(s usage.Sample) bool {
		return s.UsedPercent != 0 || s.ResetsAt < s.ObservedAt+length-SameReset
	})
}

// byReset makes a run of the readings of each reset, earliest first.
func byReset(samples []usage.Sample, length usage.Millis) (runs []*run) {
	slices.SortStableFunc(samples, func(a, b usage.Sample) int { return cmp.Compare(a.ResetsAt, b.ResetsAt) })
	var messages []usage.Sample
	for _, s := range samples {
		if s.Source == usage.SourceDerived {
			messages = append(messages, s)
			continue
		}
		if n := len(runs); n == 0 || s.ResetsAt-runs[n-1].end > SameReset {
			runs = append(runs, &run{})
		}
		r := runs[len(runs)-1]
		r.end = s.ResetsAt
		r.samples = append(r.samples, s)
	}
	for _, m := range messages {
		at := slices.IndexFunc(runs, func(r *run) bool { return max(r.end-m.ResetsAt, m.ResetsAt-r.end) <= sameText && m.ObservedAt < r.end })
		if at < 0 {
			at = len(runs)
			runs = append(runs, &run{end: m.ResetsAt})
		}
		runs[at].samples = append(runs[at].samples, m)
	}
	for _, r := range runs {
		r.start = r.end - length
		r.sort()
	}
	slices.SortStableFunc(runs, func(a, b *run) int { return cmp.Compare(a.end, b.end) })
	return runs
}

// joined settles runs of stated resets that overlap: the server reset a window early, or
// moved its reset.
func joined(runs []*run, length usage.Millis) []*run {
	kept := make([]*run, 0, len(runs))
	for _, r := range runs {
		for len(kept) > 0 {
			old := kept[len(kept)-1]
			if r.start >= old.end-SameReset {
				break
			}
			switch {
			case old.unbegun(length):
				kept = kept[:len(kept)-1]
				continue
			case r.start >= old.last()-SameReset && r.first() >= old.last() && r.samples[0].UsedPercent < old.highest()-rounding:
				// It began anew before its time.
				old.end, old.touched = max(old.last(), min(r.start, old.end)), true
			default: // the same window, with another reset
				r.start, r.touched = min(old.start, r.start), true
				r.samples = append(old.samples, r.samples...)
				r.sort()
				kept = kept[:len(kept)-1]
				continue
			}
			break
		}
		kept = append(kept, r)
	}
	return kept
}

// place gives readings without a reset to the run in whose time they were made, and gives
// back the rest.
func place(runs []*run, samples []usage.Sample) ([]*run, []usage.Sample) {
	var rest []usage.Sample
	for _, s := range samples {
		at := slices.IndexFunc(runs, func(r *run) bool { return r.start <= s.ObservedAt && s.ObservedAt < r.end })
		if at < 0 {
			rest = append(rest, s)
			continue
		}
		runs[at].samples = append(runs[at].samples, s)
	}
	for _, r := range runs {
		r.sort()
	}
	return runs, rest
}

// byFalls makes runs of readings that state no reset. A short window begins when something
// is used, a long one at the reset of the one before.
func byFalls(samples []usage.Sample, length usage.Millis) (runs []*run) {
	all := run{samples: samples}
	all.sort()
	samples = all.samples
	short := length < day
	var r *run
	var high float64
	var before usage.Millis // the last reading before r; 0 = none
	for i, s := range samples {
		switch {
		case r == nil:
		case s.ObservedAt >= r.start+length, fell(samples[i:], high, s.ObservedAt-r.last() >= length/unheard):
			before = r.last()
			r = nil
		}
		if r == nil {
			// The reset lies after the reading before, and by the rhythm of a long window
			// often where the last one says.
			r = &run{start: s.ObservedAt}
			if n := len(runs); n > 0 && !short {
				for at := runs[n-1].start + length; at <= s.ObservedAt; at += length {
					if at > before {
						r.start = at
					}
				}
			}
			runs, high = append(runs, r), 0
		}
		if short && high == 0 {
			// What was read before something was used is of no window; the last of it is
			// where this one begins.
			r.samples, r.start = r.samples[:0], s.ObservedAt
			if s.UsedPercent > 0 && i > 0 && samples[i-1].UsedPercent == 0 && s.ObservedAt-samples[i-1].ObservedAt < length {
				r.samples, r.start = append(r.samples, samples[i-1]), samples[i-1].ObservedAt
			}
		}
		r.samples = append(r.samples, s)
		high = max(high, s.UsedPercent)
	}
	runs = slices.DeleteFunc(runs, func(r *run) bool { return short && r.highest() == 0 })
	for i, r := range runs {
		r.end = r.start + length
		if i+1 < len(runs) && runs[i+1].start < r.end {
			// Its start is known no better than its readings lie apart; what is too short
			// by more was reset early.
			gap := r.first()
			if i > 0 {
				gap -= runs[i-1].last()
			} else {
				gap = length // nobody saw it begin
			}
			r.touched = r.end-runs[i+1].start > gap+SameReset
			r.end = runs[i+1].start
			if !r.touched {
				r.start = min(r.start, r.end-length)
			}
		}
	}
	return runs
}

// fell reports whether the first of the samples shows a reset: nearly nothing is used, far
// less than before, and the next reading says so, too. After a long silence there may have
// been much use since, so any fall will do.
func fell(samples []usage.Sample, high float64, silence bool) bool {
	used := samples[0].UsedPercent
	if used >= high-rounding || !silence && (used > nearZero || used >= high/2) {
		return false
	}
	for _, s := range samples[1:] {
		if s.ObservedAt > samples[0].ObservedAt {
			return s.UsedPercent < high-rounding
		}
	}
	return false
}

// instance tells what held at each reading: the highest one, and a lower one only once the
// next confirms it.
func (r *run) instance() Instance {
	in := Instance{Start: r.start, End: r.end, Touched: r.touched}
	held := -1.0
	lower := -1 // index of a reading that waits for its confirmation
	add := func(s usage.Sample) {
		if n := len(in.Points); n > 0 && in.Points[n-1].At == s.ObservedAt {
			in.Points[n-1].Used = s.UsedPercent
		} else {
			in.Points = append(in.Points, Point{At: s.ObservedAt, Used: s.UsedPercent})
		}
		held, lower = s.UsedPercent, -1
	}
	for i, s := range r.samples {
		switch {
		case s.UsedPercent >= held:
			add(s)
		case lower < 0:
			lower = i
		case s.ObservedAt <= r.samples[lower].ObservedAt:
		case s.UsedPercent >= r.samples[lower].UsedPercent:
			if held-s.UsedPercent > rounding {
				in.Touched = true
			}
			add(r.samples[lower])
			add(s)
		default:
			if held-r.samples[lower].UsedPercent > rounding {
				in.Touched = true
			}
			add(r.samples[lower])
			lower = i
		}
	}
	return in
}
