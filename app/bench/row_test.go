package main

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestFiguresOfFewAndManyRuns(t *testing.T) {
	hundred := make([]float64, 100)
	for i := range hundred {
		hundred[i] = float64(100 - i) // 100 … 1, so that it must be sorted
	}
	for name, c := range map[string]struct {
		values           []float64
		median, p99, p50 float64
	}{
		"none":           {nil, math.NaN(), math.NaN(), math.NaN()},
		"one":            {[]float64{7}, 7, 7, 7},
		"two":            {[]float64{9, 1}, 5, 9, 1},
		"three":          {[]float64{9, 1, 2}, 2, 9, 2},
		"one far off":    {[]float64{1, 1, 1, 1, 500}, 1, 500, 1},
		"a hundred":      {hundred, 50.5, 99, 50},
		"all are equal":  {[]float64{3, 3, 3, 3}, 3, 3, 3},
		"below zero too": {[]float64{-5, 5}, 0, 5, -5},
	} {
		t.Run(name, func(t *testing.T) {
			before := slices.Clone(c.values)
			same(t, "median", median(c.values), c.median)
			same(t, "p99", percentile(c.values, 0.99), c.p99)
			same(t, "p50", percentile(c.values, 0.5), c.p50)
			if !slices.Equal(before, c.values) {
				t.Error("the values were moved")
			}
		})
	}
}

func same(t *testing.T, what string, got, want float64) {
	t.Helper()
	if got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestVerdicts(t *testing.T) {
	for name, c := range map[string]struct {
		row  row
		want verdict
		fail bool
	}{
		"a size at its limit":              {limited("x", "MB", 15, 15), met, false},
		"a size beyond its limit":          {limited("x", "MB", 15.1, 15), notMet, true},
		"nothing was measured":             {limited("x", "MB", math.NaN(), 15), notMet, true},
		"a time within its limit":          {timed("x", "ms", 9, 10), within, false},
		"a time beyond it is not judged":   {timed("x", "ms", 90, 10), beyond, false},
		"a ratio at its limit":             {compared("x", "s", 3.5, 10, "peer", 0.35), met, false},
		"a ratio beyond it":                {compared("x", "s", 3.6, 10, "peer", 0.35), notMet, true},
		"a ratio to nothing":               {compared("x", "s", 3.6, 0, "peer", 0.35), notMet, true},
		"a ratio to what was not measured": {compared("x", "s", 3.6, math.NaN(), "peer", 0.35), notMet, true},
		"left out":                         {left("x", "no strace"), skipped, false},
		"the measurement failed":           {broken("x", errUsage), notMet, true},
		"a figure without a target":        {figure("x", "s", 3), told, false},
	} {
		t.Run(name, func(t *testing.T) {
			if c.row.Verdict != c.want || c.row.failed() != c.fail {
				t.Errorf("%q, fails %v; want %q, %v", c.row.Verdict, c.row.failed(), c.want, c.fail)
			}
		})
	}
}

func TestNumbersOfAllSizes(t *testing.T) {
	for n, want := range map[float64]string{
		0: "0", 5: "5", 0.35: "0.35", 0.0123456: "0.0123", 1.23456: "1.23", 45.67: "45.7", 512.6: "513", 123456: "123456", -0.5: "-0.5",
	} {
		if got := number(n); got != want {
			t.Errorf("%v: %s, want %s", n, got, want)
		}
	}
	if got := number(math.NaN()); got != "?" {
		t.Errorf("what was not measured: %s", got)
	}
}

func TestTableLinesUpAndCountsItsNotes(t *testing.T) {
	floor, peer := 0.25, 3.25
	first := compared("import, wall", "s", 0.912, 3.25, "ccusage", 0.35)
	first.Floor, first.Peer = &floor, &peer
	last := limited("größe", "MB", 11.1, 15)
	last.Note = "static"
	var out strings.Builder
	printRows(&out, []row{first, left("tray", "no lab"), last})
	want := `what          measured   floor    peer  ratio  target            verdict
import, wall   0.912 s  0.25 s  3.25 s  0.281  ≤ 0.35 × ccusage  met
tray                                                             skipped [1]
größe          11.1 MB                         ≤ 15 MB           met [2]
[1] tray: no lab
[2] größe: static
`
	if got := out.String(); !strings.HasPrefix(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestTwoRunsSideBySide(t *testing.T) {
	folder := t.TempDir()
	write := func(name string, r *results) string {
		path := filepath.Join(folder, name)
		if err := r.write(path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	before := write("a.json", &results{Rows: []row{
		limited("memory", "MB", 80, 100), compared("import", "s", 2, 4, "ccusage", 0.35), timed("gone", "ms", 3, 10),
	}})
	after := write("b.json", &results{Rows: []row{
		limited("memory", "MB", 60, 100), compared("import", "s", 1, 4, "ccusage", 0.35), timed("new", "ms", 3, 10),
	}})
	var out, errs strings.Builder
	if err := compareResults([]string{before, after}, &out, &errs); err != nil {
		t.Fatal(err)
	}
	for _, want := range [][]string{
		{"memory", "80 MB", "60 MB", "-25.0 %", "met"}, {"import", "2 s", "1 s", "-50.0 %", "0.5 → 0.25", "NOT MET → met"},
		{"new", "3 ms", "within"}, {"gone", "3 ms", "within → skipped"},
	} {
		found := false
		for line := range strings.Lines(out.String()) {
			all := strings.HasPrefix(line, want[0])
			for _, word := range want {
				all = all && strings.Contains(line, word)
			}
			found = found || all
		}
		if !found {
			t.Errorf("no line with %q in\n%s", want, out.String())
		}
	}
	if err := compareResults([]string{before}, &out, &errs); err == nil {
		t.Error("one file was compared with nothing")
	}
	if err := compareResults([]string{before, filepath.Join(folder, "none")}, &out, &errs); err == nil {
		t.Error("a missing file was compared")
	}
}
