//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/agent/claude"
	"tokenmeter/internal/usage"
)

// windowRows clicks the tray item, with the window's program not running, and with the window
// hidden.
func (b *bench) windowRows(ctx context.Context) ([]row, error) {
	const cold, hidden = "window, click to drawn, cold", "window, click to drawn, hidden before"
	d, missing, err := b.desktop()
	if err != nil {
		return nil, err
	}
	if missing != "" {
		return []row{left(cold, missing), left(hidden, missing)}, nil
	}
	home, data, _, err := b.worker("window-home")
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
	var colds, hiddens, used []float64
	for range 5 {
		if err := process.settles(ctx, time.Minute); err != nil {
			return nil, err
		}
		w, took, err := m.click(ctx, 30*time.Second)
		if err != nil {
			return nil, err
		}
		colds = append(colds, milliseconds(took))
		cpu, err := exactTime(w.PID)
		if err != nil {
			return nil, err
		}
		used = append(used, milliseconds(cpu))
		b.say("window: cold %.0f ms", milliseconds(took))
		for range 4 {
			if err := m.hide(w); err != nil {
				return nil, err
			}
			if err := process.pause(ctx, time.Second); err != nil {
				return nil, err
			}
			if w, took, err = m.click(ctx, 30*time.Second); err != nil {
				return nil, err
			}
			hiddens = append(hiddens, milliseconds(took))
			b.say("window: hidden %.0f ms", milliseconds(took))
		}
		// The meter starts a window anew that ends right after it was asked for.
		if err := process.pause(ctx, 2*time.Second); err != nil {
			return nil, err
		}
		if err := ends(w.PID, 10*time.Second); err != nil {
			return nil, err
		}
	}
	rows := []row{timed(cold, "ms", median(colds), 250), timed(hidden, "ms", median(hiddens), 100)}
	rows[0].Note = "until the X server tells of the first drawing after which the window's pixels show a page; software renderer; median of " + fmt.Sprint(len(colds)) +
		fmt.Sprintf("; the window's process has used %.0f ms of CPU by then", median(used))
	rows[1].Note = "the same; median of " + fmt.Sprint(len(hiddens))
	return rows, m.stop()
}

// ends ends the window's process, of which the meter is the parent.
func ends(pid int, within time.Duration) error {
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return fmt.Errorf("end the window: %w", err)
	}
	return gone(pid, within)
}

// gone waits for the end of a process that is not the bench's own child.
func gone(pid int, within time.Duration) error {
	for begun := time.Now(); time.Since(begun) < within; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(fmt.Sprintf("/proc/%d", pid)); errors.Is(err, os.ErrNotExist) {
			return nil
		}
	}
	return fmt.Errorf("process %d did not end within %v", pid, within)
}

// windowMemory is what both programs hold when the window is open.
func (b *bench) windowMemory(ctx context.Context, name, home, data, zone string) row {
	d, missing, err := b.desktop()
	if err != nil {
		return broken(name, err)
	}
	if missing != "" {
		return left(name, missing)
	}
	m, err := b.meter(d, home, data, zone)
	if err != nil {
		return broken(name, err)
	}
	defer m.stop()
	process := m.running()
	if err := process.settles(ctx, 2*time.Minute); err != nil {
		return broken(name, err)
	}
	w, _, err := m.click(ctx, time.Minute)
	if err != nil {
		return broken(name, err)
	}
	if err := process.pause(ctx, 5*time.Second); err != nil {
		return broken(name, err)
	}
	meter, err := resident(m.Process.Pid)
	if err != nil {
		return broken(name, err)
	}
	window, err := resident(w.PID)
	if err != nil {
		return broken(name, err)
	}
	r := limited(name, "MB", float64(meter+window)/1e6, 200)
	r.Note = fmt.Sprintf("meter %.1f MB and window %.1f MB, each with what the two share; software renderer; the meter was started again on the full database", float64(meter)/1e6, float64(window)/1e6)
	return r
}

// worker is a new home in which one agent works, with a data folder beside it.
func (b *bench) worker(name string) (home, data string, w *worker, err error) {
	if home, err = b.fresh(name); err != nil {
		return "", "", nil, err
	}
	if data, err = b.fresh(name + "-data"); err != nil {
		return "", "", nil, err
	}
	now := time.Now()
	w = &worker{home: home, talk: claude.Source{}.Simulate(agent.SimulatedConversation{
		Seed: 1, ID: "0a0b0c0d-0000-4000-8000-000000000001", Project: "/home/mila/src/shop",
		Branch: "main", Model: "claude-opus-4-8", Start: usage.MillisOf(now),
	})}
	return home, data, w, w.asks(1_000_000)
}
