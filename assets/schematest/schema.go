// Package schematest checks the tables of assets against their schemas, for the tests of the
// rooms that read them. It has no state and may be used from any goroutine.
package schematest

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Schema checks JSON against the part of JSON Schema that the tables of assets use, and fails on
// a keyword that it does not know, so that none is written in vain.
type Schema struct{ root map[string]any }

// New reads a schema.
func New(t *testing.T, text []byte) Schema {
	t.Helper()
	return Schema{Parsed(t, text)}
}

// Check lists what is wrong with a value.
func (s Schema) Check(value any) []string { return s.check(s.root, value, "") }

func (s Schema) check(rule map[string]any, value any, path string) (wrong []string) {
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
		case "enum":
			if !slices.Contains(want.([]any), value) {
				fail("%v is none of %v", value, want)
			}
		case "const":
			if value != want {
				fail("%v is not %v", value, want)
			}
		case "oneOf":
			fit := 0
			for _, r := range want.([]any) {
				if len(s.check(r.(map[string]any), value, path)) == 0 {
					fit++
				}
			}
			if fit != 1 {
				fail("fits %d of what it may be, wanted 1", fit)
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

// Parsed reads a JSON object.
func Parsed(t *testing.T, text []byte) map[string]any {
	t.Helper()
	var value map[string]any
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	return value
}
