package tray

import "tokenmeter/app/tray/icon"

// panel: the system colours the picture to suit its menu bar.
const panel = icon.Template

// encode makes the picture at twice the size that the menu bar shows.
func encode(f icon.Face) (template, regular []byte, err error) {
	template, err = icon.PNG(icon.Draw(f, 32))
	return template, template, err
}

func escapeLabel(text string) string { return text }
