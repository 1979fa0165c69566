package icon

import (
	"image"
	"image/color"
	"math"

	"golang.org/x/image/vector"

	"tokenmeter/internal/view"
)

// Steps is into how many parts the ring's share is cut: a smaller change is not drawn.
const Steps = 32

// Panel is what the icon lies on.
type Panel int

// The panels. Template is black on nothing, for macOS to colour. Unsure is for desktops that
// do not tell: its colours can be seen on light and on dark.
const (
	Dark Panel = iota
	Light
	Template
	Unsure
)

// Face is one picture: two faces are drawn alike exactly if they are equal.
type Face struct {
	Ring  view.Ring
	Panel Panel
}

// FaceOf reduces a ring to what is drawn of it.
func FaceOf(r view.Ring, p Panel) Face {
	share := r.Share
	if !(share > 0) { // not a number, too
		share = 0
	}
	share = math.Min(share, 1)
	if step := math.Round(share * Steps); step == 0 && share > 0 {
		r.Share = 1.0 / Steps
	} else {
		r.Share = step / Steps
	}
	switch {
	case r.Failed:
		r = view.Ring{Failed: true}
	case r.Stale:
		r = view.Ring{Stale: true, Share: r.Share}
	}
	return Face{Ring: r, Panel: p}
}

// Sizes lists the sizes that have a drawing of their own, in pixels.
func Sizes() []int {
	sizes := make([]int, len(drawings))
	for i, d := range drawings {
		sizes[i] = d.size
	}
	return sizes
}

// Draw makes the picture in the largest size of Sizes that is not above size, or the
// smallest.
func Draw(f Face, size int) *image.RGBA {
	d := drawings[0]
	for _, other := range drawings {
		if other.size <= size {
			d = other
		}
	}
	c := canvas{drawing: d, image: image.NewRGBA(image.Rect(0, 0, d.size, d.size)), centre: float64(d.size) / 2}
	c.face(f)
	return c.image
}

// drawing is the geometry of one size, in pixels. Bang, bar and hand are boxes on whole
// pixels, so that they are sharp.
type drawing struct {
	size      int
	radius    float64 // outer, of the ring
	thickness float64
	bang      [4]float64 // width and height of the stroke, gap, height of the dot
	disc      float64    // radius
	bar       [2]float64 // width, height
	cross     float64    // half its width
	crossLine float64
	dot       float64 // radius
	cut       float64 // radius of what the dot cuts out
	hand      float64 // width of the clock's hands
	dashes    int
	gap       float64 // share of a dash that is left out
}

// drawings is never changed. Smallest first.
var drawings = [...]drawing{
	{16, 8, 3, [4]float64{2, 5, 1, 2}, 4, [2]float64{6, 2}, 3, 2, 3, 4, 2, 8, .30},
	{22, 10, 4, [4]float64{2, 6, 1, 2}, 5, [2]float64{6, 2}, 3, 2, 4, 5, 2, 8, .30},
	{24, 11, 4, [4]float64{2, 6, 2, 2}, 6, [2]float64{8, 2}, 3.5, 2, 4, 5.5, 2, 8, .30},
	{32, 15, 5, [4]float64{4, 8, 2, 3}, 8, [2]float64{10, 4}, 5, 3, 5, 7, 3, 12, .28},
	{48, 22, 7, [4]float64{5, 12, 3, 4}, 12, [2]float64{16, 5}, 7, 4, 7, 9.5, 4, 12, .28},
	{64, 30, 10, [4]float64{6, 16, 4, 6}, 16, [2]float64{22, 6}, 10, 6, 9, 12, 6, 12, .28},
}

// palette is the colours on one panel.
type palette struct {
	calm, tight, out, ink color.NRGBA
	track                 float64 // opacity of what is not used
}

// palettes is never changed; by Panel.
var palettes = [...]palette{
	Dark:     {rgb(0x3FC8B0), rgb(0xF5B43A), rgb(0xFF7468), rgb(0xF1F4F5), .30},
	Light:    {rgb(0x0A7A69), rgb(0xA86A00), rgb(0xC22E29), rgb(0x1A2024), .24},
	Template: {rgb(0), rgb(0), rgb(0), rgb(0), .30},
	Unsure:   {rgb(0x0F9480), rgb(0xB87700), rgb(0xDB4A42), rgb(0x7B868D), .45},
}

func rgb(hex uint32) color.NRGBA {
	return color.NRGBA{R: uint8(hex >> 16), G: uint8(hex >> 8), B: uint8(hex), A: 255}
}

func (p palette) verdict(v view.Verdict) color.NRGBA {
	switch v {
	case view.Calm:
		return p.calm
	case view.Tight:
		return p.tight
	case view.Out:
		return p.out
	}
	return p.ink
}

// canvas is a picture being drawn.
type canvas struct {
	drawing
	image  *image.RGBA
	centre float64
}

func (c *canvas) face(f Face) {
	p := palettes[f.Panel]
	switch r := f.Ring; {
	case r.Failed:
		c.arc(0, 1, p.ink, p.track+.1)
		c.drawCross(p.ink)
	case r.Stale:
		c.arc(r.Share, 1, p.ink, p.track)
		c.arc(0, r.Share, p.ink, .55)
		c.drawHands(p.ink)
	case r.Verdict == view.Unknown:
		c.drawDashes(r.Share, p)
	default:
		verdict := p.verdict(r.Verdict)
		c.arc(r.Share, 1, p.ink, p.track)
		c.arc(0, r.Share, verdict, 1)
		switch r.Verdict {
		case view.Tight:
			c.drawBang(verdict)
		case view.Out:
			c.drawDisc(verdict)
		}
	}
	if f.Ring.Live {
		c.drawDot(p.ink)
	}
}

