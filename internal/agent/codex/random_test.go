package codex

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/agent/agenttest"
	"tokenmeter/internal/agent/agenttest/reference"
)

// TestRandomHomes writes homes full of what rollouts can hold (streams that interleave,
// restart and overflow, repeats, replays, rows without total or last request, estimates,
// records, forks that copy, forks that do not, damage) and wants the sums that the
// reference finds, read whole and in parts, in any order.
func TestRandomHomes(t *testing.T) {
	for seed := range uint64(150) {
		random := rand.New(rand.NewPCG(seed, 11))
		home := randomHome(random)
		c := agenttest.Case{Files: home}
		env := c.Home(t)
		theirs, err := reference.Codex(nil, env.Home)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for name := range home {
			names = append(names, name)
		}
		slices.Sort(names)
		random.Shuffle(len(names), func(a, b int) { names[a], names[b] = names[b], names[a] })
		facts := &agenttest.Facts{}
		for _, name := range names {
			content := home[name]
			var from agent.Cursor
			for _, end := range []int{random.IntN(len(content) + 1), len(content)} {
				facts.Cursor = from
				file := &agent.File{Name: name, Content: bytes.NewReader(content[min(int(from.Offset), end):end])}
				if err := (Source{}).Reader(agent.Root{}, name).Read(context.Background(), file, from, facts); err != nil {
					t.Fatal(err)
				}
				from = facts.Cursor
			}
		}
		ours := agenttest.Fold(Source{}, facts)
		if want, got := sums(theirs), foldedSums(ours); !slices.Equal(want, got) {
			t.Fatalf("home %d in %s:\nwant %s\ngot  %s", seed, env.Home, strings.Join(want, "\n     "), strings.Join(got, "\n     "))
		}
	}
}

func sums(requests []reference.Request) []string {
	totals := make(map[string][7]int64)
	for _, r := range requests {
		day := ""
		if !r.Undated {
			day = r.Time.Format(time.DateOnly)
		}
		name := fmt.Sprint(r.Session, " ", r.Model, " ", day)
		sum := totals[name]
		for i, n := range [...]int64{1, r.Input, r.CacheRead, r.CacheWrite5m, r.CacheWrite1h, r.Output, r.Reasoning} {
			sum[i] += n
		}
		totals[name] = sum
	}
	return listed(totals)
}

func foldedSums(f *agenttest.Folded) []string {
	totals := make(map[string][7]int64)
	for _, s := range f.Sums() {
		name := fmt.Sprint(s.Session, " ", s.Model, " ", s.Day)
		sum := totals[name]
		for i, n := range [...]int64{s.Requests, s.Input, s.CacheRead, s.CacheWrite5m, s.CacheWrite1h, s.Output, s.Reasoning} {
			sum[i] += n
		}
		totals[name] = sum
	}
	return listed(totals)
}

func listed(totals map[string][7]int64) (lines []string) {
	for name, sum := range totals {
		lines = append(lines, fmt.Sprint(name, sum))
	}
	slices.Sort(lines)
	return lines
}

// randomHome gives files by path. Each thread either begins anew or from another's lines.
func randomHome(random *rand.Rand) map[string][]byte {
	type log struct {
		id    string
		lines []string
		total vector
	}
	home := make(map[string][]byte)
	var logs []log
	now := time.Date(2031, 5, 1, 9, 0, 0, 0, time.UTC)
	for n := range 1 + random.IntN(6) {
		now = now.Add(time.Duration(random.IntN(30)) * time.Hour)
		l := log{id: fmt.Sprintf("0199bbbb-0000-7000-8000-%012d", n)}
		w := &writer{random: random, now: now, thread: l.id, model: fmt.Sprint("m", random.IntN(2))}
		extra := ""
		var copied []string
		if len(logs) > 0 && random.IntN(3) > 0 {
			parent := logs[random.IntN(len(logs))]
			extra = fmt.Sprintf(`"forked_from_id":%q,`, parent.id)
			switch random.IntN(4) {
			case 0:
				extra += fmt.Sprintf(`"history_base":{"thread_id":%q},`, parent.id)
				w.total = parent.total
			case 1:
				extra = fmt.Sprintf(`"source":{"subagent":{"thread_spawn":{"parent_thread_id":%q}}},`, parent.id)
			default:
				copied = parent.lines[:1+random.IntN(len(parent.lines))]
			}
		}
		w.line("session_meta", fmt.Sprintf(`{%s"id":%q,"timestamp":%q,"cwd":"/w/api"}`, extra, l.id, now.Format(time.RFC3339Nano)))
		for _, line := range copied {
			if _, rest, ok := strings.Cut(line, `",`); ok && random.IntN(60) > 0 {
				w.lines = append(w.lines, fmt.Sprintf(`{"timestamp":%q,`, now.Format(time.RFC3339Nano))+rest)
			}
		}
		w.conversation()
		if random.IntN(3) == 0 {
			w.ledger = true
			w.conversation()
		}
		l.lines, l.total = w.lines, w.total
		logs = append(logs, l)
		if random.IntN(4) > 0 { // else its log is gone
			folder := []string{".codex/sessions/2031/05/01", ".codex/archived_sessions"}[random.IntN(2)]
			home[filepath.Join(folder, "rollout-2031-05-01T09-00-00-"+l.id+".jsonl")] = []byte(strings.Join(w.lines, "\n") + "\n")
		}
	}
	if len(home) == 0 {
		return randomHome(random)
	}
	return home
}

