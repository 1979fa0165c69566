package usage

import "cmp"

// Merge makes one row of two readings of the same request. It is commutative, associative
// and idempotent, so neither the order of files nor a second reading changes the result.
//
// The counters come whole from one reading, never field by field: the largest output, then
// the largest total, then the one that names a speed, then the later. Rows of a thread
// differ: there the first occurrence counts and a repeat adds nothing. Session and project
// come from the copy with the strongest claim, then the earliest; the time is the earliest
// known, and one that was logged before one of sight. (Rules: shared field notes on log formats, sections 1.4 and 2.4.)
func Merge(a, b Event) Event {
	a, b = settled(a), settled(b)
	count, other := a, b
	if compareCounters(&b, &a) > 0 {
		count, other = b, a
	}
	home := &a
	if compareClaim(&b, &a) < 0 {
		home = &b
	}
	merged := count
	merged.Session, merged.Project, merged.Branch, merged.Version = home.Session, home.Project, home.Branch, home.Version
	merged.Claim, merged.ClaimedAt, merged.Offset = home.Claim, home.ClaimedAt, home.Offset
	at, seen := timeOf(&a, &b)
	merged.Time = at
	merged.Flags = count.Flags&^(Sidechain|Inherited|TimeSeen) | home.Flags&Sidechain | seen
	if merged.Time == 0 {
		merged.Flags |= (a.Flags | b.Flags) & Inherited
	}
	if merged.Twin < other.Twin {
		merged.Twin = other.Twin
	}
	if other.Recorded != nil && (merged.Recorded == nil || *merged.Recorded < *other.Recorded) {
		merged.Recorded = other.Recorded
	}
	return merged
}

// Undated stands in CountedAt and ClaimedAt for a reading without a date, once merged.
const Undated Millis = -1

// settled fills in the times that a reader leaves zero.
func settled(e Event) Event {
	own := e.Time
	if own == 0 {
		own = Undated
	}
	if e.CountedAt == 0 {
		e.CountedAt = own
	}
	if e.ClaimedAt == 0 {
		e.ClaimedAt = own
	}
	return e
}

// compareCounters is positive when a's counters win over b's.
func compareCounters(a, b *Event) int {
	if a.Thread != "" && b.Thread != "" && a.Ordinal != b.Ordinal {
		return -cmp.Compare(a.Ordinal, b.Ordinal)
	}
	return cmp.Or(
		cmp.Compare(a.Output, b.Output),
		cmp.Compare(a.Total(), b.Total()),
		cmp.Compare(a.Flags&SpeedKnown, b.Flags&SpeedKnown),
		cmp.Compare(a.CountedAt, b.CountedAt),
		// From here on only to make the choice independent of the order.
		cmp.Compare(a.Input, b.Input),
		cmp.Compare(a.CacheRead, b.CacheRead),
		cmp.Compare(a.CacheWrite5m, b.CacheWrite5m),
		cmp.Compare(a.Reasoning, b.Reasoning),
		cmp.Compare(a.WebSearches, b.WebSearches),
		cmp.Compare(a.Model, b.Model),
		cmp.Compare(a.Service, b.Service),
		cmp.Compare(b.Flags&LowerBound, a.Flags&LowerBound),
		cmp.Compare(a.Flags&^(Sidechain|Inherited|TimeSeen), b.Flags&^(Sidechain|Inherited|TimeSeen)),
	)
}

// compareClaim is negative when a has the stronger claim on session and project.
func compareClaim(a, b *Event) int {
	return cmp.Or(
		cmp.Compare(a.Claim, b.Claim),
		compareTimes(a.ClaimedAt, b.ClaimedAt),
		cmp.Compare(a.Session, b.Session),
		cmp.Compare(a.Project, b.Project),
		cmp.Compare(a.Branch, b.Branch),
		cmp.Compare(a.Version, b.Version),
		cmp.Compare(a.Offset, b.Offset),
		cmp.Compare(a.Flags&Sidechain, b.Flags&Sidechain),
	)
}

// compareTimes puts the unknown time last.
func compareTimes(a, b Millis) int {
	switch {
	case a == b:
		return 0
	case a <= 0:
		return 1
	case b <= 0:
		return -1
	}
	return cmp.Compare(a, b)
}

// timeOf is the time of two readings' row, with the flag TimeSeen if it is one of sight.
func timeOf(a, b *Event) (Millis, Flags) {
	first := a
	switch seenA, seenB := a.Flags&TimeSeen, b.Flags&TimeSeen; {
	case a.Time <= 0:
		first = b
	case b.Time <= 0:
	case seenA != seenB:
		if seenA != 0 {
			first = b
		}
	case b.Time < a.Time:
		first = b
	}
	if first.Time <= 0 {
		return first.Time, 0
	}
	return first.Time, first.Flags & TimeSeen
}
