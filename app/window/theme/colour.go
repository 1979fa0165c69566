package theme

import (
	"image/color"
	"strconv"

	"fyne.io/fyne/v2"
	fynetheme "fyne.io/fyne/v2/theme"
)

// The colours of the design, by name. Fyne's own names are mapped onto them.
const (
	Background    fyne.ThemeColorName = "background"
	Surface       fyne.ThemeColorName = "surface"
	Raised        fyne.ThemeColorName = "raised"
	Hover         fyne.ThemeColorName = "hoverGround"
	Border        fyne.ThemeColorName = "border"
	BorderStrong  fyne.ThemeColorName = "borderStrong"
	Gridline      fyne.ThemeColorName = "gridline"
	Track         fyne.ThemeColorName = "track"
	TextPrimary   fyne.ThemeColorName = "textPrimary"
	TextSecondary fyne.ThemeColorName = "textSecondary"
	TextTertiary  fyne.ThemeColorName = "textTertiary"
	Accent        fyne.ThemeColorName = "accent"
	AccentWeak    fyne.ThemeColorName = "accentWeak"
	OnAccent      fyne.ThemeColorName = "onAccent"
	CacheRead     fyne.ThemeColorName = "cacheRead"
	TooltipGround fyne.ThemeColorName = "tooltipGround"
	Clear         fyne.ThemeColorName = "clear"

	Calm    fyne.ThemeColorName = "calm"
	Tight   fyne.ThemeColorName = "tight"
	Out     fyne.ThemeColorName = "out"
	Unknown fyne.ThemeColorName = "unknown"

	CalmFill    fyne.ThemeColorName = "calmFill"
	TightFill   fyne.ThemeColorName = "tightFill"
	OutFill     fyne.ThemeColorName = "outFill"
	UnknownFill fyne.ThemeColorName = "unknownFill"

	CalmWeak    fyne.ThemeColorName = "calmWeak"
	TightWeak   fyne.ThemeColorName = "tightWeak"
	OutWeak     fyne.ThemeColorName = "outWeak"
	UnknownWeak fyne.ThemeColorName = "unknownWeak"
)

// Slots is the number of colours in the palette of agents, "other" aside.
const Slots = 13

// Slot names the colour of a slot of the palette, from 0 in stacking order from below. A
// slot outside it is "other".
func Slot(slot int) fyne.ThemeColorName {
	if slot < 0 || slot >= Slots {
		return "slotOther"
	}
	return fyne.ThemeColorName("slot" + strconv.Itoa(slot))
}

// pair is a colour's value in the dark and in the light variant, as 0xRRGGBB.
type pair struct{ dark, light uint32 }

