//go:build !darwin && !windows

package tray_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"tokenmeter/app/tray"
	"tokenmeter/internal/agent"
	"tokenmeter/internal/agent/all"
	"tokenmeter/internal/core"
	"tokenmeter/internal/link"
	"tokenmeter/internal/platform"
	"tokenmeter/internal/report"
	"tokenmeter/internal/usage"
)

// patience is how long a test waits for what must come.
const patience = 15 * time.Second

// The test's program also plays the meter with its tray item, and the window.
const (
	meterVariable = "TOKENMETER_TEST_METER"
	windowProgram = "tokenmeter-window"
)

func TestMain(m *testing.M) {
	// A race-checked program sleeps a second before it ends, unless it is told not to.
	os.Setenv("GORACE", "atexit_sleep_ms=0")
	switch {
	case filepath.Base(os.Args[0]) == windowProgram:
		os.Exit(playWindow())
	case os.Getenv(meterVariable) != "":
		os.Exit(playMeter(os.Getenv(meterVariable)))
	}
	os.Exit(m.Run())
}

// playMeter is what main does: a meter with its tray item.
func playMeter(dataDir string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	env := platform.Environment()
	o := core.Options{
		DataDir: dataDir, Env: env, Sources: all.Sources(), Clock: time.Now, Zone: func() *time.Location { return time.UTC }, Version: "test", Hidden: true,
	}
	for _, s := range o.Sources {
		info := s.Info()
		o.Agents = append(o.Agents, report.Agent{ID: info.ID, Name: info.Name, Slot: info.Slot})
	}
	c, err := core.Enter(ctx, o, "")
	if errors.Is(err, core.ErrRunning) {
		return 0
	}
	if err == nil {
		err = tray.Run(ctx, c, tray.Options{
			BusAddress: platform.BusAddress(env),
			Watch:      func(ctx context.Context, w platform.Watching) error { return platform.Watch(ctx, env, w) },
			Stderr:     os.Stderr,
		})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// playWindow tells the test what it hears.
func playWindow() int {
	dataDir := flag.String("data-dir", "", "")
	page := flag.String("page", "", "")
	flag.Parse()
	test, err := net.Dial("unix", filepath.Join(*dataDir, "test.sock"))
	if err != nil {
		return 3
	}
	fmt.Fprintln(test, "start", *page)
	c, err := link.Dial(context.Background(), link.SocketPath(*dataDir, *dataDir))
	if err != nil {
		return 4
	}
	if err := c.Send(link.Message{Do: link.Subscribe, Pid: os.Getpid()}); err != nil {
		return 5
	}
	for ready := false; ; {
		m, err := c.Receive()
		if err != nil {
			return 6
		}
		if m.Do != link.Changed {
			fmt.Fprintln(test, m.Do, m.Page)
		} else if !ready {
			ready = true
			fmt.Fprintln(test, "ready")
		}
		if m.Do == link.Quit {
			return 0
		}
	}
}

// lab is a home, a session bus with what a desktop puts on it, and a meter.
type lab struct {
	t       *testing.T
	home    string
	data    string
	address string // of the session bus; "" = none
	stopBus func()
	windows chan *bufio.Scanner
	talk    agent.Conversation
	fresh   int64
}

func newLab(t *testing.T) *lab {
	t.Helper()
	home, err := os.MkdirTemp("", "tray") // short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	l := &lab{t: t, home: home, data: filepath.Join(home, "data"), windows: make(chan *bufio.Scanner, 8)}
	for _, dir := range []string{l.data, filepath.Join(home, "bin")} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(home, "bin", windowProgram)); err != nil {
		t.Fatal(err)
	}
	l.listen(filepath.Join(home, "x:0"), func(net.Conn) {}) // a display that answers
	l.listen(filepath.Join(l.data, "test.sock"), func(c net.Conn) { l.windows <- bufio.NewScanner(c) })
	source, ok := all.Sources()[0].(agent.Simulator)
	if !ok {
		t.Fatal("the first agent simulates nothing")
	}
	l.talk = source.Simulate(agent.SimulatedConversation{
		Seed: 1, ID: "0a0b0c0d-0000-4000-8000-000000000001", Project: filepath.Join(home, "my_shop"),
		Branch: "main", Model: "a-model", Start: usage.MillisOf(time.Now()),
	})
	return l
}

func (l *lab) listen(path string, connected func(net.Conn)) {
	l.t.Helper()
	listener, err := net.Listen("unix", path)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			l.t.Cleanup(func() { c.Close() })
			connected(c)
		}
	}()
}

