package platform_test

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"tokenmeter/internal/platform"
)

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

// privateBus starts a session bus of the test's own; stop ends it before the test does.
func privateBus(t *testing.T) (address string, stop func()) {
	t.Helper()
	if runtime.GOOS == "darwin" || runtime.GOOS == "windows" {
		t.Skip("no session bus on this system")
	}
	program, err := exec.LookPath("dbus-daemon")
	if err != nil {
		t.Skip("dbus-daemon is not installed (`make test` installs it)")
	}
	dir, err := os.MkdirTemp("", "bus") // short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	config := filepath.Join(dir, "bus.conf")
	content := `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=` + dir + `/bus</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>`
	if err := os.WriteFile(config, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	daemon := exec.Command(program, "--config-file="+config, "--nofork", "--nopidfile", "--print-address=1")
	out, err := daemon.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	stop = func() {
		_ = daemon.Process.Kill()
		<-ended
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	go func() {
		_ = daemon.Wait()
		close(ended)
	}()
	t.Cleanup(stop)
	if err != nil {
		t.Fatalf("the bus gave no address: %v", err)
	}
	return strings.TrimSpace(line), stop
}

func connect(t *testing.T, address string) *dbus.Conn {
	t.Helper()
	c, err := dbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func own(t *testing.T, c *dbus.Conn, name string) {
	t.Helper()
	if reply, err := c.RequestName(name, dbus.NameFlagDoNotQueue); err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		t.Fatalf("own %s: %v, %v", name, reply, err)
	}
}

// portal is a desktop that tells its appearance.
type portal struct{ scheme, contrast uint32 }

func (p *portal) ReadAll(namespaces []string) (map[string]map[string]dbus.Variant, *dbus.Error) {
	return map[string]map[string]dbus.Variant{"org.freedesktop.appearance": {
		"color-scheme": dbus.MakeVariant(p.scheme), "contrast": dbus.MakeVariant(p.contrast), "accent-color": dbus.MakeVariant("red"),
	}}, nil
}

func (p *portal) start(t *testing.T, c *dbus.Conn) {
	t.Helper()
	if err := c.Export(p, "/org/freedesktop/portal/desktop", "org.freedesktop.portal.Settings"); err != nil {
		t.Fatal(err)
	}
	own(t, c, "org.freedesktop.portal.Desktop")
}

func await[T comparable](t *testing.T, from <-chan T, want T) {
	t.Helper()
	select {
	case got := <-from:
		if got != want {
			t.Fatalf("got %+v, wanted %+v", got, want)
		}
	case <-time.After(patience):
		t.Fatalf("%+v did not come", want)
	}
}

func TestWatchTellsOfTrayHostAndAppearance(t *testing.T) {
	address, stopBus := privateBus(t)
	e := env("linux", "/h", map[string]string{"DBUS_SESSION_BUS_ADDRESS": address})
	hosts, looks := make(chan bool, 8), make(chan platform.Appearance, 8)
	ended := make(chan error, 1)
	go func() {
		ended <- platform.Watch(context.Background(), e, platform.Watching{
			TrayHost:   func(present bool) { hosts <- present },
			Appearance: func(a platform.Appearance) { looks <- a },
		})
	}()
	await(t, hosts, false)
	await(t, looks, platform.Appearance{}) // nobody says

	panel := connect(t, address)
	own(t, panel, "org.kde.StatusNotifierWatcher")
	await(t, hosts, true)
	if host, err := platform.TrayHost(t.Context(), e); err != nil || !host {
		t.Errorf("asked for the tray host: %v, %v", host, err)
	}
	panel.Close()
	await(t, hosts, false)

	desktop := connect(t, address)
	(&portal{scheme: 1, contrast: 1}).start(t, desktop)
	await(t, looks, platform.Appearance{Scheme: platform.SchemeDark, HighContrast: true})
	change := func(namespace, key string, value any) {
		t.Helper()
		err := desktop.Emit("/org/freedesktop/portal/desktop", "org.freedesktop.portal.Settings.SettingChanged",
			namespace, key, dbus.MakeVariant(value))
		if err != nil {
			t.Fatal(err)
		}
	}
	change("org.freedesktop.appearance", "color-scheme", "nonsense")
	change("org.gnome.desktop", "color-scheme", uint32(0))
	change("org.freedesktop.appearance", "color-scheme", uint32(2))
	await(t, looks, platform.Appearance{Scheme: platform.SchemeLight, HighContrast: true})
	change("org.freedesktop.appearance", "reduced-motion", uint32(1))
	await(t, looks, platform.Appearance{Scheme: platform.SchemeLight, HighContrast: true, ReducedMotion: true})

	stopBus()
	select {
	case err := <-ended:
		if !errors.Is(err, platform.ErrBusLost) {
			t.Errorf("after the end of the bus: %v", err)
		}
	case <-time.After(patience):
		t.Error("the end of the bus was not noticed")
	}
}

func TestWatchEndsWithItsContext(t *testing.T) {
	address, _ := privateBus(t)
	e := env("linux", "/h", map[string]string{"DBUS_SESSION_BUS_ADDRESS": address})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- platform.Watch(ctx, e, platform.Watching{TrayHost: func(bool) { cancel() }})
	}()
	await(t, ended, nil)
}

func TestBusAddressInRuntimeFolder(t *testing.T) {
	run := t.TempDir()
	e := env("linux", "/h", map[string]string{"XDG_RUNTIME_DIR": run})
	if got := platform.BusAddress(e); got != "" {
		t.Errorf("there is none, got %s", got)
	}
	if err := os.WriteFile(filepath.Join(run, "bus"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := platform.BusAddress(e); !strings.HasPrefix(got, "unix:path=/") || !strings.HasSuffix(got, "bus") {
		t.Errorf("got %s", got)
	}
}
