package widget

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	fynewidget "fyne.io/fyne/v2/widget"

	"tokenmeter/app/window/theme"
)

// Tips is the layer above a page in which tooltips are shown, one at a time. Its Object
// belongs on top of the page and must have the page's size.
type Tips struct {
	Object *fyne.Container
	ground *Box
	text   *Text
	owner  fyne.CanvasObject
}

// NewTips makes an empty layer.
func NewTips() *Tips {
	t := &Tips{
		ground: NewFrame(theme.TooltipGround, theme.BorderStrong, theme.RadiusControl, 1),
		text:   NewText(theme.Label, theme.TextPrimary, ""),
	}
	t.ground.Hide()
	t.text.Hide()
	t.Object = Place(nil, func(fyne.Size) {}, t.ground, t.text)
	return t
}

// show puts a text over its owner, or under it where there is no room above.
func (t *Tips) show(owner fyne.CanvasObject, text string) {
	driver := fyne.CurrentApp().Driver()
	origin := driver.AbsolutePositionForObject(t.Object)
	at := driver.AbsolutePositionForObject(owner).SubtractXY(origin.X, origin.Y)
	t.owner = owner
	t.text.Set(text)
	width, height := t.text.Width()+20, t.text.Line()+12
	x := min(at.X, t.Object.Size().Width-width-4)
	y := at.Y - height - 4
	if y < 4 {
		y = at.Y + owner.Size().Height + 4
	}
	At(t.ground, x, y, width, height)
	Line(t.text, x+10, y+6, t.text.Width())
	Show(t.ground, true)
	Show(t.text, true)
	t.Object.Refresh()
}

func (t *Tips) hide(owner fyne.CanvasObject) {
	if t.owner != owner {
		return
	}
	t.owner = nil
	Show(t.ground, false)
	Show(t.text, false)
}

// Hint is an area without a look that shows a text in the tips while the pointer is on it.
type Hint struct {
	fynewidget.BaseWidget
	tips *Tips
	text string
}

// NewHint makes an area that has nothing to say yet.
func NewHint(tips *Tips) *Hint {
	h := &Hint{tips: tips}
	h.ExtendBaseWidget(h)
	return h
}

// Set changes the text; an empty one shows nothing.
func (h *Hint) Set(text string) {
	if h.text == text {
		return
	}
	h.text = text
	if h.tips.owner == fyne.CanvasObject(h) {
		if text == "" {
			h.tips.hide(h)
			return
		}
		h.tips.show(h, text)
	}
}

// MouseIn is part of desktop.Hoverable.
func (h *Hint) MouseIn(*desktop.MouseEvent) {
	if h.text != "" {
		h.tips.show(h, h.text)
	}
}

// MouseMoved is part of desktop.Hoverable.
func (h *Hint) MouseMoved(*desktop.MouseEvent) {}

// MouseOut is part of desktop.Hoverable.
func (h *Hint) MouseOut() { h.tips.hide(h) }

// CreateRenderer is part of fyne.Widget.
func (h *Hint) CreateRenderer() fyne.WidgetRenderer {
	return newDrawn(h, drawn{min: func() fyne.Size { return fyne.Size{} }, layout: func(fyne.Size) {}, update: func() {}})
}
