package shell

import (
	"sync/atomic"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"tokenmeter/app/window/page/frame"
	"tokenmeter/app/window/page/history"
	"tokenmeter/app/window/page/live"
	"tokenmeter/app/window/theme"
	"tokenmeter/app/window/widget"
	"tokenmeter/internal/view"
)

// The names of the pages, as the command line and the meter write them.
const (
	LivePage    = "live"
	HistoryPage = "history"
)

func pageNames() []string { return []string{LivePage, HistoryPage} }

const (
	// keepTime is how long the hidden window stays, so that it can be back at once.
	keepTime = time.Minute
	// patience is how long nothing is shown before bars say that an answer is awaited.
	patience = 150 * time.Millisecond

	leastWidth, leastHeight = 900, 600
)

// Model is what there is to show: the one page that is wanted, and the foot of the rail.
type Model struct {
	Live    *view.Live
	History *view.History
}

// Options configure New. Everything is needed but Demo.
type Options struct {
	Window fyne.Window
	State  State        // as it was left
	Do     func(func()) // runs a function on Fyne's goroutine
	After  func(time.Duration, func()) (stop func() bool)
	Wanted func(Wish)  // what is to be shown has changed
	Alone  func() bool // no meter is connected that could bring a hidden window back
	Save   func(State) // keeps the state; called when the window is hidden or ends
	Quit   func()      // ends the program
	Demo   func()      // starts the demo; nil = it cannot be started
}

// Wish is what the window wants to be told.
type Wish struct {
	Visible  bool
	Page     string
	Question history.Question
}

// Shell is the window's content and its life. Its methods are called on Fyne's goroutine,
// but for Deliver.
type Shell struct {
	o       Options
	rail    *widget.Rail
	live    *live.Page
	history *history.Page
	tips    *widget.Tips
	page    int
	ending  atomic.Bool
	visible bool
	stop    func() bool // the timer that ends the hidden window
	next    atomic.Pointer[Model]
}

// New fills the window with empty pages. It does not show it.
func New(o Options) *Shell {
	s := &Shell{o: o, tips: widget.NewTips()}
	parts := frame.Options{Tips: s.tips, Demo: o.Demo}
	s.live = live.New(parts)
	s.history = history.New(parts, func(history.Question) { s.wish() })
	s.rail = widget.NewRail([]widget.RailItem{
		{Icon: theme.IconLive, Name: "Live"},
		{Icon: theme.IconHistory, Name: "History"},
	}, s.tips, s.choose)
	ground := widget.NewBox(theme.Background, 0)
	content := widget.Place(
		func() fyne.Size { return fyne.NewSize(leastWidth, leastHeight) },
		func(size fyne.Size) {
			rail := float32(theme.RailWide)
			if size.Width < theme.NarrowBelow {
				rail = theme.RailNarrow
			}
			widget.At(ground, 0, 0, size.Width, size.Height)
			widget.At(s.rail.Container, 0, 0, rail, size.Height)
			s.live.Fit(size.Width)
			s.history.Fit(size.Width)
			for _, p := range s.pages() {
				widget.At(p, rail, 0, size.Width-rail, size.Height)
			}
			widget.At(s.tips.Object, 0, 0, size.Width, size.Height)
		}, ground, s.rail.Container, s.live.Container, s.history.Container, s.tips.Object)
	w := o.Window
	w.SetPadded(false)
	w.SetContent(content)
	w.Resize(fyne.NewSize(max(o.State.Width, leastWidth), max(o.State.Height, leastHeight)))
	w.SetCloseIntercept(s.Close)
	for i, key := range [...]fyne.KeyName{fyne.Key1, fyne.Key2} {
		w.Canvas().AddShortcut(&desktop.CustomShortcut{KeyName: key, Modifier: fyne.KeyModifierShortcutDefault}, func(fyne.Shortcut) { s.choose(i) })
	}
	w.Canvas().AddShortcut(&desktop.CustomShortcut{KeyName: fyne.KeyW, Modifier: fyne.KeyModifierShortcutDefault}, func(fyne.Shortcut) { s.Close() })
	s.page = -1
	s.choose(index(o.State.Page))
	o.After(patience, func() {
		o.Do(func() {
			s.live.Wait()
			s.history.Wait()
		})
	})
	return s
}

