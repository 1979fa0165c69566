package plan_test

import (
	"encoding/json"
	"strings"
	"testing"

	"tokenmeter/assets"
	"tokenmeter/assets/schematest"
	"tokenmeter/internal/plan"
	"tokenmeter/internal/usage"
)

func shipped(t *testing.T) *plan.Table {
	t.Helper()
	table, err := plan.Default()
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestTableFitsItsSchema(t *testing.T) {
	s := schematest.New(t, assets.PlansSchema)
	for _, wrong := range s.Check(schematest.Parsed(t, assets.Plans)) {
		t.Error(wrong)
	}
	row := func(table map[string]any) map[string]any { return table["rows"].([]any)[0].(map[string]any) }
	for name, spoil := range map[string]func(table map[string]any){
		"a price that is a number":   func(table map[string]any) { row(table)["price"] = 20.0 },
		"a row without a source":     func(table map[string]any) { delete(row(table), "source") },
		"a member that nobody knows": func(table map[string]any) { row(table)["pirce"] = "1" },
		"a day in another order":     func(table map[string]any) { row(table)["valid_from"] = "07.10.2026" },
		"a limit in tokens": func(table map[string]any) {
			row(table)["limits"] = []any{map[string]any{"tokens": 88000.0, "window": "5h"}}
		},
		"a limit in messages": func(table map[string]any) {
			row(table)["limits"] = []any{map[string]any{"messages": 45.0, "window": "5h"}}
		},
		"a limit of credits and cash": func(table map[string]any) {
			row(table)["limits"] = []any{map[string]any{"amount": "1", "credits": 1.0, "window": "5h"}}
		},
		"a window that is a guess": func(table map[string]any) {
			row(table)["limits"] = []any{map[string]any{"amount": "1", "window": "soon"}}
		},
	} {
		table := schematest.Parsed(t, assets.Plans)
		spoil(table)
		if len(s.Check(table)) == 0 {
			t.Errorf("%s passes", name)
		}
	}
}

func TestShippedPlansHoldTheirInvariants(t *testing.T) {
	table := shipped(t)
	if len(table.Rows()) < 15 {
		t.Fatalf("only %d rows", len(table.Rows()))
	}
	for _, r := range table.Rows() {
		if r.Price < 1_000_000 || len(r.Sources) == 0 || r.CheckedOn > table.Version() || r.ValidFrom > r.CheckedOn {
			t.Errorf("%s %s: %+v", r.Agent, r.ID, r)
		}
		for _, l := range r.Limits {
			if l.Unit != plan.Dollars || l.Amount < 1_000_000 {
				t.Errorf("%s %s: limit %+v", r.Agent, r.ID, l)
			}
		}
	}
	// What the vendors say, by hand.
	for name, c := range map[string]struct {
		agent, id, day string
		price          usage.Micros
		limits         []int64 // dollars
	}{
		"claude max":                 {"claude", "max-20x", "2026-11-24", 200_000_000, nil},
		"opencode go":                {"opencode", "go", "2026-11-24", 10_000_000, []int64{12, 30, 60}},
		"copilot pro":                {"copilot", "pro", "2026-11-24", 10_000_000, []int64{15}},
		"copilot max":                {"copilot", "max", "2026-06-01", 100_000_000, []int64{200}},
		"cursor pro plus":            {"cursor", "pro-plus", "2026-11-24", 60_000_000, []int64{70}},
		"business before the change": {"codex", "business", "2026-04-01", 30_000_000, nil},
		"business after it":          {"codex", "business", "2026-04-02", 25_000_000, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r, ok := table.At(usage.AgentID(c.agent), c.id, c.day)
			if !ok || r.Price != c.price || len(r.Limits) != len(c.limits) {
				t.Fatalf("got %+v, %v", r, ok)
			}
			for i, l := range r.Limits {
				if l.Amount != c.limits[i]*1_000_000 {
					t.Errorf("limit %d is %d, want $%d", i, l.Amount, c.limits[i])
				}
			}
		})
	}
	if _, ok := table.At("copilot", "pro", "2026-05-31"); ok {
		t.Error("Copilot had no credits before June")
	}
	if n := len(table.On("codex", "2026-11-24")); n != 4 {
		t.Errorf("%d plans of codex, want 4: one of the two rows of business", n)
	}
}

