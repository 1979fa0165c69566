package price_test

import (
	"strings"
	"testing"

	"github.com/BurntSushi/toml"

	"tokenmeter/assets"
	"tokenmeter/internal/price"
	"tokenmeter/internal/usage"
)

func rate(t *testing.T, text string) *price.Rate {
	t.Helper()
	r, err := usage.ParseRate(text)
	if err != nil {
		t.Fatal(err)
	}
	return &r
}

func with(t *testing.T, o price.Overrides) *price.Table {
	t.Helper()
	laid, err := table(t).With(o)
	if err != nil {
		t.Fatal(err)
	}
	return laid
}

func micros(t *testing.T, of *price.Table, r price.Request) usage.Micros {
	t.Helper()
	cost := of.Price(&r)
	if !cost.Priced {
		t.Fatalf("%s has no price: %+v", r.Model, of.Explain(&r))
	}
	return cost.Micros
}

func TestAMappingPricesAnUnknownName(t *testing.T) {
	laid := with(t, price.Overrides{Map: map[string]string{
		"my-model": "claude-opus-4-8", "quick": "gpt-5.5-fast", "claude-opus-5-5": "claude-haiku-4-5",
	}})
	for _, c := range []struct {
		model string
		want  usage.Micros
	}{
		{"my-model", 5000},
		{"My-Model", 5000},
		{"gateway/my-model", 5000},
		{"my-model-20260101", 5000},
		{"quick", 12_500},             // the target's -fast holds: 1000·5·2.5
		{"claude-opus-5-5", 1000},     // a person may know better
		{"claude-opus-5-5[1m]", 1000}, // in every spelling
		{"claude-opus-5", 5000},       // the others stay
	} {
		if got := micros(t, laid, price.Request{Model: c.model, Time: day("2026-11-01"), Tokens: of(1000, 0, 0, 0, 0)}); got != c.want {
			t.Errorf("%s costs %d, wanted %d", c.model, got, c.want)
		}
	}
	if got := laid.Unpriced([]string{"my-model", "my-model-2"}); len(got) != 1 || got[0] != "my-model-2" {
		t.Errorf("unpriced: %v", got)
	}
	if table(t).Price(&price.Request{Model: "my-model", Time: 1}).Priced {
		t.Error("the shipped table changed")
	}
}

func TestOwnPricesLieOverTheTable(t *testing.T) {
	own := price.OwnPrice{Model: "house-model", Input: rate(t, "1"), Output: rate(t, "4")}
	dated := price.OwnPrice{
		Model: "gpt-5.5", Input: rate(t, "2"), Output: rate(t, "3"), CacheRead: rate(t, "0.5"), ValidFrom: "2026-10-01",
	}
	earlier := dated
	earlier.Input, earlier.ValidFrom = rate(t, "2.5"), "2026-09-01"
	free := price.OwnPrice{Model: "local", Input: rate(t, "0"), Output: rate(t, "0"), Free: true}
	laid := with(t, price.Overrides{Prices: []price.OwnPrice{own, dated, earlier, free}, Map: map[string]string{"alias": "house-model"}})
	for _, c := range []struct {
		name    string
		request price.Request
		want    usage.Micros
	}{
		{"cache prices that are not given are those of input", price.Request{Model: "house-model", Tokens: of(1000, 1000, 1000, 1000, 1000)}, 8000},
		{"a mapping to it", price.Request{Model: "alias", Tokens: of(1000, 0, 0, 0, 0)}, 1000},
		{"the table's price before", price.Request{Model: "gpt-5.5", Time: day("2026-08-31T23:59:59.999Z"), Tokens: of(1000, 0, 0, 0, 0)}, 5000},
		{"the earlier of two", price.Request{Model: "gpt-5.5", Time: day("2026-09-01"), Tokens: of(1000, 0, 0, 0, 0)}, 2500},
		{"the later of two", price.Request{Model: "gpt-5.5", Time: day("2026-10-01"), Tokens: of(1000, 0, 0, 0, 0)}, 2000},
		{"fast as the table has it", price.Request{Model: "gpt-5.5", Service: "fast", Time: day("2026-10-01"), Tokens: of(1000, 0, 0, 0, 0)}, 5000},
		{"no tiers", price.Request{Model: "gpt-5.5", Time: day("2026-10-01"), Tokens: of(300_000, 0, 0, 0, 0)}, 600_000},
		{"free is a price", price.Request{Model: "local", Tokens: of(1000, 0, 0, 0, 10)}, 0},
	} {
		if got := micros(t, laid, c.request); got != c.want {
			t.Errorf("%s: %d, wanted %d", c.name, got, c.want)
		}
	}
	e := laid.Explain(&price.Request{Model: "gpt-5.5", Time: day("2026-11-01"), Tokens: of(1, 0, 0, 0, 0)})
	if !e.Own || !strings.HasPrefix(e.Cost.Row, "own:gpt-5.5@2026-10-01.") || e.ValidFrom != "2026-10-01" {
		t.Errorf("%+v", e)
	}
	rows := laid.List("gpt-5.5")
	if len(rows) != 3 || rows[0].Own || rows[0].ValidTo != "2026-08-31" || !rows[2].Own {
		t.Errorf("%+v", rows)
	}
	forEver := with(t, price.Overrides{Prices: []price.OwnPrice{{Model: "gpt-5.6-sol", Input: rate(t, "1"), Output: rate(t, "1")}}})
	if rows := forEver.List("gpt-5.6-sol"); len(rows) != 1 || !rows[0].Own {
		t.Errorf("a price for ever leaves %+v", rows)
	}
	// What the table priced before the person's day keeps its row.
	before := price.Request{Model: "gpt-5.5", Time: day("2026-08-01"), Tokens: of(1, 0, 0, 0, 0)}
	if table(t).Price(&before) != laid.Price(&before) {
		t.Error("a price from October renames the row of August")
	}
}

