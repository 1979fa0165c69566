// Package allowance holds the rules by which readings of allowance windows become one
// figure a window.
//
// It owns the answer to "which reading holds?". It never reads a clock, a file or the
// database: every function is pure, takes the moment as an argument and may be called from
// any goroutine. Tested by tables whose cases are named after what could go wrong.
package allowance
