// Package calendar knows where local days, weeks, months and billing cycles begin and end.
//
// It owns the odd cases: clocks that are turned at midnight, dates that a zone never had, and
// renewal days that a month does not have. It never reads a clock or a zone of the machine:
// every function is pure, takes moment and zone as arguments and may be called from any
// goroutine. Tested in many zones by the property that the spans of one kind fill time without
// a gap and without an overlap.
package calendar
