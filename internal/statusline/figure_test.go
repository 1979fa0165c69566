package statusline

import (
	"testing"
	"time"

	"tokenmeter/internal/usage"
)

func TestFiveHour(t *testing.T) {
	reset := usage.Millis(noon.Add(time.Hour).UnixMilli())
	past := usage.Millis(noon.Add(-time.Hour).UnixMilli())
	line := func(session string, used float64, resets usage.Millis) Capture {
		return Capture{1, Reading{Session: session, FiveHour: &Window{used, resets}}}
	}
	for name, c := range map[string]struct {
		list   []Capture
		told   *Window
		used   float64
		passed bool
		none   bool
	}{
		"nothing":                                 {none: true},
		"what was told":                           {told: &Window{62, reset}, used: 62},
		"no reset told":                           {told: &Window{62, 0}, used: 62},
		"only captured":                           {list: []Capture{line("b", 50, reset), line("b", 40, reset)}, used: 50},
		"captured, the reset moved a second":      {list: []Capture{line("b", 50, reset), line("c", 60, reset-1000)}, used: 60},
		"captured of the next window":             {list: []Capture{line("b", 90, reset), line("b", 5, reset+5*3600_000)}, used: 5},
		"an idle session repeats itself":          {list: []Capture{line("a", 40, reset), line("b", 62, reset)}, told: &Window{40, reset}, used: 62},
		"idle, but the other was before":          {list: []Capture{line("b", 62, reset), line("a", 40, reset)}, told: &Window{40, reset}, used: 40},
		"a session with news":                     {list: []Capture{line("a", 40, reset), line("b", 62, reset)}, told: &Window{41, reset}, used: 41},
		"a new session":                           {list: []Capture{line("b", 62, reset)}, told: &Window{41, reset}, used: 41},
		"idle, the other is of the window before": {list: []Capture{line("a", 4, reset), line("b", 99, past)}, told: &Window{4, reset}, used: 4},
		"the reset has passed":                    {told: &Window{62, past}, used: 62, passed: true},
		"passed, another session knows":           {list: []Capture{line("b", 3, reset)}, told: &Window{62, past}, used: 3},
		"passed when captured":                    {list: []Capture{line("b", 70, past)}, used: 70, passed: true},
		"passed long ago":                         {list: []Capture{line("b", 70, past-25*3600_000)}, none: true},
		"captured without a reset":                {list: []Capture{line("b", 70, 0)}, none: true},
	} {
		t.Run(name, func(t *testing.T) {
			last := Captures{list: c.list}
			f := last.FiveHour(Reading{Session: "a", FiveHour: c.told}, noon)
			if (f == nil) != c.none || f != nil && (f.Used != c.used || f.Passed != c.passed) {
				t.Errorf("%+v", f)
			}
		})
	}
}
