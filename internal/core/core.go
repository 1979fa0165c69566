package core

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/health"
	"tokenmeter/internal/link"
	"tokenmeter/internal/platform"
	"tokenmeter/internal/pricing"
	"tokenmeter/internal/report"
)

// ErrRunning is returned by New when another meter runs on the data folder.
var ErrRunning = platform.ErrLocked

// Options say what a meter works with. Everything must be set.
type Options struct {
	DataDir string // absolute; made if missing
	Env     agent.Env
	Sources []agent.Source
	Agents  []report.Agent // the same sources, as report wants them
	Clock   func() time.Time
	// Zone is the machine's zone now. It is asked at each snapshot, and a change is followed.
	Zone    func() *time.Location
	Version string
	// Hidden: nobody asked for a window, so the meter stays when there is none.
	Hidden bool
}

// Tray says what became of the tray item.
type Tray int32

// TrayPending is the state until SetTray.
const (
	TrayPending Tray = iota
	TrayShown
	TrayWaiting // nothing on this desktop shows it, yet
	TrayNone    // there is no way to show it, for the life of this process
)

// Core is the running meter.
type Core struct {
	o       Options
	socket  string       // path
	release func()       // of the data folder's lock; with mu once Run runs
	server  *link.Server // nil: the socket could not be made
	board   *health.Board
	window  window

	current  atomic.Pointer[report.Snapshot]
	tray     atomic.Int32
	wake     chan struct{} // capacity one: make a new snapshot
	quit     chan struct{} // closed by Quit
	quitOnce sync.Once

	mu        sync.Mutex
	listeners map[chan struct{}]bool

	counting counting
	prices   atomic.Pointer[pricing.Prices] // never nil

	settingsMu sync.Mutex    // held by whoever puts settings in force
	settled    chan struct{} // capacity one: other settings are in force, for refresh
	permitted  chan struct{} // the same, for inquire

	unread bool // the last snapshot could not be read; only Run's goroutine looks at it
}

// New makes this process the meter of the data folder: from here on others are refused and
// find its socket. Only what makes it impossible is an error, ErrRunning above all; anything
// else is a finding. The Core must be Run, also if only to end it.
func New(o Options) (*Core, error) {
	if err := platform.MakeDataDir(o.DataDir); err != nil {
		return nil, err
	}
	release, err := platform.TakeLock(o.DataDir)
	if errors.Is(err, platform.ErrLocked) {
		return nil, err
	}
	if err != nil {
		// A folder that cannot be written to, or a full disk: what is stored can be shown,
		// and two meters cannot do harm there.
		release = func() {}
	}
	c := &Core{
		o: o, socket: socketPath(o), release: release, board: health.NewBoard(o.Clock),
		wake: make(chan struct{}, 1), settled: make(chan struct{}, 1), permitted: make(chan struct{}, 1), quit: make(chan struct{}), counting: counting{changed: make(chan struct{}), repriced: make(chan struct{})}, listeners: map[chan struct{}]bool{},
	}
	c.use(pricing.Load(o.DataDir))
	c.board.OnChange(c.poke)
	c.current.Store(c.bare())
	c.server, err = link.Listen(c.socket)
	if errors.Is(err, link.ErrInUse) {
		release()
		return nil, ErrRunning
	}
	if err != nil {
		c.board.Set(health.NoLink, health.Warning, c.socket, err.Error())
	}
	return c, nil
}

func socketPath(o Options) string {
	return link.SocketPath(platform.RuntimeDir(o.Env, o.DataDir), o.DataDir)
}

func (c *Core) database() string { return filepath.Join(c.o.DataDir, platform.DatabaseName) }

// Run runs the meter until ctx ends, Quit, or a terminal's wish; then it ends the window,
// closes the store and removes the socket. It returns nil unless a room broke.
func (c *Core) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-c.quit:
			cancel()
		case <-ctx.Done():
		}
	}()
	// Line and store outlive ctx. The window is told of the end over the line, and a
	// terminal that asked for it waits until it closes; the store is closed last of all
	// who have it open, so that the database is left in one tidy file.
	lasting := context.WithoutCancel(ctx)
	counting, endCounting := context.WithCancel(lasting)
	defer endCounting()
	var rooms sync.WaitGroup
	rooms.Go(func() { c.count(counting) })
	rooms.Go(func() { c.refresh(counting) })
	served := make(chan error, 1)
	go func() { served <- c.serve(lasting) }()

	c.publish(ctx)

	c.endWindow()
	endCounting()
	// A write that hangs, on a dying disk or a locked database, must not keep the process;
	// the database bears being left like that.
	within(roomsEndTime, rooms.Wait)
	var err error
	if c.server != nil {
		err = c.server.Close()
	}
	err = errors.Join(err, <-served)
	c.mu.Lock()
	release := c.release
	c.mu.Unlock()
	release()
	if err != nil {
		return fmt.Errorf("end the line to the window: %w", err)
	}
	return nil
}

