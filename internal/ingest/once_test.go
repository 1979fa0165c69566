package ingest_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/agent/claude"
	"tokenmeter/internal/agent/codex"
	"tokenmeter/internal/health"
	"tokenmeter/internal/ingest"
	"tokenmeter/internal/store"
	"tokenmeter/internal/usage"
)

func TestOnceReadsWhatIsThereAndThenWhatIsNew(t *testing.T) {
	m := newMachine(t)
	m.append(shop+"a.jsonl", lines(1, 3))
	m.append(shop+"b/subagents/agent-1.jsonl", line(4))
	m.append(".config/claude/projects/x/c.jsonl", line(5))
	m.once()
	m.wantRequests("first", 5)
	m.wantReference("first")
	m.append(shop+"a.jsonl", line(6))
	m.once()
	m.wantRequests("after an append", 6)
	m.restart()
	m.append(shop+"new.jsonl", line(7))
	m.once()
	m.wantRequests("after a restart", 7)
	m.wantReference("after a restart")
	if p := m.ingest.Progress(); p.FirstStart || p.Running || p.FilesDone != p.Files || p.Files == 0 || p.BytesDone != p.Bytes {
		t.Errorf("progress at the end: %+v", p)
	}
}

func TestNothingNewOpensNothingAndWritesNothing(t *testing.T) {
	m := newMachine(t)
	m.append(shop+"a.jsonl", lines(1, 3))
	m.age(shop+"a.jsonl", time.Minute)
	m.once()
	// What is opened now would be seen: the bytes are others, of the same length and time.
	info, err := os.Stat(m.path(shop + "a.jsonl"))
	m.must(err)
	text, err := os.ReadFile(m.path(shop + "a.jsonl"))
	m.must(err)
	m.must(os.WriteFile(m.path(shop+"a.jsonl"), []byte(strings.ReplaceAll(string(text), "msg_01", "msg_02")), 0o644))
	m.must(os.Chtimes(m.path(shop+"a.jsonl"), info.ModTime(), info.ModTime()))
	m.restart()
	called := false
	in := ingest.New(ingest.Options{Store: m.store, Sources: []agent.Source{claude.Source{}}, Env: m.env(), Clock: time.Now, Health: m.board,
		Changed: func() { called = true }})
	m.must(in.Once(context.Background()))
	m.wantRequests("unchanged", 3)
	if called {
		t.Error("Changed was called although nothing was new")
	}
}

func TestATimeOfJustNowIsNotTrusted(t *testing.T) {
	m := newMachine(t)
	m.append(shop+"a.jsonl", line(1))
	m.once()
	info, err := os.Stat(m.path(shop + "a.jsonl"))
	m.must(err)
	// Within one tick of the clock: same size, same time, other content.
	m.must(os.WriteFile(m.path(shop+"a.jsonl"), []byte(strings.ReplaceAll(line(1), "msg_01", "msg_02")), 0o644))
	m.must(os.Chtimes(m.path(shop+"a.jsonl"), info.ModTime(), info.ModTime()))
	m.once()
	m.wantRequests("changed within a tick", 2)
}

