package report

import (
	"context"
	"errors"
	"time"

	"tokenmeter/internal/store"
	"tokenmeter/internal/usage"
)

// Options configure New. Everything is needed but Exists and Home.
type Options struct {
	Store  *store.Store
	Agents []Agent // known to this build, in palette order
	Clock  func() time.Time
	Zone   *time.Location
	Exists func(path string) bool // nil: no folder is there
	Home   string                 // to write paths as ~/…; "" = as they are
}

// Report answers questions.
type Report struct{ o Options }

// New makes a Report. It reads nothing.
func New(o Options) *Report { return &Report{o: o} }

// Snapshot is the state of things now.
func (r *Report) Snapshot(ctx context.Context, m Meter) (*Snapshot, error) {
	return nil, errors.New("report: being built")
}

// HistoryAnswer holds the rows of a question and their sum.
type HistoryAnswer struct {
	Rows   []store.Row
	Totals usage.Counts
}

// History answers a question about sums.
func (r *Report) History(ctx context.Context, q store.Query) (*HistoryAnswer, error) {
	return nil, errors.New("report: being built")
}

// Range asks for the local days that end today.
type Range struct {
	Days  int             // 7, 30, 90; 1 to 366 are taken
	Split store.Dimension // Agent, Model or Project
}

// DaysAnswer is local days, each split in groups.
type DaysAnswer struct {
	Range  Range
	Zone   *time.Location
	Agents []Agent   // known to this build
	First  time.Time // first dated event ever, zero = nothing stored
	Groups []Group   // by palette order for agents, else the largest first
	Days   []Day     // oldest first, the last is today
	Totals usage.Counts
}

// Group is one part of a split. Only the field of the split is set, and Agent too where
// all of the group's requests are of one agent.
type Group struct {
	Agent   usage.AgentID
	Model   string
	Project string
	usage.Counts
}

// Day is a local day.
type Day struct {
	Start, End time.Time
	Recorded   bool // false: it was over before anything was recorded
	usage.Counts
	Parts []usage.Counts // one for each group
}

// Days sums up the last local days.
func (r *Report) Days(ctx context.Context, q Range) (*DaysAnswer, error) {
	return nil, errors.New("report: being built")
}
