package chart

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	fynewidget "fyne.io/fyne/v2/widget"

	"tokenmeter/app/window/theme"
	"tokenmeter/app/window/widget"
)

// plot is what the charts have in common: steps along the time axis that the pointer or
// the keyboard stands on, a ring when focused, and the way to copy the numbers.
type plot struct {
	fynewidget.BaseWidget
	self    fyne.CanvasObject
	steps   func() int
	stepAt  func(x float32) int
	moved   func() // pointer, keyboard or focus changed
	table   func() [][]string
	hover   int // step under the pointer, -1 = none
	cursor  int // step that the keyboard stands on, -1 = none
	focused bool
}

// at is the step to be read out, -1 = none.
func (p *plot) at() int {
	at := p.hover
	if at < 0 && p.focused {
		at = p.cursor
	}
	if at >= p.steps() {
		return -1
	}
	return at
}

func (p *plot) set(hover, cursor int) {
	if hover == p.hover && cursor == p.cursor {
		return
	}
	p.hover, p.cursor = hover, cursor
	p.moved()
}

// MouseIn is part of desktop.Hoverable.
func (p *plot) MouseIn(e *desktop.MouseEvent) { p.MouseMoved(e) }

// MouseMoved is part of desktop.Hoverable.
func (p *plot) MouseMoved(e *desktop.MouseEvent) { p.set(p.stepAt(e.Position.X), p.cursor) }

// MouseOut is part of desktop.Hoverable.
func (p *plot) MouseOut() { p.set(-1, p.cursor) }

// FocusGained is part of fyne.Focusable.
func (p *plot) FocusGained() {
	p.focused = true
	p.moved()
}

// FocusLost is part of fyne.Focusable.
func (p *plot) FocusLost() {
	p.focused, p.cursor = false, -1
	p.moved()
}

// TypedRune is part of fyne.Focusable; c copies the chart as a table.
func (p *plot) TypedRune(r rune) {
	if r == 'c' || r == 'C' {
		p.copy()
	}
}

// TypedKey is part of fyne.Focusable: the arrows walk along the time axis.
func (p *plot) TypedKey(e *fyne.KeyEvent) {
	last := p.steps() - 1
	if last < 0 {
		return
	}
	switch e.Name {
	case fyne.KeyLeft:
		if p.cursor < 0 {
			p.set(-1, last)
			return
		}
		p.set(-1, max(0, p.cursor-1))
	case fyne.KeyRight:
		p.set(-1, min(last, p.cursor+1))
	case fyne.KeyHome:
		p.set(-1, 0)
	case fyne.KeyEnd:
		p.set(-1, last)
	case fyne.KeyEscape:
		p.set(-1, -1)
	}
}

// TappedSecondary offers to copy the chart as a table.
func (p *plot) TappedSecondary(e *fyne.PointEvent) {
	c := fyne.CurrentApp().Driver().CanvasForObject(p.self)
	if c == nil {
		return
	}
	menu := fyne.NewMenu("", fyne.NewMenuItem("Copy as a table", p.copy))
	fynewidget.ShowPopUpMenuAtPosition(menu, c, e.AbsolutePosition)
}

// copy puts the chart on the clipboard as lines of fields between tabs.
func (p *plot) copy() {
	text := ""
	for _, row := range p.table() {
		for i, field := range row {
			if i > 0 {
				text += "\t"
			}
			text += field
		}
		text += "\n"
	}
	fyne.CurrentApp().Clipboard().SetContent(text)
}

// axisWords are the words along the axes, in a pool of texts.
type axisWords struct {
	pool []*widget.Text
	used int
	add  func(fyne.CanvasObject)
}

func (a *axisWords) start() { a.used = 0 }

// put writes a word; from and to bound it, align says where in them it stands.
func (a *axisWords) put(text string, colour fyne.ThemeColorName, x, y, width float32, trailing bool) {
	if a.used == len(a.pool) {
		t := widget.NewText(theme.Caption, theme.TextTertiary, "")
		a.pool = append(a.pool, t)
		a.add(t)
	}
	t := a.pool[a.used]
	a.used++
	t.Set(text)
	t.SetStyle(theme.Caption, colour)
	if trailing {
		x += width - t.Width()
		width = t.Width()
	}
	widget.Line(t, x, y, width)
	widget.Show(t, true)
}

func (a *axisWords) end() {
	for _, t := range a.pool[a.used:] {
		widget.Show(t, false)
	}
}

// label is a word under the time axis, wanted with its middle at a place.
type label struct {
	text   string
	middle float32
	strong bool
	colour fyne.ThemeColorName
}

// labels writes words under the time axis between from and to; where two would touch, the
// strong one stands, else the earlier one.
func (a *axisWords) labels(list []label, from, to, y float32) {
	const apart = 8
	type room struct{ from, to float32 }
	var taken []room
	place := func(l label) {
		width := theme.Caption.Width(l.text)
		x := min(max(l.middle-width/2, from), to-width)
		for _, r := range taken {
			if x < r.to+apart && x+width+apart > r.from {
				return
			}
		}
		taken = append(taken, room{x, x + width})
		a.put(l.text, l.colour, float32(int(x+.5)), y, ceilWidth(width), false)
	}
	for _, l := range list {
		if l.strong {
			place(l)
		}
	}
	for _, l := range list {
		if !l.strong {
			place(l)
		}
	}
}

func ceilWidth(w float32) float32 { return float32(int(w)) + 1 }
