//go:build linux

package lab

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/godbus/dbus/v5"
)

// Tools are the commands that a lab calls; each has a row in assets/packaging/deps.sh.
func Tools() []string {
	return []string{"Xvfb", "dbus-daemon", "xfwm4", "xfce4-panel", "dunst", "xdotool", "import", "xprop", "xwininfo", "strace"}
}

// Missing is the first of the tools that is not installed; "" = all are.
func Missing() string {
	for _, tool := range Tools() {
		if _, err := exec.LookPath(tool); err != nil {
			return tool
		}
	}
	return ""
}

// startTime is what a part of the desktop may take until it is there.
const startTime = 20 * time.Second

// Lab is a desktop. All of its files are in Folder.
type Lab struct {
	Folder string
	env    []string // of every process on this desktop, but for HOME and XDG_*
	bus    *dbus.Conn

	mu      sync.Mutex
	waiting map[chan struct{}]bool
	stops   []func()
}

// Start starts a desktop in a folder, which must be there and is the lab's from then on;
// its path must be short enough for a socket. search is the PATH of its processes. After an
// error nothing runs.
func Start(folder, search string) (*Lab, error) {
	l := &Lab{Folder: folder, waiting: map[chan struct{}]bool{}, env: []string{"PATH=" + search}}
	if err := l.start(); err != nil {
		l.Stop()
		return nil, err
	}
	return l, nil
}

func (l *Lab) start() error {
	if err := l.configure(); err != nil {
		return err
	}
	display, err := l.startTelling("Xvfb", "-displayfd", "3", "-screen", "0", "1280x800x24", "-nolisten", "tcp")
	if err != nil {
		return err
	}
	l.env = append(l.env, "DISPLAY=:"+display, "LANG=C.UTF-8", "LIBGL_ALWAYS_SOFTWARE=1",
		"NO_AT_BRIDGE=1", "GTK_A11Y=none", "XDG_CURRENT_DESKTOP=XFCE", "XDG_SESSION_TYPE=x11")
	address, err := l.startTelling("dbus-daemon", "--config-file="+l.path("bus.conf"), "--nofork", "--nopidfile", "--print-address=3")
	if err != nil {
		return err
	}
	l.env = append(l.env, "DBUS_SESSION_BUS_ADDRESS="+address)
	if l.bus, err = dbus.Connect(address); err != nil {
		return fmt.Errorf("connect to the bus: %w", err)
	}
	if err := l.hearSignals(); err != nil {
		return err
	}
	if err := l.hearWindows(); err != nil {
		return err
	}
	for _, command := range [][]string{{"xfwm4", "--compositor=off"}, {"xfce4-panel", "--disable-wm-check"}, {"dunst"}} {
		if _, err := l.Spawn(l.Command(l.home(), command...), command[0]); err != nil {
			return err
		}
	}
	for _, name := range []string{"org.kde.StatusNotifierWatcher", "org.freedesktop.Notifications"} {
		if !l.Wait(startTime, func() bool { return l.owned(name) }) {
			return fmt.Errorf("start the desktop: nobody took the name %s", name)
		}
	}
	if !l.Wait(startTime, func() bool {
		out, err := l.Tool("xprop", "-root", "_NET_SUPPORTING_WM_CHECK")
		return err == nil && strings.Contains(out, "#")
	}) {
		return errors.New("start the desktop: there is no window manager")
	}
	return nil
}

func (l *Lab) path(name string) string { return filepath.Join(l.Folder, name) }

// home is that of the desktop's own programs.
func (l *Lab) home() string { return l.path("home") }

// Command is a command on this desktop with the given home folder.
func (l *Lab) Command(home string, args ...string) *exec.Cmd {
	command := exec.Command(args[0], args[1:]...)
	command.Env = append(append([]string{}, l.env...),
		"HOME="+home, "XDG_RUNTIME_DIR="+filepath.Join(home, ".run"), "XDG_CONFIG_HOME="+filepath.Join(home, ".config"),
		"XDG_CACHE_HOME="+filepath.Join(home, ".cache"), "XDG_DATA_HOME="+filepath.Join(home, ".local/share"))
	command.Dir = home
	return command
}

// MakeHome makes the folders that Command names.
func MakeHome(home string) error {
	for _, folder := range []string{".run", ".config", ".cache", ".local/share"} {
		if err := os.MkdirAll(filepath.Join(home, folder), 0o700); err != nil {
			return fmt.Errorf("make a home: %w", err)
		}
	}
	return nil
}

func (l *Lab) configure() error {
	if err := MakeHome(l.home()); err != nil {
		return err
	}
	for name, text := range map[string]string{
		"home/.config/xfce4/xfconf/xfce-perchannel-xml/xfce4-panel.xml": panelSettings,
		"home/.config/dunst/dunstrc":                                    notificationSettings,
		"bus.conf":                                                      busSettings,
	} {
		if err := os.MkdirAll(filepath.Dir(l.path(name)), 0o700); err != nil {
			return fmt.Errorf("configure the desktop: %w", err)
		}
		if err := os.WriteFile(l.path(name), []byte(strings.ReplaceAll(text, "FOLDER", l.Folder)), 0o600); err != nil {
			return fmt.Errorf("configure the desktop: %w", err)
		}
	}
	return nil
}

