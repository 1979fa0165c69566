package chart

import (
	"image"
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"

	"tokenmeter/app/window/theme"
	"tokenmeter/app/window/widget"
)

// Stacked is a chart of columns over time, each a stack of series.
type Stacked struct {
	plot
	Legend *Legend

	look   Look
	words  Words
	stack  Stack
	hidden []bool
	render *stackedRenderer
}

// NewStacked makes an empty chart.
func NewStacked(look Look, words Words) *Stacked {
	s := &Stacked{look: look, words: words}
	s.plot = plot{
		self: s, steps: func() int { return len(s.stack.Columns) }, stepAt: s.columnAt, table: s.Table,
		moved: func() {
			if s.render != nil {
				s.render.point()
			}
		},
		hover: -1, cursor: -1,
	}
	s.Legend = newLegend(s)
	s.ExtendBaseWidget(s)
	return s
}

// Set changes what is shown. The caller must not change it afterwards.
func (s *Stacked) Set(stack Stack) {
	if sameStack(s.stack, stack) {
		return
	}
	if !sameNames(s.stack.Series, stack.Series) {
		s.hidden = make([]bool, len(stack.Series))
	}
	s.stack = stack
	s.Legend.update()
	s.Refresh()
}

// Toggle switches a series on or off; the last one that is on stays.
func (s *Stacked) Toggle(series int) {
	s.hidden[series] = !s.hidden[series]
	if s.allHidden() {
		s.hidden[series] = false
		return
	}
	s.Legend.update()
	s.Refresh()
}

// Isolate shows one series alone, or all again if it is alone already.
func (s *Stacked) Isolate(series int) {
	alone := !s.hidden[series]
	for i, h := range s.hidden {
		alone = alone && (i == series || h)
	}
	for i := range s.hidden {
		s.hidden[i] = !alone && i != series
	}
	s.Legend.update()
	s.Refresh()
}

func (s *Stacked) allHidden() bool {
	for _, h := range s.hidden {
		if !h {
			return false
		}
	}
	return true
}

// Table says the chart as a table: a line of headings, then a line a column.
func (s *Stacked) Table() [][]string {
	head := []string{""}
	for _, x := range s.stack.Series {
		head = append(head, x.Name)
	}
	if s.look.Low != "" {
		head = append(head, s.look.Low)
	}
	table := [][]string{head}
	for _, c := range s.stack.Columns {
		row := []string{c.Title}
		for i := range s.stack.Series {
			row = append(row, exactOrNothing(c, c.Values[i]))
		}
		if s.look.Low != "" {
			row = append(row, exactOrNothing(c, c.Below))
		}
		table = append(table, row)
	}
	return table
}

func sameStack(a, b Stack) bool {
	if len(a.Series) != len(b.Series) || len(a.Columns) != len(b.Columns) {
		return false
	}
	for i := range a.Series {
		if a.Series[i] != b.Series[i] {
			return false
		}
	}
	for i := range a.Columns {
		x, y := a.Columns[i], b.Columns[i]
		if x.Below != y.Below || x.Absent != y.Absent || x.Label != y.Label || x.Strong != y.Strong ||
			x.Title != y.Title || x.Total != y.Total || x.NoteValue != y.NoteValue || len(x.Values) != len(y.Values) {
			return false
		}
		for j := range x.Values {
			if x.Values[j] != y.Values[j] {
				return false
			}
		}
	}
	return true
}

func sameNames(a, b []Series) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Name != b[i].Name {
			return false
		}
	}
	return true
}

// columnAt is the column at a distance from the left, -1 = none.
func (s *Stacked) columnAt(x float32) int {
	n := len(s.stack.Columns)
	if n == 0 || x < leftRoom {
		return -1
	}
	i := int((x - leftRoom) / (s.Size().Width - leftRoom) * float32(n))
	if i >= n {
		return -1
	}
	return i
}

// CreateRenderer is part of fyne.Widget.
func (s *Stacked) CreateRenderer() fyne.WidgetRenderer {
	r := &stackedRenderer{
		chart:   s,
		ring:    widget.NewFrame(theme.Clear, theme.Accent, theme.RadiusTag, theme.FocusRing),
		column:  widget.NewBox(theme.Hover, 0),
		outline: widget.NewFrame(theme.Clear, theme.Accent, theme.RadiusBar, theme.FocusRing),
		readout: newReadout(),
		axis:    axisWords{},
	}
	r.raster = canvas.NewRaster(r.paint)
	r.words = widget.Place(nil, func(fyne.Size) {})
	r.axis.add = func(o fyne.CanvasObject) { r.words.Objects = append(r.words.Objects, o) }
	r.objects = []fyne.CanvasObject{r.ring, r.column, r.raster, r.words, r.outline, r.readout.Container}
	s.render = r
	r.Layout(s.Size())
	return r
}

type stackedRenderer struct {
	chart   *Stacked
	ring    *widget.Box
	column  *widget.Box
	raster  *canvas.Raster
	words   *fyne.Container
	axis    axisWords
	outline *widget.Box
	readout *readout
	objects []fyne.CanvasObject

	buffer *image.RGBA
	stale  bool
}

func (r *stackedRenderer) Destroy()                     {}
func (r *stackedRenderer) Objects() []fyne.CanvasObject { return r.objects }
func (r *stackedRenderer) MinSize() fyne.Size           { return fyne.NewSize(200, 80) }

