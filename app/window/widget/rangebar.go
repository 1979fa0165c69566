package widget

import (
	"fyne.io/fyne/v2"

	"tokenmeter/app/window/theme"
)

// RangeBar shows how much of a limit is used. Its scale runs to 120 %, so that bars in a
// list can be compared and what lies beyond the limit has room.
type RangeBar struct {
	*fyne.Container
	fill  *Box
	share float64 // of the limit, negative = not known
}

const rangeScale = 1.2

// NewRangeBar makes an empty bar, 16 px high.
func NewRangeBar() *RangeBar {
	b := &RangeBar{fill: NewBox(theme.UnknownFill, 3), share: -1}
	b.fill.leftOnly = true
	track, limit := NewBox(theme.Track, 3), NewBox(theme.TextSecondary, 0)
	b.Container = Place(nil, func(size fyne.Size) {
		const top, height = 4, 8
		full := size.Width / rangeScale
		At(track, 0, top, full, height)
		At(b.fill, 0, top, full*float32(min(rangeScale, max(0, b.share))), height)
		At(limit, float32(int(full+.5)), top-3, 2, height+6)
	}, track, b.fill, limit)
	return b
}

// Set changes what the bar shows: a share of the limit, 0…1 or more, and a verdict's shape.
func (b *RangeBar) Set(share float64, shape theme.Shape) {
	b.fill.SetFill(shape.Fill())
	Show(b.fill, share > 0)
	if share != b.share {
		b.share = share
		b.Container.Layout.Layout(b.Container.Objects, b.Container.Size())
		b.Container.Refresh()
	}
}