func TestLabels(t *testing.T) {
	table := shipped(t)
	for name, c := range map[string]struct{ agent, label, id string }{
		"a plan type":                         {"codex", "plus", "plus"},
		"sold as Pro since September":         {"codex", "prolite", "pro-5x"},
		"it was Pro and is Pro (More)":        {"codex", "pro", "pro-20x"},
		"in capitals":                         {"codex", "PLUS", "plus"},
		"a tier":                              {"claude", "default_claude_max_5x", "max-5x"},
		"the new name of the largest":         {"claude", "ultra", "max-20x"},
		"max may be either":                   {"claude", "max", ""},
		"team has two kinds of seats":         {"claude", "team", ""},
		"business may be enterprise":          {"codex", "business", ""},
		"a plan that nobody has heard of":     {"codex", "promax", ""},
		"nothing":                             {"codex", "", ""},
		"another agent's label":               {"claude", "plus", ""},
		"a label that is a plan's name":       {"claude", "Claude Pro", ""},
		"not one that only begins like a one": {"claude", "pro_trial", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r, ok := table.Labelled(usage.AgentID(c.agent), c.label, "2026-11-24")
			if r.ID != c.id || ok != (c.id != "") {
				t.Errorf("%q is %q, %v, want %q", c.label, r.ID, ok, c.id)
			}
		})
	}
	if _, ok := table.Labelled("codex", "pro", "2024-12-04"); ok {
		t.Error("a label means a plan before it was sold")
	}
}

func TestParseRefusesWhatIsWrong(t *testing.T) {
	const head = `{"version":"2026-11-24","sources":{"A":{"title":"a","date":"2026-11"}},"rows":[`
	const good = `{"agent":"a","id":"p","name":"P","price":"20","source":"A","checked_on":"2026-11-24"}`
	with := func(change string) string { return strings.TrimSuffix(good, "}") + "," + change + "}" }
	if _, err := plan.Parse([]byte(head + good + "]}")); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ rows, want string }{
		"overlapping days":               {with(`"valid_until":"2026-06-01"`) + "," + with(`"valid_from":"2026-06-01"`), "overlaps"},
		"the same plan twice":            {good + "," + good, "overlaps"},
		"a day that is none":             {with(`"valid_from":"2026-02-30"`), "must be days"},
		"it ends before it begins":       {with(`"valid_from":"2026-02-03","valid_until":"2026-02-02"`), "before it begins"},
		"free":                           {strings.Replace(good, `"20"`, `"0"`, 1), "it is 0"},
		"a negative price":               {strings.Replace(good, `"20"`, `"-1"`, 1), "not a number"},
		"a source that is not listed":    {strings.Replace(good, `"A"`, `"Z"`, 1), "not in the list"},
		"no source":                      {strings.Replace(good, `"A"`, `""`, 1), "no source"},
		"a member that nobody knows":     {with(`"prise":"1"`), "unknown field"},
		"credits that are worth nothing": {with(`"limits":[{"credits":10,"window":"cycle"}]`), "what a credit is worth"},
		"neither amount nor credits":     {with(`"limits":[{"window":"cycle"}]`), "one of"},
		"two limits of one window":       {with(`"limits":[{"amount":"1","window":"5h"},{"amount":"2","window":"5h"}]`), "two limits"},
		"a window that is none":          {with(`"limits":[{"amount":"1","window":"0h"}]`), "not a window"},
		"a limit of nothing":             {with(`"limits":[{"amount":"0","window":"5h"}]`), "is 0"},
		"two plans of one label":         {with(`"labels":["x"]`) + "," + strings.Replace(with(`"labels":["X"]`), `"p"`, `"q"`, 1), "that of p, too"},
		"a renewal that is not known":    {with(`"renews":"sometimes"`), "not known"},
		"no name":                        {strings.Replace(good, `"P"`, `""`, 1), "must be given"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := plan.Parse([]byte(head + c.rows + "]}"))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q in it", err, c.want)
			}
		})
	}
	for _, text := range []string{"", "[]", head, head + good + "]} x", strings.Replace(head+good+"]}", "2026-11-24", "soon", 1)} {
		if _, err := plan.Parse([]byte(text)); err == nil {
			t.Errorf("%q passes", text)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(assets.Plans)
	f.Fuzz(func(t *testing.T, data []byte) {
		table, err := plan.Parse(data)
		if err != nil {
			return
		}
		if !json.Valid(data) {
			t.Fatal("what is no JSON passes")
		}
		for _, r := range table.Rows() {
			if r.Price <= 0 || len(r.Sources) == 0 {
				t.Fatalf("%+v", r)
			}
			day := r.ValidFrom
			if day == "" {
				day = r.ValidUntil
			}
			if got, ok := table.At(r.Agent, r.ID, day); day != "" && (!ok || got.Price != r.Price) {
				t.Fatalf("on %s there is %+v, not %+v", day, got, r)
			}
		}
	})
}
