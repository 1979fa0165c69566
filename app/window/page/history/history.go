// Package history is the History page: a range of local days as tiles, stacked columns and
// a table, split by agent, model or project. It applies a view.History and raises one
// callback when another range or split is wanted; it never asks for data. Used on Fyne's
// goroutine only. Tested by history_test.go with pictures in testdata.
package history

import (
	"cmp"
	"slices"
	"time"

	"fyne.io/fyne/v2"

	"tokenmeter/app/window/chart"
	"tokenmeter/app/window/page/frame"
	"tokenmeter/app/window/theme"
	"tokenmeter/app/window/widget"
	"tokenmeter/internal/view"
)

// Split is what the columns are divided by.
type Split int

// The splits, in the order of the control.
const (
	ByAgent Split = iota
	ByModel
	ByProject
)

// Question is what the page wants to be answered.
type Question struct {
	Days  int // 7, 30 or 90
	Split Split
}

// First is the question that the page starts with.
func First() Question { return Question{Days: 30, Split: ByAgent} }

func ranges() [3]int { return [...]int{7, 30, 90} }

// tableFrame is the height of the table's card without its rows: headings, total, edges.
const tableFrame = 26 + widget.RowHeight + 2*8

// Page is the History page.
type Page struct {
	*frame.Frame
	ask      func(Question)
	question Question

	days, split *widget.Segmented
	tiles       [5]*widget.Tile
	card        *widget.Card
	chart       *chart.Stacked
	table       *widget.Table
	tableCard   *widget.Card

	rows    []view.Row
	total   view.Row
	sorted  int // column of the table
	upwards bool
}

// New makes an empty page; ask is called when a person wants another answer.
func New(o frame.Options, ask func(Question)) *Page {
	p := &Page{ask: ask, question: First(), sorted: 1}
	p.days = widget.NewSegmented([]string{"7 d", "30 d", "90 d"}, 1,
		func(i int) { p.want(Question{Days: ranges()[i], Split: p.question.Split}) })
	p.split = widget.NewSegmented([]string{"Agent", "Model", "Project"}, 0,
		func(i int) { p.want(Question{Days: p.question.Days, Split: Split(i)}) })
	objects := []fyne.CanvasObject{p.days, p.split}
	for i := range p.tiles {
		p.tiles[i] = widget.NewTile(o.Tips)
		objects = append(objects, p.tiles[i].Container)
	}
	p.chart = chart.NewStacked(chart.Look{Gap: 3, Radius: 2}, frame.Words())
	p.chart.Legend.Trailing = true
	p.card = widget.NewCard("Fresh tokens a day", func(at fyne.Position, size fyne.Size) {
		widget.At(p.chart, at.X, at.Y+8, size.Width, size.Height-4)
		left := p.card.Heading.Width() + 24
		widget.At(p.chart.Legend.Container, at.X+left, at.Y-18, size.Width-left, 16)
	}, p.chart.Legend.Container, p.chart)
	p.table = widget.NewTable([]widget.Column{
		{Title: "Agent"},
		{Title: "Fresh tokens", Width: 112, Narrow: 96, Strong: true},
		{Title: "Share", Width: 68, Narrow: 52},
		{Title: "Input", Width: 88, Narrow: 64},
		{Title: "Cache write", Width: 96, Narrow: 80},
		{Title: "Output", Width: 84, Narrow: 64},
		{Title: "Cache reads", Width: 100, Narrow: 84},
		{Title: "Requests", Width: 88, Narrow: 72},
		{Title: "Cost", Width: 88, Narrow: 76, Strong: true},
	}, o.Tips, p.sortBy)
	p.table.SetSorted(p.sorted, p.upwards)
	p.tableCard = widget.NewCard("", func(at fyne.Position, size fyne.Size) {
		const more = 8 // the table stands closer to its card's edge
		widget.At(p.table.Container, at.X, at.Y-more, size.Width, size.Height+2*more)
	}, p.table.Container)
	objects = append(objects, p.card.Container, p.tableCard.Container)
	p.Frame = frame.New("History", o, p.place, objects...)
	return p
}

func (p *Page) place(size fyne.Size) {
	y := float32(0)
	x := p.days.MinSize().Width
	widget.At(p.days, 0, y, x, 28)
	widget.At(p.split, x+8, y, p.split.MinSize().Width, 28)
	y += 28 + p.Gap
	p.placeTiles(y, size.Width)
	y += 76 + p.Gap
	rest := size.Height - y - p.Gap
	// About half for the table, in whole rows; what it does not need, the chart may have,
	// up to a bound, so that another split does not change everything.
	room := int((rest*.5-tableFrame)/widget.RowHeight + .4)
	rows := float32(max(1, min(room, len(p.rows))))
	upper := float32(int(min(max(rest-tableFrame-rows*widget.RowHeight, 140), max(rest*.62, 140), 460)))
	widget.At(p.card.Container, 0, y, size.Width, upper)
	y += upper + p.Gap
	lower := size.Height - y
	if len(p.rows) <= room {
		lower = min(lower, tableFrame+rows*widget.RowHeight)
	}
	widget.At(p.tableCard.Container, 0, y, size.Width, max(0, lower))
}

