//go:build linux

package main

import (
	"context"
	"fmt"
	"time"
)

// idleRows watches the meter while nothing happens: with its tray item and a window that was
// open once, or without a desktop where there can be none.
func (b *bench) idleRows(ctx context.Context) ([]row, error) {
	h, err := b.usual(ctx)
	if err != nil {
		return nil, err
	}
	data, err := b.imported(ctx, h)
	if err != nil {
		return nil, err
	}
	d, missing, err := b.desktop()
	if err != nil {
		return nil, err
	}
	var process *running
	how := ""
	if missing == "" {
		m, err := b.meter(d, h.path, data, "UTC")
		if err != nil {
			return nil, err
		}
		defer m.stop()
		process, how = m.running(), "with its tray item, after the window was open"
		if err := process.settles(ctx, 2*time.Minute); err != nil {
			return nil, err
		}
		w, _, err := m.click(ctx, 30*time.Second)
		if err != nil {
			return nil, err
		}
		if err := m.hide(w); err != nil {
			return nil, err
		}
		b.say("idle: waiting for the end of the hidden window's process")
		if err := gone(w.PID, 90*time.Second); err != nil {
			return nil, err
		}
	} else {
		started, err := starts(b.tokenmeter(ctx, h.path, data, "--hidden"))
		if err != nil {
			return nil, err
		}
		defer started.stop()
		process, how = started, "without a desktop, as "+missing
	}
	if err := process.settles(ctx, 2*time.Minute); err != nil {
		return nil, err
	}
	if err := process.pause(ctx, 10*time.Second); err != nil {
		return nil, err
	}
	before, err := look(process.Process.Pid)
	if err != nil {
		return nil, err
	}
	b.say("idle: watching for %v", b.idle)
	if err := process.pause(ctx, b.idle); err != nil {
		return nil, err
	}
	after, err := look(process.Process.Pid)
	if err != nil {
		return nil, err
	}
	minutes := b.idle.Minutes()
	rows := []row{
		limited("idle, share of a core", "%", 100*(after.run-before.run).Seconds()/b.idle.Seconds(), 0.02),
		limited("idle, wake-ups a minute", "", float64(after.wakes-before.wakes)/minutes, 3),
		limited("idle, bytes written", "B", float64(after.written-before.written), 0),
	}
	rows[0].Note = fmt.Sprintf("%v, %s; %.1f ms of CPU", b.idle, how, milliseconds(after.run-before.run))
	return rows, nil
}

// usedUp is what a process has done since it began.
type usedUp struct {
	run            time.Duration
	wakes, written int64 // context switches; bytes handed to write calls and bytes sent to a disk
}

func look(pid int) (u usedUp, err error) {
	if u.run, err = exactTime(pid); err != nil {
		return u, err
	}
	if u.wakes, err = wakeUps(pid); err != nil {
		return u, err
	}
	handed, disk, err := written(pid)
	u.written = handed + disk
	return u, err
}
