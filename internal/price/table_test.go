package price_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"tokenmeter/assets"
	"tokenmeter/internal/price"
)

func table(t testing.TB) *price.Table {
	t.Helper()
	shipped, err := price.Default()
	if err != nil {
		t.Fatal(err)
	}
	return shipped
}

// Parse itself refuses overlaps, gaps, unmarked zeros and falling prices of every table; this
// is what only the shipped one promises.
func TestShippedPricesHoldTheirInvariants(t *testing.T) {
	shipped := table(t)
	anthropic := 0
	for _, name := range shipped.Models() {
		rows := shipped.List(name)
		for _, r := range rows {
			if len(r.Sources) == 0 || r.CheckedOn == "" {
				t.Errorf("%s has a row without source or day", name)
			}
			short, ok := r.Rates[price.ClassCacheWrite5m]
			if r.Vendor != "Anthropic" || !ok {
				continue
			}
			anthropic++
			input, long := r.Rates[price.ClassInput], r.Rates[price.ClassCacheWrite1h]
			if long != 2*input {
				t.Errorf("%s: an hour's write costs %s, wanted twice %s", name, long, input)
			}
			// Anthropic rounds the write of this one model to 0.30.
			if 4*short != 5*input && name != "claude-3-haiku" {
				t.Errorf("%s: a short write costs %s, wanted 1.25 times %s", name, short, input)
			}
		}
		if last := rows[len(rows)-1]; last.ValidTo != "" {
			t.Errorf("%s has no price after %s", name, last.ValidTo)
		}
	}
	if anthropic < 20 {
		t.Errorf("only %d rows of Anthropic were looked at", anthropic)
	}
	if n := len(shipped.Models()); n < 200 {
		t.Errorf("%d models, the table has shrunk", n)
	}
}

func TestEveryNameOfTheTableIsFound(t *testing.T) {
	var file struct {
		Rows    []struct{ Model string }
		Aliases map[string]string
		Base    struct {
			Rows    []struct{ Model string }
			Aliases map[string]string
		}
	}
	if err := json.Unmarshal(assets.Prices, &file); err != nil {
		t.Fatal(err)
	}
	shipped := table(t)
	for _, r := range slices.Concat(file.Rows, file.Base.Rows) {
		if got, _ := shipped.Lookup(r.Model); got != r.Model {
			t.Errorf("%s is found as %q", r.Model, got)
		}
	}
	for _, aliases := range []map[string]string{file.Aliases, file.Base.Aliases} {
		for name, model := range aliases {
			if got, _ := shipped.Lookup(name); got != model {
				t.Errorf("%s is found as %q, wanted %s", name, got, model)
			}
		}
	}
}

const small = `{"version":"2026-11-23","sources":{"A":{"title":"a","date":"2026-11"}},
 "vendors":{"v":{"title":"V","services":{"fast":"2"}}},
 "rows":[ROWS],"aliases":{ALIASES},"session_models":[],
 "base":{"package":"p","version":"1.0.0","date":"2026-11-23","rows":[BASE],"aliases":{}}}`

func smallTable(rows, aliases, base string) []byte {
	return []byte(strings.NewReplacer("ROWS", rows, "ALIASES", aliases, "BASE", base).Replace(small))
}

func smallRow(rest string) string {
	return `{"vendor":"v","model":"m","input":"1","output":"2","source":"A","checked_on":"2026-11-23"` + rest + `}`
}

