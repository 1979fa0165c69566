package usage

import (
	"math"
	"testing"
)

func TestDecimals(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "2.5": 2500, "2.500000": 2500, "0.001": 1, "007": 7000, "1000": 1_000_000,
		"": -1, ".5": -1, "5.": -1, "-1": -1, "+1": -1, "1e3": -1, "1,5": -1, "0.0001": -1, "1000.001": -1, "99999999999999999999": -1, " 1": -1, "1.2.3": -1,
	} {
		got, err := ParseDecimal(text, 3, 1_000_000)
		if err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("%q is %d (%v), want %d", text, got, err, want)
		}
	}
	for n, want := range map[int64]string{
		0: "0", 1: "0.001", -1: "-0.001", 2500: "2.5", 1_000_000: "1000", -1500: "-1.5", math.MinInt64: "-9223372036854775.808",
	} {
		if got := FormatDecimal(n, 3); got != want {
			t.Errorf("%d is written %q, want %q", n, got, want)
		}
	}
	if r, err := ParseExchange("0"); err == nil {
		t.Errorf("a rate of 0 is %d", r)
	}
}
