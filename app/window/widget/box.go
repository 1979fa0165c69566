package widget

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	fynewidget "fyne.io/fyne/v2/widget"

	"tokenmeter/app/window/theme"
)

// Box is a rectangle in colours of the theme, which follows the theme's change.
type Box struct {
	fynewidget.BaseWidget
	fill, stroke fyne.ThemeColorName
	radius       float32
	width        float32
	opacity      float32
	leftOnly     bool // only the left corners are round
}

// NewBox makes a rectangle without a border.
func NewBox(fill fyne.ThemeColorName, radius float32) *Box {
	return NewFrame(fill, theme.Clear, radius, 0)
}

// NewFrame makes a rectangle with a border of the given width inside its edge.
func NewFrame(fill, stroke fyne.ThemeColorName, radius, width float32) *Box {
	b := &Box{fill: fill, stroke: stroke, radius: radius, width: width, opacity: 1}
	b.ExtendBaseWidget(b)
	return b
}

// SetFill changes the colour.
func (b *Box) SetFill(fill fyne.ThemeColorName) {
	if b.fill != fill {
		b.fill = fill
		b.Refresh()
	}
}

// SetOpacity changes how much of the fill is seen, 0…1.
func (b *Box) SetOpacity(opacity float32) {
	if b.opacity != opacity {
		b.opacity = opacity
		b.Refresh()
	}
}

// CreateRenderer is part of fyne.Widget.
func (b *Box) CreateRenderer() fyne.WidgetRenderer {
	r := &boxRenderer{box: b, outer: canvas.NewRectangle(nil), objects: make([]fyne.CanvasObject, 1, 2)}
	r.objects[0] = r.outer
	if b.framed() {
		r.inner = canvas.NewRectangle(nil)
		r.objects = append(r.objects, r.inner)
	}
	r.style()
	r.Layout(b.Size())
	return r
}

// framed boxes are drawn as one rectangle in another: Fyne's own strokes lie across the
// edge and are not sharp.
func (b *Box) framed() bool { return b.width > 0 && b.fill != theme.Clear }

type boxRenderer struct {
	box          *Box
	outer, inner *canvas.Rectangle
	objects      []fyne.CanvasObject
}

func (r *boxRenderer) Destroy()                     {}
func (r *boxRenderer) Objects() []fyne.CanvasObject { return r.objects }
func (r *boxRenderer) MinSize() fyne.Size           { return fyne.Size{} }

func (r *boxRenderer) Layout(size fyne.Size) {
	r.outer.Resize(size)
	if r.inner != nil {
		w := r.box.width
		At(r.inner, w, w, max(0, size.Width-2*w), max(0, size.Height-2*w))
	}
}

func (r *boxRenderer) Refresh() {
	r.style()
	r.outer.Refresh()
	if r.inner != nil {
		r.inner.Refresh()
	}
}

func (r *boxRenderer) style() {
	b := r.box
	fill, stroke := theme.Fade(b.fill, b.opacity), theme.Colour(b.stroke)
	switch {
	case r.inner != nil:
		r.outer.FillColor, r.outer.CornerRadius = stroke, b.radius
		r.inner.FillColor, r.inner.CornerRadius = fill, max(0, b.radius-b.width)
	case b.leftOnly:
		r.outer.FillColor = fill
		r.outer.TopLeftCornerRadius, r.outer.BottomLeftCornerRadius = b.radius, b.radius
	default:
		r.outer.FillColor, r.outer.CornerRadius = fill, b.radius
		r.outer.StrokeColor, r.outer.StrokeWidth = stroke, b.width
	}
}

// Picture is a drawn sign that is drawn anew when the theme changes.
type Picture struct {
	fynewidget.BaseWidget
	draw func() fyne.Resource
}

// NewPicture shows what draw makes.
func NewPicture(draw func() fyne.Resource) *Picture {
	p := &Picture{draw: draw}
	p.ExtendBaseWidget(p)
	return p
}

// NewIcon shows an icon in a colour of the theme.
func NewIcon(name theme.IconName, colour fyne.ThemeColorName) *Picture {
	return NewPicture(func() fyne.Resource { return theme.Icon(name, colour) })
}

// Set changes what is drawn.
func (p *Picture) Set(draw func() fyne.Resource) {
	p.draw = draw
	p.Refresh()
}

// CreateRenderer is part of fyne.Widget.
func (p *Picture) CreateRenderer() fyne.WidgetRenderer {
	image := canvas.NewImageFromResource(p.draw())
	image.FillMode = canvas.ImageFillContain
	image.Resize(p.Size())
	return &pictureRenderer{picture: p, image: image}
}

type pictureRenderer struct {
	picture *Picture
	image   *canvas.Image
}

func (r *pictureRenderer) Destroy()                     {}
func (r *pictureRenderer) Objects() []fyne.CanvasObject { return []fyne.CanvasObject{r.image} }
func (r *pictureRenderer) MinSize() fyne.Size           { return fyne.Size{} }
func (r *pictureRenderer) Layout(size fyne.Size)        { r.image.Resize(size) }
func (r *pictureRenderer) Refresh() {
	resource := r.picture.draw()
	if r.image.Resource.Name() == resource.Name() {
		return
	}
	r.image.Resource = resource
	r.image.Refresh()
}
