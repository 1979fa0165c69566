package store

import (
	"context"
	"testing"

	"tokenmeter/internal/usage"
)

func TestCurrentSamplesOfAClockThatRanAhead(t *testing.T) {
	const minute = usage.Millis(60_000)
	now := at("2026-11-20T20:00:00Z")
	for name, c := range map[string]struct{ observed, want []usage.Millis }{
		"a reading of tomorrow hides none of today":     {[]usage.Millis{-10, 24 * 60}, []usage.Millis{-10}},
		"a reading of tomorrow hides none of last year": {[]usage.Millis{-365 * 24 * 60, 24 * 60}, []usage.Millis{-365 * 24 * 60}},
		"the same was read before and after":            {[]usage.Millis{-10, 60, 120}, []usage.Millis{-10}},
		"a clock that is a little ahead":                {[]usage.Millis{-10, 2}, []usage.Millis{-10, 2}},
		"only tomorrow":                                 {[]usage.Millis{24 * 60}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := openAt(t, t.TempDir()+"/tokenmeter.db", Options{})
			chunk := grow("log", nil, 0, 1).chunk(0, 1)
			chunk.Samples = nil
			for _, after := range c.observed {
				chunk.Samples = append(chunk.Samples, usage.Sample{LimitID: "l", WindowMinutes: 300, UsedPercent: 40, ObservedAt: now + after*minute, Source: usage.SourceServer})
			}
			write(t, s, chunk)
			got, err := s.CurrentSamples(context.Background(), now)
			must(t, err)
			if len(got) != len(c.want) {
				t.Fatalf("%d samples, want %d: %+v", len(got), len(c.want), got)
			}
			for i, after := range c.want {
				if got[i].ObservedAt != now+after*minute {
					t.Errorf("sample %d was observed %d minutes after now, want %d", i, (got[i].ObservedAt-now)/minute, after)
				}
			}
		})
	}
}
