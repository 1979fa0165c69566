package store

import (
	"context"
	"errors"
	"time"

	"tokenmeter/internal/usage"
)

var errTodo = errors.New("store: being built")

// Options configure Open.
type Options struct {
	ReadOnly bool           // never writes, never creates
	Zone     *time.Location // whose local days the day roll-up holds; a change rebuilds it
}

// Store is the database: one writer, many readers.
type Store struct{}

// Open opens or creates the database at path and brings its schema up to date.
func Open(ctx context.Context, path string, o Options) (*Store, error) { return nil, errTodo }

// Close ends all use of the database.
func (s *Store) Close() error { return errTodo }

// Update runs f in one immediate transaction; an error from f rolls everything back. Only
// one goroutine may call it at a time.
func (s *Store) Update(ctx context.Context, f func(*Tx) error) error { return errTodo }

// Tx is a running Update.
type Tx struct{}

// Write stores a chunk: events are merged with what is there, roll-ups follow, the file's
// cursor moves. Events of rows that an earlier Settle gave to another thread stay so.
func (t *Tx) Write(c *Chunk) error { return errTodo }

// Unsettled lists the threads whose lineage may have changed since the last Settle: they
// have parents, and rows of theirs or of their kin were written.
func (t *Tx) Unsettled(agent usage.AgentID) ([]Family, error) { return nil, errTodo }

// Settle gives the leading rows of a thread to their owners.
func (t *Tx) Settle(agent usage.AgentID, thread string, segments []usage.Segment) error {
	return errTodo
}

// Gone notes that files are no longer there. What they told stays.
func (t *Tx) Gone(ids []int64) error { return errTodo }

// Files lists all files ever read.
func (s *Store) Files(ctx context.Context) ([]File, error) { return nil, errTodo }

// History answers a question about sums; rows are in a fixed order.
func (s *Store) History(ctx context.Context, q Query) ([]Row, error) { return nil, errTodo }

// Recent lists the dated requests since a moment, oldest first.
func (s *Store) Recent(ctx context.Context, since usage.Millis) ([]Recent, error) {
	return nil, errTodo
}

// Sessions lists the sessions in which something happened since a moment, newest first,
// with the sums of their whole life.
func (s *Store) Sessions(ctx context.Context, since usage.Millis) ([]SessionSum, error) {
	return nil, errTodo
}

// Samples lists allowance samples observed since a moment, oldest first.
func (s *Store) Samples(ctx context.Context, since usage.Millis) ([]usage.Sample, error) {
	return nil, errTodo
}

// Agents sums up what is stored, per agent.
func (s *Store) Agents(ctx context.Context) ([]AgentSum, error) { return nil, errTodo }
