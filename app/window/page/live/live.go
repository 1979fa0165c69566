// Package live is the Live page: the rate now, the last hour, the sessions in use, the
// allowance windows, and today against a usual day. It applies a view.Live and never asks
// for data. Used on Fyne's goroutine only. Tested by live_test.go with pictures in testdata.
package live

import (
	"strings"

	"fyne.io/fyne/v2"

	"tokenmeter/app/window/chart"
	"tokenmeter/app/window/page/frame"
	"tokenmeter/app/window/theme"
	"tokenmeter/app/window/widget"
	"tokenmeter/internal/view"
)

// Page is the Live page.
type Page struct {
	*frame.Frame
	now      *nowCard
	windows  *windowsCard
	sessions *sessionsCard
	today    *todayCard
}

// New makes an empty page.
func New(o frame.Options) *Page {
	p := &Page{now: newNowCard(o.Tips), windows: newWindowsCard(), sessions: newSessionsCard(o.Tips), today: newTodayCard(o.Tips)}
	p.Frame = frame.New("Live", o, p.place, p.now.Container, p.windows.Container, p.sessions.Container, p.today.Container)
	return p
}

// place gives the upper row a little more than half of the height.
func (p *Page) place(size fyne.Size) {
	height := size.Height - p.Gap
	upper := float32(int(height * .531))
	left := size.Width - p.Side - p.Gap
	p.now.narrow, p.sessions.narrow, p.today.narrow = p.Narrow, p.Narrow, p.Narrow
	widget.Show(p.windows.Container, p.windows.any())
	if p.windows.any() {
		widget.At(p.now.Container, 0, 0, left, upper)
		widget.At(p.windows.Container, left+p.Gap, 0, p.Side, upper)
	} else {
		widget.At(p.now.Container, 0, 0, size.Width, upper)
	}
	widget.At(p.sessions.Container, 0, upper+p.Gap, left, height-upper)
	widget.At(p.today.Container, left+p.Gap, upper+p.Gap, p.Side, height-upper)
}

// Apply shows a view model.
func (p *Page) Apply(l view.Live) {
	if !p.Frame.Apply(l.Subtitle, l.Empty, l.Banners) {
		return
	}
	had := p.windows.any()
	p.now.apply(l)
	p.windows.apply(l.Windows)
	p.sessions.apply(l)
	p.today.apply(l.Today)
	if had != p.windows.any() {
		p.Relay()
	}
}

// aside is one of the three figures at the right of the rate.
type aside struct {
	label, figure, caption *widget.Text
	hint                   *widget.Hint
	slot                   float32
}

func newAside(tips *widget.Tips) *aside {
	return &aside{
		label:   widget.NewNumber(theme.Label, theme.TextSecondary, ""),
		figure:  widget.NewNumber(theme.FigureSmall, theme.TextPrimary, ""),
		caption: widget.NewNumber(theme.Caption, theme.TextTertiary, ""),
		hint:    widget.NewHint(tips),
	}
}

func (a *aside) apply(f view.Figure) {
	a.label.Set(f.Label)
	a.figure.Set(f.Value)
	a.caption.Set(f.Caption)
	a.hint.Set(f.Exact)
}

// width is a slot wide enough for the figures to come, so that nothing jumps; it never
// shrinks.
func (a *aside) width() float32 {
	a.slot = max(a.slot, a.label.Width(), a.caption.Width(), a.figure.Width(), theme.FigureSmall.Width("0.00k"))
	return a.slot
}

// nowCard is the rate and the last hour.
type nowCard struct {
	*widget.Card
	label, rate, usual *widget.Text
	hint               *widget.Hint
	asides             [3]*aside
	chart              *chart.Stacked
	narrow             bool
}

func newNowCard(tips *widget.Tips) *nowCard {
	c := &nowCard{
		label: widget.NewText(theme.LabelMedium, theme.TextSecondary, "Fresh tokens a minute"),
		rate:  widget.NewText(theme.Display, theme.TextPrimary, ""),
		usual: widget.NewText(theme.Caption, theme.TextTertiary, ""),
		hint:  widget.NewHint(tips),
		chart: chart.NewStacked(chart.Look{Gap: 1, Radius: 1, Below: 30, Low: "Cache reads"}, frame.Words()),
	}
	objects := []fyne.CanvasObject{c.label, c.rate, c.usual, c.hint}
	for i := range c.asides {
		a := newAside(tips)
		c.asides[i] = a
		objects = append(objects, a.label, a.figure, a.caption, a.hint)
	}
	// The legend comes first, so that a read-out lies over it.
	objects = append(objects, c.chart.Legend.Container, c.chart)
	c.Card = widget.NewCard("", c.place, objects...)
	return c
}

