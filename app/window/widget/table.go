package widget

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	fynewidget "fyne.io/fyne/v2/widget"

	"tokenmeter/app/window/theme"
)

// Column is a column of a table. The first one holds names and takes the room that is
// left; the others hold figures.
type Column struct {
	Title  string
	Width  float32
	Narrow float32 // width where the table is narrow
	Strong bool    // figures in the first colour
}

// Row is a row of a table.
type Row struct {
	Swatch fyne.ThemeColorName // "" = none
	Cells  []string
	Exact  []string // what the tooltip says of a cell, "" = nothing
}

// Table is figures under headings that can be clicked to sort, with a line of totals that
// stays in view.
type Table struct {
	*fyne.Container
	columns []Column
	tips    *Tips
	heads   []*head
	rows    *Rows
	data    []Row
	total   *tableRow
	rule    *Box
	keys    *Keys
	cursor  int // row that the keyboard stands on, -1 = none
	narrow  bool
}

// RowHeight is the height of a table's row.
const RowHeight = 32

const headHeight = 26

// NewTable makes an empty table; sort is called with the number of a column.
func NewTable(columns []Column, tips *Tips, sort func(column int)) *Table {
	t := &Table{columns: columns, tips: tips, cursor: -1, rule: NewBox(theme.BorderStrong, 0)}
	t.rows = NewRows(RowHeight,
		func() int { return len(t.data) },
		func() fyne.CanvasObject { return newTableRow(t, false) },
		func(i int, o fyne.CanvasObject) { o.(*tableRow).set(t.data[i], i == t.cursor, i == len(t.data)-1) })
	t.keys = NewKeys(t.rows, 12, t.move, func() {
		t.cursor = -1
		t.rows.arrange()
	})
	t.total = newTableRow(t, true)
	headRule := NewBox(theme.Border, 0)
	objects := []fyne.CanvasObject{t.keys}
	for i, c := range columns {
		h := newHead(c.Title, i > 0, func() { sort(i) })
		t.heads = append(t.heads, h)
		objects = append(objects, h)
	}
	objects = append(objects, headRule, t.rows.Scroll, t.total, t.rule)
	t.Container = Place(nil, func(size fyne.Size) {
		t.narrow = size.Width < 860
		At(t.keys, 0, 0, size.Width, size.Height)
		for i, x := range t.edges(size.Width) {
			At(t.heads[i], x.from, 0, x.to-x.from, headHeight)
		}
		At(headRule, 0, headHeight-1, size.Width, 1)
		// The rows' chosen ground bleeds out by a gap, so the list is that much wider.
		t.rows.Place(-theme.RowGap, headHeight, size.Width+2*theme.RowGap, max(0, min(size.Height-headHeight-RowHeight, float32(len(t.data))*RowHeight)), 4)
		view := t.rows.Size().Height
		At(t.total, -theme.RowGap, headHeight+view, size.Width+2*theme.RowGap, RowHeight)
		At(t.rule, 0, headHeight+view-1, size.Width, 1)
	}, objects...)
	return t
}

type span struct{ from, to float32 }

// edges are the columns' places in a table of the given width.
func (t *Table) edges(width float32) []span {
	spans := make([]span, len(t.columns))
	x := width
	for i := len(t.columns) - 1; i > 0; i-- {
		w := t.columns[i].Width
		if t.narrow {
			w = t.columns[i].Narrow
		}
		spans[i] = span{x - w, x}
		x -= w
	}
	spans[0] = span{0, x}
	return spans
}

// SetTitle changes a column's heading.
func (t *Table) SetTitle(column int, title string) { t.heads[column].set(title) }

// SetSorted shows by which column the rows are sorted, and whether upwards.
func (t *Table) SetSorted(column int, upwards bool) {
	for i, h := range t.heads {
		order := 0
		if i == column {
			order = 1
			if upwards {
				order = -1
			}
		}
		h.setOrder(order)
	}
}

// SetRows changes what the table shows. The caller must not change rows afterwards.
func (t *Table) SetRows(rows []Row, total Row) {
	grown := len(rows) != len(t.data)
	t.data = rows
	if t.cursor >= len(rows) {
		t.cursor = -1
	}
	t.total.set(total, false, true)
	Show(t.total, len(rows) > 0)
	Show(t.rule, len(rows) > 0)
	t.rows.Update()
	if grown {
		t.Container.Layout.Layout(t.Container.Objects, t.Container.Size())
	}
}

// Rows are the rows as they stand.
func (t *Table) Rows() []Row { return t.data }

// move puts the keyboard's cursor so many rows further.
func (t *Table) move(by int) {
	to := max(0, min(len(t.data)-1, t.cursor+by))
	if len(t.data) == 0 || to == t.cursor {
		return
	}
	t.cursor = to
	t.rows.Reveal(to)
	t.rows.arrange()
}

// tableRow is one row; its size is the table's width and a bleed at both sides.
type tableRow struct {
	fynewidget.BaseWidget
	table   *Table
	total   bool
	row     Row
	chosen  bool
	last    bool
	hovered bool
	swatch  *Box
	cells   []*Text
	over    int // cell under the pointer, -1 = none
}

