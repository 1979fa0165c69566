package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"tokenmeter/internal/store"
	"tokenmeter/internal/usage"
	"tokenmeter/internal/view"
)

// tableWidth is what every terminal has.
const tableWidth = 80

// table is text in columns: the first ones left, numbers right.
type table struct {
	left  int // so many columns are text
	whole int // so many of them, from the left, are never shortened
	spare int // so many numbers, from the second one on, are left out before it is too wide
	rows  [][]string
	rules map[int]bool // rows with a rule above
}

func (t *table) add(cells ...string) {
	for i := range cells {
		cells[i] = visible(cells[i])
	}
	t.rows = append(t.rows, cells)
}

// visible makes text from logs and names of files harmless to a terminal: what would move
// the cursor, turn the writing around or break the line becomes a mark.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' {
			return utf8.RuneError
		}
		return r
	}, text)
}

// rule draws a line above the next row.
func (t *table) rule() {
	if t.rules == nil {
		t.rules = map[int]bool{}
	}
	t.rules[len(t.rows)] = true
}

// print writes the table. To fit, text columns give way, the widest first, and then the
// numbers that are parts of others are left out.
func (t *table) print(w printer, indent string) {
	if len(t.rows) == 0 {
		return
	}
	widths := t.widths(len(indent))
	for t.spare > 0 && total(widths)+len(indent) > tableWidth {
		for i, row := range t.rows {
			t.rows[i] = slices.Delete(row, t.left+1, t.left+2)
		}
		t.spare--
		widths = t.widths(len(indent))
	}
	for n, row := range t.rows {
		if t.rules[n] {
			fmt.Fprintln(w, indent+strings.Repeat("─", total(widths)))
		}
		var line strings.Builder
		line.WriteString(indent)
		for i, cell := range row {
			if i > 0 {
				line.WriteString("  ")
			}
			cell = shorten(cell, widths[i])
			pad := strings.Repeat(" ", widths[i]-length(cell))
			if i < t.left {
				line.WriteString(cell + pad)
			} else {
				line.WriteString(pad + cell)
			}
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
}

// widths are what the columns get, shortened as far as they may be.
func (t *table) widths(indent int) []int {
	widths := make([]int, len(t.rows[0]))
	for _, row := range t.rows {
		for i, cell := range row {
			widths[i] = max(widths[i], length(cell))
		}
	}
	const least = 6
	for total(widths)+indent > tableWidth {
		widest := -1
		for i := t.whole; i < min(t.left, len(widths)); i++ {
			if widths[i] > least && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		widths[widest]--
	}
	return widths
}

// total is the width of a row, with the gaps between its columns.
func total(widths []int) int {
	sum := 2 * (len(widths) - 1)
	for _, w := range widths {
		sum += w
	}
	return sum
}

func length(text string) int { return len([]rune(text)) }

// shorten keeps the end of a path and the beginning of anything else.
func shorten(cell string, width int) string {
	runes := []rune(cell)
	if len(runes) <= width {
		return cell
	}
	if strings.ContainsAny(cell, `/\`) {
		return "…" + string(runes[len(runes)-width+1:])
	}
	return string(runes[:width-1]) + "…"
}

// printTable prints rows of history with their sum.
func printTable(w printer, q question, rows []store.Row, totals usage.Counts, currency usage.Currency, notes []string) error {
	if len(rows) == 0 {
		_, err := fmt.Fprintln(w, "Nothing was used in that time.")
		return err
	}
	t := table{left: len(q.by), spare: 3} // input, written and output are parts of fresh
	steps, _ := q.steps()
	t.whole = len(steps)
	var head []string
	for _, d := range q.by {
		head = append(head, strings.ToUpper(string(d[:1]))+string(d[1:]))
	}
	priced := totals.PricedRequests > 0
	t.add(append(head, figureHeads(priced)...)...)
	t.rule()
	for _, r := range rows {
		keys := q.keys(r)
		for i, d := range q.by {
			keys[i] = q.shown(d, keys[i], r.Start)
		}
		t.add(append(keys, figureCells(r.Counts, priced, currency)...)...)
	}
	t.rule()
	sum := make([]string, len(q.by))
	sum[0] = "Total"
	t.add(append(sum, figureCells(totals, priced, currency)...)...)
	t.print(w, "")
	for i, note := range notes {
		if i == 0 {
			fmt.Fprintln(w)
		}
		for _, line := range wrap(note, tableWidth) {
			fmt.Fprintln(w, line)
		}
	}
	return nil
}

// shown is a key as a person reads it.
func (q *question) shown(d store.Dimension, key string, start usage.Millis) string {
	switch {
	case key == "" && (d == store.Hour || d == store.Day || d == store.Week || d == store.Month):
		return "undated"
	case key == "":
		return view.Dash
	case d == store.Hour:
		return start.Time().In(q.zone).Format("2006-01-02 15:04")
	case d == store.Session && length(key) > 8:
		return key[:8]
	case d == store.Day && len(q.by) == 1:
		return start.Time().Add(6 * time.Hour).In(q.zone).Format("Mon 2006-01-02")
	}
	return key
}

func figureHeads(priced bool) []string {
	heads := []string{"Fresh", "Input", "Written", "Output", "Reads", "Requests"}
	if priced {
		heads = append(heads, "Cost")
	}
	return heads
}

func figureCells(c usage.Counts, priced bool, currency usage.Currency) []string {
	cells := []string{
		view.Tokens(c.Fresh()), view.Tokens(c.Input), view.Tokens(c.CacheWrite()), view.Tokens(c.Output),
		view.Tokens(c.CacheRead), view.Exact(c.Requests),
	}
	if priced {
		price := view.Dash
		if c.PricedRequests > 0 {
			price = view.Amount(c.Cost, currency)
		}
		cells = append(cells, price)
	}
	return cells
}

// counted joins a number and its noun.
func counted(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return view.Exact(n) + " " + many
}

// wrap breaks a text into lines of at most width characters, at plain spaces only, so that
// a number stays with its unit.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Split(text, " ") {
		switch {
		case line == "":
			line = word
		case length(line)+1+length(word) <= width:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}
