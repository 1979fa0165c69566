package view

import (
	"testing"

	"tokenmeter/internal/report"
)

func TestDifference(t *testing.T) {
	for percent, want := range map[float64]string{
		0: "±0.0", 0.04: "±0.0", -0.04: "±0.0", 0.44: "+0.4", -0.05001: Minus + "0.1", -12: Minus + "12.0", 99.94: "+99.9", 99.96: "+100", -100: Minus + "100", 250.4: "+250",
	} {
		if got := Difference(percent); got != want+NarrowSpace+"%" {
			t.Errorf("%v is %q", percent, got)
		}
	}
}

func TestPriceTest(t *testing.T) {
	sums := report.PriceTest{Sessions: 12, Ours: 1_004_000, Theirs: 1_000_000}
	single := report.PriceTest{Requests: 1, Ours: 500_000, Theirs: 1_000_000}
	unknown := report.PriceTest{Unpriced: 3, UnpricedCost: 2_500_000}
	both := sums
	both.Requests, both.Unpriced, both.UnpricedCost = 1, 2, 10_000
	for name, c := range map[string]struct {
		list []report.PriceTest
		want string
	}{
		"nothing":                     {nil, ""},
		"only models without a price": {[]report.PriceTest{unknown}, ""},
		"sessions":                    {[]report.PriceTest{sums, unknown}, "12 sessions compared, ours +0.4\u202f%"},
		"requests too":                {[]report.PriceTest{sums, single}, "12 sessions and 1 request compared, ours " + Minus + "24.8\u202f%"},
		"theirs is nothing":           {[]report.PriceTest{{Sessions: 1, Ours: 20_000}}, "1 session compared, ours $0.02, theirs $0.00"},
	} {
		if got := PriceTest(c.list); got != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
	for _, c := range []struct {
		of   report.PriceTest
		want string
	}{
		{sums, "12 sessions, ours $1.00, theirs $1.00, +0.4\u202f%"},
		{unknown, "no price here, theirs $2.50"},
		{both, "12 sessions and 1 request, ours $1.00, theirs $1.00, +0.4\u202f%; of 2 more no price here, theirs $0.01"},
	} {
		if got := PriceTestOf(c.of); got != c.want {
			t.Errorf("%q", got)
		}
	}
}
