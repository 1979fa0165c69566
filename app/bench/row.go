package main

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// verdict is what is said of a row.
type verdict string

const (
	met     verdict = "met"
	notMet  verdict = "NOT MET"
	skipped verdict = "skipped"
	// within and beyond are said of times, which depend on the machine and are not judged.
	within verdict = "within"
	beyond verdict = "beyond"
	// told is said of a figure without a target.
	told verdict = ""
)

// row is one line of the table. The figures are in Unit; nil is none.
type row struct {
	Name     string   `json:"name"` // the same in every version
	Unit     string   `json:"unit"` // ms, s, MB, B, %, or "" for a number
	Measured *float64 `json:"measured"`
	Floor    *float64 `json:"floor,omitempty"` // the least that the same bytes cost, by cat or grep
	Peer     *float64 `json:"peer,omitempty"`  // what ccusage needs
	Ratio    *float64 `json:"ratio,omitempty"`
	RatioTo  string   `json:"ratioTo,omitempty"`
	Target   string   `json:"target,omitempty"`
	Verdict  verdict  `json:"verdict"`
	Note     string   `json:"note,omitempty"`
}

// failed reports whether the row makes the whole run fail.
func (r *row) failed() bool { return r.Verdict == notMet }

// figure is a row without a target.
func figure(name, unit string, measured float64) row {
	return row{Name: name, Unit: unit, Measured: &measured}
}

// limited is a size or a count that must not exceed a limit.
func limited(name, unit string, measured, limit float64) row {
	r := figure(name, unit, measured)
	r.Target, r.Verdict = "≤ "+number(limit)+unitBehind(unit), met
	if measured > limit || math.IsNaN(measured) {
		r.Verdict = notMet
	}
	return r
}

// timed is a time with a target. It is not judged.
func timed(name, unit string, measured, limit float64) row {
	r := limited(name, unit, measured, limit)
	if r.Verdict == met {
		r.Verdict = within
	} else {
		r.Verdict = beyond
	}
	return r
}

// compared is a figure of which only the ratio to another one of the same run is judged.
func compared(name, unit string, measured, other float64, to string, limit float64) row {
	r := figure(name, unit, measured)
	ratio := measured / other
	r.Ratio, r.RatioTo, r.Target, r.Verdict = &ratio, to, "≤ "+number(limit)+" × "+to, met
	if !(ratio <= limit) {
		r.Verdict = notMet
	}
	return r
}

// left is a row that was not measured, with the reason.
func left(name, why string) row { return row{Name: name, Verdict: skipped, Note: why} }

// broken is a row whose measurement failed, which is as bad as a missed target.
func broken(name string, err error) row {
	return row{Name: name, Verdict: notMet, Note: err.Error()}
}

func unitBehind(unit string) string {
	if unit == "" {
		return ""
	}
	return " " + unit
}

// number writes a figure with three significant digits, whole numbers whole.
func number(n float64) string {
	switch size := math.Abs(n); {
	case math.IsNaN(n):
		return "?"
	case n == math.Trunc(n) && size < 1e15:
		return strconv.FormatFloat(n, 'f', -1, 64)
	case size >= 100:
		return strconv.FormatFloat(n, 'f', 0, 64)
	case size >= 10:
		return strconv.FormatFloat(n, 'f', 1, 64)
	case size >= 1:
		return strconv.FormatFloat(n, 'f', 2, 64)
	default:
		return strconv.FormatFloat(n, 'g', 3, 64)
	}
}

// shown writes a figure that may be none.
func shown(n *float64, unit string) string {
	if n == nil {
		return ""
	}
	return number(*n) + unitBehind(unit)
}

// printRows prints the table, and what is to be said of single rows under it.
func printRows(out io.Writer, rows []row) {
	table := [][]string{{"what", "measured", "floor", "peer", "ratio", "target", "verdict"}}
	var notes []string
	for _, r := range rows {
		ratio := ""
		if r.Ratio != nil {
			ratio = number(*r.Ratio)
		}
		mark := string(r.Verdict)
		if r.Note != "" {
			notes = append(notes, r.Name+": "+r.Note)
			mark += fmt.Sprintf(" [%d]", len(notes))
		}
		table = append(table, []string{r.Name, shown(r.Measured, r.Unit), shown(r.Floor, r.Unit), shown(r.Peer, r.Unit), ratio, r.Target, strings.TrimSpace(mark)})
	}
	printTable(out, table)
	for i, note := range notes {
		fmt.Fprintf(out, "[%d] %s\n", i+1, note)
	}
	fmt.Fprintln(out, "within, beyond: a time depends on the machine and is not judged. Floor: cat for wall, grep for CPU, on the same bytes. Peer: ccusage.")
}

// printTable prints cells in columns: words to the left, the figures of columns two to five
// to the right.
func printTable(out io.Writer, table [][]string) {
	widths := make([]int, len(table[0]))
	for _, cells := range table {
		for i, cell := range cells {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, cells := range table {
		var line strings.Builder
		for i, cell := range cells {
			space := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i > 0 && i < 5 {
				cell = space + cell
			} else {
				cell += space
			}
			line.WriteString(cell + "  ")
		}
		fmt.Fprintln(out, strings.TrimRight(line.String(), " "))
	}
}
