package store

import (
	"time"

	"tokenmeter/internal/usage"
)

// File is one log file as it was last read.
type File struct {
	ID       int64 // 0 = not stored yet
	Agent    usage.AgentID
	Path     string // absolute
	Root     string // the folder it was found under
	Name     string // relative to Root, slash-separated
	Device   uint64
	Inode    uint64
	Size     int64 // in bytes, on disk
	Modified int64 // nanoseconds since the Unix epoch
	Offset   int64 // where reading goes on
	State    []byte
	Tail     []byte // hash of the bytes before Offset, to see a replacement
	Revision int    // of the reader that read it
	Seen     usage.Millis
	Gone     bool // no longer there; what it told stays
	Skipped  map[usage.Reason]int64
}

// Events come back from the store as they went in, CountedAt and ClaimedAt included: Merge
// needs them to stay independent of the order.

// Chunk is what one stretch of one file told, with the file as it is after it. File.ID may
// be zero; Write fills it in.
type Chunk struct {
	File     *File
	Events   []usage.Event
	Threads  []usage.Thread
	Marks    []usage.Mark
	Samples  []usage.Sample
	Sessions []usage.Session
	Bills    []usage.Bill
}

// Family is a thread whose lineage must be asked again, with its kin.
type Family struct {
	Child usage.Kin
	Kin   []usage.Kin
}

// Dimension is what History can group by.
type Dimension string

// The dimensions, in the order in which their columns are printed.
const (
	Hour    Dimension = "hour"
	Day     Dimension = "day"
	Week    Dimension = "week" // starts on Monday
	Month   Dimension = "month"
	Session Dimension = "session"
	Project Dimension = "project"
	Model   Dimension = "model"
	Agent   Dimension = "agent"
)

// Query asks for sums. Since and Until are rounded down to a quarter of an hour, half
// open, zero = no bound. Undated requests are in the answer only if there is no bound.
// Empty lists mean all. At most one of Hour, Day, Week, Month may be in By.
type Query struct {
	By       []Dimension
	Since    usage.Millis
	Until    usage.Millis
	Zone     *time.Location
	Agents   []usage.AgentID
	Projects []string
	Models   []string
	// Cost, if not nil, puts another cost on each request than the stored one, for a what-if.
	// It makes the store look at every request of the range instead of at sums.
	Cost func(*usage.Event) usage.Cost
}

// Row is one group of an answer. Start is the beginning of its hour, day, week or month in
// the query's zone, zero where the requests are undated or no such dimension was asked.
type Row struct {
	Start   usage.Millis
	Agent   usage.AgentID
	Model   string
	Project string
	Session string
	usage.Counts
}

// Recent is a request of the last minutes, for the live meter.
type Recent struct {
	Time    usage.Millis
	Agent   usage.AgentID
	Session string
	Model   string
	Project string
	usage.Counts
}

// SessionSum is a session with what it used.
type SessionSum struct {
	usage.Session
	First, Last usage.Millis
	usage.Counts
}

// AgentSum is what is stored of an agent.
type AgentSum struct {
	Agent       usage.AgentID
	Files       int64
	Events      int64
	First, Last usage.Millis // of the dated events
	Skipped     map[usage.Reason]int64
}