func TestIdentityOfFiles(t *testing.T) {
	cases := []struct {
		name   string
		change func(m *machine, log string)
		want   int64
	}{
		{"grew", func(m *machine, log string) { m.append(log, line(11)) }, 11},
		{"touched", func(m *machine, log string) { m.age(log, time.Second) }, 10},
		{"cut and written again, shorter", func(m *machine, log string) {
			m.must(os.WriteFile(m.path(log), []byte(lines(20, 21)), 0o644))
		}, 12},
		{"cut and written again, longer", func(m *machine, log string) {
			m.must(os.WriteFile(m.path(log), []byte(lines(20, 39)), 0o644))
		}, 30},
		{"replaced by another file", func(m *machine, log string) { m.replace(log, lines(20, 39)) }, 30},
		{"replaced by a copy with one line more", func(m *machine, log string) { m.replace(log, lines(1, 11)) }, 11},
		{"a line in the middle taken out", func(m *machine, log string) { m.replace(log, lines(1, 4)+lines(6, 12)) }, 12},
		{"emptied", func(m *machine, log string) { m.must(os.Truncate(m.path(log), 0)) }, 10},
		{"cut in a line and ended otherwise", func(m *machine, log string) {
			m.must(os.Truncate(m.path(log), int64(len(lines(1, 9))+20)))
			m.append(log, "\n", line(10), line(11))
		}, 11},
		{"deleted", func(m *machine, log string) { m.must(os.Remove(m.path(log))) }, 10},
		{"renamed", func(m *machine, log string) { m.must(os.Rename(m.path(log), m.path(shop+"other.jsonl"))) }, 10},
		{"copied", func(m *machine, log string) { m.append(shop+"copy.jsonl", lines(1, 10)) }, 10},
		{"its folder deleted", func(m *machine, log string) { m.must(os.RemoveAll(m.path(shop))) }, 10},
		{"all deleted", func(m *machine, log string) { m.must(os.RemoveAll(m.path(".claude"))) }, 10},
		{"a half line, then the rest", func(m *machine, log string) {
			half := line(11)
			m.append(log, half[:70])
			m.once()
			m.append(log, half[70:])
		}, 11},
		{"a whole line whose end is missing, then the end", func(m *machine, log string) {
			m.append(log, strings.TrimSuffix(line(11), "\n"))
			m.once()
			m.wantRequests("without the line feed", 11)
			m.append(log, "\n", line(12))
		}, 12},
		{"damaged", func(m *machine, log string) { m.append(log, "{\"type\":\n", line(11)) }, 11},
	}
	for _, restart := range []bool{false, true} {
		for _, c := range cases {
			name := c.name
			if restart {
				name += ", with a restart"
			}
			t.Run(name, func(t *testing.T) {
				m := newMachine(t)
				log := shop + "a.jsonl"
				m.append(log, lines(1, 10))
				m.once()
				if restart {
					m.restart()
				}
				c.change(m, log)
				m.once()
				m.wantRequests("after the change", c.want)
				m.once()
				m.wantRequests("after another look", c.want)
				_, err := os.Lstat(m.path(log))
				if f := m.fileOf(log); f == nil || f.Gone != errors.Is(err, os.ErrNotExist) {
					t.Errorf("stored as %+v, on disk %v", f, err)
				}
			})
		}
	}
}

func TestAFileThatComesBackIsNoLongerGone(t *testing.T) {
	m := newMachine(t)
	log := shop + "a.jsonl"
	m.append(log, line(1))
	m.age(log, time.Hour)
	m.once()
	m.must(os.Rename(m.path(log), m.path("aside")))
	m.once()
	if !m.fileOf(log).Gone {
		t.Fatal("not noted as gone")
	}
	m.must(os.Rename(m.path("aside"), m.path(log)))
	m.once()
	if m.fileOf(log).Gone {
		t.Error("still noted as gone")
	}
	m.wantRequests("back", 1)
}

// older is a source as an earlier version had it.
type older struct{ claude.Source }

func (o older) Info() agent.Info {
	info := o.Source.Info()
	info.Revision--
	return info
}

// blind reads nothing but says it did.
type blind struct{ older }

func (b blind) Reader(root agent.Root, name string) agent.Reader {
	if b.older.Reader(root, name) == nil {
		return nil
	}
	return agent.Lines(func(*agent.File, []byte) agent.LineParser { return nothing{} })
}

type nothing struct{}

func (nothing) Line([]byte, int64, agent.Sink) {}
func (nothing) State() []byte                  { return nil }

func TestABetterReaderReadsEverythingAgain(t *testing.T) {
	m := newMachine(t)
	m.append(shop+"a.jsonl", lines(1, 3))
	m.age(shop+"a.jsonl", time.Hour)
	before := ingest.New(ingest.Options{Store: m.store, Sources: []agent.Source{blind{}}, Env: m.env(), Clock: time.Now, Health: m.board})
	m.must(before.Once(context.Background()))
	m.wantRequests("by a reader that knew nothing", 0)
	m.once()
	m.wantRequests("by the present one", 3)
	if got, want := m.fileOf(shop+"a.jsonl").Revision, (claude.Source{}).Info().Revision; got != want {
		t.Errorf("revision %d stored, want %d", got, want)
	}
}

