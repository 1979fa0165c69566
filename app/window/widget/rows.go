package widget

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
)

// Rows is a list that scrolls. Only the rows that can be seen exist; they are filled anew
// as they come into view.
type Rows struct {
	*container.Scroll
	height float32
	count  func() int
	create func() fyne.CanvasObject
	fill   func(row int, object fyne.CanvasObject)
	body   *fyne.Container
	pool   []fyne.CanvasObject
	shown  int     // rows at the last Update
	width  float32 // of the rows; the list itself is wider by the scroll bar's room
}

// NewRows makes a list of rows of one height. count is the number of rows there are, create
// makes the object of a row, fill puts the content of a row into one.
func NewRows(height float32, count func() int, create func() fyne.CanvasObject, fill func(row int, object fyne.CanvasObject)) *Rows {
	r := &Rows{height: height, count: count, create: create, fill: fill}
	r.body = Place(
		func() fyne.Size { return fyne.NewSize(0, float32(r.count())*r.height) },
		func(fyne.Size) { r.arrange() })
	r.Scroll = container.NewVScroll(r.body)
	r.Scroll.OnScrolled = func(fyne.Position) { r.arrange() }
	return r
}

// Place lays the list out in a room of the given size, as high as the whole rows that fit,
// so that none is cut. The scroll bar stands in a gutter right of the room.
func (r *Rows) Place(x, y, width, height, gutter float32) {
	r.width = width
	At(r.Scroll, x, y, width+gutter, float32(int(height/r.height))*r.height)
	r.arrange()
}

// Update fills all rows in view anew, after the rows or their number changed.
func (r *Rows) Update() {
	if r.shown != r.count() {
		r.shown = r.count()
		r.Scroll.Refresh()
	}
	r.arrange()
}

// SetHeight changes the height of every row.
func (r *Rows) SetHeight(height float32) {
	if r.height != height {
		r.height = height
		r.Scroll.Refresh()
		r.arrange()
	}
}

// Reveal scrolls as little as needed to have a row in view.
func (r *Rows) Reveal(row int) {
	top, view := float32(row)*r.height, r.Scroll.Size().Height
	offset := r.Scroll.Offset
	switch {
	case top < offset.Y:
		offset.Y = top
	case top+r.height > offset.Y+view:
		offset.Y = top + r.height - view
	default:
		return
	}
	r.Scroll.ScrollToOffset(offset)
	r.arrange()
}

// ScrollBy scrolls by rows, as far as there are any.
func (r *Rows) ScrollBy(rows int) {
	offset := r.Scroll.Offset
	most := float32(r.count())*r.height - r.Scroll.Size().Height
	offset.Y = max(0, min(offset.Y+float32(rows)*r.height, most))
	r.Scroll.ScrollToOffset(offset)
	r.arrange()
}

// Page is how many whole rows are in view.
func (r *Rows) Page() int { return max(1, int(r.Scroll.Size().Height/r.height)) }

func (r *Rows) arrange() {
	size := r.Scroll.Size()
	if r.width <= 0 || size.Height <= 0 {
		return
	}
	first := max(0, int(r.Scroll.Offset.Y/r.height))
	visible := min(r.count()-first, int(size.Height/r.height)+2)
	for len(r.pool) < visible {
		o := r.create()
		r.pool = append(r.pool, o)
		r.body.Objects = append(r.body.Objects, o)
	}
	for i, o := range r.pool {
		if i >= visible {
			Show(o, false)
			continue
		}
		At(o, 0, float32(first+i)*r.height, r.width, r.height)
		r.fill(first+i, o)
		Show(o, true)
	}
}