func TestAnOwnPriceForAFastNameIsNotMultipliedAgain(t *testing.T) {
	fast := price.OwnPrice{Model: "gpt-5.5-fast", Input: rate(t, "7"), Output: rate(t, "9")}
	laid := with(t, price.Overrides{Prices: []price.OwnPrice{fast}})
	for _, service := range []string{"", "fast"} {
		r := price.Request{Model: "gpt-5.5-fast", Service: service, Time: day("2026-11-01"), Tokens: of(1000, 0, 0, 0, 0)}
		if got := micros(t, laid, r); got != 7000 {
			t.Errorf("service %q costs %d, wanted 7000", service, got)
		}
	}
	if got := micros(t, laid, price.Request{Model: "gpt-5.5", Service: "fast", Tokens: of(1000, 0, 0, 0, 0)}); got != 12_500 {
		t.Errorf("the model itself costs %d, wanted 12500", got)
	}
	fast.ValidFrom = "2026-10-01"
	if _, err := table(t).With(price.Overrides{Prices: []price.OwnPrice{fast}}); err == nil || !strings.Contains(err.Error(), "leave valid_from out, or price gpt-5.5") {
		t.Errorf("error %v", err)
	}
}

func TestVersionChangesWithOverrides(t *testing.T) {
	shipped := table(t)
	seen := map[string]string{shipped.Version(): "none"}
	for name, o := range map[string]price.Overrides{
		"a mapping":     {Map: map[string]string{"a": "gpt-5"}},
		"another":       {Map: map[string]string{"a": "gpt-5.1"}},
		"a price":       {Prices: []price.OwnPrice{{Model: "a", Input: rate(t, "1"), Output: rate(t, "1")}}},
		"another price": {Prices: []price.OwnPrice{{Model: "a", Input: rate(t, "1"), Output: rate(t, "1.5")}}},
	} {
		v := with(t, o).Version()
		if old, ok := seen[v]; ok {
			t.Errorf("%s and %s are both version %s", old, name, v)
		}
		seen[v] = name
		if again := with(t, o).Version(); again != v {
			t.Errorf("%s is %s, then %s", name, v, again)
		}
		if cheap := price.Version(assets.Prices, o); cheap != v {
			t.Errorf("%s is %s, without parsing %s", name, v, cheap)
		}
	}
	laid := with(t, price.Overrides{Map: map[string]string{"a": "gpt-5"}})
	bare, err := laid.With(price.Overrides{})
	if err != nil || bare.Version() != shipped.Version() || bare.Version() != price.Version(assets.Prices, price.Overrides{}) || bare.Price(&price.Request{Model: "a"}).Priced {
		t.Errorf("without overrides it is %s (%v), wanted %s", bare.Version(), err, shipped.Version())
	}
}

