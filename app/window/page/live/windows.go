package live

import (
	"fmt"
	"strings"

	"fyne.io/fyne/v2"

	"tokenmeter/app/window/theme"
	"tokenmeter/app/window/widget"
	"tokenmeter/internal/view"
)

// windowsCard shows one bar for each allowance window.
type windowsCard struct {
	*widget.Card
	windows []view.Allowance
	rows    []*windowRow
	more    *widget.Text
}

type windowRow struct {
	name, span, used, source, reset *widget.Text
	bar                             *widget.RangeBar
	glyph                           *widget.Picture
	objects                         []fyne.CanvasObject
}

func newWindowsCard() *windowsCard {
	c := &windowsCard{more: widget.NewText(theme.Caption, theme.TextSecondary, "")}
	c.Card = widget.NewCard("Allowance", c.place, c.more)
	return c
}

func (c *windowsCard) any() bool { return len(c.windows) > 0 }

func (c *windowsCard) place(at fyne.Position, size fyne.Size) {
	const height = 63
	room := size.Height + 8
	fit := len(c.windows)
	if float32(fit*height) > room {
		fit = max(1, int((room-24)/height))
	}
	for i, r := range c.rows {
		for _, o := range r.objects {
			widget.Show(o, i < min(fit, len(c.windows)))
		}
		if i >= min(fit, len(c.windows)) {
			continue
		}
		y := at.Y + 11 + float32(i)*height
		used := r.used.Width()
		widget.Line(r.name, at.X, y, r.name.Width())
		widget.Line(r.span, at.X+r.name.Width()+6, y, max(0, size.Width-r.name.Width()-used-14))
		widget.Line(r.used, at.X+size.Width-used, y, used)
		widget.At(r.bar.Container, at.X, y+18, size.Width, 16)
		widget.At(r.glyph, at.X, y+36, 11, 11)
		reset := r.reset.Width()
		widget.Line(r.source, at.X+17, y+34, max(0, size.Width-17-reset-8))
		widget.Line(r.reset, at.X+size.Width-reset, y+34, reset)
	}
	hidden := len(c.windows) - fit
	widget.Show(c.more, hidden > 0)
	c.more.Set(fmt.Sprintf("%d more", hidden))
	widget.Line(c.more, at.X, at.Y+11+float32(fit*height), size.Width)
}

func (c *windowsCard) apply(windows []view.Allowance) {
	c.windows = windows
	for len(c.rows) < len(windows) {
		r := &windowRow{
			name:   widget.NewText(theme.BodyMedium, theme.TextPrimary, ""),
			span:   widget.NewText(theme.Body, theme.TextTertiary, ""),
			used:   widget.NewNumber(theme.Heading, theme.TextPrimary, ""),
			source: widget.NewText(theme.Caption, theme.TextSecondary, ""),
			reset:  widget.NewNumber(theme.Caption, theme.TextTertiary, ""),
			bar:    widget.NewRangeBar(),
			glyph:  widget.NewPicture(func() fyne.Resource { return theme.Glyph(theme.ShapeUnknown, theme.Surface) }),
		}
		r.objects = []fyne.CanvasObject{r.name, r.span, r.used, r.source, r.reset, r.bar.Container, r.glyph}
		c.rows = append(c.rows, r)
		c.Container.Objects = append(c.Container.Objects, r.objects...)
	}
	for i, w := range windows {
		r := c.rows[i]
		name, span, _ := strings.Cut(w.Name, " ")
		r.name.Set(name)
		r.span.Set(span)
		r.used.Set(w.Used)
		r.source.Set(w.Source)
		r.reset.Set(w.Reset)
		shape := shapeOf(w.Verdict)
		r.glyph.Set(func() fyne.Resource { return theme.Glyph(shape, theme.Surface) })
		share := w.Share
		if !w.Known {
			share = -1
		}
		r.bar.Set(share, shape)
	}
	c.Container.Layout.Layout(c.Container.Objects, c.Container.Size())
}

func shapeOf(v view.Verdict) theme.Shape {
	switch v {
	case view.Calm:
		return theme.ShapeCalm
	case view.Tight:
		return theme.ShapeTight
	case view.Out:
		return theme.ShapeOut
	}
	return theme.ShapeUnknown
}
