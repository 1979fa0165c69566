package report_test

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"tokenmeter/internal/report"
	"tokenmeter/internal/store"
	"tokenmeter/internal/usage"
)

// bench is a report on a real store, at a moment that the test moves.
type bench struct {
	*report.Report
	t     testing.TB
	store *store.Store
	now   time.Time
	keys  usage.Key
}

func newBench(t testing.TB, now time.Time) *bench {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "tokenmeter.db"), store.Options{Zone: now.Location()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	b := &bench{t: t, store: s, now: now}
	b.Report = report.New(report.Options{
		Store: s, Clock: func() time.Time { return b.now }, Zone: now.Location(), Home: "/home/x",
		Agents: []report.Agent{
			{ID: "claude", Name: "Claude", Slot: 0, Roots: []string{"/home/x/.claude/projects"}},
			{ID: "codex", Name: "Codex", Slot: 1, Roots: []string{"/home/x/.codex/sessions"}},
		},
		Exists: func(path string) bool { return path == "/home/x/.codex/sessions" },
	})
	return b
}

// event is a request of fresh tokens; the zero time is undated.
func (b *bench) event(at time.Time, agent usage.AgentID, fresh int64, change ...func(*usage.Event)) usage.Event {
	b.keys++
	e := usage.Event{
		Agent: agent, Key: b.keys, Time: usage.MillisOf(at), CountedAt: usage.MillisOf(at),
		Session: "s-" + string(agent), Project: "/w/shop", Model: "m-" + string(agent), Tokens: usage.Tokens{Output: fresh},
	}
	for _, c := range change {
		c(&e)
	}
	return e
}

