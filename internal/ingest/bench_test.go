package ingest_test

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/agent/claude"
	"tokenmeter/internal/agent/codex"
	"tokenmeter/internal/usage"
)

// workHome fills a home with so many simulated conversations of each agent, spread over
// ninety days, and gives its size in bytes.
func workHome(m *machine, conversations int) (size int64) {
	m.Helper()
	words := strings.Repeat("the quick brown fox jumps over the lazy dog and writes it down; ", 60)
	random := rand.New(rand.NewPCG(1, 2))
	end := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for i := range conversations {
		for n, source := range []agent.Simulator{claude.Source{}, codex.Source{}} {
			start := end.Add(-time.Duration(random.IntN(90*24*60)) * time.Minute)
			c := source.Simulate(agent.SimulatedConversation{
				Seed: uint64(i), ID: fmt.Sprintf("0199aaaa-%04d-7000-8000-%012d", n, i), Project: fmt.Sprintf("/w/project-%d", i%40),
				Branch: "main", Model: fmt.Sprintf("model-%d", i%4), Start: usage.MillisOf(start),
			})
			var text strings.Builder
			for turn := range 5 + random.IntN(60) {
				chunk, _ := c.Turn(agent.SimulatedTurn{
					Time:   usage.MillisOf(start.Add(time.Duration(turn) * time.Minute)),
					Tokens: usage.Tokens{Input: int64(turn), CacheRead: 50000, CacheWrite5m: 900, Output: int64(400 + turn), Reasoning: 20},
					Prompt: words[:random.IntN(500)], Answer: words[:random.IntN(len(words))], Tool: "Bash",
				})
				text.Write(chunk)
			}
			m.append(c.File(), text.String())
			m.must(os.Chtimes(m.path(c.File()), start, start))
		}
	}
	m.must(filepath.WalkDir(m.home, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			info, err := d.Info()
			m.must(err)
			size += info.Size()
		}
		return err
	}))
	return size
}

// BenchmarkImport takes in a whole home for the first time.
func BenchmarkImport(b *testing.B) {
	home := newMachine(b)
	b.SetBytes(workHome(home, 500))
	runtime.GC()
	events := int64(0)
	for b.Loop() {
		b.StopTimer()
		m := newMachine(b)
		m.home = home.home
		m.close()
		m.start()
		b.StartTimer()
		m.must(m.ingest.Once(context.Background()))
		b.StopTimer()
		events = m.ingest.Progress().Events
		m.close()
		b.StartTimer()
	}
	b.ReportMetric(float64(events), "events")
}

// BenchmarkNothingNew looks at a home in which nothing changed, as `status` does.
func BenchmarkNothingNew(b *testing.B) {
	m := newMachine(b)
	workHome(m, 1500)
	m.once()
	for b.Loop() {
		b.StopTimer()
		m.restart()
		b.StartTimer()
		m.must(m.ingest.Once(context.Background()))
	}
}

// BenchmarkLine is the time from an appended line to its commit.
func BenchmarkLine(b *testing.B) {
	m := newMachine(b)
	m.append(shop+"a.jsonl", line(1))
	stop := m.run()
	m.awaitRequests(1)
	n := int64(1)
	for b.Loop() {
		n++
		m.append(shop+"a.jsonl", line(int(n)))
		m.await("the line", func() bool { return m.ingest.Progress().Events >= n })
	}
	b.StopTimer()
	stop()
}

// BenchmarkCatchUp is the time from an appended line to the answer that it is stored.
func BenchmarkCatchUp(b *testing.B) {
	m := newMachine(b)
	m.append(shop+"a.jsonl", line(1))
	stop := m.run()
	m.awaitRequests(1)
	n := 1
	for b.Loop() {
		n++
		m.append(shop+"a.jsonl", line(n))
		m.catchUp()
	}
	b.StopTimer()
	m.wantRequests("caught up", int64(n))
	stop()
}
