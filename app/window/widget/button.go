package widget

import (
	"fyne.io/fyne/v2"

	"tokenmeter/app/window/theme"
)

// Button starts something. At most one of a view is the primary one.
type Button struct {
	press
	icon    theme.IconName // "" = none
	text    *Text
	primary bool
}

// NewButton makes a button with a border.
func NewButton(icon theme.IconName, text string, act func()) *Button {
	b := &Button{icon: icon, text: NewText(theme.LabelMedium, theme.TextPrimary, text)}
	b.act = act
	b.ExtendBaseWidget(b)
	return b
}

// NewPrimaryButton makes the button that a view wants pressed.
func NewPrimaryButton(icon theme.IconName, text string, act func()) *Button {
	b := NewButton(icon, text, act)
	b.primary = true
	b.text.SetStyle(theme.LabelMedium, theme.OnAccent)
	return b
}

// CreateRenderer is part of fyne.Widget.
func (b *Button) CreateRenderer() fyne.WidgetRenderer {
	ground, focus := NewFrame(theme.Surface, theme.Border, theme.RadiusControl, 1), ring(theme.RadiusControl)
	objects := []fyne.CanvasObject{focus, ground, b.text}
	colour := theme.TextPrimary
	if b.primary {
		ground = NewBox(theme.Accent, theme.RadiusControl)
		objects[1] = ground
		colour = theme.OnAccent
	}
	var icon *Picture
	if b.icon != "" {
		icon = NewIcon(b.icon, colour)
		objects = append(objects, icon)
	}
	const pad, iconSize, gap = 13, 14, 6
	start := float32(pad)
	if icon != nil {
		start += iconSize + gap
	}
	update := func() {
		Show(focus, b.focused)
		if !b.primary {
			ground.SetFill(choose(b.hovered, theme.Hover, theme.Surface))
		}
	}
	update()
	return newDrawn(b, drawn{
		objects: objects,
		min:     func() fyne.Size { return fyne.NewSize(start+b.text.Width()+pad, 32) },
		layout: func(size fyne.Size) {
			around(focus, size)
			At(ground, 0, 0, size.Width, size.Height)
			if icon != nil {
				At(icon, pad, (size.Height-iconSize)/2, iconSize, iconSize)
			}
			Line(b.text, start, (size.Height-b.text.Line())/2, b.text.Width())
		},
		update: update,
	})
}

func choose(yes bool, a, b fyne.ThemeColorName) fyne.ThemeColorName {
	if yes {
		return a
	}
	return b
}

// Link is words in the accent colour that can be clicked.
type Link struct {
	press
	text *Text
}

// NewLink makes a link.
func NewLink(text string, act func()) *Link {
	l := &Link{text: NewText(theme.LabelMedium, theme.Accent, text)}
	l.act = act
	l.ExtendBaseWidget(l)
	return l
}

// Set changes the words.
func (l *Link) Set(text string) { l.text.Set(text) }

// CreateRenderer is part of fyne.Widget.
func (l *Link) CreateRenderer() fyne.WidgetRenderer {
	focus, under := ring(theme.RadiusTag), NewBox(theme.Accent, 0)
	under.Hide()
	return newDrawn(l, drawn{
		objects: []fyne.CanvasObject{focus, l.text, under},
		min:     func() fyne.Size { return fyne.NewSize(l.text.Width(), l.text.Line()) },
		layout: func(size fyne.Size) {
			around(focus, size)
			At(l.text, 0, 0, size.Width, size.Height)
			At(under, 0, size.Height-1, size.Width, 1)
		},
		update: func() {
			Show(focus, l.focused)
			Show(under, l.hovered)
		},
	})
}
