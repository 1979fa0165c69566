// Package icon draws the tray item's ring gauge, pixel by pixel and without a canvas, so
// that the same picture comes out everywhere: as PNG for desktops with a session bus, as a
// template for macOS, and as an icon file for Windows.
//
// It owns the geometry of the tray icons, which is set per size on whole pixels. It knows
// nothing but view.Ring and does no I/O. All functions are pure and may be called from any
// goroutine. Tested by icon_test.go against a golden sheet of every state, size and panel.
package icon
