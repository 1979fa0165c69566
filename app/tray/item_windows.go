package tray

import (
	"image"
	"strings"

	"tokenmeter/app/tray/icon"
)

// panel: the taskbar is dark unless someone changes it.
const panel = icon.Dark

// encode makes an icon file with the sizes of common scales.
func encode(f icon.Face) (template, regular []byte, err error) {
	var pictures []image.Image
	for _, size := range []int{16, 24, 32, 48} {
		pictures = append(pictures, icon.Draw(f, size))
	}
	regular, err = icon.ICO(pictures...)
	return nil, regular, err
}

// escapeLabel: an ampersand marks a key in menus, two are one that is shown.
func escapeLabel(text string) string { return strings.ReplaceAll(text, "&", "&&") }
