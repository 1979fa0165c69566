// Package frame is what every page has: title and subtitle, banners, the empty state, what
// stands in while the first answer is awaited, and the distances that follow the window's
// width. It applies parts of a view model and raises one callback; it never asks for data.
// Used on Fyne's goroutine only. Tested by the pages' tests.
package frame

import (
	"fyne.io/fyne/v2"

	"tokenmeter/app/window/theme"
	"tokenmeter/app/window/widget"
	"tokenmeter/internal/view"
)

// Frame is the frame of a page.
type Frame struct {
	*fyne.Container
	Narrow bool    // the window is under theme.NarrowBelow wide
	Side   float32 // width of the cards at the side
	Gap    float32 // between cards

	title, subtitle *widget.Text
	banners         *widget.Banners
	empty           *widget.Empty
	waiting         *fyne.Container
	body            *fyne.Container
	pad             float32
	filled          bool
}

// Options are what a page is made with.
type Options struct {
	Tips *widget.Tips
	Demo func() // starts the demo; nil = it cannot be started from here
}

// New makes a frame; place lays out the body's objects in the room that is left.
func New(title string, o Options, place func(size fyne.Size), body ...fyne.CanvasObject) *Frame {
	f := &Frame{
		title:    widget.NewText(theme.Title, theme.TextPrimary, title),
		subtitle: widget.NewText(theme.Body, theme.TextSecondary, ""),
		empty:    widget.NewEmpty("Open the demo", o.Demo),
		waiting:  widget.Skeleton(),
		body:     widget.Place(nil, place, body...),
	}
	f.banners = widget.NewBanners(f.relay)
	f.empty.Hide()
	f.body.Hide()
	f.waiting.Hide()
	f.Fit(theme.NarrowBelow)
	f.Container = widget.Place(nil, f.place, f.title, f.subtitle, f.banners.Container, f.body, f.empty.Container, f.waiting)
	return f
}

// Fit takes the distances that belong to a width of the window.
func (f *Frame) Fit(window float32) {
	f.Narrow = window < theme.NarrowBelow
	f.pad, f.Gap, f.Side = theme.PagePad, theme.CardGap, theme.SideCard
	switch {
	case f.Narrow:
		f.pad, f.Gap, f.Side = theme.PagePadNarrow, theme.CardGapNarrow, theme.SideCardNarrow
	case window >= theme.WideFrom:
		f.Side = theme.SideCardWide
	}
}

func (f *Frame) relay() {
	f.place(f.Container.Size())
	f.Container.Refresh()
}

func (f *Frame) place(size fyne.Size) {
	if size.Width <= 0 {
		return
	}
	top := f.pad - 4
	if f.Narrow {
		top = f.pad
	}
	inner := size.Width - 2*f.pad
	widget.Line(f.title, f.pad, top+2, f.title.Width())
	left := f.title.Width() + 12
	widget.Line(f.subtitle, f.pad+left, top+5, inner-left)
	y := top + 28 + f.Gap - 4
	if height := f.banners.Height(); height > 0 {
		widget.At(f.banners.Container, f.pad, y, inner, height)
		y += height + f.Gap
	}
	// The bottom row keeps a little more than a gap to the window's edge.
	room := fyne.NewSize(inner, size.Height-y-f.bottom())
	widget.At(f.body, f.pad, y, room.Width, room.Height)
	widget.At(f.empty.Container, f.pad, y, room.Width, room.Height)
	widget.At(f.waiting, f.pad, y+12, room.Width, 80)
}

func (f *Frame) bottom() float32 {
	if f.Narrow {
		return f.pad
	}
	return f.pad + 2
}

// Wait shows that the first answer is on its way.
func (f *Frame) Wait() { widget.Show(f.waiting, !f.filled) }

// Apply fills the frame. It reports whether the body is shown.
func (f *Frame) Apply(subtitle string, empty *view.Empty, banners []view.Banner) bool {
	f.filled = true
	if f.subtitle.Text() != subtitle {
		f.subtitle.Set(subtitle)
	}
	notices := make([]widget.Notice, len(banners))
	for i, b := range banners {
		notices[i] = notice(b)
	}
	f.banners.Set(notices)
	if empty != nil {
		places := make([]widget.LookedAt, len(empty.Places))
		for i, p := range empty.Places {
			places[i] = widget.LookedAt{Name: p.Agent, Where: p.Path, State: p.State}
			if i > 0 && empty.Places[i-1].Agent == p.Agent {
				places[i].Name = ""
			}
		}
		f.empty.Set(empty.Headline, empty.Text, places)
	}
	widget.Show(f.waiting, false)
	widget.Show(f.empty.Container, empty != nil)
	widget.Show(f.body, empty == nil)
	return empty == nil
}

// Relay lays the body out anew.
func (f *Frame) Relay() {
	f.body.Layout.Layout(f.body.Objects, f.body.Size())
	f.body.Refresh()
}

func notice(b view.Banner) widget.Notice {
	n := widget.Notice{Title: b.Title, Text: b.Text, Share: b.Share, Remedy: b.Remedy, Icon: theme.IconClock, Colour: theme.TextSecondary}
	switch b.Kind {
	case view.BannerReading:
		n.Icon, n.Colour = theme.IconDown, theme.Accent
	case view.BannerError:
		n.Icon, n.Colour = theme.IconCross, theme.TextPrimary
	}
	return n
}
