// Package endtoend holds the tests that start the built programs on a desktop of their own:
// an X server without a screen, a session bus, a window manager, a panel with a tray, a
// notification daemon. It has nothing but tests, and nobody imports it.
//
// The desktop is app/lab; lab_test.go gives it to the tests, program_test.go is a Tokenmeter
// with a home of its own on it, the rest are the tests. They wait for signals of the bus,
// lines of xprop, changes of files and ends of processes, with deadlines, and never for time
// to pass.
//
// The tests are skipped where the tools of the desktop are missing, unless CI or
// TOKENMETER_E2E is set: then that is a failure. TOKENMETER_BUILD names the folder with the
// built programs; without it they are built first. `make test` and `make screenshots` set
// both.
package endtoend
