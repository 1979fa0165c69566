package core_test

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/agent/all"
	"tokenmeter/internal/core"
	"tokenmeter/internal/health"
	"tokenmeter/internal/ingest"
	"tokenmeter/internal/link"
	"tokenmeter/internal/platform"
	"tokenmeter/internal/report"
	"tokenmeter/internal/store"
	"tokenmeter/internal/usage"
)

// patience is how long a test waits for what must come.
const patience = 15 * time.Second

// The test's program also plays the window and a meter that is a process of its own.
const (
	windowProgram = "tokenmeter-window"
	codexProgram  = "codex"
	meterVariable = "TOKENMETER_TEST_METER"
)

func TestMain(m *testing.M) {
	// The programs that the tests start must find the socket where the tests do.
	os.Unsetenv("XDG_RUNTIME_DIR")
	// A race-checked program sleeps a second before it ends, unless it is told not to.
	os.Setenv("GORACE", "atexit_sleep_ms=0")
	switch {
	case strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe") == windowProgram:
		os.Exit(playWindow())
	case filepath.Base(os.Args[0]) == codexProgram:
		os.Exit(playCodex())
	case os.Getenv(meterVariable) != "":
		os.Exit(playMeter(os.Getenv(meterVariable)))
	}
	os.Exit(m.Run())
}

// playWindow is a window program that tells the test what happens to it, and does what the
// test says.
func playWindow() int {
	dataDir := flag.String("data-dir", "", "")
	page := flag.String("page", "", "")
	flag.Parse()
	test, err := net.Dial("unix", filepath.Join(*dataDir, "test.sock"))
	if err != nil {
		return 3
	}
	tell := func(words ...any) { fmt.Fprintln(test, words...) }
	orders := bufio.NewScanner(test)
	tell("start", *page)
	if !orders.Scan() {
		return 4
	}
	if first := orders.Text(); first == "fail" {
		return 5
	}
	c, err := link.Dial(context.Background(), link.SocketPath(*dataDir, *dataDir))
	if err != nil {
		tell("no meter", err)
		return 6
	}
	if err := c.Send(link.Message{Do: link.Subscribe, Pid: os.Getpid(), Build: "test"}); err != nil {
		return 7
	}
	deaf := orders.Text() == "deaf"
	// It keeps the database open to its end, if it is there already.
	if kept, err := store.Open(context.Background(), filepath.Join(*dataDir, platform.DatabaseName), store.Options{ReadOnly: true}); err == nil {
		_, _ = kept.Agents(context.Background())
	}
	go func() {
		for orders.Scan() {
			switch orders.Text() {
			case "end":
				os.Exit(0)
			case "crash":
				os.Exit(9)
			}
		}
		os.Exit(0) // the test is over
	}()
	for {
		m, err := c.Receive()
		if err != nil {
			tell("lost")
			return 0
		}
		tell(m.Do, m.Page)
		if m.Do == link.Quit && !deaf {
			return 0
		}
	}
}

// playMeter runs a meter until it is told to end.
func playMeter(dataDir string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	c, err := core.Enter(ctx, optionsIn(dataDir, filepath.Dir(dataDir), nil), "")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := c.Run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// house is a temporary home with a meter's data folder.
type house struct {
	t       *testing.T
	home    string
	data    string
	o       core.Options
	windows chan *played
}

// played is one run of the window program.
type played struct {
	t     *testing.T
	conn  net.Conn
	lines *bufio.Scanner
}

func newHouse(t *testing.T) *house {
	t.Helper()
	home, err := os.MkdirTemp("", "core") // short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	h := &house{t: t, home: home, data: filepath.Join(home, "data"), windows: make(chan *played, 8)}
	if err := platform.MakeDataDir(h.data); err != nil {
		t.Fatal(err)
	}
	h.listen(filepath.Join(home, "x:0"), func(net.Conn) {}) // a display that answers
	h.listen(filepath.Join(h.data, "test.sock"), func(c net.Conn) {
		h.windows <- &played{t: t, conn: c, lines: bufio.NewScanner(c)}
	})
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	programs := filepath.Join(home, "bin")
	if err := os.Mkdir(programs, 0o700); err != nil {
		t.Fatal(err)
	}
	name := windowProgram
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if err := os.Symlink(self, filepath.Join(programs, name)); err != nil {
		t.Skipf("no links here: %v", err)
	}
	h.o = optionsIn(h.data, home, map[string]string{"PATH": programs, "DISPLAY": filepath.Join(home, "x:0")})
	return h
}

func optionsIn(dataDir, home string, variables map[string]string) core.Options {
	env := agent.Env{
		OS: runtime.GOOS, Home: home, Exists: platform.Exists,
		Variable: func(name string) string { return variables[name] },
	}
	o := core.Options{
		DataDir: dataDir, Env: env, Sources: all.Sources(), Clock: time.Now, Zone: func() *time.Location { return time.UTC }, Version: "test", Hidden: true,
	}
	for _, s := range o.Sources {
		info := s.Info()
		a := report.Agent{ID: info.ID, Name: info.Name, Slot: info.Slot}
		for _, root := range s.Roots(env) {
			a.Roots = append(a.Roots, root.Path)
		}
		o.Agents = append(o.Agents, a)
	}
	return o
}

func (h *house) listen(path string, connected func(net.Conn)) {
	h.t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			h.t.Cleanup(func() { c.Close() })
			connected(c)
		}
	}()
}