// recorder notes in which order files are read.
type recorder struct {
	claude.Source
	order chan string
}

func (r recorder) Reader(root agent.Root, name string) agent.Reader {
	if reader := r.Source.Reader(root, name); reader != nil {
		return recording{reader, r.order}
	}
	return nil
}

type recording struct {
	agent.Reader
	order chan string
}

func (r recording) Read(ctx context.Context, f *agent.File, from agent.Cursor, out agent.Sink) error {
	r.order <- f.Name
	return r.Reader.Read(ctx, f, from, out)
}

func TestTheNewestIsReadFirst(t *testing.T) {
	m := newMachine(t)
	var want []string
	for i := range 20 {
		name := "p/" + string(rune('a'+(i*7)%20)) + ".jsonl"
		m.append(".claude/projects/"+name, line(i+1))
		m.age(".claude/projects/"+name, time.Duration(i)*time.Hour)
		want = append(want, name)
	}
	order := make(chan string, 20)
	in := ingest.New(ingest.Options{Store: m.store, Sources: []agent.Source{recorder{order: order}}, Env: m.env(), Clock: time.Now, Health: m.board})
	m.must(in.Once(context.Background()))
	close(order)
	// Two goroutines read, so one may be overtaken by the other; but what is read is always
	// one of the two newest that are left.
	left := want
	for name := range order {
		at := slices.Index(left, name)
		if at < 0 || at > 1 {
			t.Fatalf("%s was read when %v were left", name, left)
		}
		left = slices.Delete(left, at, at+1)
	}
	if len(left) > 0 {
		t.Errorf("%v were not read", left)
	}
}

func TestLinksAreFollowedOnce(t *testing.T) {
	m := newMachine(t)
	m.append(shop+"a.jsonl", line(1))
	m.append("elsewhere/deep/b.jsonl", line(2))
	m.append("elsewhere/single.txt", line(3))
	m.append("elsewhere/c.jsonl", line(4))
	link := func(to, from string) {
		t.Helper()
		if err := os.Symlink(to, m.path(from)); err != nil {
			t.Skip("links cannot be made here:", err)
		}
	}
	link(m.path(".claude/projects"), shop+"loop")                       // to a folder above
	link("loop2", shop+"loop2")                                         // to itself
	link(m.path("elsewhere/deep"), shop+"deep")                         // to a folder outside
	link(m.path("elsewhere/deep"), shop+"deep-again")                   // and again
	link(m.path("elsewhere/single.txt"), shop+"link.jsonl")             // to a file outside
	link(m.path("elsewhere/c.jsonl"), shop+"c1.jsonl")                  // to one file
	link(m.path("elsewhere/c.jsonl"), shop+"c2.jsonl")                  // twice
	link(m.path("nowhere"), shop+"dangling.jsonl")                      // to nothing
	link("a.jsonl", shop+"z.jsonl")                                     // to a log beside it
	link(m.path(".claude"), ".openclaude")                              // a whole home
	link(m.path(".claude/projects"), filepath.Join("elsewhere", "up"))  // back from outside
	link(m.path("elsewhere"), ".claude/projects/elsewhere-by-its-name") // a folder that holds one already seen
	m.once()
	m.wantRequests("with links", 4)
	files, err := m.store.Files(context.Background())
	m.must(err)
	var names []string
	for _, f := range files {
		if real, err := filepath.EvalSymlinks(f.Path); err != nil || real != f.Path {
			t.Errorf("%s is not stored by its real path", f.Path)
		}
		names = append(names, f.Name)
	}
	if len(files) != 4 {
		t.Errorf("stored %v", names)
	}
	if !slices.Contains(names, "-w-shop/a.jsonl") {
		t.Errorf("a log is known by a link's name: %v", names)
	}
}

func compress(t testing.TB, text string) string {
	t.Helper()
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer encoder.Close()
	return string(encoder.EncodeAll([]byte(text), nil))
}

