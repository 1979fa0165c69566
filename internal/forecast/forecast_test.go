package forecast_test

import (
	"math"
	"reflect"
	"testing"
	"time"

	"tokenmeter/internal/forecast"
	"tokenmeter/internal/forecast/synthetic"
	"tokenmeter/internal/usage"
)

const (
	minute = usage.Millis(60_000)
	hour   = 60 * minute
	week   = 168 * hour
)

// TestNothingOfTheFutureIsUsed changes all that lies after a moment and wants the same
// forecast; it also wants a replay to say what was said live.
func TestNothingOfTheFutureIsUsed(t *testing.T) {
	for _, u := range synthetic.Users(77, 12, 10) {
		u.Session.Finished = u.Session.Finished[:min(20, len(u.Session.Finished))]
		for _, h := range []forecast.History{u.Weekly, u.Session} {
			n := 0
			forecast.Replay(h, func(e *forecast.Evaluation) {
				n++
				if n%31 != 0 {
					return
				}
				then := known(h, e.At)
				running := e.Window
				running.Points = nil
				for _, p := range e.Window.Points {
					if p.At <= e.At {
						running.Points = append(running.Points, p)
					}
				}
				live := forecast.New(then).At(running, e.At)
				if !reflect.DeepEqual(live, e.Forecasts[:]) {
					t.Fatalf("%s: replayed\n%+v\nlive\n%+v", u.Scenario, e.Forecasts, live)
				}
				other := e.Window
				other.Points = append([]forecast.Point(nil), running.Points...)
				for x := e.At + 1; x < other.End; x += hour {
					other.Points = append(other.Points, forecast.Point{At: x, Used: 99})
				}
				if changed := forecast.New(spoilt(h, e.At)).At(other, e.At); !reflect.DeepEqual(live, changed) {
					t.Fatalf("%s: another future\n%+v\nchanged the forecast\n%+v", u.Scenario, changed, live)
				}
			})
			if n == 0 {
				t.Fatalf("%s: nothing was replayed", u.Scenario)
			}
		}
	}
}

// known is the part of a history that was known at a moment.
func known(h forecast.History, at usage.Millis) forecast.History {
	then := h
	then.Finished = nil
	for _, w := range h.Finished {
		if w.End <= at {
			then.Finished = append(then.Finished, w)
		}
	}
	if n := int((at - h.Demand.First) / hour); n < len(h.Demand.Hours) {
		then.Demand.Hours = h.Demand.Hours[:max(0, n)]
	}
	return then
}

// spoilt is a history whose part after a moment is another.
func spoilt(h forecast.History, at usage.Millis) forecast.History {
	then := h
	then.Finished = append([]forecast.Window(nil), h.Finished...)
	for i, w := range then.Finished {
		if w.End > at {
			then.Finished[i].Points = []forecast.Point{{At: w.Start + hour, Used: 97}}
		}
	}
	then.Demand.Hours = append([]float64(nil), h.Demand.Hours...)
	for i := range then.Demand.Hours {
		if h.Demand.First+usage.Millis(i+1)*hour > at {
			then.Demand.Hours[i] = 1e4
		}
	}
	return then
}

func TestSameDataSameFigures(t *testing.T) {
	for _, u := range synthetic.Users(5, 12, 9) {
		u.Session.Finished = u.Session.Finished[:min(40, len(u.Session.Finished))]
		for _, h := range []forecast.History{u.Weekly, u.Session} {
			if a, b := forecast.Backtest(h), forecast.Backtest(h); !reflect.DeepEqual(a, b) {
				t.Errorf("%s: two backtests differ:\n%+v\n%+v", u.Scenario, a, b)
			}
		}
	}
}

// steady makes weeks of a person who works from nine to five in a zone, Monday to Friday,
// two points an hour.
func steady(zone *time.Location, begin time.Time, weeks int) forecast.History {
	h := forecast.History{Minutes: 7 * 24 * 60, Zone: zone}
	for w := range weeks {
		start := begin.AddDate(0, 0, 7*w)
		window := forecast.Window{Start: usage.MillisOf(start), End: usage.MillisOf(start) + week}
		used := 0.0
		for d := range 7 {
			day := start.AddDate(0, 0, d)
			if wd := day.Weekday(); wd == time.Saturday || wd == time.Sunday {
				continue
			}
			for q := range 8 {
				used += 2
				at := time.Date(day.Year(), day.Month(), day.Day(), 9+q, 59, 0, 0, zone)
				window.Points = append(window.Points, forecast.Point{At: usage.MillisOf(at), Used: used})
			}
		}
		h.Finished = append(h.Finished, window)
	}
	return h
}

