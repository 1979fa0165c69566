package ingest

import (
	"context"
	"fmt"
	"slices"

	"tokenmeter/internal/store"
	"tokenmeter/internal/usage"
)

// mendFuture puts right what was read while this machine's clock ran ahead: such requests
// lie in days yet to come. Before a full look, they are dated now, and their logs are read anew, so that they
// get their own dates back should it be the present clock that is wrong. Because the two
// cannot be told apart, and a clock that is behind is mostly set by the network soon, that
// has to be so at two full looks in a row.
func (in *Ingest) mendFuture(ctx context.Context) error {
	now := usage.MillisOf(in.o.Clock())
	ids, err := in.o.Store.FilesAfter(ctx, now+futureTime)
	if err != nil {
		return in.storeFailed(err)
	}
	var logs []*store.File
	for _, f := range in.files {
		if slices.Contains(ids, f.ID) {
			logs = append(logs, f)
		}
	}
	before := in.wasAhead
	in.wasAhead = len(logs) > 0
	if !before || !in.wasAhead {
		return nil
	}
	for moved := 1; moved > 0; {
		err = in.o.Store.Update(ctx, func(tx *store.Tx) (err error) {
			moved, err = tx.Redate(now+futureTime, now)
			return err
		})
		if err != nil {
			return in.storeFailed(fmt.Errorf("date requests of the future: %w", err))
		}
	}
	changed := make([]store.File, len(logs))
	err = in.o.Store.Update(ctx, func(tx *store.Tx) error {
		for i, f := range logs {
			changed[i] = *f
			changed[i].Seen, changed[i].Modified, changed[i].Tail = now, 0, nil
			if err := tx.Write(&store.Chunk{File: &changed[i]}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return in.storeFailed(fmt.Errorf("have logs of the future read anew: %w", err))
	}
	for i := range changed {
		in.files[changed[i].Path] = &changed[i]
	}
	in.wasAhead = false
	in.o.Changed()
	return nil
}
