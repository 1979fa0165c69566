package shell_test

import (
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	fynetheme "fyne.io/fyne/v2/theme"

	"tokenmeter/app/window/page/pagetest"
	"tokenmeter/app/window/shell"
	"tokenmeter/app/window/theme"
	"tokenmeter/internal/view"
)

// open makes a shell in a window of Fyne's test driver.
func open(t *testing.T, variant fyne.ThemeVariant, width, height float32, change func(*shell.Options)) (*shell.Shell, fyne.Window) {
	t.Helper()
	app := test.NewTempApp(t)
	app.Settings().SetTheme(theme.New(variant))
	w := app.NewWindow("Tokenmeter")
	t.Cleanup(w.Close)
	o := shell.Options{
		Window: w, State: shell.State{Width: width, Height: height},
		Do:     func(f func()) { f() },
		After:  func(time.Duration, func()) func() bool { return func() bool { return true } },
		Wanted: func(shell.Wish) {},
		Alone:  func() bool { return false },
		Save:   func(shell.State) {},
		Quit:   func() {},
		Demo:   func() {},
	}
	if change != nil {
		change(&o)
	}
	s := shell.New(o)
	s.Show("")
	return s, w
}

func TestPagesLookAsDesigned(t *testing.T) {
	live := func(l view.Live) shell.Model { return shell.Model{Live: &l} }
	history := func(h view.History) shell.Model { return shell.Model{History: &h} }
	banners := pagetest.History()
	banners.Banners = pagetest.Banners()
	for _, c := range []struct {
		name          string
		page          string
		model         shell.Model
		variant       fyne.ThemeVariant
		width, height float32
		scale         float32
	}{
		{"live-dark", shell.LivePage, live(pagetest.Live()), fynetheme.VariantDark, 1200, 780, 1},
		{"live-light", shell.LivePage, live(pagetest.Live()), fynetheme.VariantLight, 1200, 780, 1},
		{"live-dark-900", shell.LivePage, live(pagetest.Live()), fynetheme.VariantDark, 900, 600, 1},
		{"live-light-900-double", shell.LivePage, live(pagetest.Live()), fynetheme.VariantLight, 900, 600, 2},
		{"live-light-1600", shell.LivePage, live(pagetest.Live()), fynetheme.VariantLight, 1600, 1000, 1},
		{"live-idle-dark", shell.LivePage, live(pagetest.Idle()), fynetheme.VariantDark, 1200, 780, 1},
		{"live-idle-light-900", shell.LivePage, live(pagetest.Idle()), fynetheme.VariantLight, 900, 600, 1},
		{"live-empty-dark", shell.LivePage, live(view.Live{Subtitle: "No agents found yet", Empty: pagetest.Empty(), Foot: pagetest.EmptyFoot()}), fynetheme.VariantDark, 1200, 780, 1},
		{"live-empty-light", shell.LivePage, live(view.Live{Subtitle: "No agents found yet", Empty: pagetest.Empty(), Foot: pagetest.EmptyFoot()}), fynetheme.VariantLight, 900, 600, 1},
		{"history-dark", shell.HistoryPage, history(pagetest.History()), fynetheme.VariantDark, 1200, 780, 1},
		{"history-light", shell.HistoryPage, history(pagetest.History()), fynetheme.VariantLight, 1200, 780, 1},
		{"history-dark-900-double", shell.HistoryPage, history(pagetest.History()), fynetheme.VariantDark, 900, 600, 2},
		{"history-projects-dark-900", shell.HistoryPage, history(pagetest.Projects()), fynetheme.VariantDark, 900, 600, 1},
		{"history-projects-light-1600", shell.HistoryPage, history(pagetest.Projects()), fynetheme.VariantLight, 1600, 1000, 1},
		{"history-banners-light-900", shell.HistoryPage, history(banners), fynetheme.VariantLight, 900, 600, 1},
		{"history-empty-dark", shell.HistoryPage, history(view.History{Empty: pagetest.Empty(), Foot: pagetest.EmptyFoot()}), fynetheme.VariantDark, 1200, 780, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, w := open(t, c.variant, c.width, c.height, func(o *shell.Options) { o.State.Page = c.page })
			s.Deliver(c.model)
			w.Canvas().(interface{ SetScale(float32) }).SetScale(c.scale)
			test.AssertRendersToImage(t, c.name+".png", w.Canvas())
		})
	}
}
