package usage

import "time"

// AgentID is the short, stable name of an agent, as in "claude"; it is what --agent takes.
type AgentID string

// Millis is an instant in milliseconds since the Unix epoch, UTC. Zero means unknown.
type Millis int64

// MillisOf converts t; the zero time becomes zero.
func MillisOf(t time.Time) Millis {
	if t.IsZero() {
		return 0
	}
	return Millis(t.UnixMilli())
}

// Time converts m to UTC; zero becomes the zero time.
func (m Millis) Time() time.Time {
	if m == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(m)).UTC()
}

// Micros is an amount of money in millionths of a US dollar.
type Micros int64

// Currency is the money that amounts are shown in. The zero value is the US dollar, in which
// all is stored.
type Currency struct {
	Code    string   `json:"code"` // ISO 4217
	Rate    Exchange `json:"rate"`
	Fetched bool     `json:"fetched"` // the rate was fetched, not entered
}

// Tokens are the disjoint counters of one billed request, or sums of them. Reasoning is a
// part of Output and kept for information only; it is never added.
type Tokens struct {
	Input        int64 // neither read from nor written to a cache
	CacheRead    int64
	CacheWrite5m int64 // written to a cache that lives five minutes
	CacheWrite1h int64 // written to a cache that lives an hour
	Output       int64 // with reasoning
	Reasoning    int64 // part of Output
}

// CacheWrite is all that was written to caches.
func (t Tokens) CacheWrite() int64 { return t.CacheWrite5m + t.CacheWrite1h }

// Fresh is what had to be worked on anew: input, cache writes and output.
func (t Tokens) Fresh() int64 { return t.Input + t.CacheWrite5m + t.CacheWrite1h + t.Output }

// Total is every token of the request once: Fresh and CacheRead.
func (t Tokens) Total() int64 { return t.Fresh() + t.CacheRead }

// Prompt is what the model was given: input, cache reads and cache writes.
func (t Tokens) Prompt() int64 { return t.Input + t.CacheRead + t.CacheWrite5m + t.CacheWrite1h }

// IsZero reports whether no counter is set.
func (t Tokens) IsZero() bool { return t == Tokens{} }

// Add returns the sum of t and u, counter by counter.
func (t Tokens) Add(u Tokens) Tokens {
	return Tokens{
		Input: t.Input + u.Input, CacheRead: t.CacheRead + u.CacheRead,
		CacheWrite5m: t.CacheWrite5m + u.CacheWrite5m, CacheWrite1h: t.CacheWrite1h + u.CacheWrite1h,
		Output: t.Output + u.Output, Reasoning: t.Reasoning + u.Reasoning,
	}
}

// Sub returns t less u, counter by counter.
func (t Tokens) Sub(u Tokens) Tokens {
	return Tokens{
		Input: t.Input - u.Input, CacheRead: t.CacheRead - u.CacheRead,
		CacheWrite5m: t.CacheWrite5m - u.CacheWrite5m, CacheWrite1h: t.CacheWrite1h - u.CacheWrite1h,
		Output: t.Output - u.Output, Reasoning: t.Reasoning - u.Reasoning,
	}
}

// Flags say what else is known of an event.
type Flags uint16

const (
	// LowerBound: the agent wrote a placeholder, the true output is at least this.
	LowerBound Flags = 1 << iota
	// Sidechain: made by a sub-agent or an aside, not by the main conversation.
	Sidechain
	// Inherited: copied from a log that is not here; real usage whose date is lost.
	Inherited
	// SpeedKnown: the line names a speed; such a line wins a tie (see Merge).
	SpeedKnown
	// Aborted: the stream was cut; the counters are what had arrived.
	Aborted
	// TimeGuessed: the line had no readable time of its own; a neighbour's or the
	// file's was taken.
	TimeGuessed
	// TimeSeen: the line is dated in the future of this machine's clock, so the time of
	// its first sight was taken. If the clock was wrong, a later reading mends that.
	TimeSeen
)

// Cost is what a request costs at list price.
type Cost struct {
	Micros Micros
	Priced bool   // false: no price is known for the model, Micros is meaningless
	Row    string // the price row it was computed from
}

// Event is one billed request, as one reading of it tells. Two readings with the same
// Key are the same request; Merge makes one of them.
type Event struct {
	Agent AgentID
	Key   Key // identity within the agent
	// Twin, if not zero, is a second identity: events with equal Twin are one request
	// although their Keys differ (ids made by gateways, copied into another session).
	Twin Key

	// Thread and Ordinal place the event in a list of counter rows that another log may
	// have copied (see Thread). Thread is empty where that cannot happen.
	Thread  string
	Ordinal int

	Time Millis // earliest reading; zero = undated
	// CountedAt is the time of the reading that gave the counters, ClaimedAt of the one
	// that gave session and project; readers leave both zero, which
	// means Time. Merged rows of undated readings hold Undated.
	CountedAt Millis
	ClaimedAt Millis

	Session string // the agent's own id
	Project string // working folder
	Branch  string
	Version string // of the agent
	Model   string // as logged
	Service string // "" standard, else what multiplies the price: "fast", "priority", "batch", joined by "+"

	Tokens
	WebSearches int64
	Recorded    *Micros // the cost that the agent itself wrote down, nil = none
	Cost        Cost

	Flags  Flags
	Claim  uint8 // how weak this copy's claim on session and project is; 0 = the original
	Offset int64 // byte offset of the line in its file
}

