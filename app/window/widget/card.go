package widget

import (
	"fyne.io/fyne/v2"

	"tokenmeter/app/window/theme"
)

// Card is a ground with a border that holds something, under a heading or none.
type Card struct {
	*fyne.Container
	Heading *Text // 13 px semi-bold
	Note    *Text // beside the heading
	Right   *Text // at the right of the heading's row
}

// NewCard makes a card; place puts the content into the room under the heading's row (or
// from the card's top where heading is empty), given as position and size.
func NewCard(heading string, place func(at fyne.Position, size fyne.Size), content ...fyne.CanvasObject) *Card {
	c := &Card{
		Heading: NewText(theme.Heading, theme.TextPrimary, heading),
		Note:    NewText(theme.Body, theme.TextTertiary, ""),
		Right:   NewNumber(theme.Caption, theme.TextTertiary, ""),
	}
	ground := NewFrame(theme.Surface, theme.Border, theme.RadiusCard, 1)
	objects := append([]fyne.CanvasObject{ground, c.Heading, c.Note, c.Right}, content...)
	c.Container = Place(nil, func(size fyne.Size) {
		const pad = theme.CardPad
		At(ground, 0, 0, size.Width, size.Height)
		inner := fyne.NewSize(size.Width-2*pad, size.Height-2*pad)
		at := fyne.NewPos(pad, pad)
		if c.Heading.Text() != "" {
			Line(c.Heading, pad, pad+1, c.Heading.Width())
			right := c.Right.Width()
			left := pad + c.Heading.Width() + theme.RowGap
			Line(c.Note, left, pad+1, max(0, min(c.Note.Width(), size.Width-pad-right-left)))
			Line(c.Right, size.Width-pad-right, pad+3, right)
			at.Y += 20
			inner.Height -= 20
		}
		place(at, inner)
	}, objects...)
	return c
}

// SetNote changes the words beside the heading.
func (c *Card) SetNote(text string) { c.relay(c.Note, text) }

// SetRight changes the words at the right of the heading's row.
func (c *Card) SetRight(text string) { c.relay(c.Right, text) }

// SetHeading changes the heading.
func (c *Card) SetHeading(text string) { c.relay(c.Heading, text) }

func (c *Card) relay(t *Text, text string) {
	if t.Text() == text {
		return
	}
	t.Set(text)
	c.Container.Layout.Layout(c.Container.Objects, c.Container.Size())
}

// Tile is a small card with one figure: label, figure, caption.
type Tile struct {
	*fyne.Container
	Narrow bool // closer to its edges

	label, figure, caption *Text
	hint                   *Hint
	exact                  string
}

// NewTile makes an empty tile; tips shows the exact figure.
func NewTile(tips *Tips) *Tile {
	t := &Tile{
		label:   NewText(theme.Label, theme.TextSecondary, ""),
		figure:  NewText(theme.FigureSmall, theme.TextPrimary, ""),
		caption: NewText(theme.Caption, theme.TextTertiary, ""),
		hint:    NewHint(tips),
	}
	ground := NewFrame(theme.Surface, theme.Border, theme.RadiusCard, 1)
	t.Container = Place(nil, func(size fyne.Size) {
		pad := t.pad()
		inner := size.Width - 2*pad
		At(ground, 0, 0, size.Width, size.Height)
		Line(t.label, pad, 11, inner)
		Line(t.figure, pad, 29, inner)
		Line(t.caption, pad, 54, inner)
		At(t.hint, 0, 0, size.Width, size.Height)
		t.say()
	}, ground, t.label, t.figure, t.caption, t.hint)
	return t
}

func (t *Tile) pad() float32 {
	if t.Narrow {
		return 10
	}
	return theme.CardPad
}

// say has the hint tell the exact figure, and the caption where it is cut.
func (t *Tile) say() {
	text := t.exact
	if t.caption.Short() {
		text = t.caption.Text()
		if t.exact != "" {
			text = t.exact + ", " + text
		}
	}
	t.hint.Set(text)
}

// Need is the width at which nothing is cut.
func (t *Tile) Need() float32 {
	return max(t.label.Width(), t.figure.Width(), t.caption.Width()) + 2*t.pad()
}

// Set changes what the tile shows.
func (t *Tile) Set(label, figure, caption, exact string) {
	t.label.Set(label)
	t.figure.Set(figure)
	t.caption.Set(caption)
	t.exact = exact
	t.Container.Layout.Layout(t.Container.Objects, t.Container.Size())
}

// Skeleton stands in for a page that is not filled yet: flat bars, which do not move.
func Skeleton() *fyne.Container {
	bars := make([]fyne.CanvasObject, 4)
	for i := range bars {
		bars[i] = NewBox(theme.Track, theme.RadiusTag)
	}
	return Place(nil, func(size fyne.Size) {
		for i, share := range [...]float32{.4, .7, .55, .3} {
			At(bars[i], 0, float32(i)*20, size.Width*share, 10)
		}
	}, bars...)
}
