// Package usage holds the words of the field: tokens, billed requests (events), sessions,
// allowance samples, and the marks by which copied logs are recognised.
//
// It owns the meaning of the counters and the rule by which two readings of one request
// become one row (Merge). It imports nothing of the project, does no I/O, reads no clock
// and keeps no state, so every function may be called from any goroutine.
package usage
