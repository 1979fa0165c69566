package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"tokenmeter/internal/store"
)

// catchUp waits until what was written is stored.
func (m *machine) catchUp() {
	m.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	m.must(m.ingest.CatchUp(ctx))
}

func TestWhatWasJustWrittenIsStoredAfterCatchUp(t *testing.T) {
	for _, c := range []struct {
		name    string
		without bool // a folder for signs
	}{{"with signs", false}, {"without, by looking at everything", true}} {
		t.Run(c.name, func(t *testing.T) {
			m := newMachine(t)
			m.append(shop+"a.jsonl", line(1))
			if c.without {
				m.ingest.SetSigns("")
			}
			m.run()
			m.catchUp()
			m.wantRequests("the start", 1)
			n := 1
			write := func(name string) {
				n++
				m.append(name, line(n))
			}
			for i := range 100 {
				write(shop + "a.jsonl")
				m.catchUp()
				m.wantRequests("appended", int64(n))
				switch i % 20 {
				case 2:
					write(fmt.Sprintf("%sfile-%d.jsonl", shop, i))
				case 5:
					write(fmt.Sprintf(".claude/projects/project-%d/a.jsonl", i))
					write(fmt.Sprintf(".claude/projects/project-%d/a.jsonl", i))
				case 8:
					write(fmt.Sprintf("%ss-%d/subagents/workflows/w/agent-1.jsonl", shop, i))
				case 11:
					write(".openclaude/projects/p/d.jsonl")
				case 14:
					write(".config/claude/projects/p/e.jsonl")
				case 17:
					m.must(os.Rename(m.path(shop+"a.jsonl"), m.path(shop+"old.jsonl")))
					write(shop + "old.jsonl")
				default:
					continue
				}
				m.catchUp()
				m.wantRequests(fmt.Sprint("step ", i), int64(n))
			}
		})
	}
}

func TestCatchUpEndsWhileOthersWrite(t *testing.T) {
	// A file that changes without end is waited for once, not for ever.
	m := newMachine(t)
	m.append(shop+"a.jsonl", line(1))
	m.run()
	ended := make(chan struct{})
	stop := make(chan struct{})
	go func() {
		defer close(ended)
		pace := time.NewTicker(time.Millisecond)
		defer pace.Stop()
		for n := 1000; ; n++ {
			select {
			case <-stop:
				return
			case <-pace.C:
				m.append(shop+"busy.jsonl", line(n, "/w/busy"))
			}
		}
	}()
	for n := 2; n <= 100; n++ {
		m.append(shop+"a.jsonl", line(n))
		m.catchUp()
		if got := m.requestsOf("/w/shop"); got != int64(n) {
			t.Fatalf("%d requests stored, want %d", got, n)
		}
	}
	close(stop)
	<-ended
}

// requestsOf counts the stored requests of a project.
func (m *machine) requestsOf(project string) (n int64) {
	m.Helper()
	rows, err := m.store.History(context.Background(), store.Query{By: []store.Dimension{store.Project}})
	m.must(err)
	for _, row := range rows {
		if row.Project == project {
			n += row.Counts.Requests
		}
	}
	return n
}

func TestCatchUpDoesNotWaitForAnImport(t *testing.T) {
	m := newMachine(t)
	for f := range 60 {
		name := fmt.Sprintf("%sold-%d.jsonl", shop, f)
		m.append(name, lines(1000+f*1000, 1999+f*1000))
		m.age(name, time.Duration(f+1)*time.Hour)
	}
	m.append(shop+"live.jsonl", line(1, "/w/live"))
	m.run()
	m.await("a beginning", func() bool { return m.requestsOf("/w/live") == 1 })
	m.append(shop+"live.jsonl", line(2, "/w/live"))
	m.catchUp()
	running := m.ingest.Progress().Running
	if got := m.requestsOf("/w/live"); got != 2 {
		t.Errorf("%d requests stored, want 2", got)
	}
	if !running {
		t.Error("the import was waited for")
	}
	m.awaitRequests(2 + 60*1000)
}

func TestCatchUpWaitsForNothingThatCannotCome(t *testing.T) {
	t.Run("no run", func(t *testing.T) {
		m := newMachine(t)
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		if err := m.ingest.CatchUp(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("a file that is gone again", func(t *testing.T) {
		m := newMachine(t)
		m.append(shop+"a.jsonl", line(1))
		m.run()
		for range 20 {
			m.append(shop+"b.jsonl", line(2))
			m.must(os.Remove(m.path(shop + "b.jsonl")))
			m.catchUp()
		}
	})
	t.Run("the folder of signs is removed", func(t *testing.T) {
		m := newMachine(t)
		m.append(shop+"a.jsonl", line(1))
		m.run()
		m.catchUp()
		m.must(os.RemoveAll(m.signs()))
		m.append(shop+"a.jsonl", line(2))
		m.catchUp()
		m.wantRequests("without signs", 2)
	})
	t.Run("a network folder", func(t *testing.T) {
		m := newMachine(t)
		m.ingest.SetEventless(func(path string) string {
			if strings.HasPrefix(path, m.path(".claude")) {
				return "NFS"
			}
			return ""
		})
		m.append(shop+"a.jsonl", line(1))
		m.run()
		for n := int64(2); n < 20; n++ {
			m.append(shop+"a.jsonl", line(int(n)))
			m.catchUp()
			m.wantRequests("polled", n)
		}
	})
}

func TestSignsLeaveNothingBehind(t *testing.T) {
	m := newMachine(t)
	m.append(shop+"a.jsonl", line(1))
	m.must(os.MkdirAll(m.signs(), 0o700))
	m.must(os.WriteFile(m.signs()+"/1", nil, 0o600)) // of a process that was killed
	stop := m.run()
	m.catchUp()
	m.catchUp()
	stop()
	if _, err := os.Stat(m.signs()); !os.IsNotExist(err) {
		t.Errorf("the folder of signs is still there: %v", err)
	}
}
