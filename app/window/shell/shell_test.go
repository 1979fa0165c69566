package shell_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/test"
	fynetheme "fyne.io/fyne/v2/theme"

	"tokenmeter/app/window/page/history"
	"tokenmeter/app/window/page/pagetest"
	"tokenmeter/app/window/shell"
	"tokenmeter/app/window/theme"
)

// desk records what a shell does to the world.
type desk struct {
	wishes []shell.Wish
	saved  []shell.State
	quits  int
	timers []*timer
	alone  bool
	queue  []func() // of Do, if it is held back
	hold   bool
}

type timer struct {
	after   time.Duration
	act     func()
	stopped bool
}

func (d *desk) options(o *shell.Options) {
	o.Wanted = func(w shell.Wish) { d.wishes = append(d.wishes, w) }
	o.Save = func(s shell.State) { d.saved = append(d.saved, s) }
	o.Quit = func() { d.quits++ }
	o.Alone = func() bool { return d.alone }
	o.Do = func(f func()) {
		if d.hold {
			d.queue = append(d.queue, f)
			return
		}
		f()
	}
	o.After = func(after time.Duration, f func()) func() bool {
		t := &timer{after: after, act: f}
		d.timers = append(d.timers, t)
		return func() bool { t.stopped = true; return true }
	}
}

func (d *desk) last() shell.Wish { return d.wishes[len(d.wishes)-1] }

func openDesk(t *testing.T) (*shell.Shell, fyne.Window, *desk) {
	d := &desk{}
	s, w := open(t, fynetheme.VariantDark, 1200, 780, d.options)
	return s, w, d
}

// press types Ctrl (or Cmd) and a key the way the window's driver hands it on.
func press(w fyne.Window, key fyne.KeyName) {
	shortcut := &desktop.CustomShortcut{KeyName: key, Modifier: fyne.KeyModifierShortcutDefault}
	if focused, ok := w.Canvas().Focused().(fyne.Shortcutable); ok {
		focused.TypedShortcut(shortcut)
		return
	}
	w.Canvas().(interface{ TypedShortcut(fyne.Shortcut) }).TypedShortcut(shortcut)
}

func TestShortcutsWorkWhateverHasFocus(t *testing.T) {
	s, w, d := openDesk(t)
	full := pagetest.Live()
	s.Deliver(shell.Model{Live: &full})
	press(w, fyne.Key2)
	if d.last().Page != shell.HistoryPage {
		t.Fatalf("wish %+v", d.last())
	}
	days := pagetest.History()
	s.Deliver(shell.Model{History: &days})
	for i := range 40 {
		w.Canvas().FocusNext()
		if w.Canvas().Focused() == nil {
			t.Fatalf("step %d: nothing takes the focus", i)
		}
		press(w, fyne.Key1)
		if d.last().Page != shell.LivePage {
			t.Fatalf("Ctrl+1 does nothing while %T has the focus", w.Canvas().Focused())
		}
		press(w, fyne.Key2)
		if d.last().Page != shell.HistoryPage {
			t.Fatalf("Ctrl+2 does nothing while %T has the focus", w.Canvas().Focused())
		}
	}
	pagetest.Shows(t, w, "22 Oct to 20 Nov 2026")
	pagetest.Lacks(t, w, "3 agents working")
}

func TestHiddenWindowEndsAfterAMinuteUnlessItComesBack(t *testing.T) {
	s, w, d := openDesk(t)
	if !d.last().Visible {
		t.Fatal("shown, but nothing is wanted")
	}
	w.Canvas().Focus(nil)
	s.Close()
	if d.last().Visible || len(d.saved) != 1 || d.quits != 0 {
		t.Fatalf("closed: wish %+v, saved %d times, quit %d times", d.last(), len(d.saved), d.quits)
	}
	first := d.timers[len(d.timers)-1]
	if first.after != time.Minute {
		t.Errorf("ends after %v", first.after)
	}
	s.Toggle()
	if !d.last().Visible || !first.stopped {
		t.Error("back, but the end still comes")
	}
	first.act() // it had been on its way
	if d.quits != 0 {
		t.Error("ended though it is shown")
	}
	s.Toggle()
	d.timers[len(d.timers)-1].act()
	if d.quits != 1 {
		t.Errorf("quit %d times", d.quits)
	}
	s.Hide() // hidden already
	if n := len(d.saved); n != 2 {
		t.Errorf("saved %d times", n)
	}
}

func TestWindowThatNobodyCouldBringBackEndsOnClose(t *testing.T) {
	s, _, d := openDesk(t)
	d.alone = true
	s.Close()
	if d.quits != 1 || !d.last().Visible {
		t.Errorf("quit %d times", d.quits)
	}
	s.Remember()
	if len(d.saved) != 1 || d.saved[0].Width != 1200 || d.saved[0].Height != 780 || d.saved[0].Page != shell.LivePage {
		t.Errorf("saved %+v", d.saved)
	}
}

