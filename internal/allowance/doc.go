// Package allowance holds the rules by which readings of allowance windows become one
// figure a window, and the history of each window.
//
// It owns the answers to "which reading holds?", "which windows are there?" and "when did a
// window begin and end?". It never reads a clock, a file or the database: every function is
// pure, takes the moment as an argument and may be called from any goroutine. Tested by
// tables whose cases are named after what could go wrong.
package allowance
