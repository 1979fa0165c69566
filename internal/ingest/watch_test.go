package ingest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tokenmeter/internal/health"
)

func TestLinesShowUpByThemselves(t *testing.T) {
	m := newMachine(t)
	m.append(shop+"a.jsonl", lines(1, 3))
	m.run()
	m.awaitRequests(3)
	steps := []struct {
		name string
		do   func()
		want int64
	}{
		{"appended", func() { m.append(shop+"a.jsonl", line(4)) }, 4},
		{"a new file in a known folder", func() { m.append(shop+"b.jsonl", line(5)) }, 5},
		{"a new project with a file in it", func() { m.append(".claude/projects/-w-other/c.jsonl", line(6)) }, 6},
		{"appended there", func() { m.append(".claude/projects/-w-other/c.jsonl", line(7)) }, 7},
		{"new folders, deep", func() { m.append(shop+"s/subagents/workflows/w/agent-1.jsonl", line(8)) }, 8},
		{"appended down there", func() { m.append(shop+"s/subagents/workflows/w/agent-1.jsonl", line(9)) }, 9},
		{"a root that was not there", func() { m.append(".openclaude/projects/p/d.jsonl", line(10)) }, 10},
		{"appended in it", func() { m.append(".openclaude/projects/p/d.jsonl", line(11)) }, 11},
		{"a root whose ancestors were not there", func() { m.append(".config/claude/projects/p/e.jsonl", line(12)) }, 12},
		{"appended in it", func() { m.append(".config/claude/projects/p/e.jsonl", line(13)) }, 13},
		{"written beside and renamed over", func() { m.replace(shop+"b.jsonl", line(5)+line(14)) }, 14},
		{"cut and written again", func() { m.must(os.WriteFile(m.path(shop+"b.jsonl"), []byte(line(15)), 0o644)) }, 15},
		{"renamed, then appended", func() {
			m.must(os.Rename(m.path(shop+"a.jsonl"), m.path(shop+"f.jsonl")))
			m.append(shop+"f.jsonl", line(16))
		}, 16},
		{"a folder renamed, then appended in it", func() {
			m.must(os.Rename(m.path(shop), m.path(".claude/projects/-w-store")))
			m.append(".claude/projects/-w-store/f.jsonl", line(17))
		}, 17},
		{"appended again there", func() { m.append(".claude/projects/-w-store/f.jsonl", line(18)) }, 18},
		{"appended deep in the renamed folder", func() {
			m.append(".claude/projects/-w-store/s/subagents/workflows/w/agent-1.jsonl", line(19))
		}, 19},
		{"a new folder deep in the renamed folder", func() {
			m.append(".claude/projects/-w-store/s/subagents/workflows/x/agent-2.jsonl", line(20))
		}, 20},
		{"the old name used again", func() { m.append(shop+"g.jsonl", line(21)) }, 21},
		{"and appended to", func() { m.append(shop+"g.jsonl", line(22)) }, 22},
		{"a folder removed and made again at once", func() {
			m.must(os.RemoveAll(m.path(shop)))
			m.append(shop+"h.jsonl", line(23))
		}, 23},
		{"and appended to", func() { m.append(shop+"h.jsonl", line(24)) }, 24},
		{"the whole root removed and made again", func() {
			m.must(os.RemoveAll(m.path(".claude")))
			m.append(shop+"i.jsonl", line(25))
		}, 25},
		{"and appended to", func() { m.append(shop+"i.jsonl", line(26)) }, 26},
		{"the root renamed away and another put in its place", func() {
			m.must(os.Rename(m.path(".claude/projects"), m.path(".claude/projects.old")))
			m.append(shop+"j.jsonl", line(27))
		}, 27},
		{"and appended to", func() { m.append(shop+"j.jsonl", line(28)) }, 28},
		{"a folder moved in from outside", func() {
			m.append("outside/p/k.jsonl", line(29))
			m.must(os.Rename(m.path("outside/p"), m.path(".claude/projects/-moved-in")))
		}, 29},
		{"and appended to", func() { m.append(".claude/projects/-moved-in/k.jsonl", line(30)) }, 30},
	}
	for _, step := range steps {
		step.do()
		m.await(step.name, func() bool { return m.sums()[claudeID].Requests == step.want })
	}
	if len(m.board.Findings()) > 0 {
		t.Errorf("findings %v", m.findings())
	}
}

func TestAHalfLineIsReadWhenItIsWhole(t *testing.T) {
	m := newMachine(t)
	m.append(shop+"a.jsonl", line(1))
	m.run()
	m.awaitRequests(1)
	whole := line(2)
	m.append(shop+"a.jsonl", whole[:50])
	m.append(shop+"b.jsonl", line(3)) // after which the half line has been seen
	m.awaitRequests(2)
	m.append(shop+"a.jsonl", strings.TrimSuffix(whole[50:], "\n"))
	m.awaitRequests(3) // whole but for the line feed
	m.append(shop+"a.jsonl", "\n"+line(4))
	m.awaitRequests(4)
}