// start runs a meter; end ends it and checks that it ended well.
func (h *house) start() (c *core.Core, end func()) {
	h.t.Helper()
	c, err := core.New(h.o)
	if err != nil {
		h.t.Fatal(err)
	}
	return c, h.run(c)
}

func (h *house) run(c *core.Core) (end func()) {
	ended := make(chan error, 1)
	go func() { ended <- c.Run(context.Background()) }()
	var once sync.Once
	end = func() {
		once.Do(func() {
			c.Quit()
			select {
			case err := <-ended:
				if err != nil {
					h.t.Errorf("run: %v", err)
				}
			case <-time.After(patience):
				h.t.Error("the meter does not end")
			}
		})
	}
	h.t.Cleanup(end)
	return end
}

// window waits for the window program to be started and lets it go on.
func (h *house) window(order string) *played {
	h.t.Helper()
	select {
	case p := <-h.windows:
		p.say(order)
		return p
	case <-time.After(patience):
		h.t.Fatal("no window was started")
		return nil
	}
}

func (p *played) say(order string) {
	p.t.Helper()
	if _, err := fmt.Fprintln(p.conn, order); err != nil {
		p.t.Fatal(err)
	}
}

// hears waits for a line; lines of changed are passed over unless they are wanted.
func (p *played) hears(want string) {
	p.t.Helper()
	if err := p.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		p.t.Fatal(err)
	}
	for p.lines.Scan() {
		got := strings.TrimSpace(p.lines.Text())
		if got == want {
			return
		}
		if got != link.Changed {
			p.t.Fatalf("the window heard %q, wanted %q", got, want)
		}
	}
	p.t.Fatalf("the window is gone (%v), wanted %q", p.lines.Err(), want)
}

// gone waits for the end of the window's process.
func (p *played) gone() {
	p.t.Helper()
	if err := p.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		p.t.Fatal(err)
	}
	for p.lines.Scan() {
	}
	if err := p.lines.Err(); errors.Is(err, os.ErrDeadlineExceeded) {
		p.t.Fatal("the window is still there")
	}
}

// until waits for a snapshot that fits.
func until(t *testing.T, c *core.Core, what string, fits func(*report.Snapshot) bool) *report.Snapshot {
	t.Helper()
	changed, cancel := c.Subscribe()
	defer cancel()
	late := time.After(patience)
	for {
		if s := c.Current(); fits(s) {
			return s
		}
		select {
		case <-changed:
		case <-late:
			t.Fatalf("no snapshot in which %s; the last has findings %+v, reading %+v, today %+v",
				what, c.Current().Findings, c.Current().Reading, c.Current().Today.Counts)
		}
	}
}

func has(s *report.Snapshot, code health.Code) bool {
	return slices.ContainsFunc(s.Findings, func(f health.Finding) bool { return f.Code == code })
}

// log is one agent's conversation in the home.
type log struct {
	h     *house
	talk  agent.Conversation
	fresh int64 // written so far
	turns int
}