// values holds every own colour.
func values() map[fyne.ThemeColorName]pair {
	v := map[fyne.ThemeColorName]pair{
		Background:    {0x101315, 0xF3F5F5},
		Surface:       {0x171B1E, 0xFFFFFF},
		Raised:        {0x20262A, 0xEBEEF0},
		Hover:         {0x262D32, 0xE4E8EA},
		Border:        {0x2B3338, 0xDFE4E6},
		BorderStrong:  {0x46525A, 0xA9B4B9},
		Gridline:      {0x242B30, 0xE9EDEE},
		Track:         {0x293136, 0xE4E9EB},
		TextPrimary:   {0xE9EDEF, 0x14191C},
		TextSecondary: {0xAEB7BD, 0x4A555B},
		TextTertiary:  {0x88939A, 0x5F6B72},
		Accent:        {0x8FA6FF, 0x3656CC},
		AccentWeak:    {0x262D4A, 0xE8ECFB},
		OnAccent:      {0x0E1220, 0xFFFFFF},
		CacheRead:     {0x39444B, 0xCFD8DC},
		TooltipGround: {0x20262A, 0xFFFFFF},

		Calm:    {0x3FC8B0, 0x0A7A69},
		Tight:   {0xF5B43A, 0x946000},
		Out:     {0xFF7468, 0xC22E29},
		Unknown: {0x88939A, 0x5F6B72},

		CalmFill:    {0x3FC8B0, 0x17A08B},
		TightFill:   {0xF5B43A, 0xCB8400},
		OutFill:     {0xFF7468, 0xDB4A42},
		UnknownFill: {0x6B767D, 0x8A969C},

		CalmWeak:    {0x16332F, 0xE0F2EE},
		TightWeak:   {0x382C14, 0xFAEFD6},
		OutWeak:     {0x3D2020, 0xFBE5E2},
		UnknownWeak: {0x23292D, 0xECEFF0},

		Slot(-1): {0x525E66, 0xA9B4B9},
	}
	for i, p := range [Slots]pair{
		{0xDD7F49, 0xBA6330}, {0x9AADBD, 0x5B6A78}, {0x678AEE, 0x2F78CA}, {0xCFAF80, 0xAF8F6A}, {0x9C78AE, 0x673C88},
		{0xCFB8FD, 0x9488ED}, {0xA5587E, 0xB3718A}, {0x9ED0BF, 0x4A6212}, {0xF0F49C, 0x90932E}, {0x845D47, 0x612501},
		{0xA8EAF8, 0x5F9CBC}, {0x799980, 0x0A5246}, {0x695AAA, 0x241064},
	} {
		v[Slot(i)] = p
	}
	return v
}

// fyneNames maps the names that Fyne's own widgets (scroll bars, menus) ask for.
func fyneNames() map[fyne.ThemeColorName]fyne.ThemeColorName {
	return map[fyne.ThemeColorName]fyne.ThemeColorName{
		fynetheme.ColorNameBackground:          Background,
		fynetheme.ColorNameButton:              Surface,
		fynetheme.ColorNameDisabled:            TextTertiary,
		fynetheme.ColorNameDisabledButton:      Surface,
		fynetheme.ColorNameError:               Out,
		fynetheme.ColorNameFocus:               Accent,
		fynetheme.ColorNameForeground:          TextPrimary,
		fynetheme.ColorNameForegroundOnPrimary: OnAccent,
		fynetheme.ColorNameHeaderBackground:    Surface,
		fynetheme.ColorNameHover:               Hover,
		fynetheme.ColorNameHyperlink:           Accent,
		fynetheme.ColorNameInputBackground:     Surface,
		fynetheme.ColorNameInputBorder:         BorderStrong,
		fynetheme.ColorNameMenuBackground:      Raised,
		fynetheme.ColorNameOverlayBackground:   Raised,
		fynetheme.ColorNamePlaceHolder:         TextTertiary,
		fynetheme.ColorNamePressed:             Hover,
		fynetheme.ColorNamePrimary:             Accent,
		fynetheme.ColorNameScrollBar:           BorderStrong,
		fynetheme.ColorNameScrollBarBackground: Clear,
		fynetheme.ColorNameSelection:           AccentWeak,
		fynetheme.ColorNameSeparator:           Gridline,
		fynetheme.ColorNameShadow:              Clear,
		fynetheme.ColorNameSuccess:             Calm,
		fynetheme.ColorNameWarning:             Tight,
	}
}

func opaque(rgb uint32) color.NRGBA {
	return color.NRGBA{R: uint8(rgb >> 16), G: uint8(rgb >> 8), B: uint8(rgb), A: 0xFF}
}

// Colour gives the present value of one of the names.
func Colour(name fyne.ThemeColorName) color.NRGBA {
	c, ok := fynetheme.Color(name).(color.NRGBA)
	if !ok {
		return color.NRGBAModel.Convert(fynetheme.Color(name)).(color.NRGBA)
	}
	return c
}

// Fade is the present value of a name with another opacity, 0…1.
func Fade(name fyne.ThemeColorName, opacity float32) color.NRGBA {
	c := Colour(name)
	c.A = uint8(float32(c.A)*opacity + 0.5)
	return c
}
