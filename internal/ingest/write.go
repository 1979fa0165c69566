package ingest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/health"
	"tokenmeter/internal/store"
	"tokenmeter/internal/usage"
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
		in.bulk, in.importing = false, true
		defer func() { in.importing = false }()
		if err := in.o.Store.Importing(ctx, true); err != nil {
			return in.storeFailed(fmt.Errorf("prepare import: %w", err))
		}
		defer func() {
			// Also when ctx has ended, or the log would stay as long as it grew.
			_ = in.o.Store.Importing(context.WithoutCancel(ctx), false)
			in.untidy = true
		}()
	}
	for in.queue.len() > 0 || len(in.gone) > 0 {
		if err := in.readBatch(ctx, w); err != nil {
			in.queue.clear()
			clear(in.busy)
			clear(in.gone)
			in.answer()
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
	out := make(chan *bundle, 4)
	var group sync.WaitGroup
	for range min(readers, in.queue.len()) {
		r := &reading{in: in, ctx: ctx, out: out, bulk: in.importing}
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

// write commits what the readers bring, batch by batch, until out is closed.
func (in *Ingest) write(ctx context.Context, out <-chan *bundle, w *watcher) error {
	pieces := &arrivals{in: in, out: out, w: w}
	for {
		first, err := pieces.next(ctx, nil)
		if err != nil {
			return err
		}
		if first == nil && len(in.gone) == 0 {
			return nil
		}
		if err := in.commit(ctx, pieces, first); err != nil {
			return err
		}
	}
}

// arrivals are the pieces that the readers hand over.
type arrivals struct {
	in     *Ingest
	out    <-chan *bundle
	w      *watcher
	bundle *bundle // the one that is being unpacked
	taken  int     // of its pieces
}

// next waits for a piece, and serves the watcher and questions meanwhile. Nil without an
// error: there are no more, or, with over, the time is over. A piece is valid until the next
// call.
func (a *arrivals) next(ctx context.Context, over <-chan time.Time) (*piece, error) {
	for {
		if a.bundle != nil {
			if a.taken < len(a.bundle.pieces) {
				a.taken++
				return &a.bundle.pieces[a.taken-1], nil
			}
			a.in.bundles.put(a.bundle)
			a.bundle, a.taken = nil, 0
		}
		select {
		case a.bundle = <-a.out: // nil once it is closed
			if a.bundle == nil {
				return nil, ctx.Err()
			}
		case <-over:
			return nil, nil
		case <-a.w.wake():
			if err := a.in.serve(ctx, a.w); err != nil {
				return nil, err
			}
		case q := <-a.in.asks(a.w):
			if err := a.in.listen(ctx, a.w, q); err != nil {
				return nil, err
			}
			if over != nil && len(a.in.open) > 0 {
				return nil, nil // what it waits for may be in this transaction
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// done is what is remembered of a piece that was given to the store.
type done struct {
	job    *job
	file   *store.File
	events int
	facts  bool
	last   bool
	err    error
	ahead  bool
}

// commit writes one transaction, of first and of what arrives until it is large or old
// enough, settles lineages, and only then takes what was written as known. The pieces are
// not gathered before: they would hold many times the memory of the rows that they become.
func (in *Ingest) commit(ctx context.Context, pieces *arrivals, first *piece) error {
	var batch []done
	var outside error // not the store's
	told := len(in.gone) > 0
	err := in.o.Store.Update(ctx, func(tx *store.Tx) error {
		u := update{in: in, tx: tx, ids: make(map[string]int64), agents: make(map[usage.AgentID]bool)}
		timer := time.NewTimer(batchTime)
		defer timer.Stop()
		rows := 0
		for p := first; p != nil; {
			rows += p.rows()
			d, err := u.write(p)
			if err != nil {
				return err
			}
			batch = append(batch, d)
			told = told || d.facts
			if rows >= batchRows || len(batch) >= batchFiles || d.last && in.awaited(d.job.path) {
				break
			}
			if p, outside = pieces.next(ctx, timer.C); outside != nil {
				return outside
			}
		}
		return u.finish()
	})
	if outside != nil {
		return outside
	}
	if err != nil {
		return in.storeFailed(fmt.Errorf("store what was read: %w", err))
	}
	in.storeWell()
	for path, f := range in.gone {
		f.Gone = true
		delete(in.gone, path)
	}
	var events int64
	read, skips := 0, false
	for i := range batch {
		d := &batch[i]
		if f := d.file; f.Path != "" {
			old := in.files[f.Path]
			if f.ID == 0 && old != nil && old.Agent == f.Agent {
				f.ID = old.ID // this piece was not worth a row
			}
			skips = skips || old == nil && len(f.Skipped) > 0 || old != nil && !maps.Equal(old.Skipped, f.Skipped)
			in.files[f.Path] = f
		}
		events += int64(d.events)
		if d.last {
			if d.job.counted {
				read++
			}
			in.finished(d)
			in.committed(d.job.path)
		}
	}
	in.answer()
	if skips {
		in.countSkipped()
	}
	if told {
		in.saving.unsaved = true
		in.active = in.o.Clock()
	}
	if told || read > 0 {
		in.move(func(p *Progress) {
			p.FilesDone += read
			p.Events += events
		})
	}
	return nil
}

// update is a transaction that is being filled.
type update struct {
	in     *Ingest
	tx     *store.Tx
	ids    map[string]int64 // of files that were written, by path
	agents map[usage.AgentID]bool
}

// write gives a piece to the store, unless it told nothing that the next start would miss.
func (u *update) write(p *piece) (done, error) {
	f := p.chunk.File
	d := done{job: p.job, file: f, events: len(p.chunk.Events), facts: p.rows() > 0 || len(p.chunk.Threads) > 0, last: p.last, err: p.err, ahead: p.ahead}
	if !d.facts && !worthStoring(u.in.files[p.job.path], f) {
		return d, nil
	}
	// An id given by an earlier attempt is void.
	f.ID = u.ids[f.Path]
	if old := u.in.files[f.Path]; old != nil && old.Agent == f.Agent {
		f.ID = old.ID
	}
	if err := u.tx.Write(&p.chunk); err != nil {
		return d, fmt.Errorf("write %s: %w", f.Path, err)
	}
	u.ids[f.Path] = f.ID
	if len(p.chunk.Threads) > 0 || len(p.chunk.Marks) > 0 {
		u.agents[f.Agent] = true
	}
	return d, nil
}

// finish notes which files are gone, and settles the lineages of those that came.
func (u *update) finish() error {
	var gone []int64
	for _, f := range u.in.gone {
		if f.ID != 0 {
			gone = append(gone, f.ID)
		}
	}
	if len(gone) > 0 {
		slices.Sort(gone)
		if err := u.tx.Gone(gone); err != nil {
			return fmt.Errorf("note files as gone: %w", err)
		}
	}
	for _, source := range u.in.o.Sources {
		if lineage, ok := source.(agent.Lineage); ok && u.agents[source.Info().ID] {
			if err := settle(u.tx, source.Info(), lineage); err != nil {
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
func (in *Ingest) finished(d *done) {
	path := d.job.path
	again := in.busy[path].again
	delete(in.busy, path)
	if !errors.Is(d.err, errIncomplete) {
		in.o.Health.Clear(health.FileIncomplete, path)
	}
	in.noteAhead(path, d.ahead)
	switch {
	case d.err == nil:
		in.succeeded(path)
	case errors.Is(d.err, fs.ErrNotExist):
		in.succeeded(path)
		in.vanished(path)
	case errors.Is(d.err, errIncomplete):
		in.succeeded(path)
		in.o.Health.Set(health.FileIncomplete, health.Info, path)
	case replaced(path):
		in.succeeded(path)
	default:
		in.notRead(d.job, d.err)
	}
	if again == nil {
		return
	}
	if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() {
		again.stamp = stampOf(info)
		in.enqueue([]candidate{*again}, noticed)
	}
}

// noteAhead notes whether a file is from the future of this machine's clock.
func (in *Ingest) noteAhead(path string, ahead bool) {
	if in.ahead[path] == ahead {
		return
	}
	if ahead {
		in.ahead[path] = true
	} else {
		delete(in.ahead, path)
	}
	if n := len(in.ahead); n > 0 {
		in.o.Health.Set(health.ClockBehind, health.Warning, "", strconv.Itoa(n))
	} else {
		in.o.Health.Clear(health.ClockBehind, "")
	}
}

// replaced says whether something that is no file stands where a log was.
func replaced(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && !info.Mode().IsRegular()
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
	retry := in.retry // Run takes it back when it ends
	f.timer = time.AfterFunc(min(wait<<min(f.tries-1, 16), most), func() { retry(j.path) })
}
