package view

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"tokenmeter/internal/usage"
)

// value reads a number that was written with a unit.
func value(text, units string) (float64, bool) {
	text = strings.ReplaceAll(strings.Replace(text, Minus, "-", 1), ",", "")
	scale := 1.0
	for i, unit := range units {
		if number, ok := strings.CutSuffix(text, string(unit)); ok {
			text, scale = number, math.Pow(1000, float64(i+1))
		}
	}
	n, err := strconv.ParseFloat(text, 64)
	return n * scale, err == nil
}

// FuzzNumbers reads back what is written of any number: it must be the number, as exact as
// its figures promise.
func FuzzNumbers(f *testing.F) {
	for _, n := range []int64{0, 1, 999, 1000, 9995, 99_950, 999_500, 999_500_000, 999_499_999_999_999_999, math.MaxInt64, math.MinInt64, -1, -999_500} {
		f.Add(n)
	}
	f.Fuzz(func(t *testing.T, n int64) {
		near := func(what, text, units string, within float64) {
			got, ok := value(text, units)
			if !ok || math.Abs(got-float64(n)) > within*math.Abs(float64(n)) {
				t.Fatalf("%s(%d) = %q, which reads as %g", what, n, text, got)
			}
			if utf8.RuneCountInString(text) > 27 {
				t.Fatalf("%s(%d) = %q", what, n, text)
			}
		}
		near("Tokens", Tokens(n), "kMBTQ", 0.0051)
		near("Tick", Tick(n), "kMBTQ", 0.0051)
		near("rate", rate(n), "kMBTQ", 0.051)
		near("Exact", Exact(n), "", 1e-15)
		if text := Bytes(n); n >= 0 {
			number, unit, _ := strings.Cut(text, NarrowSpace)
			near("Bytes", number+map[string]string{"B": "", "kB": "k", "MB": "M", "GB": "B", "TB": "T"}[unit], "kMBT", 0.0051)
		}
		// Half a cent, or half a dollar from a thousand on.
		dollars, ok := value(strings.Replace(Money(usage.Micros(n)), "$", "", 1), "")
		within := 0.005001
		if math.Abs(dollars) >= 1000 {
			within = 0.51
		}
		if want := float64(n) / 1e6; !ok || math.Abs(dollars-want) > within+math.Abs(want)*1e-12 {
			t.Fatalf("Money(%d) = %q", n, Money(usage.Micros(n)))
		}
	})
}

// FuzzShares wants words for any two numbers, none of them NaN or an infinity.
func FuzzShares(f *testing.F) {
	f.Add(int64(1), int64(3))
	f.Add(int64(math.MinInt64), int64(-1))
	f.Add(int64(math.MaxInt64), int64(1))
	f.Fuzz(func(t *testing.T, a, b int64) {
		for what, text := range map[string]string{"share": share(a, b), "change": change(a, b), "ratio": ratio(a, b), "plural": plural(a, "one", "many")} {
			if strings.Contains(text, "NaN") || strings.Contains(text, "Inf") || text == "" && (what != "change" || b > 0) {
				t.Fatalf("%s of %d and %d: %q", what, a, b, text)
			}
		}
	})
}

// FuzzAges writes any moment, seen from any other, in zones with and without summer time.
func FuzzAges(f *testing.F) {
	for _, d := range []int64{0, 1, 59_999, 60_000, 3_599_999, 86_400_000, 604_800_000, -5000, math.MaxInt64, math.MinInt64} {
		f.Add(int64(1_932_884_130_000), d)
	}
	var zones []*time.Location
	for _, name := range []string{"UTC", "America/Santiago", "Australia/Lord_Howe", "Pacific/Apia"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			f.Fatal(err)
		}
		zones = append(zones, zone)
	}
	f.Fuzz(func(t *testing.T, at, before int64) {
		at &= 1<<46 - 1
		for _, zone := range zones {
			now := time.UnixMilli(at).In(zone)
			then := time.UnixMilli((at - before%(1<<46)) & (1<<46 - 1)).In(zone)
			age, ago, moment := Age(then, now), Ago(then, now), Moment(then, now)
			if age == "" || moment == "" || ago != age && ago != age+" ago" || strings.ContainsAny(age+moment, Minus) || strings.Contains(age, "-") {
				t.Fatalf("%s from %s: %q, %q, %q", then, now, age, ago, moment)
			}
		}
	})
}
