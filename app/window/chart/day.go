package chart

import (
	"fmt"
	"image"
	"image/color"
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"

	"tokenmeter/app/window/theme"
	"tokenmeter/app/window/widget"
)

// DayData is a running sum over a day, against a usual day.
type DayData struct {
	So    []int64 // at the end of each hour so far, the last one being now
	Usual []int64 // at the end of each of the 24 hours, nil = not known
	Low   []int64 // the band about the usual
	High  []int64
	Now   float64 // how much of the day is over, 0…1
}

// first is the hour at which the chart starts: six, unless something happens before.
func (d DayData) first() int {
	const six = 6
	if len(d.So) > 0 && d.So[min(len(d.So), six)-1] > 0 || d.Now < six/24.0 {
		return 0
	}
	// A hundredth of a usual day before six is not worth a quarter of the room.
	if len(d.High) == 24 && d.High[five] > d.High[23]/100 {
		return 0
	}
	return six
}

const five = 5 // the hour that ends at six

func (d DayData) largest() int64 {
	most := int64(0)
	for _, list := range [][]int64{d.So, d.Usual, d.High} {
		for _, v := range list {
			most = max(most, v)
		}
	}
	return most
}

// value is a sum at the end of an hour; at 0 it is nothing.
func value(list []int64, hour int) int64 {
	if hour <= 0 || hour > len(list) {
		return 0
	}
	return list[hour-1]
}

// Day is the chart of a day.
type Day struct {
	plot
	words  Words
	data   DayData
	render *dayRenderer
}

// NewDay makes an empty chart.
func NewDay(words Words) *Day {
	d := &Day{words: words}
	d.plot = plot{
		self: d, steps: func() int { return 24 - d.data.first() }, stepAt: d.hourAt, table: d.Table,
		moved: func() {
			if d.render != nil {
				d.render.point()
			}
		},
		hover: -1, cursor: -1,
	}
	d.ExtendBaseWidget(d)
	return d
}

// Set changes what is shown. The caller must not change it afterwards.
func (d *Day) Set(data DayData) {
	if sameDay(d.data, data) {
		return
	}
	d.data = data
	d.Refresh()
}

func sameDay(a, b DayData) bool {
	same := a.Now == b.Now
	for _, p := range [][2][]int64{{a.So, b.So}, {a.Usual, b.Usual}, {a.Low, b.Low}, {a.High, b.High}} {
		same = same && len(p[0]) == len(p[1])
		for i := 0; same && i < len(p[0]); i++ {
			same = p[0][i] == p[1][i]
		}
	}
	return same
}

// Table says the chart as a table, a line an hour.
func (d *Day) Table() [][]string {
	table := [][]string{{"until", "so far", "usual", "low", "high"}}
	for hour := 1; hour <= 24; hour++ {
		row := []string{fmt.Sprintf("%02d:00", hour)}
		for _, list := range [][]int64{d.data.So, d.data.Usual, d.data.Low, d.data.High} {
			field := ""
			if hour <= len(list) {
				field = formatInt(list[hour-1])
			}
			row = append(row, field)
		}
		table = append(table, row)
	}
	return table
}

func (d *Day) hourAt(x float32) int {
	if x < leftRoom {
		return -1
	}
	n := d.steps()
	return min(n-1, int((x-leftRoom)/(d.Size().Width-leftRoom)*float32(n)))
}

// dayInks are the colours of a day, already looked up.
type dayInks struct{ grid, base, band, usual, line, ground color.RGBA }

// paintDay draws grid, band, usual line, the line so far, and a dot where it stands.
func paintDay(img *image.RGBA, pixels float64, d DayData, k dayInks) {
	left, base, top := leftRoom*pixels, float64(img.Rect.Dy())-math.Round(underRoom*pixels), topRoom*pixels
	hair := max(1, int(pixels))
	axis := tickScale(d.largest())
	first := d.first()
	x := func(hour float64) float64 {
		return left + (hour-float64(first))/float64(24-first)*(float64(img.Rect.Dx())-left)
	}
	y := func(v int64) float64 { return base - axis.share(v)*(base-top) }
	if axis.step > 0 {
		for v := axis.step; v <= axis.top; v += axis.step {
			at := int(math.Round(y(v)))
			fill(img, image.Rect(int(left), at, img.Rect.Dx(), at+hair), k.grid)
		}
	}
	fill(img, image.Rect(int(left), int(base), img.Rect.Dx(), int(base)+hair), k.base)
	pen := newInk(img)
	if len(d.Low) == 24 && len(d.High) == 24 {
		var edge []point
		for hour := first; hour <= 24; hour++ {
			edge = append(edge, point{x(float64(hour)), y(value(d.High, hour))})
		}
		for hour := 24; hour >= first; hour-- {
			edge = append(edge, point{x(float64(hour)), y(value(d.Low, hour))})
		}
		pen.polygon(edge...)
		pen.pour(img, k.band)
	}
	if len(d.Usual) == 24 {
		var line []point
		for hour := first; hour <= 24; hour++ {
			line = append(line, point{x(float64(hour)), y(value(d.Usual, hour))})
		}
		pen.dashes(line, 1.2*pixels, 3*pixels, 3*pixels)
		pen.pour(img, k.usual)
	}
	if len(d.So) == 0 {
		return
	}
	var line []point
	for hour := first; hour < len(d.So); hour++ {
		line = append(line, point{x(float64(hour)), y(value(d.So, hour))})
	}
	end := point{x(max(float64(first), d.Now*24)), y(d.So[len(d.So)-1])}
	line = append(line, end)
	pen.path(line, 2*pixels)
	pen.pour(img, k.line)
	pen.circle(end, 5*pixels)
	pen.pour(img, k.ground)
	pen.circle(end, 3*pixels)
	pen.pour(img, k.line)
}

