package chart

import (
	"image"
	"image/color"
	"math"

	"fyne.io/fyne/v2"
)

// Series is one colour of a stack.
type Series struct {
	Name   string
	Value  string // beside the name in the legend, "" = none
	Colour fyne.ThemeColorName
}

// Part is a line of a read-out.
type Part struct {
	Series             int
	Name, Share, Value string
}

// Column is one step of the time axis.
type Column struct {
	Values []int64 // one for each series
	Below  int64   // below the base line, on a scale of its own
	Absent bool    // nothing was recorded, which is not zero
	Label  string  // under the axis, "" = none
	Strong bool    // the label stands even where others must give way

	Title, Total        string // of the read-out
	Parts               []Part // in stack order from above
	NoteName, NoteValue string // apart from the parts
}

// Stack is what a stacked chart shows. It is not changed once it is handed over.
type Stack struct {
	Series  []Series
	Columns []Column
}

// Words puts numbers into words: a figure of a read-out, and a round one of an axis.
type Words struct{ Value, Tick func(int64) string }

// Look is how columns are drawn, in the units of the window.
type Look struct {
	Gap    float32 // at each side of a column
	Radius float32 // of the upper corners
	Below  float32 // height of what hangs below the base line, 0 = nothing hangs there
	Low    string  // what hangs below, for the legend and the table
}

// Distances in a chart, in the units of the window.
const (
	leftRoom  = 34 // for the axis's words
	underRoom = 18 // for the labels
	topRoom   = 4
	belowGap  = 6
)

// geometry is where things are in a chart, in pixels.
type geometry struct {
	scale       float64 // pixels a unit
	left, right int     // of the plot
	top, base   int
	below       int // where the part below starts
	belowEnd    int
	pitch       float64 // from column to column
	bar         int     // width of a column
	gap         float64
}

func stackGeometry(width, height int, pixels float64, columns int, look Look) geometry {
	px := func(v float32) int { return int(math.Round(float64(v) * pixels)) }
	g := geometry{scale: pixels, left: px(leftRoom), right: width, top: px(topRoom)}
	g.base = height - px(underRoom)
	g.belowEnd = g.base
	if look.Below > 0 {
		g.base -= px(look.Below) + px(belowGap)
	}
	g.below = g.base + px(belowGap)
	g.pitch = float64(g.right-g.left) / float64(max(columns, 1))
	g.gap = min(float64(look.Gap)*pixels, g.pitch*.15)
	g.bar = max(1, int(g.pitch-2*g.gap))
	return g
}

// column is a column's place from left to right.
func (g geometry) column(i int) (from, to int) {
	middle := float64(g.left) + (float64(i)+.5)*g.pitch
	from = int(math.Round(middle - float64(g.bar)/2))
	return from, from + g.bar
}

// inks are the colours of a chart, already looked up.
type inks struct {
	series                []color.RGBA
	grid, base, zero, low color.RGBA
}

// scales finds the axes of a stack without its hidden series.
func (s Stack) scales(hidden []bool) (above, below scale) {
	var most, deepest int64
	for _, c := range s.Columns {
		most = max(most, c.total(hidden))
		deepest = max(deepest, c.Below)
	}
	return tickScale(most), endScale(deepest)
}

// total is the height of a column without the hidden series.
func (c Column) total(hidden []bool) int64 {
	var sum int64
	for i, v := range c.Values {
		if i >= len(hidden) || !hidden[i] {
			sum += v
		}
	}
	return sum
}

// paintStack draws a stack: grid, base line, columns, and what hangs below.
func paintStack(img *image.RGBA, g geometry, look Look, s Stack, hidden []bool, k inks) {
	above, below := s.scales(hidden)
	hair := max(1, int(g.scale))
	plot := g.base - g.top
	if above.step > 0 {
		for v := above.step; v <= above.top; v += above.step {
			y := g.base - int(math.Round(above.share(v)*float64(plot)))
			fill(img, image.Rect(g.left, y, g.right, y+hair), k.grid)
		}
	}
	fill(img, image.Rect(g.left, g.base, g.right, g.base+hair), k.base)
	radius := int(math.Round(float64(look.Radius) * g.scale))
	for i, c := range s.Columns {
		from, to := g.column(i)
		if c.Absent {
			hatch(img, image.Rect(from, g.base-int(18*g.scale), to, g.base), 5*g.scale, float64(hair), k.zero)
			continue
		}
		paintColumn(img, image.Rect(from, g.top, to, g.base), above, hair, radius, c.Values, hidden, k.series)
		if c.total(hidden) == 0 {
			fill(img, image.Rect(from, g.base-2*hair, to, g.base), k.zero)
		}
		if look.Below > 0 && c.Below > 0 {
			deep := max(1, int(math.Round(below.share(c.Below)*float64(g.belowEnd-g.below))))
			fillTop(img, image.Rect(from, g.below, to, g.below+deep), min(radius, hair), true, k.low)
		}
	}
}

// paintColumn stacks the values of one column from the base line up, with a line of
// nothing between two neighbours. What is not zero is at least a pixel high.
func paintColumn(img *image.RGBA, room image.Rectangle, above scale, seam, radius int, values []int64, hidden []bool, colours []color.RGBA) {
	last := -1
	for i, v := range values {
		if v > 0 && !hidden[i] {
			last = i
		}
	}
	var sum int64
	bottom := room.Max.Y
	for i, v := range values[:last+1] {
		if v <= 0 || hidden[i] {
			continue
		}
		sum += v
		top := min(room.Max.Y-int(math.Round(above.share(sum)*float64(room.Dy()))), bottom-1)
		part := image.Rect(room.Min.X, top, room.Max.X, bottom)
		if bottom < room.Max.Y && part.Dy() > seam {
			part.Max.Y -= seam
		}
		if i == last && part.Dy() > radius {
			fillTop(img, part, radius, false, colours[i])
		} else {
			fill(img, part, colours[i])
		}
		bottom = top
	}
}