// Thread is a list of counter rows in one log file (a Codex conversation) that may begin
// with a copy of another thread's rows.
type Thread struct {
	Agent   AgentID
	ID      string
	Parents []string // nearest first; as far as this file names them
	// Inherited is the reader's own finding, from this file alone, of how many leading
	// rows are copies; 0 = none found.
	Inherited int
	// Exact: Inherited was stated by the log, so no comparison may change it.
	Exact bool
}

// Mark is one counter row of a thread, whether or not it gave an event.
type Mark struct {
	Thread  string
	Ordinal int    // 0, 1, 2 … in the order of the file
	Print   uint64 // equal rows of two threads have equal prints
	Row     uint64 // the owner-independent part of the event's key, see RowKey; 0 = no event
	Time    Millis
}

// Kin is a thread with the prints of its rows, for comparison.
type Kin struct {
	Thread
	Prints []uint64
}

// Segment says that a run of a thread's leading rows belongs to another thread.
type Segment struct {
	Owner string
	Rows  int  // length of the run
	Known bool // the owner's own log has been read, so its rows are counted there
}

// Session is what a line tells of the conversation as it stands. The newest wins.
type Session struct {
	Agent         AgentID
	ID            string
	Project       string
	Branch        string
	Version       string
	Model         string
	Parent        string // the session that started this one, if any
	ContextTokens int64  // prompt of the newest main request
	ContextWindow int64  // 0 = not recorded
	Time          Millis
}

// Source says where a figure of an allowance comes from.
type Source string

// The sources, best first.
const (
	SourceServer     Source = "server"
	SourceCalibrated Source = "calibrated"
	SourceDerived    Source = "derived"
	SourceEntered    Source = "entered"
	SourceUnknown    Source = "unknown"
)

// Sample is one reading of one allowance window.
type Sample struct {
	Agent         AgentID
	Account       string // "" = this home's account
	LimitID       string
	WindowMinutes int64   // 0 = not stated
	UsedPercent   float64 // 0…100, may exceed it
	ResetsAt      Millis  // zero = not stated
	ObservedAt    Millis
	Source        Source
	Plan          string // as logged
	Reached       string // which limit was hit, as logged

	Thread  string // as in Event; samples in copied rows are stale and dropped
	Ordinal int
}

// Skip is a piece of a file that could not be used: where and why, never its text.
type Skip struct {
	Offset int64
	Length int64
	Reason Reason
}

// Reason is why something was skipped.
type Reason string

// The reasons.
const (
	ReasonSyntax  Reason = "syntax"   // not JSON, and nothing in it could be saved
	ReasonRepair  Reason = "repaired" // damaged, but what counts was saved
	ReasonTooLong Reason = "too long" // over the limit of a line
	ReasonShape   Reason = "shape"    // JSON, but not of the form that was expected
)

// Counts are sums over events: what every chart and table is made of.
type Counts struct {
	Tokens
	Requests       int64
	Cost           Micros // of the priced requests
	PricedRequests int64
	UnpricedTokens int64 // Total of the requests without a price
}

// Plus returns the sum of c and d.
func (c Counts) Plus(d Counts) Counts {
	return Counts{
		Tokens: c.Tokens.Add(d.Tokens), Requests: c.Requests + d.Requests, Cost: c.Cost + d.Cost,
		PricedRequests: c.PricedRequests + d.PricedRequests, UnpricedTokens: c.UnpricedTokens + d.UnpricedTokens,
	}
}

// Minus returns c less d.
func (c Counts) Minus(d Counts) Counts {
	return Counts{
		Tokens: c.Tokens.Sub(d.Tokens), Requests: c.Requests - d.Requests, Cost: c.Cost - d.Cost,
		PricedRequests: c.PricedRequests - d.PricedRequests, UnpricedTokens: c.UnpricedTokens - d.UnpricedTokens,
	}
}

// CountsOf are the counts of one event.
func CountsOf(e *Event) Counts {
	c := Counts{Tokens: e.Tokens, Requests: 1}
	if e.Cost.Priced {
		c.Cost, c.PricedRequests = e.Cost.Micros, 1
	} else {
		c.UnpricedTokens = e.Total()
	}
	return c
}

// ClockTolerance is how far after now a reading may lie and still be believed, in
// milliseconds.
const ClockTolerance = Millis(5 * 60_000)