func (h *house) log(n int) *log {
	h.t.Helper()
	source, ok := h.o.Sources[n].(agent.Simulator)
	if !ok {
		h.t.Fatalf("%s simulates nothing", h.o.Sources[n].Info().ID)
	}
	talk := source.Simulate(agent.SimulatedConversation{
		Seed: uint64(n) + 1, ID: fmt.Sprintf("0a0b0c0d-0000-4000-8000-%012d", n), Project: filepath.Join(h.home, "shop"),
		Branch: "main", Model: "a-model", Start: usage.MillisOf(time.Now()),
	})
	return &log{h: h, talk: talk}
}

// turn appends one request, as the agent would.
func (l *log) turn(tokens usage.Tokens) {
	l.h.t.Helper()
	l.turns++
	lines, counted := l.talk.Turn(agent.SimulatedTurn{Time: usage.MillisOf(time.Now()), Tokens: tokens, Prompt: "p", Answer: "a"})
	path := filepath.Join(l.h.home, filepath.FromSlash(l.talk.File()))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		l.h.t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		l.h.t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.Write(lines); err != nil {
		l.h.t.Fatal(err)
	}
	l.fresh += counted.Fresh()
}

func fresh(n int64) func(*report.Snapshot) bool {
	return func(s *report.Snapshot) bool { return s.Today.Counts.Fresh() == n && !s.Reading.Running }
}

func TestAppendedLineWakesListeners(t *testing.T) {
	h := newHouse(t)
	var logs []*log
	var written int64
	for n := range h.o.Sources {
		l := h.log(n)
		l.turn(usage.Tokens{Input: 100 + int64(n), Output: 50, CacheRead: 7000})
		written += l.fresh
		logs = append(logs, l)
	}
	c, _ := h.start()
	// A snapshot asks several questions; what comes between them is whole in the next.
	s := until(t, c, "what was there is counted", func(s *report.Snapshot) bool { return fresh(written)(s) && s.Now.Live })
	if s.Now.FreshPerMinute != written || len(s.Now.Sessions) != len(logs) {
		t.Errorf("now is %+v", s.Now)
	}
	for _, l := range logs {
		before := l.fresh
		begun := time.Now()
		l.turn(usage.Tokens{Input: 10, Output: 20})
		written += l.fresh - before
		until(t, c, "the new line is counted", fresh(written))
		if took := time.Since(begun); took > time.Second {
			t.Errorf("%s: shown after %v, wanted at most a second", l.talk.File(), took)
		}
	}
	if s.Number >= c.Current().Number {
		t.Error("snapshots are not numbered")
	}
}

func TestWindowIsToldOfEachChange(t *testing.T) {
	h := newHouse(t)
	c, _ := h.start()
	until(t, c, "the reading is done", fresh(0))
	conn, err := link.Dial(t.Context(), link.SocketPath(h.data, h.data))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.Send(link.Message{Do: link.Subscribe}); err != nil {
		t.Fatal(err)
	}
	if m, err := conn.Receive(); err != nil || m.Do != link.Changed || !strings.Contains(string(m.Meter), `"reading"`) {
		t.Fatalf("on subscribing: %+v, %v", m, err)
	}
	h.log(0).turn(usage.Tokens{Input: 1, Output: 1})
	if m, err := conn.Receive(); err != nil || m.Do != link.Changed {
		t.Errorf("after a line: %+v, %v", m, err)
	}
}

// TestWhoAsksIsToldWhatIsWrong: doctor shows what only the running meter can see.
func TestWhoAsksIsToldWhatIsWrong(t *testing.T) {
	h := newHouse(t)
	c, _ := h.start()
	until(t, c, "the reading is done", fresh(0))
	c.SetFinding(health.WatchLimit, health.Warning, "", "12")
	conn, err := link.Dial(t.Context(), link.SocketPath(h.data, h.data))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.Send(link.Message{Do: link.Ping}); err != nil {
		t.Fatal(err)
	}
	m, err := conn.Receive()
	if err != nil || m.Do != link.Pong || !strings.Contains(string(m.Meter), string(health.WatchLimit)) {
		t.Errorf("the answer to a ping is %+v, %v", m, err)
	}
}

func TestQuitLeavesNothingBehind(t *testing.T) {
	h := newHouse(t)
	l := h.log(0)
	l.turn(usage.Tokens{Input: 5, Output: 6})
	c, end := h.start()
	until(t, c, "all is counted", fresh(l.fresh))
	socket := link.SocketPath(h.data, h.data)
	if _, err := os.Lstat(socket); err != nil {
		t.Fatal(err)
	}
	end()
	entries, err := os.ReadDir(h.data)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		switch e.Name() {
		case platform.DatabaseName, ingest.LockName, platform.LockName, "test.sock":
		default:
			t.Errorf("left behind: %s", e.Name())
		}
	}
	again, _ := h.start()
	until(t, again, "what was stored is there", fresh(l.fresh))
}

