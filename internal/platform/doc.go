// Package platform is the edge of the operating system: environment, folders, the lock that
// keeps one meter per data folder, display and graphics libraries, the session bus with its
// tray host and appearance, and the start of other programs.
//
// It owns no state of the app and never talks to anything beyond this machine. What it finds
// it says as values and plain errors; others make findings of them. All functions may be
// called from any goroutine; callbacks come one at a time on a goroutine of their own.
// Tested by platform_test.go with temporary homes and a private session bus.
package platform
