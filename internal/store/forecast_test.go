package store

import (
	"context"
	"math"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"tokenmeter/internal/usage"
)

func forecasts(t testing.TB, s *Store) []Forecast {
	t.Helper()
	list, err := s.Forecasts(context.Background(), 0)
	must(t, err)
	return list
}

func forecastAt(at usage.Millis, model string) Forecast {
	return Forecast{Agent: "a", Account: "x", LimitID: "a", WindowMinutes: 300, At: at, Model: model, ResetsAt: 90_000, P10: 20, P50: 40.5, P90: 70, RunOut: 0.25}
}

func TestOneForecastOfAModelIsKeptForEachPart(t *testing.T) {
	s := open(t, nil)
	other := forecastAt(12_500, "linear")
	other.Account = "y"
	update(t, s, func(tx *Tx) error {
		for _, f := range []struct {
			Forecast
			since usage.Millis
		}{
			{forecastAt(10_000, "linear"), 9_000},
			{forecastAt(10_000, "profile"), 9_000},
			{forecastAt(12_000, "linear"), 9_000}, // of the same part
			{other, 9_000},                        // of another account
			{forecastAt(20_000, "linear"), 18_000},
		} {
			if err := tx.KeepForecast(f.Forecast, f.since); err != nil {
				return err
			}
		}
		return nil
	})
	want := []Forecast{forecastAt(10_000, "linear"), forecastAt(10_000, "profile"), other, forecastAt(20_000, "linear")}
	if got := forecasts(t, s); !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
	if got, err := s.Forecasts(context.Background(), 12_501); err != nil || len(got) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAForecastThatIsNoNumberIsRefused(t *testing.T) {
	s := open(t, nil)
	f := forecastAt(1, "linear")
	f.P90 = math.NaN()
	if err := s.Update(context.Background(), func(tx *Tx) error { return tx.KeepForecast(f, 0) }); err == nil {
		t.Error("it was kept")
	}
}

func TestForecastsSurviveDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokenmeter.db")
	s := openAt(t, path, Options{})
	for i := range usage.Millis(400) {
		update(t, s, func(tx *Tx) error { return tx.KeepForecast(forecastAt(1000+i, "linear"), 1000+i) })
	}
	want := forecasts(t, s)
	must(t, s.Close())
	damage(t, path, func(c []byte) []byte { clear(c[100:4096]); return c })
	s = openAt(t, path, Options{Repair: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)})
	if s.repaired == nil {
		t.Fatal("not taken for damaged")
	}
	if got := forecasts(t, s); !slices.Equal(got, want) {
		t.Errorf("%d of %d are left", len(got), len(want))
	}
}

func TestADatabaseWithoutForecastsIsBroughtUpToDate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokenmeter.db")
	older(t, path, 2)
	s := openAt(t, path, Options{})
	checkVersion1(t, s)
	update(t, s, func(tx *Tx) error { return tx.KeepForecast(forecastAt(1, "linear"), 0) })
	if got := forecasts(t, s); len(got) != 1 {
		t.Errorf("%+v", got)
	}
}

func TestADamagedDatabaseWithoutForecastsIsRepaired(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokenmeter.db")
	older(t, path, 2)
	damage(t, path, func(c []byte) []byte { clear(c[100:4096]); return c })
	s := openAt(t, path, Options{Repair: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)})
	if n := total(t, s); s.repaired == nil || n.Requests < version1Requests/2 || n.Requests > version1Requests {
		t.Errorf("%d requests, %+v", n.Requests, s.repaired)
	}
	if got := forecasts(t, s); len(got) != 0 {
		t.Errorf("forecasts out of nothing: %+v", got)
	}
}

func TestQuartersAndTheCostAfterAReading(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "tokenmeter.db"), Options{Pricing: &Pricing{Version: "1", Cost: func(e *usage.Event) usage.Cost {
		if e.Model == "free" {
			return usage.Cost{}
		}
		return usage.Cost{Micros: usage.Micros(e.Output), Priced: true, Row: "row"}
	}}})
	begin := at("2026-11-24T10:00:00Z")
	event := func(agent usage.AgentID, key int, model string, after usage.Millis, output int64) usage.Event {
		e := usage.Event{Agent: agent, Key: usage.Key(key), Model: model, Session: "s", Tokens: usage.Tokens{Output: output}}
		if after >= 0 {
			e.Time = begin + after
		}
		return e
	}
	write(t, s, &Chunk{File: &File{Agent: "a", Path: "/l", Root: "/", Name: "l"}, Events: []usage.Event{
		event("a", 1, "m", 1000, 1), event("a", 2, "m", 2000, 10), event("a", 3, "m", 2001, 100),
		event("a", 4, "m", 900_000, 1000), event("a", 5, "free", 900_001, 7), event("b", 6, "m", 3000, 5), event("a", 7, "m", -1, 1<<20),
	}})
	got, err := s.Quarters(context.Background(), begin)
	must(t, err)
	want := []Spent{{begin, "a", 111, 111, 0}, {begin, "b", 5, 5, 0}, {begin + 900_000, "a", 1000, 1007, 7}}
	if !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
	for name, c := range map[string]struct {
		agent    usage.AgentID
		after    usage.Millis
		cost     usage.Micros
		requests int64
	}{
		"the moment itself is before": {"a", begin + 2000, 1100, 3},
		"from the quarter's begin":    {"a", begin - 1, 1111, 5},
		"at the last request":         {"a", begin + 900_001, 0, 0},
		"another agent":               {"b", begin, 5, 1},
		"an agent that is not stored": {"c", begin, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			cost, requests, err := s.CostAfter(context.Background(), c.agent, c.after)
			if err != nil || cost != c.cost || requests != c.requests {
				t.Errorf("%d, %d requests, %v", cost, requests, err)
			}
		})
	}
}
