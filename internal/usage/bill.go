package usage

import "cmp"

// Bill is what an agent itself says that a session has used of one model, and what that cost,
// from the session's beginning to Time. It is a second opinion and never part of a sum: its
// tokens are those of requests that are events already, and of a few that the logs do not
// itemise. A fork's bill begins with what its parent's said, so bills of kindred sessions
// must not be added up as if they were apart.
type Bill struct {
	Agent   AgentID
	Session string
	Model   string // as logged
	Tokens
	WebSearches int64
	Cost        Micros
	Time        Millis // of the last dated line before it; zero = unknown
}

// Newer compares two bills of one session and model: it is positive if a says more than b. A bill
// only grows, so of two at one time the higher one is the newer.
func (a *Bill) Newer(b *Bill) int {
	return cmp.Or(
		cmp.Compare(a.Time, b.Time),
		cmp.Compare(a.Cost, b.Cost),
		cmp.Compare(a.Total(), b.Total()),
		// From here on only to make the choice independent of the order.
		cmp.Compare(a.Output, b.Output),
		cmp.Compare(a.Input, b.Input),
		cmp.Compare(a.CacheRead, b.CacheRead),
		cmp.Compare(a.CacheWrite5m, b.CacheWrite5m),
		cmp.Compare(a.Reasoning, b.Reasoning),
		cmp.Compare(a.WebSearches, b.WebSearches),
	)
}