// CreateRenderer is part of fyne.Widget.
func (d *Day) CreateRenderer() fyne.WidgetRenderer {
	r := &dayRenderer{
		chart:   d,
		ring:    widget.NewFrame(theme.Clear, theme.Accent, theme.RadiusTag, theme.FocusRing),
		column:  widget.NewBox(theme.Hover, 0),
		readout: newReadout(),
	}
	r.raster = canvas.NewRaster(r.paint)
	r.words = widget.Place(nil, func(fyne.Size) {})
	r.axis.add = func(o fyne.CanvasObject) { r.words.Objects = append(r.words.Objects, o) }
	r.objects = []fyne.CanvasObject{r.ring, r.column, r.raster, r.words, r.readout.Container}
	d.render = r
	r.Layout(d.Size())
	return r
}

type dayRenderer struct {
	chart   *Day
	ring    *widget.Box
	column  *widget.Box
	raster  *canvas.Raster
	words   *fyne.Container
	axis    axisWords
	readout *readout
	objects []fyne.CanvasObject

	buffer *image.RGBA
	stale  bool
}

func (r *dayRenderer) Destroy()                     {}
func (r *dayRenderer) Objects() []fyne.CanvasObject { return r.objects }
func (r *dayRenderer) MinSize() fyne.Size           { return fyne.NewSize(200, 80) }

func (r *dayRenderer) Layout(size fyne.Size) {
	widget.At(r.raster, 0, 0, size.Width, size.Height)
	widget.At(r.words, 0, 0, size.Width, size.Height)
	widget.At(r.ring, -4, -8, size.Width+8, size.Height+12)
	r.stale = true
	r.point()
}

func (r *dayRenderer) Refresh() {
	r.stale = true
	r.raster.Refresh()
	r.point()
}

func (r *dayRenderer) paint(width, height int) image.Image {
	size := r.chart.Size()
	if size.Width <= 0 {
		return picture(nil, width, height)
	}
	if !r.stale && r.buffer != nil && r.buffer.Rect.Dx() == width && r.buffer.Rect.Dy() == height {
		return r.buffer
	}
	r.stale = false
	r.buffer = picture(r.buffer, width, height)
	paintDay(r.buffer, float64(width)/float64(size.Width), r.chart.data, dayInks{
		grid: premultiplied(theme.Colour(theme.Gridline)), base: premultiplied(theme.Colour(theme.Border)),
		band: fade(theme.Colour(theme.TextTertiary), .2), usual: premultiplied(theme.Colour(theme.TextTertiary)),
		line: premultiplied(theme.Colour(theme.Accent)), ground: premultiplied(theme.Colour(theme.Surface)),
	})
	return r.buffer
}

func (r *dayRenderer) label() {
	size, d := r.chart.Size(), r.chart.data
	axis, first := tickScale(d.largest()), d.first()
	base := size.Height - underRoom
	r.axis.start()
	r.axis.put("0", theme.TextTertiary, 0, base-7, leftRoom-8, true)
	if axis.step > 0 {
		for v := axis.step; v <= axis.top; v += axis.step {
			y := base - float32(axis.share(v))*(base-topRoom)
			r.axis.put(r.chart.words.Tick(v), theme.TextTertiary, 0, y-7, leftRoom-8, true)
		}
	}
	var list []label
	for hour := first; hour <= 24; hour += 3 {
		x := leftRoom + float32(hour-first)/float32(24-first)*(size.Width-leftRoom)
		list = append(list, label{fmt.Sprintf("%02d", hour), x, hour == first || hour == 24, theme.TextTertiary})
	}
	r.axis.labels(list, leftRoom, size.Width, size.Height-15)
	r.axis.end()
}

func (r *dayRenderer) point() {
	size, d := r.chart.Size(), r.chart.data
	widget.Show(r.ring, r.chart.focused)
	if size.Width <= 0 {
		return
	}
	r.label()
	at := r.chart.at()
	widget.Show(r.column, at >= 0)
	if at < 0 {
		r.readout.hide()
		return
	}
	step := (size.Width - leftRoom) / float32(r.chart.steps())
	from := leftRoom + float32(at)*step
	widget.At(r.column, from, topRoom, step, size.Height-underRoom-topRoom)
	hour := d.first() + at + 1
	title, parts, notes := r.chart.read(hour)
	r.readout.set(title, "", parts, notes)
	r.readout.beside(from, from+step, size)
}

// read says what stood at the end of an hour.
func (d *Day) read(hour int) (title string, parts, notes []readoutLine) {
	title = fmt.Sprintf("Until %02d:00", hour)
	switch {
	case hour < len(d.data.So):
		parts = append(parts, readoutLine{colour: theme.Accent, name: "So far", value: d.words.Value(value(d.data.So, hour))})
	case hour == len(d.data.So):
		title = "Until now"
		parts = append(parts, readoutLine{colour: theme.Accent, name: "So far", value: d.words.Value(value(d.data.So, hour))})
	}
	if len(d.data.Usual) == 24 {
		until := ""
		if hour == len(d.data.So) {
			until = fmt.Sprintf(", until %02d:00", hour)
		}
		notes = append(notes, readoutLine{name: "Usual" + until, value: d.words.Value(value(d.data.Usual, hour))})
	}
	if len(d.data.Low) == 24 && len(d.data.High) == 24 {
		notes = append(notes, readoutLine{name: "Half of them", value: d.words.Value(value(d.data.Low, hour)) + " to " + d.words.Value(value(d.data.High, hour))})
	}
	if len(parts)+len(notes) == 0 {
		notes = append(notes, readoutLine{name: "Not yet"})
	}
	return title, parts, notes
}