func TestTerminalQuitsAndSeesTheEnd(t *testing.T) {
	h := newHouse(t)
	c, end := h.start()
	until(t, c, "it runs", fresh(0))
	conn, err := link.Dial(t.Context(), link.SocketPath(h.data, h.data))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.Send(link.Message{Do: link.Quit}); err != nil {
		t.Fatal(err)
	}
	if m, err := conn.Receive(); err == nil {
		t.Errorf("got %+v, wanted the end", m)
	}
	end()
	if release, err := platform.TakeLock(h.data); err != nil {
		t.Errorf("after the end: %v", err)
	} else {
		release()
	}
}

func TestSecondStart(t *testing.T) {
	h := newHouse(t)
	c, _ := h.start()
	until(t, c, "it runs", fresh(0))
	if _, err := core.New(h.o); !errors.Is(err, core.ErrRunning) {
		t.Fatalf("a second meter: %v", err)
	}
	if _, err := core.Enter(t.Context(), h.o, "history"); !errors.Is(err, core.ErrRunning) {
		t.Fatalf("a hidden start: %v", err)
	}
	select {
	case <-h.windows:
		t.Fatal("a hidden start opened the window")
	default:
	}
	open := h.o
	open.Hidden = false
	if _, err := core.Enter(t.Context(), open, "history"); !errors.Is(err, core.ErrRunning) {
		t.Fatalf("a start with a window: %v", err)
	}
	w := h.window("go")
	w.hears("start history")
	w.hears("changed")
	if _, err := core.Enter(t.Context(), open, "live"); !errors.Is(err, core.ErrRunning) {
		t.Fatal(err)
	}
	w.hears("show live")
}

func TestSecondStartWaitsForAMeterThatEnds(t *testing.T) {
	h := newHouse(t)
	release, err := platform.TakeLock(h.data) // it has closed its socket, and not ended yet
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(100*time.Millisecond, release)
	c, err := core.Enter(t.Context(), h.o, "")
	if err != nil {
		t.Fatal(err)
	}
	h.run(c)
}

func TestSecondStartGivesUpOnAMeterThatIsStuck(t *testing.T) {
	h := newHouse(t)
	release, err := platform.TakeLock(h.data)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := core.Enter(ctx, h.o, ""); err == nil || errors.Is(err, core.ErrRunning) {
		t.Errorf("got %v", err)
	}
}