func TestASteadyWorkerIsForetold(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	// Summer time ends on 25 October 2026, in the week that is forecast.
	all := steady(berlin, time.Date(2026, 8, 24, 0, 0, 0, 0, berlin), 9)
	h := all
	h.Finished = all.Finished[:8]
	running := all.Finished[8]
	f := forecast.New(h)
	for d := range 5 {
		now := usage.MillisOf(time.Date(2026, 10, 19+d, 13, 0, 0, 0, berlin))
		got := f.At(running, now)[profile]
		if math.Abs(got.P50-80) > 5 || got.RunOutProbability > 0.25 || got.RunsOutAt != 0 {
			t.Errorf("day %d: %+v, wanted a median near 80", d, got)
		}
		if !(got.P10 <= got.P50 && got.P50 <= got.P90) {
			t.Errorf("day %d: the band is out of order: %+v", d, got)
		}
	}
	// In the week after it nine o'clock is nine o'clock again, an hour later in UTC.
	h.Finished = all.Finished
	next := steady(berlin, time.Date(2026, 10, 26, 0, 0, 0, 0, berlin), 1).Finished[0]
	early := forecast.New(h).At(next, usage.MillisOf(time.Date(2026, 10, 30, 8, 59, 0, 0, berlin)))[profile]
	late := forecast.New(h).At(next, usage.MillisOf(time.Date(2026, 10, 30, 17, 0, 0, 0, berlin)))[profile]
	if math.Abs(early.P50-80) > 5 || math.Abs(late.P50-80) > 2.5 {
		t.Errorf("in the week after the change: %+v at nine, %+v at five", early, late)
	}
}

func TestAHeavyWeekRunsOutInWorkingHours(t *testing.T) {
	h := steady(time.UTC, time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC), 9)
	running := h.Finished[8]
	h.Finished = h.Finished[:8]
	points := append([]forecast.Point(nil), running.Points...)
	for i := range points {
		points[i].Used *= 2
	}
	running.Points = points
	now := usage.MillisOf(time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)) // a Wednesday, at 76 %
	got := forecast.New(h).At(running, now)[profile]
	if got.RunOutProbability < 0.8 || got.RunsOutAt == 0 {
		t.Fatalf("%+v, wanted it to run out", got)
	}
	at := got.RunsOutAt.Time()
	if at.Hour() < 9 || at.Hour() >= 17 || at.Weekday() == time.Sunday || at.Before(now.Time()) {
		t.Errorf("runs out at %v, when nobody works", at)
	}
	if !(got.RunsOutFrom > now && got.RunsOutFrom <= got.RunsOutAt && (got.RunsOutUntil == 0 || got.RunsOutUntil >= got.RunsOutAt)) {
		t.Errorf("range %v to %v around %v", got.RunsOutFrom.Time(), got.RunsOutUntil.Time(), at)
	}
	// 24 points for two and a half days of eight hours.
	if got.SafePacePerHour < 0.6 || got.SafePacePerHour > 2 {
		t.Errorf("safe pace %.2f points an hour, wanted about 1.2", got.SafePacePerHour)
	}
}

func TestAbstention(t *testing.T) {
	h := steady(time.UTC, time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC), 6)
	start := h.Finished[5].End
	window := func(points ...forecast.Point) forecast.Window {
		return forecast.Window{Start: start, End: start + week, Points: points}
	}
	session := forecast.History{Minutes: 300}
	cases := []struct {
		name   string
		h      forecast.History
		w      forecast.Window
		after  usage.Millis
		wanted bool
	}{
		{"no reading in this window", h, window(), 40 * hour, true},
		{"a reading that is still to come", h, window(forecast.Point{At: start + 41*hour, Used: 3}), 40 * hour, true},
		{"a reading", h, window(forecast.Point{At: start + 39*hour, Used: 30}), 40 * hour, false},
		{"no history, just begun", forecast.History{Minutes: 10080}, window(forecast.Point{At: start + hour, Used: 3}), 5 * hour, true},
		{"no history, nearly over", forecast.History{Minutes: 10080}, window(forecast.Point{At: start + 160*hour, Used: 30}), 161 * hour, false},
		{"exhausted", forecast.History{Minutes: 10080}, window(forecast.Point{At: start + hour, Used: 100}), 5 * hour, false},
		{"before its begin", h, window(), -hour, true},
		{"after its end", h, window(forecast.Point{At: start, Used: 1}), week, true},
		{"without a length", h, forecast.Window{Start: start, End: start}, 0, true},
		{"upside down", h, forecast.Window{Start: start, End: start - hour}, 0, true},
		{"a session that has just begun", session, forecast.Window{Start: start, End: start + 5*hour, Points: []forecast.Point{{At: start + minute, Used: 2}}}, 5 * minute, true},
	}
	for _, c := range cases {
		got := forecast.New(c.h).At(c.w, start+c.after)
		if len(got) != len(forecast.Models()) {
			t.Fatalf("%s: %d forecasts", c.name, len(got))
		}
		if abstained := got[shown].Abstained != ""; abstained != c.wanted {
			t.Errorf("%s: %+v, wanted abstention %v", c.name, got[shown], c.wanted)
		}
	}
}

