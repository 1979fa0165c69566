// Package tray is the tray item: icon, tooltip, menu, and what their clicks do.
//
// It owns the one item of this process and what is shown in it. It shows view's words for
// core's latest snapshot and decides nothing about them; it touches only what changed, texts
// five times a second and the icon once in two seconds at most, the first change at once.
// Without a session bus or a tray host it says so, once, and the meter runs on without.
//
// Run is called once, on the main goroutine (macOS wants its menus there). All of the item
// is changed by one goroutine; clicks come on others and only call core. Tested by
// tray_test.go with a real meter process on a private session bus.
package tray
