package report_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"tokenmeter/internal/allowance"
	"tokenmeter/internal/usage"
)

// TestWindowsNeedNoOldReadings compares the windows made of the readings that the snapshot
// asks for with those made of all that are stored.
func TestWindowsNeedNoOldReadings(t *testing.T) {
	start := time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)
	const days = 100
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			b := newBench(t, start)
			type key struct {
				agent   usage.AgentID
				account string
				limit   string
				minutes int64
				until   int // the day of its last reading
				stated  bool
			}
			keys := []key{
				{"codex", "", "codex", 300, days, true},
				{"codex", "", "codex", 10080, days, true},
				{"codex", "", "other", 300, random.IntN(days), random.IntN(2) == 0},
				{"claude", "first", "claude", 300, random.IntN(days), true},
				{"claude", "second", "claude", 300, days, random.IntN(2) == 0},
				{"claude", "second", "claude:m", 43200, random.IntN(days), true},
				{"claude", "", "claude", 0, random.IntN(days), random.IntN(2) == 0},
			}
			var samples []usage.Sample
			for n, k := range keys {
				length := time.Duration(k.minutes) * time.Minute
				used, reset := 0.0, start
				for at := start; at.Before(start.AddDate(0, 0, k.until)); {
					at = at.Add(time.Duration(1+random.IntN(60)) * time.Minute)
					if random.IntN(40) == 0 {
						at = at.Add(time.Duration(random.IntN(5*24)) * time.Hour)
					}
					if !at.Before(reset) {
						used, reset = 0, at.Add(length)
					}
					used = min(used+float64(random.IntN(6)), 100)
					s := usage.Sample{
						Agent: k.agent, Account: k.account, LimitID: k.limit, WindowMinutes: k.minutes, Source: usage.SourceServer,
						UsedPercent: used, ObservedAt: usage.MillisOf(at), ResetsAt: usage.MillisOf(reset.Add(time.Duration(random.IntN(60)) * time.Second)),
					}
					if !k.stated || random.IntN(10) == 0 {
						s.ResetsAt = 0
					}
					if random.IntN(15) == 0 {
						s.UsedPercent /= 2
					}
					if k.agent == "codex" { // a thread a day
						s.Thread, s.Ordinal = fmt.Sprint("thread-", n, at.YearDay()), at.Hour()*60+at.Minute()
					}
					samples = append(samples, s)
				}
			}
			random.Shuffle(len(samples), func(i, j int) { samples[i], samples[j] = samples[j], samples[i] })
			b.write(nil, samples...)
			ctx := context.Background()
			all, err := b.store.Samples(ctx, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, after := range []time.Duration{-5 * 24 * time.Hour, -30 * time.Hour, 0, time.Minute, 4 * time.Hour, 30 * time.Hour, 5 * 24 * time.Hour, 400 * 24 * time.Hour} {
				now := usage.MillisOf(start.AddDate(0, 0, days).Add(after))
				some, err := b.store.CurrentSamples(ctx, now)
				if err != nil {
					t.Fatal(err)
				}
				got, want := allowance.Current(some, now), allowance.Current(all, now)
				if !reflect.DeepEqual(got, want) {
					t.Fatalf("%v later:\n got %+v\nwant %+v", after, got, want)
				}
				if len(some) > len(all)*2/3 {
					t.Errorf("%v later: %d of %d samples", after, len(some), len(all))
				}
			}
		})
	}
}
