// Package meter holds the rules of the live meter: what flows now, the bars of the last
// hour, and what a usual day looks like.
//
// It owns the meaning of "now" (the last 60 seconds), "working" (two minutes) and "usual"
// (the median of earlier days). It never reads a clock, a file or the database: every
// function is pure, takes the moment as an argument and may be called from any goroutine.
// Tested by tables whose cases are named after what could go wrong.
package meter
