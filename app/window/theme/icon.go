package theme

import (
	"fmt"
	"image/color"
	"math"

	"fyne.io/fyne/v2"
)

// IconName names a drawn icon.
type IconName string

// The icons, on a grid of 20 with strokes of 1.5.
const (
	IconLive    IconName = "live"
	IconHistory IconName = "history"
	IconFolder  IconName = "folder"
	IconLock    IconName = "lock"
	IconClock   IconName = "clock"
	IconCross   IconName = "cross"
	IconDown    IconName = "down"
	IconPlay    IconName = "play"
)

func (n IconName) path() string {
	switch n {
	case IconLive:
		return `<path d="M2.5 10h3l2.2-5.5 4 11L14 10h3.5"/>`
	case IconHistory:
		return `<path d="M3 16.5h14M5 13.5V10M8.5 13.5V5.5M12 13.5V8M15.5 13.5V3.5"/>`
	case IconFolder:
		return `<path d="M2.5 6V4.5h5l1.5 2h8.5v9.5h-15z"/>`
	case IconLock:
		return `<path d="M6 9h8a1.5 1.5 0 0 1 1.5 1.5v4.5a1.5 1.5 0 0 1-1.5 1.5h-8a1.5 1.5 0 0 1-1.5-1.5v-4.5a1.5 1.5 0 0 1 1.5-1.5z"/><path d="M7 9V6.5a3 3 0 0 1 6 0V9"/>`
	case IconClock:
		return `<circle cx="10" cy="10" r="7"/><path d="M10 6v4.2l2.8 1.8"/>`
	case IconCross:
		return `<path d="M5.5 5.5l9 9M14.5 5.5l-9 9"/>`
	case IconDown:
		return `<path d="M5.5 8l4.5 4.5L14.5 8"/>`
	case IconPlay:
		return `<path d="M6 4l10 6-10 6z"/>`
	}
	return ""
}

func hex(c color.NRGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

// Icon is a drawn icon in the present value of a colour.
func Icon(name IconName, colour fyne.ThemeColorName) fyne.Resource {
	c := hex(Colour(colour))
	return fyne.NewStaticResource(string(name)+c+".svg", []byte(`<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20" viewBox="0 0 20 20">`+
		`<g fill="none" stroke="`+c+`" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round">`+name.path()+`</g></svg>`))
}

// Mark is the sign of the program: a ring filled to two thirds, and a tick.
func Mark() fyne.Resource {
	ring, value, ground, tick := hex(Colour(BorderStrong)), hex(Colour(Accent)), hex(Colour(Background)), hex(Colour(TextPrimary))
	ray := func(from, to float64) string {
		sin, cos := math.Sincos((.855 - .25) * 2 * math.Pi)
		return fmt.Sprintf("M%.3f %.3fL%.3f %.3f", 12+from*cos, 12+from*sin, 12+to*cos, 12+to*sin)
	}
	return fyne.NewStaticResource("mark"+ring+value+ground+tick+".svg", []byte(`<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24" viewBox="0 0 24 24">`+
		`<circle cx="12" cy="12" r="7.5" fill="none" stroke="`+ring+`" stroke-width="4"/>`+
		`<path d="`+arc(12, 12, 7.5, 0, .68)+`" fill="none" stroke="`+value+`" stroke-width="4"/>`+
		`<path d="`+ray(5, 10.2)+`" fill="none" stroke="`+ground+`" stroke-width="4.2"/>`+
		`<path d="`+ray(5.8, 11.2)+`" fill="none" stroke="`+tick+`" stroke-width="2" stroke-linecap="round"/></svg>`))
}

// arc is the path of a part of a circle, clockwise from twelve o'clock, from and to in 0…1.
func arc(x, y, radius, from, to float64) string {
	large := 0
	if to-from > .5 {
		large = 1
	}
	s0, c0 := math.Sincos((from - .25) * 2 * math.Pi)
	s1, c1 := math.Sincos((to - .25) * 2 * math.Pi)
	return fmt.Sprintf("M%.3f %.3fA%g %g 0 %d 1 %.3f %.3f", x+radius*c0, y+radius*s0, radius, radius, large, x+radius*c1, y+radius*s1)
}

// DashedRing is the sign of "nothing here", a ring of dashes. Size is its diameter and
// stroke its thickness, in the unit of the picture; share is how much of the ring is drawn.
func DashedRing(colour fyne.ThemeColorName, size, stroke float64, dashes int, share float64) fyne.Resource {
	c := hex(Colour(colour))
	path := ""
	for i := range dashes {
		from := float64(i) / float64(dashes)
		path += arc(size/2, size/2, (size-stroke)/2, from-share/2/float64(dashes), from+share/2/float64(dashes))
	}
	return fyne.NewStaticResource(fmt.Sprintf("ring%s-%g-%g-%d-%g.svg", c, size, stroke, dashes, share), fmt.Appendf(nil,
		`<svg xmlns="http://www.w3.org/2000/svg" width="%g" height="%g" viewBox="0 0 %g %g"><path d="%s" fill="none" stroke="%s" stroke-width="%g"/></svg>`,
		size, size, size, size, path, c, stroke))
}

// Shape is the silhouette of a verdict, so that it can be told without its colour.
type Shape int

// The shapes, in the order of the verdicts.
const (
	ShapeUnknown Shape = iota // dashed ring
	ShapeCalm                 // open ring
	ShapeTight                // ring with an exclamation mark
	ShapeOut                  // disc with a bar cut out
)

// Glyph draws a verdict's shape, 12 by 12; ground shows through what is cut out.
func Glyph(shape Shape, ground fyne.ThemeColorName) fyne.Resource {
	if shape == ShapeUnknown {
		return DashedRing(Unknown, 11.5, 2, 6, .44)
	}
	var c, g = hex(Colour(shape.Colour())), hex(Colour(ground))
	body := ""
	switch shape {
	case ShapeCalm:
		body = `<circle cx="6" cy="6" r="4.75" fill="none" stroke="` + c + `" stroke-width="2"/>`
	case ShapeTight:
		body = `<circle cx="6" cy="6" r="5.25" fill="none" stroke="` + c + `" stroke-width="1.5"/><rect x="5.1" y="3" width="1.8" height="3.6" fill="` + c + `"/><rect x="5.1" y="7.5" width="1.8" height="1.7" fill="` + c + `"/>`
	case ShapeOut:
		body = `<circle cx="6" cy="6" r="6" fill="` + c + `"/><rect x="2.6" y="4.9" width="6.8" height="2.2" fill="` + g + `"/>`
	}
	return fyne.NewStaticResource(fmt.Sprintf("glyph%d%s%s.svg", shape, c, g), []byte(`<svg xmlns="http://www.w3.org/2000/svg" width="12" height="12" viewBox="0 0 12 12">`+body+`</svg>`))
}

// Colour is the colour of a verdict's glyph and words.
func (s Shape) Colour() fyne.ThemeColorName {
	return [...]fyne.ThemeColorName{Unknown, Calm, Tight, Out}[s]
}

// Fill is the colour of a verdict's bars.
func (s Shape) Fill() fyne.ThemeColorName {
	return [...]fyne.ThemeColorName{UnknownFill, CalmFill, TightFill, OutFill}[s]
}

// Weak is the ground of a verdict's chip.
func (s Shape) Weak() fyne.ThemeColorName {
	return [...]fyne.ThemeColorName{UnknownWeak, CalmWeak, TightWeak, OutWeak}[s]
}
