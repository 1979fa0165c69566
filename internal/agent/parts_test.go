package agent

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"tokenmeter/internal/usage"
)

func TestParseTime(t *testing.T) {
	for text, want := range map[string]string{
		"2031-04-02T08:15:30Z":                 "2031-04-02T08:15:30Z",
		"2031-04-02t08:15:30z":                 "2031-04-02T08:15:30Z",
		"2031-04-02 08:15:30":                  "2031-04-02T08:15:30Z",
		"2031-04-02T08:15:30.1Z":               "2031-04-02T08:15:30.1Z",
		"2031-04-02T08:15:30.123456789Z":       "2031-04-02T08:15:30.123Z",
		"2031-04-02T08:15:30.9999999999+02:00": "2031-04-02T06:15:30.999Z",
		"2031-04-02T08:15:30-0530":             "2031-04-02T13:45:30Z",
		"2032-02-29T23:59:59Z":                 "2032-02-29T23:59:59Z",
		"2000-02-29T00:00:00Z":                 "2000-02-29T00:00:00Z",
		"2016-12-31T23:59:60Z":                 "2017-01-01T00:00:00Z",
		"9999-12-31T23:59:59Z":                 "9999-12-31T23:59:59Z",
		"2031-02-29T00:00:00Z":                 "",
		"2100-02-29T00:00:00Z":                 "",
		"2031-02-30T00:00:00Z":                 "",
		"2031-04-31T00:00:00Z":                 "",
		"2031-13-01T00:00:00Z":                 "",
		"2031-00-01T00:00:00Z":                 "",
		"2031-01-00T00:00:00Z":                 "",
		"2031-01-01T24:00:00Z":                 "",
		"2031-01-01T00:60:00Z":                 "",
		"2031-01-01T00:00:61Z":                 "",
		"2031-01-01T00:00:00.Z":                "",
		"2031-01-01T00:00:00+2:00":             "",
		"2031-01-01T00:00:00+24:00":            "",
		"2031-01-01T00:00:00 UTC":              "",
		"2031-01-01T00:00:00Zjunk":             "",
		"2031-01-01":                           "",
		"+031-01-01T00:00:00Z":                 "",
		"1970-01-01T00:00:00Z":                 "",
		"0001-01-01T00:00:00Z":                 "",
		"":                                     "",
		"yesterday, around noon":               "",
	} {
		got, ok := ParseTime([]byte(text))
		if want == "" {
			if ok {
				t.Errorf("%q: taken for %s", text, got.Time())
			}
			continue
		}
		at, err := time.Parse(time.RFC3339Nano, want)
		if err != nil {
			t.Fatal(err)
		}
		if !ok || got != usage.MillisOf(at) {
			t.Errorf("%q: want %s, got %s, %v", text, want, got.Time(), ok)
		}
	}
}

func TestParseTimeAgreesWithTheCalendar(t *testing.T) {
	for day := time.Date(1970, 1, 2, 12, 34, 56, 789e6, time.UTC); day.Year() < 2105; day = day.AddDate(0, 0, 1) {
		got, ok := ParseTime([]byte(day.Format("2006-01-02T15:04:05.000Z07:00")))
		if !ok || got != usage.MillisOf(day) {
			t.Fatalf("%s: got %s, %v", day, got.Time(), ok)
		}
	}
}

func TestTimeOfNumber(t *testing.T) {
	const moment = 1932884130
	for n, want := range map[float64]usage.Millis{
		moment: moment * 1000, moment + 0.25: moment*1000 + 250, moment * 1e3: moment * 1000, moment * 1e6: moment * 1000,
		0: 0, -5: 0, 1e17: 0, math.NaN(): 0, math.Inf(1): 0, 1e-9: 0,
	} {
		if got, ok := TimeOfNumber(n); got != want || ok != (want != 0) {
			t.Errorf("%v: want %d, got %d, %v", n, want, got, ok)
		}
	}
}

func TestInternIsBounded(t *testing.T) {
	var n Intern
	for i := range 3 * internCount {
		text := fmt.Sprint("name ", i)
		if n.String([]byte(text)) != text {
			t.Fatal(text)
		}
	}
	if len(n.known) > internCount {
		t.Errorf("%d strings are kept", len(n.known))
	}
	long := []byte(strings.Repeat("x", internLength+1))
	if n.String(long) != string(long) || n.known[string(long)] != "" {
		t.Error("a long string is kept, or changed")
	}
	name := []byte("model")
	n.String(name)
	if allocations := testing.AllocsPerRun(100, func() { n.String(name) }); allocations != 0 {
		t.Errorf("%v allocations for a known string", allocations)
	}
}

