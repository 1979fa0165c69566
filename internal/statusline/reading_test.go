package statusline

import (
	"reflect"
	"strings"
	"testing"

	"tokenmeter/internal/usage"
)

const (
	fiveHourReset = 1_795_198_800_000
	sevenDayReset = 1_795_600_000_000
)

func micros(n usage.Micros) *usage.Micros { return &n }

func TestParse(t *testing.T) {
	whole := Reading{
		Session:  "9f86d081884c7d65", // sha256 of "test"
		FiveHour: &Window{62.5, fiveHourReset}, SevenDay: &Window{18, sevenDayReset},
		Models: []Scoped{{"Opus", Window{12, sevenDayReset}}}, Cost: micros(1_234_567), Model: "Opus 5.5",
	}
	const text = `{"session_id":"test","transcript_path":"/secret","cwd":"/secret","model":{"id":"claude-opus-5-5","display_name":"Opus 5.5"},
		"cost":{"total_cost_usd":1.2345671,"total_duration_ms":5},"context_window":{"used_percentage":99},
		"rate_limits":{"five_hour":{"used_percentage":62.5,"resets_at":1795198800},"seven_day":{"used_percentage":18,"resets_at":1795600000},
		"model_scoped":[{"display_name":"Opus","utilization":12,"resets_at":"2026-11-25T09:46:40Z"}]}}`
	limits := func(inner string) string { return `{"rate_limits":{` + inner + `}}` }
	for name, c := range map[string]struct {
		text string
		want Reading
	}{
		"all of it":                      {text, whole},
		"a byte order mark":              {"\ufeff" + text, whole},
		"nothing":                        {"", Reading{}},
		"no JSON":                        {"\x00garbage{{{", Reading{}},
		"null":                           {"null", Reading{}},
		"a list":                         {`[{"session_id":"test"}]`, Reading{}},
		"members of other types":         {`{"session_id":7,"model":"Opus","cost":[],"rate_limits":"none"}`, Reading{}},
		"windows of other types":         {limits(`"five_hour":62,"seven_day":[18],"model_scoped":{}`), Reading{}},
		"milliseconds":                   {limits(`"five_hour":{"used_percentage":1,"resets_at":1795198800000}`), Reading{FiveHour: &Window{1, fiveHourReset}}},
		"a time in words with a zone":    {limits(`"five_hour":{"used_percentage":1,"resets_at":"2026-11-20T19:20:00.000+01:00"}`), Reading{FiveHour: &Window{1, fiveHourReset}}},
		"no reset":                       {limits(`"five_hour":{"used_percentage":1,"resets_at":null}`), Reading{FiveHour: &Window{1, 0}}},
		"a reset that is no time":        {limits(`"five_hour":{"used_percentage":1,"resets_at":"soon"}`), Reading{FiveHour: &Window{1, 0}}},
		"a reset in a cave":              {limits(`"five_hour":{"used_percentage":1,"resets_at":5}`), Reading{FiveHour: &Window{1, 0}}},
		"a reset at the end of time":     {limits(`"five_hour":{"used_percentage":1,"resets_at":1e300}`), Reading{FiveHour: &Window{1, 0}}},
		"only a reset":                   {limits(`"five_hour":{"resets_at":1795198800}`), Reading{}},
		"a negative figure costs itself": {limits(`"five_hour":{"used_percentage":-3},"seven_day":{"used_percentage":18}`), Reading{SevenDay: &Window{18, 0}}},
		"a huge figure costs itself":     {limits(`"five_hour":{"used_percentage":1e30},"seven_day":{"used_percentage":18}`), Reading{SevenDay: &Window{18, 0}}},
		"NaN costs itself":               {limits(`"five_hour":{"used_percentage":NaN},"seven_day":{"used_percentage":18}`), Reading{SevenDay: &Window{18, 0}}},
		"infinity costs itself":          {`{"cost":{"total_cost_usd":-Infinity},"session_id":"te\u0073t"}`, Reading{Session: whole.Session}},
		"digits in a text":               {limits(`"five_hour":{"used_percentage":"62"},"seven_day":{"used_percentage":18}`), Reading{SevenDay: &Window{18, 0}}},
		"minus nought":                   {limits(`"five_hour":{"used_percentage":-0.0}`), Reading{FiveHour: &Window{0, 0}}},
		"more than all":                  {limits(`"five_hour":{"used_percentage":131.5}`), Reading{FiveHour: &Window{131.5, 0}}},
		"the last of two counts":         {limits(`"five_hour":{"used_percentage":1},"five_hour":{"used_percentage":2}`), Reading{FiveHour: &Window{2, 0}}},
		"cut off behind a window":        {`{"rate_limits":{"five_hour":{"used_percentage":62.5,"resets_at":1795198800},"seven_day":{"used_per`, Reading{FiveHour: &Window{62.5, fiveHourReset}}},
		"cut off in a text":              {`{"session_id":"test","cwd":"` + strings.Repeat("x", 1<<20), Reading{Session: whole.Session}},
		"a negative cost":                {`{"cost":{"total_cost_usd":-1},"session_id":"test"}`, Reading{Session: whole.Session}},
		"a cost beyond reason":           {`{"cost":{"total_cost_usd":1e12},"session_id":"test"}`, Reading{Session: whole.Session}},
		"a free session":                 {`{"cost":{"total_cost_usd":0}}`, Reading{Cost: micros(0)}},
		"models that are none": {limits(`"model_scoped":[null,7,{"display_name":"A"},{"utilization":3},{"display_name":"Fable","utilization":4},{"display_name":"Fable","utilization":5}]`),
			Reading{Models: []Scoped{{"Fable", Window{4, 0}}}}},
		"a name that steers the terminal": {`{"model":{"display_name":" \u001b[31mO\npus\u202e\ud800 "}}`, Reading{Model: "[31mO pus"}},
		"a name without end":              {`{"model":{"display_name":"` + strings.Repeat("ab ", 100) + `"}}`, Reading{Model: strings.Repeat("ab ", 13) + "a…"}},
		"two texts":                       {`{"session_id":"test"}{"session_id":"other"}`, Reading{Session: whole.Session}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Parse([]byte(c.text)); !reflect.DeepEqual(got, c.want) {
				t.Errorf("%+v\nwant %+v", got, c.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"session_id":"test","cost":{"total_cost_usd":1.5},"rate_limits":{"five_hour":{"used_percentage":62.5,"resets_at":1795198800},"model_scoped":[{"display_name":"O\"pus","utilization":NaN}]}}`))
	f.Add([]byte(`{"model":{"display_name":"\ud800\n"},"rate_limits":{"seven_day":{"used_percentage":1e2,"resets_at":"2026-11-25T09:46:40Z"`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r := Parse(text)
		line := appendCapture(nil, Capture{1, r})
		back, ok := parseCapture(line)
		r.Model = ""
		if !ok || back.Time != 1 || !reflect.DeepEqual(back.Reading, r) {
			t.Errorf("%s is read back as %+v, want %+v", line, back.Reading, r)
		}
		if n := strings.Count(string(line), "\n"); n != 1 || len(line) > 8<<10 {
			t.Errorf("%d line feeds in %q", n, line)
		}
	})
}
