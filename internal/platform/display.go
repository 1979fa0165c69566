package platform

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"time"

	"tokenmeter/internal/agent"
)

const displayTime = time.Second

// The answers of Display, in words a person can act on.
var (
	ErrNoDisplay = errors.New("no display: neither DISPLAY nor WAYLAND_DISPLAY is set")
	ErrNoXServer = errors.New("the desktop is Wayland without Xwayland, which the window needs")
)

// Display says whether a window can be shown: nil, or why not. It asks the display server,
// and only one on this machine.
func Display(ctx context.Context, env agent.Env) error {
	if env.OS == "darwin" || env.OS == "windows" {
		return nil
	}
	x, wayland := env.Variable("DISPLAY"), env.Variable("WAYLAND_DISPLAY")
	switch {
	case x != "":
		return reachX(ctx, x)
	case wayland != "":
		if err := reach(ctx, "unix", waylandSocket(env, wayland)); err != nil {
			return fmt.Errorf("the display %s does not answer: %w", wayland, err)
		}
		return ErrNoXServer
	}
	return ErrNoDisplay
}

func waylandSocket(env agent.Env, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(env.Variable("XDG_RUNTIME_DIR"), name)
}

// reachX connects to the server of a DISPLAY such as ":0", "unix:0.1", "localhost:10.0" or
// the path of a socket.
func reachX(ctx context.Context, display string) error {
	colon := strings.LastIndexByte(display, ':')
	if colon < 0 {
		return fmt.Errorf("the display %q is not of the form host:number", display)
	}
	host, number := display[:colon], display[colon+1:]
	number, _, _ = strings.Cut(number, ".")
	var n int
	if _, err := fmt.Sscanf(number, "%d", &n); err != nil || n < 0 || n > 59535 {
		return fmt.Errorf("the display %q is not of the form host:number", display)
	}
	var err error
	switch {
	case host == "" || host == "unix":
		socket := fmt.Sprintf("/tmp/.X11-unix/X%d", n)
		if err = reach(ctx, "unix", socket); err != nil && reach(ctx, "unix", "@"+socket) == nil {
			err = nil
		}
	case filepath.IsAbs(host):
		err = reach(ctx, "unix", display)
	case host == "localhost" || host == "127.0.0.1" || host == "[::1]":
		err = reach(ctx, "tcp", fmt.Sprintf("%s:%d", host, 6000+n))
	default:
		// Another machine's display: asking would be traffic nobody asked for.
	}
	if err != nil {
		return fmt.Errorf("the display %s does not answer: %w", display, err)
	}
	return nil
}

func reach(ctx context.Context, network, address string) error {
	dialer := net.Dialer{Timeout: displayTime}
	c, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return err
	}
	return c.Close()
}
