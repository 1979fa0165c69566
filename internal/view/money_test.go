package view

import (
	"math"
	"testing"

	"tokenmeter/internal/report"
	"tokenmeter/internal/usage"
)

func TestAmount(t *testing.T) {
	for _, c := range []struct {
		m    usage.Micros
		in   usage.Currency
		want string
		both string
	}{
		{12_220_000, usage.Currency{}, "$12.22", "$12.22 at list price"},
		{12_220_000, usage.Currency{Code: "EUR", Rate: 920_000_000}, "€11.24", "$12.22 at list price, €11.24 at 0.92\u202fEUR a dollar, as you entered"},
		{3_102_400_000, usage.Currency{Code: "JPY", Rate: 155_250_000_000, Fetched: true}, "JPY\u202f481,648", "$3,102 at list price, JPY\u202f481,648 at 155.25\u202fJPY a dollar, as fetched"},
		{-1_000_000, usage.Currency{Code: "GBP", Rate: 1000}, Minus + "£0.00", Minus + "$1.00 at list price, " + Minus + "£0.00 at 0.000001\u202fGBP a dollar, as you entered"},
		{math.MaxInt64, usage.Currency{Code: "CHF", Rate: math.MaxInt64}, "CHF\u202f9,223,372,036,855", "$9,223,372,036,855 at list price, CHF\u202f9,223,372,036,855 at 9223372036.854775807\u202fCHF a dollar, as you entered"},
	} {
		if got := Amount(c.m, c.in); got != c.want {
			t.Errorf("%d in %+v is %q, want %q", c.m, c.in, got, c.want)
		}
		if got := bothAmounts(c.m, c.in); got != c.both {
			t.Errorf("%d in %+v is %q, want %q", c.m, c.in, got, c.both)
		}
	}
}

func TestCoverageIsRoundedDown(t *testing.T) {
	for _, c := range []struct {
		total, unpriced int64
		want            string
	}{
		{100, 0, ""}, {1_000_000, 1, "99\u202f% of tokens priced"}, {200, 100, "50\u202f% of tokens priced"}, {3, 2, "33\u202f% of tokens priced"},
		{100, 100, "0\u202f% of tokens priced"}, {math.MaxInt64, 1, "99\u202f% of tokens priced"}, {math.MaxInt64, math.MaxInt64, "0\u202f% of tokens priced"},
	} {
		if got := Coverage(usage.Counts{Tokens: usage.Tokens{Output: c.total}, UnpricedTokens: c.unpriced}); got != c.want {
			t.Errorf("%d of %d without a price: %q, want %q", c.unpriced, c.total, got, c.want)
		}
	}
}

// What the rail says of the network is what the settings permit.
func TestFootTellsOfTheNetwork(t *testing.T) {
	for _, c := range []struct {
		online     report.Online
		foot, tray string
	}{
		{report.Online{}, "Network off", ""},
		{report.Online{Prices: true}, "Fetches prices daily", "Network on: fetches prices daily"},
		{report.Online{Asks: []string{"Codex"}}, "Asks Codex", "Network on: asks Codex"},
		{report.Online{Asks: []string{"Claude", "Codex"}}, "Asks Claude, Codex", "Network on: asks Claude and Codex"},
		{report.Online{Asks: []string{"Codex"}, Prices: true}, "Asks Codex, prices", "Network on: asks Codex, fetches prices daily"},
		{report.Online{Asks: []string{"Claude", "Codex"}, Prices: true}, "Network on, 3 uses", "Network on: asks Claude and Codex, fetches prices daily"},
	} {
		s := &report.Snapshot{Online: c.online}
		if got := foot(s).Network; got != c.foot {
			t.Errorf("%+v: %q in the rail, want %q", c.online, got, c.foot)
		}
		if got := TrayItem(s).Network; got != c.tray {
			t.Errorf("%+v: %q in the menu, want %q", c.online, got, c.tray)
		}
	}
}