func TestDeletedLogsKeepTheirTotals(t *testing.T) {
	m := newMachine(t)
	m.append(shop+"a.jsonl", lines(1, 3))
	m.append(shop+"b/c.jsonl", lines(4, 5))
	m.run()
	m.awaitRequests(5)
	gone := func(name string) func() bool {
		return func() bool { f := m.fileOf(name); return f != nil && f.Gone }
	}
	m.must(os.Remove(m.path(shop + "a.jsonl")))
	m.await("one file gone", gone(shop+"a.jsonl"))
	m.must(os.RemoveAll(m.path(shop)))
	m.await("all gone", gone(shop+"b/c.jsonl"))
	m.wantRequests("gone", 5)
}

func TestAnArchivedConversationCountsOnce(t *testing.T) {
	m := newMachine(t)
	name, text := conversation(thread, 1, 10)
	m.append(name, text)
	m.run()
	m.await("the conversation", func() bool { return m.sums()[codexID].Requests == 10 })
	want := m.sums()[codexID]
	archived := ".codex/archived_sessions/" + filepath.Base(name)
	m.must(os.MkdirAll(filepath.Dir(m.path(archived)), 0o755))
	m.must(os.Rename(m.path(name), m.path(archived)))
	m.await("the archive", func() bool { f := m.fileOf(archived); return f != nil && f.Offset > 0 })
	if got := m.sums()[codexID]; got != want {
		t.Errorf("archived: %+v, want %+v", got, want)
	}
}

func TestTargetsOfLinksAreWatched(t *testing.T) {
	m := newMachine(t)
	m.append("elsewhere/a.jsonl", line(1))
	m.append("elsewhere/folder/b.jsonl", line(2))
	m.append(shop+"c.jsonl", line(3))
	for to, from := range map[string]string{"elsewhere/a.jsonl": shop + "a.jsonl", "elsewhere/folder": shop + "folder"} {
		if err := os.Symlink(m.path(to), m.path(from)); err != nil {
			t.Skip("links cannot be made here:", err)
		}
	}
	m.run()
	m.awaitRequests(3)
	m.append("elsewhere/a.jsonl", line(4))
	m.awaitRequests(4)
	m.append("elsewhere/folder/b.jsonl", line(5))
	m.awaitRequests(5)
	m.append("later/d.jsonl", line(6))
	m.must(os.Symlink(m.path("later/d.jsonl"), m.path(shop+"d.jsonl")))
	m.awaitRequests(6)
	m.append("later/d.jsonl", line(7))
	m.awaitRequests(7)
}

func TestAStormOfEventsLosesNothing(t *testing.T) {
	m := newMachine(t)
	m.append(shop+"a.jsonl", line(1))
	m.run()
	m.awaitRequests(1)
	const files, each = 20, 200
	for n := range each {
		for f := range files {
			m.append(fmt.Sprintf("%s%c/x.jsonl", shop, 'a'+f), line(2+n*files+f))
		}
	}
	m.awaitRequests(1 + files*each)
}

func TestReadingStartsWithWhatIsWrittenNow(t *testing.T) {
	// While years come in, a line that is appended does not wait for their end.
	m := newMachine(t)
	for f := range 60 {
		name := fmt.Sprintf("%sold-%d.jsonl", shop, f)
		m.append(name, lines(1000+f*1000, 1999+f*1000))
		m.age(name, time.Duration(f+1)*time.Hour)
	}
	m.append(shop+"live.jsonl", line(1))
	m.run()
	m.await("a beginning", func() bool { return m.sums()[claudeID].Requests > 0 })
	m.append(shop+"live.jsonl", line(2))
	m.awaitRequests(2 + 60*1000)
	if p := m.ingest.Progress(); p.FilesDone != p.Files || p.Files != 61 || !p.FirstStart {
		t.Errorf("progress %+v", p)
	}
}

func TestRunGoesOnWhenTheStoreFails(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for another try")
	}
	m := newMachine(t)
	m.append(shop+"a.jsonl", line(1))
	stop := m.run()
	m.awaitRequests(1)
	blocked := m.lockDatabase()
	m.append(shop+"a.jsonl", line(2))
	m.await("a finding", func() bool {
		for _, f := range m.board.Findings() {
			if f.Code == health.DatabaseLocked {
				return true
			}
		}
		return false
	})
	blocked()
	m.awaitRequests(2)
	stop()
	m.wantFinding(health.DatabaseLocked, m.store.Path(), false)
}

func TestANetworkFolderIsPolledToo(t *testing.T) {
	m := newMachine(t)
	m.ingest.SetEventless(func(path string) string {
		if strings.HasPrefix(path, m.path(".claude")) {
			return "NFS"
		}
		return ""
	})
	m.append(shop+"a.jsonl", line(1))
	stop := m.run()
	m.awaitRequests(1)
	m.append(shop+"a.jsonl", line(2))
	m.awaitRequests(2)
	stop()
	m.wantFinding(health.WatchImpossible, m.path(".claude/projects"), true)
}
