package store

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tokenmeter/internal/usage"
)

func micros(n usage.Micros) *usage.Micros { return &n }

// normal is an event as the store gives it back, with the agent's salt in its key.
func normal(e usage.Event) usage.Event {
	e = usage.Merge(e, e)
	e.Key, e.Twin = 0, 0
	if e.Thread != "" {
		e.Thread = "thread"
	} else {
		e.Ordinal = 0
	}
	if e.Cost.Priced == false {
		e.Cost = usage.Cost{}
	}
	return e
}

func show(e usage.Event) string {
	recorded := "none"
	if e.Recorded != nil {
		recorded = fmt.Sprint(*e.Recorded)
	}
	e.Recorded = nil
	return fmt.Sprintf("%+v recorded %s", e, recorded)
}

// fold is what the store must hold: equal keys and equal twins are one request.
func fold(readings []usage.Event) []string {
	type name struct {
		agent usage.AgentID
		twin  bool
		key   usage.Key
	}
	parent := map[name]name{}
	var find func(name) name
	find = func(n name) name {
		if p, ok := parent[n]; ok && p != n {
			return find(p)
		}
		return n
	}
	for _, e := range readings {
		if e.Twin != 0 {
			a, b := find(name{e.Agent, false, e.Key}), find(name{e.Agent, true, e.Twin})
			if a != b {
				parent[a] = b
			}
		}
	}
	merged := map[name]usage.Event{}
	for _, e := range readings {
		n := find(name{e.Agent, false, e.Key})
		if old, ok := merged[n]; ok {
			e = usage.Merge(old, e)
		}
		merged[n] = e
	}
	var lines []string
	for _, e := range merged {
		lines = append(lines, show(normal(e)))
	}
	slices.Sort(lines)
	return lines
}

func stored(t testing.TB, s *Store) []string {
	all, _ := events(t, s)
	var lines []string
	for e := range maps.Values(all) {
		lines = append(lines, show(normal(e)))
	}
	slices.Sort(lines)
	return lines
}

func TestConflicts(t *testing.T) {
	base := usage.Event{Agent: "a", Key: 1, Time: at("2026-11-20T10:00:00Z"), Session: "s", Project: "/p", Model: "m"}
	with := func(change func(*usage.Event)) usage.Event {
		e := base
		change(&e)
		return e
	}
	tests := []struct {
		name     string
		readings []usage.Event
		rows     int64
		output   int64
	}{
		{"placeholder, then the final line", []usage.Event{
			with(func(e *usage.Event) { e.Output, e.Flags = 1, usage.LowerBound }),
			with(func(e *usage.Event) { e.Output, e.Time = 400, e.Time+9000 }),
		}, 1, 400},
		{"the sub-agent's copy comes first", []usage.Event{
			with(func(e *usage.Event) { e.Output, e.Session, e.Claim, e.Flags = 50, "side", 2, usage.Sidechain }),
			with(func(e *usage.Event) { e.Output, e.Session = 50, "main" }),
		}, 1, 50},
		{"a copy on the next day", []usage.Event{
			with(func(e *usage.Event) { e.Output, e.Time = 50, e.Time+dayLength }),
			with(func(e *usage.Event) { e.Output = 50 }),
		}, 1, 50},
		{"undated, then dated", []usage.Event{
			with(func(e *usage.Event) { e.Output, e.Time, e.Flags = 50, 0, usage.Inherited }),
			with(func(e *usage.Event) { e.Output = 50 }),
		}, 1, 50},
		{"never dated", []usage.Event{
			with(func(e *usage.Event) { e.Output, e.Time = 50, 0 }),
			with(func(e *usage.Event) { e.Output, e.Time, e.CountedAt, e.ClaimedAt = 50, 0, usage.Undated, usage.Undated }),
		}, 1, 50},
		{"a later model", []usage.Event{
			with(func(e *usage.Event) { e.Output, e.Model = 3, "placeholder" }),
			with(func(e *usage.Event) { e.Output, e.Model = 30, "real" }),
		}, 1, 30},
		{"the price came later", []usage.Event{
			with(func(e *usage.Event) { e.Output = 3 }),
			with(func(e *usage.Event) {
				e.Output, e.Cost, e.Recorded = 30, usage.Cost{Micros: 17, Priced: true, Row: "row-1"}, micros(18)
			}),
		}, 1, 30},
		{"equal twins in two sessions", []usage.Event{
			with(func(e *usage.Event) { e.Key, e.Twin, e.Output = 7, 99, 5 }),
			with(func(e *usage.Event) { e.Key, e.Twin, e.Output, e.Session = 3, 99, 5, "copy" }),
		}, 1, 5},
		{"twins of twins join what was apart", []usage.Event{
			with(func(e *usage.Event) { e.Key, e.Twin, e.Output = 7, 99, 5 }),
			with(func(e *usage.Event) { e.Key, e.Twin, e.Output, e.Session = 3, 98, 6, "copy" }),
			with(func(e *usage.Event) { e.Key, e.Twin, e.Output = 7, 98, 6 }),
			with(func(e *usage.Event) { e.Key, e.Output, e.Session = 3, 8, "copy" }),
		}, 1, 8},
		{"a row of a thread comes again with more", []usage.Event{
			with(func(e *usage.Event) { e.Thread, e.Ordinal, e.Output = "t", 3, 7 }),
			with(func(e *usage.Event) { e.Thread, e.Ordinal, e.Output = "t", 9, 70 }),
		}, 1, 7},
		{"one key of two agents", []usage.Event{
			with(func(e *usage.Event) { e.Output = 1 }),
			with(func(e *usage.Event) { e.Agent, e.Output = "b", 2 }),
		}, 2, 3},
		{"counters no request can have", []usage.Event{
			with(func(e *usage.Event) { e.Output, e.Input = 1<<62, -5 }),
			with(func(e *usage.Event) { e.Key, e.Output = 2, 1<<62 }),
		}, 2, 2 * maxCount},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, reversed := range []bool{false, true} {
				for _, together := range []bool{false, true} {
					readings := slices.Clone(test.readings)
					if reversed {
						slices.Reverse(readings)
					}
					s := open(t, load("America/New_York"))
					if together {
						write(t, s, &Chunk{Events: readings})
					} else {
						for i, e := range readings {
							write(t, s, &Chunk{File: &File{Agent: e.Agent, Path: fmt.Sprint(i)}, Events: []usage.Event{e}})
						}
					}
					if got := total(t, s); got.Requests != test.rows || got.Output != test.output {
						t.Errorf("reversed %v, together %v: %d requests with %d, want %d with %d", reversed, together, got.Requests, got.Output, test.rows, test.output)
					}
					for i := range readings {
						sane(&readings[i])
					}
					if got, want := stored(t, s), fold(readings); !slices.Equal(got, want) {
						t.Errorf("reversed %v, together %v:\n%s\nwant\n%s", reversed, together, got, want)
					}
					checkSums(t, s)
				}
			}
		})
	}
}

