//go:build linux

package lab

import (
	"fmt"
	"image"
	"image/png"
	"strconv"
	"strings"
	"time"
)

// Window is a window of a program.
type Window struct {
	ID  string // as xprop writes it, or "root"
	PID int
	lab *Lab
}

// Root is the whole screen.
func (l *Lab) Root() Window { return Window{ID: "root", lab: l} }

// Windows lists the windows that the window manager manages and that can be seen.
func (l *Lab) Windows() []Window {
	out, err := l.Tool("xprop", "-root", "_NET_CLIENT_LIST")
	if err != nil {
		return nil
	}
	_, ids, _ := strings.Cut(out, "#")
	var list []Window
	for _, id := range strings.Split(ids, ",") {
		id = strings.TrimSpace(id)
		if id == "" {
			continue
		}
		out, err := l.Tool("xprop", "-id", id, "_NET_WM_PID")
		if err != nil {
			continue // gone meanwhile
		}
		_, number, _ := strings.Cut(out, "=")
		pid, _ := strconv.Atoi(strings.TrimSpace(number))
		list = append(list, Window{id, pid, l})
	}
	return list
}

// Visible reports whether the window is on the screen.
func (w Window) Visible() bool {
	out, err := w.lab.Tool("xwininfo", "-id", w.ID)
	return err == nil && strings.Contains(out, "Map State: IsViewable")
}

// Active reports whether the window has the keyboard.
func (w Window) Active() bool {
	out, err := w.lab.Tool("xprop", "-root", "_NET_ACTIVE_WINDOW")
	return err == nil && strings.Contains(out, strings.ToLower(w.ID))
}

// Press types a key or a combination, as in "ctrl+2", to the window.
func (w Window) Press(keys string) error {
	if _, err := w.lab.Tool("xdotool", "windowactivate", w.ID); err != nil {
		return err
	}
	if !w.lab.Wait(10*time.Second, w.Active) {
		return fmt.Errorf("press %s: the window did not get the keyboard", keys)
	}
	_, err := w.lab.Tool("xdotool", "key", "--clearmodifiers", keys)
	return err
}

// Place moves the window and gives it a size, its frame apart.
func (w Window) Place(x, y, width, height int) error {
	_, err := w.lab.Tool("xdotool", "windowmove", w.ID, strconv.Itoa(x), strconv.Itoa(y), "windowsize", w.ID, strconv.Itoa(width), strconv.Itoa(height))
	return err
}

// Picture takes a screenshot of the window.
func (w Window) Picture() (image.Image, error) {
	out, err := w.lab.Tool("import", "-window", w.ID, "png:-")
	if err != nil {
		return nil, err
	}
	return png.Decode(strings.NewReader(out))
}