func newTableRow(t *Table, total bool) *tableRow {
	r := &tableRow{table: t, total: total, over: -1, swatch: NewBox(theme.Clear, 2)}
	for i, c := range t.columns {
		role, colour := theme.Label, theme.TextSecondary
		switch {
		case total:
			role, colour = theme.LabelSemiBold, theme.TextPrimary
		case i == 0 || c.Strong:
			role, colour = theme.LabelMedium, theme.TextPrimary
		}
		text := NewNumber(role, colour, "")
		if i == 0 {
			text = NewText(role, colour, "")
		}
		r.cells = append(r.cells, text)
	}
	r.ExtendBaseWidget(r)
	return r
}

func (r *tableRow) set(row Row, chosen, last bool) {
	moved := (row.Swatch == "") != (r.row.Swatch == "")
	r.row = row
	if row.Swatch != "" {
		r.swatch.SetFill(row.Swatch)
	}
	Show(r.swatch, row.Swatch != "")
	for i, c := range r.cells {
		if i < len(row.Cells) {
			c.Set(row.Cells[i])
		}
	}
	if chosen != r.chosen || last != r.last || moved {
		r.chosen, r.last = chosen, last
		r.Refresh()
	}
}

func (r *tableRow) MouseIn(e *desktop.MouseEvent) {
	r.hovered = true
	r.Refresh()
	r.MouseMoved(e)
}

func (r *tableRow) MouseMoved(e *desktop.MouseEvent) {
	over := -1
	for i, c := range r.cells {
		if e.Position.X >= c.Position().X && e.Position.X < c.Position().X+c.Size().Width {
			over = i
		}
	}
	if over == r.over {
		return
	}
	r.leave()
	r.over = over
	if over < 0 {
		return
	}
	exact := ""
	if over < len(r.row.Exact) {
		exact = r.row.Exact[over]
	}
	if exact == "" && r.cells[over].Short() {
		exact = r.cells[over].Text()
	}
	if exact != "" {
		r.table.tips.show(r.cells[over], exact)
	}
}

func (r *tableRow) MouseOut() {
	r.hovered = false
	r.leave()
	r.Refresh()
}

func (r *tableRow) leave() {
	if r.over >= 0 {
		r.table.tips.hide(r.cells[r.over])
	}
	r.over = -1
}

func (r *tableRow) CreateRenderer() fyne.WidgetRenderer {
	ground, rule := NewBox(theme.Clear, theme.RadiusTag), NewBox(theme.Gridline, 0)
	objects := []fyne.CanvasObject{ground, rule, r.swatch}
	for _, c := range r.cells {
		objects = append(objects, c)
	}
	layout := func(size fyne.Size) {
		const bleed = theme.RowGap
		At(ground, 0, 0, size.Width, size.Height)
		At(rule, bleed, size.Height-1, size.Width-2*bleed, 1)
		At(r.swatch, bleed, 11, 9, 9)
		for i, x := range r.table.edges(size.Width - 2*bleed) {
			from, y := x.from, (size.Height-r.cells[i].Line())/2
			if i == 0 {
				if r.row.Swatch != "" {
					from += 17
				}
				Line(r.cells[i], bleed+from, y, x.to-from-8)
				continue
			}
			Line(r.cells[i], bleed+from+4, y, x.to-from-4)
		}
	}
	update := func() {
		fill := choose(r.chosen, theme.AccentWeak, choose(r.hovered && !r.total, theme.Raised, theme.Clear))
		ground.SetFill(fill)
		Show(rule, !r.last)
		layout(r.Size())
	}
	update()
	return newDrawn(r, drawn{objects: objects, min: func() fyne.Size { return fyne.Size{} }, layout: layout, update: update})
}

// head is a column's heading.
type head struct {
	press
	text   *Text
	number bool
	order  int // 1 = largest first, -1 = smallest first, 0 = not sorted by it
}

func newHead(title string, number bool, act func()) *head {
	h := &head{text: NewText(theme.CaptionMedium, theme.TextTertiary, title), number: number}
	h.act = act
	h.ExtendBaseWidget(h)
	return h
}

func (h *head) set(title string) {
	h.text.Set(title)
	h.Refresh()
}

func (h *head) setOrder(order int) {
	if h.order != order {
		h.order = order
		h.Refresh()
	}
}

func (h *head) CreateRenderer() fyne.WidgetRenderer {
	focus := ring(theme.RadiusTag)
	arrow := canvas.NewPolygon(3, nil)
	arrow.FillColor = theme.Colour(theme.TextSecondary)
	layout := func(size fyne.Size) {
		around(focus, fyne.NewSize(size.Width, size.Height-2))
		width, sign := h.text.Width(), float32(0)
		if h.order != 0 {
			sign = 12
		}
		x := float32(0)
		if h.number {
			x = max(0, size.Width-width-sign)
		}
		width = min(width, size.Width-sign)
		Line(h.text, x, 5, width)
		At(arrow, x+width+3, 8, 8, 8)
	}
	update := func() {
		Show(focus, h.focused)
		h.text.SetStyle(theme.CaptionMedium, choose(h.hovered, theme.TextPrimary, theme.TextTertiary))
		Show(arrow, h.order != 0)
		arrow.FillColor = theme.Colour(theme.TextSecondary)
		arrow.Angle = 180
		if h.order < 0 {
			arrow.Angle = 0
		}
		arrow.Refresh()
		layout(h.Size())
	}
	update()
	return newDrawn(h, drawn{
		objects: []fyne.CanvasObject{focus, h.text, arrow},
		min:     func() fyne.Size { return fyne.NewSize(h.text.Width()+12, headHeight) },
		layout:  layout,
		update:  update,
	})
}