func TestASessionSaysNoMomentTooEarly(t *testing.T) {
	start := usage.MillisOf(time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC))
	h := forecast.History{Minutes: 300}
	for i := range 30 {
		s := start - usage.Millis(30-i)*24*hour
		w := forecast.Window{Start: s, End: s + 5*hour}
		for m := usage.Millis(1); m <= 100; m++ {
			w.Points = append(w.Points, forecast.Point{At: s + m*minute, Used: float64(m)})
		}
		h.Finished = append(h.Finished, w)
	}
	f := forecast.New(h)
	w := forecast.Window{Start: start, End: start + 5*hour}
	for m := usage.Millis(1); m <= 30; m++ {
		w.Points = append(w.Points, forecast.Point{At: start + m*minute, Used: float64(m)})
	}
	early, later := f.At(w, start+9*minute)[shown], f.At(w, start+30*minute)[shown]
	if early.RunsOutAt != 0 {
		t.Errorf("after nine minutes it runs out at %v", early.RunsOutAt.Time())
	}
	if later.RunsOutAt == 0 || later.RunOutProbability < 0.7 {
		t.Errorf("after half an hour %+v, wanted a moment", later)
	}
}

// TestDoubledLimitsAreNoticed: with demand known, half the points a dollar is seen within
// days, not weeks.
func TestDoubledLimitsAreNoticed(t *testing.T) {
	h := steady(time.UTC, time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC), 9)
	h.Demand = forecast.Demand{First: h.Finished[0].Start, Hours: make([]float64, 9*168)}
	for _, w := range h.Finished {
		for _, p := range w.Points {
			h.Demand.Hours[(p.At-h.Demand.First)/hour] = 5
		}
	}
	running := h.Finished[8]
	h.Finished = h.Finished[:8]
	running.Points = append([]forecast.Point(nil), running.Points...)
	for i := range running.Points {
		running.Points[i].Used /= 2
	}
	now := running.Start + 2*24*hour // two of five days
	with := forecast.New(h).At(running, now)[profile]
	if math.Abs(with.P50-40) > 6 {
		t.Errorf("median %.1f, wanted near 40", with.P50)
	}
}

func TestRubbishIsSurvived(t *testing.T) {
	start := usage.MillisOf(time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC))
	nan, inf := math.NaN(), math.Inf(1)
	point := func(h usage.Millis, u float64) forecast.Point { return forecast.Point{At: start + h*hour, Used: u} }
	cases := map[string][]forecast.Point{
		"not numbers":        {point(1, nan), point(2, inf), point(3, -inf), point(4, -5)},
		"falls":              {point(1, 50), point(2, 10), point(3, 60), point(4, 0)},
		"twice the same":     {point(1, 5), point(1, 5), point(1, 6), point(1, 6)},
		"all in one instant": {point(5, 1), point(5, 90), point(5, 3)},
		"out of order":       {point(9, 9), point(3, 3), point(6, 6)},
		"out of the window":  {point(-900, 9), point(900, 99)},
		"beyond the limit":   {point(1, 100), point(2, 340)},
		"none":               nil,
	}
	for name, points := range cases {
		h := forecast.History{Minutes: 10080, Demand: forecast.Demand{First: start - 500*hour, Hours: []float64{nan, inf, -3, 1e300}}}
		for i := range 8 {
			w := forecast.Window{Start: start + usage.Millis(i)*week, End: start + usage.Millis(i+1)*week}
			for _, p := range points {
				w.Points = append(w.Points, forecast.Point{At: p.At + usage.Millis(i)*week, Used: p.Used})
			}
			h.Finished = append(h.Finished, w)
		}
		f := forecast.New(h)
		for _, at := range []usage.Millis{0, 1, hour, 80 * hour, week - 1} {
			w := h.Finished[7]
			w.Start, w.End = w.Start+week, w.End+week
			for i, p := range w.Points {
				w.Points[i].At = p.At + week
			}
			for _, x := range f.At(w, w.Start+at) {
				check(t, name, x)
			}
		}
		r := forecast.Backtest(h)
		for _, m := range r.Models {
			if m.MAE != nil && math.IsNaN(*m.MAE) {
				t.Errorf("%s: MAE of %s is not a number", name, m.Model)
			}
		}
	}
}

