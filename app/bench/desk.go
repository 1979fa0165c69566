//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"tokenmeter/app/lab"
)

// desk is a desktop on which the programs are looked at as a person would.
type desk struct {
	lab    *lab.Lab
	screen *lab.Screen
	homes  int // of programs that were started
}

// desktop starts the desktop, the first time that a row wants it; missing says why there is
// none.
func (b *bench) desktop() (d *desk, missing string, err error) {
	if b.desk != nil {
		return b.desk, "", nil
	}
	if tool := lab.Missing(); tool != "" {
		return nil, tool + " is not installed; `assets/packaging/deps.sh test` installs it", nil
	}
	folder, err := os.MkdirTemp("", "tokenmeter-lab-") // short enough for sockets
	if err != nil {
		return nil, "", fmt.Errorf("make a folder for the desktop: %w", err)
	}
	d = &desk{}
	if d.lab, err = lab.Start(folder, os.Getenv("PATH")); err != nil {
		return nil, "", err
	}
	if d.screen, err = d.lab.Screen(); err != nil {
		d.lab.Stop()
		return nil, "", err
	}
	b.desk = d
	return d, "", nil
}

func (d *desk) stop() {
	d.screen.Close()
	d.lab.Stop()
}

// trayMeter is the meter with its tray item.
type trayMeter struct {
	*lab.Child
	desk *desk
	item lab.Item
}

// meter starts the meter on the desktop and waits for its tray item.
func (b *bench) meter(d *desk, home, data, zone string) (*trayMeter, error) {
	d.homes++
	sockets := filepath.Join(d.lab.Folder, fmt.Sprintf("run-%d", d.homes))
	if err := errors.Join(lab.MakeHome(home), os.MkdirAll(sockets, 0o700)); err != nil {
		return nil, err
	}
	c := d.lab.Command(home, filepath.Join(b.build, "tokenmeter"), "--data-dir", data, "--hidden")
	c.Env = append(c.Env, "TZ="+zone, "XDG_RUNTIME_DIR="+sockets)
	child, err := d.lab.Spawn(c, "tokenmeter")
	if err != nil {
		return nil, err
	}
	m := &trayMeter{Child: child, desk: d}
	found := false
	d.lab.Wait(20*time.Second, func() bool {
		m.item, found = d.lab.ItemOf(child.Process.Pid)
		return found || child.Over()
	})
	if !found {
		child.Kill()
		return nil, fmt.Errorf("the meter has no tray item after 20 s: %s", said(child))
	}
	return m, nil
}

// said is the last line that a process printed.
func said(c *lab.Child) string {
	text, err := os.ReadFile(c.Log)
	if err != nil {
		return err.Error()
	}
	return lastLine(string(text))
}

// stop asks the meter to end, which ends the window, too.
func (m *trayMeter) stop() error {
	if m.Over() {
		return nil
	}
	_ = m.Process.Signal(syscall.SIGTERM)
	select {
	case <-m.Ended:
		return m.Err
	case <-time.After(10 * time.Second):
		m.Kill()
		return errors.New("the meter did not end within 10 s of SIGTERM")
	}
}

// running is the meter for what only wants a process.
func (m *trayMeter) running() *running {
	r := &running{m.Cmd, make(chan error, 1)}
	go func() {
		<-m.Ended
		r.ended <- m.Err
		close(r.ended)
	}()
	return r
}

// menuHas reports whether one line of the tray's menu holds all the words.
func (m *trayMeter) menuHas(words ...string) bool {
lines:
	for _, e := range m.item.Menu() {
		for _, word := range words {
			if !strings.Contains(e.Label, word) {
				continue lines
			}
		}
		return true
	}
	return false
}

// window finds the window of Tokenmeter, whether or not it is on the screen.
func (d *desk) window() (lab.Window, bool, error) {
	windows, err := d.screen.Windows()
	if err != nil {
		return lab.Window{}, false, err
	}
	for _, w := range windows {
		name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", w.PID))
		if err == nil && strings.HasPrefix("tokenmeter-window", strings.TrimSpace(string(name))) {
			return w, true, nil
		}
	}
	return lab.Window{}, false, nil
}

// click clicks the tray item and waits until the window is drawn. It gives the time from the
// click to when the X server told of the drawing.
func (m *trayMeter) click(ctx context.Context, within time.Duration) (lab.Window, time.Duration, error) {
	screen := m.desk.screen
	screen.Forget()
	begun := time.Now()
	if err := m.item.LeftClick(); err != nil {
		return lab.Window{}, 0, err
	}
	followed := ""
	for heard := time.Now(); ; {
		w, found, err := m.desk.window()
		if err == nil && found && followed != w.ID {
			if err = screen.Follow(w.Number()); err == nil {
				followed = w.ID
			}
		}
		if err == nil && found {
			var picture *image.RGBA
			if picture, err = screen.Pixels(w.Number()); err == nil && drawn(picture) {
				return w, heard.Sub(begun), nil
			}
		}
		if err != nil && !errors.Is(err, lab.ErrGone) {
			return lab.Window{}, 0, err
		}
		if err := ctx.Err(); err != nil {
			return lab.Window{}, 0, err
		}
		// Between two looks nothing happens that is not told, but for a window that appears
		// before it is followed.
		e, _, err := screen.Next(time.Now().Add(20*time.Millisecond), time.Now)
		if err != nil {
			return lab.Window{}, 0, err
		}
		if heard = e.At; heard.IsZero() {
			heard = time.Now()
		}
		if time.Since(begun) > within {
			return lab.Window{}, 0, fmt.Errorf("the window is not drawn %v after the click", within)
		}
	}
}

// hide clicks the tray item and waits until the window is off the screen.
func (m *trayMeter) hide(w lab.Window) error {
	if err := m.item.LeftClick(); err != nil {
		return err
	}
	for begun := time.Now(); time.Since(begun) < 10*time.Second; {
		shown, err := m.desk.screen.Shown(w.Number())
		if err != nil || !shown {
			return err
		}
		if _, _, err := m.desk.screen.Next(time.Now().Add(20*time.Millisecond), time.Now); err != nil {
			return err
		}
	}
	return errors.New("the window is still on the screen 10 s after the click that hides it")
}

// accent is the window's own colour on a dark ground.
var accent = [3]int{0x8f, 0xa6, 0xff}

// drawn reports whether a picture shows a page: the accent, and text with its many shades.
func drawn(picture *image.RGBA) bool {
	colours, accents := map[[3]byte]bool{}, 0
	for i := 0; i < len(picture.Pix); i += 4 {
		p := picture.Pix[i : i+3]
		if abs(int(p[0])-accent[0])+abs(int(p[1])-accent[1])+abs(int(p[2])-accent[2]) < 12 {
			accents++
		}
		if len(colours) <= 40 {
			colours[[3]byte(p)] = true
		}
		if accents > 8 && len(colours) > 40 {
			return true
		}
	}
	return false
}

func abs(n int) int { return max(n, -n) }
