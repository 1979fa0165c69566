package theme_test

import (
	"fmt"
	"image/color"
	"math"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	fynetheme "fyne.io/fyne/v2/theme"

	"tokenmeter/app/window/theme"
)

func variants() map[string]fyne.ThemeVariant {
	return map[string]fyne.ThemeVariant{"dark": fynetheme.VariantDark, "light": fynetheme.VariantLight}
}

func luminance(c color.NRGBA) float64 {
	channel := func(v uint8) float64 {
		x := float64(v) / 255
		if x <= .04045 {
			return x / 12.92
		}
		return math.Pow((x+.055)/1.055, 2.4)
	}
	return .2126*channel(c.R) + .7152*channel(c.G) + .0722*channel(c.B)
}

func contrast(a, b color.NRGBA) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + .05) / (min(x, y) + .05)
}

func TestTextCanBeReadOnEveryGround(t *testing.T) {
	all := []fyne.ThemeColorName{theme.Background, theme.Surface, theme.Raised, theme.Hover, theme.TooltipGround}
	grounds := map[fyne.ThemeColorName][]fyne.ThemeColorName{
		theme.TextPrimary: all, theme.TextSecondary: all,
		theme.TextTertiary: {theme.Background, theme.Surface, theme.Raised, theme.TooltipGround}, // never on hover
		theme.Accent:       {theme.Background, theme.Surface, theme.Raised, theme.AccentWeak},
		theme.OnAccent:     {theme.Accent},
		theme.Calm:         {theme.Surface, theme.CalmWeak}, theme.Tight: {theme.Surface, theme.TightWeak},
		theme.Out: {theme.Surface, theme.OutWeak}, theme.Unknown: {theme.Surface, theme.UnknownWeak},
	}
	for name, variant := range variants() {
		test.NewTempApp(t).Settings().SetTheme(theme.New(variant))
		for text, list := range grounds {
			for _, ground := range list {
				if c := contrast(theme.Colour(text), theme.Colour(ground)); c < 4.5 {
					t.Errorf("%s: %s on %s has a contrast of %.2f, less than 4.5", name, text, ground, c)
				}
			}
		}
	}
}

func TestPaletteIsToldApart(t *testing.T) {
	for name, variant := range variants() {
		test.NewTempApp(t).Settings().SetTheme(theme.New(variant))
		seen := map[string]int{}
		for slot := range theme.Slots {
			key := fmt.Sprint(theme.Colour(theme.Slot(slot)))
			if other, twice := seen[key]; twice {
				t.Errorf("%s: slots %d and %d have one colour", name, other, slot)
			}
			seen[key] = slot
		}
		for _, outside := range []int{-1, theme.Slots, 99} {
			if theme.Slot(outside) != theme.Slot(-1) {
				t.Errorf("slot %d is not the colour of the rest", outside)
			}
		}
	}
}

func TestFyneNeverFallsBackToItsOwnColours(t *testing.T) {
	dark, light := theme.New(fynetheme.VariantDark), theme.New(fynetheme.VariantLight)
	for _, name := range []fyne.ThemeColorName{
		fynetheme.ColorNameBackground, fynetheme.ColorNameForeground, fynetheme.ColorNameMenuBackground, fynetheme.ColorNamePrimary,
		fynetheme.ColorNameScrollBar, fynetheme.ColorNameShadow, fynetheme.ColorNameHover, fynetheme.ColorNameFocus,
	} {
		for _, variant := range variants() {
			own := fynetheme.DefaultTheme().Color(name, variant)
			if dark.Color(name, variant) == own && light.Color(name, variant) == own {
				t.Errorf("%s is Fyne's", name)
			}
		}
		if dark.Color(name, fynetheme.VariantLight) != dark.Color(name, fynetheme.VariantDark) {
			t.Errorf("%s of the dark theme follows the variant that Fyne hands over", name)
		}
	}
}

func TestVariantChangesOnlyWhenItDoes(t *testing.T) {
	th := theme.New(fynetheme.VariantDark)
	if th.SetVariant(fynetheme.VariantDark) {
		t.Error("dark to dark is called a change")
	}
	before := th.Color(theme.Background, fynetheme.VariantDark)
	if !th.SetVariant(fynetheme.VariantLight) || th.Color(theme.Background, fynetheme.VariantDark) == before {
		t.Error("dark to light is no change")
	}
}

func TestDigitsAreEquallyWideInEveryRole(t *testing.T) {
	test.NewTempApp(t).Settings().SetTheme(theme.New(fynetheme.VariantDark))
	for role := theme.Display; role <= theme.CaptionMedium; role++ {
		width := role.Width("0000000000")
		for _, digits := range []string{"1111111111", "8888888888", "−−−−−−−−−−"} {
			if w := role.Width(digits); math.Abs(float64(w-width)) > .1 {
				t.Errorf("role %d: %s is %.2f wide, zeros are %.2f", role, digits, w, width)
			}
		}
		if role.Size() < 11 || role.Line() <= role.Size() {
			t.Errorf("role %d is %g/%g", role, role.Size(), role.Line())
		}
	}
}

func TestIconsAreDrawnInTheColourOfTheTheme(t *testing.T) {
	names := map[string]bool{}
	for _, variant := range variants() {
		test.NewTempApp(t).Settings().SetTheme(theme.New(variant))
		for _, r := range []fyne.Resource{
			theme.Icon(theme.IconLive, theme.Accent), theme.Mark(), theme.DashedRing(theme.BorderStrong, 42, 6, 12, .6),
			theme.Glyph(theme.ShapeUnknown, theme.Surface), theme.Glyph(theme.ShapeCalm, theme.Surface),
			theme.Glyph(theme.ShapeTight, theme.Surface), theme.Glyph(theme.ShapeOut, theme.Surface),
		} {
			if names[r.Name()] { // Fyne keeps drawn icons by name
				t.Errorf("%s has one name for two looks", r.Name())
			}
			names[r.Name()] = true
		}
	}
}
