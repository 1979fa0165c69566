package view

import (
	"math"
	"testing"
	"time"

	"tokenmeter/internal/usage"
)

func TestTokens(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 1: "1", 842: "842", 999: "999", 1000: "1.00k", 1004: "1.00k", 1005: "1.01k", 3211: "3.21k",
		9994: "9.99k", 9995: "10.0k", 42_149: "42.1k", 42_150: "42.2k", 99_949: "99.9k", 99_950: "100k",
		999_499: "999k", 999_500: "1.00M", 1_840_000: "1.84M", 7_890_000: "7.89M", 999_499_999: "999M",
		999_500_000: "1.00B", 1_040_000_000: "1.04B", 2_500_000_000_000: "2.50T", 1_230_000_000_000_000: "1.23Q",
		math.MaxInt64: "9,223,372,036,854,775,807", -842: Minus + "842", -3211: Minus + "3.21k",
		math.MinInt64: Minus + "9,223,372,036,854,775,808",
	} {
		if got := Tokens(n); got != want {
			t.Errorf("Tokens(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestRate(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 3211: "3.2k", 11_342: "11.3k", 99_949: "99.9k", 99_950: "100k", 158_211: "158k", 1_840_000: "1.8M"} {
		if got := rate(n); got != want {
			t.Errorf("rate(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestTick(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 500: "500", 2000: "2k", 2500: "2.5k", 10_000: "10k", 4_000_000: "4M", 250_000: "250k", 100: "100"} {
		if got := Tick(n); got != want {
			t.Errorf("Tick(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestExact(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1_840_212: "1,840,212", -1000: Minus + "1,000"} {
		if got := Exact(n); got != want {
			t.Errorf("Exact(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestMoney(t *testing.T) {
	for m, want := range map[usage.Micros]string{
		0: "$0.00", 4_999: "$0.00", 5_000: "$0.01", 12_220_000: "$12.22", 999_994_999: "$999.99", 999_995_000: "$1,000",
		3_102_400_000: "$3,102", -1_500_000: Minus + "$1.50",
	} {
		if got := Money(m); got != want {
			t.Errorf("Money(%d) = %q, want %q", m, got, want)
		}
	}
}

func TestChange(t *testing.T) {
	for _, c := range []struct {
		now, before int64
		want        string
	}{{110, 100, "+10\u202f%"}, {98, 100, "−2\u202f%"}, {100, 100, "+0\u202f%"}, {5, 0, ""}, {0, 100, "−100\u202f%"}, {999, 1000, "+0\u202f%"}} {
		if got := change(c.now, c.before); got != c.want {
			t.Errorf("change(%d, %d) = %q, want %q", c.now, c.before, got, c.want)
		}
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{0: "0\u202fB", 999: "999\u202fB", 12_345: "12.3\u202fkB", 418_000_000: "418\u202fMB", 1_120_000_000: "1.12\u202fGB", 3_000_000_000_000: "3.00\u202fTB"} {
		if got := Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %q, want %q", n, got, want)
		}
	}
}

func zone(t testing.TB, name string) *time.Location {
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Skip(err)
	}
	return z
}

func TestAgo(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	now := time.Date(2026, 11, 20, 11, 48, 0, 0, berlin)
	for want, then := range map[string]time.Time{
		Dash:              {},
		"1 s ago":         now,
		"4 s ago":         now.Add(-4 * time.Second),
		"59 s ago":        now.Add(-59*time.Second - 999*time.Millisecond),
		"1 min ago":       now.Add(-time.Minute),
		"42 min ago":      now.Add(-42 * time.Minute),
		"11\u202fh ago":   now.Add(-11 * time.Hour),
		"yesterday 17:02": time.Date(2026, 11, 19, 16, 2, 0, 0, time.UTC),
		"Wed 09:00":       time.Date(2026, 11, 18, 9, 0, 0, 0, berlin),
		"13 Nov":          time.Date(2026, 11, 13, 9, 0, 0, 0, berlin),
		"1 Dec 2025":      time.Date(2025, 12, 1, 9, 0, 0, 0, berlin),
	} {
		if got := Ago(then, now); got != want {
			t.Errorf("Ago(%v) = %q, want %q", then, got, want)
		}
	}
	if got := Ago(now.Add(time.Hour), now); got != "1 s ago" {
		t.Errorf("a clock set back gives %q", got)
	}
	midnight := time.Date(2026, 11, 20, 0, 10, 0, 0, berlin)
	if got := Ago(midnight.Add(-2*time.Hour), midnight); got != "2\u202fh ago" {
		t.Errorf("two hours ago, over midnight: %q", got)
	}
}

func TestMoment(t *testing.T) {
	now := time.Date(2026, 11, 20, 11, 48, 0, 0, zone(t, "Europe/Berlin"))
	for want, then := range map[string]time.Time{
		"14:20":      time.Date(2026, 11, 20, 13, 20, 0, 0, time.UTC),
		"11:47":      now.Add(24*time.Hour - time.Minute),
		"Sat 11:48":  now.Add(24 * time.Hour),
		"Thu 09:00":  time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC),
		"1 Dec":      time.Date(2026, 12, 1, 8, 0, 0, 0, time.UTC),
		"2 Jan 2027": time.Date(2027, 1, 2, 8, 0, 0, 0, time.UTC),
	} {
		if got := Moment(then, now); got != want {
			t.Errorf("Moment(%v) = %q, want %q", then, got, want)
		}
	}
}

func TestShortModel(t *testing.T) {
	for _, c := range [][3]string{
		{"claude-opus-5-5", "claude", "opus-5.5"},
		{"claude-sonnet-4-5-20250929", "claude", "sonnet-4.5"},
		{"claude-3-5-sonnet-20241022", "claude", "3.5-sonnet"},
		{"claude-opus-4-20250514", "claude", "opus-4"},
		{"gpt-6.1-sol", "codex", "gpt-6.1-sol"},
		{"anthropic/claude-opus-5-5", "claude", "opus-5.5"},
		{"", "claude", ""},
		{"20251101", "claude", "20251101"},
		{"gpt-5-codex", "codex", "gpt-5-codex"},
	} {
		if got := shortModel(c[0], usage.AgentID(c[1])); got != c[2] {
			t.Errorf("shortModel(%q) = %q, want %q", c[0], got, c[2])
		}
	}
}

func TestProjectNames(t *testing.T) {
	got := projectNames([]string{"/w/shop", "/x/shop", "/w/api", "", "/", `C:\work\shop`})
	want := []string{"w/shop", "x/shop", "api", Dash, "/", "work/shop"}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("name %d = %q, want %q", i, got[i], want[i])
		}
	}
}

func TestShortPath(t *testing.T) {
	for _, c := range [][3]string{
		{"/home/x/.claude", "/home/x", "~/.claude"}, {"/home/xy/.claude", "/home/x", "/home/xy/.claude"},
		{"/home/x", "/home/x", "~"}, {"/srv", "", "/srv"}, {"/srv", "/", "/srv"}, {`C:\Users\x\a`, `C:\Users\x`, `~\a`},
	} {
		if got := ShortPath(c[0], c[1]); got != c[2] {
			t.Errorf("ShortPath(%q, %q) = %q, want %q", c[0], c[1], got, c[2])
		}
	}
}

func TestWindowLength(t *testing.T) {
	for minutes, want := range map[int64]string{
		0: "", 90: "90 min", 300: "5\u202fh", 1440: "1\u202fd", 10080: "7\u202fd", 43200: "month", 43800: "month",
	} {
		if got := windowLength(minutes); got != want {
			t.Errorf("windowLength(%d) = %q, want %q", minutes, got, want)
		}
	}
}
