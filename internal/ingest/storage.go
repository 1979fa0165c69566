package ingest

import (
	"context"
	"errors"
	"strconv"
	"time"

	"tokenmeter/internal/health"
	"tokenmeter/internal/store"
)

// storeCodes are the findings that an error of the store can become, most telling first.
var storeCodes = [...]struct {
	err  error
	code health.Code
}{
	{store.ErrNewer, health.DatabaseNewer},
	{store.ErrForeign, health.DatabaseForeign},
	{store.ErrFull, health.DiskFull},
	{store.ErrDamaged, health.DatabaseDamaged},
	{store.ErrReadOnly, health.DatabaseReadOnly},
	{store.ErrLocked, health.DatabaseLocked},
	{nil, health.DatabaseFailed},
}

// PutStoreError puts an error of the store on the board, and takes off it whatever an
// earlier one had put there. The subject is the database. A nil error only takes off; a
// context that ended and a database that has to be opened anew are no findings and change
// nothing.
func PutStoreError(board *health.Board, database string, err error) {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, store.ErrMoved) {
		return
	}
	open := err != nil
	for _, c := range storeCodes {
		if open && (c.err == nil || errors.Is(err, c.err)) {
			open = false
			board.Set(c.code, health.Error, database, err.Error())
			continue
		}
		board.Clear(c.code, database)
	}
}

// PutRepair tells of the last repair of a database, if there was one: loudly where this
// process did it, else for as long as the damaged file is kept.
func PutRepair(board *health.Board, database string, r *store.Repair) {
	if r == nil {
		return
	}
	severity := health.Info
	if r.Fresh {
		severity = health.Warning
	}
	saved := strconv.FormatInt(r.Requests, 10)
	if r.Of > r.Requests {
		saved += " of " + strconv.FormatInt(r.Of, 10)
	}
	if r.First != 0 {
		saved += ", from " + r.First.Time().Format(time.DateOnly) + " on"
	}
	if r.Damaged == "" {
		board.Set(health.DatabaseRestored, severity, database, saved)
		return
	}
	board.Set(health.DatabaseRepaired, severity, database, saved, r.Damaged)
}

// storeFailed puts an error of the store on the board and returns it.
func (in *Ingest) storeFailed(err error) error {
	in.storeBad = true
	PutStoreError(in.o.Health, in.o.Store.Path(), err)
	return err
}

// storeWell takes the store's findings off the board.
func (in *Ingest) storeWell() {
	if in.storeBad {
		in.storeBad = false
		PutStoreError(in.o.Health, in.o.Store.Path(), nil)
	}
}
