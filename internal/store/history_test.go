package store

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tokenmeter/internal/usage"
)

// scattered makes events over two and a half years, dense around changes of the clocks,
// ends of months and midnights, and some without a date.
func scattered(r *rand.Rand, n int) []usage.Event {
	dense := []usage.Millis{
		at("2025-10-26T00:00:00Z"), at("2025-11-02T05:00:00Z"), at("2026-03-29T00:00:00Z"), at("2026-03-08T06:00:00Z"), at("2026-04-04T14:00:00Z"),
		at("2024-12-31T23:00:00Z"), at("2026-02-28T22:00:00Z"), at("2026-09-05T03:00:00Z"),
	}
	var made []usage.Event
	for i := range n {
		e := usage.Event{
			Key: usage.Key(i + 1), Session: fmt.Sprint("s", r.IntN(12)), Model: fmt.Sprint("m", r.IntN(3)), Project: []string{"", "/a", "/b", "/c"}[r.IntN(4)],
			Agent: usage.AgentID(fmt.Sprint("agent", r.IntN(2))),
		}
		e.Input, e.Output, e.CacheRead, e.CacheWrite5m, e.CacheWrite1h, e.Reasoning = int64(r.IntN(99)), int64(r.IntN(99)), int64(r.IntN(999)), int64(r.IntN(9)), int64(r.IntN(9)), int64(r.IntN(9))
		if r.IntN(2) == 0 {
			e.Cost = usage.Cost{Micros: usage.Micros(r.IntN(5000)), Priced: true, Row: "row"}
		}
		switch r.IntN(10) {
		case 0:
		case 1, 2, 3, 4:
			e.Time = dense[r.IntN(len(dense))] + usage.Millis(r.IntN(6*3600*1000))
		case 5:
			e.Time = dense[r.IntN(len(dense))] + usage.Millis(r.IntN(30))*quarter
		default:
			e.Time = at("2024-06-01T00:00:00Z") + usage.Millis(r.Int64N(900*dayLength))
		}
		made = append(made, e)
	}
	return made
}

// slowly answers a query the simple way: one event after the other, by the calendar of
// package time.
func slowly(all []usage.Event, q Query) []Row {
	down := func(m usage.Millis) usage.Millis { return m - m%quarter }
	groups := map[Row]usage.Counts{}
	for _, e := range all {
		if e.Time == 0 && (q.Since != 0 || q.Until != 0) || q.Since != 0 && e.Time < down(q.Since) || q.Until != 0 && e.Time >= down(q.Until) {
			continue
		}
		if len(q.Agents) > 0 && !slices.Contains(q.Agents, e.Agent) || len(q.Models) > 0 && !slices.Contains(q.Models, e.Model) ||
			len(q.Projects) > 0 && !slices.Contains(q.Projects, e.Project) {
			continue
		}
		var g Row
		local := e.Time.Time().In(q.Zone)
		year, month, day := local.Date()
		for _, d := range q.By {
			switch d {
			case Hour:
				// The hour that began on the local clock; the offset now is the one then,
				// but for the half hour after a change of half an hour.
				g.Start = e.Time - usage.Millis(local.Minute())*60_000 - usage.Millis(local.Second())*1000 - usage.Millis(int64(e.Time)%1000)
			case Day:
				g.Start = midnight(q.Zone, year, month, day)
			case Week:
				g.Start = midnight(q.Zone, year, month, day-(int(local.Weekday())+6)%7)
			case Month:
				g.Start = midnight(q.Zone, year, month, 1)
			case Session:
				g.Session = e.Session
			case Project:
				g.Project = e.Project
			case Model:
				g.Model = e.Model
			case Agent:
				g.Agent = e.Agent
			}
		}
		if e.Time == 0 {
			g.Start = 0
		}
		groups[g] = groups[g].Plus(usage.CountsOf(&e))
	}
	var rows []Row
	for g, c := range groups {
		g.Counts = c
		rows = append(rows, g)
	}
	slices.SortFunc(rows, func(a, b Row) int {
		if (a.Start == 0) != (b.Start == 0) {
			return cmp.Compare(b.Start, a.Start)
		}
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.Session, b.Session), cmp.Compare(a.Project, b.Project), cmp.Compare(a.Model, b.Model), cmp.Compare(a.Agent, b.Agent))
	})
	return rows
}

// midnight is the first moment of a local day, found by looking at every quarter.
func midnight(zone *time.Location, year int, month time.Month, day int) usage.Millis {
	want := time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
	for q := time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Add(-24 * time.Hour); ; q = q.Add(15 * time.Minute) {
		if q.In(zone).Format(time.DateOnly) >= want {
			return usage.MillisOf(q)
		}
	}
}

