package widget

import "fyne.io/fyne/v2"

// Place is a container whose objects a function puts where they belong. min may be nil.
func Place(min func() fyne.Size, place func(size fyne.Size), objects ...fyne.CanvasObject) *fyne.Container {
	return &fyne.Container{Layout: placed{min, place}, Objects: objects}
}

type placed struct {
	min   func() fyne.Size
	place func(fyne.Size)
}

func (p placed) Layout(_ []fyne.CanvasObject, size fyne.Size) { p.place(size) }

func (p placed) MinSize([]fyne.CanvasObject) fyne.Size {
	if p.min == nil {
		return fyne.Size{}
	}
	return p.min()
}

// At puts an object at a place and gives it a size.
func At(o fyne.CanvasObject, x, y, width, height float32) {
	position, size := fyne.NewPos(x, y), fyne.NewSize(width, height)
	if o.Position() != position {
		o.Move(position)
	}
	if o.Size() != size {
		o.Resize(size)
	}
}

// Line puts a text at a place, as high as its line.
func Line(t *Text, x, y, width float32) { At(t, x, y, width, t.Line()) }

// Show shows or hides an object, if that is a change.
func Show(o fyne.CanvasObject, visible bool) {
	if o.Visible() == visible {
		return
	}
	if visible {
		o.Show()
		return
	}
	o.Hide()
}