func (r *stackedRenderer) Layout(size fyne.Size) {
	widget.At(r.raster, 0, 0, size.Width, size.Height)
	widget.At(r.words, 0, 0, size.Width, size.Height)
	widget.At(r.ring, -4, -8, size.Width+8, size.Height+12)
	r.stale = true
	r.point()
}

func (r *stackedRenderer) Refresh() {
	r.stale = true
	r.raster.Refresh()
	r.point()
}

// paint draws the raster's picture; Fyne asks for it when it has to draw it.
func (r *stackedRenderer) paint(width, height int) image.Image {
	size := r.chart.Size()
	if size.Width <= 0 {
		return picture(nil, width, height)
	}
	if !r.stale && r.buffer != nil && r.buffer.Rect.Dx() == width && r.buffer.Rect.Dy() == height {
		return r.buffer
	}
	r.stale = false
	r.buffer = picture(r.buffer, width, height)
	s := r.chart.stack
	k := inks{
		grid: premultiplied(theme.Colour(theme.Gridline)), base: premultiplied(theme.Colour(theme.Border)),
		zero: premultiplied(theme.Colour(theme.BorderStrong)), low: premultiplied(theme.Colour(theme.CacheRead)),
		series: make([]color.RGBA, len(s.Series)),
	}
	for i, x := range s.Series {
		k.series[i] = premultiplied(theme.Colour(x.Colour))
	}
	g := stackGeometry(width, height, float64(width)/float64(size.Width), len(s.Columns), r.chart.look)
	paintStack(r.buffer, g, r.chart.look, s, r.chart.hidden, k)
	return r.buffer
}

// label writes the words along the axes.
func (r *stackedRenderer) label() {
	size, s, look := r.chart.Size(), r.chart.stack, r.chart.look
	if size.Width <= 0 {
		return
	}
	g := stackGeometry(int(size.Width), int(size.Height), 1, len(s.Columns), look)
	above, below := s.scales(r.chart.hidden)
	plot := float32(g.base - g.top)
	r.axis.start()
	r.axis.put("0", theme.TextTertiary, 0, float32(g.base)-7, leftRoom-8, true)
	if above.step > 0 {
		for v := above.step; v <= above.top; v += above.step {
			y := float32(g.base) - float32(above.share(v))*plot
			r.axis.put(r.chart.words.Tick(v), theme.TextTertiary, 0, y-7, leftRoom-8, true)
		}
	}
	if look.Below > 0 && below.top > 0 {
		r.axis.put(r.chart.words.Tick(below.top), theme.TextTertiary, 0, float32(g.belowEnd)-8, leftRoom-8, true)
	}
	var list []label
	for i, c := range s.Columns {
		if c.Label != "" {
			colour := theme.TextTertiary
			if c.Strong {
				colour = theme.TextSecondary
			}
			if i == r.chart.at() {
				colour = theme.TextPrimary
			}
			list = append(list, label{c.Label, float32(g.left) + (float32(i)+.5)*float32(g.pitch), c.Strong, colour})
		}
	}
	r.axis.labels(list, leftRoom, size.Width, size.Height-15)
	r.axis.end()
}

// point shows what pointer and keyboard stand on.
func (r *stackedRenderer) point() {
	size, s := r.chart.Size(), r.chart.stack
	widget.Show(r.ring, r.chart.focused)
	r.label()
	at := r.chart.at()
	widget.Show(r.column, at >= 0)
	widget.Show(r.outline, at >= 0 && r.chart.hover < 0)
	if at < 0 || size.Width <= 0 {
		r.readout.hide()
		return
	}
	g := stackGeometry(int(size.Width), int(size.Height), 1, len(s.Columns), r.chart.look)
	from := float32(g.left) + float32(at)*float32(g.pitch)
	to := from + float32(g.pitch)
	bottom := float32(g.belowEnd)
	widget.At(r.column, from, float32(g.top), to-from, bottom-float32(g.top))
	widget.At(r.outline, from-1, float32(g.top)-3, to-from+2, bottom-float32(g.top)+6)
	c := s.Columns[at]
	title, total, parts, notes := r.chart.read(c)
	r.readout.set(title, total, parts, notes)
	r.readout.beside(from, to, size)
}

// read puts a column into the lines of a read-out.
func (s *Stacked) read(c Column) (title, total string, parts, notes []readoutLine) {
	title, total = c.Title, c.Total
	if c.Absent {
		return title, "", nil, []readoutLine{{name: c.NoteName}}
	}
	some := false
	for i, h := range s.hidden {
		some = some || h && c.Values[i] > 0
	}
	if some {
		total = s.words.Value(c.total(s.hidden))
	}
	for _, p := range c.Parts {
		if p.Series >= 0 && p.Series < len(s.stack.Series) && !s.hidden[p.Series] {
			line := readoutLine{colour: s.stack.Series[p.Series].Colour, name: p.Name, share: p.Share, value: p.Value}
			if some {
				line.share = ""
			}
			parts = append(parts, line)
		}
	}
	if c.NoteName != "" {
		notes = append(notes, readoutLine{name: c.NoteName, value: c.NoteValue})
	}
	return title, total, parts, notes
}

// exactOrNothing is a number of a table; nothing where there is no record.
func exactOrNothing(c Column, v int64) string {
	if c.Absent {
		return ""
	}
	return formatInt(v)
}
