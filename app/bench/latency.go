//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"tokenmeter/app/lab"
	"tokenmeter/internal/agent"
	"tokenmeter/internal/usage"
	"tokenmeter/internal/view"
)

const (
	appends = 220
	// unseen is what a change counts for that did not come.
	unseen = 5 * time.Second
)

// worker is an agent that writes a log.
type worker struct {
	home  string
	talk  agent.Conversation
	fresh int64 // tokens that it has written
}

// asks appends one request of about so many fresh tokens, as an agent does, in one write.
func (w *worker) asks(tokens int64) error {
	lines, counted := w.talk.Turn(agent.SimulatedTurn{
		Time: usage.MillisOf(time.Now()), Tokens: usage.Tokens{Input: 9, CacheRead: 60_000, CacheWrite5m: tokens, Output: 500},
		Prompt: "Go on.", Answer: "Done: the rounding is \"half even\" now.", Tool: "Edit", Call: "x := round(y)\n", Result: "ok\n",
	})
	path := filepath.Join(w.home, filepath.FromSlash(w.talk.File()))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("append to a log: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("append to a log: %w", err)
	}
	defer file.Close()
	if _, err := file.Write(lines); err != nil {
		return fmt.Errorf("append to a log: %w", err)
	}
	w.fresh += counted.Fresh()
	return nil
}

// latencyRows appends to a log again and again, with the window open at its first page.
// The tray shows an append when the menu that a host gets upon the meter's signal has the
// new sum of today; the window, when the X server tells of a drawing after which the
// window's pixels are others than before the append.
func (b *bench) latencyRows(ctx context.Context) ([]row, error) {
	names := []string{"append → tray, p50", "append → tray, p99", "append → window, p50", "append → window, p99"}
	d, missing, err := b.desktop()
	if err != nil {
		return nil, err
	}
	if missing != "" {
		var rows []row
		for _, name := range names {
			rows = append(rows, left(name, missing))
		}
		return rows, nil
	}
	home, data, work, err := b.worker("latency-home")
	if err != nil {
		return nil, err
	}
	zone, _ := zoneAtNoon(time.Now())
	m, err := b.meter(d, home, data, zone)
	if err != nil {
		return nil, err
	}
	defer m.stop()
	process := m.running()
	if err := process.settles(ctx, time.Minute); err != nil {
		return nil, err
	}
	w, _, err := m.click(ctx, 30*time.Second)
	if err != nil {
		return nil, err
	}
	if err := process.pause(ctx, 3*time.Second); err != nil {
		return nil, err
	}
	alone, err := d.redraws(w, 10*time.Second)
	if err != nil {
		return nil, err
	}

	var tray, window []float64
	late := 0
	for i := range appends {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := d.quiet(w); err != nil {
			return nil, err
		}
		a, c, err := m.append(work, w)
		if err != nil {
			return nil, err
		}
		if a == unseen || c == unseen {
			late++
		}
		if i >= appends/11 { // the first ones warm up
			tray, window = append(tray, milliseconds(a)), append(window, milliseconds(c))
		}
		if late > 10 {
			return nil, fmt.Errorf("%d of %d appends were not shown within %v", late, i+1, unseen)
		}
	}
	rows := []row{
		timed(names[0], "ms", median(tray), 60), timed(names[1], "ms", percentile(tray, 0.99), 200),
		timed(names[2], "ms", median(window), 60), timed(names[3], "ms", percentile(window, 0.99), 200),
	}
	note := fmt.Sprintf("%d appends", len(tray))
	rows[0].Note = note + ", until the menu that a host gets upon the meter's signal has the new sum"
	rows[2].Note = note + fmt.Sprintf(", until the X server tells of the drawing that changed the window's pixels; without appends there were %d drawings in 10 s", alone)
	return rows, m.stop()
}

// append appends once and gives how long the tray and the window took to show it.
func (m *trayMeter) append(work *worker, w lab.Window) (tray, window time.Duration, err error) {
	screen := m.desk.screen
	before, err := screen.Pixels(w.Number())
	if err != nil {
		return 0, 0, err
	}
	screen.Forget()
	const step = 12_000 // moves the second decimal of the millions that the menu shows
	want := view.Tokens(work.fresh + step + 509)
	begun := time.Now()
	if err := work.asks(step); err != nil {
		return 0, 0, err
	}
	heard := make(chan time.Duration, 1)
	go func() {
		if m.desk.lab.Wait(unseen, func() bool { return m.menuHas("Today", want) }) {
			heard <- time.Since(begun)
		} else {
			heard <- unseen
		}
	}()
	window = unseen
	for window == unseen {
		e, came, err := screen.Next(begun.Add(unseen), time.Now)
		if err != nil {
			return 0, 0, err
		}
		if !came {
			break
		}
		if e.Window != w.Number() {
			continue
		}
		after, err := screen.Pixels(w.Number())
		if err != nil {
			return 0, 0, err
		}
		if !bytes.Equal(before.Pix, after.Pix) {
			window = e.At.Sub(begun)
		}
	}
	return <-heard, window, nil
}

// quiet waits until the window has not been drawn for a while.
func (d *desk) quiet(w lab.Window) error {
	for begun := time.Now(); time.Since(begun) < 3*time.Second; {
		_, came, err := d.screen.Next(time.Now().Add(200*time.Millisecond), time.Now)
		if err != nil || !came {
			return err
		}
	}
	return nil
}

// redraws counts the drawings of the window in a time in which nothing is appended.
func (d *desk) redraws(w lab.Window, within time.Duration) (int, error) {
	d.screen.Forget()
	n := 0
	for deadline := time.Now().Add(within); ; {
		e, came, err := d.screen.Next(deadline, time.Now)
		if err != nil || !came {
			return n, err
		}
		if e.Window == w.Number() {
			n++
		}
	}
}
