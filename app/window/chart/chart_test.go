package chart_test

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/test"
	fynetheme "fyne.io/fyne/v2/theme"

	"tokenmeter/app/window/chart"
	"tokenmeter/app/window/theme"
	"tokenmeter/app/window/widget"
)

func words() chart.Words {
	return chart.Words{Value: func(v int64) string { return strconv.FormatInt(v, 10) }, Tick: func(v int64) string { return strconv.FormatInt(v, 10) }}
}

// stack is ten columns of three series; the fourth is without a record, the sixth is zero.
func stack() chart.Stack {
	s := chart.Stack{Series: []chart.Series{
		{Name: "Ada", Value: "7", Colour: theme.Slot(0)}, {Name: "Bob", Value: "3", Colour: theme.Slot(1)}, {Name: "Cyd", Colour: theme.Slot(2)},
	}}
	for i := range 10 {
		c := chart.Column{
			Values: []int64{int64(i * 100), 200, int64(900 - i*100)}, Below: int64(i * 5000), Label: fmt.Sprintf("day %d", i),
			Title: fmt.Sprintf("Day %d", i), NoteName: "Reads, apart", NoteValue: fmt.Sprint(i * 5000),
		}
		switch i {
		case 3:
			c = chart.Column{Values: []int64{0, 0, 0}, Absent: true, Title: "Day 3", NoteName: "No record of this day"}
		case 5:
			c = chart.Column{Values: []int64{0, 0, 0}, Title: "Day 5", Total: "0"}
		default:
			c.Total = fmt.Sprint(c.Values[0] + c.Values[1] + c.Values[2])
			for j := len(c.Values) - 1; j >= 0; j-- {
				c.Parts = append(c.Parts, chart.Part{Series: j, Name: s.Series[j].Name, Share: "30 %", Value: fmt.Sprint(c.Values[j])})
			}
		}
		s.Columns = append(s.Columns, c)
	}
	return s
}

// start makes an app of a variant, which must be there before the first widget.
func start(t *testing.T, variant fyne.ThemeVariant) {
	test.NewTempApp(t).Settings().SetTheme(theme.New(variant))
}

// open shows a chart with its legend in a window of 500 by 260.
func open(t *testing.T, legend, c fyne.CanvasObject) fyne.Window {
	t.Helper()
	w := test.NewWindow(nil)
	t.Cleanup(w.Close)
	w.SetPadded(false)
	ground := widget.NewBox(theme.Surface, 0)
	w.SetContent(widget.Place(nil, func(size fyne.Size) {
		widget.At(ground, 0, 0, size.Width, size.Height)
		if legend != nil {
			widget.At(legend, 20, 8, size.Width-40, 16)
		}
		widget.At(c, 20, 32, size.Width-40, size.Height-52)
	}, nonNil(ground, legend, c)...))
	w.Resize(fyne.NewSize(500, 260))
	return w
}

func nonNil(objects ...fyne.CanvasObject) []fyne.CanvasObject {
	var list []fyne.CanvasObject
	for _, o := range objects {
		if o != nil {
			list = append(list, o)
		}
	}
	return list
}

func newStacked(t *testing.T) (*chart.Stacked, fyne.Window) {
	start(t, fynetheme.VariantDark)
	s := chart.NewStacked(chart.Look{Gap: 3, Radius: 2, Below: 30, Low: "Reads"}, words())
	s.Set(stack())
	return s, open(t, s.Legend.Container, s)
}

// walk visits what can be seen. (Fyne's LaidOutObjects would make second renderers.)
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

// texts are the words that can be seen.
func texts(o fyne.CanvasObject) []string {
	var list []string
	walk(o, func(o fyne.CanvasObject) {
		if t, ok := o.(*widget.Text); ok && t.Visible() {
			list = append(list, t.Text())
		}
	})
	return list
}

func shows(t *testing.T, w fyne.Window, want ...string) {
	t.Helper()
	seen := strings.Join(texts(w.Content()), "|")
	for _, s := range want {
		if !strings.Contains(seen, s) {
			t.Errorf("%q is not shown, only %s", s, seen)
		}
	}
}

func lacks(t *testing.T, w fyne.Window, unwanted ...string) {
	t.Helper()
	seen := strings.Join(texts(w.Content()), "|")
	for _, s := range unwanted {
		if strings.Contains(seen, s) {
			t.Errorf("%q is shown: %s", s, seen)
		}
	}
}

// over is a place in a column of the chart.
func over(column int) fyne.Position {
	return fyne.NewPos(20+34+(float32(column)+.5)*(460-34)/10, 120)
}

