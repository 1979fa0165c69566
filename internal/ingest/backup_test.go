package ingest_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/agent/claude"
	"tokenmeter/internal/health"
	"tokenmeter/internal/ingest"
	"tokenmeter/internal/store"
)

// on makes an Ingest that takes a moment for the present.
func (m *machine) on(now *atomic.Pointer[time.Time]) *ingest.Ingest {
	return ingest.New(ingest.Options{
		Store: m.store, Sources: []agent.Source{claude.Source{}}, Env: m.env(), Health: m.board,
		Clock: func() time.Time { return *now.Load() }, Changed: func() { wake(m.changes) },
	})
}

func (m *machine) backups() []string { return store.Backups(m.store.Path()) }

func TestEachDayWithSomethingNewIsBackedUp(t *testing.T) {
	m := newMachine(t)
	var now atomic.Pointer[time.Time]
	begin := time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)
	now.Store(&begin)
	m.append(shop+"a.jsonl", line(1))
	m.must(m.on(&now).Once(context.Background()))
	if list := m.backups(); len(list) != 0 {
		t.Errorf("on the first day, when the logs are all there is: %v", list)
	}
	for day := 1; day < 30; day++ {
		at := begin.AddDate(0, 0, day)
		now.Store(&at)
		before := len(m.backups())
		m.must(m.on(&now).Once(context.Background()))
		if after := m.backups(); len(after) != before {
			t.Fatalf("day %d, nothing new: %v", day, after)
		}
		if day%3 == 0 {
			continue // a day off
		}
		for range 2 {
			m.append(shop+"a.jsonl", line(100+day))
			m.must(m.on(&now).Once(context.Background()))
		}
		if list := m.backups(); list[0] != store.BackupPath(m.store.Path(), at) || len(list) != min(before+1, 7) {
			t.Fatalf("day %d: %v", day, list)
		}
	}
	if list := m.backups(); len(list) != 7 || filepath.Base(list[6]) != "tokenmeter-2026-12-21.db" {
		t.Errorf("kept: %v", list)
	}
}

// running has an Ingest run until the test ends, and gives its end.
func (m *machine) running(in *ingest.Ingest) <-chan error {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	done := make(chan struct{})
	go func() { ended <- in.Run(ctx); close(done) }()
	m.Cleanup(func() { cancel(); <-done })
	return ended
}

// eventually waits for what must come.
func (m *machine) eventually(what string, so func() bool) {
	m.Helper()
	limit := time.After(20 * time.Second)
	for tick := time.NewTicker(5 * time.Millisecond); !so(); {
		select {
		case <-tick.C:
		case <-limit:
			m.Fatalf("never: %s", what)
		}
	}
}

func TestTheRunningMeterBacksUpAndFindsDamage(t *testing.T) {
	m := newMachine(t)
	m.append(shop+"a.jsonl", lines(1, 3000))
	m.once()
	m.restart()
	var now atomic.Pointer[time.Time]
	at := time.Date(2026, 12, 2, 9, 0, 0, 0, time.UTC)
	now.Store(&at)
	ended := m.running(m.on(&now))
	m.append(shop+"a.jsonl", line(4000))
	m.eventually("a backup", func() bool { return len(m.backups()) == 1 })

	// The next day's finds what nobody has looked at. All is in the file by then.
	m.must(m.store.Importing(context.Background(), true))
	m.must(m.store.Importing(context.Background(), false))
	file, err := os.OpenFile(m.store.Path(), os.O_RDWR, 0)
	m.must(err)
	defer file.Close()
	info, err := file.Stat()
	m.must(err)
	for at := int64(20 * 4096); at+4096 <= info.Size(); at += 4096 {
		_, err := file.WriteAt(make([]byte, 4096), at)
		m.must(err)
	}
	next := at.AddDate(0, 0, 1)
	now.Store(&next)
	m.append(shop+"a.jsonl", line(4001))
	select {
	case err := <-ended:
		if !errors.Is(err, store.ErrDamaged) {
			t.Fatalf("ended with %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the damage is not noticed")
	}
	if list := m.backups(); len(list) != 1 {
		t.Errorf("backups: %v", list)
	}
	m.close()
	s, err := store.Open(context.Background(), filepath.Join(m.data, "tokenmeter.db"), store.Options{Repair: next})
	m.must(err)
	defer s.Close()
	m.must(ingest.New(ingest.Options{Store: s, Sources: []agent.Source{claude.Source{}}, Env: m.env(), Clock: time.Now, Health: m.board}).Once(context.Background()))
	agents, err := s.Agents(context.Background())
	if err != nil || len(agents) != 1 || agents[0].Events != 3002 {
		t.Errorf("after the repair: %+v, %v", agents, err)
	}
}

func TestABackupThatCannotBeMadeIsSaidWhenItLasts(t *testing.T) {
	m := newMachine(t)
	m.append(shop+"a.jsonl", line(1))
	m.once()
	var now atomic.Pointer[time.Time]
	begin := time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)
	day := func(n int) {
		at := begin.AddDate(0, 0, n)
		now.Store(&at)
		m.append(shop+"a.jsonl", line(100+n))
		m.must(m.on(&now).Once(context.Background()))
	}
	said := func() bool {
		for _, f := range m.board.Findings() {
			if f.Code == health.BackupMissing {
				return true
			}
		}
		return false
	}
	day(0)
	folder := filepath.Dir(m.backups()[0])
	hidden := folder + "-hidden"
	block := func() {
		m.must(os.Rename(folder, hidden))
		m.must(os.WriteFile(folder, nil, 0o600))
	}
	block()
	day(1)
	if !said() {
		t.Error("there is none at all, and that is not said")
	}
	m.must(os.Remove(folder))
	m.must(os.Rename(hidden, folder))
	day(2)
	if said() {
		t.Errorf("it is made again: %+v", m.board.Findings())
	}
}