func (b *bench) write(events []usage.Event, samples ...usage.Sample) {
	b.t.Helper()
	byAgent := map[usage.AgentID]*store.Chunk{}
	chunk := func(agent usage.AgentID) *store.Chunk {
		if byAgent[agent] == nil {
			path := "/logs/" + string(agent)
			byAgent[agent] = &store.Chunk{File: &store.File{Agent: agent, Path: path, Root: "/logs", Name: string(agent)}}
		}
		return byAgent[agent]
	}
	for _, e := range events {
		c := chunk(e.Agent)
		c.Events = append(c.Events, e)
		c.Sessions = append(c.Sessions, usage.Session{Agent: e.Agent, ID: e.Session, Project: e.Project, Model: e.Model, Time: e.Time})
	}
	for _, s := range samples {
		c := chunk(s.Agent)
		c.Samples = append(c.Samples, s)
	}
	err := b.store.Update(context.Background(), func(tx *store.Tx) error {
		for _, c := range byAgent {
			if err := tx.Write(c); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) snapshot() *report.Snapshot {
	b.t.Helper()
	s, err := b.Snapshot(b.t.Context(), report.Meter{})
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

func zone(t testing.TB, name string) *time.Location {
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Skip(err)
	}
	return z
}

func TestSnapshotOfNothing(t *testing.T) {
	b := newBench(t, time.Date(2026, 11, 20, 11, 48, 12, 0, time.UTC))
	s := b.snapshot()
	if !s.Since.IsZero() || s.Now.Live || s.Now.CostPerHour != nil || len(s.Windows) != 0 || s.Today.Usual != nil {
		t.Errorf("an empty store gives %+v", s)
	}
	if len(s.Now.Minutes) != 61 || len(s.Today.Hours) != 12 {
		t.Errorf("%d minutes, %d hours", len(s.Now.Minutes), len(s.Today.Hours))
	}
	if s.Agents[0].Found || !s.Agents[1].Found || s.Agents[0].Places[0].There || !s.Agents[1].Places[0].There {
		t.Errorf("agents %+v", s.Agents)
	}
	if want := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC); !s.Now.QuietAt.Equal(want) {
		t.Errorf("quiet at %v, want midnight", s.Now.QuietAt)
	}
	if next := b.snapshot(); next.Number <= s.Number {
		t.Errorf("number %d after %d", next.Number, s.Number)
	}
}

func TestSnapshotNow(t *testing.T) {
	now := time.Date(2026, 11, 20, 11, 48, 12, 0, time.UTC)
	b := newBench(t, now)
	b.write([]usage.Event{
		b.event(now.Add(-10*time.Second), "claude", 100, func(e *usage.Event) { e.CacheRead = 900 }),
		b.event(now.Add(-40*time.Second), "codex", 50),
		b.event(now.Add(-3*time.Minute), "claude", 7, func(e *usage.Event) { e.Session = "older" }),
		b.event(now.Add(-31*time.Minute), "claude", 1000, func(e *usage.Event) { e.Session = "gone" }),
		b.event(now.Add(time.Hour), "claude", 5000, func(e *usage.Event) { e.Session = "future" }),
		b.event(time.Time{}, "codex", 9000, func(e *usage.Event) { e.Session = "undated"; e.Flags = usage.Inherited }),
	})
	s := b.snapshot()
	if s.Now.FreshPerMinute != 150 || s.Now.CacheReadsPerMinute != 900 || !s.Now.Live {
		t.Errorf("now %+v", s.Now)
	}
	if s.Now.ByAgent["claude"] != 100 || s.Now.ByAgent["codex"] != 50 {
		t.Errorf("by agent %v", s.Now.ByAgent)
	}
	var names []string
	var working []bool
	for _, q := range s.Now.Sessions {
		names, working = append(names, q.ID), append(working, q.Working)
	}
	if !slices.Equal(names, []string{"s-claude", "s-codex", "older"}) || !slices.Equal(working, []bool{true, true, false}) {
		t.Errorf("sessions %v, working %v", names, working)
	}
	if want := now.Add(20 * time.Second); !s.Now.QuietAt.Equal(want) {
		t.Errorf("quiet at %v, want %v, when the older one leaves the minute", s.Now.QuietAt, want)
	}
	if s.Since != now.Add(-31*time.Minute) {
		t.Errorf("since %v: undated requests have no beginning", s.Since)
	}
	b.now = s.Now.QuietAt
	if s = b.snapshot(); s.Now.FreshPerMinute != 100 {
		t.Errorf("at that moment %d tokens flow, want 100", s.Now.FreshPerMinute)
	}
}

// Every moment that QuietAt names changes something, and nothing changes between them.
func TestQuietAtMissesNothing(t *testing.T) {
	now := time.Date(2026, 11, 20, 23, 20, 0, 0, time.UTC)
	b := newBench(t, now)
	b.write([]usage.Event{b.event(now, "claude", 100), b.event(now.Add(-time.Second), "codex", 5)},
		usage.Sample{Agent: "codex", LimitID: "codex", WindowMinutes: 300, UsedPercent: 10, ObservedAt: usage.MillisOf(now),
			ResetsAt: usage.MillisOf(now.Add(25 * time.Minute)), Source: usage.SourceServer})
	state := func(s *report.Snapshot) [6]int64 {
		var working, used int64
		for _, q := range s.Now.Sessions {
			if q.Working {
				working++
			}
		}
		for _, w := range s.Windows {
			used += int64(*w.UsedPercent)
		}
		return [6]int64{s.Now.FreshPerMinute, int64(len(s.Now.Sessions)), working, used, s.Today.Start.Unix(), s.Today.Counts.Fresh()}
	}
	last := b.snapshot()
	for range 20 {
		b.now = last.Now.QuietAt.Add(-time.Millisecond)
		if before := b.snapshot(); state(before) != state(last) {
			t.Fatalf("before %v: %v became %v", last.Now.QuietAt, state(last), state(before))
		}
		b.now = last.Now.QuietAt
		next := b.snapshot()
		if state(next) == state(last) {
			t.Fatalf("at %v nothing changed: %v", b.now, state(next))
		}
		if !next.Now.QuietAt.After(b.now) {
			t.Fatalf("at %v the next change is at %v", b.now, next.Now.QuietAt)
		}
		if last = next; b.now.Sub(now) > 30*time.Hour {
			return
		}
	}
}

func TestToday(t *testing.T) {
	berlin, kolkata := zone(t, "Europe/Berlin"), zone(t, "Asia/Kolkata")
	day := func(z *time.Location, month time.Month, d, hour, minute int) time.Time {
		return time.Date(2026, month, d, hour, minute, 0, 0, z)
	}
	cases := map[string]struct {
		now    time.Time
		events []time.Time // ten fresh tokens each
		fresh  int64
		hours  map[int]int64 // running sums at the end of some hours
	}{
		"one second after midnight yesterday is over": {
			now:    day(berlin, 11, 20, 0, 0).Add(time.Second),
			events: []time.Time{day(berlin, 11, 19, 23, 59), day(berlin, 11, 20, 0, 0)}, fresh: 10, hours: map[int]int64{0: 10},
		},
		"UTC's yesterday evening is today in Kolkata": {
			now:    day(kolkata, 11, 20, 10, 0),
			events: []time.Time{day(kolkata, 11, 19, 23, 59), day(kolkata, 11, 20, 0, 0), day(kolkata, 11, 20, 5, 31)}, fresh: 20,
			hours: map[int]int64{0: 10, 4: 10, 5: 20, 10: 20},
		},
		"a day of 25 hours counts its double hour twice": {
			now:    day(berlin, 10, 25, 4, 0),
			events: []time.Time{day(berlin, 10, 25, 1, 30), day(berlin, 10, 25, 1, 30).Add(time.Hour), day(berlin, 10, 25, 1, 30).Add(2 * time.Hour), day(berlin, 10, 25, 3, 30)},
			fresh:  40, hours: map[int]int64{1: 10, 2: 30, 3: 40},
		},
		"a day of 23 hours has none at two": {
			now:    day(berlin, 3, 29, 4, 0),
			events: []time.Time{day(berlin, 3, 29, 1, 30), day(berlin, 3, 29, 3, 30)}, fresh: 20, hours: map[int]int64{1: 10, 2: 10, 3: 20},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, c.now)
			var events []usage.Event
			for _, at := range c.events {
				events = append(events, b.event(at, "claude", 10))
			}
			b.write(events)
			s := b.snapshot()
			if s.Today.Counts.Fresh() != c.fresh {
				t.Errorf("today %d, want %d", s.Today.Counts.Fresh(), c.fresh)
			}
			if len(s.Today.Hours) != c.now.Hour()+1 {
				t.Fatalf("%d hours at %v", len(s.Today.Hours), c.now)
			}
			for hour, want := range c.hours {
				if s.Today.Hours[hour] != want {
					t.Errorf("after hour %d %d, want %d: %v", hour, s.Today.Hours[hour], want, s.Today.Hours)
				}
			}
		})
	}
}