// Child is a process that was started on the desktop.
type Child struct {
	*exec.Cmd
	Log   string        // file with what it printed
	Ended chan struct{} // closed when it is gone
	Err   error         // of Wait, once Ended is closed
}

// Over reports whether the process has ended.
func (c *Child) Over() bool {
	select {
	case <-c.Ended:
		return true
	default:
		return false
	}
}

// Kill ends the process at once and waits for that; a dead one is left alone.
func (c *Child) Kill() {
	if !c.Over() {
		_ = c.Process.Kill()
		<-c.Ended
	}
}

// starters start processes on a thread that lives as long as this process, because the
// death signal below is tied to the thread that started the child.
var starters = sync.OnceValue(func() chan func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range work {
			f()
		}
	}()
	return work
})

// Spawn starts a process that dies with this one; Stop ends it.
func (l *Lab) Spawn(command *exec.Cmd, name string) (*Child, error) {
	log, err := os.CreateTemp(l.Folder, name+"-*.log")
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	defer log.Close()
	if command.Stdout == nil {
		command.Stdout = log
	}
	if command.Stderr == nil {
		command.Stderr = log
	}
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	starters() <- func() { started <- command.Start() }
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	c := &Child{Cmd: command, Log: log.Name(), Ended: make(chan struct{})}
	go func() {
		c.Err = command.Wait()
		close(c.Ended)
		l.wake()
	}()
	l.mu.Lock()
	l.stops = append(l.stops, c.Kill)
	l.mu.Unlock()
	return c, nil
}

// startTelling starts a server that writes one line to descriptor 3 when it is ready.
func (l *Lab) startTelling(args ...string) (string, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return "", fmt.Errorf("start %s: %w", args[0], err)
	}
	command := l.Command(l.home(), args...)
	command.ExtraFiles = []*os.File{write}
	_, err = l.Spawn(command, args[0])
	write.Close()
	if err != nil {
		read.Close()
		return "", err
	}
	type heard struct {
		line string
		err  error
	}
	first := make(chan heard, 1)
	go func() {
		line, err := bufio.NewReader(read).ReadString('\n')
		first <- heard{line, err}
	}()
	deadline := time.NewTimer(startTime)
	defer deadline.Stop()
	defer read.Close()
	select {
	case h := <-first:
		if h.err != nil {
			return "", fmt.Errorf("wait for %s: %w", args[0], h.err)
		}
		return strings.TrimSpace(h.line), nil
	case <-deadline.C:
		return "", fmt.Errorf("wait for %s: not ready within %v", args[0], startTime)
	}
}

// Stop ends all that was started, the last first, and removes the folder.
func (l *Lab) Stop() {
	if l.bus != nil {
		l.bus.Close()
	}
	l.mu.Lock()
	stops := l.stops
	l.mu.Unlock()
	for i := len(stops) - 1; i >= 0; i-- {
		stops[i]()
	}
	_ = os.RemoveAll(l.Folder)
}

// hearSignals wakes those who wait on every signal that someone may wait for.
func (l *Lab) hearSignals() error {
	for _, member := range []string{
		"org.freedesktop.DBus", "org.kde.StatusNotifierWatcher", "org.kde.StatusNotifierItem", "com.canonical.dbusmenu",
	} {
		if err := l.bus.AddMatchSignal(dbus.WithMatchInterface(member)); err != nil {
			return fmt.Errorf("listen on the bus: %w", err)
		}
	}
	signals := make(chan *dbus.Signal, 256)
	l.bus.Signal(signals)
	go func() {
		for range signals {
			l.wake()
		}
	}()
	return nil
}

// hearWindows wakes those who wait when a window appears, goes or is made active: then a
// property of the root window changes, and xprop prints it.
func (l *Lab) hearWindows() error {
	read, write := io.Pipe()
	command := l.Command(l.home(), "xprop", "-root", "-spy")
	command.Stdout = write
	if _, err := l.Spawn(command, "xprop"); err != nil {
		return err
	}
	go func() {
		for lines := bufio.NewScanner(read); lines.Scan(); {
			l.wake()
		}
	}()
	return nil
}

func (l *Lab) wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for waiter := range l.waiting {
		select {
		case waiter <- struct{}{}:
		default:
		}
	}
}

// Wait looks at ready now and after everything that happens on the desktop, and gives its
// last answer.
func (l *Lab) Wait(within time.Duration, ready func() bool) bool {
	happened := make(chan struct{}, 1)
	l.mu.Lock()
	l.waiting[happened] = true
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		delete(l.waiting, happened)
		l.mu.Unlock()
	}()
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	for !ready() {
		select {
		case <-happened:
		case <-deadline.C:
			return ready()
		}
	}
	return true
}

// Tool runs a command on the desktop and gives what it printed.
func (l *Lab) Tool(args ...string) (string, error) {
	command := l.Command(l.home(), args...)
	var failed bytes.Buffer
	command.Stderr = &failed
	out, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(failed.String()))
	}
	return string(out), nil
}
