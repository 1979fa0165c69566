package widget

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	fynewidget "fyne.io/fyne/v2/widget"

	"tokenmeter/app/window/theme"
)

// press is what everything that can be clicked has in common: hover, focus, and Space or
// Return for the click.
type press struct {
	fynewidget.BaseWidget
	hovered, focused, off bool
	act                   func()
}

func (p *press) Tapped(*fyne.PointEvent) {
	if p.act != nil && !p.off {
		p.act()
	}
}

func (p *press) MouseIn(*desktop.MouseEvent) {
	p.hovered = true
	p.Refresh()
}
func (p *press) MouseMoved(*desktop.MouseEvent) {}
func (p *press) MouseOut() {
	p.hovered = false
	p.Refresh()
}
func (p *press) Cursor() desktop.Cursor { return desktop.PointerCursor }

func (p *press) FocusGained() {
	p.focused = true
	p.Refresh()
}
func (p *press) FocusLost() {
	p.focused = false
	p.Refresh()
}
func (p *press) TypedRune(rune) {}
func (p *press) TypedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeySpace, fyne.KeyReturn, fyne.KeyEnter:
		p.Tapped(nil)
	}
}

// ring makes the ring of a focused control with corners of the given radius.
func ring(radius float32) *Box {
	b := NewFrame(theme.Clear, theme.Accent, radius+2*theme.FocusRing, theme.FocusRing)
	b.Hide()
	return b
}

// around puts a ring about a control of the given size.
func around(r *Box, size fyne.Size) {
	const off = 2 * theme.FocusRing
	At(r, -off, -off, size.Width+2*off, size.Height+2*off)
}

// drawn is a renderer over objects that are made once; update brings them up to date.
type drawn struct {
	objects []fyne.CanvasObject
	min     func() fyne.Size
	layout  func(fyne.Size)
	update  func()
}

// newDrawn makes the renderer of a widget and lays it out: Fyne forgets the renderer of what
// has been hidden for a minute, and does not lay out the new one.
func newDrawn(w fyne.Widget, d drawn) *drawn {
	d.layout(w.Size())
	return &d
}

func (d *drawn) Destroy()                     {}
func (d *drawn) Objects() []fyne.CanvasObject { return d.objects }
func (d *drawn) MinSize() fyne.Size           { return d.min() }
func (d *drawn) Layout(size fyne.Size)        { d.layout(size) }
func (d *drawn) Refresh()                     { d.update() }
