//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"tokenmeter/internal/corpus"
	"tokenmeter/internal/store"
	"tokenmeter/internal/usage"
)

// largeRows starts the meter for the first time in a home of 6 GiB, in which people are at
// work today, and looks at what it takes.
func (b *bench) largeRows(ctx context.Context) ([]row, error) {
	const today, memory, both = "first start, today's figures", "memory of the meter after that import", "the same with the window open, both"
	if !b.large {
		return []row{left(today, "--large=false"), left(memory, "--large=false"), left(both, "--large=false")}, nil
	}
	h, err := b.home(ctx, "large", largeTimes)
	if err != nil {
		return nil, err
	}
	zone, midnight := zoneAtNoon(time.Now())
	added, err := b.addToday(ctx, h, midnight)
	if err != nil {
		return nil, err
	}
	data, err := b.fresh("large-data")
	if err != nil {
		return nil, err
	}
	start := b.tokenmeter(ctx, h.path, data, "--hidden")
	start.Env = append(start.Env, "TZ="+zone)
	begun := time.Now()
	meter, err := starts(start)
	if err != nil {
		return nil, err
	}
	defer meter.stop()

	rows, err := b.firstFigures(ctx, meter, data, midnight, added, today, begun)
	if err != nil {
		return rows, err
	}
	all := h.truth.Plus(added)
	if err := awaitRequests(ctx, meter, data, 0, all.Total.Requests, 10*time.Minute); err != nil {
		return rows, err
	}
	whole := figure("first start, all figures", "s", time.Since(begun).Seconds())
	whole.Note = fmt.Sprintf("%.2f GB in %d files", float64(all.Bytes)/1e9, all.Files)
	rows = append(rows, whole)
	if err := meter.settles(ctx, 2*time.Minute); err != nil {
		return rows, err
	}
	bytes, err := resident(meter.Process.Pid)
	if err != nil {
		return rows, err
	}
	rows = append(rows, limited(memory, "MB", float64(bytes)/1e6, 40))
	if err := meter.stop(); err != nil {
		return rows, err
	}
	return append(rows, b.windowMemory(ctx, both, h.path, data, zone)), nil
}

// addToday adds logs of some hours that end now: a ninetieth of the home, as on other days.
func (b *bench) addToday(ctx context.Context, h *home, midnight time.Time) (corpus.Truth, error) {
	if err := h.removeAfter(corpusEnd.Add(time.Hour)); err != nil {
		return corpus.Truth{}, fmt.Errorf("remove the logs of an earlier run: %w", err)
	}
	now := time.Now()
	if midnight.Before(corpusEnd) {
		return corpus.Truth{}, errors.New("the clock is behind the end of the corpus, so there is no today in it")
	}
	days := 90.0
	plan := planOf(2, max(16, int(float64(h.truth.Files)/days)), int64(float64(h.truth.Bytes)*0.8/days), int64(float64(h.truth.Bytes)*0.2/days))
	plan.Until, plan.Span = now, now.Sub(midnight)*9/10
	return corpus.Write(ctx, h.path, plan)
}

// firstFigures waits until all requests of today are stored. It looks into the database, as
// a status that asked again and again would keep the meter from its work.
func (b *bench) firstFigures(ctx context.Context, meter *running, data string, midnight time.Time, added corpus.Truth, name string, begun time.Time) ([]row, error) {
	if err := awaitRequests(ctx, meter, data, usage.MillisOf(midnight), added.Total.Requests, 5*time.Minute); err != nil {
		return nil, err
	}
	r := timed(name, "s", time.Since(begun).Seconds(), 1)
	r.Note = fmt.Sprintf("%d requests in %d files of today, from the start of the process until the store has them", added.Total.Requests, added.Files)
	return []row{r}, nil
}

// awaitRequests waits until so many requests since a time are stored; more is an error.
func awaitRequests(ctx context.Context, meter *running, data string, since usage.Millis, want int64, within time.Duration) error {
	path := filepath.Join(data, "tokenmeter.db")
	var s *store.Store
	defer func() {
		if s != nil {
			s.Close()
		}
	}()
	var got int64
	for begun := time.Now(); ; {
		if s == nil {
			opened, err := store.Open(ctx, path, store.Options{ReadOnly: true, Zone: time.UTC})
			switch {
			case err == nil:
				s = opened
			case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, store.ErrOlder) && !errors.Is(err, store.ErrDamaged):
				return err
			}
		} else {
			rows, err := s.History(ctx, store.Query{Since: since, Zone: time.UTC})
			if err != nil {
				return err
			}
			got = 0
			for _, r := range rows {
				got += r.Requests
			}
			if got == want {
				return nil
			}
			if got > want {
				return fmt.Errorf("%d requests are stored, the logs hold %d", got, want)
			}
		}
		if time.Since(begun) > within {
			return fmt.Errorf("%d of %d requests are stored after %v", got, want, within)
		}
		if err := meter.pause(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
}

// zoneAtNoon names a time zone in which it is about noon, so that today is long enough, and
// the last midnight there.
func zoneAtNoon(now time.Time) (string, time.Time) {
	hours := now.UTC().Hour() - 12
	name := fmt.Sprintf("Etc/GMT%+d", hours)
	if _, err := os.Stat("/usr/share/zoneinfo/" + name); err != nil {
		name = fmt.Sprintf("<x>%+d", hours)
	}
	zone := time.FixedZone(name, -hours*3600)
	local := now.In(zone)
	return name, time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, zone)
}