type writer struct {
	random *rand.Rand
	now    time.Time
	thread string
	model  string
	ledger bool
	lines  []string
	total  vector
	others []vector
	old    []string // counts that may be logged again
	n      int
}

func (w *writer) line(kind, payload string) {
	w.lines = append(w.lines, fmt.Sprintf(`{"timestamp":%q,"type":%q,"payload":%s}`, w.now.Format(time.RFC3339Nano), kind, payload))
}

// conversation writes some turns.
func (w *writer) conversation() {
	r := w.random
	w.now = w.now.Add(time.Minute)
	if r.IntN(3) > 0 {
		w.line("event_msg", fmt.Sprintf(`{"type":"task_started","started_at":%d}`, w.now.Unix()))
	}
	w.line("turn_context", fmt.Sprintf(`{"model":%q}`, w.model))
	for range r.IntN(25) {
		w.now = w.now.Add(time.Duration(1+r.IntN(90)) * time.Second)
		w.step()
	}
}

func (w *writer) step() {
	r := w.random
	var last vector
	for i, most := range [...]int64{5000, 4000, 500, 300, 200} {
		last[i] = 1 + r.Int64N(most)
	}
	stream := &w.total
	if len(w.others) > 0 && r.IntN(3) == 0 {
		stream = &w.others[r.IntN(len(w.others))]
	}
	move := func() {
		for i := range last {
			stream[i] += last[i]
		}
	}
	both := func() string {
		return fmt.Sprintf(`{"total_token_usage":%s,"last_token_usage":%s}`, encoded(logged(stream)), encoded(logged(&last)))
	}
	info := ""
	switch r.IntN(16) {
	case 0: // logged again
		if len(w.old) > 0 {
			info = w.old[r.IntN(len(w.old))]
		}
	case 1: // no total
		info = fmt.Sprintf(`{"last_token_usage":%s}`, encoded(logged(&last)))
	case 2: // no last request
		move()
		info = fmt.Sprintf(`{"total_token_usage":%s}`, encoded(logged(stream)))
	case 3: // an estimate
		last = vector{}
		info = both()
	case 4: // overflow
		*stream, last = vector{}, vector{}
		info = both()
	case 5: // a stream that begins here
		w.others = append(w.others, last)
		stream = &w.others[len(w.others)-1]
		info = both()
	case 6: // rows are missing
		move()
		move()
		info = both()
	case 7: // the last request overlaps
		move()
		last[inInput] += r.Int64N(100)
		info = both()
	case 8: // damage
		move()
		w.line("event_msg", `{"type":"token_count","info":`+both()+`}`)
		end := len(w.lines) - 1
		whole := w.lines[end]
		w.lines[end] = whole[:60+r.IntN(len(whole)-60)]
		if r.IntN(2) == 0 {
			w.lines[end] += whole
		} else {
			w.lines = append(w.lines, whole)
		}
		return
	case 9:
		info = "null"
	default:
		move()
		info = both()
		if w.ledger {
			w.n++
			w.line("token_usage_record", fmt.Sprintf(`{"thread_id":%q,"response_id":"r%d","usage":%s,"thread_token_usage":%s}`,
				w.thread, w.n, encoded(logged(&last)), encoded(logged(stream))))
		}
	}
	if info != "" {
		w.old = append(w.old, info)
		w.line("event_msg", `{"type":"token_count","info":`+info+`}`)
	}
}
