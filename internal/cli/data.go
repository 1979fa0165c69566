package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/health"
	"tokenmeter/internal/ingest"
	"tokenmeter/internal/link"
	"tokenmeter/internal/platform"
	"tokenmeter/internal/pricing"
	"tokenmeter/internal/report"
	"tokenmeter/internal/store"
	"tokenmeter/internal/view"
)

// data is an open data folder with everything new taken in.
type data struct {
	dir    string
	store  *store.Store
	report *report.Report
	prices *pricing.Prices
	board  *health.Board
	ingest *ingest.Ingest  // nil: not this command's task
	took   ingest.Progress // of this command's own reading
	unlock func()          // lets others take in what is new; nil = nothing to unlock
	kept   bool            // a running meter keeps the data current
	writes bool            // store is open for writing
	// incomplete: taking in what is new failed half-way, so the figures may be too low.
	incomplete error
}

// Agents tells report what the sources of a build are and where their logs would be.
func Agents(sources []agent.Source, env agent.Env) []report.Agent {
	agents := make([]report.Agent, 0, len(sources))
	for _, s := range sources {
		info := s.Info()
		a := report.Agent{ID: info.ID, Name: info.Name, Slot: info.Slot}
		for _, root := range s.Roots(env) {
			if !root.Aside {
				a.Roots = append(a.Roots, root.Path)
			}
		}
		agents = append(agents, a)
	}
	return agents
}

// openFor is open for a command, on the data folder that it was given.
func openFor(cmd *cobra.Command, c *Context) (*data, error) {
	dir, err := dataDir(cmd, c)
	if err != nil {
		return nil, err
	}
	return open(cmd.Context(), c, dir, true)
}

// open opens the data folder and takes in what is new. A running meter does that itself; then
// the command waits until it has, and only reads what is stored.
// In a folder that cannot be written to it says so on standard error and goes on with what
// is stored. Where taking in failed half-way, data.incomplete says so: the command prints
// what there is and then fails with it.
func open(ctx context.Context, c *Context, dir string, bar bool) (*data, error) {
	d := &data{dir: dir, board: health.NewBoard(c.Clock)}
	path := filepath.Join(dir, platform.DatabaseName)
	var err error
	d.prices = pricing.Load(dir)
	pricing.PutFindings(d.board, dir, d.prices)
	for _, f := range d.board.Findings() {
		warn(c, "%s", health.Explain(f).Title+" ("+f.Args[0]+")")
	}
	d.unlock, err = d.lock(ctx, c)
	if err != nil {
		if _, missing := os.Stat(path); missing != nil {
			return nil, withHint(err, "choose another folder with --"+dataDirFlag+" or TOKENMETER_DATA_DIR")
		}
		warn(c, "nothing new is taken in: %v", err)
	}
	if d.unlock != nil {
		d.ingest = d.newIngest(c)
		if d.unchanged(ctx, c, path) {
			d.answer(ctx, c)
			return d, nil
		}
	}
	o := store.Options{ReadOnly: err != nil || d.kept, Zone: c.Zone, Copies: platform.CacheDir(c.Env), Pricing: d.pricing()}
	if d.unlock != nil {
		o.Repair = c.Clock()
	}
	d.store, err = store.Open(ctx, path, o)
	if d.kept && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, store.ErrOlder)) {
		// The meter has only just begun.
		d.store, err = store.Open(ctx, path, store.Options{Zone: c.Zone, Pricing: o.Pricing})
	}
	if d.unlock != nil && errors.Is(err, store.ErrReadOnly) {
		// The lock is there from before, which can be taken even so.
		if stored, e := store.Open(ctx, path, store.Options{ReadOnly: true, Zone: c.Zone, Copies: o.Copies}); e == nil {
			warn(c, "nothing new is taken in: %v", err)
			d.unlock()
			d.store, d.unlock, d.ingest, err = stored, nil, nil, nil
		}
	}
	if err != nil {
		d.close()
		return nil, explain(c, err, path)
	}
	if d.ingest != nil {
		err := d.take(ctx, c, bar)
		if errors.Is(err, store.ErrDamaged) {
			_ = d.store.Close() // opening it again repairs it
			if d.store, err = store.Open(ctx, path, o); err == nil {
				err = d.take(ctx, c, bar)
			}
		}
		if d.store == nil {
			d.close()
			return nil, explain(c, err, path)
		}
		if err != nil {
			if ctx.Err() != nil {
				d.close()
				return nil, ctx.Err()
			}
			d.incomplete = explain(c, fmt.Errorf("take in all that is new: %w", err), path)
		}
		d.unlock()
		d.unlock = nil
		d.writes = true
	}
	d.answer(ctx, c)
	return d, nil
}

