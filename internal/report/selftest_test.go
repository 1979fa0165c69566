package report_test

import (
	"reflect"
	"testing"
	"time"

	"tokenmeter/internal/pricing"
	"tokenmeter/internal/report"
	"tokenmeter/internal/store"
	"tokenmeter/internal/usage"
)

func (b *bench) bill(bills ...usage.Bill) {
	b.t.Helper()
	err := b.store.Update(b.t.Context(), func(tx *store.Tx) error {
		return tx.Write(&store.Chunk{File: &store.File{Agent: "claude", Path: "/logs/bills", Root: "/logs", Name: "bills"}, Bills: bills})
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// flat prices each kind of token by itself, and doubles all for a prompt beyond 200,000.
func flat(e *usage.Event) usage.Cost {
	if e.Model == "unknown" || e.Time == 0 {
		return usage.Cost{}
	}
	n := 3*e.Input + e.CacheRead + 4*e.CacheWrite5m + 6*e.CacheWrite1h + 15*e.Output + 10_000*e.WebSearches
	if e.Prompt() > 200_000 {
		n *= 2
	}
	return usage.Cost{Micros: usage.Micros(n), Priced: true, Row: "r"}
}

func TestSelfTest(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	at := usage.MillisOf(now)
	b := newBench(t, now)
	if list, err := b.SelfTest(t.Context(), flat); err != nil || len(list) != 0 {
		t.Fatalf("of nothing: %+v, %v", list, err)
	}
	used := usage.Tokens{Input: 1_000_001, CacheRead: 7_000_000_000, CacheWrite5m: 12_345, CacheWrite1h: 9_999, Output: 20_000, Reasoning: 500}
	const ours = 3*1_000_001 + 7_000_000_000 + 4*12_345 + 6*9_999 + 15*20_000 + 2*10_000
	b.bill(
		usage.Bill{Session: "s1", Model: "m", Time: at, Tokens: used, WebSearches: 2, Cost: ours},
		usage.Bill{Session: "s2", Model: "m", Time: at, Tokens: usage.Tokens{Output: 100}, Cost: 3000},
		usage.Bill{Session: "s2", Model: "unknown", Time: at, Tokens: usage.Tokens{Output: 100}, Cost: 70},
		usage.Bill{Session: "s3", Model: "undated", Tokens: usage.Tokens{Output: 100_000}, Cost: 1},
		usage.Bill{Session: "s4", Model: "empty", Time: at, Cost: 20},
		usage.Bill{Session: "s5", Model: "searches", Time: at, WebSearches: 3, Cost: 30_000},
	)
	recorded := usage.Micros(40)
	event := b.event(now, "claude", 2, func(e *usage.Event) { e.Model, e.Recorded = "old", &recorded })
	event.Cost = usage.Cost{Micros: 44, Priced: true, Row: "r"}
	b.write([]usage.Event{event, b.event(now, "claude", 2, func(e *usage.Event) { e.Model, e.Recorded = "m", &recorded }), b.event(now, "claude", 5)})
	got, err := b.SelfTest(t.Context(), flat)
	if err != nil {
		t.Fatal(err)
	}
	want := []report.PriceTest{
		{Agent: "claude", Model: "m", Sessions: 2, Ours: ours + 1500, Theirs: ours + 3000, Unpriced: 1, UnpricedCost: 40},
		{Agent: "claude", Model: "searches", Sessions: 1, Ours: 30_000, Theirs: 30_000},
		{Agent: "claude", Model: "unknown", Unpriced: 1, UnpricedCost: 70},
		{Agent: "claude", Model: "old", Requests: 1, Ours: 44, Theirs: 40},
		{Agent: "claude", Model: "empty", Unpriced: 1, UnpricedCost: 20},
		{Agent: "claude", Model: "undated", Unpriced: 1, UnpricedCost: 1},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// The shipped prices, on sums worked out by hand: Claude Opus 4.8 at $5 and $25 a million, reads
// at a tenth, writes at 1.25 and 2 times the input.
func TestSelfTestByShippedPrices(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	b := newBench(t, now)
	b.bill(usage.Bill{Session: "s1", Model: "claude-opus-4-8", Time: usage.MillisOf(now), WebSearches: 3, Cost: 23_030_000,
		Tokens: usage.Tokens{Input: 1_000_000, CacheRead: 10_000_000, CacheWrite5m: 800_000, CacheWrite1h: 100_000, Output: 280_000}})
	got, err := b.SelfTest(t.Context(), pricing.Load(t.TempDir()).Cost)
	if err != nil || len(got) != 1 || got[0].Ours != 5_000_000+5_000_000+5_000_000+1_000_000+7_000_000+30_000 || got[0].Sessions != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestDoubtfulPrices(t *testing.T) {
	for name, c := range map[string]struct {
		ours, theirs usage.Micros
		want         bool
	}{
		"equal":               {9_000_000, 9_000_000, false},
		"five percent":        {10_500_000, 10_000_000, false},
		"more":                {10_510_000, 10_000_000, true},
		"less":                {9_490_000, 10_000_000, true},
		"ours below a dollar": {999_999, 10_000_000, false},
		"theirs, too":         {10_000_000, 999_999, false},
		"theirs is nothing":   {10_000_000, 0, false},
	} {
		p := report.PriceTest{Ours: c.ours, Theirs: c.theirs}
		if p.Doubtful() != c.want {
			t.Errorf("%s: %v", name, !c.want)
		}
	}
}
