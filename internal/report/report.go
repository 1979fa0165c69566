package report

import (
	"context"
	"sync"
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
type Report struct {
	o Options

	mu     sync.Mutex
	number uint64
	usual  usualDay // of the last Snapshot
	past   *knowledge
	handed map[windowKey]usage.Millis // the parts of windows whose forecasts were due before
}

// New makes a Report. It reads nothing.
func New(o Options) *Report { return &Report{o: o} }

// HistoryAnswer holds the rows of a question and their sum.
type HistoryAnswer struct {
	Rows   []store.Row
	Totals usage.Counts
}

// History answers a question about sums; a query without a zone gets the report's.
func (r *Report) History(ctx context.Context, q store.Query) (*HistoryAnswer, error) {
	if q.Zone == nil {
		q.Zone = r.o.Zone
	}
	rows, err := r.o.Store.History(ctx, q)
	if err != nil {
		return nil, err
	}
	a := &HistoryAnswer{Rows: rows}
	for i := range rows {
		a.Totals = a.Totals.Plus(rows[i].Counts)
	}
	return a, nil
}

// since is the first dated request ever; zero = nothing is stored.
func since(agents []store.AgentSum) usage.Millis {
	var first usage.Millis
	for _, a := range agents {
		if a.First != 0 && (first == 0 || a.First < first) {
			first = a.First
		}
	}
	return first
}
