package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"tokenmeter/internal/usage"
)

// listPrices prices by a rule that looks at all that a price may depend on. Models that it
// does not know have none.
func listPrices(version string, per int64, unknown ...string) *Pricing {
	return &Pricing{Version: version, Cost: func(e *usage.Event) usage.Cost {
		for _, model := range unknown {
			if e.Model == model {
				return usage.Cost{}
			}
		}
		c := usage.Cost{Micros: usage.Micros(per*e.Output + e.Input + e.WebSearches*10_000), Priced: true, Row: e.Model + "@" + version}
		if e.Service == "fast" {
			c.Micros *= 2
		}
		if e.Time == 0 {
			c.Micros++
		}
		return c
	}}
}

// checkCosts compares what is stored with what the prices say of each event.
func checkCosts(t *testing.T, s *Store, p *Pricing) {
	t.Helper()
	all, _ := events(t, s)
	if len(all) == 0 {
		t.Fatal("no events")
	}
	for key, e := range all {
		if want := p.Cost(&e); e.Cost != want {
			t.Fatalf("event %d costs %+v, want %+v", key, e.Cost, want)
		}
	}
	checkSums(t, s)
}

// repriceAll runs a pass to its end and counts its transactions.
func repriceAll(t testing.TB, s *Store) (r Repricing, steps int) {
	t.Helper()
	for {
		var err error
		if r, err = s.Reprice(context.Background()); err != nil {
			t.Fatal(err)
		}
		if r.Done {
			return r, steps
		}
		steps++
	}
}

func TestCostsFollowPrices(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokenmeter.db")
	first := listPrices("first", 3, "model-1")
	s := openAt(t, path, Options{Zone: load("Europe/Berlin"), Pricing: first})
	if r, steps := repriceAll(t, s); steps != 0 || r.Changed != 0 {
		t.Fatalf("an empty database was priced again: %+v", r)
	}
	fill(t, s, 12_000) // more than one transaction of a pass
	checkCosts(t, s, first)
	if total(t, s).UnpricedTokens == 0 {
		t.Fatal("no request is without a price")
	}
	if _, steps := repriceAll(t, s); steps != 0 {
		t.Fatal("costs of the same prices are done again")
	}

	// The pass is interrupted after its first transaction, by an end of the program.
	second := listPrices("second", 5, "model-2")
	s.SetPricing(second)
	r, err := s.Reprice(context.Background())
	if err != nil || r.Done {
		t.Fatalf("%+v, %v", r, err)
	}
	checkSums(t, s)
	s.Close()
	s = openAt(t, path, Options{Zone: load("Europe/Berlin"), Pricing: second})
	write(t, s, corpusChunk(5000)) // in the midst of it
	r, _ = repriceAll(t, s)
	checkCosts(t, s, second)
	if r.From != "first" || r.Changed == 0 || r.Before == 0 || r.After <= r.Before {
		t.Errorf("the pass says %+v", r)
	}
	if err := s.TellRepriced(context.Background()); err != nil {
		t.Fatal(err)
	}
	if r, err = s.Repricing(context.Background()); err != nil || !r.Told {
		t.Errorf("not told: %+v, %v", r, err)
	}

	// Another table comes while the pass of one is not over.
	s.SetPricing(listPrices("third", 7))
	if _, err := s.Reprice(context.Background()); err != nil {
		t.Fatal(err)
	}
	fourth := listPrices("fourth", 1)
	s.SetPricing(fourth)
	r, _ = repriceAll(t, s)
	checkCosts(t, s, fourth)
	if r.From != "second" || r.Told {
		t.Errorf("the pass says %+v, the last that was complete is second", r)
	}
	if n := total(t, s).UnpricedTokens; n != 0 {
		t.Errorf("%d tokens are without a price", n)
	}

	// Prices are taken away.
	none := listPrices("none", 0, "model-0", "model-1", "model-2", "model-3", "model-4")
	s.SetPricing(none)
	repriceAll(t, s)
	checkCosts(t, s, none)
	if c := total(t, s); c.Cost != 0 || c.PricedRequests != 0 || c.UnpricedTokens != c.Total() {
		t.Errorf("without prices: %+v", c)
	}
}

// TestTwoProgramsWithOtherPrices: one that wrote a little under its prices must not leave
// that behind as if it were the other's.
func TestTwoProgramsWithOtherPrices(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokenmeter.db")
	now, before := listPrices("now", 4), listPrices("before", 9)
	s := openAt(t, path, Options{Pricing: now})
	write(t, s, corpusChunk(1))
	repriceAll(t, s)
	s.Close()
	s = openAt(t, path, Options{Pricing: before})
	write(t, s, corpusChunk(2)) // and is killed before its pass
	s.Close()
	s = openAt(t, path, Options{Pricing: now})
	if _, steps := repriceAll(t, s); steps > 1 {
		t.Fatal("too many steps")
	}
	checkCosts(t, s, now)
}