func TestParseRefusesWhatIsWrong(t *testing.T) {
	if _, err := price.Parse(smallTable(smallRow(""), "", "")); err != nil {
		t.Fatalf("the table that the cases spoil is refused: %v", err)
	}
	replaced := func(old, by string) []byte {
		return []byte(strings.Replace(string(smallTable(smallRow(""), "", "")), old, by, 1))
	}
	for _, c := range []struct {
		name  string
		table []byte
		want  string
	}{
		{"nothing", nil, "EOF"},
		{"half of it", smallTable(smallRow(""), "", "")[:200], "unexpected EOF"},
		{"two tables", append(smallTable(smallRow(""), "", ""), "{}"...), "more behind"},
		{"a web page", []byte("<html>"), "invalid character"},
		{"too much", make([]byte, price.MaxTableBytes+1), "more than"},
		{"a member of a later form", replaced(`"rows"`, `"columns":[],"rows"`), "unknown field"},
		{"no rows", smallTable("", "", ""), "not one row"},
		{"a price as a number", replaced(`"input":"1"`, `"input":1`), "unmarshal"},
		{"a price with a comma", replaced(`"input":"1"`, `"input":"1,5"`), "not a number"},
		{"a negative price", replaced(`"input":"1"`, `"input":"-1"`), "not a number"},
		{"too many digits", replaced(`"input":"1"`, `"input":"0.0000001"`), "not a number"},
		{"a price beyond sense", replaced(`"input":"1"`, `"input":"1000001"`), "is more than"},
		{"an unmarked zero", replaced(`"input":"1"`, `"input":"0"`), "not marked free"},
		{"output below input", replaced(`"output":"2"`, `"output":"0.5"`), "must not fall"},
		{"reads above input", smallTable(smallRow(`,"cache_read":"1.1"`), "", ""), "must not fall"},
		{"a long write below a short one", smallTable(smallRow(`,"cache_write_5m":"2","cache_write_1h":"1"`), "", ""), "cheaper"},
		{"no vendor", replaced(`"vendor":"v"`, `"vendor":"w"`), "not listed"},
		{"no source", replaced(`"source":"A"`, `"source":"B"`), "not listed"},
		{"a day that does not exist", smallTable(smallRow(`,"valid_from":"2026-02-30"`), "", ""), "not a day"},
		{"an end before its beginning", smallTable(smallRow(`,"valid_from":"2026-02-02","valid_to":"2026-02-01"`), "", ""), "before it begins"},
		{"an overlap of a day", smallTable(smallRow(`,"valid_to":"2026-02-02"`)+","+smallRow(`,"valid_from":"2026-02-02"`), "", ""), "overlaps"},
		{"two rows for ever", smallTable(smallRow("")+","+smallRow(""), "", ""), "overlaps"},
		{"a gap of a day", smallTable(smallRow(`,"valid_to":"2026-02-01"`)+","+smallRow(`,"valid_from":"2026-02-03"`), "", ""), "no price between"},
		{"a gap by the zone", smallTable(smallRow(`,"valid_to":"2026-02-01","utc_offset":"+08:00"`)+","+smallRow(`,"valid_from":"2026-02-02"`), "", ""), "no price between"},
		{"tiers that fall", smallTable(smallRow(`,"tiers":[{"above":200,"input":"1","output":"2"},{"above":100,"input":"1","output":"2"}]`), "", ""), "rise"},
		{"a tier without a threshold", smallTable(smallRow(`,"tiers":[{"input":"1","output":"2"}]`), "", ""), "above and from"},
		{"a window that ends before it begins", smallTable(smallRow(`,"windows":[{"start":"04:00","end":"01:00","input":"1","output":"2"}]`), "", ""), "not before"},
		{"a time that does not exist", smallTable(smallRow(`,"windows":[{"start":"04:60","end":"05:00","input":"1","output":"2"}]`), "", ""), "time of the day"},
		{"a service without a factor", replaced(`"fast":"2"`, `"fast":"0"`), "factor"},
		{"an alias of nothing", smallTable(smallRow(""), `"a":"n"`, ""), "not a model"},
		{"an alias over a model", smallTable(smallRow(""), `"M":"m"`, ""), "a model of this name"},
		{"a base row that is kept by hand", smallTable(smallRow(""), "", smallRow("")), "kept by hand"},
		{"two spellings of one model", smallTable(smallRow(`,"valid_to":"2026-02-01"`)+","+strings.Replace(smallRow(`,"valid_from":"2026-02-02"`), `"m"`, `"M"`, 1), "", ""), "spelt"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := price.Parse(c.table)
			if err == nil || got != nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, wanted one with %q", err, c.want)
			}
		})
	}
}

func TestRowKeepsItsIdUntilItChanges(t *testing.T) {
	id := func(rows string) string {
		parsed, err := price.Parse(smallTable(rows, "", ""))
		if err != nil {
			t.Fatal(err)
		}
		cost := parsed.Price(&price.Request{Model: "m", Time: day("2026-03-01")})
		if !cost.Priced || !parsed.Has(cost.Row) {
			t.Fatalf("%+v", cost)
		}
		return cost.Row
	}
	other := strings.Replace(smallRow(""), `"m"`, `"n"`, 1)
	first := id(smallRow(""))
	if got := id(other + "," + smallRow("")); got != first {
		t.Errorf("another model's row renames %s to %s", first, got)
	}
	for name, changed := range map[string]string{
		"a price":   smallRow(`,"cache_read":"0.5"`),
		"a service": smallRow(`,"services":{"fast":"3"}`),
		"a date":    smallRow(`,"valid_from":"2026-01-01"`),
	} {
		if got := id(changed); got == first {
			t.Errorf("%s changes, but the row is still %s", name, got)
		}
	}
}

func TestVersionTellsTablesApart(t *testing.T) {
	versions := map[string]string{}
	for name, rows := range map[string]string{"one": smallRow(""), "other": smallRow(`,"cache_read":"0.5"`)} {
		parsed, err := price.Parse(smallTable(rows, "", ""))
		if err != nil {
			t.Fatal(err)
		}
		again, err := price.Parse(smallTable(rows, "", ""))
		if err != nil || again.Version() != parsed.Version() {
			t.Errorf("%s: %s, then %s (%v)", name, parsed.Version(), again.Version(), err)
		}
		versions[parsed.Version()] = name
	}
	if len(versions) != 2 {
		t.Errorf("versions are %v", slices.Collect(maps.Keys(versions)))
	}
}
