package history_test

import (
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	fynetheme "fyne.io/fyne/v2/theme"

	"tokenmeter/app/window/page/frame"
	"tokenmeter/app/window/page/history"
	"tokenmeter/app/window/page/pagetest"
	"tokenmeter/app/window/theme"
	"tokenmeter/app/window/widget"
	"tokenmeter/internal/view"
)

func open(t *testing.T, width, height float32) (*history.Page, fyne.Window, *[]history.Question) {
	t.Helper()
	test.NewTempApp(t).Settings().SetTheme(theme.New(fynetheme.VariantDark))
	tips, asked := widget.NewTips(), &[]history.Question{}
	p := history.New(frame.Options{Tips: tips}, func(q history.Question) { *asked = append(*asked, q) })
	return p, pagetest.Window(t, p.Container, tips, p.Fit, width, height), asked
}

func TestEverythingOfTheModelIsShown(t *testing.T) {
	p, w, _ := open(t, 1300, 800)
	p.Apply(pagetest.History())
	pagetest.Shows(t, w, "History", "22 Oct to 20 Nov 2026", "76.5M", "everything is priced", "of 30, 2 days without a record",
		"Fresh tokens a day", "Copilot", "26 Oct", "today", "Agent", "Cache write", "Total", "100")
}

func TestRangeAndSplitAskTogether(t *testing.T) {
	p, w, asked := open(t, 1300, 800)
	p.Apply(pagetest.History())
	if p.Question() != (history.Question{Days: 30, Split: history.ByAgent}) {
		t.Errorf("starts with %+v", p.Question())
	}
	var controls []*widget.Segmented
	pagetest.Walk(w.Content(), func(o fyne.CanvasObject) {
		if s, ok := o.(*widget.Segmented); ok {
			controls = append(controls, s)
		}
	})
	for _, step := range []struct {
		control int
		key     fyne.KeyName
		want    history.Question
	}{
		{0, fyne.KeyRight, history.Question{Days: 90, Split: history.ByAgent}},
		{1, fyne.KeyRight, history.Question{Days: 90, Split: history.ByModel}},
		{1, fyne.KeyRight, history.Question{Days: 90, Split: history.ByProject}},
		{0, fyne.KeyHome, history.Question{Days: 7, Split: history.ByProject}},
	} {
		controls[step.control].TypedKey(&fyne.KeyEvent{Name: step.key})
		if last := (*asked)[len(*asked)-1]; last != step.want || p.Question() != step.want {
			t.Errorf("asked %+v, want %+v", last, step.want)
		}
	}
	if len(*asked) != 4 {
		t.Errorf("asked %d times", len(*asked))
	}
}

func TestTableIsSortedByAnyColumn(t *testing.T) {
	p, w, _ := open(t, 1300, 800)
	h := pagetest.History()
	// Make every column order the rows in its own way.
	for i := range h.Rows {
		c := &h.Rows[i].Counts
		c.Tokens.Input, c.Tokens.CacheWrite5m, c.Tokens.Output = int64(i*7%5), int64(i*3%5), int64(1000-i*10)
		c.CacheRead, c.Requests, c.Cost = int64(i*2%5), int64(i*4%5), h.Rows[i].Counts.Cost*0+1
	}
	p.Apply(h)
	order := func() string {
		names := ""
		for _, s := range pagetest.Texts(w) {
			for _, r := range h.Rows {
				if s == r.Name {
					names += s[:2]
				}
			}
		}
		return names[len(names)-2*len(h.Rows):] // after the legend
	}
	first := order()
	if first != "ClCoGeOpCo" {
		t.Errorf("at first %s", first)
	}
	for _, step := range []struct {
		column string
		want   string
	}{
		{"Agent", "ClCoCoGeOp"}, {"Agent", "OpGeCoCoCl"},
		{"Fresh tokens", "ClCoGeOpCo"}, {"Fresh tokens", "CoOpGeCoCl"},
		{"Input", "GeCoCoOpCl"}, {"Requests", "CoGeOpCoCl"},
		{"Cost", "ClCoGeOpCo"}, // all equal: the answer's own order
	} {
		pagetest.Tap(t, w, step.column)
		if got := order(); got != step.want {
			t.Errorf("by %s: %s, want %s", step.column, got, step.want)
		}
	}
}

func TestNoTextIsCutThatShouldNotBe(t *testing.T) {
	for _, size := range []fyne.Size{{Width: 900, Height: 600}, {Width: 1000, Height: 640}, {Width: 1200, Height: 780}, {Width: 1600, Height: 1000}} {
		p, w, _ := open(t, size.Width, size.Height)
		p.Apply(pagetest.History())
		for _, s := range pagetest.Short(w) {
			t.Errorf("%gx%g: %q is cut", size.Width, size.Height, s)
		}
	}
}

func TestAnotherSplitReplacesEverything(t *testing.T) {
	p, w, _ := open(t, 1300, 800)
	p.Apply(pagetest.History())
	p.Apply(pagetest.Projects())
	pagetest.Shows(t, w, "Project", "project-00", "Other")
	pagetest.Lacks(t, w, "Claude", "Copilot")
	p.Apply(view.History{Empty: pagetest.Empty()})
	pagetest.Shows(t, w, "No agent logs on this machine")
	pagetest.Lacks(t, w, "project-00")
	p.Apply(pagetest.History())
	pagetest.Shows(t, w, "Claude")
	pagetest.Lacks(t, w, "project-00", "Other")
}

func TestPointerReadsADayOut(t *testing.T) {
	p, w, _ := open(t, 1300, 800)
	p.Apply(pagetest.History())
	test.MoveMouse(w.Canvas(), fyne.NewPos(932, 330))
	pagetest.Shows(t, w, "Mon 16 Nov 2026", "Cache reads, apart")
	test.AssertRendersToImage(t, "hover.png", w.Canvas())
}

func BenchmarkApply(b *testing.B) {
	test.NewTempApp(b).Settings().SetTheme(theme.New(fynetheme.VariantDark))
	p := history.New(frame.Options{Tips: widget.NewTips()}, func(history.Question) {})
	w := test.NewWindow(p.Container)
	defer w.Close()
	w.Resize(fyne.NewSize(1200, 780))
	one, other := pagetest.Projects(), pagetest.Projects()
	other.Chart.Columns[89].Total = "x"
	for b.Loop() {
		p.Apply(one)
		p.Apply(other)
	}
}
