package inquiry

import "time"

// The rhythm of asking.
const (
	leastWait = 5 * time.Minute
	mostWait  = time.Hour
	// spread is what is added at most, so that not all who work at the full hour ask at once.
	spread = time.Minute
	// longestLeave is beyond what a server is granted; more comes from a file that is damaged.
	longestLeave = 25 * time.Hour
	// mostRefusals of a login in a row, and it is not shown again.
	mostRefusals = 3
	// A failure is tried again so often although nothing was used meanwhile; after that whoever
	// has left the machine running is not to be a burden.
	mostIdleFailures = 3
)

// Past is what is known of earlier inquiries at one vendor.
type Past struct {
	Attempt  time.Time `json:"attempt,omitzero"`  // the last one
	Until    time.Time `json:"until,omitzero"`    // the server wants to be left alone until then
	Failures int       `json:"failures,omitzero"` // in a row, up to the last attempt
	Refusals int       `json:"refusals,omitzero"` // of the login in a row
	Login    string    `json:"login,omitzero"`    // which file was refused: its time and size
	Unused   int       `json:"unused,omitzero"`   // answers in a row in which nothing was used
	Trouble  string    `json:"trouble,omitzero"`  // why the last attempt failed
}

// Next says when to ask; it is time when that is not after now, and zero when there is nothing
// to ask until something is used, or the login is another. used is when the agent was last
// used, seed any number of this installation's own.
func Next(p Past, used, now time.Time, seed uint64) time.Time {
	switch {
	case p.Refusals >= mostRefusals:
		return time.Time{}
	case p.Attempt.IsZero() || p.Attempt.After(now): // never, or the clock was set back
		return now
	case used.After(p.Attempt):
	case p.Unused == 1: // to be confirmed
	case p.Failures > 0 && p.Failures <= mostIdleFailures && p.Refusals == 0:
	default:
		return time.Time{}
	}
	wait := leastWait
	for range p.Failures {
		if wait = min(2*wait, mostWait-spread); wait == mostWait-spread {
			break
		}
	}
	mixed := (seed + uint64(p.Attempt.UnixNano()) + 0x9e3779b97f4a7c15) * 0xbf58476d1ce4e5b9
	next := p.Attempt.Add(wait + time.Duration((mixed^mixed>>31)%uint64(spread)))
	if p.Until.After(next) && p.Until.Sub(p.Attempt) <= longestLeave {
		return p.Until
	}
	return next
}