// conversation is a log of Codex with so many requests.
func conversation(id string, seed uint64, requests int) (name, text string) {
	c := codex.Source{}.Simulate(agent.SimulatedConversation{
		Seed: seed, ID: id, Project: "/w/api", Branch: "main", Model: "gpt-5.6-sol",
		Start: usage.MillisOf(time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)),
	})
	var b strings.Builder
	for i := range requests {
		turn, _ := c.Turn(agent.SimulatedTurn{
			Time:   usage.MillisOf(time.Date(2026, 11, 20, 9, 0, i+1, 0, time.UTC)),
			Tokens: usage.Tokens{Input: int64(10 + i), CacheRead: 500, Output: int64(20 + i), Reasoning: 3},
			Prompt: "do", Answer: strings.Repeat("done ", 200), Tool: "shell",
		})
		b.Write(turn)
	}
	return c.File(), b.String()
}

const thread = "0199aaaa-0000-7000-8000-000000000001"

func TestCompressedAndPlainCopiesCountOnce(t *testing.T) {
	m := newMachine(t)
	name, text := conversation(thread, 1, 30)
	m.append(name, text)
	m.once()
	want := m.sums()
	if want[codexID].Requests != 30 {
		t.Fatalf("stored %+v", want)
	}
	m.append(name+".zst", compress(t, text))
	m.once()
	if got := m.sums(); got[codexID] != want[codexID] {
		t.Errorf("with the compressed copy %+v, want %+v", got, want)
	}
	m.must(os.Remove(m.path(name)))
	m.once()
	if got := m.sums(); got[codexID] != want[codexID] {
		t.Errorf("without the plain one %+v, want %+v", got, want)
	}
	fresh := newMachine(t)
	fresh.append(name+".zst", compress(t, text))
	fresh.once()
	if got := fresh.sums(); got[codexID] != want[codexID] {
		t.Errorf("from the compressed one alone %+v, want %+v", got, want)
	}
	fresh.wantReference("compressed")
}

func TestATruncatedCompressedLogYieldsWhatIsThere(t *testing.T) {
	m := newMachine(t)
	name, text := conversation(thread, 1, 3000)
	packed := compress(t, text)
	cut := len(packed) * 2 / 3
	m.append(name+".zst", packed[:cut])
	m.age(name+".zst", time.Minute)
	m.once()
	some := m.sums()[codexID].Requests
	if some == 0 || some >= 3000 {
		t.Fatalf("%d of 3000 requests", some)
	}
	m.wantFinding(health.FileIncomplete, m.path(name+".zst"), true)
	m.restart()
	m.once()
	m.wantFinding(health.FileIncomplete, m.path(name+".zst"), true)
	if got := m.sums()[codexID].Requests; got != some {
		t.Errorf("another look gave %d requests, before %d", got, some)
	}
	m.append(name+".zst", packed[cut:])
	m.once()
	if got := m.sums()[codexID].Requests; got != 3000 {
		t.Errorf("complete: %d requests", got)
	}
	m.wantFinding(health.FileIncomplete, m.path(name+".zst"), false)
}

func TestBadCompressedLogsStopNothing(t *testing.T) {
	m := newMachine(t)
	name, text := conversation(thread, 1, 5)
	other, _ := conversation("0199aaaa-0000-7000-8000-000000000002", 2, 1)
	damaged := []byte(compress(t, text))
	damaged[len(damaged)/2] ^= 0xff
	m.append(other+".zst", string(damaged))
	empty, _ := conversation("0199aaaa-0000-7000-8000-000000000003", 3, 1)
	m.append(empty+".zst", "")
	noise, _ := conversation("0199aaaa-0000-7000-8000-000000000004", 4, 1)
	m.append(noise+".zst", strings.Repeat("no zstd at all ", 100))
	m.append(name, text)
	m.once()
	if got := m.sums()[codexID].Requests; got < 5 {
		t.Errorf("%d requests, want the 5 of the sound file at least", got)
	}
	m.wantFinding(health.FileIncomplete, m.path(noise+".zst"), true)
}

