//go:build linux

package endtoend

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// tools are the commands that the lab calls; each has a row in assets/packaging/deps.sh.
var tools = []string{"Xvfb", "dbus-daemon", "xfwm4", "xfce4-panel", "dunst", "xdotool", "import", "xprop", "xwininfo", "strace"}

// lab is a desktop for the tests of one run. All of its files are in folder.
type lab struct {
	folder string
	env    []string // of every process on this desktop, but for HOME and XDG_*
	bus    *dbus.Conn

	mu      sync.Mutex
	waiting map[chan struct{}]bool
	stops   []func()
}

var desktop struct {
	once sync.Once
	lab  *lab
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if desktop.lab != nil {
		desktop.lab.stop()
	}
	os.Exit(code)
}

// onDesktop gives the test the desktop, which is started for the first one that asks.
func onDesktop(t *testing.T) *lab {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			missing(t, "%s is not installed; `assets/packaging/deps.sh test` installs it", tool)
		}
	}
	desktop.once.Do(func() { desktop.lab, desktop.err = startLab() })
	if desktop.err != nil {
		t.Fatal(desktop.err)
	}
	return desktop.lab
}

// missing skips the test, or fails it where everything is meant to be there.
func missing(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") != "" || os.Getenv("TOKENMETER_E2E") != "" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

func startLab() (l *lab, err error) {
	folder, err := os.MkdirTemp("", "tokenmeter-lab-")
	if err != nil {
		return nil, err
	}
	l = &lab{folder: folder, waiting: map[chan struct{}]bool{}}
	desktop.lab = l // so that a half-started one is stopped, too
	if err := l.configure(); err != nil {
		return l, err
	}

	display, err := l.startTelling("Xvfb", "-displayfd", "3", "-screen", "0", "1280x800x24", "-nolisten", "tcp")
	if err != nil {
		return l, err
	}
	l.env = []string{
		"PATH=" + os.Getenv("PATH"), "DISPLAY=:" + display, "LANG=C.UTF-8", "LIBGL_ALWAYS_SOFTWARE=1",
		"NO_AT_BRIDGE=1", "GTK_A11Y=none", "XDG_CURRENT_DESKTOP=XFCE", "XDG_SESSION_TYPE=x11",
	}
	address, err := l.startTelling("dbus-daemon", "--config-file="+l.path("bus.conf"), "--nofork", "--nopidfile", "--print-address=3")
	if err != nil {
		return l, err
	}
	l.env = append(l.env, "DBUS_SESSION_BUS_ADDRESS="+address)
	if l.bus, err = dbus.Connect(address); err != nil {
		return l, fmt.Errorf("connect to the bus: %w", err)
	}
	if err := l.hearSignals(); err != nil {
		return l, err
	}
	if err := l.hearWindows(); err != nil {
		return l, err
	}
	for _, command := range [][]string{{"xfwm4", "--compositor=off"}, {"xfce4-panel", "--disable-wm-check"}, {"dunst"}} {
		if _, err := l.spawn(l.command(l.desktopHome(), command...), command[0]); err != nil {
			return l, err
		}
	}
	for _, name := range []string{"org.kde.StatusNotifierWatcher", "org.freedesktop.Notifications"} {
		if !l.wait(20*time.Second, func() bool { return l.owned(name) }) {
			return l, fmt.Errorf("start the desktop: nobody took the name %s", name)
		}
	}
	if !l.wait(20*time.Second, func() bool {
		out, err := l.tool("xprop", "-root", "_NET_SUPPORTING_WM_CHECK")
		return err == nil && strings.Contains(out, "#")
	}) {
		return l, errors.New("start the desktop: there is no window manager")
	}
	return l, nil
}

func (l *lab) path(name string) string { return filepath.Join(l.folder, name) }

func (l *lab) desktopHome() string { return l.path("home") }

// command is a command on this desktop with the given home folder.
func (l *lab) command(home string, args ...string) *exec.Cmd {
	command := exec.Command(args[0], args[1:]...)
	command.Env = append(append([]string{}, l.env...),
		"HOME="+home, "XDG_RUNTIME_DIR="+filepath.Join(home, ".run"), "XDG_CONFIG_HOME="+filepath.Join(home, ".config"),
		"XDG_CACHE_HOME="+filepath.Join(home, ".cache"), "XDG_DATA_HOME="+filepath.Join(home, ".local/share"))
	command.Dir = home
	return command
}

// makeHome makes the folders that command names.
func makeHome(home string) error {
	for _, folder := range []string{".run", ".config", ".cache", ".local/share"} {
		if err := os.MkdirAll(filepath.Join(home, folder), 0o700); err != nil {
			return err
		}
	}
	return nil
}

func (l *lab) configure() error {
	if err := makeHome(l.desktopHome()); err != nil {
		return err
	}
	for name, text := range map[string]string{
		"home/.config/xfce4/xfconf/xfce-perchannel-xml/xfce4-panel.xml": panelSettings,
		"home/.config/dunst/dunstrc":                                    notificationSettings,
		"bus.conf":                                                      busSettings,
	} {
		if err := os.MkdirAll(filepath.Dir(l.path(name)), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(l.path(name), []byte(strings.ReplaceAll(text, "FOLDER", l.folder)), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// child is a process that the tests started.
type child struct {
	*exec.Cmd
	log   string        // file with what it printed
	ended chan struct{} // closed when it is gone
	err   error         // of Wait, once ended is closed
}

// starters start processes on a thread that lives as long as the test, because the death
// signal below is tied to the thread that started the child.
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

// spawn starts a process that dies with the test; stop ends it.
func (l *lab) spawn(command *exec.Cmd, name string) (*child, error) {
	log, err := os.CreateTemp(l.folder, name+"-*.log")
	if err != nil {
		return nil, err
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
	c := &child{Cmd: command, log: log.Name(), ended: make(chan struct{})}
	go func() {
		c.err = command.Wait()
		close(c.ended)
		l.wake()
	}()
	l.mu.Lock()
	l.stops = append(l.stops, c.kill)
	l.mu.Unlock()
	return c, nil
}

// kill ends the process at once and waits for that; a dead one is left alone.
func (c *child) kill() {
	select {
	case <-c.ended:
	default:
		_ = c.Process.Kill()
		<-c.ended
	}
}

// startTelling starts a server that writes one line to descriptor 3 when it is ready.
func (l *lab) startTelling(args ...string) (string, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return "", err
	}
	defer read.Close()
	command := l.command(l.desktopHome(), args...)
	if l.env == nil {
		command.Env = append(command.Env, "PATH="+os.Getenv("PATH"))
	}
	command.ExtraFiles = []*os.File{write}
	_, err = l.spawn(command, args[0])
	write.Close()
	if err != nil {
		return "", err
	}
	_ = read.SetReadDeadline(time.Now().Add(20 * time.Second))
	line, err := bufio.NewReader(read).ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("wait for %s: %w", args[0], err)
	}
	return strings.TrimSpace(line), nil
}

// stop ends all that was started, the last first, and removes the folder.
func (l *lab) stop() {
	if l.bus != nil {
		l.bus.Close()
	}
	l.mu.Lock()
	stops := l.stops
	l.mu.Unlock()
	for i := len(stops) - 1; i >= 0; i-- {
		stops[i]()
	}
	_ = os.RemoveAll(l.folder)
}

// hearSignals wakes those who wait on every signal that a test may wait for.
func (l *lab) hearSignals() error {
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
func (l *lab) hearWindows() error {
	read, write := io.Pipe()
	command := l.command(l.desktopHome(), "xprop", "-root", "-spy")
	command.Stdout = write
	if _, err := l.spawn(command, "xprop"); err != nil {
		return err
	}
	go func() {
		for lines := bufio.NewScanner(read); lines.Scan(); {
			l.wake()
		}
	}()
	return nil
}

func (l *lab) wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for waiter := range l.waiting {
		select {
		case waiter <- struct{}{}:
		default:
		}
	}
}

// wait looks at ready now and after everything that happens on the desktop.
func (l *lab) wait(within time.Duration, ready func() bool) bool {
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

// until is wait for tests: it fails the test if ready does not come, and says how long it
// took if it does.
func (l *lab) until(t *testing.T, within time.Duration, what string, ready func() bool) time.Duration {
	t.Helper()
	begun := time.Now()
	if !l.wait(within, ready) {
		t.Fatalf("%s: not within %v", what, within)
	}
	took := time.Since(begun)
	t.Logf("%s: after %v", what, took.Round(time.Millisecond))
	return took
}

func (l *lab) owned(name string) bool {
	var owned bool
	err := l.bus.BusObject().Call("org.freedesktop.DBus.NameHasOwner", 0, name).Store(&owned)
	return err == nil && owned
}

// item is a tray item as the panel sees it.
type item struct {
	lab    *lab
	object dbus.BusObject
	owner  string
}

// items lists the registered tray items.
func (l *lab) items() []item {
	watcher := l.bus.Object("org.kde.StatusNotifierWatcher", "/StatusNotifierWatcher")
	value, err := watcher.GetProperty("org.kde.StatusNotifierWatcher.RegisteredStatusNotifierItems")
	if err != nil {
		return nil
	}
	names, _ := value.Value().([]string)
	var list []item
	for _, name := range names {
		owner, path, found := strings.Cut(name, "/")
		if !found {
			path = "StatusNotifierItem"
		}
		list = append(list, item{l, l.bus.Object(owner, dbus.ObjectPath("/"+path)), owner})
	}
	return list
}

// itemOf finds the tray item of a process.
func (l *lab) itemOf(pid int) (item, bool) {
	for _, i := range l.items() {
		var owner uint32
		err := l.bus.BusObject().Call("org.freedesktop.DBus.GetConnectionUnixProcessID", 0, i.owner).Store(&owner)
		if err == nil && int(owner) == pid {
			return i, true
		}
	}
	return item{}, false
}

// icon is the item's picture as bytes, "" if it has none.
func (i item) icon() string {
	value, err := i.object.GetProperty("org.kde.StatusNotifierItem.IconPixmap")
	if err != nil {
		return ""
	}
	var pictures []struct {
		Width, Height int32
		Pixels        []byte
	}
	if dbus.Store([]any{value.Value()}, &pictures) != nil || len(pictures) == 0 {
		return ""
	}
	return string(pictures[0].Pixels)
}

func (i item) tooltip() string {
	value, err := i.object.GetProperty("org.kde.StatusNotifierItem.ToolTip")
	if err != nil {
		return ""
	}
	return fmt.Sprint(value.Value())
}

// leftClick does what the panel does on a left click.
func (i item) leftClick(t *testing.T) {
	t.Helper()
	if err := i.object.Call("org.kde.StatusNotifierItem.Activate", 0, int32(0), int32(0)).Err; err != nil {
		t.Fatalf("left click: %v", err)
	}
}

// entry is a line of a menu.
type entry struct {
	id    int32
	label string
}

// menu lists the item's menu, sub-menus behind their heading.
func (i item) menu() []entry {
	value, err := i.object.GetProperty("org.kde.StatusNotifierItem.Menu")
	if err != nil {
		return nil
	}
	path, _ := value.Value().(dbus.ObjectPath)
	var revision uint32
	var root layout
	call := i.lab.bus.Object(i.owner, path).Call("com.canonical.dbusmenu.GetLayout", 0, int32(0), int32(-1), []string{})
	if call.Store(&revision, &root) != nil {
		return nil
	}
	return root.entries(nil)
}

// choose does what the panel does when a line of the menu is clicked.
func (i item) choose(t *testing.T, label string) {
	t.Helper()
	for _, e := range i.menu() {
		if e.label != label {
			continue
		}
		value, err := i.object.GetProperty("org.kde.StatusNotifierItem.Menu")
		if err != nil {
			t.Fatal(err)
		}
		menu := i.lab.bus.Object(i.owner, value.Value().(dbus.ObjectPath))
		if err := menu.Call("com.canonical.dbusmenu.Event", 0, e.id, "clicked", dbus.MakeVariant(""), uint32(0)).Err; err != nil {
			t.Fatalf("click %q: %v", label, err)
		}
		return
	}
	t.Fatalf("the menu has no line %q: %q", label, i.menu())
}

type layout struct {
	ID         int32
	Properties map[string]dbus.Variant
	Children   []dbus.Variant
}

func (l layout) entries(list []entry) []entry {
	label, _ := l.Properties["label"].Value().(string)
	visible, given := l.Properties["visible"].Value().(bool)
	if label != "" && (visible || !given) {
		list = append(list, entry{l.ID, strings.ReplaceAll(label, "_", "")})
	}
	for _, child := range l.Children {
		var below layout
		if dbus.Store([]any{child.Value()}, &below) == nil {
			list = below.entries(list)
		}
	}
	return list
}

// window is a window of a program.
type window struct {
	lab *lab
	id  string
	pid int
}

// tool runs a command on the desktop and gives what it printed.
func (l *lab) tool(args ...string) (string, error) {
	command := l.command(l.desktopHome(), args...)
	var failed bytes.Buffer
	command.Stderr = &failed
	out, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(failed.String()))
	}
	return string(out), nil
}

// windows lists the windows that the window manager manages and that can be seen.
func (l *lab) windows() []window {
	out, err := l.tool("xprop", "-root", "_NET_CLIENT_LIST")
	if err != nil {
		return nil
	}
	_, ids, _ := strings.Cut(out, "#")
	var list []window
	for _, id := range strings.Split(ids, ",") {
		id = strings.TrimSpace(id)
		if id == "" {
			continue
		}
		out, err := l.tool("xprop", "-id", id, "_NET_WM_PID")
		if err != nil {
			continue // gone meanwhile
		}
		_, number, _ := strings.Cut(out, "=")
		pid, _ := strconv.Atoi(strings.TrimSpace(number))
		list = append(list, window{l, id, pid})
	}
	return list
}

// visible reports whether the window is on the screen.
func (w window) visible() bool {
	out, err := w.lab.tool("xwininfo", "-id", w.id)
	return err == nil && strings.Contains(out, "Map State: IsViewable")
}

// active reports whether the window has the keyboard.
func (w window) active() bool {
	out, err := w.lab.tool("xprop", "-root", "_NET_ACTIVE_WINDOW")
	return err == nil && strings.Contains(out, strings.ToLower(w.id))
}

// press types a key or a combination, as in "ctrl+2", to the window.
func (w window) press(t *testing.T, keys string) {
	t.Helper()
	if _, err := w.lab.tool("xdotool", "windowactivate", w.id); err != nil {
		t.Fatal(err)
	}
	w.lab.until(t, 10*time.Second, "the window has the keyboard", w.active)
	if _, err := w.lab.tool("xdotool", "key", "--clearmodifiers", keys); err != nil {
		t.Fatal(err)
	}
}

// place moves the window and gives it a size, its frame apart.
func (w window) place(t *testing.T, x, y, width, height int) {
	t.Helper()
	if _, err := w.lab.tool("xdotool", "windowmove", w.id, strconv.Itoa(x), strconv.Itoa(y), "windowsize", w.id, strconv.Itoa(width), strconv.Itoa(height)); err != nil {
		t.Fatal(err)
	}
}

// picture takes a screenshot of a window, or with "root" of the whole screen.
func (l *lab) picture(id string) (image.Image, error) {
	out, err := l.tool("import", "-window", id, "png:-")
	if err != nil {
		return nil, err
	}
	return png.Decode(strings.NewReader(out))
}

const panelSettings = `<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
  <property name="configver" type="int" value="2"/>
  <property name="panels" type="array">
    <value type="int" value="1"/>
    <property name="dark-mode" type="bool" value="true"/>
    <property name="panel-1" type="empty">
      <property name="position" type="string" value="p=6;x=0;y=0"/>
      <property name="position-locked" type="bool" value="true"/>
      <property name="length" type="uint" value="100"/>
      <property name="size" type="uint" value="36"/>
      <property name="icon-size" type="uint" value="24"/>
      <property name="plugin-ids" type="array">
        <value type="int" value="1"/><value type="int" value="2"/><value type="int" value="3"/><value type="int" value="4"/>
      </property>
    </property>
  </property>
  <property name="plugins" type="empty">
    <property name="plugin-1" type="string" value="tasklist"/>
    <property name="plugin-2" type="string" value="separator">
      <property name="expand" type="bool" value="true"/><property name="style" type="uint" value="0"/>
    </property>
    <property name="plugin-3" type="string" value="systray">
      <property name="square-icons" type="bool" value="true"/>
    </property>
    <property name="plugin-4" type="string" value="clock"/>
  </property>
</channel>
`

const notificationSettings = `[global]
    width = 340
    height = 200
    origin = top-right
    offset = 16x48
    font = DejaVu Sans 10
    show_age_threshold = -1
`

const busSettings = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=FOLDER/bus</listen><auth>EXTERNAL</auth>
<standard_session_servicedirs/>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>
`
