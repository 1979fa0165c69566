package widget

import (
	"fyne.io/fyne/v2"
	fynewidget "fyne.io/fyne/v2/widget"

	"tokenmeter/app/window/theme"
)

// Keys takes the keyboard for a list of rows. It lies under the list and shows a ring round
// it while it has the focus.
type Keys struct {
	fynewidget.BaseWidget
	rows    *Rows
	bleed   float32 // distance of the ring at the sides
	move    func(by int)
	lost    func()
	focused bool
}

// NewKeys makes the keyboard of a list. move is told by how many rows to go, lost that the
// focus is gone; both may be nil, then the keys scroll.
func NewKeys(rows *Rows, bleed float32, move func(by int), lost func()) *Keys {
	k := &Keys{rows: rows, bleed: bleed, move: move, lost: lost}
	if move == nil {
		k.move = rows.ScrollBy
	}
	k.ExtendBaseWidget(k)
	return k
}

// FocusGained is part of fyne.Focusable.
func (k *Keys) FocusGained() {
	k.focused = true
	k.Refresh()
}

// FocusLost is part of fyne.Focusable.
func (k *Keys) FocusLost() {
	k.focused = false
	if k.lost != nil {
		k.lost()
	}
	k.Refresh()
}

// TypedRune is part of fyne.Focusable.
func (k *Keys) TypedRune(rune) {}

// TypedKey is part of fyne.Focusable.
func (k *Keys) TypedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeyUp:
		k.move(-1)
	case fyne.KeyDown:
		k.move(1)
	case fyne.KeyPageUp:
		k.move(-k.rows.Page())
	case fyne.KeyPageDown:
		k.move(k.rows.Page())
	case fyne.KeyHome:
		k.move(-k.rows.count())
	case fyne.KeyEnd:
		k.move(k.rows.count())
	}
}

// CreateRenderer is part of fyne.Widget.
func (k *Keys) CreateRenderer() fyne.WidgetRenderer {
	focus := ring(theme.RadiusTag)
	return newDrawn(k, drawn{
		objects: []fyne.CanvasObject{focus},
		min:     func() fyne.Size { return fyne.Size{} },
		layout:  func(size fyne.Size) { At(focus, -k.bleed, -4, size.Width+2*k.bleed, size.Height+8) },
		update:  func() { Show(focus, k.focused) },
	})
}
