package widget_test

import (
	"fmt"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/test"
	fynetheme "fyne.io/fyne/v2/theme"

	"tokenmeter/app/window/theme"
	"tokenmeter/app/window/widget"
)

// start makes an app, which must be there before the first widget.
func start(t *testing.T) {
	test.NewTempApp(t).Settings().SetTheme(theme.New(fynetheme.VariantDark))
}

// open shows an object at 10, 10 in a window, over a ground and under tips if there are any.
func open(t *testing.T, o fyne.CanvasObject, width, height float32, tips *widget.Tips) fyne.Window {
	t.Helper()
	w := test.NewWindow(nil)
	t.Cleanup(w.Close)
	w.SetPadded(false)
	ground := widget.NewBox(theme.Background, 0)
	objects := []fyne.CanvasObject{ground, o}
	if tips != nil {
		objects = append(objects, tips.Object)
	}
	w.SetContent(widget.Place(nil, func(size fyne.Size) {
		widget.At(ground, 0, 0, size.Width, size.Height)
		widget.At(o, 10, 10, width, height)
		if tips != nil {
			widget.At(tips.Object, 0, 0, size.Width, size.Height)
		}
	}, objects...))
	w.Resize(fyne.NewSize(width+20, height+20))
	return w
}

func walk(o fyne.CanvasObject, visit func(fyne.CanvasObject)) {
	if !o.Visible() {
		return
	}
	visit(o)
	switch o := o.(type) {
	case *fyne.Container:
		for _, child := range o.Objects {
			walk(child, visit)
		}
	case fyne.Widget:
		for _, child := range test.WidgetRenderer(o).Objects() {
			walk(child, visit)
		}
	}
}

func texts(w fyne.Window) string {
	var list []string
	walk(w.Content(), func(o fyne.CanvasObject) {
		if t, ok := o.(*widget.Text); ok {
			list = append(list, t.Text())
		}
	})
	return strings.Join(list, "|")
}

func key(name fyne.KeyName) *fyne.KeyEvent { return &fyne.KeyEvent{Name: name} }

func TestTextIsCutToItsRoom(t *testing.T) {
	start(t)
	const name = "a-name-that-is-long"
	full := theme.Body.Width(name)
	for _, c := range []struct {
		name  string
		room  float32
		ends  string
		whole bool
	}{
		{"enough room", full + 1, name, true}, {"exactly enough", full, name, true}, {"half of it", full / 2, "…", false},
		{"almost none", 3, "…", false}, {"not laid out yet", 0, name, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := widget.Shorten(name, c.room, theme.Body)
			if !strings.HasSuffix(got, c.ends) || (got == name) != c.whole {
				t.Errorf("got %q", got)
			}
			if !c.whole && got != "…" && theme.Body.Width(got) > c.room {
				t.Errorf("%q is %g wide, there is room for %g", got, theme.Body.Width(got), c.room)
			}
		})
	}
	if got := widget.Shorten("日本語のプロジェクト", 40, theme.Body); !strings.HasPrefix(got, "日") && got != "…" {
		t.Errorf("a name of wide letters became %q", got)
	}
}

func TestARendererMadeAnewIsLaidOut(t *testing.T) {
	start(t)
	button := widget.NewButton(theme.IconPlay, "Go", func() {})
	for name, w := range map[string]fyne.Widget{
		"text": widget.NewText(theme.Body, theme.TextPrimary, "words"), "box": widget.NewFrame(theme.Surface, theme.Border, 4, 1),
		"icon": widget.NewIcon(theme.IconLive, theme.Accent), "button": button, "link": widget.NewLink("More", func() {}),
		"segmented": widget.NewSegmented([]string{"A", "B"}, 0, func(int) {}), "key": widget.NewKey(func() {}, func() {}),
	} {
		w.Resize(fyne.NewSize(200, 30))
		test.WidgetRenderer(w)
		some := false
		for _, o := range w.CreateRenderer().Objects() { // as Fyne does after a minute out of sight
			some = some || o.Size().Width > 0
		}
		if !some {
			t.Errorf("%s: nothing has a size", name)
		}
	}
}

