package theme

import (
	"math"

	"fyne.io/fyne/v2"
)

// Role is a step of the type scale.
type Role int

// The type scale. Names ending in Medium or SemiBold are the same step in that weight.
const (
	Display     Role = iota // 40/44, the one live number
	Headline                // 28/36, first run
	Figure                  // 24/28, figures of cards
	FigureSmall             // 20/24, tiles
	Title                   // 18/24, pages
	Brand                   // 14/20, the name in the rail
	Heading                 // 13/18 semi-bold, cards
	Intro                   // 14/20, the sentences of a page without figures
	Body                    // 13/18, rows
	BodyMedium
	Label // 12/16, table cells, buttons, chips
	LabelMedium
	LabelSemiBold
	Caption // 11/14, axes, units; nothing is smaller
	CaptionMedium
)

type step struct {
	size, line float32
	style      fyne.TextStyle
}

func (r Role) step() step {
	medium, semiBold := fyne.TextStyle{Italic: true}, fyne.TextStyle{Bold: true}
	switch r {
	case Display:
		return step{40, 44, semiBold}
	case Headline:
		return step{28, 36, semiBold}
	case Figure:
		return step{24, 28, semiBold}
	case FigureSmall:
		return step{20, 24, semiBold}
	case Title:
		return step{18, 24, semiBold}
	case Brand:
		return step{14, 20, semiBold}
	case Heading:
		return step{13, 18, semiBold}
	case Intro:
		return step{14, 20, fyne.TextStyle{}}
	case BodyMedium:
		return step{13, 18, medium}
	case Label:
		return step{12, 16, fyne.TextStyle{}}
	case LabelMedium:
		return step{12, 16, medium}
	case LabelSemiBold:
		return step{12, 16, semiBold}
	case Caption:
		return step{11, 14, fyne.TextStyle{}}
	case CaptionMedium:
		return step{11, 14, medium}
	}
	return step{13, 18, fyne.TextStyle{}}
}

// Size is the height of the type.
func (r Role) Size() float32 { return r.step().size }

// Line is the height of a line.
func (r Role) Line() float32 { return r.step().line }

// Style is the style under which Theme.Font finds the weight.
func (r Role) Style() fyne.TextStyle { return r.step().style }

// Width measures a text.
func (r Role) Width(text string) float32 {
	s := r.step()
	return fyne.MeasureText(text, s.size, s.style).Width
}

// Rise is where the top of a text belongs, from the top of its line, for its base line to
// lie where a browser would put it: on a whole unit, the room that is left over and under it
// alike. Fyne rounds the font's ascent up and would set every text a little low.
func (r Role) Rise() float32 {
	const ascent, descent = 1.025, .275 // of IBM Plex Sans, in parts of the size
	s := r.step()
	size := float64(s.size)
	over, under := math.Round(ascent*size), math.Round(descent*size)
	base := over + math.Floor((float64(s.line)-over-under)/2)
	return float32(base - math.Ceil(ascent*size))
}

// Distances, on a grid of four.
const (
	Grid           = 4
	PagePad        = 24
	PagePadNarrow  = 16
	CardGap        = 16
	CardGapNarrow  = 12
	CardPad        = 16
	RowGap         = 8
	RadiusCard     = 8
	RadiusControl  = 6
	RadiusTag      = 4
	RadiusBar      = 2
	RailWide       = 168
	RailNarrow     = 56
	SideCard       = 328
	SideCardNarrow = 272
	SideCardWide   = 400
	NarrowBelow    = 1000 // width of the window under which the narrow distances hold
	WideFrom       = 1400
	FocusRing      = 2 // width of the ring, and its distance
)
