package widget

import (
	"fyne.io/fyne/v2"

	"tokenmeter/app/window/theme"
)

// LookedAt is one line of the empty state: who, where, and what was found.
type LookedAt struct{ Name, Where, State string }

// Empty is what a page shows when there is nothing to show: a dashed ring, a headline,
// two lines, one action, and where was looked.
type Empty struct {
	*fyne.Container
	headline *Text
	lines    [2]*Text
	places   *Card
	rows     [][3]*Text
	rules    []*Box
	width    float32
	text     string
}

// NewEmpty makes the empty state. act may be nil, then there is no button.
func NewEmpty(action string, act func()) *Empty {
	e := &Empty{headline: NewText(theme.Figure, theme.TextPrimary, "")}
	for i := range e.lines {
		e.lines[i] = NewText(theme.Intro, theme.TextSecondary, "")
	}
	ring := NewPicture(func() fyne.Resource { return theme.DashedRing(theme.BorderStrong, 84, 12, 12, .62) })
	objects := []fyne.CanvasObject{ring, e.headline, e.lines[0], e.lines[1]}
	var button *Button
	if act != nil {
		button = NewPrimaryButton(theme.IconPlay, action, act)
		objects = append(objects, button)
	}
	e.places = NewCard("Where we looked", e.placeRows)
	objects = append(objects, e.places.Container)
	e.Container = Place(nil, func(size fyne.Size) {
		width := min(size.Width, 640)
		cardHeight := float32(20 + 2*theme.CardPad + 32*len(e.rows))
		height := float32(138)
		if button != nil {
			height += 32
		}
		height += cardHeight
		x, y := (size.Width-width)/2, max(0, (size.Height-height)*.4)
		x, y = float32(int(x)), float32(int(y))
		e.width = width - 112
		e.wrap()
		At(ring, x+2, y, 84, 84)
		Line(e.headline, x+112, y+6, width-112)
		Line(e.lines[0], x+112, y+42, width-112)
		Line(e.lines[1], x+112, y+62, width-112)
		y += 106
		if button != nil {
			At(button, x+112, y, button.MinSize().Width, 32)
			y += 64
		}
		At(e.places.Container, x, y, width, min(cardHeight, size.Height-y))
	}, objects...)
	return e
}

func (e *Empty) placeRows(at fyne.Position, size fyne.Size) {
	const name = 136
	for i, row := range e.rows {
		y := at.Y + 4 + float32(i)*32
		visible := y+24 <= at.Y+size.Height+theme.CardPad
		for _, t := range row {
			Show(t, visible)
		}
		Show(e.rules[i], visible && i > 0)
		state := min(row[2].Width(), size.Width/3)
		Line(row[0], at.X, y+8, name-8)
		Line(row[1], at.X+name, y+8, size.Width-name-state-12)
		Line(row[2], at.X+size.Width-state, y+8, state)
		At(e.rules[i], at.X, y, size.Width, 1)
	}
}

// wrap breaks the text over the two lines.
func (e *Empty) wrap() {
	first, second := e.text, ""
	if theme.Intro.Width(e.text) > e.width {
		for i := len(e.text) - 1; i > 0; i-- {
			if e.text[i] == ' ' && theme.Intro.Width(e.text[:i]) <= e.width {
				first, second = e.text[:i], e.text[i+1:]
				break
			}
		}
	}
	e.lines[0].Set(first)
	e.lines[1].Set(second)
}

// Set changes what is said.
func (e *Empty) Set(headline, text string, places []LookedAt) {
	e.headline.Set(headline)
	e.text = text
	for len(e.rows) < len(places) {
		row := [3]*Text{
			NewText(theme.LabelMedium, theme.TextPrimary, ""),
			NewText(theme.Label, theme.TextSecondary, ""),
			NewNumber(theme.Label, theme.TextSecondary, ""),
		}
		rule := NewBox(theme.Gridline, 0)
		e.rows, e.rules = append(e.rows, row), append(e.rules, rule)
		for _, o := range []fyne.CanvasObject{rule, row[0], row[1], row[2]} {
			e.places.Container.Add(o)
		}
	}
	for len(e.rows) > len(places) {
		last := len(e.rows) - 1
		for _, t := range e.rows[last] {
			e.places.Container.Remove(t)
		}
		e.places.Container.Remove(e.rules[last])
		e.rows, e.rules = e.rows[:last], e.rules[:last]
	}
	for i, p := range places {
		e.rows[i][0].Set(p.Name)
		e.rows[i][1].Set(p.Where)
		e.rows[i][2].Set(p.State)
	}
	Show(e.places.Container, len(places) > 0)
	e.Container.Layout.Layout(e.Container.Objects, e.Container.Size())
	e.Container.Refresh()
}