// placeTiles gives all tiles the same width, or, where that cuts a text, what each needs.
func (p *Page) placeTiles(y, width float32) {
	n := float32(len(p.tiles))
	gap, need, largest := p.Gap, float32(0), float32(0)
	measure := func(narrow bool) {
		need, largest = 0, 0
		for _, t := range p.tiles {
			t.Narrow = narrow
			need, largest = need+t.Need(), max(largest, t.Need())
		}
	}
	if measure(p.Narrow); need+gap*(n-1) > width {
		gap = theme.RowGap
		measure(true)
	}
	left := width - gap*(n-1)
	x := float32(0)
	for _, t := range p.tiles {
		wide := left / n
		if largest > wide {
			wide = t.Need() + (left-need)/n
		}
		from, to := float32(int(x+.5)), float32(int(x+wide+.5))
		widget.At(t.Container, from, y, to-from, 76)
		x += wide + gap
	}
}

// Question is what the page wants to be answered now.
func (p *Page) Question() Question { return p.question }

func (p *Page) want(q Question) {
	p.question = q
	p.ask(q)
}

// Apply shows a view model.
func (p *Page) Apply(h view.History) {
	if !p.Frame.Apply(h.Subtitle, h.Empty, h.Banners) {
		return
	}
	for i, t := range p.tiles {
		if i < len(h.Tiles) {
			f := h.Tiles[i]
			t.Set(f.Label, f.Value, f.Caption, f.Exact)
		}
	}
	p.rows, p.total = h.Rows, h.Total
	p.Relay()
	p.card.SetHeading(h.Chart.Title)
	p.chart.Set(days(h.Chart))
	p.card.Container.Layout.Layout(p.card.Container.Objects, p.card.Container.Size())
	p.table.SetTitle(0, h.Split)
	p.fill()
}

// days makes the stack of a range of days: Mondays and today are written, every day where
// there are few.
func days(c view.Chart) chart.Stack {
	s := chart.Stack{Series: frame.Series(c.Series)}
	for i, x := range c.Columns {
		column := frame.Column(x)
		start := x.Start
		if c.Zone != nil {
			start = start.In(c.Zone)
		}
		switch {
		case i == len(c.Columns)-1:
			column.Label, column.Strong = "today", true
		case i == 0 || start.Weekday() == time.Monday || len(c.Columns) <= 10:
			column.Label = start.Format("2 Jan")
		}
		s.Columns = append(s.Columns, column)
	}
	return s
}

// sortBy sorts by a column, or turns the order round.
func (p *Page) sortBy(column int) {
	if p.sorted == column {
		p.upwards = !p.upwards
	} else {
		p.sorted, p.upwards = column, column == 0
	}
	p.table.SetSorted(p.sorted, p.upwards)
	p.fill()
}

// fill puts the rows into the table in the order that is wanted.
func (p *Page) fill() {
	rows := slices.Clone(p.rows)
	slices.SortStableFunc(rows, func(a, b view.Row) int {
		order := compare(a, b, p.sorted)
		if !p.upwards {
			order = -order
		}
		return order
	})
	list := make([]widget.Row, len(rows))
	for i, r := range rows {
		list[i] = tableRow(r)
		list[i].Swatch = theme.Slot(r.Slot)
	}
	p.table.SetRows(list, tableRow(p.total))
}

// compare orders two rows by a column of the table.
func compare(a, b view.Row, column int) int {
	by := func(f func(view.Row) int64) int { return cmp.Compare(f(a), f(b)) }
	switch column {
	case 0:
		return cmp.Compare(a.Name, b.Name)
	case 3:
		return by(func(r view.Row) int64 { return r.Counts.Input })
	case 4:
		return by(func(r view.Row) int64 { return r.Counts.CacheWrite() })
	case 5:
		return by(func(r view.Row) int64 { return r.Counts.Output })
	case 6:
		return by(func(r view.Row) int64 { return r.Counts.CacheRead })
	case 7:
		return by(func(r view.Row) int64 { return r.Counts.Requests })
	case 8:
		return by(func(r view.Row) int64 { return int64(r.Counts.Cost) })
	}
	return by(func(r view.Row) int64 { return r.Counts.Fresh() })
}

func tableRow(r view.Row) widget.Row {
	return widget.Row{
		Cells: []string{r.Name, r.Fresh, r.Share, r.Input, r.CacheWrite, r.Output, r.CacheReads, r.Requests, r.Cost},
		Exact: []string{
			r.ID, view.Exact(r.Counts.Fresh()), "", view.Exact(r.Counts.Input), view.Exact(r.Counts.CacheWrite()),
			view.Exact(r.Counts.Output), view.Exact(r.Counts.CacheRead), "", "",
		},
	}
}
