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
	count  int
	create func() fyne.CanvasObject
	fill   func(row int, object fyne.CanvasObject)
	body   *fyne.Container
	pool   []fyne.CanvasObject
}

// NewRows makes an empty list of rows of one height. create makes the object of a row,
// fill puts the content of a row into one.
func NewRows(height float32, create func() fyne.CanvasObject, fill func(row int, object fyne.CanvasObject)) *Rows {
	r := &Rows{height: height, create: create, fill: fill}
	r.body = Place(
		func() fyne.Size { return fyne.NewSize(0, float32(r.count)*r.height) },
		func(fyne.Size) { r.arrange() })
	r.Scroll = container.NewVScroll(r.body)
	r.Scroll.OnScrolled = func(fyne.Position) { r.arrange() }
	return r
}

// SetCount says how many rows there are; all that are in view are filled anew.
func (r *Rows) SetCount(count int) {
	grown := count != r.count
	r.count = count
	if grown {
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

// Page is how many whole rows are in view.
func (r *Rows) Page() int { return max(1, int(r.Scroll.Size().Height/r.height)) }

func (r *Rows) arrange() {
	size := r.Scroll.Size()
	if size.Width <= 0 || size.Height <= 0 {
		return
	}
	first := max(0, int(r.Scroll.Offset.Y/r.height))
	visible := min(r.count-first, int(size.Height/r.height)+2)
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
		At(o, 0, float32(first+i)*r.height, size.Width, r.height)
		r.fill(first+i, o)
		Show(o, true)
	}
}
