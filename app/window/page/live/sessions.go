package live

import (
	"fyne.io/fyne/v2"
	fynewidget "fyne.io/fyne/v2/widget"

	"tokenmeter/app/window/theme"
	"tokenmeter/app/window/widget"
	"tokenmeter/internal/view"
)

// widths of the columns of figures, from the left.
type widths struct{ context, fresh, cost, line float32 }

func columnWidths(slim bool) widths {
	if slim {
		return widths{context: 84, fresh: 64, cost: 64}
	}
	return widths{context: 88, fresh: 72, cost: 68, line: 84}
}

// sessionsCard lists the sessions in use.
type sessionsCard struct {
	*widget.Card
	tips     *widget.Tips
	sessions []view.Session
	heads    [5]*widget.Text
	rule     *widget.Box
	rows     *widget.Rows
	keys     *widget.Keys
	none     *fyne.Container
	idle     *widget.Text
	narrow   bool // lower rows
	slim     bool // no room for the last column
}

func newSessionsCard(tips *widget.Tips) *sessionsCard {
	c := &sessionsCard{tips: tips, rule: widget.NewBox(theme.Border, 0)}
	for i, title := range [...]string{"Project, branch, model", "Context", "Fresh", "Cost", "Last line"} {
		c.heads[i] = widget.NewNumber(theme.CaptionMedium, theme.TextTertiary, title)
		if i == 0 {
			c.heads[i] = widget.NewText(theme.CaptionMedium, theme.TextTertiary, title)
		}
	}
	c.rows = widget.NewRows(46,
		func() int { return len(c.sessions) },
		func() fyne.CanvasObject { return newSessionRow(c) },
		func(i int, o fyne.CanvasObject) { o.(*sessionRow).set(c.sessions[i], i == len(c.sessions)-1) })
	c.keys = widget.NewKeys(c.rows, 6, nil, nil)
	ring := widget.NewPicture(func() fyne.Resource { return theme.DashedRing(theme.BorderStrong, 42, 6, 12, .62) })
	headline := widget.NewText(theme.BodyMedium, theme.TextPrimary, "No sessions in the last 30 minutes")
	c.idle = widget.NewText(theme.Caption, theme.TextTertiary, "")
	c.none = widget.Place(nil, func(size fyne.Size) {
		x, y := max(0, (size.Width-290)/2), max(0, (size.Height-42)/2)
		x, y = float32(int(x)), float32(int(y))
		widget.At(ring, x, y, 42, 42)
		widget.Line(headline, x+56, y+4, size.Width-x-56)
		widget.Line(c.idle, x+56, y+22, size.Width-x-56)
	}, ring, headline, c.idle)
	c.none.Hide()
	objects := []fyne.CanvasObject{c.keys, c.rule, c.rows.Scroll, c.none}
	for _, h := range c.heads {
		objects = append(objects, h)
	}
	c.Card = widget.NewCard("Sessions now", c.place, objects...)
	return c
}

func (c *sessionsCard) place(at fyne.Position, size fyne.Size) {
	c.slim = c.narrow || size.Width < 500
	w := columnWidths(c.slim)
	y := at.Y + 6
	right := at.X + size.Width
	widget.Show(c.heads[4], !c.slim && len(c.sessions) > 0)
	for i, width := range [...]float32{w.line, w.cost, w.fresh, w.context} {
		widget.Line(c.heads[4-i], right-width, y+6, width)
		right -= width
	}
	widget.Line(c.heads[0], at.X, y+6, right-at.X)
	widget.At(c.rule, at.X, y+25, size.Width, 1)
	bottom := at.Y + size.Height + theme.CardPad - 2
	c.rows.SetHeight(46)
	if c.narrow {
		c.rows.SetHeight(42)
	}
	c.rows.Place(at.X, y+26, size.Width, max(0, bottom-y-26), 12)
	widget.At(c.keys, at.X, y+26, size.Width, c.rows.Size().Height)
	widget.At(c.none, at.X, y, size.Width, max(0, bottom-y-theme.CardPad))
}

func (c *sessionsCard) apply(l view.Live) {
	some := (len(l.Sessions) > 0) != (len(c.sessions) > 0)
	c.sessions = l.Sessions
	c.SetNote(l.Working)
	c.idle.Set(l.Subtitle)
	any := len(l.Sessions) > 0
	widget.Show(c.none, !any)
	widget.Show(c.rule, any)
	widget.Show(c.rows.Scroll, any)
	widget.Show(c.keys, any)
	for i, h := range c.heads {
		widget.Show(h, any && (i < 4 || !c.slim))
	}
	c.rows.Update()
	if some {
		c.Container.Layout.Layout(c.Container.Objects, c.Container.Size())
	}
}

// sessionRow is one session in two lines.
type sessionRow struct {
	fynewidget.BaseWidget
	card    *sessionsCard
	session view.Session
	last    bool

	bar, rule, track, fill          *widget.Box
	project, branch, model          *widget.Text
	context, fresh, cost, line      *widget.Text
	pathHint, branchHint, freshHint *widget.Hint
	objects                         []fyne.CanvasObject
}