func TestForksSettleInEitherOrderOfArrival(t *testing.T) {
	parent := codex.Source{}.Simulate(agent.SimulatedConversation{
		Seed: 1, ID: thread, Project: "/w/api", Model: "gpt-5.6-sol", Start: usage.MillisOf(time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)),
	})
	var first, second strings.Builder
	turn := func(c agent.Conversation, out *strings.Builder, n int64) {
		text, _ := c.Turn(agent.SimulatedTurn{Time: usage.MillisOf(time.Date(2026, 11, 20, 10, int(n), 0, 0, time.UTC)),
			Tokens: usage.Tokens{Input: n, Output: 2 * n}, Prompt: "do", Answer: "done"})
		out.Write(text)
	}
	for n := int64(1); n <= 5; n++ {
		turn(parent, &first, n)
	}
	forker, ok := parent.(agent.Forker)
	if !ok {
		t.Skip("conversations of this agent cannot be forked")
	}
	child := forker.Fork(agent.SimulatedConversation{Seed: 2, ID: "0199aaaa-0000-7000-8000-00000000000f", Project: "/w/api", Model: "gpt-5.6-sol",
		Start: usage.MillisOf(time.Date(2026, 11, 20, 11, 0, 0, 0, time.UTC))})
	for n := int64(6); n <= 8; n++ {
		turn(child, &second, n)
	}
	var sums []usage.Counts
	for _, order := range [][2]int{{0, 1}, {1, 0}} {
		m := newMachine(t)
		logs := [2]struct{ name, text string }{{parent.File(), first.String()}, {child.File(), second.String()}}
		for _, i := range order {
			m.append(logs[i].name, logs[i].text)
			m.once()
		}
		m.wantReference("fork")
		sums = append(sums, m.sums()[codexID])
	}
	if sums[0] != sums[1] || sums[0].Requests != 8 {
		t.Errorf("parent first %+v, child first %+v", sums[0], sums[1])
	}
}

func TestVariablesThatPointNowhereAreTold(t *testing.T) {
	m := newMachine(t)
	m.variables["CLAUDE_CONFIG_DIR"] = m.path("not-there")
	m.append(".codex/sessions/x", "")
	m.once()
	m.wantFinding(health.HomeMissing, "CLAUDE_CONFIG_DIR", true)
	m.wantFinding(health.NoAgents, "", false)
	m.append("not-there/projects/p/a.jsonl", line(1))
	m.once()
	m.wantFinding(health.HomeMissing, "CLAUDE_CONFIG_DIR", false)
	m.wantRequests("there now", 1)
}

func TestNoAgentsIsTold(t *testing.T) {
	m := newMachine(t)
	m.once()
	m.wantFinding(health.NoAgents, "", true)
	m.append(shop+"a.jsonl", line(1))
	m.once()
	m.wantFinding(health.NoAgents, "", false)
	m.must(os.RemoveAll(m.path(".claude")))
	m.once()
	m.wantFinding(health.NoAgents, "", false) // there is something stored
}

func TestDamagedLinesAreCountedOnce(t *testing.T) {
	m := newMachine(t)
	m.append(shop+"a.jsonl", line(1), `{"type":"assistant","message":{"usage":{"input_tokens":3,`+"\n", line(2))
	damaged := func() string {
		for _, f := range m.board.Findings() {
			if f.Code == health.LinesSkipped {
				return f.Subject + " " + f.Args[0]
			}
		}
		return ""
	}
	for range 3 {
		m.once()
		if got := damaged(); got != "Claude 1" {
			t.Fatalf("damaged lines %q, want Claude 1", got)
		}
		m.append(shop+"a.jsonl", line(3))
	}
	m.restart()
	m.once()
	if got := damaged(); got != "Claude 1" {
		t.Errorf("after a restart %q", got)
	}
	m.replace(shop+"a.jsonl", lines(1, 9))
	m.once()
	if got := damaged(); got != "" {
		t.Errorf("after the repair %q", got)
	}
}

func TestAContextThatEndsStopsReadingAndLosesNothing(t *testing.T) {
	m := newMachine(t)
	for i := range 40 {
		m.append(shop+string(rune('a'+i%26))+string(rune('a'+i/26))+".jsonl", lines(i*100+1, i*100+100))
	}
	ctx, cancel := context.WithCancel(context.Background())
	order := make(chan string, 40)
	in := ingest.New(ingest.Options{Store: m.store, Sources: []agent.Source{recorder{order: order}}, Env: m.env(), Clock: time.Now, Health: m.board})
	go func() {
		for range 5 {
			<-order
		}
		cancel()
	}()
	if err := in.Once(ctx); !errors.Is(err, context.Canceled) && m.sums()[claudeID].Requests != 4000 {
		t.Errorf("ended with %v", err)
	}
	m.once()
	m.wantRequests("started again", 4000)
	if len(m.board.Findings()) > 0 {
		t.Errorf("findings %v", m.findings())
	}
}

