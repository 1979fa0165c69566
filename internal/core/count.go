package core

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"tokenmeter/internal/health"
	"tokenmeter/internal/ingest"
	"tokenmeter/internal/report"
	"tokenmeter/internal/store"
)

const (
	// A store that cannot be used is tried again after retryFirst, then after twice as long
	// each time up to retryLast.
	retryFirst = time.Second
	retryLast  = 5 * time.Minute
	// A terminal command that reads the logs at this moment is done soon.
	ingestPoll = 250 * time.Millisecond
	// catchUpTime bounds how long a terminal command waits for what was just written.
	catchUpTime = time.Second
)

// counting is the store while it is open, and who fills it.
type counting struct {
	mu      sync.Mutex // held while a snapshot is made, so that the store stays open
	options report.Options
	report  *report.Report

	anew context.CancelCauseFunc // ends what works on the open store; nil = none is open

	pricedMu sync.Mutex
	priced   store.Repricing
	repriced chan struct{} // closed when other prices are in force

	fillMu  sync.Mutex
	ingest  *ingest.Ingest
	changed chan struct{} // closed when ingest is another
}

// snapshot is nil without an error while no store is open.
func (k *counting) snapshot(ctx context.Context, meter func() report.Meter) (*report.Snapshot, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.report == nil {
		return nil, nil
	}
	s, err := k.report.Snapshot(ctx, meter())
	if err != nil {
		return nil, err
	}
	// A few rows at each twentieth of a window.
	return s, report.KeepForecasts(ctx, k.options.Store, s.Due)
}

// open says what to answer from, and what ends the work on its store.
func (k *counting) open(o report.Options, anew context.CancelCauseFunc) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.options, k.report, k.anew = o, report.New(o), anew
}

// check has the store opened anew if it is no longer the file at its path. While nothing is
// written nobody else would notice.
func (k *counting) check() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.report == nil {
		return
	}
	if err := k.options.Store.Moved(); err != nil {
		k.setIngest(nil)
		k.anew(err)
	}
}

// fail has the store opened anew because of an error.
func (k *counting) fail(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.anew != nil {
		k.setIngest(nil)
		k.anew(err)
	}
}

func (k *counting) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.options, k.report, k.anew = report.Options{}, nil, nil
}

// follow answers in another zone from now on, if the machine has gone to one. If the store
// cannot make its days fit now, its next transaction does, or says why it cannot.
func (k *counting) follow(ctx context.Context, zone *time.Location) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.report == nil || k.options.Zone == zone {
		return
	}
	k.options.Zone = zone
	k.report = report.New(k.options)
	_ = k.options.Store.SetZone(ctx, zone)
}

func (k *counting) setIngest(in *ingest.Ingest) {
	k.fillMu.Lock()
	defer k.fillMu.Unlock()
	k.ingest = in
	close(k.changed)
	k.changed = make(chan struct{})
}

// catchUp returns when what was written before the call is stored, or when that takes too
// long.
func (k *counting) catchUp() {
	ctx, cancel := context.WithTimeout(context.Background(), catchUpTime)
	defer cancel()
	for {
		k.fillMu.Lock()
		in, changed := k.ingest, k.changed
		k.fillMu.Unlock()
		if in != nil {
			_ = in.CatchUp(ctx) // what is not stored in time is read in time
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

func (k *counting) progress() report.Progress {
	k.fillMu.Lock()
	defer k.fillMu.Unlock()
	if k.ingest == nil {
		return report.Progress{}
	}
	return report.Progress(k.ingest.Progress())
}

// count keeps the store open and filled until ctx ends, and begins anew when that fails.
func (c *Core) count(ctx context.Context) {
	wait := retryFirst
	var moved, damaged time.Time // when the store was last opened anew at once
	for {
		begin := c.o.Clock()
		err := c.countOnce(ctx)
		if ctx.Err() != nil {
			return
		}
		now := c.o.Clock()
		if errors.Is(err, store.ErrMoved) {
			c.SetFinding(health.DatabaseMoved, health.Warning, c.database())
			c.moveIn()
			if now.Sub(moved) > retryFirst {
				moved = now
				continue
			}
		}
		c.storeFailed(err)
		if errors.Is(err, store.ErrDamaged) && now.Sub(damaged) > retryLast {
			damaged = now // opening it repairs it
			continue
		}
		if now.Sub(begin) > retryLast {
			wait = retryFirst // it had worked for a while
		}
		if !sleep(ctx, wait) {
			return
		}
		wait = min(2*wait, retryLast)
	}
}

// countOnce opens the store and ingests until ctx ends or something breaks.
func (c *Core) countOnce(ctx context.Context) error {
	zone := c.o.Zone()
	o := store.Options{Zone: zone, Pricing: pricingOf(c.prices.Load())}
	release, ingests, _ := ingest.TryLock(c.o.DataDir) // an error is met again below
	if ingests {
		defer release()
		o.Repair = c.o.Clock()
	}
	st, err := store.Open(ctx, c.database(), o)
	if err != nil {
		return err
	}
	defer st.Close()
	repaired, err := st.Repaired(ctx)
	if err != nil {
		return err
	}
	ingest.PutRepair(c.board, c.database(), repaired)
	ctx, anew := context.WithCancelCause(ctx)
	defer anew(nil)
	c.counting.open(report.Options{
		Store: st, Agents: c.o.Agents, Clock: c.o.Clock, Zone: zone,
		Exists: c.o.Env.Exists, Home: c.o.Env.Home,
	}, anew)
	defer c.counting.close()
	if p := c.prices.Load(); p.Version() != o.Pricing.Version { // they changed while the store was opened
		c.counting.setPricing(pricingOf(p))
	}
	c.storeWorks()
	c.poke()

	if !ingests {
		release, err := c.takeIngestLock(ctx)
		if err != nil {
			return err
		}
		defer release()
	}
	in := ingest.New(ingest.Options{
		Store: st, Sources: c.o.Sources, Env: c.o.Env, Clock: c.o.Clock, Health: c.board, Changed: c.poke,
		Signs: strings.TrimSuffix(c.socket, filepath.Ext(c.socket)) + ".signs",
	})
	c.counting.setIngest(in)
	defer c.counting.setIngest(nil)
	var beside sync.WaitGroup
	beside.Go(func() { c.reprice(ctx, st) })
	beside.Go(func() { c.inquire(ctx, st) })
	defer beside.Wait()
	if err := in.Run(ctx); ctx.Err() == nil {
		anew(err)
		return err
	}
	return context.Cause(ctx)
}

// takeIngestLock waits while a terminal command reads the logs.
func (c *Core) takeIngestLock(ctx context.Context) (release func(), err error) {
	for {
		release, ok, err := ingest.TryLock(c.o.DataDir)
		if err != nil || ok {
			return release, err
		}
		if !sleep(ctx, ingestPoll) {
			return nil, ctx.Err()
		}
	}
}

// sleep waits and says whether ctx still holds.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
