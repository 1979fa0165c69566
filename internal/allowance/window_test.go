package allowance

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tokenmeter/internal/usage"
)

const (
	hour = 60 * minute
	now  = usage.Millis(1_795_348_800_000)
)

// sample is a reading of a five-hour window; ago and resets in minutes, resets 999 = none.
func sample(ago int64, used float64, resets int64) usage.Sample {
	s := usage.Sample{
		Agent: "codex", LimitID: "codex", WindowMinutes: 300, UsedPercent: used, Source: usage.SourceServer,
		ObservedAt: now - usage.Millis(ago)*minute,
	}
	if resets != 999 {
		s.ResetsAt = now + usage.Millis(resets)*minute
	}
	return s
}

func with(s usage.Sample, change func(*usage.Sample)) usage.Sample {
	change(&s)
	return s
}

func TestCurrent(t *testing.T) {
	limit := func(s *usage.Sample) { s.Source, s.Reached = usage.SourceDerived, "session" }
	cases := map[string]struct {
		samples  []usage.Sample
		used     float64
		resets   int64 // minutes from now, 999 = not known
		observed int64 // minutes ago
		source   usage.Source
	}{
		"one reading":                                      {[]usage.Sample{sample(10, 12.5, 60)}, 12.5, 60, 10, usage.SourceServer},
		"a rise":                                           {[]usage.Sample{sample(10, 12, 60), sample(5, 20, 60)}, 20, 60, 5, usage.SourceServer},
		"the same again is newer":                          {[]usage.Sample{sample(10, 12, 60), sample(5, 12, 60)}, 12, 60, 5, usage.SourceServer},
		"a lower one alone is an idle session's":           {[]usage.Sample{sample(10, 62, 60), sample(5, 20, 60)}, 62, 60, 10, usage.SourceServer},
		"a lower one that a second confirms":               {[]usage.Sample{sample(10, 62, 60), sample(5, 20, 60), sample(4, 21, 60)}, 21, 60, 4, usage.SourceServer},
		"a second lower one that is lower still":           {[]usage.Sample{sample(10, 62, 60), sample(5, 40, 60), sample(4, 20, 60)}, 40, 60, 5, usage.SourceServer},
		"the same moment twice confirms nothing":           {[]usage.Sample{sample(10, 62, 60), sample(5, 20, 60), sample(5, 20, 60)}, 62, 60, 10, usage.SourceServer},
		"two sessions in turn do not flicker":              {[]usage.Sample{sample(10, 62, 60), sample(9, 20, 60), sample(8, 62, 60), sample(7, 20, 60)}, 62, 60, 8, usage.SourceServer},
		"a reset that wobbles by two minutes":              {[]usage.Sample{sample(10, 62, 60), sample(5, 20, 62)}, 62, 60, 10, usage.SourceServer},
		"a reset three minutes later is the next window":   {[]usage.Sample{sample(10, 62, 60), sample(5, 20, 63)}, 20, 63, 5, usage.SourceServer},
		"the next window begins low":                       {[]usage.Sample{sample(100, 98, -20), sample(5, 2, 280)}, 2, 280, 5, usage.SourceServer},
		"a copied log brings an old reading with new time": {[]usage.Sample{sample(5, 2, 280), sample(1, 98, -20)}, 2, 280, 5, usage.SourceServer},
		"the reset has passed without news":                {[]usage.Sample{sample(400, 62, -1)}, 0, 999, 400, usage.SourceDerived},
		"the reset is this very moment":                    {[]usage.Sample{sample(100, 62, 0)}, 0, 999, 100, usage.SourceDerived},
		"the limit was hit":                                {[]usage.Sample{sample(10, 97, 60), with(sample(5, 100, 60), limit)}, 100, 60, 5, usage.SourceDerived},
		"the limit was hit and is over":                    {[]usage.Sample{with(sample(400, 100, -60), limit)}, 0, 999, 400, usage.SourceDerived},
		"over a hundred":                                   {[]usage.Sample{sample(10, 104.5, 60)}, 104.5, 60, 10, usage.SourceServer},
		"a reading without a reset is of the same window":  {[]usage.Sample{sample(10, 30, 60), sample(5, 40, 999)}, 40, 60, 5, usage.SourceServer},
		"a reading without a reset after the last one":     {[]usage.Sample{sample(100, 90, -30), sample(5, 4, 999)}, 4, 999, 5, usage.SourceServer},
		"no reset was ever stated":                         {[]usage.Sample{sample(60, 30, 999), sample(5, 40, 999)}, 40, 999, 5, usage.SourceServer},
		"no reset was ever stated and a length is over":    {[]usage.Sample{sample(301, 30, 999)}, 0, 999, 301, usage.SourceDerived},
		"no reset, and a reading of an earlier window":     {[]usage.Sample{sample(900, 95, 999), sample(5, 4, 999)}, 4, 999, 5, usage.SourceServer},
		"a reset in another century is not believed":       {[]usage.Sample{sample(10, 30, 60), sample(5, 35, 60_000_000)}, 35, 60, 5, usage.SourceServer},
		"a clock that ran ahead":                           {[]usage.Sample{sample(10, 30, 60), sample(-60, 90, 200)}, 30, 60, 10, usage.SourceServer},
		"a clock that is a little ahead":                   {[]usage.Sample{sample(10, 30, 60), sample(-2, 40, 60)}, 40, 60, -2, usage.SourceServer},
		"not a number":                                     {[]usage.Sample{sample(10, 30, 60), sample(5, math.NaN(), 60), sample(4, math.Inf(1), 60), sample(3, -1, 60)}, 30, 60, 10, usage.SourceServer},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			for range 10 { // in any order
				rand.Shuffle(len(c.samples), func(i, j int) { c.samples[i], c.samples[j] = c.samples[j], c.samples[i] })
				got := Current(c.samples, now)
				if len(got) != 1 {
					t.Fatalf("%d windows, want 1: %+v", len(got), got)
				}
				want := Window{
					Agent: "codex", LimitID: "codex", WindowMinutes: 300, UsedPercent: c.used, Source: c.source,
					ObservedAt: now - usage.Millis(c.observed)*minute,
				}
				if c.resets != 999 {
					want.ResetsAt = now + usage.Millis(c.resets)*minute
				}
				if got[0] != want {
					t.Fatalf("got  %+v\nwant %+v", got[0], want)
				}
			}
		})
	}
}