func TestUsualDay(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	friday := time.Date(2026, 11, 20, 11, 30, 0, 0, berlin)
	week := func(n int) time.Time { return time.Date(2026, 11, 20-7*n, 10, 15, 0, 0, berlin) }
	t.Run("one earlier Friday is not a habit", func(t *testing.T) {
		b := newBench(t, friday)
		b.write([]usage.Event{b.event(week(1), "claude", 100)})
		if s := b.snapshot(); s.Today.Usual != nil || s.Today.UsualNow != 0 {
			t.Errorf("usual %v", s.Today.Usual)
		}
	})
	t.Run("the median of the last eight with a record, over a change of clocks and a holiday", func(t *testing.T) {
		b := newBench(t, friday)
		var events []usage.Event
		for i, n := range []int{1, 2, 3, 4, 8, 9, 10, 11} { // 5 to 7: a holiday, without a record
			events = append(events, b.event(week(n), "claude", int64(100*(i+1))))
		}
		events = append(events,
			b.event(week(12), "claude", 1_000_000),                  // the ninth
			b.event(week(1).AddDate(0, 0, -1), "claude", 1_000_000), // a Thursday
			b.event(friday.Add(-time.Minute), "claude", 7),          // today itself
		)
		b.write(events)
		s := b.snapshot()
		if s.Today.Usual[9] != 0 || s.Today.Usual[10] != 450 || s.Today.Usual[23] != 450 {
			t.Errorf("usual %v, want 450 from hour 10 on", s.Today.Usual)
		}
		if s.Today.UsualLow[23] != 275 || s.Today.UsualHigh[23] != 625 {
			t.Errorf("band %d…%d", s.Today.UsualLow[23], s.Today.UsualHigh[23])
		}
		if s.Today.UsualNow != 450 || s.Today.UsualPerMinute != 0 {
			t.Errorf("usual now %d, a minute %d", s.Today.UsualNow, s.Today.UsualPerMinute)
		}
		b.now = time.Date(2026, 11, 20, 10, 30, 0, 0, berlin)
		if s := b.snapshot(); s.Today.UsualNow != 225 || s.Today.UsualPerMinute != 8 {
			t.Errorf("half an hour earlier: usual now %d, a minute %d", s.Today.UsualNow, s.Today.UsualPerMinute)
		}
	})
	t.Run("an old log that arrives is seen while reading, and soon after", func(t *testing.T) {
		b := newBench(t, friday)
		b.write([]usage.Event{b.event(week(1), "claude", 100)})
		b.snapshot()
		b.write([]usage.Event{b.event(week(2), "claude", 300)})
		s, err := b.Snapshot(t.Context(), report.Meter{Reading: report.Progress{Running: true}})
		if err != nil || s.Today.Usual == nil || s.Today.Usual[23] != 200 {
			t.Errorf("usual %v, %v", s.Today.Usual, err)
		}
		b.write([]usage.Event{b.event(week(3), "claude", 300)})
		b.now = friday.Add(11 * time.Minute)
		if s := b.snapshot(); s.Today.Usual[23] != 300 {
			t.Errorf("eleven minutes later: usual %v", s.Today.Usual)
		}
	})
}