// moveIn makes lock and socket anew where they went away with the data folder, so that this
// is the meter of the new one, too. Where another is that already, or nothing can be made,
// all stays as it is.
func (c *Core) moveIn() {
	if platform.MakeDataDir(c.o.DataDir) != nil {
		return
	}
	if release, err := platform.TakeLock(c.o.DataDir); err == nil {
		c.mu.Lock()
		c.release, release = release, c.release
		c.mu.Unlock()
		release()
	}
	if c.server == nil {
		return
	}
	if err := c.server.Restore(); err != nil {
		c.board.Set(health.NoLink, health.Warning, c.socket, err.Error())
	}
}

// serve answers on the socket, where there is one.
func (c *Core) serve(ctx context.Context) error {
	if c.server == nil {
		return nil
	}
	return c.server.Serve(ctx, c.hear)
}

// broadcast tells the window.
func (c *Core) broadcast(m link.Message) {
	if c.server != nil {
		c.server.Broadcast(m)
	}
}

// roomsEndTime is how long reading may take to end. With the window's it stays below the
// five seconds in which systems expect a program to end.
const roomsEndTime = 2 * time.Second

// within calls f and returns when it has, or after d.
func within(d time.Duration, f func()) {
	done := make(chan struct{})
	go func() {
		f()
		close(done)
	}()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

// Quit ends Run.
func (c *Core) Quit() { c.quitOnce.Do(func() { close(c.quit) }) }

// Current is the latest state. It is never nil, and never changed.
func (c *Core) Current() *report.Snapshot { return c.current.Load() }

// Subscribe gives a channel that receives when Current has changed since it last received.
func (c *Core) Subscribe() (changed <-chan struct{}, cancel func()) {
	listener := make(chan struct{}, 1)
	c.mu.Lock()
	c.listeners[listener] = true
	c.mu.Unlock()
	return listener, func() {
		c.mu.Lock()
		delete(c.listeners, listener)
		c.mu.Unlock()
	}
}

// SetFinding notes what is wrong outside the rooms that core starts: tray, desktop.
func (c *Core) SetFinding(code health.Code, severity health.Severity, subject string, args ...string) {
	c.board.Set(code, severity, subject, args...)
}

// ClearFinding takes a finding back.
func (c *Core) ClearFinding(code health.Code, subject string) {
	c.board.Clear(code, subject)
}

// SetTray tells of the tray item. A meter with TrayNone is replaced by a later start that can
// have one; one that is not shown ends with its window, unless it was started hidden.
func (c *Core) SetTray(t Tray) { c.tray.Store(int32(t)) }

// endsWithWindow: without a tray item this is an ordinary window app, and nothing of it must
// stay behind unseen.
func (c *Core) endsWithWindow() bool {
	t := Tray(c.tray.Load())
	return !c.o.Hidden && (t == TrayWaiting || t == TrayNone)
}

// poke asks for a new snapshot.
func (c *Core) poke() { signal(c.wake) }

func signal(to chan struct{}) {
	select {
	case to <- struct{}{}:
	default:
	}
}

// hear answers the window and the terminals.
func (c *Core) hear(from *link.Conn, m link.Message) {
	switch m.Do {
	case link.Subscribe:
		c.welcomeWindow(from)
	case link.Open:
		answer := link.Message{Do: link.Done}
		if err := c.OpenWindow(m.Page); err != nil {
			answer = link.Message{Do: link.Failed, Text: err.Error()}
		}
		_ = from.Send(answer)
	case link.Quit:
		c.Quit()
	case link.CatchUp:
		c.followSettings()
		c.counting.check()
		c.counting.catchUp()
		answer := c.changed()
		answer.Do = link.Done
		_ = from.Send(answer)
	case link.Told:
		c.counting.told()
		_ = from.Send(link.Message{Do: link.Done})
	case link.Ping:
		c.counting.check()
		_ = from.Send(c.pong())
	}
}
