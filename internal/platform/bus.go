package platform

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/godbus/dbus/v5"

	"tokenmeter/internal/agent"
)

// The errors of Watch and TrayHost.
var (
	// ErrNoBus: there is no session bus, so no tray and no word of the desktop's looks.
	ErrNoBus = errors.New("no session bus")
	// ErrBusLost: it was there and has ended, as it does when the session ends.
	ErrBusLost = errors.New("the session bus has ended")
)

const (
	busName       = "org.freedesktop.DBus"
	busPath       = "/org/freedesktop/DBus"
	watcherName   = "org.kde.StatusNotifierWatcher"
	portalName    = "org.freedesktop.portal.Desktop"
	portalPath    = "/org/freedesktop/portal/desktop"
	settingsName  = "org.freedesktop.portal.Settings"
	appearanceKey = "org.freedesktop.appearance"
)

// Scheme is light or dark.
type Scheme int

// The schemes; SchemeUnknown = the desktop does not say.
const (
	SchemeUnknown Scheme = iota
	SchemeDark
	SchemeLight
)

// Appearance is how the user wants things to look, as far as the desktop tells.
type Appearance struct {
	Scheme        Scheme
	HighContrast  bool
	ReducedMotion bool
}

// Watching says what Watch is to tell; a nil function is not called.
type Watching struct {
	TrayHost   func(present bool)
	Appearance func(Appearance)
}

// BusAddress is the address of the session bus of env; "" = none. It starts nothing.
func BusAddress(env agent.Env) string {
	if env.OS == "darwin" || env.OS == "windows" {
		return ""
	}
	if address := env.Variable("DBUS_SESSION_BUS_ADDRESS"); address != "" && address != "autolaunch:" {
		return address
	}
	if run := env.Variable("XDG_RUNTIME_DIR"); filepath.IsAbs(run) {
		if socket := filepath.Join(run, "bus"); env.Exists(socket) {
			return "unix:path=" + dbus.EscapeBusAddressValue(socket)
		}
	}
	return ""
}

func connectBus(ctx context.Context, env agent.Env) (*dbus.Conn, error) {
	address := BusAddress(env)
	if address == "" {
		return nil, ErrNoBus
	}
	c, err := dbus.Connect(address, dbus.WithContext(ctx))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoBus, err)
	}
	return c, nil
}

// TrayHost says whether something shows tray items: nil, ErrNoBus, or false for a desktop
// without one. Systems that have no session bus always show them.
func TrayHost(ctx context.Context, env agent.Env) (bool, error) {
	if env.OS == "darwin" || env.OS == "windows" {
		return true, nil
	}
	c, err := connectBus(ctx, env)
	if err != nil {
		return false, err
	}
	defer c.Close()
	return hasOwner(ctx, c, watcherName)
}

func hasOwner(ctx context.Context, c *dbus.Conn, name string) (bool, error) {
	var has bool
	err := c.Object(busName, busPath).CallWithContext(ctx, busName+".NameHasOwner", 0, name).Store(&has)
	if err != nil {
		return false, fmt.Errorf("ask the session bus for %s: %w", name, err)
	}
	return has, nil
}

// Watch tells, once soon and then at each change, whether there is a tray host and how
// things are to look. It returns nil when ctx ends, else ErrNoBus or ErrBusLost.
func Watch(ctx context.Context, env agent.Env, w Watching) error {
	c, err := connectBus(ctx, env)
	if err != nil {
		return err
	}
	defer c.Close()
	signals := make(chan *dbus.Signal, 16)
	c.Signal(signals)
	if err := subscribe(c); err != nil {
		return err
	}
	b := busWatch{Watching: w, settings: make(chan *dbus.Call, 2)}
	if w.TrayHost != nil {
		has, err := hasOwner(ctx, c, watcherName)
		if err != nil {
			return err
		}
		w.TrayHost(has)
	}
	b.ask(ctx, c)
	for {
		select {
		case s, open := <-signals:
			if !open {
				if ctx.Err() != nil {
					return nil
				}
				return ErrBusLost
			}
			if b.signal(s) {
				b.ask(ctx, c)
			}
		case call := <-b.settings:
			b.read(call)
		case <-ctx.Done():
			return nil
		}
	}
}

func subscribe(c *dbus.Conn) error {
	for _, name := range []string{watcherName, portalName} {
		err := c.AddMatchSignal(dbus.WithMatchSender(busName), dbus.WithMatchInterface(busName),
			dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, name))
		if err != nil {
			return fmt.Errorf("watch the session bus: %w", err)
		}
	}
	err := c.AddMatchSignal(dbus.WithMatchInterface(settingsName), dbus.WithMatchMember("SettingChanged"),
		dbus.WithMatchObjectPath(portalPath), dbus.WithMatchArg(0, appearanceKey))
	if err != nil {
		return fmt.Errorf("watch the session bus: %w", err)
	}
	return nil
}

// busWatch is the state of one Watch.
type busWatch struct {
	Watching
	looks    Appearance
	told     bool
	settings chan *dbus.Call
}

// ask asks the desktop's portal for the looks; the answer comes in settings, or never.
func (b *busWatch) ask(ctx context.Context, c *dbus.Conn) {
	if b.Appearance != nil {
		c.Object(portalName, portalPath).GoWithContext(ctx, settingsName+".ReadAll", 0, b.settings, []string{appearanceKey})
	}
}

func (b *busWatch) read(call *dbus.Call) {
	var all map[string]map[string]dbus.Variant
	looks := Appearance{}
	if call.Err == nil && call.Store(&all) == nil {
		for key, value := range all[appearanceKey] {
			looks.set(key, value)
		}
	}
	b.tell(looks)
}

func (b *busWatch) tell(looks Appearance) {
	if b.Appearance != nil && (!b.told || looks != b.looks) {
		b.looks, b.told = looks, true
		b.Appearance(looks)
	}
}

// signal takes one signal; again says that the looks must be asked for anew.
func (b *busWatch) signal(s *dbus.Signal) (again bool) {
	if len(s.Body) != 3 {
		return false
	}
	first, _ := s.Body[0].(string)
	switch s.Name {
	case busName + ".NameOwnerChanged":
		owner, _ := s.Body[2].(string)
		switch {
		case first == watcherName && b.TrayHost != nil:
			b.TrayHost(owner != "")
		case first == portalName:
			return owner != ""
		}
	case settingsName + ".SettingChanged":
		key, _ := s.Body[1].(string)
		if value, ok := s.Body[2].(dbus.Variant); ok && first == appearanceKey {
			looks := b.looks
			looks.set(key, value)
			b.tell(looks)
		}
	}
	return false
}

func (a *Appearance) set(key string, value dbus.Variant) {
	n, ok := value.Value().(uint32)
	if !ok {
		return
	}
	switch key {
	case "color-scheme":
		switch n {
		case 1:
			a.Scheme = SchemeDark
		case 2:
			a.Scheme = SchemeLight
		default:
			a.Scheme = SchemeUnknown
		}
	case "contrast":
		a.HighContrast = n == 1
	case "reduced-motion":
		a.ReducedMotion = n == 1
	}
}
