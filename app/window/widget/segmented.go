package widget

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"tokenmeter/app/window/theme"
)

// Segmented chooses one of a few.
type Segmented struct {
	press
	options []*Text
	grounds []*Box
	chosen  int
	over    int // option under the pointer, -1 = none
	changed func(int)
}

// NewSegmented makes the control; changed is called when a person chooses another option.
func NewSegmented(options []string, chosen int, changed func(int)) *Segmented {
	s := &Segmented{chosen: chosen, over: -1, changed: changed}
	for _, o := range options {
		s.options = append(s.options, NewText(theme.LabelMedium, theme.TextSecondary, o).Centre())
		s.grounds = append(s.grounds, NewBox(theme.Clear, theme.RadiusTag))
	}
	s.ExtendBaseWidget(s)
	return s
}

// Chosen is the option that is chosen.
func (s *Segmented) Chosen() int { return s.chosen }

// Choose sets the option without calling back.
func (s *Segmented) Choose(option int) {
	if option == s.chosen {
		return
	}
	s.chosen = option
	s.Refresh()
}

func (s *Segmented) choose(option int) {
	if option < 0 || option >= len(s.options) || option == s.chosen {
		return
	}
	s.Choose(option)
	s.changed(option)
}

// MinSize is part of fyne.CanvasObject.
func (s *Segmented) MinSize() fyne.Size {
	width := float32(4)
	for _, o := range s.options {
		width += o.Width() + 20
	}
	return fyne.NewSize(width, 28)
}

// at is the option at a distance from the left.
func (s *Segmented) at(x float32) int {
	for i, g := range s.grounds {
		if x >= g.Position().X && x < g.Position().X+g.Size().Width {
			return i
		}
	}
	return -1
}

// Tapped is part of fyne.Tappable.
func (s *Segmented) Tapped(e *fyne.PointEvent) {
	if e != nil {
		s.choose(s.at(e.Position.X))
	}
}

// MouseMoved is part of desktop.Hoverable.
func (s *Segmented) MouseMoved(e *desktop.MouseEvent) {
	if over := s.at(e.Position.X); over != s.over {
		s.over = over
		s.Refresh()
	}
}

// MouseOut is part of desktop.Hoverable.
func (s *Segmented) MouseOut() {
	s.over = -1
	s.press.MouseOut()
}

// TypedKey is part of fyne.Focusable.
func (s *Segmented) TypedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeyLeft:
		s.choose(s.chosen - 1)
	case fyne.KeyRight:
		s.choose(s.chosen + 1)
	case fyne.KeyHome:
		s.choose(0)
	case fyne.KeyEnd:
		s.choose(len(s.options) - 1)
	}
}

// CreateRenderer is part of fyne.Widget.
func (s *Segmented) CreateRenderer() fyne.WidgetRenderer {
	focus, frame := ring(theme.RadiusControl), NewFrame(theme.Surface, theme.Border, theme.RadiusControl, 1)
	objects := []fyne.CanvasObject{focus, frame}
	for i, o := range s.options {
		objects = append(objects, s.grounds[i], o)
	}
	update := func() {
		Show(focus, s.focused)
		for i, o := range s.options {
			switch i {
			case s.chosen:
				s.grounds[i].SetFill(theme.AccentWeak)
				o.SetStyle(theme.LabelMedium, theme.Accent)
			case s.over:
				s.grounds[i].SetFill(theme.Hover)
				o.SetStyle(theme.LabelMedium, theme.TextPrimary)
			default:
				s.grounds[i].SetFill(theme.Clear)
				o.SetStyle(theme.LabelMedium, theme.TextSecondary)
			}
		}
	}
	update()
	return newDrawn(s, drawn{
		objects: objects,
		min:     s.MinSize,
		layout: func(size fyne.Size) {
			around(focus, size)
			At(frame, 0, 0, size.Width, size.Height)
			x := float32(2)
			for i, o := range s.options {
				width := o.Width() + 20
				At(s.grounds[i], x, 2, width, size.Height-4)
				Line(o, x, (size.Height-o.Line())/2, width)
				x += width
			}
		},
		update: update,
	})
}