func TestPointerReadsAColumnOut(t *testing.T) {
	_, w := newStacked(t)
	lacks(t, w, "Day 7")
	test.MoveMouse(w.Canvas(), over(7))
	shows(t, w, "Day 7", "1100", "Ada", "700", "Reads, apart", "35000")
	test.AssertRendersToImage(t, "stacked-hover.png", w.Canvas())
	test.MoveMouse(w.Canvas(), over(3))
	shows(t, w, "Day 3", "No record of this day")
	lacks(t, w, "Day 7", "1100")
	test.MoveMouse(w.Canvas(), fyne.NewPos(25, 120)) // over the axis
	lacks(t, w, "Day 3")
	test.MoveMouse(w.Canvas(), over(9))
	test.MoveMouse(w.Canvas(), fyne.NewPos(5, 5))
	lacks(t, w, "Day 9")
}

func TestKeyboardWalksTheColumns(t *testing.T) {
	s, w := newStacked(t)
	w.Canvas().Focus(s)
	for _, step := range []struct {
		key  fyne.KeyName
		want string
	}{
		{fyne.KeyLeft, "Day 9"}, {fyne.KeyLeft, "Day 8"}, {fyne.KeyRight, "Day 9"}, {fyne.KeyRight, "Day 9"},
		{fyne.KeyHome, "Day 0"}, {fyne.KeyLeft, "Day 0"}, {fyne.KeyEnd, "Day 9"}, {fyne.KeyHome, "Day 0"}, {fyne.KeyRight, "Day 1"},
	} {
		s.TypedKey(&fyne.KeyEvent{Name: step.key})
		shows(t, w, step.want)
	}
	test.AssertRendersToImage(t, "stacked-focus.png", w.Canvas())
	s.TypedKey(&fyne.KeyEvent{Name: fyne.KeyEscape})
	lacks(t, w, "Day 1")
	s.TypedKey(&fyne.KeyEvent{Name: fyne.KeyHome})
	w.Canvas().Unfocus()
	lacks(t, w, "Day 0")
}

func TestLegendSwitchesAndIsolates(t *testing.T) {
	s, w := newStacked(t)
	test.MoveMouse(w.Canvas(), over(7))
	s.Toggle(0)
	shows(t, w, "400") // 1100 without Ada's 700
	lacks(t, w, "1100", "700")
	test.AssertRendersToImage(t, "stacked-off.png", w.Canvas())
	s.Toggle(1)
	s.Toggle(2)
	shows(t, w, "200", "Cyd") // the last one stays
	s.Toggle(0)
	s.Toggle(1)
	s.Isolate(1)
	lacks(t, w, "700")
	s.Isolate(1) // alone already: all come back
	shows(t, w, "1100", "700")
	changed := stack()
	s.Toggle(0)
	changed.Columns[7].Total = "x"
	s.Set(changed) // new figures of the same series keep what is switched off
	lacks(t, w, "700")
	changed = stack()
	changed.Series = changed.Series[:2]
	for i := range changed.Columns {
		changed.Columns[i].Values = changed.Columns[i].Values[:2]
		changed.Columns[i].Parts = nil
	}
	s.Set(changed) // other series start anew
	s.Toggle(1)
	s.Isolate(0)
}

func TestLegendIsWorkedByMouseAndKeyboard(t *testing.T) {
	s, w := newStacked(t)
	test.MoveMouse(w.Canvas(), over(7))
	var keys []*widget.Key
	walk(w.Content(), func(o fyne.CanvasObject) {
		if k, ok := o.(*widget.Key); ok {
			keys = append(keys, k)
		}
	})
	if len(keys) != 4 {
		t.Fatalf("%d entries in the legend, want 3 series and what hangs below", len(keys))
	}
	ada := keys[1]
	press := &desktop.MouseEvent{Button: desktop.MouseButtonPrimary}
	ada.MouseDown(press)
	ada.MouseUp(press)
	lacks(t, w, "700")
	ada.TypedKey(&fyne.KeyEvent{Name: fyne.KeySpace})
	shows(t, w, "700")
	ada.DoubleTapped(nil)
	shows(t, w, "700")
	lacks(t, w, "1100")
	ada.TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	shows(t, w, "1100")
	press.Position = fyne.NewPos(-5, 2)
	ada.MouseUp(press) // let go outside
	press.Position, press.Button = fyne.NewPos(1, 1), desktop.MouseButtonSecondary
	ada.MouseUp(press)
	shows(t, w, "1100")
	_ = s
}