// startBus starts a session bus of the lab's own.
func (l *lab) startBus() {
	l.t.Helper()
	program, err := exec.LookPath("dbus-daemon")
	if err != nil {
		l.t.Skip("dbus-daemon is not installed (`make test` installs it)")
	}
	config := filepath.Join(l.home, "bus.conf")
	content := `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=` + l.home + `/bus</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>`
	if err := os.WriteFile(config, []byte(content), 0o600); err != nil {
		l.t.Fatal(err)
	}
	daemon := exec.Command(program, "--config-file="+config, "--nofork", "--nopidfile", "--print-address=1")
	out, err := daemon.StdoutPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	if err := daemon.Start(); err != nil {
		l.t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	l.stopBus = sync.OnceFunc(func() {
		_ = daemon.Process.Kill()
		_ = daemon.Wait()
	})
	l.t.Cleanup(l.stopBus)
	if err != nil {
		l.t.Fatalf("the bus gave no address: %v", err)
	}
	l.address = strings.TrimSpace(line)
}

// turn appends one request to the agent's log, as the agent would.
func (l *lab) turn(tokens usage.Tokens) {
	l.t.Helper()
	lines, counted := l.talk.Turn(agent.SimulatedTurn{Time: usage.MillisOf(time.Now()), Tokens: tokens, Prompt: "p", Answer: "a"})
	path := filepath.Join(l.home, filepath.FromSlash(l.talk.File()))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		l.t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		l.t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.Write(lines); err != nil {
		l.t.Fatal(err)
	}
	l.fresh += counted.Fresh()
}

// meter is a running meter process.
type meter struct {
	l      *lab
	cmd    *exec.Cmd
	ended  chan error
	stderr *output
}

// output collects what a process says.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// start runs a meter in the lab and waits until it answers.
func (l *lab) start() *meter {
	l.t.Helper()
	m := l.launch()
	l.t.Cleanup(func() {
		if l.t.Failed() {
			l.t.Logf("the meter said:\n%s", m.stderr)
		}
	})
	m.pong()
	return m
}

// launch runs a meter.
func (l *lab) launch() *meter {
	l.t.Helper()
	self, err := os.Executable()
	if err != nil {
		l.t.Fatal(err)
	}
	m := &meter{l: l, cmd: exec.Command(self), ended: make(chan error, 1), stderr: &output{}}
	m.cmd.Env = []string{
		"HOME=" + l.home, "PATH=" + filepath.Join(l.home, "bin"), "DISPLAY=" + filepath.Join(l.home, "x:0"),
		"DBUS_SESSION_BUS_ADDRESS=" + l.address, meterVariable + "=" + l.data, "GORACE=atexit_sleep_ms=0 exitcode=0",
	}
	m.cmd.Stderr = m.stderr
	if err := m.cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	go func() { m.ended <- m.cmd.Wait() }()
	l.t.Cleanup(func() {
		_ = m.cmd.Process.Kill()
		if race := ownRace(m.stderr.String()); race != "" {
			l.t.Errorf("the meter has a data race:\n%s", race)
		}
	})
	return m
}

// ownRace finds a race report in what a meter said, "" if there is none. The library of the
// item (fyne.io/systray 1.12.2 on godbus) counts up the revision of its menu and replaces
// its picture without a lock while a host asks for them; the host asks again at the next
// signal, and it cannot be helped here. So a race of which both sides are made by these
// libraries is left to them: the first caller outside the standard library says who made it.
func ownRace(said string) string {
	for _, report := range strings.Split(said, "==================") {
		if !strings.Contains(report, "WARNING: DATA RACE") {
			continue
		}
		side := false // in the stack of an access, before its first telling frame
		for _, line := range strings.Split(report, "\n") {
			name := strings.TrimSpace(line)
			if strings.Contains(name, " at 0x") && strings.Contains(name, " by ") {
				side = true
				continue
			}
			host, _, path := strings.Cut(name, "/") // "reflect.Value.Uint()" has no path
			telling := path && !strings.Contains(name, ".go:") && (host == "tokenmeter" || strings.Contains(host, "."))
			if !side || !telling {
				continue
			}
			side = false
			if !strings.HasPrefix(name, "fyne.io/systray") && !strings.HasPrefix(name, "github.com/godbus/") {
				return report
			}
		}
	}
	return ""
}

func TestRacesOfOurOwnAreNotExcused(t *testing.T) {
	report := func(first, second string) string {
		return "==================\nWARNING: DATA RACE\nWrite at 0x00c0 by goroutine 5:\n  " + first + "()\n      a.go:1 +0x1\n\nPrevious read at 0x00c0 by goroutine 7:\n  " + second + "()\n      b.go:2 +0x2\n==================\n"
	}
	library, own := "fyne.io/systray.refresh", "tokenmeter/app/tray.(*tray).follow"
	for name, c := range map[string]struct {
		said string
		own  bool
	}{
		"nothing said":          {"", false},
		"the library's":         {report(library, library), false},
		"ours":                  {report(own, own), true},
		"ours with the library": {report(library, own), true},
		"ours behind another":   {report(library, library) + report(own, library), true},
		"the libraries', below the standard library": {report("reflect.Value.Uint()\n      r.go:3 +0x3\n  github.com/godbus/dbus/v5.(*encoder).encode", library), false},
		"ours, below the standard library":           {report("encoding/json.Marshal()\n      r.go:3 +0x3\n  "+own, library), true},
	} {
		if got := ownRace(c.said) != ""; got != c.own {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// pong asks the meter of the lab who it is.
func (m *meter) pong() link.Message {
	m.l.t.Helper()
	var pong link.Message
	eventually(m.l.t, "the meter answers", func() bool {
		conn, err := link.Dial(m.l.t.Context(), link.SocketPath(m.l.data, m.l.data))
		if err != nil {
			return false
		}
		defer conn.Close()
		if conn.Send(link.Message{Do: link.Ping}) != nil {
			return false
		}
		pong, err = conn.Receive()
		return err == nil && pong.Pid == m.cmd.Process.Pid
	})
	return pong
}

// ends waits for the process's end and checks that it is a good one.
func (m *meter) ends() {
	m.l.t.Helper()
	select {
	case err := <-m.ended:
		if err != nil {
			m.l.t.Errorf("the meter ended with %v and said:\n%s", err, m.stderr)
		}
	case <-time.After(patience):
		m.l.t.Error("the meter does not end")
	}
}

func (m *meter) terminate() {
	m.l.t.Helper()
	if err := m.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		m.l.t.Fatal(err)
	}
	m.ends()
}

// eventually asks again and again; the time in which it must be true is the patience.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	pause := time.NewTicker(10 * time.Millisecond)
	defer pause.Stop()
	for late := time.After(patience); ; {
		if is() {
			return
		}
		select {
		case <-pause.C:
		case <-late:
			t.Fatalf("it never came that %s", what)
		}
	}
}

// panel is a tray host.
type panel struct {
	t     *testing.T
	bus   *dbus.Conn
	items chan string // bus names of registered items
}

// RegisterStatusNotifierItem is called by items.
func (p *panel) RegisterStatusNotifierItem(sender dbus.Sender, _ string) *dbus.Error {
	p.items <- string(sender)
	return nil
}

func (l *lab) connect() *dbus.Conn {
	l.t.Helper()
	c, err := dbus.Connect(l.address)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { c.Close() })
	return c
}

func (l *lab) startPanel() *panel {
	l.t.Helper()
	p := &panel{t: l.t, bus: l.connect(), items: make(chan string, 8)}
	if err := p.bus.Export(p, "/StatusNotifierWatcher", "org.kde.StatusNotifierWatcher"); err != nil {
		l.t.Fatal(err)
	}
	if _, err := p.bus.RequestName("org.kde.StatusNotifierWatcher", dbus.NameFlagDoNotQueue); err != nil {
		l.t.Fatal(err)
	}
	return p
}

// item waits for an item to register.
func (p *panel) item() *shown {
	p.t.Helper()
	select {
	case name := <-p.items:
		return &shown{t: p.t, bus: p.bus, item: p.bus.Object(name, "/StatusNotifierItem")}
	case <-time.After(patience):
		p.t.Fatal("no item was registered")
		return nil
	}
}

// shown is an item as a panel sees it.
type shown struct {
	t    *testing.T
	bus  *dbus.Conn
	item dbus.BusObject
}

func (s *shown) property(name string) any {
	s.t.Helper()
	v, err := s.item.GetProperty("org.kde.StatusNotifierItem." + name)
	if err != nil {
		s.t.Fatalf("read %s: %v", name, err)
	}
	return v.Value()
}

func (s *shown) tooltip() string {
	s.t.Helper()
	var tip struct {
		Icon   string
		Pixels []struct {
			Width, Height int32
			Pix           []byte
		}
		Title, Text string
	}
	if err := dbus.Store([]any{s.property("ToolTip")}, &tip); err != nil {
		s.t.Fatal(err)
	}
	return tip.Title
}

// picture is the icon's pixels.
func (s *shown) picture() string {
	s.t.Helper()
	var pictures []struct {
		Width, Height int32
		Pix           []byte
	}
	if err := dbus.Store([]any{s.property("IconPixmap")}, &pictures); err != nil {
		s.t.Fatal(err)
	}
	if len(pictures) != 1 || pictures[0].Width != 48 || pictures[0].Height != 48 || len(pictures[0].Pix) != 48*48*4 {
		s.t.Fatalf("the icon is %d pictures, %+.40v", len(pictures), pictures)
	}
	return string(pictures[0].Pix)
}

// entry is a line of the menu.
type entry struct {
	id    int32
	label string
}

// layout is the menu as it goes over the bus.
type layout struct {
	ID       int32
	Values   map[string]dbus.Variant
	Children []dbus.Variant
}

// menu is the visible lines; a separator is "-".
func (s *shown) menu() []entry {
	s.t.Helper()
	var revision uint32
	var root layout
	menu := s.bus.Object(s.item.Destination(), s.property("Menu").(dbus.ObjectPath))
	if err := menu.Call("com.canonical.dbusmenu.GetLayout", 0, int32(0), int32(-1), []string{}).Store(&revision, &root); err != nil {
		s.t.Fatal(err)
	}
	var list []entry
	for _, v := range root.Children {
		var child layout
		if err := dbus.Store([]any{v.Value()}, &child); err != nil {
			s.t.Fatal(err)
		}
		if visible, ok := child.Values["visible"].Value().(bool); ok && !visible {
			continue
		}
		e := entry{id: child.ID, label: "-"}
		if kind, _ := child.Values["type"].Value().(string); kind != "separator" {
			e.label, _ = child.Values["label"].Value().(string)
		}
		list = append(list, e)
	}
	return list
}

func (s *shown) labels() []string {
	s.t.Helper()
	var labels []string
	for _, e := range s.menu() {
		labels = append(labels, e.label)
	}
	return labels
}

// click clicks the line with a label.
func (s *shown) click(label string) {
	s.t.Helper()
	entries := s.menu()
	i := slices.IndexFunc(entries, func(e entry) bool { return e.label == label })
	if i < 0 {
		s.t.Fatalf("the menu has no %q: %v", label, entries)
	}
	menu := s.bus.Object(s.item.Destination(), s.property("Menu").(dbus.ObjectPath))
	call := menu.Call("com.canonical.dbusmenu.Event", 0, entries[i].id, "clicked", dbus.MakeVariant(int32(0)), uint32(0))
	if call.Err != nil {
		s.t.Fatal(call.Err)
	}
}

// activate is a left click.
func (s *shown) activate() {
	s.t.Helper()
	if err := s.item.Call("org.kde.StatusNotifierItem.Activate", 0, int32(0), int32(0)).Err; err != nil {
		s.t.Fatal(err)
	}
}

// window waits for the window program to be started.
func (l *lab) window() *bufio.Scanner {
	l.t.Helper()
	select {
	case w := <-l.windows:
		return w
	case <-time.After(patience):
		l.t.Fatal("no window was started")
		return nil
	}
}

func (l *lab) hears(w *bufio.Scanner, want string) {
	l.t.Helper()
	heard := make(chan bool, 1)
	go func() { heard <- w.Scan() }()
	select {
	case <-heard:
		if got := strings.TrimSpace(w.Text()); got != want {
			l.t.Fatalf("the window heard %q, wanted %q", got, want)
		}
	case <-time.After(patience):
		l.t.Fatalf("the window never heard %q", want)
	}
}
