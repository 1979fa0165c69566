package meter

import (
	"testing"

	"tokenmeter/internal/usage"
)

const (
	second = usage.Millis(1000)
	noon   = usage.Millis(1_795_348_800_000) // 2026-11-22 12:00 UTC
)

func request(at usage.Millis, agent usage.AgentID, input, reads int64) Request {
	return Request{Time: at, Agent: agent, Counts: usage.Counts{Tokens: usage.Tokens{Input: input, CacheRead: reads}, Requests: 1}}
}

func TestRateAt(t *testing.T) {
	cases := map[string]struct {
		requests    []Request
		fresh, read int64
		live        int64
		changes     usage.Millis
	}{
		"nothing came": {},
		"one that just came": {
			requests: []Request{request(noon, "a", 5, 7)}, fresh: 5, read: 7, live: 1, changes: noon + 60*second,
		},
		"one of 59.999 s ago still counts": {
			requests: []Request{request(noon-60*second+1, "a", 5, 0)}, fresh: 5, live: 1, changes: noon + 1,
		},
		"one of 60 s ago is over": {requests: []Request{request(noon-60*second, "a", 5, 0)}},
		"one from the future waits": {
			requests: []Request{request(noon+5*second, "a", 5, 0)}, changes: noon + 5*second,
		},
		"an undated one never counts": {requests: []Request{request(0, "a", 5, 0)}},
		"two agents add up and the older one ends first": {
			requests: []Request{request(noon-10*second, "a", 5, 1), request(noon-20*second, "b", 6, 2)},
			fresh:    11, read: 3, live: 2, changes: noon + 40*second,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := RateAt(c.requests, noon)
			var split int64
			for _, n := range r.ByAgent {
				split += n
			}
			if r.Counts.Fresh() != c.fresh || r.Counts.CacheRead != c.read || r.Counts.Requests != c.live || r.Changes != c.changes || split != c.fresh {
				t.Errorf("RateAt = %+v, want fresh %d, reads %d, requests %d, change at %d", r, c.fresh, c.read, c.live, c.changes)
			}
		})
	}
}

func TestMinutesAt(t *testing.T) {
	now := noon + 30*second
	requests := []Request{
		request(noon-61*60*second, "a", 1, 0), // too old
		request(noon-60*60*second, "a", 2, 3), // the first millisecond of the oldest bar
		request(noon-1, "a", 4, 0),            // the last millisecond of the last whole minute
		request(noon, "b", 8, 1),              // the running minute
		request(now+second, "b", 16, 0),       // the future
		request(0, "b", 32, 0),                // undated
		request(noon-60*second, "a", 0, 5),    // reads alone make no bar of fresh tokens
	}
	minutes := MinutesAt(requests, now)
	if len(minutes) != 61 {
		t.Fatalf("%d bars, want 61", len(minutes))
	}
	if minutes[0].Start != noon-60*60*second || minutes[60].Start != noon {
		t.Errorf("bars from %d to %d", minutes[0].Start, minutes[60].Start)
	}
	if minutes[0].Fresh["a"] != 2 || minutes[0].CacheReads != 3 {
		t.Errorf("oldest bar %+v", minutes[0])
	}
	if minutes[59].Fresh["a"] != 4 || minutes[59].CacheReads != 5 {
		t.Errorf("last whole bar %+v", minutes[59])
	}
	if minutes[60].Fresh["b"] != 8 || minutes[60].CacheReads != 1 {
		t.Errorf("running bar %+v", minutes[60])
	}
	var sum int64
	for _, m := range minutes {
		for _, n := range m.Fresh {
			sum += n
		}
	}
	if sum != 14 {
		t.Errorf("all bars hold %d fresh tokens, want 14", sum)
	}
}

func flat(perHour int64) Curve {
	var hours [24]int64
	for i := range hours {
		hours[i] = perHour
	}
	return CurveOf(hours)
}

func TestUsualDay(t *testing.T) {
	cases := map[string]struct {
		days             []Curve
		known            bool
		median, low, top int64 // at the end of the day
	}{
		"no day":                          {},
		"one day is not a habit":          {days: []Curve{flat(10)}},
		"two days meet in the middle":     {days: []Curve{flat(10), flat(20)}, known: true, median: 360, low: 300, top: 420},
		"one wild day moves nothing much": {days: []Curve{flat(10), flat(11), flat(1_000_000)}, known: true, median: 264, low: 252, top: 12_000_132},
		"equal days have no band":         {days: []Curve{flat(5), flat(5), flat(5)}, known: true, median: 120, low: 120, top: 120},
		"huge days do not overflow":       {days: []Curve{flat(1 << 57), flat(1 << 57)}, known: true, median: 24 << 57, low: 24 << 57, top: 24 << 57},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			u, ok := UsualDay(c.days)
			if ok != c.known {
				t.Fatalf("known = %v", ok)
			}
			if u.Median[23] != c.median || u.Low[23] != c.low || u.High[23] != c.top {
				t.Errorf("at midnight %d in %d…%d, want %d in %d…%d", u.Median[23], u.Low[23], u.High[23], c.median, c.low, c.top)
			}
			for h := 1; h < 24; h++ {
				if u.Median[h] < u.Median[h-1] {
					t.Errorf("the median falls at hour %d", h)
				}
			}
		})
	}
}

func TestCurveAt(t *testing.T) {
	c := CurveOf([24]int64{0: 60, 1: 120})
	for _, at := range []struct {
		hour  int
		share float64
		want  int64
	}{{0, 0, 0}, {0, 0.5, 30}, {1, 0, 60}, {1, 0.25, 90}, {2, 0.9, 180}, {23, 1, 180}} {
		if got := c.At(at.hour, at.share); got != at.want {
			t.Errorf("At(%d, %v) = %d, want %d", at.hour, at.share, got, at.want)
		}
	}
	if c.PerMinute(0) != 1 || c.PerMinute(1) != 2 || c.PerMinute(5) != 0 {
		t.Errorf("rates %d %d %d", c.PerMinute(0), c.PerMinute(1), c.PerMinute(5))
	}
}