func TestSegmentedIsChosenByMouseAndKeyboard(t *testing.T) {
	start(t)
	var chosen []int
	s := widget.NewSegmented([]string{"7 d", "30 d", "90 d"}, 1, func(i int) { chosen = append(chosen, i) })
	size := s.MinSize()
	w := open(t, s, size.Width, size.Height, nil)
	tap := func(x float32) { s.Tapped(&fyne.PointEvent{Position: fyne.NewPos(x, 10)}) }
	tap(size.Width - 10)
	tap(size.Width - 10) // again: nothing new
	tap(10)
	tap(-50)
	for _, k := range []fyne.KeyName{fyne.KeyLeft, fyne.KeyRight, fyne.KeyEnd, fyne.KeyRight, fyne.KeyHome} {
		s.TypedKey(key(k))
	}
	if got := fmt.Sprint(chosen); got != "[2 0 1 2 0]" || s.Chosen() != 0 {
		t.Errorf("chosen %s, now %d", got, s.Chosen())
	}
	s.Choose(2) // by the program: not called back
	if len(chosen) != 5 {
		t.Error("called back for what nobody did")
	}
	w.Canvas().Focus(s)
	test.MoveMouse(w.Canvas(), fyne.NewPos(20, 20))
	test.AssertRendersToImage(t, "segmented.png", w.Canvas())
}

func TestButtonsActOnClickSpaceAndReturn(t *testing.T) {
	start(t)
	n := 0
	b := widget.NewPrimaryButton(theme.IconPlay, "Open the demo", func() { n++ })
	w := open(t, b, b.MinSize().Width, 32, nil)
	test.Tap(b)
	b.TypedKey(key(fyne.KeySpace))
	b.TypedKey(key(fyne.KeyReturn))
	b.TypedKey(key(fyne.KeyUp))
	if n != 3 {
		t.Errorf("acted %d times", n)
	}
	w.Canvas().Focus(b)
	test.AssertRendersToImage(t, "button-focus.png", w.Canvas())
}

func TestRailIsWalkedByKeyboardAndSaysItsFootWhenNarrow(t *testing.T) {
	start(t)
	tips := widget.NewTips()
	var chosen []int
	items := []widget.RailItem{{Icon: theme.IconLive, Name: "Live"}, {Icon: theme.IconHistory, Name: "History"}}
	r := widget.NewRail(items, tips, func(i int) { chosen = append(chosen, i) })
	r.Choose(1)
	r.SetFoot(widget.RailFoot{Age: "Current to 4 s ago", Agents: "2 agents", Network: "Network off", Fresh: true})
	w := open(t, r.Container, theme.RailWide, 300, tips)
	if seen := texts(w); !strings.Contains(seen, "Live|1|History|2") || !strings.Contains(seen, "Network off") {
		t.Errorf("shown: %s", seen)
	}
	w.Canvas().FocusNext()
	w.Canvas().Focused().TypedKey(key(fyne.KeyReturn))
	w.Canvas().FocusNext()
	w.Canvas().Focused().TypedKey(key(fyne.KeySpace))
	if fmt.Sprint(chosen) != "[0 1]" {
		t.Errorf("chosen %v", chosen)
	}
	narrow := open(t, r.Container, theme.RailNarrow, 300, tips)
	if seen := texts(narrow); strings.Contains(seen, "History") || strings.Contains(seen, "Network off") {
		t.Errorf("shown in the narrow rail: %s", seen)
	}
	test.MoveMouse(narrow.Canvas(), fyne.NewPos(38, 130))
	if seen := texts(narrow); !strings.Contains(seen, "History") {
		t.Errorf("shown over the icon: %s", seen)
	}
	test.MoveMouse(narrow.Canvas(), fyne.NewPos(38, 290))
	if seen := texts(narrow); !strings.Contains(seen, "Current to 4 s ago. 2 agents. Network off.") || strings.Contains(seen, "History") {
		t.Errorf("shown over the dot: %s", seen)
	}
}

