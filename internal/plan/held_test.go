package plan_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tokenmeter/internal/plan"
	"tokenmeter/internal/usage"
)

func day(t *testing.T, text, zone string) time.Time {
	t.Helper()
	z, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	for _, layout := range []string{time.DateOnly, time.DateTime} {
		if at, err := time.ParseInLocation(layout, text, z); err == nil {
			return at
		}
	}
	t.Fatalf("%q is no time", text)
	return time.Time{}
}

func TestHold(t *testing.T) {
	for name, c := range map[string]struct {
		chosen []plan.Chosen
		want   []string
	}{
		"one, ever": {[]plan.Chosen{{Agent: "a", Plan: "p"}}, []string{"a p 0001-01-01 0001-01-01"}},
		"the next one ends the first": {[]plan.Chosen{{Agent: "a", Plan: "q", Started: "2026-03-05"}, {Agent: "a", Plan: "p"}},
			[]string{"a p 0001-01-01 2026-03-05", "a q 2026-03-05 0001-01-01"}},
		"a gap": {[]plan.Chosen{{Agent: "a", Plan: "p", Started: "2026-01-01", Ended: "2026-01-31"}, {Agent: "a", Plan: "q", Started: "2026-03-05"}},
			[]string{"a p 2026-01-01 2026-02-01", "a q 2026-03-05 0001-01-01"}},
		"it ends after the next one starts": {[]plan.Chosen{{Agent: "a", Plan: "p", Ended: "2026-04-30"}, {Agent: "a", Plan: "q", Started: "2026-03-05"}},
			[]string{"a p 0001-01-01 2026-03-05", "a q 2026-03-05 0001-01-01"}},
		"another agent's next one ends nothing": {[]plan.Chosen{{Agent: "a", Plan: "p"}, {Agent: "b", Plan: "q", Started: "2026-03-05"}},
			[]string{"a p 0001-01-01 0001-01-01", "b q 2026-03-05 0001-01-01"}},
		"two from the same day": {[]plan.Chosen{{Agent: "a", Plan: "p", Started: "2026-03-05"}, {Agent: "a", Plan: "q", Started: "2026-03-05"}},
			[]string{"a q 2026-03-05 0001-01-01"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, h := range plan.Hold(c.chosen, time.UTC) {
				got = append(got, fmt.Sprintf("%s %s %s %s", h.Agent, h.Plan, h.From.Format(time.DateOnly), h.Until.Format(time.DateOnly)))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestTerms(t *testing.T) {
	table := shipped(t)
	own := usage.Micros(90_000_000)
	for name, c := range map[string]struct {
		chosen           plan.Chosen
		zone, first, now string
		want             []string
	}{
		"back to the first record": {plan.Chosen{Agent: "claude", Plan: "pro", RenewalDay: 10}, "UTC", "2026-10-01", "2026-11-20",
			[]string{"2026-11-10 2026-12-10 20", "2026-10-10 2026-11-10 20", "2026-09-10 2026-10-10 20"}},
		"from the day it started on, which is the renewal day": {plan.Chosen{Agent: "claude", Plan: "pro", Started: "2026-10-15"}, "UTC", "2026-01-01", "2026-11-20",
			[]string{"2026-11-15 2026-12-15 20", "2026-10-15 2026-11-15 20"}},
		"the first cycle is cut, its fee is not": {plan.Chosen{Agent: "claude", Plan: "pro", Started: "2026-10-15", RenewalDay: 1}, "UTC", "2026-01-01", "2026-11-20",
			[]string{"2026-11-01 2026-12-01 20", "2026-10-15 2026-11-01 20 cut"}},
		"it has ended": {plan.Chosen{Agent: "claude", Plan: "pro", Ended: "2026-09-30", RenewalDay: 15}, "UTC", "2026-08-20", "2026-11-20",
			[]string{"2026-09-15 2026-10-01 20 cut", "2026-08-15 2026-09-15 20"}},
		"a price of one's own": {plan.Chosen{Agent: "claude", Plan: "pro", RenewalDay: 10, Price: &own}, "UTC", "2026-11-11", "2026-11-20",
			[]string{"2026-11-10 2026-12-10 90 entered"}},
		"a plan that the table does not have": {plan.Chosen{Agent: "claude", Plan: "ours", RenewalDay: 10}, "UTC", "2026-11-11", "2026-11-20",
			[]string{"2026-11-10 2026-12-10 ?"}},
		"one's own plan with a price": {plan.Chosen{Agent: "x", Plan: "ours", RenewalDay: 10, Price: &own}, "UTC", "2026-11-11", "2026-11-20",
			[]string{"2026-11-10 2026-12-10 90 entered"}},
		"a price that changed": {plan.Chosen{Agent: "codex", Plan: "business", RenewalDay: 2}, "UTC", "2026-03-10", "2026-04-05",
			[]string{"2026-04-02 2026-05-02 25", "2026-03-02 2026-04-02 30"}},
		"the fee is that of the cycle's beginning": {plan.Chosen{Agent: "codex", Plan: "business", RenewalDay: 28}, "UTC", "2026-04-10", "2026-04-20",
			[]string{"2026-03-28 2026-04-28 30"}},
		"all renew on the first, UTC": {plan.Chosen{Agent: "copilot", Plan: "pro"}, "America/New_York", "2026-11-10", "2026-11-20",
			[]string{"2026-10-31 2026-11-30 10"}},
		"nobody said when it renews": {plan.Chosen{Agent: "claude", Plan: "pro"}, "UTC", "2026-11-10", "2026-11-20",
			[]string{"2026-11-01 2026-12-01 20 assumed"}},
		"it has not started": {plan.Chosen{Agent: "claude", Plan: "pro", Started: "2026-12-01"}, "UTC", "2026-11-10", "2026-11-20", nil},
		"at most three": {plan.Chosen{Agent: "claude", Plan: "pro", RenewalDay: 1}, "UTC", "2020-01-01", "2026-11-20",
			[]string{"2026-11-01 2026-12-01 20", "2026-10-01 2026-11-01 20", "2026-09-01 2026-10-01 20"}},
	} {
		t.Run(name, func(t *testing.T) {
			now := day(t, c.now, c.zone)
			held := plan.Hold([]plan.Chosen{c.chosen}, now.Location())
			var got []string
			for _, term := range table.Terms(&held[0], day(t, c.first, c.zone), now, 3, now.Location()) {
				fee := "?"
				if term.Fee != nil {
					fee = usage.FormatDecimal(int64(*term.Fee), 6)
				}
				text := term.Start.In(now.Location()).Format(time.DateOnly) + " " + term.End.In(now.Location()).Format(time.DateOnly) + " " + fee
				for word, is := range map[string]bool{" cut": term.Cut, " entered": term.FeeEntered, " assumed": term.Assumed} {
					if is {
						text += word
					}
				}
				got = append(got, text)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestTermsFillTheTimeOfAllPlans: whatever plans someone held, the cycles of each fill its time
// without a gap or an overlap, and no moment has two plans.
func TestTermsFillTheTimeOfAllPlans(t *testing.T) {
	table := shipped(t)
	random := rand.New(rand.NewPCG(1, 2))
	zones := []string{"UTC", "Europe/Berlin", "America/Sao_Paulo", "Pacific/Apia", "Australia/Lord_Howe", "Asia/Kathmandu"}
	for range 400 {
		zone, err := time.LoadLocation(zones[random.IntN(len(zones))])
		if err != nil {
			t.Fatal(err)
		}
		var chosen []plan.Chosen
		for range 1 + random.IntN(4) {
			c := plan.Chosen{Agent: "claude", Plan: "pro", RenewalDay: random.IntN(32)}
			if random.IntN(4) > 0 {
				c.Started = time.Date(2010, 1, 1+random.IntN(1500), 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
				if random.IntN(3) == 0 {
					start, _ := time.Parse(time.DateOnly, c.Started)
					c.Ended = start.AddDate(0, 0, random.IntN(500)).Format(time.DateOnly)
				}
			}
			chosen = append(chosen, c)
		}
		first, now := time.Date(2010, 1, 1, 0, 0, 0, 0, zone), time.Date(2015, 6, 7, 8, 9, 10, 0, zone)
		held := plan.Hold(chosen, zone)
		if len(held) == 0 {
			t.Fatalf("nothing is held of %+v", chosen)
		}
		for i := range held {
			h := &held[i]
			if i > 0 && (held[i-1].Until.IsZero() || h.From.Before(held[i-1].Until)) {
				t.Fatalf("%+v overlaps with %+v", held[i-1], h)
			}
			if h.From.After(now) {
				continue
			}
			terms := table.Terms(h, first, now, 1000, zone)
			if len(terms) == 0 {
				t.Fatalf("no cycles for %+v", h)
			}
			newest, oldest := terms[0], terms[len(terms)-1]
			if h.Until.IsZero() && !newest.Holds(now) || !h.Until.IsZero() && h.Until.Before(now) && !newest.End.Equal(h.Until) {
				t.Fatalf("the newest cycle of %+v is %v", h, newest.Span)
			}
			if oldest.Start.After(first) && !oldest.Start.Equal(h.From) {
				t.Fatalf("the oldest cycle of %+v is %v", h, oldest.Span)
			}
			for k, term := range terms {
				if !term.Start.Before(term.End) || k > 0 && !term.End.Equal(terms[k-1].Start) {
					t.Fatalf("cycle %d of %+v is %v, the one after it %v", k, h, term.Span, terms[max(k-1, 0)].Span)
				}
			}
		}
	}
}

func TestCounted(t *testing.T) {
	table := shipped(t)
	own := []plan.Limit{{Name: "mine", Unit: plan.Tokens, Amount: 5_000_000, Window: plan.Week}}
	for name, c := range map[string]struct {
		chosen    plan.Chosen
		zone, now string
		want      []string
	}{
		"money in three windows": {plan.Chosen{Agent: "opencode", Plan: "go", RenewalDay: 22}, "UTC", "2026-11-20 12:00:00", []string{
			"go 300 usd 12000000 2026-11-20T07:00 2026-11-20T12:00 rolls", "go 10080 usd 30000000 2026-11-13T12:00 2026-11-20T12:00 rolls",
			"go 44640 usd 60000000 2026-10-22T00:00 2026-11-22T00:00",
		}},
		"credits by the month, UTC":        {plan.Chosen{Agent: "copilot", Plan: "pro"}, "Asia/Tokyo", "2026-11-20 12:00:00", []string{"pro 43200 usd 15000000 2026-11-01T00:00 2026-12-01T00:00"}},
		"no limits are invented":           {plan.Chosen{Agent: "claude", Plan: "max-5x"}, "UTC", "2026-11-20 12:00:00", nil},
		"one's own beside the plan's":      {plan.Chosen{Agent: "cursor", Plan: "pro", RenewalDay: 1, Caps: own}, "UTC", "2026-11-20 12:00:00", []string{"pro 43200 usd 20000000 2026-11-01T00:00 2026-12-01T00:00", "mine 10080 tokens 5000000 2026-11-16T00:00 2026-11-23T00:00"}},
		"one's own in place of the plan's": {plan.Chosen{Agent: "cursor", Plan: "pro", RenewalDay: 1, Caps: []plan.Limit{{Unit: plan.Dollars, Amount: 7, Window: plan.Cycle}}}, "UTC", "2026-11-20 12:00:00", []string{"pro 43200 usd 7 2026-11-01T00:00 2026-12-01T00:00"}},
		"from the day it started on only":  {plan.Chosen{Agent: "cursor", Plan: "pro", RenewalDay: 1, Started: "2026-11-18"}, "UTC", "2026-11-20 12:00:00", []string{"pro 43200 usd 20000000 2026-11-18T00:00 2026-12-01T00:00"}},
		"a plan that has ended":            {plan.Chosen{Agent: "cursor", Plan: "pro", Ended: "2026-11-18"}, "UTC", "2026-11-20 12:00:00", nil},
		"one that has not begun":           {plan.Chosen{Agent: "cursor", Plan: "pro", Started: "2026-11-21"}, "UTC", "2026-11-20 12:00:00", nil},
	} {
		t.Run(name, func(t *testing.T) {
			now := day(t, c.now, c.zone)
			held := plan.Hold([]plan.Chosen{c.chosen}, now.Location())
			var got []string
			for _, l := range table.Counted(&held[0], now, now.Location()) {
				text := fmt.Sprintf("%s %d %s %d %s %s", l.LimitID, l.Minutes, l.Unit, l.Amount, l.Start.UTC().Format("2006-01-02T15:04"), l.End.UTC().Format("2006-01-02T15:04"))
				if l.Rolling {
					text += " rolls"
				}
				got = append(got, text)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
