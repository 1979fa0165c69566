package forecast

import (
	"math"
	"slices"

	"tokenmeter/internal/usage"
)

// mean is a running mean.
type mean struct {
	sum float64
	n   int
}

func (m *mean) add(x float64) { m.sum += x; m.n++ }

func (m *mean) value() *float64 {
	if m.n == 0 {
		return nil
	}
	x := m.sum / float64(m.n)
	return &x
}

// tally sums the misses of one model.
type tally struct {
	banded                           bool
	abstained                        int
	miss, brier, covered, width, eta mean
	fifth                            [5]mean
}

func (t *tally) add(e *Evaluation, model int) {
	f := &e.Forecasts[model]
	if f.Abstained != "" {
		t.abstained++
		return
	}
	miss := math.Abs(min(full, f.P50) - e.Truth)
	t.miss.add(miss)
	t.fifth[e.Origin*5/origins].add(miss)
	ran := 0.0
	if e.Truth >= full {
		ran = 1
	}
	t.brier.add((f.RunOutProbability - ran) * (f.RunOutProbability - ran))
	low, high := min(full, f.P10), min(full, f.P90)
	t.banded = t.banded || f.P10 != f.P50 || f.P90 != f.P50
	inside := 0.0
	if e.Truth >= low-0.5 && e.Truth <= high+0.5 {
		inside = 1
	}
	t.covered.add(inside)
	t.width.add(high - low)
	if e.FullAt != 0 && f.RunsOutAt != 0 {
		t.eta.add(math.Abs(float64(f.RunsOutAt-e.FullAt)) / float64(hour))
	}
}

func (t *tally) result(model string) ModelResult {
	r := ModelResult{
		Model: model, Forecasts: t.miss.n, Abstained: t.abstained,
		MAE: t.miss.value(), Brier: t.brier.value(), ETAErrorHours: t.eta.value(),
	}
	for i := range r.MAEByFifth {
		r.MAEByFifth[i] = t.fifth[i].value()
	}
	if t.banded {
		r.Coverage80, r.Width80 = t.covered.value(), t.width.value()
	}
	return r
}

// The rule by which run-out alerts are given: probable enough in two evaluations that
// follow each other; armed again when it has become improbable.
const (
	alertAt = 0.7
	rearmAt = 0.5
)

// Alarm holds the rule of run-out alerts over the evaluations of one window. The zero value
// is armed.
type Alarm struct {
	high  int
	fired bool
}

// Next takes the probability of the next evaluation and says whether to alert now. An
// evaluation that abstained is not told.
func (a *Alarm) Next(probability float64) bool {
	switch {
	case probability >= alertAt:
		a.high++
	case probability < rearmAt:
		a.high, a.fired = 0, false
	default:
		a.high = 0
	}
	if a.high >= 2 && !a.fired {
		a.fired = true
		return true
	}
	return false
}

// alarm counts what alerts would have been given over windows.
type alarm struct {
	number        int
	rule          Alarm
	raised        bool // in this window
	alerts, right int
	ran, foreseen int
	lead          []float64
	begin, until  usage.Millis
}

func newAlarm() *alarm { return &alarm{number: -1} }

func (a *alarm) see(e *Evaluation) {
	if e.Number != a.number {
		a.number, a.rule, a.raised = e.Number, Alarm{}, false
		if e.FullAt != 0 {
			a.ran++
		}
		if a.begin == 0 {
			a.begin = e.Window.Start
		}
		a.until = max(a.until, e.Window.End)
	}
	f := &e.Forecasts[shown]
	if f.Abstained != "" || !a.rule.Next(f.RunOutProbability) {
		return
	}
	a.alerts++
	if e.FullAt == 0 {
		return
	}
	a.right++
	if !a.raised {
		a.raised = true
		a.foreseen++
		a.lead = append(a.lead, float64(e.FullAt-e.At)/float64(hour))
	}
}

func (a *alarm) result() AlertResult {
	var r AlertResult
	share := func(n, of int) *float64 {
		if of == 0 {
			return nil
		}
		x := float64(n) / float64(of)
		return &x
	}
	r.Precision, r.Recall = share(a.right, a.alerts), share(a.foreseen, a.ran)
	if len(a.lead) > 0 {
		slices.Sort(a.lead)
		n := len(a.lead)
		m := (a.lead[(n-1)/2] + a.lead[n/2]) / 2
		r.LeadHours = &m
	}
	if weeks := float64(a.until-a.begin) / float64(week); weeks > 0 {
		x := float64(a.alerts-a.right) / weeks
		r.FalsePerWeek = &x
	}
	return r
}