func newSessionRow(c *sessionsCard) *sessionRow {
	r := &sessionRow{
		card: c,
		bar:  widget.NewBox(theme.Clear, 2), rule: widget.NewBox(theme.Gridline, 0),
		track: widget.NewBox(theme.Track, 2), fill: widget.NewBox(theme.TextTertiary, 2),
		project: widget.NewText(theme.BodyMedium, theme.TextPrimary, ""),
		branch:  widget.NewText(theme.Body, theme.TextTertiary, ""),
		model:   widget.NewText(theme.Caption, theme.TextTertiary, ""),
		context: widget.NewNumber(theme.Label, theme.TextSecondary, ""),
		fresh:   widget.NewNumber(theme.LabelMedium, theme.TextPrimary, ""),
		cost:    widget.NewNumber(theme.LabelMedium, theme.TextPrimary, ""),
		line:    widget.NewNumber(theme.Label, theme.TextSecondary, ""),

		pathHint: widget.NewHint(c.tips), branchHint: widget.NewHint(c.tips), freshHint: widget.NewHint(c.tips),
	}
	r.objects = []fyne.CanvasObject{
		r.bar, r.rule, r.track, r.fill, r.project, r.branch, r.model, r.context, r.fresh, r.cost, r.line,
		r.pathHint, r.branchHint, r.freshHint,
	}
	r.ExtendBaseWidget(r)
	return r
}

func (r *sessionRow) set(s view.Session, last bool) {
	if r.session == s && r.last == last {
		return
	}
	r.session, r.last = s, last
	r.bar.SetFill(theme.Slot(s.Slot))
	if s.Working {
		r.bar.SetOpacity(1)
		r.project.SetStyle(theme.BodyMedium, theme.TextPrimary)
	} else {
		r.bar.SetOpacity(.45)
		r.project.SetStyle(theme.Body, theme.TextSecondary)
	}
	r.project.Set(s.Project)
	r.branch.Set(s.Branch)
	r.model.Set(s.Model)
	r.context.Set(s.Context)
	r.fresh.Set(s.Fresh)
	r.cost.Set(s.Cost)
	r.line.Set(s.LastLine)
	r.pathHint.Set(s.Agent + ", " + s.Path)
	r.branchHint.Set(s.Branch)
	r.freshHint.Set(s.Exact)
	r.Refresh()
}

func (r *sessionRow) layout(size fyne.Size) {
	w := columnWidths(r.card.slim)
	middle := (size.Height - 1) / 2
	widget.Show(r.rule, !r.last)
	widget.At(r.rule, 0, size.Height-1, size.Width, 1)
	widget.At(r.bar, 0, float32(int(middle-15)), 3, 30)
	top := float32(int(middle - 16))
	name := size.Width - w.line - w.cost - w.fresh - w.context - 11 - 12
	project := min(r.project.Width(), name)
	widget.Line(r.project, 11, top, project)
	rest := name - project - 8
	widget.Show(r.branch, rest >= 24)
	widget.Line(r.branch, 11+project+8, top, max(0, min(rest, r.branch.Width())))
	widget.Line(r.model, 11, top+18, name)
	widget.At(r.pathHint, 11, top, project, 18)
	widget.At(r.branchHint, 11+project+8, top, max(0, min(rest, r.branch.Width())), 18)

	right := size.Width
	line := float32(int(middle - 8))
	widget.Show(r.line, w.line > 0)
	widget.Line(r.line, right-w.line+8, line, max(0, w.line-8))
	right -= w.line
	widget.Line(r.cost, right-w.cost+8, line, w.cost-8)
	right -= w.cost
	widget.Line(r.fresh, right-w.fresh+8, line, w.fresh-8)
	widget.At(r.freshHint, right-w.fresh+8, line, w.fresh-8, 16)
	right -= w.fresh
	known := r.session.Fill >= 0
	widget.Show(r.track, known)
	widget.Show(r.fill, known && r.session.Fill > 0)
	if !known {
		widget.Line(r.context, right-w.context+8, line, w.context-8)
		return
	}
	widget.Line(r.context, right-72, float32(int(middle-13)), 72)
	widget.At(r.track, right-72, float32(int(middle+7)), 72, 4)
	widget.At(r.fill, right-72, float32(int(middle+7)), max(4, 72*float32(min(1, r.session.Fill))), 4)
}

// CreateRenderer is part of fyne.Widget.
func (r *sessionRow) CreateRenderer() fyne.WidgetRenderer {
	r.layout(r.Size())
	return sessionRenderer{r}
}

type sessionRenderer struct{ row *sessionRow }

func (r sessionRenderer) Destroy()                     {}
func (r sessionRenderer) Objects() []fyne.CanvasObject { return r.row.objects }
func (r sessionRenderer) MinSize() fyne.Size           { return fyne.Size{} }
func (r sessionRenderer) Layout(size fyne.Size)        { r.row.layout(size) }
func (r sessionRenderer) Refresh()                     { r.row.layout(r.row.Size()) }