func TestWindows(t *testing.T) {
	now := time.Date(2026, 11, 20, 11, 48, 12, 0, time.UTC)
	b := newBench(t, now)
	sample := func(ago time.Duration, minutes int64, used float64, resets time.Duration) usage.Sample {
		return usage.Sample{
			Agent: "codex", LimitID: "codex", WindowMinutes: minutes, UsedPercent: used, Source: usage.SourceServer,
			ObservedAt: usage.MillisOf(now.Add(-ago)), ResetsAt: usage.MillisOf(now.Add(resets)),
		}
	}
	silent := sample(400*24*time.Hour, 43200, 80, -390*24*time.Hour) // of a pool that was never heard of again
	silent.LimitID = "other"
	b.write(nil,
		sample(10*time.Minute, 300, 40, time.Hour), sample(5*time.Minute, 300, 30, time.Hour),
		sample(10*time.Minute, 10080, 17, 100*time.Hour),
		sample(400*24*time.Hour, 43200, 80, -390*24*time.Hour), // given up by its server
		silent,
	)
	s := b.snapshot()
	if len(s.Windows) != 3 {
		t.Fatalf("windows %+v", s.Windows)
	}
	if w := s.Windows[0]; w.WindowMinutes != 300 || *w.UsedPercent != 40 || w.Source != usage.SourceServer || !w.ResetsAt.Equal(now.Add(time.Hour)) {
		t.Errorf("short window %+v, used %v", w, *w.UsedPercent)
	}
	if w := s.Windows[2]; w.WindowMinutes != 43200 || *w.UsedPercent != 0 || w.Source != usage.SourceDerived || !w.ResetsAt.IsZero() {
		t.Errorf("old window %+v, used %v", w, *w.UsedPercent)
	}
	// Later readings count in the next snapshot, whichever way the report remembers.
	b.write(nil, sample(time.Minute, 300, 31, time.Hour))
	if s := b.snapshot(); *s.Windows[0].UsedPercent != 31 {
		t.Errorf("a confirmed lower reading gives %v", *s.Windows[0].UsedPercent)
	}
}

func TestAgentsOfANewerBuild(t *testing.T) {
	now := time.Date(2026, 11, 20, 11, 48, 12, 0, time.UTC)
	b := newBench(t, now)
	b.write([]usage.Event{b.event(now, "gemini", 10)})
	s := b.snapshot()
	if len(s.Agents) != 3 || s.Agents[2].ID != "gemini" || !s.Agents[2].Found || s.Agents[2].Events != 1 {
		t.Errorf("agents %+v", s.Agents)
	}
}