func TestWindowIsStartedOnceAndToggled(t *testing.T) {
	h := newHouse(t)
	c, _ := h.start()
	for range 3 { // a nervous finger
		if err := c.ToggleWindow(); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.OpenWindow("history"); err != nil {
		t.Fatal(err)
	}
	w := h.window("go")
	w.hears("start")
	w.hears("show history") // what was wished for while it started
	if err := c.ToggleWindow(); err != nil {
		t.Fatal(err)
	}
	w.hears("toggle")
	if err := c.OpenWindow(""); err != nil {
		t.Fatal(err)
	}
	w.hears("show")
	select {
	case <-h.windows:
		t.Error("a second window was started")
	default:
	}
}

func TestSecondWindowIsSentAway(t *testing.T) {
	h := newHouse(t)
	c, _ := h.start()
	if err := c.OpenWindow(""); err != nil {
		t.Fatal(err)
	}
	w := h.window("go")
	w.hears("start")
	w.hears("changed")
	second, err := link.Dial(t.Context(), link.SocketPath(h.data, h.data))
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if err := second.Send(link.Message{Do: link.Subscribe}); err != nil {
		t.Fatal(err)
	}
	for {
		m, err := second.Receive()
		if err != nil {
			t.Fatal(err)
		}
		if m.Do == link.Quit {
			break
		}
	}
	w.hears("show")
}

func TestWindowThatCrashesIsAFindingUntilTheNext(t *testing.T) {
	h := newHouse(t)
	c, _ := h.start()
	if err := c.OpenWindow(""); err != nil {
		t.Fatal(err)
	}
	h.window("fail").gone()
	failed := func(s *report.Snapshot) bool { return has(s, health.WindowFailed) || has(s, health.NoOpenGL) }
	until(t, c, "the window failed", failed)
	if err := c.OpenWindow(""); err != nil {
		t.Fatal(err)
	}
	w := h.window("go")
	w.hears("start")
	until(t, c, "the window is well", func(s *report.Snapshot) bool { return !failed(s) })
	w.say("crash")
	w.gone()
	until(t, c, "the window crashed", failed)
	until(t, c, "the meter goes on", fresh(0))
}

func TestWishThatMeetsAnEndingWindowStartsANewOne(t *testing.T) {
	h := newHouse(t)
	c, _ := h.start()
	if err := c.OpenWindow(""); err != nil {
		t.Fatal(err)
	}
	w := h.window("go")
	w.hears("start")
	w.hears("changed")
	if err := c.OpenWindow("history"); err != nil {
		t.Fatal(err)
	}
	w.say("end") // it had decided to
	w.gone()
	h.window("go").hears("start history")
}

func TestNoDisplayAndNoProgramAreSaid(t *testing.T) {
	for name, c := range map[string]struct {
		variables map[string]string
		code      health.Code
	}{
		"no display": {map[string]string{}, health.NoDisplay},
		"no program": {map[string]string{"DISPLAY": "far.example:0"}, health.WindowMissing},
	} {
		t.Run(name, func(t *testing.T) {
			if runtime.GOOS != "linux" && c.code == health.NoDisplay {
				t.Skip("there is always a display")
			}
			h := newHouse(t)
			h.o = optionsIn(h.data, h.home, c.variables)
			meter, _ := h.start()
			if err := meter.OpenWindow(""); err == nil {
				t.Fatal("it opened")
			}
			until(t, meter, "it is said", func(s *report.Snapshot) bool { return has(s, c.code) })
			open := h.o
			open.Hidden = false
			if _, err := core.Enter(t.Context(), open, ""); err == nil || errors.Is(err, core.ErrRunning) {
				t.Errorf("a second start is told %v", err)
			}
			found := core.Desktop(t.Context(), h.o.Env, time.Now)
			if !slices.ContainsFunc(found, func(f health.Finding) bool { return f.Code == c.code }) {
				t.Errorf("doctor sees %+v", found)
			}
		})
	}
}

func TestQuitEndsTheWindow(t *testing.T) {
	for name, order := range map[string]string{"that obeys": "go", "that hangs": "deaf"} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			c, end := h.start()
			until(t, c, "the database is there", fresh(0))
			if err := c.OpenWindow(""); err != nil {
				t.Fatal(err)
			}
			w := h.window(order)
			w.hears("start")
			w.hears("changed")
			begun := time.Now()
			end()
			if took := time.Since(begun); took > 4*time.Second {
				t.Errorf("the end took %v", took)
			}
			w.gone()
			if rest, _ := filepath.Glob(filepath.Join(h.data, platform.DatabaseName+"-*")); len(rest) > 0 {
				t.Errorf("beside the database lies %v", rest)
			}
		})
	}
}

func TestMeterWithoutTrayItemEndsWithItsWindow(t *testing.T) {
	for name, c := range map[string]struct {
		tray   core.Tray
		hidden bool
		ends   bool
	}{
		"no tray host":                   {core.TrayWaiting, false, true},
		"no session bus":                 {core.TrayNone, false, true},
		"tray item":                      {core.TrayShown, false, false},
		"no tray host, started at login": {core.TrayWaiting, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.o.Hidden = c.hidden
			meter, err := core.New(h.o)
			if err != nil {
				t.Fatal(err)
			}
			meter.SetTray(c.tray)
			ended := make(chan error, 1)
			go func() { ended <- meter.Run(context.Background()) }()
			defer func() { meter.Quit(); <-ended }()
			if err := meter.OpenWindow(""); err != nil {
				t.Fatal(err)
			}
			w := h.window("go")
			w.hears("start")
			w.hears("changed")
			w.say("end")
			w.gone()
			if c.ends {
				select {
				case err := <-ended:
					ended <- err
				case <-time.After(patience):
					t.Fatal("it goes on unseen")
				}
				return
			}
			// It goes on: a new window comes when it is wanted.
			if err := meter.OpenWindow(""); err != nil {
				t.Fatal(err)
			}
			h.window("go").hears("start")
		})
	}
}
