// Package assets holds what is shipped inside the programs: fonts, icons, prices, plans. It only
// embeds files and never opens one at run time. Everything in it may be used from any
// goroutine. It is tested by the pictures of the window, which are drawn with it, and
// by the tests of prices and plans.
package assets

import _ "embed"

// The weights of IBM Plex Sans (SIL Open Font License, see fonts/OFL.txt). Every digit of
// every weight has the same width, so figures line up without an OpenType feature.
var (
	//go:embed fonts/IBMPlexSans-Regular.ttf
	FontRegular []byte
	//go:embed fonts/IBMPlexSans-Medium.ttf
	FontMedium []byte
	//go:embed fonts/IBMPlexSans-SemiBold.ttf
	FontSemiBold []byte
	//go:embed fonts/IBMPlexSans-Bold.ttf
	FontBold []byte
)

// Icon256 is the icon of the window, a PNG of 256 pixels.
//
//go:embed icons/tokenmeter-256.png
var Icon256 []byte