func newTable(t *testing.T, rows int) (*widget.Table, *[]int, fyne.Window) {
	start(t)
	tips, sorted := widget.NewTips(), &[]int{}
	table := widget.NewTable([]widget.Column{{Title: "Name"}, {Title: "Tokens", Width: 100, Narrow: 80, Strong: true}, {Title: "Cost", Width: 90, Narrow: 70}}, tips,
		func(column int) { *sorted = append(*sorted, column) })
	w := open(t, table.Container, 500, 26+32*5+32, tips)
	table.SetRows(tableRows(rows), widget.Row{Cells: []string{"Total", "all", "$9"}})
	return table, sorted, w
}

func tableRows(n int) []widget.Row {
	list := make([]widget.Row, n)
	for i := range list {
		list[i] = widget.Row{
			Swatch: theme.Slot(i), Cells: []string{fmt.Sprintf("row-%d", i), fmt.Sprintf("%dk", i), "$1"},
			Exact: []string{"", fmt.Sprintf("%d,000", i), ""},
		}
	}
	return list
}

func TestTableMakesOnlyTheRowsThatAreSeen(t *testing.T) {
	table, _, w := newTable(t, 10_000)
	count := 0
	walk(w.Content(), func(fyne.CanvasObject) { count++ })
	if count > 200 {
		t.Errorf("%d objects for five rows in view", count)
	}
	if seen := texts(w); !strings.Contains(seen, "row-4") || strings.Contains(seen, "row-9|") || !strings.Contains(seen, "Total|all|$9") {
		t.Errorf("shown: %s", seen)
	}
	table.SetRows(tableRows(2), widget.Row{Cells: []string{"Total", "few", "$2"}})
	if seen := texts(w); strings.Contains(seen, "row-2") || !strings.Contains(seen, "row-1") || !strings.Contains(seen, "few") {
		t.Errorf("shown: %s", seen)
	}
	table.SetRows(nil, widget.Row{})
	if seen := texts(w); seen != "Name|Tokens|Cost" {
		t.Errorf("shown: %s", seen)
	}
}

func TestTableIsWalkedByKeyboard(t *testing.T) {
	_, _, w := newTable(t, 100)
	w.Canvas().FocusNext() // the table itself comes first, then its headings
	focused := w.Canvas().Focused()
	for range 8 {
		focused.TypedKey(key(fyne.KeyDown))
	}
	if seen := texts(w); !strings.Contains(seen, "row-7") || strings.Contains(seen, "row-0|") {
		t.Errorf("after eight steps down: %s", seen)
	}
	focused.TypedKey(key(fyne.KeyEnd))
	if seen := texts(w); !strings.Contains(seen, "row-99") {
		t.Errorf("at the end: %s", seen)
	}
	focused.TypedKey(key(fyne.KeyPageUp))
	focused.TypedKey(key(fyne.KeyUp))
	test.AssertRendersToImage(t, "table-keyboard.png", w.Canvas())
	focused.TypedKey(key(fyne.KeyHome))
	if seen := texts(w); !strings.Contains(seen, "row-0") {
		t.Errorf("at the start: %s", seen)
	}
}

func TestTableSaysTheExactFigureAndSorts(t *testing.T) {
	table, sorted, w := newTable(t, 5)
	table.SetSorted(1, false)
	test.MoveMouse(w.Canvas(), fyne.NewPos(390, 10+26+32*3+16))
	if seen := texts(w); !strings.Contains(seen, "3,000") {
		t.Errorf("over the figure: %s", seen)
	}
	test.AssertRendersToImage(t, "table-hover.png", w.Canvas())
	test.MoveMouse(w.Canvas(), fyne.NewPos(1, 1))
	if seen := texts(w); strings.Contains(seen, "3,000") {
		t.Errorf("beside the table: %s", seen)
	}
	test.TapCanvas(w.Canvas(), fyne.NewPos(390, 20))
	test.TapCanvas(w.Canvas(), fyne.NewPos(480, 20))
	if fmt.Sprint(*sorted) != "[1 2]" {
		t.Errorf("sorted by %v", *sorted)
	}
}

