package chart

import (
	"strconv"

	"fyne.io/fyne/v2"

	"tokenmeter/app/window/theme"
	"tokenmeter/app/window/widget"
)

// Legend names the series of a stacked chart in stacking order and switches them. It is
// laid out apart from the chart.
type Legend struct {
	*fyne.Container
	chart *Stacked
	keys  []*widget.Key
	low   *widget.Key // what hangs below the base line
	// Trailing puts the entries at the right end instead of the left one.
	Trailing bool
}

const keyGap = 16

func newLegend(s *Stacked) *Legend {
	l := &Legend{chart: s}
	var objects []fyne.CanvasObject
	if s.look.Low != "" {
		l.low = widget.NewKey(nil, nil)
		l.low.Set(theme.CacheRead, s.look.Low+", own scale", "", false)
		objects = append(objects, l.low)
	}
	l.Container = widget.Place(nil, l.place, objects...)
	return l
}

// Width is the room that all entries need.
func (l *Legend) Width() float32 {
	width := float32(0)
	for _, k := range l.keys[:len(l.chart.stack.Series)] {
		width += k.Width(true) + keyGap
	}
	return max(0, width-keyGap)
}

func (l *Legend) update() {
	series := l.chart.stack.Series
	for len(l.keys) < len(series) {
		i := len(l.keys)
		k := widget.NewKey(func() { l.chart.Toggle(i) }, func() { l.chart.Isolate(i) })
		l.keys = append(l.keys, k)
		l.Container.Objects = append(l.Container.Objects, k)
	}
	for i, k := range l.keys {
		widget.Show(k, i < len(series))
		if i < len(series) {
			k.Set(series[i].Colour, series[i].Name, series[i].Value, l.chart.hidden[i])
		}
	}
	l.place(l.Container.Size())
	l.Container.Refresh()
}

// place lays the entries out; where the room is too small, first the values go and then
// the names are cut.
func (l *Legend) place(size fyne.Size) {
	if size.Width <= 0 {
		return
	}
	room := size.Width
	if l.low != nil {
		width := l.low.Width(false)
		widget.At(l.low, size.Width-width, 0, width, size.Height)
		room -= width + keyGap
	}
	keys := l.keys[:len(l.chart.stack.Series)]
	values := l.Width() <= room
	sum := float32(0)
	for _, k := range keys {
		sum += k.Width(values) + keyGap
	}
	sum -= keyGap
	x, limit := float32(0), room
	if sum > room && len(keys) > 0 {
		limit = (room+keyGap)/float32(len(keys)) - keyGap
	}
	if l.Trailing && sum < room {
		x = room - sum
	}
	for _, k := range keys {
		k.ShowValue(values)
		width := min(k.Width(values), limit)
		widget.At(k, x, 0, width, size.Height)
		x += width + keyGap
	}
}

func formatInt(v int64) string { return strconv.FormatInt(v, 10) }
