package meter

import (
	"time"

	"tokenmeter/internal/usage"
)

// The spans that give "now" its meaning.
const (
	Span    = time.Minute      // a rate is what came within this span, so it is per minute
	Working = 2 * time.Minute  // a session is at work this long after its last line
	Recent  = 30 * time.Minute // and in the list of sessions this long
	Bars    = 60               // whole minutes in the chart of the last hour
)

// Request is one billed request as the live meter sees it.
type Request struct {
	Time  usage.Millis
	Agent usage.AgentID
	usage.Counts
}

// Rate is what flows at a moment.
type Rate struct {
	Counts  usage.Counts // sums over the last Span
	ByAgent map[usage.AgentID]int64
	// Changes is when the sums change next if nothing more comes; zero = never.
	Changes usage.Millis
}

// RateAt sums up the requests of the Span that ends now. A request counts from its own
// moment on until one Span later; one that is dated in the future (the clock was set back)
// waits for its moment.
func RateAt(requests []Request, now usage.Millis) Rate {
	span := usage.Millis(Span.Milliseconds())
	rate := Rate{ByAgent: map[usage.AgentID]int64{}}
	for _, r := range requests {
		var change usage.Millis
		switch {
		case r.Time == 0 || r.Time+span <= now:
			continue
		case r.Time > now:
			change = r.Time
		default:
			change = r.Time + span
			rate.Counts = rate.Counts.Plus(r.Counts)
			rate.ByAgent[r.Agent] += r.Fresh()
		}
		if rate.Changes == 0 || change < rate.Changes {
			rate.Changes = change
		}
	}
	return rate
}

// Minute is one bar of the last hour.
type Minute struct {
	Start      usage.Millis
	Fresh      map[usage.AgentID]int64
	CacheReads int64
}

// MinutesAt gives the last Bars whole minutes and the running one, oldest first.
func MinutesAt(requests []Request, now usage.Millis) []Minute {
	const minute = usage.Millis(60_000)
	first := FirstMinute(now)
	minutes := make([]Minute, Bars+1)
	for i := range minutes {
		minutes[i] = Minute{Start: first + usage.Millis(i)*minute, Fresh: map[usage.AgentID]int64{}}
	}
	for _, r := range requests {
		if r.Time < first || r.Time > now {
			continue
		}
		m := &minutes[(r.Time-first)/minute]
		m.CacheReads += r.CacheRead
		if fresh := r.Fresh(); fresh != 0 {
			m.Fresh[r.Agent] += fresh
		}
	}
	return minutes
}

// FirstMinute is the start of the oldest bar that MinutesAt gives.
func FirstMinute(now usage.Millis) usage.Millis {
	const minute = usage.Millis(60_000)
	return now - now%minute - Bars*minute
}
