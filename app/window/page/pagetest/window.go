package pagetest

import (
	"image"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"tokenmeter/app/window/theme"
	"tokenmeter/app/window/widget"
)

// Window shows a page without the rail. The app and its theme must be there already.
func Window(t *testing.T, page *fyne.Container, tips *widget.Tips, fit func(float32), width, height float32) fyne.Window {
	t.Helper()
	w := test.NewWindow(nil)
	t.Cleanup(w.Close)
	w.SetPadded(false)
	ground := widget.NewBox(theme.Background, 0)
	w.SetContent(widget.Place(nil, func(size fyne.Size) {
		fit(width)
		widget.At(ground, 0, 0, size.Width, size.Height)
		rail := float32(theme.RailWide)
		if width < theme.NarrowBelow {
			rail = theme.RailNarrow
		}
		widget.At(page, 0, 0, size.Width-rail, size.Height)
		widget.At(tips.Object, 0, 0, size.Width, size.Height)
	}, ground, page, tips.Object))
	w.Resize(fyne.NewSize(width, height))
	return w
}

// Walk visits what can be seen. (Fyne's own LaidOutObjects would make second renderers.)
func Walk(o fyne.CanvasObject, visit func(fyne.CanvasObject)) {
	if !o.Visible() {
		return
	}
	visit(o)
	switch o := o.(type) {
	case *fyne.Container:
		for _, child := range o.Objects {
			Walk(child, visit)
		}
	case fyne.Widget:
		for _, child := range test.WidgetRenderer(o).Objects() {
			Walk(child, visit)
		}
	}
}

func eachText(w fyne.Window, visit func(*widget.Text)) {
	Walk(w.Content(), func(o fyne.CanvasObject) {
		if t, ok := o.(*widget.Text); ok && t.Text() != "" {
			visit(t)
		}
	})
}

// Texts are the words that can be seen, from the bottom layer up.
func Texts(w fyne.Window) []string {
	var list []string
	eachText(w, func(t *widget.Text) { list = append(list, t.Text()) })
	return list
}

// Short are the texts that are cut because their room is too small.
func Short(w fyne.Window) []string {
	var list []string
	eachText(w, func(t *widget.Text) {
		if t.Short() {
			list = append(list, t.Text())
		}
	})
	return list
}

// Shows wants words to be seen.
func Shows(t *testing.T, w fyne.Window, want ...string) {
	t.Helper()
	seen := strings.Join(Texts(w), "|")
	for _, s := range want {
		if !strings.Contains(seen, s) {
			t.Errorf("%q is not shown: %s", s, seen)
		}
	}
}

// Lacks wants words not to be seen.
func Lacks(t *testing.T, w fyne.Window, unwanted ...string) {
	t.Helper()
	seen := strings.Join(Texts(w), "|")
	for _, s := range unwanted {
		if strings.Contains(seen, s) {
			t.Errorf("%q is shown: %s", s, seen)
		}
	}
}

// Tap clicks on the last place where a text stands.
func Tap(t *testing.T, w fyne.Window, text string) {
	t.Helper()
	var found fyne.CanvasObject
	eachText(w, func(o *widget.Text) {
		if o.Text() == text {
			found = o
		}
	})
	if found == nil {
		t.Fatalf("%q is not shown", text)
	}
	at := fyne.CurrentApp().Driver().AbsolutePositionForObject(found)
	test.TapCanvas(w.Canvas(), at.AddXY(3, 3))
}

// Count is the number of objects that can be seen.
func Count(w fyne.Window) int {
	n := 0
	Walk(w.Content(), func(fyne.CanvasObject) { n++ })
	return n
}

// SamePicture wants two pictures to be equal.
func SamePicture(t *testing.T, a, b image.Image) {
	t.Helper()
	if a.Bounds() != b.Bounds() {
		t.Fatalf("%v and %v", a.Bounds(), b.Bounds())
	}
	for y := range a.Bounds().Dy() {
		for x := range a.Bounds().Dx() {
			if a.At(x, y) != b.At(x, y) {
				t.Fatalf("pixel %d, %d differs", x, y)
			}
		}
	}
}
