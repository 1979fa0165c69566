package tray

// For the tests: what a line of the menu is made of.
func Label(text string) string { return escapeLabel(oneLine(text)) }
