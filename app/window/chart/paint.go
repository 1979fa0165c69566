package chart

import (
	"image"
	"image/color"
	"math"

	"golang.org/x/image/vector"
)

// picture returns an empty picture of the given size in pixels, in the old buffer if it fits.
func picture(old *image.RGBA, width, height int) *image.RGBA {
	size := image.Rect(0, 0, max(width, 1), max(height, 1))
	if old == nil || old.Rect != size {
		return image.NewRGBA(size)
	}
	clear(old.Pix)
	return old
}

// premultiplied is a colour as the pixels of a picture hold it.
func premultiplied(c color.NRGBA) color.RGBA { return color.RGBAModel.Convert(c).(color.RGBA) }

// fade gives a colour another opacity, 0…1.
func fade(c color.NRGBA, opacity float64) color.RGBA {
	c.A = uint8(float64(c.A)*opacity + .5)
	return premultiplied(c)
}

// fill overwrites a rectangle.
func fill(img *image.RGBA, r image.Rectangle, c color.RGBA) {
	r = r.Intersect(img.Rect)
	if r.Empty() {
		return
	}
	first := img.Pix[img.PixOffset(r.Min.X, r.Min.Y) : img.PixOffset(r.Max.X-1, r.Min.Y)+4]
	for i := 0; i < len(first); i += 4 {
		first[i], first[i+1], first[i+2], first[i+3] = c.R, c.G, c.B, c.A
	}
	for y := r.Min.Y + 1; y < r.Max.Y; y++ {
		copy(img.Pix[img.PixOffset(r.Min.X, y):], first)
	}
}

// blend lays a colour over one pixel with a coverage of 0…1.
func blend(img *image.RGBA, x, y int, c color.RGBA, coverage float64) {
	if coverage <= 0 || !(image.Point{X: x, Y: y}).In(img.Rect) {
		return
	}
	coverage = min(coverage, 1)
	p := img.Pix[img.PixOffset(x, y):]
	rest := 1 - float64(c.A)/255*coverage
	for i, v := range [4]uint8{c.R, c.G, c.B, c.A} {
		p[i] = uint8(float64(v)*coverage + float64(p[i])*rest + .5)
	}
}

// fillTop overwrites a rectangle whose upper corners, or lower ones if below, are round.
func fillTop(img *image.RGBA, r image.Rectangle, radius int, below bool, c color.RGBA) {
	radius = min(radius, r.Dx()/2, r.Dy())
	if radius <= 0 {
		fill(img, r, c)
		return
	}
	body := r
	if below {
		body.Max.Y -= radius
	} else {
		body.Min.Y += radius
	}
	fill(img, body, c)
	for dy := range radius {
		y := r.Min.Y + dy
		if below {
			y = r.Max.Y - 1 - dy
		}
		fill(img, image.Rect(r.Min.X+radius, y, r.Max.X-radius, y+1), c)
		for dx := range radius {
			cover := corner(radius, dx, dy)
			blend(img, r.Min.X+dx, y, c, cover)
			blend(img, r.Max.X-1-dx, y, c, cover)
		}
	}
}

// corner is how much of a pixel lies inside a round corner, dx and dy pixels from its tip.
func corner(radius, dx, dy int) float64 {
	const steps = 4
	inside := 0
	for i := range steps {
		for j := range steps {
			x := float64(radius) - float64(dx) - (float64(i)+.5)/steps
			y := float64(radius) - float64(dy) - (float64(j)+.5)/steps
			if x*x+y*y <= float64(radius*radius) {
				inside++
			}
		}
	}
	return float64(inside) / (steps * steps)
}

// hatch fills a rectangle with diagonal lines and a border, both line pixels wide.
func hatch(img *image.RGBA, r image.Rectangle, gap, line float64, c color.RGBA) {
	period := gap * math.Sqrt2
	width := line * math.Sqrt2
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			off := math.Mod(float64(x-r.Min.X)+float64(y-r.Min.Y), period)
			off = min(off, period-off)
			blend(img, x, y, c, width/2+.5-off)
		}
	}
	w := max(1, int(line+.5))
	fill(img, image.Rect(r.Min.X, r.Min.Y, r.Max.X, r.Min.Y+w), c)
	fill(img, image.Rect(r.Min.X, r.Max.Y-w, r.Max.X, r.Max.Y), c)
	fill(img, image.Rect(r.Min.X, r.Min.Y, r.Min.X+w, r.Max.Y), c)
	fill(img, image.Rect(r.Max.X-w, r.Min.Y, r.Max.X, r.Max.Y), c)
}

type point struct{ x, y float64 }

// ink collects outlines and lays them onto a picture in one colour.
type ink struct{ r *vector.Rasterizer }

func newInk(img *image.RGBA) ink { return ink{vector.NewRasterizer(img.Rect.Dx(), img.Rect.Dy())} }

func (k ink) pour(img *image.RGBA, c color.RGBA) {
	k.r.Draw(img, img.Rect, image.NewUniform(c), image.Point{})
	k.r.Reset(img.Rect.Dx(), img.Rect.Dy())
}

func (k ink) polygon(points ...point) {
	k.r.MoveTo(float32(points[0].x), float32(points[0].y))
	for _, p := range points[1:] {
		k.r.LineTo(float32(p.x), float32(p.y))
	}
	k.r.ClosePath()
}

// line adds a line of some width. All lines run round their outline the same way, so that
// where two overlap nothing is cut out.
func (k ink) line(a, b point, width float64) {
	length := math.Hypot(b.x-a.x, b.y-a.y)
	if length == 0 {
		return
	}
	nx, ny := -(b.y-a.y)/length*width/2, (b.x-a.x)/length*width/2
	k.polygon(point{a.x + nx, a.y + ny}, point{a.x - nx, a.y - ny}, point{b.x - nx, b.y - ny}, point{b.x + nx, b.y + ny})
}

func (k ink) circle(at point, radius float64) {
	const sides = 32
	points := make([]point, sides)
	for i := range points {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / sides)
		points[i] = point{at.x + radius*cos, at.y + radius*sin}
	}
	k.polygon(points...)
}

// path adds a line through all points, its joints round.
func (k ink) path(points []point, width float64) {
	for i := 1; i < len(points); i++ {
		k.line(points[i-1], points[i], width)
		if i < len(points)-1 {
			k.circle(points[i], width/2)
		}
	}
}

// dashes adds a dashed line through all points.
func (k ink) dashes(points []point, width, on, off float64) {
	left, drawing := on, true
	for i := 1; i < len(points); i++ {
		a, b := points[i-1], points[i]
		for {
			length := math.Hypot(b.x-a.x, b.y-a.y)
			if length == 0 {
				break
			}
			step := min(left, length)
			to := point{a.x + (b.x-a.x)*step/length, a.y + (b.y-a.y)*step/length}
			if drawing {
				k.line(a, to, width)
			}
			a = to
			if left -= step; left <= 0 {
				drawing = !drawing
				left = off
				if drawing {
					left = on
				}
			}
			if step == length {
				break
			}
		}
	}
}