func TestAStoreThatCannotBeWrittenIsTold(t *testing.T) {
	m := newMachine(t)
	m.append(shop+"a.jsonl", line(1))
	m.close()
	readOnly, err := store.Open(context.Background(), filepath.Join(m.data, "tokenmeter.db"), store.Options{ReadOnly: true})
	m.must(err)
	defer readOnly.Close()
	in := ingest.New(ingest.Options{Store: readOnly, Sources: []agent.Source{claude.Source{}}, Env: m.env(), Clock: time.Now, Health: m.board})
	if err := in.Once(context.Background()); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("Once: %v", err)
	}
	m.wantFinding(health.DatabaseReadOnly, readOnly.Path(), true)
	m.start()
	m.once()
	m.wantRequests("writable again", 1)
}

func TestARequestFromTheFutureIsDatedWhenItIsSeen(t *testing.T) {
	m := newMachine(t)
	ahead := strings.ReplaceAll(line(1), "2026-", "2126-")
	if ahead == line(1) {
		t.Fatal("the line has no date to change")
	}
	m.append(shop+"a.jsonl", ahead)
	before := usage.MillisOf(time.Now().Add(-time.Minute))
	m.once()
	recent, err := m.store.Recent(context.Background(), before)
	m.must(err)
	if len(recent) != 1 || recent[0].Time > usage.MillisOf(time.Now().Add(time.Minute)) {
		t.Errorf("stored as %+v, want one request dated now", recent)
	}
	first := recent[0].Time
	m.append(shop+"b.jsonl", ahead) // a copy, seen later
	m.once()
	recent, err = m.store.Recent(context.Background(), before)
	m.must(err)
	if len(recent) != 1 || recent[0].Time != first {
		t.Errorf("after a copy stored as %+v, want the first date %d", recent, first)
	}
}

// dates are how many requests are stored on which UTC days.
func (m *machine) dates() map[string]int64 {
	m.Helper()
	rows, err := m.store.History(context.Background(), store.Query{By: []store.Dimension{store.Day}})
	m.must(err)
	dates := map[string]int64{}
	for _, row := range rows {
		dates[row.Start.Time().Format(time.DateOnly)] = row.Requests
	}
	return dates
}

func TestDatesWhileTheClockIsWrong(t *testing.T) {
	truth := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC) // lines are of that morning
	log := shop + "a.jsonl"
	for _, c := range []struct {
		name    string
		written time.Time // of the file
		clocks  []time.Time
		want    []string // the date of the line after each look
		told    []bool
	}{
		{"right all the time", truth, []time.Time{truth, truth.Add(time.Hour)}, []string{"2026-11-20", "2026-11-20"}, []bool{false, false}},
		{"behind at first, as before the network tells the time", truth,
			[]time.Time{truth.AddDate(-6, 0, 0), truth.Add(time.Hour)}, []string{"2020-11-20", "2026-11-20"}, []bool{true, false}},
		{"behind by hours, over two starts", truth,
			[]time.Time{truth.Add(-9 * time.Hour), truth.Add(-8 * time.Hour), truth.Add(time.Hour)},
			[]string{"2026-11-20", "2026-11-20", "2026-11-20"}, []bool{true, true, false}},
		{"behind once it was read", truth,
			[]time.Time{truth, truth.AddDate(-6, 0, 0), truth.Add(time.Hour)}, []string{"2026-11-20", "2026-11-20", "2026-11-20"}, []bool{false, false, false}},
		{"the agent's ran ahead, the file's time does not", truth.AddDate(0, -2, 0),
			[]time.Time{truth.AddDate(0, -1, 0), truth.AddDate(0, -1, 1)}, []string{"2026-09-20", "2026-09-20"}, []bool{false, false}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMachine(t)
			m.append(log, line(1))
			m.must(os.Chtimes(m.path(log), c.written, c.written))
			for n, now := range c.clocks {
				m.restart()
				m.ingest = ingest.New(ingest.Options{
					Store: m.store, Sources: []agent.Source{claude.Source{}, codex.Source{}}, Env: m.env(),
					Clock: func() time.Time { return now }, Health: m.board,
				})
				m.once()
				if got := m.dates(); len(got) != 1 || got[c.want[n]] != 1 {
					t.Errorf("look %d: dates %v, want %s", n, got, c.want[n])
				}
				m.wantFinding(health.ClockBehind, "", c.told[n])
			}
		})
	}
}