// TestMergedRowsArePricedAnew: the cost is that of the row as it is stored, whichever
// reading its time, counters and service came from.
func TestMergedRowsArePricedAnew(t *testing.T) {
	p := &Pricing{Version: "dated", Cost: func(e *usage.Event) usage.Cost {
		rate := usage.Micros(2)
		if e.Time >= at("2026-08-21T00:00:00Z") {
			rate = 1
		}
		return usage.Cost{Micros: rate * usage.Micros(e.Output), Priced: true, Row: fmt.Sprint(rate)}
	}}
	early := usage.Event{Key: 7, Time: at("2026-08-20T23:59:00Z"), Session: "s", Model: "m", Tokens: usage.Tokens{Output: 1}}
	late := usage.Event{Key: 7, Time: at("2026-08-21T00:01:00Z"), Session: "s", Model: "m", Tokens: usage.Tokens{Output: 500}}
	for name, order := range map[string][]usage.Event{"early first": {early, late}, "late first": {late, early}} {
		t.Run(name, func(t *testing.T) {
			s := openAt(t, filepath.Join(t.TempDir(), "tokenmeter.db"), Options{Pricing: p})
			for _, e := range order {
				write(t, s, &Chunk{File: &File{Agent: "agent", Path: "/f"}, Events: []usage.Event{e}})
			}
			checkCosts(t, s, p)
			if c := total(t, s); c.Cost != 1000 {
				t.Errorf("500 tokens cost %d, want 1000: the request began on the day before", c.Cost)
			}
		})
	}
}

func TestNothingIsWrittenWhereNothingIsRepriced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokenmeter.db")
	p := listPrices("one", 4)
	s := openAt(t, path, Options{Pricing: p})
	write(t, s, corpusChunk(1))
	repriceAll(t, s)
	s.Close()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s = openAt(t, path, Options{Pricing: p})
	repriceAll(t, s)
	if info, err := os.Stat(path + "-wal"); err == nil && info.Size() > 0 {
		t.Errorf("%d bytes were written", info.Size())
	}
	s.Close()
	after, err := os.ReadFile(path)
	if err != nil || string(after) != string(before) {
		t.Errorf("the file has changed (%v)", err)
	}
}

func BenchmarkReprice(b *testing.B) {
	path := filepath.Join(b.TempDir(), "tokenmeter.db")
	s := openAt(b, path, Options{Zone: load("Europe/Berlin")})
	fill(b, s, corpusEvents)
	n := int64(0)
	var last Repricing
	for b.Loop() {
		n++
		s.SetPricing(listPrices(fmt.Sprint("v", n), n))
		last, _ = repriceAll(b, s)
		if last.Changed < corpusEvents/2 {
			b.Fatalf("%+v", last)
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(info.Size())/corpusEvents, "B/event")
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/million")
}

// TestAnotherPriceForARange: with a cost of its own the answer is that of the stored sums,
// but for the money, in every way to ask.
func TestAnotherPriceForARange(t *testing.T) {
	p := listPrices("stored", 3, "model-1")
	s := openAt(t, filepath.Join(t.TempDir(), "tokenmeter.db"), Options{Zone: load("Europe/Berlin"), Pricing: p})
	fill(t, s, 9000)
	write(t, s, &Chunk{File: &File{Agent: "first", Path: "/undated"}, Events: []usage.Event{
		{Key: 1, Session: "s", Model: "model-1", Service: "fast", Tokens: usage.Tokens{Input: 5, Output: 7}, WebSearches: 2},
		{Key: 2, Session: "s", Model: "model-2", Service: "fast", Tokens: usage.Tokens{Input: 5, Output: 7}, WebSearches: 2},
	}})
	newest := at("2026-11-20T00:00:00Z")
	other := listPrices("other", 11, "model-3")
	for name, q := range map[string]Query{
		"all":                  {},
		"all by model":         {By: []Dimension{Model}},
		"by hour":              {By: []Dimension{Hour, Agent}, Zone: load("Asia/Kathmandu")},
		"by day, project":      {By: []Dimension{Day, Project}, Zone: load("Europe/Berlin"), Since: newest - 3*dayLength},
		"by week, session":     {By: []Dimension{Week, Session}, Zone: load("America/St_Johns"), Until: newest},
		"by month of one":      {By: []Dimension{Month, Model}, Models: []string{"model-2"}, Zone: load("Europe/Berlin")},
		"of nothing":           {By: []Dimension{Day}, Models: []string{"no such model"}},
		"of an agent, a while": {By: []Dimension{Session, Agent}, Agents: []usage.AgentID{"second"}, Since: newest - 5*dayLength, Until: newest - dayLength/2},
	} {
		t.Run(name, func(t *testing.T) {
			want := ask(t, s, q)
			same := q
			same.Cost = p.Cost
			got := ask(t, s, same)
			if len(got) != len(want) {
				t.Fatalf("%d rows, want %d", len(got), len(want))
			}
			for i := range want {
				if got[i] != want[i] {
					t.Fatalf("row %d is %+v, want %+v", i, got[i], want[i])
				}
			}
			same.Cost = other.Cost
			for i, row := range ask(t, s, same) {
				if row.Tokens != want[i].Tokens || row.Cost == want[i].Cost {
					t.Fatalf("at other prices row %d is %+v, stored is %+v", i, row, want[i])
				}
			}
		})
	}
	checkCosts(t, s, p)
}
