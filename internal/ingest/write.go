package ingest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/health"
	"tokenmeter/internal/store"
)

// Bounds of a transaction: large enough that random keys do not rewrite the table for a
// few rows, small enough that others get their turn and figures move while years come in.
const (
	readers    = 2
	batchRows  = 32 << 10
	batchFiles = 4 << 10
	batchTime  = 250 * time.Millisecond
)

// readQueued reads what is queued, and what the watcher brings meanwhile, until nothing is
// left. On an error everything that was not committed is forgotten, to be looked at anew.
func (in *Ingest) readQueued(ctx context.Context, w *watcher) error {
	if in.bulk {
		in.bulk = false
		if err := in.o.Store.Importing(ctx, true); err != nil {
			return in.storeFailed(fmt.Errorf("prepare import: %w", err))
		}
		defer func() {
			// Also when ctx has ended, or the log would stay as long as it grew.
			_ = in.o.Store.Importing(context.WithoutCancel(ctx), false)
			debug.FreeOSMemory()
		}()
	}
	for in.queue.len() > 0 || len(in.gone) > 0 {
		if err := in.readBatch(ctx, w); err != nil {
			in.queue.clear()
			clear(in.busy)
			clear(in.gone)
			in.move(func(p *Progress) { p.Running = false })
			return err
		}
	}
	in.mu.Lock()
	running := in.progress.Running
	in.mu.Unlock()
	if running {
		in.move(func(p *Progress) { p.Running = false })
	}
	return nil
}

// readBatch starts the reading goroutines, writes what they bring, and waits for their end.
func (in *Ingest) readBatch(ctx context.Context, w *watcher) error {
	ctx, cancel := context.WithCancel(ctx)
	out := make(chan *piece, 16)
	var group sync.WaitGroup
	for range min(readers, in.queue.len()) {
		r := &reading{in: in, ctx: ctx, out: out}
		group.Go(r.run)
	}
	go func() {
		group.Wait()
		close(out)
	}()
	err := in.write(ctx, out, w)
	cancel()
	for range out { // lets the readers end
	}
	return err
}