func TestChartIsATable(t *testing.T) {
	s, _ := newStacked(t)
	table := s.Table()
	if len(table) != 11 || !reflect.DeepEqual(table[0], []string{"", "Ada", "Bob", "Cyd", "Reads"}) {
		t.Fatalf("headings %q in %d lines", table[0], len(table))
	}
	for row, want := range map[int][]string{
		3: {"Day 2", "200", "200", "700", "10000"}, 4: {"Day 3", "", "", "", ""}, 6: {"Day 5", "0", "0", "0", "0"},
	} {
		if !reflect.DeepEqual(table[row], want) {
			t.Errorf("line %d is %q, want %q", row, table[row], want)
		}
	}
	s.TypedRune('c')
	text := fyne.CurrentApp().Clipboard().Content()
	if lines := strings.Split(strings.TrimSpace(text), "\n"); len(lines) != 11 || lines[2] != "Day 1\t100\t200\t800\t5000" {
		t.Errorf("the clipboard holds %q", text)
	}
}

func TestChartsLookRightInLightAndWithoutData(t *testing.T) {
	start(t, fynetheme.VariantLight)
	s := chart.NewStacked(chart.Look{Gap: 1, Radius: 1, Below: 30, Low: "Reads"}, words())
	w := open(t, s.Legend.Container, s)
	test.AssertRendersToImage(t, "stacked-none.png", w.Canvas())
	s.Set(stack())
	test.AssertRendersToImage(t, "stacked-light.png", w.Canvas())
	s.Set(chart.Stack{})
	test.AssertRendersToImage(t, "stacked-none.png", w.Canvas())
}

func day() chart.DayData {
	d := chart.DayData{So: []int64{0, 0, 0, 0, 0, 0, 0, 50, 300, 700, 900}, Now: 10.5 / 24}
	for i := range 24 {
		v := int64(max(0, i-6) * 60)
		d.Usual, d.Low, d.High = append(d.Usual, v), append(d.Low, v*8/10), append(d.High, v*13/10)
	}
	return d
}

func TestDayReadsAnHourOut(t *testing.T) {
	start(t, fynetheme.VariantDark)
	d := chart.NewDay(words())
	d.Set(day())
	w := open(t, nil, d)
	at := func(hour float32) fyne.Position { return fyne.NewPos(20+34+(hour-6)*(460-34)/18, 120) }
	test.MoveMouse(w.Canvas(), at(8.5))
	shows(t, w, "Until 09:00", "So far", "300", "Usual", "120", "Half of them", "96 to 156")
	test.AssertRendersToImage(t, "day-hover.png", w.Canvas())
	test.MoveMouse(w.Canvas(), at(10.2))
	shows(t, w, "Until now", "900", "Usual, until 11:00")
	test.MoveMouse(w.Canvas(), at(20.5))
	shows(t, w, "Until 21:00", "Usual")
	lacks(t, w, "So far")
	w.Canvas().Focus(d)
	test.MoveMouse(w.Canvas(), fyne.NewPos(1, 1))
	d.TypedKey(&fyne.KeyEvent{Name: fyne.KeyHome})
	shows(t, w, "Until 07:00")
	if table := d.Table(); len(table) != 25 || !reflect.DeepEqual(table[9], []string{"09:00", "300", "120", "96", "156"}) || table[20][1] != "" {
		t.Errorf("table %q", table)
	}
}

func TestDayStartsWhenSomethingDoes(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*chart.DayData)
		first  string // label at the left
	}{
		{"as usual", func(*chart.DayData) {}, "06"},
		{"used at night", func(d *chart.DayData) { d.So[2], d.So[5] = 10, 10 }, "00"},
		{"usually used at night", func(d *chart.DayData) { d.High[5] = 500 }, "00"},
		{"a trace at night", func(d *chart.DayData) { d.High[5] = 1 }, "06"},
		{"it is night", func(d *chart.DayData) { d.So, d.Now = []int64{0, 0}, 1.5/24 }, "00"},
		{"nothing known", func(d *chart.DayData) { *d = chart.DayData{Now: .5} }, "06"},
	} {
		t.Run(c.name, func(t *testing.T) {
			start(t, fynetheme.VariantDark)
			d := chart.NewDay(words())
			data := day()
			c.change(&data)
			d.Set(data)
			w := open(t, nil, d)
			shows(t, w, c.first)
			if c.first == "06" {
				lacks(t, w, "03")
			}
		})
	}
}
