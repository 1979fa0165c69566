package report_test

import (
	"math"
	"testing"
	"time"

	"tokenmeter/internal/forecast"
	"tokenmeter/internal/report"
	"tokenmeter/internal/store"
	"tokenmeter/internal/usage"
)

// worker makes weeks of a person who uses a dollar at each full hour of the working day, which
// is 1.5 points of the week; the last reading is that of the hour before until.
func worker(b *bench, first time.Time, until time.Time) {
	b.store.SetPricing(&store.Pricing{Version: "1", Cost: func(e *usage.Event) usage.Cost {
		return usage.Cost{Micros: usage.Micros(e.Output), Priced: true, Row: "row"}
	}})
	var events []usage.Event
	var samples []usage.Sample
	const dollar, points = 1_000_000, 1.5
	for week := first; week.Before(until); week = week.AddDate(0, 0, 7) {
		used := 0.0
		for day := range 5 {
			for hour := range 8 {
				at := week.AddDate(0, 0, day).Add(time.Duration(hour) * time.Hour)
				if !at.Before(until) {
					break
				}
				used += points
				events = append(events, b.event(at, "codex", dollar))
				if at.Add(time.Hour).After(until) {
					continue // its reading never came
				}
				samples = append(samples, usage.Sample{
					Agent: "codex", LimitID: "codex", WindowMinutes: 7 * 24 * 60, UsedPercent: used, ResetsAt: usage.MillisOf(week.AddDate(0, 0, 7)),
					ObservedAt: usage.MillisOf(at.Add(time.Second)), Source: usage.SourceServer,
				})
			}
		}
	}
	b.write(events, samples...)
}

func only(t *testing.T, s *report.Snapshot) report.Window {
	t.Helper()
	if len(s.Windows) != 1 {
		t.Fatalf("%d windows", len(s.Windows))
	}
	return s.Windows[0]
}

func TestTheNeedleMovesBetweenReadings(t *testing.T) {
	first := time.Date(2026, 9, 21, 9, 0, 0, 0, time.UTC)
	now := first.AddDate(0, 0, 9*7+2).Add(3*time.Hour + 30*time.Minute) // Wednesday 12:30 of the tenth week
	b := newBench(t, now)
	worker(b, first, now)
	w := only(t, b.snapshot())
	// Two days of 8 hours, and 4 of this one, of which the last has no reading.
	if truth := 20 * 1.5; w.Source != usage.SourceCalibrated || math.Abs(*w.UsedPercent-truth) > 0.2 || w.Low > truth || w.High < truth {
		t.Errorf("%s, %.2f (%.2f to %.2f), the truth is %.1f", w.Source, *w.UsedPercent, w.Low, w.High, truth)
	}
	if w.Elsewhere == nil || *w.Elsewhere > 0.05 {
		t.Errorf("used elsewhere: %v", w.Elsewhere)
	}
	f := w.Forecast
	if f == nil || f.Abstained != "" {
		t.Fatalf("no forecast: %+v", f)
	}
	if f.P50 < 52 || f.P50 > 68 || !(f.P10 <= f.P50 && f.P50 <= f.P90) || f.RunOutProbability > 0.1 {
		t.Errorf("%+v, the week will end at 60", f)
	}
	if f.Score.Windows == 0 || f.Score.MedianMiss > 5 {
		t.Errorf("score %+v of weeks that are all alike", f.Score)
	}
}

func TestOfAReadingWithoutUseSinceItsOwnFigureHolds(t *testing.T) {
	first := time.Date(2026, 9, 21, 9, 0, 0, 0, time.UTC)
	until := first.AddDate(0, 0, 9*7+2).Add(3 * time.Hour)
	b := newBench(t, until.Add(30*time.Minute))
	worker(b, first, until)
	w := only(t, b.snapshot())
	if w.Source != usage.SourceServer || *w.UsedPercent != 19*1.5 {
		t.Errorf("%s, %v", w.Source, *w.UsedPercent)
	}
	b.now = first.AddDate(0, 0, 10*7).Add(time.Hour)
	w = only(t, b.snapshot())
	if w.Source != usage.SourceDerived || *w.UsedPercent != 0 || w.Forecast != nil {
		t.Errorf("after the reset: %s, %v, %+v", w.Source, *w.UsedPercent, w.Forecast)
	}
}

func TestForecastsAreKeptOnceForEachPart(t *testing.T) {
	first := time.Date(2026, 9, 21, 9, 0, 0, 0, time.UTC)
	now := first.AddDate(0, 0, 9*7+2).Add(3*time.Hour + 30*time.Minute)
	b := newBench(t, now)
	worker(b, first, now)
	keep := func() int {
		t.Helper()
		due := b.snapshot().Due
		if err := report.KeepForecasts(t.Context(), b.store, due); err != nil {
			t.Fatal(err)
		}
		return len(due)
	}
	models := len(forecast.Models())
	if n := keep(); n != models {
		t.Errorf("%d forecasts are due, wanted one of each of %d models", n, models)
	}
	b.now = now.Add(time.Hour)
	if n := keep(); n != 0 {
		t.Errorf("%d more are due in the same part", n)
	}
	b.now = now.Add(9 * time.Hour)
	if n := keep(); n != models {
		t.Errorf("%d are due in the next part", n)
	}
	kept, err := b.store.Forecasts(t.Context(), 0)
	if err != nil || len(kept) != 2*models {
		t.Errorf("%d are kept, %v", len(kept), err)
	}
}

func TestBacktestOfStoredReadings(t *testing.T) {
	first := time.Date(2026, 9, 21, 9, 0, 0, 0, time.UTC)
	now := first.AddDate(0, 0, 9*7+2)
	b := newBench(t, now)
	worker(b, first, now)
	list, err := b.Backtest(t.Context())
	if err != nil || len(list) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	r := list[0]
	if r.Finished != 9 || r.Skipped != 0 || len(r.Models) != len(forecast.Models()) {
		t.Errorf("%d finished, %d skipped, %d models", r.Finished, r.Skipped, len(r.Models))
	}
	for _, m := range r.Models {
		if m.Model == forecast.Profile && (m.MAE == nil || *m.MAE > 6 || m.Forecasts < 5*15) {
			t.Errorf("%+v of weeks that are all alike", m)
		}
	}
}