// write gathers pieces and commits them, batch by batch, until out is closed.
func (in *Ingest) write(ctx context.Context, out <-chan *piece, w *watcher) error {
	var batch []*piece
	rows := 0
	timer := time.NewTimer(batchTime)
	defer timer.Stop()
	commit := func() error {
		err := in.commit(ctx, batch)
		clear(batch)
		batch, rows = batch[:0], 0
		return err
	}
	for {
		select {
		case p, open := <-out:
			if !open {
				if err := ctx.Err(); err != nil {
					return err
				}
				return commit()
			}
			if len(batch) == 0 {
				timer.Reset(batchTime)
			}
			batch = append(batch, p)
			rows += p.rows()
			if rows >= batchRows || len(batch) >= batchFiles {
				if err := commit(); err != nil {
					return err
				}
			}
		case <-timer.C:
			if len(batch) > 0 {
				if err := commit(); err != nil {
					return err
				}
			}
		case <-w.wake():
			if err := in.serve(ctx, w); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// commit writes pieces in one transaction, settles lineages, and only then takes what was
// written as known.
func (in *Ingest) commit(ctx context.Context, batch []*piece) error {
	writes := make([]*piece, 0, len(batch))
	told := len(in.gone) > 0
	for _, p := range batch {
		facts := p.rows() > 0 || len(p.chunk.Threads) > 0
		told = told || facts
		if facts || worthStoring(in.files[p.job.path], p.chunk.File) {
			writes = append(writes, p)
		}
	}
	if len(writes) > 0 || len(in.gone) > 0 {
		if err := in.o.Store.Update(ctx, func(tx *store.Tx) error { return in.update(tx, writes) }); err != nil {
			return in.storeFailed(fmt.Errorf("store what was read: %w", err))
		}
		in.storeWell()
	}
	for path, f := range in.gone {
		f.Gone = true
		delete(in.gone, path)
	}
	var events int64
	done, skips := 0, false
	for _, p := range batch {
		if f := p.chunk.File; f.Path != "" {
			old := in.files[f.Path]
			if f.ID == 0 && old != nil && old.Agent == f.Agent {
				f.ID = old.ID // this piece was not worth a row
			}
			skips = skips || old == nil && len(f.Skipped) > 0 || old != nil && !maps.Equal(old.Skipped, f.Skipped)
			in.files[f.Path] = f
		}
		events += int64(len(p.chunk.Events))
		if p.last {
			if p.job.counted {
				done++
			}
			in.finished(p)
		}
		in.pieces.put(p)
	}
	if skips {
		in.countSkipped()
	}
	if told {
		in.active = in.o.Clock()
	}
	if told || done > 0 {
		in.move(func(p *Progress) {
			p.FilesDone += done
			p.Events += events
		})
	}
	return nil
}

// update is the body of a transaction.
func (in *Ingest) update(tx *store.Tx, writes []*piece) error {
	ids := make(map[string]int64)
	agents := make(map[string]bool)
	for _, p := range writes {
		f := p.chunk.File
		// An id given by an earlier attempt is void.
		f.ID = ids[f.Path]
		if old := in.files[f.Path]; old != nil && old.Agent == f.Agent {
			f.ID = old.ID
		}
		if err := tx.Write(&p.chunk); err != nil {
			return fmt.Errorf("write %s: %w", f.Path, err)
		}
		ids[f.Path] = f.ID
		if len(p.chunk.Threads) > 0 || len(p.chunk.Marks) > 0 {
			agents[string(f.Agent)] = true
		}
	}
	var gone []int64
	for _, f := range in.gone {
		if f.ID != 0 {
			gone = append(gone, f.ID)
		}
	}
	if len(gone) > 0 {
		slices.Sort(gone)
		if err := tx.Gone(gone); err != nil {
			return fmt.Errorf("note files as gone: %w", err)
		}
	}
	for _, source := range in.o.Sources {
		if lineage, ok := source.(agent.Lineage); ok && agents[string(source.Info().ID)] {
			if err := settle(tx, source.Info(), lineage); err != nil {
				return err
			}
		}
	}
	return nil
}

// settleRounds bounds the rounds of one transaction. A thread is asked again when its
// parent moved, so there are as many as forks of forks are deep.
const settleRounds = 1000

// settle gives copied rows to their owners, until nothing is open.
func settle(tx *store.Tx, info agent.Info, lineage agent.Lineage) error {
	for range settleRounds {
		families, err := tx.Unsettled(info.ID)
		if err != nil {
			return fmt.Errorf("list lineages of %s: %w", info.ID, err)
		}
		if len(families) == 0 {
			return nil
		}
		for _, f := range families {
			if err := tx.Settle(info.ID, f.Child.ID, lineage.Resolve(f.Child, f.Kin)); err != nil {
				return fmt.Errorf("settle lineage of %s: %w", info.ID, err)
			}
		}
	}
	return nil
}

// worthStoring says whether a file's row must be written although it told nothing: when
// without it the next start would not see the file as it is now.
func worthStoring(old, now *store.File) bool {
	switch {
	case now.Path == "":
		return false // could not even be opened
	case old == nil:
		return true
	}
	return old.Size != now.Size || old.Modified != now.Modified || old.Device != now.Device || old.Inode != now.Inode ||
		old.Offset != now.Offset || string(old.State) != string(now.State) || string(old.Tail) != string(now.Tail) ||
		old.Revision != now.Revision || old.Agent != now.Agent || old.Gone != now.Gone ||
		!maps.Equal(old.Skipped, now.Skipped) || trusted(old) != trusted(now)
}

// finished notes how the reading of a file ended, and queues it again if it changed
// meanwhile.
func (in *Ingest) finished(p *piece) {
	path := p.job.path
	again := in.busy[path]
	delete(in.busy, path)
	if !errors.Is(p.err, errIncomplete) {
		in.o.Health.Clear(health.FileIncomplete, path)
	}
	switch {
	case p.err == nil:
		in.succeeded(path)
	case errors.Is(p.err, fs.ErrNotExist):
		in.succeeded(path)
		in.vanished(path)
	case errors.Is(p.err, errIncomplete):
		in.succeeded(path)
		in.o.Health.Set(health.FileIncomplete, health.Info, path)
	default:
		in.notRead(p.job, p.err)
	}
	if again == nil {
		return
	}
	if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() {
		again.stamp = stampOf(info)
		in.enqueue([]candidate{*again}, noticed)
	}
}

// succeeded forgets the failures of a file.
func (in *Ingest) succeeded(path string) {
	f := in.failed[path]
	if f == nil {
		return
	}
	f.stop()
	delete(in.failed, path)
	in.o.Health.Clear(health.FileUnreadable, path)
	in.o.Health.Clear(health.FormatUnknown, path)
}

// findingsOfFiles bounds how many files the board names; more would only hide the rest.
const findingsOfFiles = 100

// notRead notes that a file could not be read. It is tried again when it changes, at each
// full look, and with Run after a while that doubles.
func (in *Ingest) notRead(j *job, err error) {
	f := in.failed[j.path]
	if f == nil {
		f = &failure{}
		in.failed[j.path] = f
	}
	f.candidate = j.candidate
	f.tries++
	busy := errors.Is(err, agent.ErrBusy) || errors.Is(err, agent.ErrPartial)
	switch {
	case busy && f.tries <= 5, len(in.failed) > findingsOfFiles:
	case errors.Is(err, agent.ErrFormat):
		in.o.Health.Set(health.FormatUnknown, health.Warning, j.path, j.source.Info().Name)
	default:
		in.o.Health.Set(health.FileUnreadable, health.Warning, j.path)
	}
	if in.retry == nil {
		return
	}
	wait, most := 30*time.Second, 30*time.Minute
	if busy {
		wait, most = time.Second, time.Minute
	}
	f.stop()
	f.timer = time.AfterFunc(min(wait<<min(f.tries-1, 16), most), func() { in.retry(j.path) })
}