func TestCurrentKeepsWindowsApart(t *testing.T) {
	samples := []usage.Sample{
		sample(10, 1, 60),
		with(sample(10, 2, 6000), func(s *usage.Sample) { s.WindowMinutes = 10080 }),
		with(sample(10, 3, 60), func(s *usage.Sample) { s.LimitID = "codex_other" }),
		with(sample(10, 4, 60), func(s *usage.Sample) { s.Agent, s.LimitID = "claude", "claude" }),
	}
	got := Current(samples, now)
	if len(got) != 4 {
		t.Fatalf("%d windows, want 4: %+v", len(got), got)
	}
	for i, used := range []float64{4, 1, 2, 3} {
		if got[i].UsedPercent != used {
			t.Errorf("window %d is used %v, want %v", i, got[i].UsedPercent, used)
		}
	}
}

func TestCurrentOfNothingIsNothing(t *testing.T) {
	if got := Current(nil, now); len(got) != 0 {
		t.Errorf("a window never seen is listed: %+v", got)
	}
}

func TestAccounts(t *testing.T) {
	named := func(account string) func(*usage.Sample) { return func(s *usage.Sample) { s.Account = account } }
	t.Run("a source without account belongs to the only one", func(t *testing.T) {
		got := Current([]usage.Sample{with(sample(10, 10, 60), named("a1")), sample(5, 20, 60)}, now)
		if len(got) != 1 || got[0].Account != "a1" || got[0].UsedPercent != 20 {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("with two accounts nobody can say whose it is", func(t *testing.T) {
		got := Current([]usage.Sample{
			with(sample(10, 10, 60), named("a1")), with(sample(9, 30, 60), named("b2")), sample(5, 20, 60),
		}, now)
		if len(got) != 3 {
			t.Errorf("got %+v", got)
		}
	})
}

func TestVanishedWindows(t *testing.T) {
	const days = 24 * 60
	weekly := func(s usage.Sample) usage.Sample { s.WindowMinutes = 10080; return s }
	plan := func(name string, s usage.Sample) usage.Sample { s.Plan = name; return s }
	source := func(source usage.Source, s usage.Sample) usage.Sample { s.Source = source; return s }
	cases := map[string]struct {
		samples []usage.Sample
		want    []int64 // lengths of the windows that are there
	}{
		"both are heard of": {[]usage.Sample{sample(10, 5, 60), weekly(sample(10, 5, 2*days))}, []int64{300, 10080}},
		"the short one for an hour not, and it is open": {
			[]usage.Sample{sample(100, 5, 60), weekly(sample(100, 5, 2*days)), weekly(sample(10, 6, 2*days))}, []int64{300, 10080},
		},
		"the short one is just over": {
			[]usage.Sample{sample(300, 5, -60), weekly(sample(10, 6, 2*days))}, []int64{300, 10080},
		},
		"the short one is gone for weeks": {
			[]usage.Sample{sample(14*days, 5, -14*days+60), weekly(sample(10, 6, 2*days))}, []int64{10080},
		},
		"a copied log tells of the short one that is gone": {
			[]usage.Sample{sample(14*days, 5, -14*days+60), sample(60, 5, -14*days+60), weekly(sample(10, 6, 2*days))}, []int64{10080},
		},
		"a copied log does not speak for the server": {
			[]usage.Sample{sample(20*60, 5, -16*60), weekly(sample(20*60, 6, -12*60)), weekly(sample(10, 6, -12*60))}, []int64{300, 10080},
		},
		"the short one is back": {
			[]usage.Sample{sample(14*days, 5, -14*days+60), weekly(sample(3*days, 6, 2*days)), sample(5, 1, 295), weekly(sample(5, 6, 2*days))}, []int64{300, 10080},
		},
		"nothing is heard of either": {
			[]usage.Sample{sample(60*days, 5, -60*days+60), weekly(sample(60*days, 6, -55*days))}, []int64{300, 10080},
		},
		"the long one ended with the plan": {
			[]usage.Sample{plan("plus", sample(300, 5, -60)), plan("plus", weekly(sample(300, 5, 3*days))), plan("free", weekly(sample(300, 5, 3*days))),
				plan("free", with(sample(10, 6, 20*days), func(s *usage.Sample) { s.WindowMinutes = 43200 }))}, []int64{43200},
		},
		"the short one ended with the plan": {
			[]usage.Sample{plan("plus", sample(50, 5, 200)), plan("free", weekly(sample(10, 6, 2*days)))}, []int64{10080},
		},
		"a plan that is not named is no other plan": {
			[]usage.Sample{plan("plus", sample(50, 5, 200)), weekly(sample(10, 6, 2*days))}, []int64{300, 10080},
		},
		"a limit message names one window and says nothing of others": {
			[]usage.Sample{sample(14*days, 5, -14*days+60), source(usage.SourceDerived, weekly(sample(10, 100, 2*days)))}, []int64{300, 10080},
		},
		"another pool says nothing of this one": {
			[]usage.Sample{sample(14*days, 5, -14*days+60), with(weekly(sample(10, 6, 2*days)), func(s *usage.Sample) { s.LimitID = "other" })}, []int64{300, 10080},
		},
		"what names neither length nor reset": {
			[]usage.Sample{with(sample(10, 100, 999), func(s *usage.Sample) { s.WindowMinutes = 0 })}, nil,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var got []int64
			for _, w := range Current(c.samples, now) {
				got = append(got, w.WindowMinutes)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("windows of %v minutes, want %v", got, c.want)
			}
		})
	}
}
