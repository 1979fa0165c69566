// Package lab is a desktop of its own for whoever starts the built programs and looks at them
// as a person would: an X server without a screen, a session bus, a window manager, a panel
// with a tray, a notification daemon. The end-to-end tests and the benchmark use it.
//
// It starts processes below one folder, ends all of them, and knows nothing of tokens: what
// a tray item or a window ought to show is for its users to say. Lab may be used from any
// goroutine, a Screen from one at a time. Nothing waits for time to pass, but for signals of
// the bus, events of the X server, lines of xprop and ends of processes, with deadlines.
//
// Tested by what uses it, app/endtoend above all. It exists on Linux only.
package lab