func TestBannersKeepToThreeAndTellWhatToDo(t *testing.T) {
	start(t)
	resized := 0
	b := widget.NewBanners(func() { resized++ })
	w := open(t, b.Container, 700, 200, nil)
	if b.Height() != 0 {
		t.Errorf("nothing to say is %g high", b.Height())
	}
	notice := func(i int) widget.Notice {
		return widget.Notice{Icon: theme.IconCross, Colour: theme.TextPrimary, Title: fmt.Sprintf("Fault %d.", i), Text: "It is so.", Share: -1, Remedy: "Do that."}
	}
	b.Set([]widget.Notice{notice(1), notice(2), notice(3), notice(4)})
	if seen := texts(w); b.Height() != 3*32+2*8 || strings.Contains(seen, "Fault 4") || strings.Contains(seen, "Do that.") {
		t.Errorf("%g high: %s", b.Height(), seen)
	}
	before := resized
	b.Set([]widget.Notice{notice(1), notice(2), notice(3)})
	if resized != before {
		t.Error("laid out anew though nothing changed")
	}
	w.Canvas().FocusNext()
	w.Canvas().Focused().TypedKey(key(fyne.KeyReturn))
	if seen := texts(w); !strings.Contains(seen, "Do that.") || b.Height() != 3*32+2*8+24 {
		t.Errorf("opened, %g high: %s", b.Height(), seen)
	}
	b.Set(nil)
	if b.Height() != 0 {
		t.Errorf("nothing to say is %g high", b.Height())
	}
}

func TestHintFollowsTheFigure(t *testing.T) {
	start(t)
	tips := widget.NewTips()
	tile := widget.NewTile(tips)
	w := open(t, tile.Container, 200, 76, tips)
	tile.Set("Fresh tokens", "1.84M", "a caption", "1,842,016")
	test.MoveMouse(w.Canvas(), fyne.NewPos(40, 50))
	if !strings.Contains(texts(w), "1,842,016") {
		t.Errorf("shown: %s", texts(w))
	}
	tile.Set("Fresh tokens", "1.85M", "a caption", "1,849,001")
	if !strings.Contains(texts(w), "1,849,001") {
		t.Errorf("shown: %s", texts(w))
	}
	tile.Set("Fresh tokens", "–", "a caption", "")
	if strings.Contains(texts(w), "1,8") {
		t.Errorf("shown: %s", texts(w))
	}
}

func TestRangeBarHoldsAnyShare(t *testing.T) {
	start(t)
	b := widget.NewRangeBar()
	open(t, b.Container, 240, 16, nil)
	for _, share := range []float64{-1, 0, .5, 1, 1.15, 9} {
		b.Set(share, theme.ShapeCalm)
		for _, o := range b.Objects {
			if end := o.Position().X + o.Size().Width; end > 240.5 {
				t.Errorf("at %g something ends at %g of 240", share, end)
			}
		}
	}
}

func TestEverythingThatCanBeClickedTakesFocus(t *testing.T) {
	start(t)
	for _, o := range []fyne.CanvasObject{
		widget.NewButton("", "Go", func() {}), widget.NewLink("More", func() {}), widget.NewKey(func() {}, func() {}),
		widget.NewSegmented([]string{"A"}, 0, func(int) {}),
	} {
		if _, ok := o.(fyne.Focusable); !ok {
			t.Errorf("%T cannot be focused", o)
		}
		if c, ok := o.(desktop.Cursorable); !ok || c.Cursor() != desktop.PointerCursor {
			t.Errorf("%T has no pointing hand", o)
		}
		if _, ok := o.(fyne.Shortcutable); ok {
			t.Errorf("%T would swallow the shortcuts of the window", o)
		}
	}
}
