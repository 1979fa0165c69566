// Package shell is the inside of the window program: rail and pages, shortcuts, showing
// and hiding, and the feed that turns the meter's news into view models.
//
// The Feed runs on its own goroutines: it listens to the meter, asks report, lets view
// make the words, and hands over the newest model, at most ten a second, only for the page
// that is shown, and nothing while the window is hidden. The Shell lives on Fyne's
// goroutine; what comes from elsewhere goes through Options.Do, the only way in.
//
// It never writes to the database, never starts Fyne (main does) and never decides what a
// figure means. Tested by the tests beside it, with Fyne's test window and real sockets.
package shell