// snapshot is the state of things now. What it forecasts is kept, where something was written
// anyway; the running meter does so all the time.
func (d *data) snapshot(ctx context.Context, c *Context) (*report.Snapshot, error) {
	s, err := d.report.Snapshot(ctx, d.meter())
	if err != nil || !d.writes {
		return s, err
	}
	if err := report.KeepForecasts(ctx, d.store, s.Due); err != nil {
		warn(c, "the forecasts are not kept: %v", err)
	}
	return s, nil
}

// unchanged finds out whether there is nothing new, and then opens the database without
// writing a byte. It keeps the lock, so that nobody writes until close.
func (d *data) unchanged(ctx context.Context, c *Context, path string) bool {
	still, err := store.Open(ctx, path, store.Options{ReadOnly: true, Still: true, Zone: c.Zone})
	if err != nil {
		return false // opened for writing, it is made, mended or refused
	}
	d.ingest.Use(still)
	news, err := d.ingest.News(ctx)
	if err == nil && !news {
		// Costs of other prices have to be done again, which is writing.
		var r store.Repricing
		r, err = still.Repricing(ctx)
		news = !r.Done || r.Version != d.prices.Version()
	}
	if err != nil || news {
		_ = still.Close()
		return false
	}
	d.store = still
	return true
}

// answer makes the report and warns of what stands in its way.
func (d *data) answer(ctx context.Context, c *Context) {
	d.report = report.New(report.Options{
		Store: d.store, Agents: Agents(c.Sources, c.Env), Clock: c.Clock, Zone: c.Zone, Exists: c.Env.Exists, Home: c.Env.Home,
	})
	if d.ingest == nil {
		return
	}
	d.tellRepair(ctx)
	for _, f := range d.board.Findings() {
		if f.Severity > health.Info && f.Code != health.SettingsFailed && f.Code != health.SettingsWrong { // told already
			warn(c, "%s", health.Explain(f).Title)
		}
	}
}

func (d *data) newIngest(c *Context) *ingest.Ingest {
	return ingest.New(ingest.Options{Sources: c.Sources, Env: c.Env, Clock: c.Clock, Health: d.board})
}

// tellRepair puts the last repair of the database on the board.
func (d *data) tellRepair(ctx context.Context) {
	if repaired, err := d.store.Repaired(ctx); err == nil { // else it is met again by the question itself
		ingest.PutRepair(d.board, d.store.Path(), repaired)
	}
}

// lock becomes the one process that takes in what is new. Both results are nil when a
// meter has that role; then it has done so. Another command that has it ends soon, so it is waited for.
func (d *data) lock(ctx context.Context, c *Context) (release func(), err error) {
	if err := platform.MakeDataDir(d.dir); err != nil {
		return nil, err
	}
	const pause = 20 * time.Millisecond
	for {
		release, ok, err := ingest.TryLock(d.dir)
		if err != nil || ok {
			return release, err
		}
		if d.kept, err = catchUp(ctx, c, d.dir); d.kept {
			if err != nil {
				warn(c, "the newest figures may be missing: %v", err)
			}
			return nil, nil
		}
		wait := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			wait.Stop()
			return nil, ctx.Err()
		case <-wait.C:
		}
	}
}

// take takes in what is new.
func (d *data) take(ctx context.Context, c *Context, bar bool) error {
	if r, err := d.store.Repaired(ctx); err == nil && r != nil && r.Fresh {
		d.ingest = d.newIngest(c) // what this one knows is of the database before
		ingest.PutStoreError(d.board, d.store.Path(), nil)
	}
	d.ingest.Use(d.store)
	end := func() {}
	if bar && c.ErrorTerminal {
		end = drawProgress(c.Stderr, func() string { return progressLine(d.ingest.Progress()) })
	}
	err := d.ingest.Once(ctx)
	end()
	d.took = d.ingest.Progress()
	if err != nil {
		return err
	}
	return d.reprice(ctx, c, bar)
}

// reprice does again the costs that were stored under other prices.
func (d *data) reprice(ctx context.Context, c *Context, bar bool) error {
	var state atomic.Pointer[store.Repricing]
	state.Store(&store.Repricing{})
	end := func() {}
	for {
		r, err := d.store.Reprice(ctx)
		if err != nil || r.Done {
			end()
			return err
		}
		if first := state.Swap(&r); first.Version == "" && bar && c.ErrorTerminal {
			end = drawProgress(c.Stderr, func() string {
				return "Prices have changed, costs are done again " + drawn(view.RepricedShare(*state.Load()))
			})
		}
	}
}

