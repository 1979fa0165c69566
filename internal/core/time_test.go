package core_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"tokenmeter/internal/core"
	"tokenmeter/internal/report"
	"tokenmeter/internal/store"
	"tokenmeter/internal/usage"
)

// watch is a clock that can be set, and goes on from where it was set to.
type watch struct{ ahead atomic.Int64 }

// now reads the set clock. What is added moves the wall clock only, as a person who sets it
// does: the steady one goes on.
func (w *watch) now() time.Time {
	t := time.Now()
	ahead := time.Duration(w.ahead.Load())
	if ahead == 0 {
		return t
	}
	return t.Round(0).Add(ahead)
}

func (w *watch) set(to time.Time) { w.ahead.Store(int64(time.Until(to))) }

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Skipf("no zone %s here: %v", name, err)
	}
	return z
}

// at writes a request that was made at a moment.
func (h *house) at(n int, moment time.Time, output int64) {
	h.t.Helper()
	path := filepath.Join(h.home, ".claude", "projects", "-w-shop", fmt.Sprintf("%d.jsonl", n))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		h.t.Fatal(err)
	}
	line := fmt.Sprintf(`{"type":"assistant","uuid":"u%[1]d","sessionId":"s%[1]d","requestId":"r%[1]d","timestamp":%[2]q,"cwd":"/w/shop",`+
		`"version":"2.1.330","message":{"id":"msg_%[1]d","role":"assistant","model":"claude-opus-5-5","usage":{"input_tokens":0,"output_tokens":%[3]d}}}`+"\n",
		n, moment.UTC().Format("2006-01-02T15:04:05.000Z"), output)
	if err := os.WriteFile(path, []byte(line), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// days asks what another process would be told, in a zone.
func (h *house) days(in *time.Location) map[string]int64 {
	h.t.Helper()
	s, err := store.Open(context.Background(), filepath.Join(h.data, "tokenmeter.db"), store.Options{ReadOnly: true, Zone: in})
	if err != nil {
		h.t.Fatal(err)
	}
	defer s.Close()
	answer, err := report.New(report.Options{Store: s, Clock: time.Now, Zone: in}).History(context.Background(), store.Query{By: []store.Dimension{store.Day}})
	if err != nil {
		h.t.Fatal(err)
	}
	sums := map[string]int64{}
	for _, row := range answer.Rows {
		sums[row.Start.Time().Add(6*time.Hour).In(in).Format(time.DateOnly)] = row.Fresh()
	}
	return sums
}

func TestZoneIsFollowedWhileTheMeterRuns(t *testing.T) {
	h := newHouse(t)
	clock := &watch{}
	h.o.Clock = clock.now
	var here atomic.Pointer[time.Location]
	h.o.Zone = here.Load
	berlin, tokyo, howe := zone(t, "Europe/Berlin"), zone(t, "Asia/Tokyo"), zone(t, "Australia/Lord_Howe")
	here.Store(berlin)
	clock.set(time.Date(2026, 11, 20, 20, 0, 0, 0, time.UTC)) // 21:00 in Berlin, 5:00 on the 21st in Tokyo
	h.at(1, time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC), 100)
	h.at(2, time.Date(2026, 11, 20, 16, 0, 0, 0, time.UTC), 20) // 1:00 on the 21st in Tokyo
	h.at(3, time.Date(2026, 11, 19, 14, 0, 0, 0, time.UTC), 3)  // 1:00 on the 20th on Lord Howe Island
	c, _ := h.start()
	until(t, c, "Berlin's day is counted", fresh(120))
	for _, step := range []struct {
		zone *time.Location
		now  time.Time
		want int64
		days map[string]int64
	}{
		{tokyo, time.Date(2026, 11, 20, 20, 1, 0, 0, time.UTC), 20, map[string]int64{"2026-11-19": 3, "2026-11-20": 100, "2026-11-21": 20}},
		{howe, time.Date(2026, 11, 20, 12, 30, 0, 0, time.UTC), 103, map[string]int64{"2026-11-20": 103, "2026-11-21": 20}},
		{berlin, time.Date(2026, 11, 20, 20, 2, 0, 0, time.UTC), 120, map[string]int64{"2026-11-19": 3, "2026-11-20": 120}},
	} {
		clock.set(step.now)
		here.Store(step.zone)
		core.Poke(c)
		s := until(t, c, "the day of "+step.zone.String()+" is counted", func(s *report.Snapshot) bool { return s.Zone == step.zone })
		if s.Today.Counts.Fresh() != step.want || s.At.Location() != step.zone {
			t.Errorf("%s: today %d at %v, want %d", step.zone, s.Today.Counts.Fresh(), s.At, step.want)
		}
		if got := h.days(step.zone); fmt.Sprint(got) != fmt.Sprint(step.days) {
			t.Errorf("%s: days %v, want %v", step.zone, got, step.days)
		}
	}
	// What comes after is booked on the new zone's days.
	here.Store(tokyo)
	core.Poke(c)
	until(t, c, "Tokyo again", func(s *report.Snapshot) bool { return s.Zone == tokyo })
	h.at(4, time.Date(2026, 11, 20, 19, 0, 0, 0, time.UTC), 1000)
	until(t, c, "a request in Tokyo's morning is counted", fresh(1020))
	if got := h.days(tokyo)["2026-11-21"]; got != 1020 {
		t.Errorf("Tokyo's 21st holds %d, want 1020", got)
	}
}

