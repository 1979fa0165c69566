package price_test

import (
	"testing"

	"tokenmeter/assets"
	"tokenmeter/assets/schematest"
)

func TestTableFitsItsSchema(t *testing.T) {
	s := schematest.New(t, assets.PricesSchema)
	for _, wrong := range s.Check(schematest.Parsed(t, assets.Prices)) {
		t.Error(wrong)
	}
}

func TestSchemaRefusesWhatIsWrong(t *testing.T) {
	s := schematest.New(t, assets.PricesSchema)
	row := func(table map[string]any) map[string]any { return table["rows"].([]any)[0].(map[string]any) }
	for name, spoil := range map[string]func(table map[string]any){
		"a price that is a number":     func(table map[string]any) { row(table)["input"] = 10.0 },
		"a price with too many digits": func(table map[string]any) { row(table)["input"] = "0.0000001" },
		"a row without a source":       func(table map[string]any) { delete(row(table), "source") },
		"a member that nobody knows":   func(table map[string]any) { row(table)["inptu"] = "1" },
		"a day in another order":       func(table map[string]any) { row(table)["valid_from"] = "07.10.2026" },
		"an empty list of tiers":       func(table map[string]any) { row(table)["tiers"] = []any{} },
		"a threshold that is not whole": func(table map[string]any) {
			row(table)["tiers"] = []any{map[string]any{"above": 1.5, "input": "1", "output": "1"}}
		},
		"no rows": func(table map[string]any) { table["rows"] = []any{} },
	} {
		table := schematest.Parsed(t, assets.Prices)
		spoil(table)
		if len(s.Check(table)) == 0 {
			t.Errorf("%s passes", name)
		}
	}
}
