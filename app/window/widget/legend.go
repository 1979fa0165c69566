package widget

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"tokenmeter/app/window/theme"
)

// Key is one entry of a chart's legend: a swatch, a name, perhaps a value. A click switches
// its series, a double click shows it alone; by keyboard that is Space and Return.
type Key struct {
	press
	swatch, outline *Box
	name, value     *Text
	off             bool
	isolate         func()
	plain           bool // says something only, cannot be switched
	noValue         bool
}

// NewKey makes an entry. Without callbacks it cannot be switched.
func NewKey(toggle, isolate func()) *Key {
	k := &Key{
		swatch:  NewBox(theme.Clear, 2),
		outline: NewFrame(theme.Clear, theme.BorderStrong, 2, 1),
		name:    NewText(theme.Label, theme.TextSecondary, ""),
		value:   NewText(theme.LabelMedium, theme.TextPrimary, ""),
		isolate: isolate, plain: toggle == nil,
	}
	k.act = toggle
	k.ExtendBaseWidget(k)
	return k
}

// Set changes the entry; off is a series that is switched off.
func (k *Key) Set(colour fyne.ThemeColorName, name, value string, off bool) {
	k.swatch.SetFill(colour)
	k.name.Set(name)
	k.value.Set(value)
	if off != k.off {
		k.off = off
		k.Refresh()
	}
}

// Width is the room that the entry needs, with its value or without.
func (k *Key) Width(withValue bool) float32 {
	width := 15 + k.name.Width()
	if withValue && k.value.Text() != "" {
		width += 4 + k.value.Width()
	}
	return width
}

// ShowValue says whether there is room for the value.
func (k *Key) ShowValue(show bool) {
	if k.noValue == show {
		k.noValue = !show
		k.Refresh()
	}
}

// Tapped does nothing: the release of the button has switched already, because Fyne holds
// back the tap of what can be double-tapped.
func (k *Key) Tapped(*fyne.PointEvent) {}

// MouseDown is part of desktop.Mouseable.
func (k *Key) MouseDown(*desktop.MouseEvent) {}

// MouseUp is part of desktop.Mouseable.
func (k *Key) MouseUp(e *desktop.MouseEvent) {
	inside := e.Position.X >= 0 && e.Position.Y >= 0 && e.Position.X < k.Size().Width && e.Position.Y < k.Size().Height
	if inside && e.Button == desktop.MouseButtonPrimary && k.act != nil {
		k.act()
	}
}

// DoubleTapped is part of fyne.DoubleTappable.
func (k *Key) DoubleTapped(*fyne.PointEvent) {
	if k.isolate != nil {
		k.isolate()
	}
}

// TypedKey is part of fyne.Focusable.
func (k *Key) TypedKey(e *fyne.KeyEvent) {
	switch {
	case e.Name == fyne.KeySpace && k.act != nil:
		k.act()
	case (e.Name == fyne.KeyReturn || e.Name == fyne.KeyEnter) && k.isolate != nil:
		k.isolate()
	}
}

// Cursor is part of desktop.Cursorable.
func (k *Key) Cursor() desktop.Cursor {
	if k.plain {
		return desktop.DefaultCursor
	}
	return desktop.PointerCursor
}

// CreateRenderer is part of fyne.Widget.
func (k *Key) CreateRenderer() fyne.WidgetRenderer {
	focus := ring(theme.RadiusTag)
	layout := func(size fyne.Size) {
		around(focus, size)
		At(k.swatch, 0, 3, 9, 9)
		At(k.outline, 0, 3, 9, 9)
		name := min(k.name.Width(), max(0, size.Width-15))
		Line(k.name, 15, 0, name)
		Line(k.value, 15+name+4, 0, k.value.Width())
	}
	update := func() {
		Show(focus, k.focused)
		Show(k.swatch, !k.off)
		Show(k.outline, k.off)
		Show(k.value, !k.off && !k.noValue)
		colour := choose(k.hovered && !k.plain, theme.TextPrimary, theme.TextSecondary)
		k.name.SetStyle(theme.Label, choose(k.off, theme.TextTertiary, colour))
		layout(k.Size())
	}
	update()
	return newDrawn(k, drawn{
		objects: []fyne.CanvasObject{focus, k.swatch, k.outline, k.name, k.value},
		min:     func() fyne.Size { return fyne.NewSize(k.Width(!k.noValue), 16) },
		layout:  layout,
		update:  update,
	})
}