func (s *Shell) pages() []*fyne.Container {
	return []*fyne.Container{s.live.Container, s.history.Container}
}

// index is the number of a page, 0 for a name that is not one.
func index(page string) int {
	for i, name := range pageNames() {
		if name == page {
			return i
		}
	}
	return 0
}

// choose shows a page.
func (s *Shell) choose(page int) {
	if page == s.page {
		return
	}
	s.page = page
	s.rail.Choose(page)
	for i, p := range s.pages() {
		widget.Show(p, i == page)
	}
	// Fyne forgets how to draw what it has not drawn for a minute.
	s.pages()[page].Refresh()
	s.wish()
}

func (s *Shell) wish() { s.o.Wanted(s.Wish()) }

// Wish is what the window wants to be told now.
func (s *Shell) Wish() Wish {
	return Wish{Visible: s.visible, Page: pageNames()[s.page], Question: s.history.Question()}
}

// Show brings the window up, at a page if one is named.
func (s *Shell) Show(page string) {
	if s.stop != nil {
		s.stop()
		s.stop = nil
	}
	if page != "" {
		s.choose(index(page))
	}
	if !s.visible {
		s.visible = true
		s.o.Window.Content().Refresh()
		s.o.Window.Show()
		s.wish()
	}
	s.o.Window.RequestFocus()
}

// Toggle hides the window if it is shown, else shows it.
func (s *Shell) Toggle() {
	if s.visible {
		s.Hide()
		return
	}
	s.Show("")
}

// Hide hides the window. It ends by itself when it has been hidden for a minute.
func (s *Shell) Hide() {
	if !s.visible {
		return
	}
	s.o.Save(s.state())
	s.visible = false
	s.o.Window.Hide()
	s.wish()
	s.stop = s.o.After(keepTime, func() {
		s.o.Do(func() {
			if !s.visible {
				s.o.Quit()
			}
		})
	})
}

// Close is what the window's close button does: hide, or end where nobody could bring the
// window back.
func (s *Shell) Close() {
	if s.o.Alone() {
		s.End()
		return
	}
	s.Hide()
}

// End ends the program; Remember still has to be called when it has ended. Only the first
// call counts: when the meter ends too, several reasons come at once, and the later ones
// find no loop to run in.
func (s *Shell) End() {
	if !s.ending.Swap(true) {
		s.o.Quit()
	}
}

// Remember saves the state. A hidden window was saved when it was hidden.
func (s *Shell) Remember() {
	if s.visible {
		s.o.Save(s.state())
	}
}

func (s *Shell) state() State {
	size := s.o.Window.Canvas().Size()
	return State{Version: stateVersion, Width: size.Width, Height: size.Height, Page: pageNames()[s.page]}
}

// Deliver hands over a model from any goroutine. One that has not been shown yet is
// replaced, so that nothing queues.
func (s *Shell) Deliver(m Model) {
	if s.next.Swap(&m) == nil {
		s.o.Do(func() { s.apply(s.next.Swap(nil)) })
	}
}

func (s *Shell) apply(m *Model) {
	switch {
	case m.Live != nil:
		s.live.Apply(*m.Live)
		s.foot(m.Live.Foot)
	case m.History != nil:
		s.history.Apply(*m.History)
		s.foot(m.History.Foot)
	}
}

func (s *Shell) foot(f view.Foot) {
	s.rail.SetFoot(widget.RailFoot{Age: f.Age, Agents: f.Agents, Network: f.Network, Fresh: f.Fresh})
}
