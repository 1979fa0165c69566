package live_test

import (
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	fynetheme "fyne.io/fyne/v2/theme"

	"tokenmeter/app/window/page/frame"
	"tokenmeter/app/window/page/live"
	"tokenmeter/app/window/page/pagetest"
	"tokenmeter/app/window/theme"
	"tokenmeter/app/window/widget"
	"tokenmeter/internal/view"
)

func open(t *testing.T, width, height float32) (*live.Page, fyne.Window) {
	t.Helper()
	test.NewTempApp(t).Settings().SetTheme(theme.New(fynetheme.VariantDark))
	tips := widget.NewTips()
	p := live.New(frame.Options{Tips: tips})
	return p, pagetest.Window(t, p.Container, tips, p.Fit, width, height)
}

func TestEverythingOfTheModelIsShown(t *testing.T) {
	p, w := open(t, 1300, 800)
	p.Apply(pagetest.Live())
	pagetest.Shows(t, w, "Live", "3 agents working", "Fresh tokens a minute", "11.3k", "usual at this hour 5.83k", "$6.60", "158k", "14.0×",
		"Claude", "7.06k", "3 working, 2 idle", "shop-api", "checkout-retry", "gpt-6.1-sol", "431k", "$1.97", "36.7k",
		"1.84M", "$12.22", "239", "Usual Friday, half of them in the band", "Copilot", "resets 14:20", "server, 3 min ago", "full again")
}

func TestNothingIsLeftOfWhatIsGone(t *testing.T) {
	p, w := open(t, 1300, 800)
	p.Apply(pagetest.Live())
	p.Apply(pagetest.Idle())
	pagetest.Shows(t, w, "No sessions in the last 30 minutes", "Codex cannot be read.", "No usual Friday known yet")
	pagetest.Lacks(t, w, "shop-api", "Allowance", "Copilot", "resets", "Project, branch, model", "7.06k", "+62")
	p.Apply(view.Live{Subtitle: "No agents found yet", Empty: pagetest.Empty()})
	pagetest.Shows(t, w, "No agent logs on this machine", "~/.codex/sessions", "Where we looked")
	pagetest.Lacks(t, w, "Sessions now", "Open the demo") // which cannot be started from here
	p.Apply(pagetest.Live())
	pagetest.Shows(t, w, "shop-api", "Allowance")
	pagetest.Lacks(t, w, "Where we looked", "Codex cannot be read.")
}

func TestTheSameModelDrawsNothingAnew(t *testing.T) {
	p, w := open(t, 1300, 800)
	p.Apply(pagetest.Live())
	before := w.Canvas().Capture()
	objects := pagetest.Count(w)
	for range 3 {
		p.Apply(pagetest.Live())
	}
	if after := pagetest.Count(w); after != objects {
		t.Errorf("%d objects became %d", objects, after)
	}
	pagetest.SamePicture(t, before, w.Canvas().Capture())
}

func TestNoTextIsCutThatShouldNotBe(t *testing.T) {
	for _, size := range []fyne.Size{{Width: 900, Height: 600}, {Width: 1000, Height: 640}, {Width: 1200, Height: 780}, {Width: 1600, Height: 1000}} {
		p, w := open(t, size.Width, size.Height)
		p.Apply(pagetest.Live())
		for _, s := range pagetest.Short(w) {
			t.Errorf("%gx%g: %q is cut", size.Width, size.Height, s)
		}
	}
}

func TestLongNamesGiveWay(t *testing.T) {
	p, w := open(t, 900, 600)
	l := pagetest.Live()
	l.Sessions[0].Project = strings.Repeat("a-very-long-project-", 6)
	l.Sessions[1].Branch = strings.Repeat("feature/with-a-long-name-", 6)
	l.Sessions[2].Model = strings.Repeat("model-", 40)
	p.Apply(l)
	pagetest.Shows(t, w, "486k", "$6.42", "shop-api", "$1.97")
	test.AssertRendersToImage(t, "long-names.png", w.Canvas())
}

func TestSessionsAreScrolledByKeyboard(t *testing.T) {
	p, w := open(t, 900, 600)
	l := pagetest.Live()
	l.Sessions = append(l.Sessions, l.Sessions...)
	l.Sessions[9].Project = "the-last-one"
	p.Apply(l)
	pagetest.Lacks(t, w, "the-last-one")
	for range 20 {
		w.Canvas().FocusNext()
		if keys, ok := w.Canvas().Focused().(*widget.Keys); ok {
			keys.TypedKey(&fyne.KeyEvent{Name: fyne.KeyEnd})
			break
		}
	}
	pagetest.Shows(t, w, "the-last-one")
	w.Canvas().Focused().TypedKey(&fyne.KeyEvent{Name: fyne.KeyHome})
	pagetest.Lacks(t, w, "the-last-one")
}

func TestPointerSaysWhatIsBehindAFigure(t *testing.T) {
	p, w := open(t, 1300, 800)
	p.Apply(pagetest.Live())
	test.MoveMouse(w.Canvas(), fyne.NewPos(60, 120))
	pagetest.Shows(t, w, "11,318")
	test.MoveMouse(w.Canvas(), fyne.NewPos(5, 5))
	pagetest.Lacks(t, w, "11,318")
}

func TestNothingIsShownBeforeTheFirstAnswer(t *testing.T) {
	p, w := open(t, 1300, 800)
	pagetest.Shows(t, w, "Live")
	pagetest.Lacks(t, w, "Fresh tokens a minute", "Today")
	p.Wait()
	test.AssertRendersToImage(t, "waiting.png", w.Canvas())
	p.Apply(pagetest.Live())
	p.Wait() // too late, it is there
	pagetest.Shows(t, w, "Fresh tokens a minute")
}

func BenchmarkApply(b *testing.B) {
	test.NewTempApp(b).Settings().SetTheme(theme.New(fynetheme.VariantDark))
	tips := widget.NewTips()
	p := live.New(frame.Options{Tips: tips})
	w := test.NewWindow(p.Container)
	defer w.Close()
	w.Resize(fyne.NewSize(1200, 780))
	one, other := pagetest.Live(), pagetest.Live()
	other.Rate.Value, other.Sessions[0].Fresh, other.Chart.Columns[60].Total = "12.4k", "487k", "1"
	for b.Loop() {
		p.Apply(one)
		p.Apply(other)
	}
}
