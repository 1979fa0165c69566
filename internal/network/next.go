package network

import "time"

// How often is asked: never twice within leastWait, and more rarely while it fails.
const (
	leastWait = 24 * time.Hour
	mostWait  = 4 * leastWait
	spread    = 2 * time.Hour
)

// Past is what is known of earlier attempts, and what tells this installation from others.
type Past struct {
	Attempt time.Time // the last one, zero = none
	Success time.Time // the last one that brought an answer, new or not; zero = none
	Seed    uint64    // any number of this installation's own
}

// Next says when to ask again; it is time when that is not after now.
//
// After a success a day passes. After failures as much passes as between the last success and
// the last attempt, so that each wait doubles, from one day to four. Up to two hours are added
// that differ from one installation to another: nobody's clock has all of them come at once. A
// clock that was set back does not keep it from asking.
func Next(past Past, now time.Time) time.Time {
	if past.Attempt.IsZero() || past.Attempt.After(now) {
		return now
	}
	wait := leastWait
	if !past.Success.IsZero() && past.Success.Before(past.Attempt) {
		wait = min(max(past.Attempt.Sub(past.Success), leastWait), mostWait)
	}
	// Seeds that follow each other must not lie beside each other.
	mixed := (past.Seed + 0x9e3779b97f4a7c15) * 0xbf58476d1ce4e5b9
	return past.Attempt.Add(wait + time.Duration((mixed^mixed>>31)%uint64(spread)))
}
