package ingest_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/agent/agenttest/reference"
	"tokenmeter/internal/agent/claude"
	"tokenmeter/internal/agent/codex"
	"tokenmeter/internal/health"
	"tokenmeter/internal/ingest"
	"tokenmeter/internal/store"
	"tokenmeter/internal/usage"
)

// machine is a home with agents' logs and a store beside it.
type machine struct {
	testing.TB
	home, data string
	variables  map[string]string
	board      *health.Board
	store      *store.Store
	ingest     *ingest.Ingest
	changes    chan struct{}
	closeStore func() error
}

func newMachine(t testing.TB) *machine {
	t.Helper()
	folder, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{TB: t, home: filepath.Join(folder, "home"), data: filepath.Join(folder, "data"), variables: map[string]string{}}
	if err := os.MkdirAll(m.home, 0o755); err != nil {
		t.Fatal(err)
	}
	m.start()
	return m
}

// start opens the store and makes a new Ingest, as a new process would.
func (m *machine) start() {
	m.Helper()
	s, err := store.Open(context.Background(), filepath.Join(m.data, "tokenmeter.db"), store.Options{})
	if err != nil {
		m.Fatal(err)
	}
	once := sync.OnceValue(s.Close)
	m.Cleanup(func() { once() })
	m.closeStore = once
	m.store, m.board, m.changes = s, health.NewBoard(time.Now), make(chan struct{}, 1)
	m.ingest = ingest.New(ingest.Options{
		Store: s, Sources: []agent.Source{claude.Source{}, codex.Source{}}, Env: m.env(), Clock: time.Now, Health: m.board,
		Signs: m.signs(), Changed: func() { wake(m.changes) },
	})
	m.board.OnChange(func() { wake(m.changes) })
}

func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (m *machine) env() agent.Env {
	return agent.Env{
		OS: runtime.GOOS, Home: m.home,
		Variable: func(name string) string { return m.variables[name] },
		Exists:   func(path string) bool { _, err := os.Stat(path); return err == nil },
	}
}

// restart ends the use of the store and starts anew on the same data.
func (m *machine) restart() {
	m.Helper()
	m.close()
	m.start()
}

// close ends the use of the store.
func (m *machine) close() {
	m.Helper()
	m.must(m.closeStore())
}

func (m *machine) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(m.home, filepath.FromSlash(name))
}

// signs is where signs are made.
func (m *machine) signs() string { return filepath.Join(m.data, "signs") }

// append adds text to a file of the home, making it and its folders if need be.
func (m *machine) append(name string, text ...string) {
	m.Helper()
	path := m.path(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		m.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		m.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteString(strings.Join(text, "")); err != nil {
		m.Fatal(err)
	}
}

// replace puts text into a file by writing another one and renaming it.
func (m *machine) replace(name, text string) {
	m.Helper()
	path := m.path(name)
	if err := os.WriteFile(path+".new", []byte(text), 0o644); err != nil {
		m.Fatal(err)
	}
	m.must(os.Rename(path+".new", path))
}

func (m *machine) must(err error) {
	m.Helper()
	if err != nil {
		m.Fatal(err)
	}
}

// age sets a file's time back, so that it is trusted at the next look.
func (m *machine) age(name string, by time.Duration) {
	m.Helper()
	at := time.Now().Add(-by)
	m.must(os.Chtimes(m.path(name), at, at))
}

func (m *machine) once() {
	m.Helper()
	m.must(m.ingest.Once(context.Background()))
}

// run starts Run and waits until it has read what is there. The returned function ends it.
func (m *machine) run() (stop func()) {
	m.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- m.ingest.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != context.Canceled {
			m.Errorf("Run ended with %v", err)
		}
	}
	m.Cleanup(stop)
	return stop
}

// patience is how long a test waits for what must come; nothing takes nearly as long.
const patience = 30 * time.Second

// await waits until a condition holds, asked whenever something changed.
func (m *machine) await(what string, holds func() bool) {
	m.Helper()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for !holds() {
		select {
		case <-m.changes:
		case <-limit.C:
			m.Fatalf("%s: did not come; stored %v, findings %+v", what, m.sums(), m.board.Findings())
		}
	}
}

// awaitRequests waits until so many requests of Claude are stored.
func (m *machine) awaitRequests(n int64) {
	m.Helper()
	m.await(fmt.Sprintf("%d requests", n), func() bool { return m.sums()[claudeID].Requests == n })
}