func TestTheClockRanAheadWhileLogsWereRead(t *testing.T) {
	truth := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	ahead := truth.AddDate(1, 0, 0)
	m := newMachine(t)
	now := truth
	m.ingest = ingest.New(ingest.Options{
		Store: m.store, Sources: []agent.Source{claude.Source{}, codex.Source{}}, Env: m.env(),
		Clock: func() time.Time { return now }, Health: m.board,
	})
	look := func() {
		t.Helper()
		m.must(m.ingest.NetLook(context.Background()))
	}
	set := func(name string, at time.Time) { m.must(os.Chtimes(m.path(name), at, at)) }
	want := func(when string, dates map[string]int64) {
		t.Helper()
		if got := m.dates(); !maps.Equal(got, dates) {
			t.Errorf("%s: dates %v, want %v", when, got, dates)
		}
	}
	future := func(n int) string { return strings.ReplaceAll(line(n), "2026-", "2027-") }
	m.append(shop+"old.jsonl", lines(1, 2))
	set(shop+"old.jsonl", truth)
	look()
	now = ahead
	m.append(shop+"a.jsonl", future(3), future(4))
	m.append(shop+"gone.jsonl", future(5))
	set(shop+"a.jsonl", ahead)
	set(shop+"gone.jsonl", ahead)
	look()
	want("while the clock runs ahead", map[string]int64{"2026-11-20": 2, "2027-11-20": 3})
	m.must(os.Remove(m.path(shop + "gone.jsonl")))
	look()
	now = truth.AddDate(0, 0, 1)
	look()
	want("at the first look of the right clock", map[string]int64{"2026-11-20": 2, "2027-11-20": 3})
	look()
	mended := map[string]int64{"2026-11-20": 2, "2026-11-21": 2, "2027-11-20": 1}
	want("at the second", mended)
	look()
	want("and ever after", mended)
	m.wantFinding(health.ClockBehind, "", true)
	m.append(shop+"a.jsonl", strings.ReplaceAll(line(6), "11-20T", "11-21T"))
	set(shop+"a.jsonl", now)
	look()
	mended["2026-11-21"]++
	want("with a line of the right clock", mended)
	m.wantFinding(health.ClockBehind, "", false)
	m.wantRequests("all", 6)
	rows, err := m.store.History(context.Background(), store.Query{By: []store.Dimension{store.Hour}})
	m.must(err)
	var hours int64
	for _, row := range rows {
		hours += row.Requests
	}
	if hours != 6 {
		t.Errorf("%d requests by the hour", hours)
	}
}

func TestAClockThatStaysBehindLosesNoDate(t *testing.T) {
	truth := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	m := newMachine(t)
	now := truth
	m.ingest = ingest.New(ingest.Options{
		Store: m.store, Sources: []agent.Source{claude.Source{}, codex.Source{}}, Env: m.env(),
		Clock: func() time.Time { return now }, Health: m.board,
	})
	m.append(shop+"a.jsonl", lines(1, 5))
	m.append(shop+"gone.jsonl", lines(6, 7))
	for _, name := range []string{"a.jsonl", "gone.jsonl"} {
		m.must(os.Chtimes(m.path(shop+name), truth, truth))
	}
	look := func() { t.Helper(); m.must(m.ingest.NetLook(context.Background())) }
	look()
	m.must(os.Remove(m.path(shop + "gone.jsonl")))
	look()
	now = truth.AddDate(-3, 0, 0)
	for range 3 {
		look()
	}
	now = truth.Add(time.Hour)
	look()
	if got := m.dates(); len(got) != 1 || got["2026-11-20"] != 7 {
		t.Errorf("dates %v after the clock was mended", got)
	}
	m.wantFinding(health.ClockBehind, "", false)
}
