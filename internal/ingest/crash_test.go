package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/agent/claude"
	"tokenmeter/internal/agent/codex"
	"tokenmeter/internal/ingest"
	"tokenmeter/internal/usage"
)

// Where a process is to die is told to it by a word and a count.
const pointVariable = "TOKENMETER_TEST_POINT"

// fuse kills the process, as kill -9 does, when it has been asked so many times.
type fuse struct {
	word string
	left atomic.Int64
}

func newFuse(point string) *fuse {
	f := &fuse{}
	var n int64
	if _, err := fmt.Sscanf(point, "%s %d", &f.word, &n); err == nil {
		f.left.Store(n)
	}
	return f
}

func (f *fuse) burn(word string) {
	if f != nil && f.word == word && f.left.Add(-1) == 0 {
		self, _ := os.FindProcess(os.Getpid())
		self.Kill()
		select {}
	}
}

// fused are the real sources with a fuse in reader and sink.
type (
	fusedClaude struct {
		claude.Source
		*fuse
	}
	fusedCodex struct {
		codex.Source
		*fuse
	}
	fusedReader struct {
		agent.Reader
		*fuse
	}
	fusedSink struct {
		agent.Sink
		*fuse
	}
)

func (s fusedClaude) Reader(root agent.Root, name string) agent.Reader {
	return s.fuse.reader(s.Source.Reader(root, name))
}

func (s fusedCodex) Reader(root agent.Root, name string) agent.Reader {
	return s.fuse.reader(s.Source.Reader(root, name))
}

func (s fusedCodex) Resolve(child usage.Kin, kin []usage.Kin) []usage.Segment {
	s.burn("resolve") // within the transaction, after the writes
	return s.Source.Resolve(child, kin)
}

func (f *fuse) reader(r agent.Reader) agent.Reader {
	if r == nil {
		return nil
	}
	return fusedReader{r, f}
}

func (r fusedReader) Read(ctx context.Context, f *agent.File, from agent.Cursor, out agent.Sink) error {
	r.burn("file")
	return r.Reader.Read(ctx, f, from, fusedSink{out, r.fuse})
}

func (s fusedSink) Event(e *usage.Event) {
	s.burn("event")
	s.Sink.Event(e)
}

func (s fusedSink) Checkpoint(at agent.Cursor) error {
	s.burn("checkpoint")
	return s.Sink.Checkpoint(at)
}

// playCrash takes in what is new with a fuse burning.
func playCrash(m *machine, _ io.Reader) {
	f := newFuse(os.Getenv(pointVariable))
	in := ingest.New(ingest.Options{
		Store: m.store, Sources: []agent.Source{fusedClaude{fuse: f}, fusedCodex{fuse: f}}, Env: m.env(), Clock: time.Now, Health: m.board,
		Changed: func() { f.burn("commit") },
	})
	m.must(in.Once(context.Background()))
}

// bigHome fills a home with logs of both agents: many small ones and two of many batches,
// repeats in other files, forks and their parents.
func (m *machine) bigHome() {
	m.Helper()
	for i := range 30 {
		m.append(fmt.Sprintf("%s%d.jsonl", shop, i), lines(i*40+1, i*40+60)) // a third of them twice
	}
	m.append(shop+"large.jsonl", lines(5000, 14000))
	for i := range 6 {
		m.family(i)
	}
	name, text := conversation("0199aaaa-0000-7000-8000-0000000000ff", 99, 500)
	m.append(name+".zst", compress(m, text))
	m.append(shop+"half.jsonl", line(4000), line(4001)[:100])
}

// family writes a conversation of Codex, a fork of it and a fork of that.
func (m *machine) family(i int) {
	m.Helper()
	id := func(n int) string { return fmt.Sprintf("0199aaaa-0000-7000-8000-0000%04d%04d", i+1, n) }
	about := func(n int) agent.SimulatedConversation {
		return agent.SimulatedConversation{Seed: uint64(10*i + n), ID: id(n), Project: "/w/api", Model: "gpt-5.6-sol",
			Start: usage.MillisOf(time.Date(2026, 11, 1+i, 9, n, 0, 0, time.UTC))}
	}
	c := codex.Source{}.Simulate(about(0))
	minute := 0
	turns := func(count int) {
		for range count {
			minute++
			text, _ := c.Turn(agent.SimulatedTurn{
				Time:   usage.MillisOf(time.Date(2026, 11, 1+i, 10, minute, 0, 0, time.UTC)),
				Tokens: usage.Tokens{Input: int64(minute), CacheRead: 100, Output: int64(7 * minute), Reasoning: 2},
				Prompt: "do", Answer: "done",
			})
			m.append(c.File(), string(text))
		}
	}
	turns(5)
	for n := range 2 {
		forker, ok := c.(agent.Forker)
		if !ok {
			m.Fatal("conversations of this agent cannot be forked")
		}
		c = forker.Fork(about(n + 1))
		turns(4)
	}
}

// crashes runs a child until it dies, and says whether it did.
func (m *machine) crashes(command *exec.Cmd) bool {
	m.Helper()
	out, err := command.Output()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return false
	case errors.As(err, &exit) && exit.ExitCode() == 1:
		m.Fatalf("the child failed: %s %s", out, exit.Stderr)
	}
	return true
}

func TestAKilledImportLosesAndRepeatsNothing(t *testing.T) {
	points := map[string][]int{
		"file":       {1, 2, 20, 50},
		"event":      {1, 700, 5000, 9000},
		"checkpoint": {1, 10, 35, 60},
		"resolve":    {1, 3, 9},
		"commit":     {1, 2, 3, 4},
	}
	home := newMachine(t)
	home.bigHome()
	home.close()
	want := home.reference()
	died := 0
	for word, counts := range points {
		t.Run(word, func(t *testing.T) {
			// All on one store, one after the other, as on a machine with bad luck.
			m := newMachine(t)
			m.home = home.home
			m.close()
			for _, n := range counts {
				command := m.child("crash")
				command.Env = append(command.Env, pointVariable+"="+word+" "+strconv.Itoa(n))
				if m.crashes(command) {
					died++
				}
			}
			m.start()
			m.once()
			m.wantSums("after the crashes", want)
		})
	}
	if died < 10 {
		t.Errorf("only %d children died", died)
	}
}

func TestAnImportKilledInAWriteLosesAndRepeatsNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("slow")
	}
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("strace is not here")
	}
	home := newMachine(t)
	home.bigHome()
	home.close()
	m := newMachine(t)
	m.home = home.home
	m.close()
	died := 0
	for _, n := range []int{1, 3, 9, 40, 100, 200, 400} {
		command := m.child("crash", "strace", "-f", "-qq", "-o", os.DevNull, "-e", "trace=pwrite64", "-e", fmt.Sprintf("inject=pwrite64:signal=KILL:when=%d", n))
		if m.crashes(command) {
			died++
		}
	}
	if died == 0 {
		t.Skip("strace may not be used here")
	}
	m.start()
	m.once()
	m.wantReference("after the crashes")
}
