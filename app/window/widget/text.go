package widget

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	fynewidget "fyne.io/fyne/v2/widget"

	"tokenmeter/app/window/theme"
)

// Text is one line in a role of the type scale and a colour of the theme. It follows a
// change of the theme, and ends in an ellipsis where its room is too small.
type Text struct {
	fynewidget.BaseWidget
	text   string
	role   theme.Role
	colour fyne.ThemeColorName
	align  fyne.TextAlign
}

// NewText makes a line that starts at the left.
func NewText(role theme.Role, colour fyne.ThemeColorName, text string) *Text {
	t := &Text{text: text, role: role, colour: colour}
	t.ExtendBaseWidget(t)
	return t
}

// NewNumber makes a line that ends at the right, as figures do.
func NewNumber(role theme.Role, colour fyne.ThemeColorName, text string) *Text {
	t := NewText(role, colour, text)
	t.align = fyne.TextAlignTrailing
	return t
}

// Centre makes the text stand in the middle of its room.
func (t *Text) Centre() *Text {
	t.align = fyne.TextAlignCenter
	return t
}

// Set changes the text.
func (t *Text) Set(text string) {
	if t.text == text {
		return
	}
	t.text = text
	t.Refresh()
}

// SetStyle changes role and colour.
func (t *Text) SetStyle(role theme.Role, colour fyne.ThemeColorName) {
	if t.role == role && t.colour == colour {
		return
	}
	t.role, t.colour = role, colour
	t.Refresh()
}

// Text is what is set, also where only a part of it is shown.
func (t *Text) Text() string { return t.text }

// Width is the room that the whole text needs.
func (t *Text) Width() float32 {
	if t.text == "" {
		return 0
	}
	return ceil(t.role.Width(t.text))
}

// Line is the height of the line.
func (t *Text) Line() float32 { return t.role.Line() }

// Short reports whether the room is too small for the whole text.
func (t *Text) Short() bool { return t.Width() > t.Size().Width }

// CreateRenderer is part of fyne.Widget.
func (t *Text) CreateRenderer() fyne.WidgetRenderer {
	r := &textRenderer{text: t, line: canvas.NewText("", theme.Colour(t.colour))}
	r.style()
	r.Layout(t.Size())
	return r
}

type textRenderer struct {
	text  *Text
	line  *canvas.Text
	shown string // the text that line.Text was fitted for
	width float32
	role  theme.Role
}

func (r *textRenderer) Destroy()                     {}
func (r *textRenderer) Objects() []fyne.CanvasObject { return []fyne.CanvasObject{r.line} }

func (r *textRenderer) MinSize() fyne.Size { return fyne.NewSize(r.text.Width(), r.text.role.Line()) }

func (r *textRenderer) Layout(size fyne.Size) {
	r.fit(size.Width)
	r.place(size.Width)
}

func (r *textRenderer) Refresh() {
	r.style()
	r.fit(r.text.Size().Width)
	r.place(r.text.Size().Width)
	r.line.Refresh()
}

// place gives the line its own height, or Fyne would put it in the middle of more.
func (r *textRenderer) place(width float32) {
	At(r.line, 0, r.text.role.Rise(), width, r.line.MinSize().Height)
}

func (r *textRenderer) style() {
	r.line.Color = theme.Colour(r.text.colour)
	r.line.TextSize = r.text.role.Size()
	r.line.TextStyle = r.text.role.Style()
	r.line.Alignment = r.text.align
}

// fit puts as much of the text into the line as there is room for.
func (r *textRenderer) fit(width float32) {
	if r.shown == r.text.text && r.width == width && r.role == r.text.role {
		return
	}
	r.shown, r.width, r.role = r.text.text, width, r.text.role
	r.line.Text = Shorten(r.text.text, width, r.text.role)
}

// Shorten cuts a text to a width and ends it in an ellipsis, if it must be cut.
func Shorten(text string, width float32, role theme.Role) string {
	if width <= 0 || role.Width(text) <= width+.5 {
		return text
	}
	runes := []rune(text)
	low, high := 0, len(runes)-1
	for low < high {
		middle := (low + high + 1) / 2
		if role.Width(string(runes[:middle])+"…") <= width {
			low = middle
		} else {
			high = middle - 1
		}
	}
	if low == 0 {
		return "…"
	}
	return string(runes[:low]) + "…"
}

func ceil(v float32) float32 {
	whole := float32(int(v))
	if whole < v {
		whole++
	}
	return whole
}
