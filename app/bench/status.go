//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// statusRows asks for the glance when nothing is new, without and with a running meter.
func (b *bench) statusRows(ctx context.Context) ([]row, error) {
	h, err := b.usual(ctx)
	if err != nil {
		return nil, err
	}
	data, err := b.imported(ctx, h)
	if err != nil {
		return nil, err
	}
	noPeer := ""
	if b.peer == nil {
		if noPeer, err = b.askPeer(ctx, h); err != nil {
			return nil, err
		}
	}

	alone, err := b.askStatus(ctx, h, data)
	if err != nil {
		return nil, err
	}
	rows := []row{b.statusRow("status, no meter", alone, noPeer), timed("status, no meter, in time", "ms", alone, 25)}
	rows = append(rows, b.openedRow(ctx, h, data))

	meter, err := starts(b.tokenmeter(ctx, h.path, data, "--hidden"))
	if err != nil {
		return rows, err
	}
	defer meter.stop()
	if err := meter.settles(ctx, time.Minute); err != nil {
		return rows, err
	}
	beside, err := b.askStatus(ctx, h, data)
	if err != nil {
		return rows, err
	}
	rows = append(rows, b.statusRow("status, meter runs", beside, noPeer), timed("status, meter runs, in time", "ms", beside, 25))
	return rows, meter.stop()
}

// imported is a data folder that holds the usual corpus.
func (b *bench) imported(ctx context.Context, h *home) (string, error) {
	data := b.path("import")
	if a, err := b.history(ctx, h, data); err == nil && a.Totals == countsOf(h.truth.Total) {
		return data, nil
	}
	data, err := b.fresh("import")
	if err != nil {
		return "", err
	}
	_, err = runs(b.tokenmeter(ctx, h.path, data, "scan"))
	return data, err
}

// askPeer runs ccusage, if it can be had, and says why not.
func (b *bench) askPeer(ctx context.Context, h *home) (why string, err error) {
	program, missing := b.ccusage(ctx)
	if missing != nil {
		return missing.Error(), nil
	}
	if err := h.warm(ctx); err != nil {
		return "", err
	}
	var all series
	sums := ""
	for range 3 {
		s, told, err := peerRun(ctx, program, h)
		if err := all.add(s, err); err != nil {
			return "", err
		}
		sums = told
	}
	b.peer = &peerTimes{wall: median(all.wall), cpu: median(all.cpu), sums: sums}
	return "", nil
}

// askStatus is the median of 40 runs, in milliseconds.
func (b *bench) askStatus(ctx context.Context, h *home, data string) (float64, error) {
	var times []float64
	for range 41 {
		s, err := runs(b.tokenmeter(ctx, h.path, data, "status", "--json"))
		if err != nil {
			return 0, err
		}
		times = append(times, milliseconds(s.Wall))
	}
	return median(times[1:]), nil
}

func (b *bench) statusRow(name string, ms float64, noPeer string) row {
	if b.peer == nil {
		r := figure(name, "ms", ms)
		r.Verdict, r.Note = skipped, "no ratio to ccusage: "+noPeer
		return r
	}
	other := b.peer.wall * 1000
	r := compared(name, "ms", ms, other, "ccusage", 0.01)
	r.Peer = &other
	return r
}

// openedRow counts the logs that status opens although nothing is new.
func (b *bench) openedRow(ctx context.Context, h *home, data string) row {
	const name = "status, logs that it opens"
	strace, err := exec.LookPath("strace")
	if err != nil {
		return left(name, "strace is not here")
	}
	trace := b.path("trace")
	status := b.tokenmeter(ctx, h.path, data, "status")
	traced := command(ctx, h.path, append([]string{strace, "-f", "-qq", "-e", "trace=open,openat,openat2", "-e", "signal=none", "-o", trace}, status.Args...)...)
	if _, err := runs(traced); err != nil {
		return broken(name, err)
	}
	text, err := os.ReadFile(trace)
	if err != nil {
		return broken(name, err)
	}
	if !strings.Contains(string(text), "tokenmeter.db") {
		return broken(name, fmt.Errorf("the trace of status does not even show its database"))
	}
	return limited(name, "", float64(strings.Count(string(text), ".jsonl\"")), 0)
}
