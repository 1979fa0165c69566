package statusline

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// keep captures a reading as a new process would.
func keep(t *testing.T, dir string, at time.Time, r Reading) {
	t.Helper()
	c := Last(dir, at)
	if err := c.Keep(at, r); err != nil {
		t.Fatal(err)
	}
}

func content(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestWhatIsKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	r := Reading{
		Session: "9f86d081884c7d65", FiveHour: &Window{62.5, fiveHourReset}, SevenDay: &Window{18, sevenDayReset},
		Models: []Scoped{{`O"pus`, Window{12, sevenDayReset}}, {"Fable", Window{Used: 3}}}, Cost: micros(1_230_000), Model: "Opus 5.5",
	}
	keep(t, dir, noon, r)
	keep(t, dir, noon, Reading{SevenDay: &Window{Used: 0}})
	path := filepath.Join(dir, Folder, "2026-11.jsonl")
	const want = `{"t":1795176000000,"session":"9f86d081884c7d65","five_hour":[62.5,1795198800000],"seven_day":[18,1795600000000],"model_scoped":[{"name":"O\"pus","used":12,"resets":1795600000000},{"name":"Fable","used":3}],"cost":1230000}
{"t":1795176000000,"seven_day":[0]}
`
	if got := content(t, path); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	for path, mode := range map[string]os.FileMode{dir: 0o700, filepath.Dir(path): 0o700, path: 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v %v", path, info.Mode(), err)
		}
	}
}

func TestWhatIsNotKeptAgain(t *testing.T) {
	first := Reading{Session: "a", FiveHour: &Window{62, fiveHourReset}, Cost: micros(5)}
	for name, c := range map[string]struct {
		between []Reading
		then    Reading
		after   time.Duration
		lines   int
	}{
		"the same":                     {nil, first, time.Minute, 1},
		"the same but for the cost":    {nil, Reading{Session: "a", FiveHour: &Window{62, fiveHourReset}, Cost: micros(9)}, time.Minute, 1},
		"the same after five minutes":  {nil, first, 5 * time.Minute, 2},
		"the same, the clock set back": {nil, first, -time.Minute, 2},
		"another figure":               {nil, Reading{Session: "a", FiveHour: &Window{62.1, fiveHourReset}}, 0, 2},
		"another reset":                {nil, Reading{Session: "a", FiveHour: &Window{62, fiveHourReset + 1000}}, 0, 2},
		"a window more":                {nil, Reading{Session: "a", FiveHour: &Window{62, fiveHourReset}, SevenDay: &Window{1, 0}}, 0, 2},
		"a model more":                 {nil, Reading{Session: "a", FiveHour: &Window{62, fiveHourReset}, Models: []Scoped{{"O", Window{1, 0}}}}, 0, 2},
		"another session":              {nil, Reading{Session: "b", FiveHour: &Window{62, fiveHourReset}}, 0, 2},
		"two sessions taking turns":    {[]Reading{{Session: "b", FiveHour: &Window{50, fiveHourReset}}}, first, time.Minute, 2},
		"nothing known":                {nil, Reading{Session: "a", Model: "Opus"}, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			keep(t, dir, noon, first)
			for _, r := range c.between {
				keep(t, dir, noon, r)
			}
			keep(t, dir, noon.Add(c.after), c.then)
			if text := content(t, filepath.Join(dir, Folder, "2026-11.jsonl")); strings.Count(text, "\n") != c.lines {
				t.Errorf("%d lines wanted:\n%s", c.lines, text)
			}
		})
	}
}

func TestATornLineCostsOnlyItself(t *testing.T) {
	dir := t.TempDir()
	keep(t, dir, noon, Reading{FiveHour: &Window{1, 0}})
	path := filepath.Join(dir, Folder, "2026-11.jsonl")
	text := content(t, path)
	if err := os.WriteFile(path, []byte(text+text[:20]), 0o600); err != nil {
		t.Fatal(err)
	}
	keep(t, dir, noon, Reading{FiveHour: &Window{2, 0}})
	list := Last(dir, noon).list
	if len(list) != 2 || list[0].FiveHour.Used != 1 || list[1].FiveHour.Used != 2 {
		t.Errorf("%+v of\n%s", list, content(t, path))
	}
}

func TestOnlyTheTailIsLookedAt(t *testing.T) {
	dir := t.TempDir()
	keep(t, dir, noon, Reading{Session: "a", FiveHour: &Window{1, 0}})
	path := filepath.Join(dir, Folder, "2026-11.jsonl")
	first := content(t, path)
	if err := os.WriteFile(path, []byte(first+strings.Repeat(strings.Replace(first, `"a"`, `"b"`, 1), 10_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	last := Last(dir, noon)
	if n := len(last.list); n < 100 || n > 1000 || last.list[0].Session != "b" {
		t.Errorf("%d lines are looked at, the first is %+v", n, last.list[0])
	}
}

func TestTheMonthBeforeIsRemembered(t *testing.T) {
	dir := t.TempDir()
	keep(t, dir, noon, Reading{FiveHour: &Window{7, 0}})
	december := time.Date(2026, 12, 1, 0, 0, 1, 0, time.FixedZone("", -3600))
	if list := Last(dir, december).list; len(list) != 1 || list[0].FiveHour.Used != 7 {
		t.Errorf("%+v", list)
	}
	keep(t, dir, december, Reading{FiveHour: &Window{8, 0}})
	if text := content(t, filepath.Join(dir, Folder, "2026-12.jsonl")); !strings.HasPrefix(text, `{"t":1796086801000,`) {
		t.Errorf("%s", text)
	}
}
