package theme

import (
	"image/color"
	"sync/atomic"

	"fyne.io/fyne/v2"
	fynetheme "fyne.io/fyne/v2/theme"

	"tokenmeter/assets"
)

// Theme is the look as Fyne wants it. It ignores the variant that Fyne hands it, because
// Fyne stops following the system once it is given a theme; it has its own.
type Theme struct {
	dark, light map[fyne.ThemeColorName]color.NRGBA
	fonts       map[fyne.TextStyle]fyne.Resource
	isLight     atomic.Bool
}

// New makes a theme of the given variant (fyne.io/fyne/v2/theme VariantDark or VariantLight).
func New(variant fyne.ThemeVariant) *Theme {
	t := &Theme{dark: map[fyne.ThemeColorName]color.NRGBA{}, light: map[fyne.ThemeColorName]color.NRGBA{}}
	for name, p := range values() {
		t.dark[name], t.light[name] = opaque(p.dark), opaque(p.light)
	}
	t.dark[Clear], t.light[Clear] = color.NRGBA{}, color.NRGBA{}
	for from, to := range fyneNames() {
		t.dark[from], t.light[from] = t.dark[to], t.light[to]
	}
	t.fonts = map[fyne.TextStyle]fyne.Resource{
		{}:                         fyne.NewStaticResource("IBMPlexSans-Regular.ttf", assets.FontRegular),
		{Italic: true}:             fyne.NewStaticResource("IBMPlexSans-Medium.ttf", assets.FontMedium),
		{Bold: true}:               fyne.NewStaticResource("IBMPlexSans-SemiBold.ttf", assets.FontSemiBold),
		{Bold: true, Italic: true}: fyne.NewStaticResource("IBMPlexSans-Bold.ttf", assets.FontBold),
	}
	t.isLight.Store(variant == fynetheme.VariantLight)
	return t
}

// SetVariant says what the system, or the user, wants. It reports whether that is a change;
// the caller then hands the theme to Fyne again.
func (t *Theme) SetVariant(variant fyne.ThemeVariant) bool {
	light := variant == fynetheme.VariantLight
	return t.isLight.Swap(light) != light
}

// Color gives the value of an own name or of one of Fyne's.
func (t *Theme) Color(name fyne.ThemeColorName, _ fyne.ThemeVariant) color.Color {
	set, variant := t.dark, fynetheme.VariantDark
	if t.isLight.Load() {
		set, variant = t.light, fynetheme.VariantLight
	}
	if c, ok := set[name]; ok {
		return c
	}
	return fynetheme.DefaultTheme().Color(name, variant)
}

// Font gives the weight that stands behind a style. Fyne has no more than regular, bold
// and italic; the design has no italics, so that slot carries Medium. (A face set on a
// text by itself would lose the fall-back fonts that project names may need.)
func (t *Theme) Font(style fyne.TextStyle) fyne.Resource {
	if style.Monospace || style.Symbol {
		return fynetheme.DefaultTheme().Font(style)
	}
	return t.fonts[fyne.TextStyle{Bold: style.Bold, Italic: style.Italic}]
}

// Icon gives Fyne's icon; the design's own come from the function Icon.
func (t *Theme) Icon(name fyne.ThemeIconName) fyne.Resource {
	return fynetheme.DefaultTheme().Icon(name)
}

// Size gives a measure to Fyne's own widgets.
func (t *Theme) Size(name fyne.ThemeSizeName) float32 {
	switch name {
	case fynetheme.SizeNameText:
		return Body.Size()
	case fynetheme.SizeNameCaptionText:
		return Caption.Size()
	case fynetheme.SizeNameHeadingText:
		return Title.Size()
	case fynetheme.SizeNameSubHeadingText:
		return Heading.Size()
	case fynetheme.SizeNamePadding:
		return Grid
	case fynetheme.SizeNameInnerPadding:
		return RowGap
	case fynetheme.SizeNameScrollBar:
		return 8
	case fynetheme.SizeNameScrollBarSmall:
		return 3
	case fynetheme.SizeNameScrollBarRadius:
		return 2
	case fynetheme.SizeNameInputRadius, fynetheme.SizeNameSelectionRadius:
		return RadiusControl
	}
	return fynetheme.DefaultTheme().Size(name)
}