func TestWrongOverridesCostOneLineEach(t *testing.T) {
	one := rate(t, "1")
	huge := price.Rate(1 << 62)
	laid, err := table(t).With(price.Overrides{
		Map: map[string]string{"a": "no-such-model", "b": "b", "c": "d", "d": "c", "good": "gpt-5", "": "gpt-5"},
		Prices: []price.OwnPrice{
			{Model: "", Input: one, Output: one},
			{Model: " spaced ", Input: one, Output: one},
			{Model: "half", Input: one},
			{Model: "zero", Input: one, Output: rate(t, "0")},
			{Model: "huge", Input: one, Output: &huge},
			{Model: "undatable", Input: one, Output: one, ValidFrom: "1 May"},
			{Model: "twice", Input: one, Output: one},
			{Model: "Twice", Input: one, Output: one},
			{Model: "fine", Input: one, Output: one},
		},
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`map "a": "no-such-model" has no price`, `map "b": "b" has no price`, `map "c": "d" has no price`, `map "d"`, `map "": the name is empty`,
		`price 1, "": model must be a name`, `price 2, " spaced "`, `price 3, "half": input and output must be given`,
		`price 4, "zero": output is 0; if it costs nothing, add free = true`, `price 5, "huge": output must be between`,
		`price 6, "undatable": valid_from: "1 May" is not a day`, `price 8, "Twice": there are two prices from the same day`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q:\n%v", want, err)
		}
	}
	for _, name := range []string{"good", "fine", "twice"} {
		if _, known := laid.Lookup(name); !known {
			t.Errorf("%s is right, but lost", name)
		}
	}
	for _, name := range []string{"a", "b", "c", "half", "zero", "huge", "undatable"} {
		if _, known := laid.Lookup(name); known {
			t.Errorf("%s is wrong, but taken", name)
		}
	}
}

func TestRatesAreReadAndWrittenExactly(t *testing.T) {
	for _, c := range []struct {
		text, want string
		rate       price.Rate
	}{
		{"0.003625", "0.003625", 3625},
		{"3", "3", 3_000_000},
		{"3.00", "3", 3_000_000},
		{"0.50000000", "0.5", 500_000}, // as a number of the settings may be written
		{"12.5", "12.5", 12_500_000},
		{"0", "0", 0},
		{"0.000001", "0.000001", 1},
	} {
		r, err := usage.ParseRate(c.text)
		if err != nil || r != c.rate || r.String() != c.want {
			t.Errorf("%q is %d, %s (%v); wanted %d, %s", c.text, r, r, err, c.rate, c.want)
		}
	}
	for _, text := range []string{"", ".", "1.", ".5", "1,5", "-1", "+1", "1e3", "0x1", "NaN", "0.0000001", "1000001", "9999999999999999999", "1 000", "٣"} {
		if r, err := usage.ParseRate(text); err == nil {
			t.Errorf("%q is read as %s", text, r)
		}
	}
}

// The settings are TOML, where a price may be text or a number, and a day text or a date.
func TestOverridesAreReadFromSettings(t *testing.T) {
	var o price.Overrides
	if _, err := toml.Decode(`
[map]
"my-model" = "gpt-5"

[[price]]
model = "whole"
input = 3
output = 15.5
cache_read = "0.003625"
valid_from = 2026-10-01

[[price]]
model = "text"
input = 0.003625
output = "2"
valid_from = "2026-10-02"
`, &o); err != nil {
		t.Fatal(err)
	}
	laid := with(t, o)
	for name, want := range map[string]usage.Micros{"my-model": 1250, "whole": 3000, "text": 4} {
		if got := micros(t, laid, price.Request{Model: name, Time: day("2026-11-01"), Tokens: of(1000, 0, 0, 0, 0)}); got != want {
			t.Errorf("%s costs %d, wanted %d", name, got, want)
		}
	}
	if rows := laid.List("whole"); len(rows) != 1 || rows[0].ValidFrom != "2026-10-01" || rows[0].Rates[price.ClassCacheRead] != 3625 {
		t.Errorf("%+v", rows)
	}
}
