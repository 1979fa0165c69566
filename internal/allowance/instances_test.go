package allowance

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"tokenmeter/internal/usage"
)

// in writes runs as "start…end: at=used …", in minutes from now, with ! for a touched one.
func in(runs []Instance) string {
	ago := func(at usage.Millis) string { return fmt.Sprintf("%g", float64(at-now)/float64(minute)) }
	var b strings.Builder
	for i, r := range runs {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%s…%s:", ago(r.Start), ago(r.End))
		for _, p := range r.Points {
			fmt.Fprintf(&b, " %s=%g", ago(p.At), p.Used)
		}
		if r.Touched {
			b.WriteString(" !")
		}
	}
	return b.String()
}

func TestInstances(t *testing.T) {
	weekly := func(samples ...usage.Sample) []usage.Sample {
		for i := range samples {
			samples[i].WindowMinutes = 10080
		}
		return samples
	}
	message := func(s usage.Sample) usage.Sample {
		s.Source, s.UsedPercent = usage.SourceDerived, 100
		return s
	}
	cases := map[string]struct {
		samples []usage.Sample
		want    string
	}{
		"one that runs": {[]usage.Sample{sample(10, 12, 60)}, "-240…60: -10=12"},
		"two in a row": {
			[]usage.Sample{sample(400, 50, -200), sample(300, 60, -200), sample(100, 5, 200), sample(10, 9, 200)},
			"-500…-200: -400=50 -300=60; -100…200: -100=5 -10=9",
		},
		"a reset that wobbles is one": {[]usage.Sample{sample(20, 5, 60), sample(10, 9, 61)}, "-239…61: -20=5 -10=9"},
		"a copied log brings an old reading with new time": {
			[]usage.Sample{sample(400, 50, -200), sample(100, 5, 200), sample(50, 50, -200)},
			"-500…-200: -400=50; -100…200: -100=5",
		},
		"an idle session repeats an old figure once": {
			[]usage.Sample{sample(100, 60, 100), sample(90, 20, 100), sample(80, 61, 100)},
			"-200…100: -100=60 -80=61",
		},
		"something was given back": {
			[]usage.Sample{sample(100, 60, 100), sample(90, 20, 100), sample(80, 22, 100)},
			"-200…100: -100=60 -90=20 -80=22 !",
		},
		"half a percent less is rounding": {
			[]usage.Sample{sample(100, 60.4, 100), sample(90, 60, 100), sample(80, 60, 100)},
			"-200…100: -100=60.4 -90=60 -80=60",
		},
		"reset by hand before its time": {
			[]usage.Sample{sample(300, 80, -20), sample(200, 1, 90), sample(190, 2, 90)},
			"-320…-210: -300=80 !; -210…90: -200=1 -190=2",
		},
		"the reset was moved": {
			[]usage.Sample{sample(200, 40, 10), sample(100, 45, 130), sample(50, 60, 130)},
			"-290…130: -200=40 -100=45 -50=60 !",
		},
		"a window that had not begun has no run": {
			[]usage.Sample{sample(60, 0, 240), sample(50, 0, 250), sample(40, 0, 260), sample(20, 4, 275)},
			"-25…275: -20=4",
		},
		"a limit message ends it": {
			[]usage.Sample{sample(100, 90, 59), message(sample(50, 0, 60))},
			"-241…59: -100=90 -50=100",
		},
		"a limit message with a rounded reset is of the same run": {
			[]usage.Sample{sample(100, 90, 95), message(sample(50, 0, 60))},
			"-205…95: -100=90 -50=100",
		},
		"a limit message alone":          {[]usage.Sample{message(sample(50, 0, 60))}, "-240…60: -50=100"},
		"a reading without reset inside": {[]usage.Sample{sample(100, 20, 60), sample(50, 30, 999)}, "-240…60: -100=20 -50=30"},
		"no reset anywhere, falls tell": {
			[]usage.Sample{sample(700, 0, 999), sample(690, 8, 999), sample(500, 70, 999), sample(395, 2, 999), sample(385, 6, 999), sample(200, 40, 999)},
			"-700…-400: -700=0 -690=8 -500=70; -395…-95: -395=2 -385=6 -200=40",
		},
		"a single zero without reset is a slip": {
			[]usage.Sample{sample(200, 50, 999), sample(190, 0, 999), sample(180, 51, 999)},
			"-200…100: -200=50 -180=51",
		},
		"zeros between short windows are of none": {
			[]usage.Sample{sample(900, 30, 999), sample(590, 0, 999), sample(400, 0, 999), sample(200, 0, 999), sample(190, 3, 999)},
			"-900…-600: -900=30; -200…100: -200=0 -190=3",
		},
		"nothing but zeros of a short window": {[]usage.Sample{sample(200, 0, 999), sample(100, 0, 999)}, ""},
		"a long one has its rhythm": {
			weekly(sample(30240, 80, 999), sample(30235, 0, 999), sample(30230, 1, 999), sample(24000, 60, 999), sample(15000, 30, 999), sample(14000, 32, 999)),
			"-40315…-30235: -30240=80; -30235…-20155: -30235=0 -30230=1 -24000=60; -20155…-10075: -15000=30 -14000=32",
		},
		"a long one reset early": {
			weekly(sample(30240, 80, 999), sample(30235, 0, 999), sample(30230, 1, 999), sample(26000, 60, 999), sample(25990, 0, 999), sample(25980, 1, 999)),
			"-40315…-30235: -30240=80; -30235…-25990: -30235=0 -30230=1 -26000=60 !; -25990…-15910: -25990=0 -25980=1",
		},
		"not a number, before time, of no length": {
			[]usage.Sample{
				sample(5, math.NaN(), 60), sample(4, math.Inf(1), 60), sample(3, -1, 60), sample(-60, 5, 100),
				with(sample(2, 5, 60), func(s *usage.Sample) { s.WindowMinutes = 0 }),
				with(sample(2, 5, 60), func(s *usage.Sample) { s.WindowMinutes = math.MaxInt64 }),
				with(sample(2, 5, 60), func(s *usage.Sample) { s.ObservedAt = 0 }),
			},
			"",
		},
		"a reset in another century": {[]usage.Sample{sample(10, 30, 60), sample(5, 35, 60_000_000)}, "-240…60: -10=30 -5=35"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			for range 10 { // in any order
				rand.Shuffle(len(c.samples), func(i, j int) { c.samples[i], c.samples[j] = c.samples[j], c.samples[i] })
				if got := in(Instances(c.samples, now)); got != c.want {
					t.Fatalf("\n got %s\nwant %s", got, c.want)
				}
			}
		})
	}
}

// TestInstancesOfAnything makes runs of readings without sense.
func TestInstancesOfAnything(t *testing.T) {
	for seed := range uint64(2000) {
		random := rand.New(rand.NewPCG(seed, 7))
		var samples []usage.Sample
		for range random.IntN(60) {
			s := sample(int64(random.IntN(3000)), float64(random.IntN(110)), 999)
			if random.IntN(3) > 0 {
				s.ResetsAt = s.ObservedAt + usage.Millis(random.IntN(400)-50)*minute
			}
			if random.IntN(10) == 0 {
				s.Source = usage.SourceDerived
			}
			samples = append(samples, s)
		}
		runs := Instances(samples, now)
		for i, r := range runs {
			if len(r.Points) == 0 || r.End <= r.Start {
				t.Fatalf("seed %d: an empty run: %s", seed, in(runs))
			}
			if i > 0 && r.Start < runs[i-1].Start {
				t.Fatalf("seed %d: not in order: %s", seed, in(runs))
			}
			for n, p := range r.Points {
				if n > 0 && p.At <= r.Points[n-1].At {
					t.Fatalf("seed %d: points not in order: %s", seed, in(runs))
				}
			}
		}
	}
}