// pricing is what the store is told of the prices.
func (d *data) pricing() *store.Pricing {
	return &store.Pricing{Version: d.prices.Version(), Cost: d.prices.Cost}
}

// meter is what a running meter would tell.
func (d *data) meter() report.Meter {
	return report.Meter{Findings: d.board.Findings(), Currency: d.prices.Currency()}
}

// close ends the use of the database. What is printed after it holds nobody up, however slow
// the reader is. Calling it again does nothing.
func (d *data) close() {
	if d.store != nil {
		_ = d.store.Close()
	}
	if d.unlock != nil {
		d.unlock()
	}
	d.store, d.unlock = nil, nil
}

// warn says something that does not end the command.
func warn(c *Context, format string, args ...any) {
	fmt.Fprintf(c.Stderr, "warning: "+format+"\n", args...)
}

// explain says what to do about an error of the database.
func explain(c *Context, err error, path string) error {
	if errors.Is(err, fs.ErrNotExist) {
		return withHint(fmt.Errorf("nothing is stored yet at %s", path), "run `tokenmeter scan`")
	}
	board := health.NewBoard(c.Clock)
	ingest.PutStoreError(board, path, err)
	for _, f := range board.Findings() {
		return withHint(err, health.Explain(f).Action)
	}
	return err
}

// ping asks the meter of a data folder whether it is there.
func ping(ctx context.Context, c *Context, dir string) (link.Message, error) {
	conn, err := link.Dial(ctx, link.SocketPath(platform.RuntimeDir(c.Env, dir), dir))
	if err != nil {
		return link.Message{}, err
	}
	defer conn.Close()
	return exchange(ctx, conn, link.Message{Do: link.Ping}, answerTime)
}

// How long a meter may take to answer: at all, and when it has at most a second to catch up.
const (
	answerTime  = 10 * time.Second
	catchUpTime = 3 * time.Second
)

// errNoAnswer: a meter is there, and stuck.
var errNoAnswer = errors.New("it does not answer")

// catchUp has the running meter store what was written so far, and warns of what it could
// not read or store. there is false if none runs;
// an error with a true one says that it is stuck.
func catchUp(ctx context.Context, c *Context, dir string) (there bool, err error) {
	conn, err := link.Dial(ctx, link.SocketPath(platform.RuntimeDir(c.Env, dir), dir))
	if err != nil {
		return false, err
	}
	defer conn.Close()
	answer, err := exchange(ctx, conn, link.Message{Do: link.CatchUp}, catchUpTime)
	var meter report.Meter
	if len(answer.Meter) > 0 && json.Unmarshal(answer.Meter, &meter) == nil {
		for _, f := range meter.Findings {
			if f.Hides() {
				warn(c, "%s", health.Explain(f).Title)
			}
		}
	}
	return err == nil || errors.Is(err, errNoAnswer), err
}

// exchange sends one message and takes one answer.
func exchange(ctx context.Context, conn *link.Conn, m link.Message, patience time.Duration) (link.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if err := conn.Send(m); err != nil {
		return link.Message{}, fmt.Errorf("ask the running meter: %w", err)
	}
	answer, err := conn.Receive()
	if err != nil {
		if ctx.Err() != nil {
			err = errNoAnswer
		}
		return link.Message{}, fmt.Errorf("ask the running meter: %w", err)
	}
	return answer, nil
}

// askMeter asks a running meter to do something; answered is false when none runs.
func askMeter(ctx context.Context, c *Context, dir string, m link.Message) (answered bool, err error) {
	conn, err := link.Dial(ctx, link.SocketPath(platform.RuntimeDir(c.Env, dir), dir))
	if err != nil {
		return false, nil
	}
	defer conn.Close()
	answer, err := exchange(ctx, conn, m, answerTime)
	if err != nil {
		return true, err
	}
	if answer.Do == link.Failed {
		return true, errors.New(answer.Text)
	}
	return true, nil
}

// printEmpty says that nothing was found, and where it was looked.
func printEmpty(w printer, e *view.Empty) {
	fmt.Fprintln(w, e.Headline+".")
	fmt.Fprintln(w, "\nLooked in:")
	t := table{left: 3, whole: 1}
	for _, p := range e.Places {
		t.add(p.Agent, p.Path, p.State)
	}
	t.print(w, "  ")
}