func TestShowGoesToThePage(t *testing.T) {
	s, _, d := openDesk(t)
	for _, c := range []struct{ ask, want string }{
		{"history", "history"}, {"", "history"}, {"live", "live"}, {"no such page", "live"},
	} {
		s.Show(c.ask)
		if d.last().Page != c.want {
			t.Errorf("asked for %q, at %q", c.ask, d.last().Page)
		}
	}
	if d.last().Question != (history.Question{Days: 30}) {
		t.Errorf("question %+v", d.last().Question)
	}
}

func TestOnlyTheNewestModelIsDrawn(t *testing.T) {
	s, w, d := openDesk(t)
	d.hold = true
	for _, rate := range []string{"1.00k", "2.00k", "3.00k"} {
		l := pagetest.Live()
		l.Rate.Value = rate
		s.Deliver(shell.Model{Live: &l})
	}
	if len(d.queue) != 1 {
		t.Fatalf("%d functions wait, one is enough", len(d.queue))
	}
	d.queue[0]()
	pagetest.Shows(t, w, "3.00k")
	l := pagetest.Live()
	l.Rate.Value = "4.00k"
	s.Deliver(shell.Model{Live: &l})
	d.queue[1]()
	pagetest.Shows(t, w, "4.00k")
}

func TestThemeChangesInPlace(t *testing.T) {
	s, w, _ := openDesk(t)
	l := pagetest.Live()
	s.Deliver(shell.Model{Live: &l})
	test.ApplyTheme(t, theme.New(fynetheme.VariantLight))
	changed := w.Canvas().Capture()
	fresh, other := open(t, fynetheme.VariantLight, 1200, 780, nil)
	fresh.Deliver(shell.Model{Live: &l})
	pagetest.SamePicture(t, changed, other.Canvas().Capture())
	_ = s
}

func TestAPageOutOfSightForLongComesBackWhole(t *testing.T) {
	s, w, _ := openDesk(t)
	l, h := pagetest.Live(), pagetest.History()
	s.Deliver(shell.Model{Live: &l})
	before := w.Canvas().Capture()
	press(w, fyne.Key2)
	s.Deliver(shell.Model{History: &h})
	t.Run("forgotten", func(t *testing.T) { // as Fyne does after a minute
		visit(w.Content(), func(o fyne.Widget) { test.TempWidgetRenderer(t, o) })
	})
	press(w, fyne.Key1)
	pagetest.SamePicture(t, before, w.Canvas().Capture())
}

// visit visits all widgets, hidden ones too.
func visit(o fyne.CanvasObject, f func(fyne.Widget)) {
	switch o := o.(type) {
	case *fyne.Container:
		for _, child := range o.Objects {
			visit(child, f)
		}
	case fyne.Widget:
		for _, child := range test.WidgetRenderer(o).Objects() {
			visit(child, f)
		}
		f(o)
	}
}

func TestStateSurvivesAndBadStateDoesNot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "window.toml")
	first := shell.LoadState(path)
	if first.Width != 1200 || first.Height != 720 || first.Page != shell.LivePage {
		t.Errorf("starts with %+v", first)
	}
	want := shell.State{Version: 1, Width: 1000.5, Height: 700, Page: shell.HistoryPage}
	if err := shell.SaveState(path, want); err != nil {
		t.Fatal(err)
	}
	if got := shell.LoadState(path); got != want {
		t.Errorf("saved %+v, read %+v", want, got)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := shell.SaveState(path, want); err != nil {
		t.Fatal(err)
	}
	if again, err := os.Stat(path); err != nil || !again.ModTime().Equal(info.ModTime()) {
		t.Error("written again though nothing changed")
	}
	for name, text := range map[string]string{
		"damaged": "width = ", "of a later version": "version = 2\nwidth = 5000.0\n", "absurd": "version = 1\nwidth = 1e9\nheight = nan\npage = \"history\"\n",
		"empty": "", "of another kind": "version = \"one\"\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := shell.LoadState(path); got.Width != 1200 || got.Height != 720 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if err := shell.SaveState(filepath.Join(t.TempDir(), "missing", "window.toml"), want); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing folder: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".window-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestWindowIsNeverSmallerThanItsContent(t *testing.T) {
	_, w := open(t, fynetheme.VariantDark, 100, 50, nil)
	if size := w.Canvas().Size(); size.Width < 900 || size.Height < 600 {
		t.Errorf("%v", size)
	}
	if least := w.Content().MinSize(); least != fyne.NewSize(900, 600) {
		t.Errorf("at least %v", least)
	}
}
