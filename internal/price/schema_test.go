package price_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tokenmeter/assets"
)

// schema checks JSON against the part of JSON Schema that prices.schema.json uses, and fails on
// a keyword that it does not know, so that none is written in vain.
type schema struct{ root map[string]any }

func (s schema) check(rule map[string]any, value any, path string) (wrong []string) {
	fail := func(format string, args ...any) {
		wrong = append(wrong, path+": "+fmt.Sprintf(format, args...))
	}
	object, _ := value.(map[string]any)
	for _, keyword := range slices.Sorted(maps.Keys(rule)) {
		want := rule[keyword]
		switch keyword {
		case "$schema", "$defs", "title", "description":
		case "$ref":
			name := strings.TrimPrefix(want.(string), "#/$defs/")
			wrong = append(wrong, s.check(s.root["$defs"].(map[string]any)[name].(map[string]any), value, path)...)
		case "type":
			if got := kind(value); got != want && !(want == "number" && got == "integer") {
				fail("is %s, wanted %s", got, want)
			}
		case "pattern":
			if text, ok := value.(string); ok && !regexp.MustCompile(want.(string)).MatchString(text) {
				fail("%q does not match %s", text, want)
			}
		case "minLength":
			if text, ok := value.(string); ok && float64(len(text)) < want.(float64) {
				fail("is too short")
			}
		case "minimum":
			if n, ok := value.(float64); ok && n < want.(float64) {
				fail("%v is less than %v", n, want)
			}
		case "minItems":
			if list, ok := value.([]any); ok && float64(len(list)) < want.(float64) {
				fail("has too few items")
			}
		case "minProperties":
			if object != nil && float64(len(object)) < want.(float64) {
				fail("has too few members")
			}
		case "required":
			for _, name := range want.([]any) {
				if _, ok := object[name.(string)]; !ok {
					fail("%s is missing", name)
				}
			}
		case "propertyNames":
			for name := range object {
				wrong = append(wrong, s.check(want.(map[string]any), name, path+" name")...)
			}
		case "properties":
			for name, r := range want.(map[string]any) {
				if v, ok := object[name]; ok {
					wrong = append(wrong, s.check(r.(map[string]any), v, path+"/"+name)...)
				}
			}
		case "additionalProperties":
			known, _ := rule["properties"].(map[string]any)
			for name, v := range object {
				if _, ok := known[name]; ok {
					continue
				}
				if r, ok := want.(map[string]any); ok {
					wrong = append(wrong, s.check(r, v, path+"/"+name)...)
				} else {
					fail("%s is not allowed", name)
				}
			}
		case "items":
			list, _ := value.([]any)
			for i, v := range list {
				wrong = append(wrong, s.check(want.(map[string]any), v, fmt.Sprintf("%s/%d", path, i))...)
			}
		default:
			fail("the schema uses %s, which this test does not know", keyword)
		}
	}
	return wrong
}

func kind(value any) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case float64:
		if v == math.Trunc(v) {
			return "integer"
		}
		return "number"
	case []any:
		return "array"
	default:
		return "object"
	}
}

func parsed(t *testing.T, text []byte) map[string]any {
	t.Helper()
	var value map[string]any
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	return value
}

func TestTableFitsItsSchema(t *testing.T) {
	s := schema{parsed(t, assets.PricesSchema)}
	for _, wrong := range s.check(s.root, parsed(t, assets.Prices), "") {
		t.Error(wrong)
	}
}

func TestSchemaRefusesWhatIsWrong(t *testing.T) {
	s := schema{parsed(t, assets.PricesSchema)}
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
		table := parsed(t, assets.Prices)
		spoil(table)
		if len(s.check(s.root, table, "")) == 0 {
			t.Errorf("%s passes", name)
		}
	}
}