// arc draws the ring from one share to another, clockwise from 12 o'clock.
func (c *canvas) arc(from, to float64, ink color.NRGBA, opacity float64) {
	if to <= from {
		return
	}
	outer := sweep(c.centre, c.centre, c.radius, from, to)
	inner := sweep(c.centre, c.centre, c.radius-c.thickness, to, from)
	if from == 0 && to == 1 {
		c.fill(ink, opacity, outer, inner)
		return
	}
	c.fill(ink, opacity, append(outer, inner...))
}

func (c *canvas) drawDashes(share float64, p palette) {
	n := float64(c.dashes)
	for i := range c.dashes {
		at, opacity := float64(i), p.track
		if at/n < share {
			opacity = 1
		}
		c.arc((at+c.gap/2)/n, (at+1-c.gap/2)/n, p.ink, opacity)
	}
}

func (c *canvas) drawBang(ink color.NRGBA) {
	width, height, gap, dot := c.bang[0], c.bang[1], c.bang[2], c.bang[3]
	left, top := c.centre-width/2, math.Round(c.centre-(height+gap+dot)/2)
	c.fill(ink, 1, box(left, top, width, height), box(left, top+height+gap, width, dot))
}

func (c *canvas) drawDisc(ink color.NRGBA) {
	bar := box(c.centre-c.bar[0]/2, c.centre-c.bar[1]/2, c.bar[0], c.bar[1])
	c.fill(ink, 1, sweep(c.centre, c.centre, c.disc, 0, 1), reversed(bar))
}

func (c *canvas) drawCross(ink color.NRGBA) {
	// A stroke along each diagonal: half its width, seen along the axes.
	half := c.crossLine / 2 / math.Sqrt2
	near, far := c.centre-c.cross, c.centre+c.cross
	c.fill(ink, 1,
		[]point{{near + half, near - half}, {far + half, far - half}, {far - half, far + half}, {near - half, near + half}},
		[]point{{far + half, near + half}, {near + half, far + half}, {near - half, far - half}, {far - half, near - half}})
}

func (c *canvas) drawHands(ink color.NRGBA) {
	length := math.Round(c.radius * .36)
	half := c.hand * .75 / 2
	x, y := c.centre-c.hand/2, c.centre+c.hand/2
	top, right := c.centre-length, c.centre+length*.85
	c.fill(ink, .8, []point{{x - half, top}, {x + half, top}, {x + half, y - half}, {right, y - half}, {right, y + half}, {x - half, y + half}})
}

// drawDot cuts a hole below right and puts the live dot into it.
func (c *canvas) drawDot(ink color.NRGBA) {
	at := float64(c.size) - c.dot
	hole := c.rasterize(sweep(at, at, c.cut, 0, 1))
	for i, a := range hole.Pix {
		for k := range 4 {
			v := &c.image.Pix[i*4+k]
			*v = uint8((uint32(*v)*(255-uint32(a)) + 127) / 255)
		}
	}
	c.fill(ink, 1, sweep(at, at, c.dot, 0, 1))
}

// fill paints what the outlines enclose; one that runs the other way is a hole.
func (c *canvas) fill(ink color.NRGBA, opacity float64, outlines ...[]point) {
	cover := c.rasterize(outlines...)
	for i, a := range cover.Pix {
		if a == 0 {
			continue
		}
		alpha := float64(a) / 255 * opacity
		pixel := c.image.Pix[i*4 : i*4+4 : i*4+4]
		for k, v := range [4]uint8{ink.R, ink.G, ink.B, 255} {
			pixel[k] = uint8(math.Round(float64(v)*alpha + float64(pixel[k])*(1-alpha)))
		}
	}
}

// rasterize gives how much of each pixel the outlines cover.
func (c *canvas) rasterize(outlines ...[]point) *image.Alpha {
	z := vector.NewRasterizer(c.size, c.size)
	for _, outline := range outlines {
		for i, p := range outline {
			if i == 0 {
				z.MoveTo(float32(p.x), float32(p.y))
			} else {
				z.LineTo(float32(p.x), float32(p.y))
			}
		}
		z.ClosePath()
	}
	cover := image.NewAlpha(c.image.Bounds())
	z.Draw(cover, cover.Bounds(), image.Opaque, image.Point{})
	return cover
}

type point struct{ x, y float64 }

// sweep is the points of an arc between two shares of a turn, clockwise from 12 o'clock if
// to is above from, else the other way round.
func sweep(x, y, radius, from, to float64) []point {
	const perTurn = 96 // off the circle by less than 1/60 pixel at the largest size
	n := max(2, int(math.Ceil(math.Abs(to-from)*perTurn)))
	points := make([]point, 0, n+1)
	for i := range n + 1 {
		sin, cos := math.Sincos((from + (to-from)*float64(i)/float64(n)) * 2 * math.Pi)
		points = append(points, point{x + radius*sin, y - radius*cos})
	}
	return points
}

func box(x, y, width, height float64) []point {
	return []point{{x, y}, {x + width, y}, {x + width, y + height}, {x, y + height}}
}

func reversed(outline []point) []point {
	turned := make([]point, len(outline))
	for i, p := range outline {
		turned[len(outline)-1-i] = p
	}
	return turned
}