// check wants a forecast that can be shown, or a reason.
func check(t *testing.T, name string, f forecast.Forecast) {
	t.Helper()
	if f.Abstained != "" && f.P50 == 0 {
		return
	}
	for _, x := range []float64{f.P10, f.P50, f.P90, f.RunOutProbability, f.SafePacePerHour} {
		if math.IsNaN(x) || math.IsInf(x, 0) || x < 0 {
			t.Fatalf("%s: %+v", name, f)
		}
	}
	if !(f.P10 <= f.P50 && f.P50 <= f.P90) || f.RunOutProbability > 1 {
		t.Fatalf("%s: out of order: %+v", name, f)
	}
}

func TestAnEmptyHistory(t *testing.T) {
	r := forecast.Backtest(forecast.History{Minutes: 10080})
	if r.Finished != 0 || len(r.Models) != 5 || r.Models[0].MAE != nil || r.Alerts.Precision != nil || r.Alerts.FalsePerWeek != nil {
		t.Errorf("%+v", r)
	}
}

func TestBacktestCountsWhatItSays(t *testing.T) {
	h := steady(time.UTC, time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC), 17)
	h.Finished[8].Touched = true
	h.Finished[2].Touched = true
	r := forecast.Backtest(h)
	if r.Finished != 15 || r.Skipped != 2 {
		t.Errorf("%d finished, %d skipped, wanted 15 and 2", r.Finished, r.Skipped)
	}
	for _, m := range r.Models {
		if m.Forecasts+m.Abstained != 11*19 {
			t.Errorf("%s: %d + %d forecasts, wanted %d", m.Model, m.Forecasts, m.Abstained, 11*19)
		}
		if band := m.Coverage80 != nil; band != (m.Model != forecast.Linear && m.Model != forecast.WorkdayLinear && m.Model != forecast.WeekCurves) && m.Model != forecast.WeekCurves {
			t.Errorf("%s: band %v", m.Model, band)
		}
	}
	if r.Models[shown].Abstained == 0 || r.Models[profile].Abstained != 0 {
		t.Errorf("abstained: shown %d, profile %d", r.Models[shown].Abstained, r.Models[profile].Abstained)
	}
}

func TestAlarm(t *testing.T) {
	cases := []struct {
		name string
		p    []float64
		want []int // places at which it fires
	}{
		{"once is not enough", []float64{0.9, 0.6, 0.9, 0.6}, nil},
		{"two in a row", []float64{0.2, 0.7, 0.7, 0.9}, []int{2}},
		{"not again before it was improbable", []float64{0.8, 0.8, 0.6, 0.8, 0.8}, []int{1}},
		{"again after it", []float64{0.8, 0.8, 0.4, 0.8, 0.8}, []int{1, 4}},
	}
	for _, c := range cases {
		var a forecast.Alarm
		var got []int
		for i, p := range c.p {
			if a.Next(p) {
				got = append(got, i)
			}
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: fires at %v, wanted %v", c.name, got, c.want)
		}
	}
}

func TestBest(t *testing.T) {
	var s []forecast.Scored
	add := func(model string, loss float64, ages ...int) {
		for _, a := range ages {
			s = append(s, forecast.Scored{Model: model, Loss: loss, Age: a})
		}
	}
	if got := forecast.Best(nil); got != forecast.Profile {
		t.Errorf("of nothing: %s", got)
	}
	add(forecast.Linear, 1, 0, 1, 2)
	add(forecast.Profile, 3, 0, 1, 2)
	if got := forecast.Best(s); got != forecast.Profile {
		t.Errorf("after three windows: %s", got)
	}
	add(forecast.Linear, 1, 3)
	add(forecast.Profile, 3, 3)
	if got := forecast.Best(s); got != forecast.Linear {
		t.Errorf("after four windows: %s", got)
	}
	add(forecast.Linear, 90, 0)
	if got := forecast.Best(s); got != forecast.Profile {
		t.Errorf("after a bad miss of late: %s", got)
	}
}

func TestLoss(t *testing.T) {
	f := forecast.Forecast{P10: 40, P50: 60, P90: 150}
	for _, c := range []struct{ truth, want float64 }{
		{60, (2 + 0 + 4) / 3.0},
		{30, (9 + 15 + 7) / 3.0},
		{100, (6 + 20 + 0) / 3.0},
		{140, (6 + 20 + 0) / 3.0},
	} {
		if got := forecast.Loss(f, c.truth); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("truth %v: %v, wanted %v", c.truth, got, c.want)
		}
	}
}
