package widget

import (
	"fyne.io/fyne/v2"

	"tokenmeter/app/window/theme"
)

// Notice is what a banner says.
type Notice struct {
	Icon        theme.IconName
	Colour      fyne.ThemeColorName // of the icon
	Title, Text string
	Share       float64 // progress 0…1, negative = none
	Remedy      string  // what to do; shown under the line when asked for
}

// Banner is a line over a page.
type Banner struct {
	*fyne.Container
	notice  Notice
	open    bool
	icon    *Picture
	title   *Text
	text    *Text
	remedy  *Text
	link    *Link
	bar     *Box
	resized func()
}

// NewBanner makes an empty banner; resized is called when it wants another height.
func NewBanner(resized func()) *Banner {
	b := &Banner{
		title:   NewText(theme.LabelMedium, theme.TextPrimary, ""),
		text:    NewText(theme.Label, theme.TextSecondary, ""),
		remedy:  NewText(theme.Label, theme.TextSecondary, ""),
		bar:     NewBox(theme.Accent, 1),
		icon:    NewIcon(theme.IconClock, theme.TextSecondary),
		resized: resized,
	}
	b.link = NewLink("What to do", func() {
		b.open = !b.open
		b.relabel()
		b.resized()
	})
	b.remedy.Hide()
	ground := NewFrame(theme.Surface, theme.Border, theme.RadiusControl, 1)
	b.Container = Place(
		func() fyne.Size { return fyne.NewSize(0, b.Height()) },
		func(size fyne.Size) {
			At(ground, 0, 0, size.Width, size.Height)
			At(b.icon, 11, 9, 14, 14)
			right := size.Width - 11
			if b.notice.Remedy != "" {
				width := b.link.MinSize().Width
				At(b.link, right-width, 8, width, 16)
				right -= width + 12
			}
			title := min(b.title.Width(), right-33)
			Line(b.title, 33, 8, title)
			Line(b.text, 33+title+8, 8, max(0, right-33-title-8))
			Line(b.remedy, 33, 32, size.Width-33-11)
			At(b.bar, 1, size.Height-3, (size.Width-2)*float32(min(1, max(0, b.notice.Share))), 2)
		}, ground, b.icon, b.title, b.text, b.remedy, b.link, b.bar)
	return b
}

// Height is the room that the banner wants.
func (b *Banner) Height() float32 {
	if b.open {
		return 56
	}
	return 32
}

// Set changes what the banner says.
func (b *Banner) Set(n Notice) {
	if n == b.notice {
		return
	}
	if n.Title != b.notice.Title {
		b.open = false
	}
	b.notice = n
	b.icon.Set(func() fyne.Resource { return theme.Icon(n.Icon, n.Colour) })
	b.title.Set(n.Title)
	b.text.Set(n.Text)
	b.remedy.Set(n.Remedy)
	Show(b.link, n.Remedy != "")
	Show(b.bar, n.Share >= 0)
	b.relabel()
	b.Container.Layout.Layout(b.Container.Objects, b.Container.Size())
	b.Container.Refresh()
}

func (b *Banner) relabel() {
	Show(b.remedy, b.open)
	if b.open {
		b.link.Set("Hide")
		return
	}
	b.link.Set("What to do")
}

// Banners is a column of banners, one below another.
type Banners struct {
	*fyne.Container
	pool    []*Banner
	shown   int
	resized func()
}

// NewBanners makes an empty column; resized is called when it wants another height.
func NewBanners(resized func()) *Banners {
	b := &Banners{resized: resized}
	b.Container = Place(nil, func(size fyne.Size) {
		y := float32(0)
		for _, banner := range b.pool[:b.shown] {
			At(banner.Container, 0, y, size.Width, banner.Height())
			y += banner.Height() + theme.RowGap
		}
	})
	return b
}

// Height is the room that the column wants, 0 when there is nothing to say.
func (b *Banners) Height() float32 {
	height := float32(0)
	for _, banner := range b.pool[:b.shown] {
		height += banner.Height() + theme.RowGap
	}
	return max(0, height-theme.RowGap)
}

// Set changes the banners, most urgent first. At most three are shown.
func (b *Banners) Set(notices []Notice) {
	const most = 3
	if len(notices) > most {
		notices = notices[:most]
	}
	before := b.Height()
	for len(b.pool) < len(notices) {
		banner := NewBanner(b.resized)
		b.pool = append(b.pool, banner)
		b.Container.Add(banner.Container)
	}
	for i, banner := range b.pool {
		Show(banner.Container, i < len(notices))
		if i < len(notices) {
			banner.Set(notices[i])
		}
	}
	b.shown = len(notices)
	if b.Height() != before {
		b.resized()
	}
}