func TestMidnightPassesWhileTheMeterRuns(t *testing.T) {
	for _, c := range []struct {
		name, zone     string
		before, after  time.Time // of midnight, in UTC
		first, seconds string    // the local dates
	}{
		{"an ordinary night", "Europe/Berlin", time.Date(2026, 11, 20, 22, 59, 58, 0, time.UTC), time.Date(2026, 11, 20, 23, 0, 1, 0, time.UTC), "2026-11-20", "2026-11-21"},
		{"midnight is skipped", "America/Sao_Paulo", time.Date(2018, 11, 4, 2, 59, 58, 0, time.UTC), time.Date(2018, 11, 4, 3, 0, 1, 0, time.UTC), "2018-11-03", "2018-11-04"},
		{"midnight is skipped by a summer that begins", "Africa/Cairo", time.Date(2026, 4, 23, 21, 59, 58, 0, time.UTC), time.Date(2026, 4, 23, 22, 0, 1, 0, time.UTC), "2026-04-23", "2026-04-24"},
		{"the hour before midnight comes twice", "Africa/Cairo", time.Date(2026, 10, 29, 21, 59, 58, 0, time.UTC), time.Date(2026, 10, 29, 22, 0, 1, 0, time.UTC), "2026-10-29", "2026-10-30"},
		{"a day is skipped", "Pacific/Apia", time.Date(2011, 12, 30, 9, 59, 58, 0, time.UTC), time.Date(2011, 12, 30, 10, 0, 1, 0, time.UTC), "2011-12-29", "2011-12-31"},
		{"a night with half an hour more", "Australia/Lord_Howe", time.Date(2026, 4, 4, 12, 59, 58, 0, time.UTC), time.Date(2026, 4, 4, 13, 0, 1, 0, time.UTC), "2026-04-04", "2026-04-05"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			clock := &watch{}
			h.o.Clock = clock.now
			local := zone(t, c.zone)
			h.o.Zone = func() *time.Location { return local }
			clock.set(c.before)
			h.at(1, c.before.Add(-time.Minute), 5)
			m, _ := h.start()
			s := until(t, m, "the evening is counted", fresh(5))
			if left := s.Now.QuietAt.Sub(s.At); left > 3*time.Second || left < 0 {
				t.Errorf("before midnight the snapshot stands for %v", left)
			}
			if got := s.Today.Start.In(local).Add(time.Hour).Format(time.DateOnly); got != c.first {
				t.Errorf("before midnight today is %s", got)
			}
			clock.set(c.after)
			core.Poke(m)
			s = until(t, m, "the new day is empty", fresh(0))
			if !s.Today.Start.Equal(c.after.Truncate(time.Minute)) || s.Now.FreshPerMinute != 0 && s.Now.FreshPerMinute != 5 {
				t.Errorf("today starts %v, now %+v", s.Today.Start, s.Now)
			}
			h.at(2, c.after, 7)
			until(t, m, "the morning is counted", fresh(7))
			want := map[string]int64{c.first: 5, c.seconds: 7}
			if got := h.days(local); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("days %v, want %v", got, want)
			}
		})
	}
}

func TestClockThatJumps(t *testing.T) {
	h := newHouse(t)
	clock := &watch{}
	h.o.Clock = clock.now
	noon := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	clock.set(noon)
	h.at(1, noon.Add(-30*time.Second), 100)
	h.at(2, noon.AddDate(0, 0, -1), 20)
	c, _ := h.start()
	s := until(t, c, "all is counted", fresh(100))
	if !s.Now.Live || s.Now.FreshPerMinute != 100 {
		t.Fatalf("now %+v", s.Now)
	}
	for _, step := range []struct {
		name     string
		to       time.Time
		today    int64
		live     bool
		sessions int
	}{
		{"a day back", noon.AddDate(0, 0, -1).Add(time.Minute), 20, false, 1},
		{"a year ahead", noon.AddDate(1, 0, 0), 0, false, 0},
		{"and back", noon.Add(time.Second), 100, true, 1},
		{"before the epoch of most zones", time.Date(1970, 1, 2, 0, 0, 0, 0, time.UTC), 0, false, 0},
		{"and back again", noon.Add(2 * time.Second), 100, true, 1},
	} {
		number := c.Current().Number
		clock.set(step.to)
		core.Poke(c)
		s := until(t, c, step.name, func(s *report.Snapshot) bool {
			return s.Number > number && s.At.Sub(step.to).Abs() < time.Minute && !s.Reading.Running
		})
		if s.Today.Counts.Fresh() != step.today || s.Now.Live != step.live || len(s.Now.Sessions) != step.sessions {
			t.Errorf("%s: today %d, live %v, %d sessions; want %d, %v, %d", step.name,
				s.Today.Counts.Fresh(), s.Now.Live, len(s.Now.Sessions), step.today, step.live, step.sessions)
		}
		if s.Now.QuietAt.Before(s.At) {
			t.Errorf("%s: the snapshot of %v is untrue since %v", step.name, s.At, s.Now.QuietAt)
		}
		if wait := core.UntilUntrue(s, s.At); wait < 500*time.Millisecond {
			t.Errorf("%s: the next snapshot comes after %v", step.name, wait)
		}
	}
	var total usage.Counts
	for _, a := range c.Current().Agents {
		total.Requests += a.Events
	}
	if total.Requests != 2 {
		t.Errorf("%d requests after the jumps, want 2", total.Requests)
	}
}
