package chart

import (
	"fyne.io/fyne/v2"

	"tokenmeter/app/window/theme"
	"tokenmeter/app/window/widget"
)

// readoutWidth is the width of a read-out.
const readoutWidth = 236

// readoutLine is a line of a read-out: a swatch or none, a name, a share or none, a value.
type readoutLine struct {
	colour             fyne.ThemeColorName
	name, share, value string
}

// readout is the box beside a column that says what it holds.
type readout struct {
	*fyne.Container
	ground *widget.Box
	title  *widget.Text
	total  *widget.Text
	rule   *widget.Box
	lines  []*readoutRow
	height float32
}

type readoutRow struct {
	swatch             *widget.Box
	name, share, value *widget.Text
}

func newReadout() *readout {
	r := &readout{
		ground: widget.NewFrame(theme.TooltipGround, theme.BorderStrong, theme.RadiusControl, 1),
		title:  widget.NewText(theme.LabelMedium, theme.TextPrimary, ""),
		total:  widget.NewNumber(theme.LabelSemiBold, theme.TextPrimary, ""),
		rule:   widget.NewBox(theme.Border, 0),
	}
	r.Container = widget.Place(nil, func(fyne.Size) {}, r.ground, r.title, r.total, r.rule)
	r.Container.Hide()
	return r
}

// set fills the box: the parts, then apart from them the notes.
func (r *readout) set(title, total string, parts, notes []readoutLine) {
	const padX, padY, row = 12, 10, 18
	const inner = readoutWidth - 2*padX
	for len(r.lines) < len(parts)+len(notes) {
		l := &readoutRow{
			swatch: widget.NewBox(theme.Clear, 2),
			name:   widget.NewText(theme.Label, theme.TextSecondary, ""),
			share:  widget.NewNumber(theme.Label, theme.TextSecondary, ""),
			value:  widget.NewNumber(theme.Label, theme.TextPrimary, ""),
		}
		r.lines = append(r.lines, l)
		r.Container.Objects = append(r.Container.Objects, l.swatch, l.name, l.share, l.value)
	}
	r.title.Set(title)
	r.total.Set(total)
	wide := r.total.Width()
	widget.Line(r.total, padX+inner-wide, padY, wide)
	widget.Line(r.title, padX, padY, inner-wide-8)
	y := float32(padY + 16 + 6)
	place := func(l *readoutRow, line readoutLine, y float32) {
		for _, o := range []fyne.CanvasObject{l.name, l.share, l.value} {
			widget.Show(o, true)
		}
		widget.Show(l.swatch, line.colour != "")
		if line.colour != "" {
			l.swatch.SetFill(line.colour)
		}
		l.name.Set(line.name)
		l.share.Set(line.share)
		l.value.Set(line.value)
		room := float32(52)
		if line.share == "" {
			room = max(52, l.value.Width())
		}
		widget.At(l.swatch, padX, y+5, 9, 9)
		widget.Line(l.value, padX+inner-room, y+1, room)
		name := inner - 17 - room
		if line.share != "" {
			name -= 44
		}
		widget.Line(l.share, padX+inner-52-44, y+1, 40)
		widget.Line(l.name, padX+17, y+1, name-4)
	}
	n := 0
	for _, line := range parts {
		place(r.lines[n], line, y)
		y += row
		n++
	}
	widget.Show(r.rule, len(parts) > 0 && len(notes) > 0)
	if len(parts) > 0 && len(notes) > 0 {
		widget.At(r.rule, padX, y+6, inner, 1)
		y += 13
	}
	for _, line := range notes {
		place(r.lines[n], line, y)
		y += row
		n++
	}
	for _, l := range r.lines[n:] {
		for _, o := range []fyne.CanvasObject{l.swatch, l.name, l.share, l.value} {
			widget.Show(o, false)
		}
	}
	if n == 0 {
		y -= 6
	}
	r.height = y + padY
	widget.At(r.ground, 0, 0, readoutWidth, r.height)
	r.Container.Resize(fyne.NewSize(readoutWidth, r.height))
}

// beside puts the box left of a column if there is room for it, else right of it, and no
// lower than the chart.
func (r *readout) beside(from, to float32, chart fyne.Size) {
	x := from - readoutWidth - 8
	if x < 0 {
		x = min(to+8, chart.Width-readoutWidth)
	}
	y := min(-4, chart.Height-r.height)
	r.Container.Move(fyne.NewPos(max(0, x), y))
	widget.Show(r.Container, true)
	r.Container.Refresh()
}

func (r *readout) hide() { widget.Show(r.Container, false) }