func (c *nowCard) place(at fyne.Position, size fyne.Size) {
	gap, bottom := float32(28), float32(6)
	if c.narrow {
		gap, bottom = 20, -4
	}
	right := at.X + size.Width
	for i := len(c.asides) - 1; i >= 0; i-- {
		a := c.asides[i]
		width := a.width()
		widget.Line(a.label, right-width, at.Y, width)
		widget.Line(a.figure, right-width, at.Y+20, width)
		widget.Line(a.caption, right-width, at.Y+44, width)
		widget.At(a.hint, right-width, at.Y+20, width, 24)
		right -= width + gap
	}
	widget.Line(c.label, at.X, at.Y, right-at.X)
	widget.Line(c.rate, at.X, at.Y+18, right-at.X)
	widget.Line(c.usual, at.X, at.Y+64, right-at.X)
	widget.At(c.hint, at.X, at.Y+18, c.rate.Width(), 44)
	const top = 92
	height := size.Height - top - 26 - bottom
	widget.At(c.chart, at.X, at.Y+top, size.Width, height)
	widget.At(c.chart.Legend.Container, at.X, at.Y+top+height+10, size.Width, 16)
}

func (c *nowCard) apply(l view.Live) {
	before := c.asides[0].width() + c.asides[1].width() + c.asides[2].width()
	c.label.Set(l.Rate.Label)
	c.rate.Set(l.Rate.Value)
	c.usual.Set(l.Rate.Caption)
	c.hint.Set(l.Rate.Exact)
	for i, f := range [...]view.Figure{l.Cost, l.Reads, l.ReRead} {
		c.asides[i].apply(f)
	}
	if c.asides[0].width()+c.asides[1].width()+c.asides[2].width() != before {
		c.Container.Layout.Layout(c.Container.Objects, c.Container.Size())
	}
	c.chart.Set(hour(l.Chart))
}

// hour makes the stack of the last hour: round ten minutes and now are written.
func hour(c view.Chart) chart.Stack {
	s := chart.Stack{Series: frame.Series(c.Series)}
	for i, x := range c.Columns {
		column := frame.Column(x)
		if i == len(c.Columns)-1 {
			column.Label, column.Strong = "now", true
		} else if start := x.Start; start.Minute()%10 == 0 {
			if c.Zone != nil {
				start = start.In(c.Zone)
			}
			column.Label = start.Format("15:04")
		}
		s.Columns = append(s.Columns, column)
	}
	return s
}

// todayCard is the day against a usual one.
type todayCard struct {
	*widget.Card
	figures, captions [3]*widget.Text
	hints             [3]*widget.Hint
	chart             *chart.Day
	sign              *fyne.Container
	legend, against   *widget.Text
	narrow            bool
}

func newTodayCard(tips *widget.Tips) *todayCard {
	c := &todayCard{
		chart:   chart.NewDay(frame.Words()),
		legend:  widget.NewText(theme.Caption, theme.TextSecondary, ""),
		against: widget.NewNumber(theme.CaptionMedium, theme.TextPrimary, ""),
	}
	band, dash, dot := widget.NewBox(theme.TextTertiary, 0), widget.NewBox(theme.TextTertiary, 0), widget.NewBox(theme.TextTertiary, 0)
	band.SetOpacity(.25)
	c.sign = widget.Place(nil, func(fyne.Size) {
		widget.At(band, 0, 0, 14, 8)
		widget.At(dash, 1, 4, 5, 1)
		widget.At(dot, 8, 4, 5, 1)
	}, band, dash, dot)
	objects := []fyne.CanvasObject{c.sign, c.legend, c.against}
	for i := range c.figures {
		c.figures[i] = widget.NewText(theme.Figure, theme.TextPrimary, "")
		c.captions[i] = widget.NewText(theme.Caption, theme.TextTertiary, "")
		c.hints[i] = widget.NewHint(tips)
		objects = append(objects, c.figures[i], c.captions[i], c.hints[i])
	}
	objects = append(objects, c.chart)
	c.Card = widget.NewCard("Today", c.place, objects...)
	return c
}

func (c *todayCard) place(at fyne.Position, size fyne.Size) {
	x, y := at.X, at.Y+10
	for i := range c.figures {
		width := max(c.figures[i].Width(), c.captions[i].Width())
		widget.Line(c.figures[i], x, y, width)
		widget.Line(c.captions[i], x, y+28, width)
		widget.At(c.hints[i], x, y, width, 28)
		x += width + 24
	}
	y += 56
	height := at.Y + size.Height - y - 40
	if c.narrow {
		height += 4
	}
	widget.At(c.chart, at.X, y, size.Width, height)
	y += height + 10
	against := c.against.Width()
	widget.At(c.sign, at.X, y+3, 14, 8)
	left := at.X
	if c.sign.Visible() {
		left += 20
	}
	widget.Line(c.legend, left, y, max(0, at.X+size.Width-left-against-8))
	widget.Line(c.against, at.X+size.Width-against, y, against)
}

func (c *todayCard) apply(t view.Today) {
	c.SetRight(t.Date)
	for i, f := range [...]view.Figure{t.Fresh, t.Cost, t.Requests} {
		c.figures[i].Set(f.Value)
		c.captions[i].Set(f.Caption)
		c.hints[i].Set(f.Exact)
	}
	legend := t.Legend
	if c.narrow {
		legend, _, _ = strings.Cut(legend, ",")
	}
	c.legend.Set(legend)
	c.against.Set(t.Against)
	widget.Show(c.sign, t.Usual != nil)
	c.chart.Set(chart.DayData{So: t.Hours, Usual: t.Usual, Low: t.Low, High: t.High, Now: t.NowShare})
	c.Container.Layout.Layout(c.Container.Objects, c.Container.Size())
}
