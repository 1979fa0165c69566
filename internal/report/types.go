package report

import (
	"time"

	"tokenmeter/internal/health"
	"tokenmeter/internal/store"
	"tokenmeter/internal/usage"
)

// Agent is what every answer needs to know of an agent besides its figures.
type Agent struct {
	ID    usage.AgentID
	Name  string
	Slot  int      // position in the palette and in stacks
	Roots []string // where its logs are looked for
}

// Progress says how far a reading of the logs is.
type Progress struct {
	Running    bool
	Files      int // to be read in this run
	FilesDone  int
	Bytes      int64
	BytesDone  int64
	Events     int64 // stored in this run
	FirstStart bool  // nothing had been stored before
}

// Snapshot is the state of things at one moment. It is never changed once made.
type Snapshot struct {
	Number   uint64
	At       time.Time
	Zone     *time.Location
	Agents   []AgentState // those known to this build, in palette order
	Now      Now
	Today    Today
	Windows  []Window
	Due      []Due // forecasts that are to be stored, see KeepForecasts
	Reading  Progress
	Findings []health.Finding
	// StaleSince is the Meter's.
	StaleSince time.Time
	Currency   usage.Currency // the Meter's
	Repricing  store.Repricing
	Online     Online    // the Meter's
	Since      time.Time // first dated event ever, zero = nothing stored
	Home       string    // the user's home folder, to write paths as ~/…
}

// AgentState is one agent as found on this machine.
type AgentState struct {
	Agent
	Found   bool // at least one of its folders is there, or events of it are stored
	Places  []Place
	Files   int64
	Events  int64
	First   time.Time // of the dated events
	Last    time.Time
	Skipped map[usage.Reason]int64
}

// Place is one of an agent's folders.
type Place struct {
	Path  string
	There bool
}

// Now is what is burning.
type Now struct {
	// FreshPerMinute and CacheReadsPerMinute are sums over the last 60 seconds.
	FreshPerMinute      int64
	CacheReadsPerMinute int64
	CostPerHour         *usage.Micros // nil = nothing priced
	// Minutes are the last 60 whole minutes and the running one, oldest first.
	Minutes  []Minute
	ByAgent  map[usage.AgentID]int64 // FreshPerMinute, split
	Sessions []SessionNow            // active within the last 30 minutes, newest first
	Live     bool                    // an event within the last 60 seconds
	// QuietAt is when this snapshot next becomes untrue if nothing more comes: the rate
	// falls, a session turns idle or leaves the list, a window resets, the day ends. One
	// timer set to it keeps everything right but the minute bars. Never zero.
	QuietAt time.Time
}

// Minute is one bar of the last hour.
type Minute struct {
	Start      time.Time
	Fresh      map[usage.AgentID]int64
	CacheReads int64
}

// SessionNow is a session in use.
type SessionNow struct {
	store.SessionSum
	Working bool // an event within the last two minutes
}

// Today is the local day so far.
type Today struct {
	Start  time.Time
	Counts usage.Counts
	// Hours are fresh tokens up to the end of each hour so far, the running one included.
	Hours []int64
	// Usual is the same for a usual day of this kind, all 24 hours: the median of up to
	// eight earlier days of the same weekday that have a record; nil = fewer than two.
	Usual     []int64
	UsualLow  []int64 // half of those days lie between UsualLow and UsualHigh
	UsualHigh []int64
	// UsualNow is Usual interpolated to this minute, 0 = not known.
	UsualNow int64
	// UsualPerMinute is the usual rate at this hour, 0 = not known.
	UsualPerMinute int64
}