func TestRepair(t *testing.T) {
	for _, c := range []struct {
		name, line string
		want       []string
	}{
		{"two records on one line", `{"a":1}{"b":2}`, []string{`{"a":1}`, `{"b":2}`}},
		{"junk before", `xx{"a":1}`, []string{`{"a":1}`}},
		{"junk behind", `{"a":1}]]`, []string{`{"a":1}`}},
		{"stub cut in a string", `{"type":"pr-li{"b":2}`, []string{`{"b":2}`}},
		{"stub cut in a key", `{"type":1,"ke{"b":2}`, []string{`{"b":2}`}},
		{"stub cut behind a colon", `{"type":{"b":2}`, []string{`{"b":2}`}},
		{"stub cut in a number", `{"n":12{"b":2}`, []string{`{"b":2}`}},
		{"stub cut in brackets", `{"x":[{"y":[1,{"b":{"c":[]}} `, []string{`{"b":{"c":[]}}`}},
		{"three stubs", `{"a":"x{"a":"y{"a":{"b":{"c":3}}`, []string{`{"b":{"c":3}}`}},
		{"cut record alone", `{"a":1,"b":`, nil},
		{"bad escape", `{"a":"\q"}`, nil},
		{"nothing", ``, nil},
		{"no object", `[1,2`, nil},
		{"braces in a string", `{"a":"{\"b\":1}`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			Repair([]byte(c.line), func(object []byte, at int) {
				if c.line[at:at+len(object)] != string(object) {
					t.Errorf("%s is not at %d", object, at)
				}
				got = append(got, string(object))
			})
			if !slices.Equal(got, c.want) {
				t.Errorf("want %q, got %q", c.want, got)
			}
		})
	}
}

// A hostile line must not take time that grows with its square: that would be minutes for
// these, while a slow machine with the race detector needs a second or two.
func TestRepairIsLinear(t *testing.T) {
	for _, piece := range []string{`{"`, `{"a":`, `{"a":"x`, `{"a":1`, `[{"a":[`, `{"a":1}`, "\\\"", `{"a`} {
		line := []byte(strings.Repeat(piece, 1<<20/len(piece)))
		start := time.Now()
		Repair(line, func([]byte, int) {})
		if spent := time.Since(start); spent > 20*time.Second {
			t.Errorf("%s over and over: %s for 1 MiB", piece, spent)
		}
	}
}

func TestEnvPaths(t *testing.T) {
	variables := map[string]string{}
	linux := Env{OS: "linux", Home: "/home/ada", Variable: func(name string) string { return variables[name] }}
	windows := Env{OS: "windows", Home: `C:\Users\ada`, Variable: linux.Variable}
	for _, c := range []struct{ got, want string }{
		{linux.Join(linux.Home, "a", "b/c"), "/home/ada/a/b/c"},
		{linux.Join("/home/ada/", "", "/a/"), "/home/ada/a"},
		{windows.Join(windows.Home, "a", "b"), `C:\Users\ada\a\b`},
		{linux.Absolute("~"), "/home/ada"},
		{linux.Absolute("~/x"), "/home/ada/x"},
		{linux.Absolute("x/y"), "/home/ada/x/y"},
		{linux.Absolute("/x"), "/x"},
		{windows.Absolute(`~\x`), `C:\Users\ada\x`},
		{windows.Absolute(`D:\x`), `D:\x`},
		{windows.Absolute(`\\wsl$\Debian\x`), `\\wsl$\Debian\x`},
		{windows.Absolute(`x`), `C:\Users\ada\x`},
		{linux.ConfigHome(), "/home/ada/.config"},
	} {
		if c.got != c.want {
			t.Errorf("want %s, got %s", c.want, c.got)
		}
	}
	variables["XDG_CONFIG_HOME"] = "/etc/ada"
	if got := linux.ConfigHome(); got != "/etc/ada" {
		t.Error(got)
	}
	variables["XDG_CONFIG_HOME"] = "relative" // not allowed by the rules
	if got := linux.ConfigHome(); got != "/home/ada/.config" {
		t.Error(got)
	}
}