func TestDays(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	now := time.Date(2026, 10, 27, 9, 0, 0, 0, berlin)
	b := newBench(t, now)
	at := func(d, hour int) time.Time { return time.Date(2026, 10, d, hour, 0, 0, 0, berlin) }
	model := func(name string) func(*usage.Event) { return func(e *usage.Event) { e.Model = name } }
	b.write([]usage.Event{
		b.event(at(23, 12), "claude", 100, model("a")),
		b.event(at(23, 23), "codex", 300, model("b"), func(e *usage.Event) { e.CacheRead = 5000 }),
		b.event(at(25, 0), "claude", 1, model("a")),
		b.event(at(25, 23), "codex", 2, model("a"), func(e *usage.Event) { e.Project = "/w/api" }), // the day has 25 hours
		b.event(at(27, 8), "claude", 40, model("a")),
		b.event(time.Time{}, "codex", 10_000, func(e *usage.Event) { e.Flags = usage.Inherited }),
	})
	days := func(n int, split store.Dimension) *report.DaysAnswer {
		t.Helper()
		d, err := b.Days(t.Context(), report.Range{Days: n, Split: split})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	d := days(7, store.Agent)
	var fresh []int64
	var recorded []bool
	for i, day := range d.Days {
		fresh, recorded = append(fresh, day.Fresh()), append(recorded, day.Recorded)
		if i > 0 && !day.Start.Equal(d.Days[i-1].End) {
			t.Errorf("a gap before %v", day.Start)
		}
	}
	if !slices.Equal(fresh, []int64{0, 0, 400, 0, 3, 0, 40}) {
		t.Errorf("fresh %v", fresh)
	}
	if !slices.Equal(recorded, []bool{false, false, true, true, true, true, true}) {
		t.Errorf("recorded %v: zero is not the same as no record", recorded)
	}
	if d.Days[4].End.Sub(d.Days[4].Start) != 25*time.Hour {
		t.Errorf("25 October lasts %v", d.Days[4].End.Sub(d.Days[4].Start))
	}
	if d.Totals.Fresh() != 443 || d.Totals.CacheRead != 5000 || d.Totals.Requests != 5 {
		t.Errorf("totals %+v: undated requests are of no day", d.Totals)
	}
	if len(d.Groups) != 2 || d.Groups[0].Agent != "codex" || d.Groups[0].Fresh() != 302 || d.Days[2].Parts[0].Fresh() != 300 {
		t.Errorf("groups %+v", d.Groups)
	}
	if d := days(7, store.Model); len(d.Groups) != 2 || d.Groups[1].Model != "a" || d.Groups[1].Agent != "" || d.Groups[0].Agent != "codex" {
		t.Errorf("by model %+v: a model of two agents has none", d.Groups)
	}
	if d := days(7, store.Project); len(d.Groups) != 2 || d.Groups[0].Project != "/w/shop" || d.Groups[1].Fresh() != 2 {
		t.Errorf("by project %+v", d.Groups)
	}
	if d := days(1, store.Agent); len(d.Days) != 1 || d.Totals.Fresh() != 40 {
		t.Errorf("today alone %+v", d.Totals)
	}
	if d := days(90, store.Agent); len(d.Days) != 90 || d.Totals.Fresh() != 443 {
		t.Errorf("90 days %+v", d.Totals)
	}
	for _, bad := range []report.Range{{Days: 0, Split: store.Agent}, {Days: 367, Split: store.Agent}, {Days: 7, Split: store.Hour}, {Days: 7}} {
		if _, err := b.Days(t.Context(), bad); err == nil {
			t.Errorf("%+v is answered", bad)
		}
	}
}

func TestHistoryTotals(t *testing.T) {
	now := time.Date(2026, 11, 20, 11, 48, 12, 0, time.UTC)
	b := newBench(t, now)
	b.write([]usage.Event{
		b.event(now, "claude", 10), b.event(now.AddDate(0, 0, -1), "codex", 5),
		b.event(time.Time{}, "codex", 3, func(e *usage.Event) { e.Flags = usage.Inherited }),
	})
	for _, by := range [][]store.Dimension{{store.Day}, {store.Agent}, {store.Hour, store.Session}, {store.Month, store.Model}, {store.Week, store.Project, store.Agent}} {
		a, err := b.History(t.Context(), store.Query{By: by})
		if err != nil {
			t.Fatal(err)
		}
		if a.Totals.Fresh() != 18 || a.Totals.Requests != 3 {
			t.Errorf("by %v: %+v: grouping changes the total", by, a.Totals)
		}
	}
}