// reading makes a random event out of few values, so that every tie and union occurs.
func reading(r *rand.Rand, keys int) usage.Event {
	pick := func(n int) int64 { return int64(r.IntN(n)) }
	text := func(prefix string, n int) string {
		if i := pick(n); i > 0 {
			return fmt.Sprint(prefix, i)
		}
		return ""
	}
	e := usage.Event{
		Agent: usage.AgentID(fmt.Sprint("agent", pick(2))), Key: usage.Key(1 + pick(keys)), Claim: uint8(pick(3)), Offset: pick(5),
		Session: text("s", 4), Project: text("/p", 3), Branch: text("b", 2), Version: text("v", 2), Model: text("m", 4), Service: text("x", 2),
		WebSearches: pick(2),
	}
	e.Output, e.Input, e.CacheRead, e.CacheWrite5m, e.CacheWrite1h, e.Reasoning = pick(4), pick(3), pick(3), pick(2), pick(2), pick(2)
	e.Flags = usage.Flags(pick(64))
	switch pick(8) {
	case 0:
	case 1:
		e.Time = usage.Millis(1 + pick(quarter))
	default:
		// Around a change of the clocks, at quarters and beside them.
		e.Time = at("2026-11-01T04:00:00Z") + usage.Millis(pick(40))*quarter + usage.Millis(pick(3)) - 1
	}
	if e.Time != 0 {
		e.Flags &^= usage.Inherited
	}
	if pick(2) == 0 {
		e.Recorded = micros(usage.Micros(pick(3)))
	}
	if pick(3) == 0 {
		e.Cost = usage.Cost{Micros: usage.Micros(pick(1000)), Priced: true, Row: text("row", 3)}
	}
	if pick(6) == 0 {
		e.Twin = usage.Key(1 + pick(keys*3))
	}
	// A row of a thread is one in all its readings, and has no twins.
	if e.Key%3 == 0 {
		e.Thread, e.Ordinal, e.Twin = "t", int(pick(3)), 0
	}
	return e
}

func TestAnyOrderEqualsTheFold(t *testing.T) {
	zones := []*time.Location{time.UTC, load("America/New_York"), load("Asia/Kathmandu"), load("Australia/Lord_Howe")}
	rounds := 16
	if soaking() {
		rounds = 200
	}
	for round := range rounds {
		r := rand.New(rand.NewPCG(uint64(round), 7))
		readings := make([]usage.Event, 20+r.IntN(300))
		for i := range readings {
			readings[i] = reading(r, 3+len(readings)/4)
			// The price depends on the counters only, as it does where prices are made.
			readings[i].Cost = usage.Cost{}
			if readings[i].Output > 1 {
				readings[i].Cost = usage.Cost{Micros: usage.Micros(readings[i].Output * 11), Priced: true, Row: "row"}
			}
		}
		want := fold(readings)
		var before []string
		for order := range 3 {
			s := open(t, zones[round%len(zones)])
			queue := slices.Concat(readings, readings[:len(readings)/3])
			r.Shuffle(len(queue), func(i, j int) { queue[i], queue[j] = queue[j], queue[i] })
			for len(queue) > 0 {
				update(t, s, func(tx *Tx) error {
					for range 1 + r.IntN(3) {
						n := min(len(queue), 1+r.IntN(1+len(readings)/(1+r.IntN(9))))
						if err := tx.Write(&Chunk{File: &File{Path: fmt.Sprint(r.IntN(3)), Agent: "agent1"}, Events: queue[:n]}); err != nil {
							return err
						}
						queue = queue[n:]
					}
					return nil
				})
				if r.IntN(4) == 0 {
					path, zone := s.path, s.zone.Load()
					if err := s.Close(); err != nil {
						t.Fatal(err)
					}
					s = openAt(t, path, Options{Zone: zone})
				}
			}
			got := stored(t, s)
			if !slices.Equal(got, want) {
				for i := range max(len(got), len(want)) {
					if i >= len(got) || i >= len(want) || got[i] != want[i] {
						t.Errorf("round %d order %d: %d rows, want %d; first difference:\n%s\n%s", round, order, len(got), len(want), line(got, i), line(want, i))
						break
					}
				}
				t.FailNow()
			}
			checkSums(t, s)
			if order > 0 && !slices.Equal(before, got) {
				t.Fatalf("round %d: order matters", round)
			}
			before = got
			s.Close()
		}
	}
}

// line is a line of a listing, if there is one.
func line[T any](lines []T, i int) any {
	if i < len(lines) {
		return lines[i]
	}
	return "nothing"
}