// sums are the totals stored, agent by agent.
func (m *machine) sums() map[usage.AgentID]usage.Counts {
	m.Helper()
	rows, err := m.store.History(context.Background(), store.Query{By: []store.Dimension{store.Agent}})
	if err != nil {
		m.Fatal(err)
	}
	sums := map[usage.AgentID]usage.Counts{}
	for _, row := range rows {
		counts := row.Counts
		counts.UnpricedTokens = 0
		sums[row.Agent] = counts
	}
	return sums
}

// wantRequests checks how many requests of Claude are stored.
func (m *machine) wantRequests(when string, n int64) {
	m.Helper()
	if got := m.sums()[claudeID].Requests; got != n {
		m.Fatalf("%s: %d requests stored, want %d", when, got, n)
	}
}

// reference is what the slow and simple readers make of the home.
func (m *machine) reference() map[usage.AgentID]usage.Counts {
	m.Helper()
	sums := map[usage.AgentID]usage.Counts{}
	for _, read := range []func(map[string]string, string) ([]reference.Request, error){reference.Claude, reference.Codex} {
		requests, err := read(m.variables, m.home)
		m.must(err)
		for _, r := range requests {
			id := usage.AgentID(r.Agent)
			sums[id] = sums[id].Plus(usage.Counts{Requests: 1, Tokens: usage.Tokens{
				Input: r.Input, CacheRead: r.CacheRead, CacheWrite5m: r.CacheWrite5m, CacheWrite1h: r.CacheWrite1h,
				Output: r.Output, Reasoning: r.Reasoning,
			}})
		}
	}
	return sums
}

// wantReference compares what is stored with the reference.
func (m *machine) wantReference(when string) {
	m.Helper()
	m.wantSums(when, m.reference())
}

// wantSums compares what is stored with sums.
func (m *machine) wantSums(when string, want map[usage.AgentID]usage.Counts) {
	m.Helper()
	got := m.sums()
	for id, counts := range want {
		if got[id] != counts {
			m.Errorf("%s: %s: stored %+v\n want %+v", when, id, got[id], counts)
		}
	}
	if len(got) != len(want) {
		m.Errorf("%s: stored %v, want %v", when, got, want)
	}
}

// findings lists the codes and subjects on the board.
func (m *machine) findings() []string {
	var list []string
	for _, f := range m.board.Findings() {
		list = append(list, string(f.Code)+" "+f.Subject)
	}
	return list
}

func (m *machine) wantFinding(code health.Code, subject string, stands bool) {
	m.Helper()
	if slices.Contains(m.findings(), string(code)+" "+subject) != stands {
		m.Errorf("finding %s %s stands: %v, want %v; all: %v", code, subject, !stands, stands, m.findings())
	}
}

// fileOf gives the stored row of a file.
func (m *machine) fileOf(name string) *store.File {
	m.Helper()
	files, err := m.store.Files(context.Background())
	m.must(err)
	for i := range files {
		if files[i].Path == m.path(name) {
			return &files[i]
		}
	}
	return nil
}

// line is one request as Claude Code writes it: its id is n, its output n tokens.
func line(n int, more ...string) string {
	cwd := "/w/shop"
	if len(more) > 0 {
		cwd = more[0]
	}
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC).Add(time.Duration(n) * time.Second)
	return fmt.Sprintf(`{"type":"assistant","uuid":"u%[1]d","sessionId":"5d0c0000-0000-4000-8000-000000000001","requestId":"req_%[1]d",`+
		`"timestamp":%[2]q,"cwd":%[3]q,"version":"2.1.330","isSidechain":false,"message":{"id":"msg_01%08[1]d","role":"assistant",`+
		`"model":"claude-opus-5-5","content":[{"type":"text","text":"a few words"}],"stop_reason":"end_turn",`+
		`"usage":{"input_tokens":3,"output_tokens":%[1]d,"cache_read_input_tokens":100,"cache_creation_input_tokens":7}}}`+"\n",
		n, at.Format("2006-01-02T15:04:05.000Z"), cwd)
}

// lines are the requests from first to last.
func lines(first, last int) string {
	var b bytes.Buffer
	for n := first; n <= last; n++ {
		b.WriteString(line(n))
	}
	return b.String()
}

var (
	claudeID = claude.Source{}.Info().ID
	codexID  = codex.Source{}.Info().ID
)

const shop = ".claude/projects/-w-shop/"

// lockDatabase holds the database's write lock, as another program might.
func (m *machine) lockDatabase() (release func()) {
	m.Helper()
	db, err := sql.Open("sqlite3", "file:"+m.store.Path()+"?_txlock=immediate")
	m.must(err)
	tx, err := db.Begin()
	m.must(err)
	return func() { m.must(tx.Rollback()); m.must(db.Close()) }
}
