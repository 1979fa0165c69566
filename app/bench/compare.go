package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// results is what --json writes.
type results struct {
	Version string    `json:"version"` // of the measured program
	Quick   bool      `json:"quick"`   // on a tenth of the corpus
	Load    []float64 `json:"load"`    // of the machine, before and after
	Rows    []row     `json:"rows"`
}

func (r *results) write(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err == nil {
		err = os.WriteFile(path, append(text, '\n'), 0o644)
	}
	if err != nil {
		return fmt.Errorf("write figures: %w", err)
	}
	return nil
}

func readResults(path string) (*results, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read figures: %w", err)
	}
	var r results
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("read figures: %s: %w", path, err)
	}
	return &r, nil
}

// compareResults is the command "compare": two runs side by side.
func compareResults(args []string, out, errs io.Writer) error {
	if len(args) != 2 {
		fmt.Fprintln(errs, "usage: bench compare BEFORE.json AFTER.json")
		return errUsage
	}
	before, err := readResults(args[0])
	if err != nil {
		return err
	}
	after, err := readResults(args[1])
	if err != nil {
		return err
	}
	printCompared(out, before, after)
	return nil
}

// printCompared prints what both runs measured, and what only one did.
func printCompared(out io.Writer, before, after *results) {
	if before.Quick != after.Quick {
		fmt.Fprintln(out, "One of the two runs is of a tenth of the corpus: do not compare sizes and times.")
	}
	table := [][]string{{"what", "before", "after", "change", "ratios", "target", "verdict"}}
	old := map[string]*row{}
	for i := range before.Rows {
		old[before.Rows[i].Name] = &before.Rows[i]
	}
	for i := range after.Rows {
		now := &after.Rows[i]
		was := old[now.Name]
		delete(old, now.Name)
		if was == nil {
			was = &row{}
		}
		table = append(table, []string{now.Name, shown(was.Measured, now.Unit), shown(now.Measured, now.Unit), change(was.Measured, now.Measured),
			ratios(was.Ratio, now.Ratio), now.Target, changedVerdict(was.Verdict, now.Verdict)})
	}
	for _, r := range before.Rows {
		if old[r.Name] != nil {
			table = append(table, []string{r.Name, shown(r.Measured, r.Unit), "", "", ratios(r.Ratio, nil), r.Target, changedVerdict(r.Verdict, skipped)})
		}
	}
	printTable(out, table)
}

// change is by how much a figure grew, in percent.
func change(before, after *float64) string {
	if before == nil || after == nil || *before == 0 {
		return ""
	}
	return fmt.Sprintf("%+.1f %%", 100*(*after / *before - 1))
}

func ratios(before, after *float64) string {
	if before == nil && after == nil {
		return ""
	}
	return shown(before, "") + " → " + shown(after, "")
}

func changedVerdict(before, after verdict) string {
	if before == after || before == "" {
		return string(after)
	}
	return string(before) + " → " + string(after)
}
