package forecast

import (
	"math"
	"sort"
	"time"

	"tokenmeter/internal/usage"
)

// straight makes the forecast of a pace that goes on, without a band.
func straight(model string, v *view, end float64, out usage.Millis) Forecast {
	end = max(v.used, end)
	f := Forecast{Model: model, P10: end, P50: end, P90: end}
	if end >= full {
		f.RunOutProbability = 1
		f.RunsOutAt = out
	}
	return f
}

// linear goes on at the mean pace since the begin of the window.
func (f *Forecaster) linear(v *view) Forecast {
	if v.phase <= 0 {
		return straight(Linear, v, v.used, 0)
	}
	end := v.used / v.phase
	elapsed := float64(v.now - v.window.Start)
	out := v.window.Start
	if v.used > 0 {
		out += usage.Millis(min(elapsed*full/v.used, float64(2*(v.window.End-v.window.Start))))
	}
	return straight(Linear, v, end, out)
}

// workdayLinear goes on at the mean pace of the days that are worked.
func (f *Forecaster) workdayLinear(v *view) Forecast {
	works := f.workdays(v)
	var passed, left float64
	type span struct{ from, until usage.Millis }
	var ahead []span
	for at := v.window.Start; at < v.window.End; {
		local := at.Time().In(f.hours.zone)
		y, m, d := local.Date()
		next := usage.MillisOf(time.Date(y, m, d+1, 0, 0, 0, 0, f.hours.zone))
		next = min(max(next, at+minute), v.window.End)
		if works[(int(local.Weekday())+6)%7] {
			passed += float64(max(0, min(next, v.now)-at))
			if next > v.now {
				from := max(at, v.now)
				left += float64(next - from)
				ahead = append(ahead, span{from, next})
			}
		}
		at = next
	}
	if passed <= 0 {
		l := f.linear(v)
		l.Model = WorkdayLinear
		return l
	}
	pace := v.used / passed
	out := usage.Millis(0)
	need := full - v.used
	for _, s := range ahead {
		if d := pace * float64(s.until-s.from); pace > 0 && d >= need {
			out = s.from + usage.Millis(need/pace)
			break
		} else {
			need -= d
		}
	}
	return straight(WorkdayLinear, v, v.used+pace*left, out)
}

// workdays says which days of the week, Monday first, are worked: those with at least half
// of a fair share of what was used lately; Monday to Friday while little is known.
func (f *Forecaster) workdays(v *view) [7]bool {
	var used [7]float64
	total := 0.0
	s := &f.hours
	end := min(int64(len(s.bin)), hourOf(v.window.Start)-s.first)
	for i := max(0, end-8*bins); i < end; i++ {
		used[s.bin[i]/24] += s.rise[i]
		total += s.rise[i]
	}
	if total < 20 || len(f.past) < 2 {
		return [7]bool{true, true, true, true, true}
	}
	var works [7]bool
	for d := range works {
		works[d] = used[d] >= total/14
	}
	return works
}

// weekCurves takes each earlier window as a way this one may go: moved to where it stands
// now, weighted by age, and leaning on the straight line while there are few.
func (f *Forecaster) weekCurves(v *view) Forecast {
	line := f.linear(v)
	line.Model = WeekCurves
	n := len(f.past)
	if n < 3 {
		return line
	}
	from := max(0, n-60)
	ends := make([]weighted, 0, n-from)
	outs := make([]weighted, 0, n-from)
	var sum, squares, ran float64
	for i := from; i < n; i++ {
		p := &f.past[i]
		age := float64(v.window.Start-p.window.End) / float64(3*week)
		if f.short() {
			age = float64(v.window.Start-p.window.End) / float64(week)
		}
		w := math.Exp(-age)
		shift := v.used - p.at(v.phase)
		end := p.curve[grid] + shift
		ends = append(ends, weighted{end, w})
		sum += w
		squares += w * w
		if end >= full {
			ran += w
			for g := int(v.phase*grid) + 1; g <= grid; g++ {
				if p.curve[g]+shift >= full {
					outs = append(outs, weighted{float64(g) / grid, w})
					break
				}
			}
		}
	}
	if sum <= 0 {
		return line
	}
	effective := sum * sum / squares
	lambda := max(0, min(1, (effective-2)/6))
	sort.SliceStable(ends, func(i, j int) bool { return ends[i].value < ends[j].value })
	out := Forecast{Model: WeekCurves}
	blend := func(q float64) float64 {
		return max(v.used, lambda*quantile(ends, sum, q)+(1-lambda)*line.P50)
	}
	out.P10, out.P50, out.P90 = blend(0.1), blend(0.5), blend(0.9)
	out.RunOutProbability = line.RunOutProbability
	if n >= 5 {
		out.RunOutProbability = (ran + 0.5) / (sum + 1)
	}
	if out.P50 >= full {
		out.RunsOutAt = line.RunsOutAt
		if len(outs) > 0 {
			sort.SliceStable(outs, func(i, j int) bool { return outs[i].value < outs[j].value })
			total := 0.0
			for _, o := range outs {
				total += o.weight
			}
			length := float64(v.window.End - v.window.Start)
			out.RunsOutAt = max(v.now, v.window.Start+usage.Millis(length*quantile(outs, total, 0.5)))
		}
	}
	return out
}

type weighted struct{ value, weight float64 }

// quantile of sorted values whose weights make total.
func quantile(sorted []weighted, total, q float64) float64 {
	sum := 0.0
	for _, w := range sorted {
		sum += w.weight
		if sum >= q*total {
			return w.value
		}
	}
	return sorted[len(sorted)-1].value
}