func TestHistoryEqualsSlowHistory(t *testing.T) {
	zones := []string{"UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Santiago", "Pacific/Auckland", "Pacific/Apia"}
	r := rand.New(rand.NewPCG(3, 4))
	queries := 250
	if soaking() {
		queries = 2500
	}
	all := scattered(r, 1500)
	for _, stored := range []string{"Europe/Berlin", "America/Santiago"} {
		s := open(t, load(stored))
		write(t, s, &Chunk{File: &File{Path: "a"}, Events: all[:700]}, &Chunk{File: &File{Path: "b"}, Events: all[700:]})
		checkSums(t, s)
		for range queries {
			q := Query{Zone: load(zones[r.IntN(len(zones))])}
			if r.IntN(2) == 0 {
				q.Zone = load(stored)
			}
			if i := r.IntN(5); i < 4 {
				q.By = append(q.By, []Dimension{Hour, Day, Week, Month}[i])
			}
			for _, d := range []Dimension{Session, Project, Model, Agent} {
				if r.IntN(3) == 0 {
					q.By = append(q.By, d)
				}
			}
			if slices.Contains(q.By, Hour) && q.Zone.String() == "Australia/Lord_Howe" {
				continue // its hours overlap when the clocks change by half an hour
			}
			moment := func() usage.Millis {
				e := all[r.IntN(len(all))]
				if r.IntN(2) == 0 && e.Time != 0 {
					year, month, day := e.Time.Time().In(q.Zone).Date()
					return midnight(q.Zone, year, month, day)
				}
				return e.Time
			}
			if r.IntN(2) == 0 {
				q.Since = moment()
			}
			if r.IntN(3) == 0 {
				q.Until = moment()
			}
			if r.IntN(4) == 0 {
				q.Agents = []usage.AgentID{"agent1", "nobody"}
			}
			if r.IntN(4) == 0 {
				q.Projects = [][]string{{"/a", "/c"}, {""}, {"/nowhere"}}[r.IntN(3)]
			}
			if r.IntN(4) == 0 {
				q.Models = []string{"m1"}
			}
			got, want := ask(t, s, q), slowly(all, q)
			if !slices.Equal(got, want) {
				for i := range max(len(got), len(want)) {
					if i >= len(got) || i >= len(want) || got[i] != want[i] {
						t.Fatalf("stored in %s, asked %+v in %s:\n%d rows, want %d; first difference at %d:\n%+v\n%+v", stored, q, q.Zone, len(got), len(want), i, line(got, i), line(want, i))
					}
				}
			}
		}
	}
}

func TestGroupingNeverChangesATotal(t *testing.T) {
	s := open(t, load("America/New_York"))
	all := scattered(rand.New(rand.NewPCG(5, 6)), 800)
	write(t, s, &Chunk{Events: all})
	want := total(t, s)
	for _, time := range []Dimension{"", Hour, Day, Week, Month} {
		for mask := range 16 {
			q := Query{Zone: load("Australia/Lord_Howe")}
			if time != "" {
				q.By = append(q.By, time)
			}
			for i, d := range []Dimension{Session, Project, Model, Agent} {
				if mask>>i&1 != 0 {
					q.By = append(q.By, d)
				}
			}
			var sum usage.Counts
			for _, row := range ask(t, s, q) {
				sum = sum.Plus(row.Counts)
			}
			if sum != want {
				t.Errorf("by %v: %+v, want %+v", q.By, sum, want)
			}
		}
	}
}

func TestHistoryRefusesWhatItCannotAnswer(t *testing.T) {
	s := open(t, time.UTC)
	for _, by := range [][]Dimension{{Day, Month}, {"colour"}} {
		if _, err := s.History(context.Background(), Query{By: by}); err == nil {
			t.Errorf("by %v: no error", by)
		}
	}
}

func TestHistoryOfNothing(t *testing.T) {
	s := open(t, time.UTC)
	for _, by := range [][]Dimension{nil, {Day}, {Hour, Agent}, {Session}, {Month, Model}} {
		if rows := ask(t, s, Query{By: by}); len(rows) != 0 {
			t.Errorf("by %v: %v", by, rows)
		}
	}
}

func TestAChangeOfZoneRebuildsTheDays(t *testing.T) {
	s := open(t, load("Europe/Berlin"))
	write(t, s, &Chunk{Events: scattered(rand.New(rand.NewPCG(8, 9)), 500)})
	path := s.path
	for _, name := range []string{"Asia/Kathmandu", "America/New_York", "UTC"} {
		s.Close()
		s = openAt(t, path, Options{Zone: load(name)})
		checkSums(t, s)
	}
	// Another writer with another zone must not leave a mixture behind.
	other := openAt(t, path, Options{Zone: load("Pacific/Auckland")})
	write(t, s, &Chunk{Events: []usage.Event{{Key: 90001, Time: at("2026-01-01T05:00:00Z"), Model: "m"}}})
	checkSums(t, s)
	write(t, other, &Chunk{Events: []usage.Event{{Key: 90002, Time: at("2026-01-01T05:00:00Z"), Model: "m"}}})
	checkSums(t, other)
}

func TestZones(t *testing.T) {
	for _, name := range []string{"UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", "America/Sao_Paulo", "Africa/Casablanca"} {
		zone := load(name)
		// Every quarter lies in its own span, and in the local day that package time says.
		for q := at("2018-01-01T00:00:00Z") / quarter; q < at("2045-01-01T00:00:00Z")/quarter; q += 7 {
			s := spanAt(zone, int64(q))
			if int64(q) < s.lo || int64(q) >= s.hi {
				t.Fatalf("%s: quarter %d outside of its span %+v", name, q, s)
			}
			when := time.Unix(int64(q)*900, 0).In(zone)
			if _, seconds := when.Zone(); int64(seconds) != s.offset*900 {
				t.Fatalf("%s: offset %d at %s", name, s.offset, when)
			}
		}
		for d := int64(17000); d < 23000; d += 3 {
			start := startOfDay(zone, d)
			if got := spanAt(zone, start).day(start); got < d {
				t.Fatalf("%s: day %d starts in day %d", name, d, got)
			}
			if got := spanAt(zone, start-1).day(start - 1); got >= d {
				t.Fatalf("%s: day %d starts before %d", name, d, start)
			}
		}
	}
	if zoneID(time.UTC) != zoneID(load("Etc/UTC")) || zoneID(load("Europe/Berlin")) == zoneID(load("Europe/London")) {
		t.Error("zones are told apart by name")
	}
}
