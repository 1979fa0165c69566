package widget

import (
	"strconv"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"tokenmeter/app/window/theme"
)

// RailItem is a page of the rail.
type RailItem struct {
	Icon theme.IconName
	Name string
}

// RailFoot is the bottom of the rail: how fresh the data is, what it comes from, whether
// the network is used.
type RailFoot struct {
	Age, Agents, Network string
	Fresh                bool
}

// Rail is the list of pages at the left. It is as wide as it is laid out: under
// theme.RailWide it shows icons only.
type Rail struct {
	*fyne.Container
	items   []*railButton
	foot    [3]*Text
	dot     *Box
	hint    *Hint // says the foot where there is no room for it
	narrow  bool
	content RailFoot
}

// NewRail makes the rail; tips say what the narrow one has no room for, chosen is called
// with the number of an item.
func NewRail(items []RailItem, tips *Tips, chosen func(int)) *Rail {
	r := &Rail{hint: NewHint(tips)}
	mark, brand := NewPicture(theme.Mark), NewText(theme.Brand, theme.TextPrimary, "Tokenmeter")
	edge, rule := NewBox(theme.Border, 0), NewBox(theme.Border, 0)
	objects := []fyne.CanvasObject{edge, mark, brand, rule}
	for i, item := range items {
		b := newRailButton(item, i+1, tips, func() { chosen(i) })
		r.items = append(r.items, b)
		objects = append(objects, b)
	}
	r.dot = NewBox(theme.UnknownFill, 3)
	folder, lock := NewIcon(theme.IconFolder, theme.TextTertiary), NewIcon(theme.IconLock, theme.TextTertiary)
	objects = append(objects, r.dot, folder, lock, r.hint)
	for i := range r.foot {
		r.foot[i] = NewText(theme.Caption, theme.TextTertiary, "")
		objects = append(objects, r.foot[i])
	}
	r.Container = Place(nil, func(size fyne.Size) {
		r.narrow = size.Width < theme.RailWide
		pad := float32(12)
		if r.narrow {
			pad = 8
		}
		inner := size.Width - 2*pad - 1
		At(edge, size.Width-1, 0, 1, size.Height)
		At(mark, pad+4, 17, 22, 22)
		if r.narrow {
			At(mark, (size.Width-1-22)/2, 17, 22, 22)
		}
		Show(brand, !r.narrow)
		Line(brand, pad+36, 18, brand.Width())
		y := float32(60)
		for _, b := range r.items {
			At(b, pad, y, inner, 36)
			y += 40
		}
		Show(r.hint, r.narrow)
		Show(folder, !r.narrow)
		Show(lock, !r.narrow)
		for _, t := range r.foot {
			Show(t, !r.narrow)
		}
		if r.narrow {
			At(rule, pad, size.Height-45, inner, 1)
			At(r.dot, (size.Width-1-6)/2, size.Height-29, 6, 6)
			At(r.hint, pad, size.Height-44, inner, 36)
			return
		}
		y = size.Height - 76
		At(rule, pad, y-13, inner, 1)
		At(r.dot, pad+7, y+7, 6, 6)
		At(folder, pad+4, y+24, 12, 12)
		At(lock, pad+4, y+44, 12, 12)
		for i, t := range r.foot {
			Line(t, pad+24, y+3+float32(i)*20, inner-16)
		}
	}, objects...)
	return r
}

// Choose marks an item as the page that is shown.
func (r *Rail) Choose(item int) {
	for i, b := range r.items {
		if on := i == item; on != b.on {
			b.on = on
			b.Refresh()
		}
	}
}

// SetFoot changes the foot.
func (r *Rail) SetFoot(foot RailFoot) {
	if foot == r.content {
		return
	}
	r.content = foot
	r.hint.Set(foot.Age + ". " + foot.Agents + ". " + foot.Network + ".")
	r.dot.SetFill(choose(foot.Fresh, theme.Accent, theme.UnknownFill))
	for i, text := range [...]string{foot.Age, foot.Agents, foot.Network} {
		r.foot[i].Set(text)
	}
}

// railButton is one page in the rail.
type railButton struct {
	press
	item   RailItem
	number int
	tips   *Tips
	on     bool
}

func newRailButton(item RailItem, number int, tips *Tips, act func()) *railButton {
	b := &railButton{item: item, number: number, tips: tips}
	b.act = act
	b.ExtendBaseWidget(b)
	return b
}

// MouseIn says the name where there is only an icon.
func (b *railButton) MouseIn(e *desktop.MouseEvent) {
	b.press.MouseIn(e)
	if !b.wide() {
		b.tips.show(b, b.item.Name)
	}
}

// MouseOut is part of desktop.Hoverable.
func (b *railButton) MouseOut() {
	b.tips.hide(b)
	b.press.MouseOut()
}

// wide says that there is room for the name.
func (b *railButton) wide() bool { return b.Size().Width > 60 }

func (b *railButton) CreateRenderer() fyne.WidgetRenderer {
	focus, ground := ring(theme.RadiusControl), NewBox(theme.Clear, theme.RadiusControl)
	icon := NewIcon(b.item.Icon, theme.TextSecondary)
	name := NewText(theme.BodyMedium, theme.TextSecondary, b.item.Name)
	number := NewNumber(theme.Caption, theme.TextTertiary, strconv.Itoa(b.number))
	update := func() {
		Show(focus, b.focused)
		ground.SetFill(choose(b.on, theme.Raised, choose(b.hovered, theme.Hover, theme.Clear)))
		name.SetStyle(theme.BodyMedium, choose(b.on || b.hovered, theme.TextPrimary, theme.TextSecondary))
		colour := choose(b.on, theme.Accent, theme.TextSecondary)
		icon.Set(func() fyne.Resource { return theme.Icon(b.item.Icon, colour) })
	}
	update()
	return newDrawn(b, drawn{
		objects: []fyne.CanvasObject{focus, ground, icon, name, number},
		min:     func() fyne.Size { return fyne.NewSize(40, 36) },
		layout: func(size fyne.Size) {
			around(focus, size)
			At(ground, 0, 0, size.Width, size.Height)
			wide := b.wide()
			Show(name, wide)
			Show(number, wide)
			if !wide {
				At(icon, (size.Width-20)/2, 8, 20, 20)
				return
			}
			At(icon, 10, 8, 20, 20)
			Line(name, 42, 9, size.Width-42-24)
			Line(number, size.Width-10-20, 11, 20)
		},
		update: update,
	})
}
