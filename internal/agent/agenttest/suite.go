package agenttest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/agent/agenttest/reference"
	"tokenmeter/internal/usage"
)

// Reference is a reader of a whole home that shares nothing with the one that is tested.
type Reference func(env map[string]string, home string) ([]reference.Request, error)

// Options say what the suite has to know of an agent.
type Options struct {
	// Names lists the places in a log line whose text may be in facts, as "message.id", with
	// [] for the entries of an array. All other text must never leave the reader.
	Names []string
	// Independent: what a line tells does not hang on other lines, so that after damage to
	// one all requests of the others must still be there.
	Independent bool
}

// Small files are split at every byte, larger ones at some places: as many as give about so
// many bytes to read, but neither too few nor too many.
const (
	smallFile  = 2 << 10
	readBudget = 2 << 20
	fewest     = 10
	most       = 120
)

// seed makes the choices of the suite the same in every run.
const seed = 20310401

// Run puts a source through the suite.
func Run(t *testing.T, source agent.Source, cases []Case, second Reference, o Options) {
	t.Run("roots on three systems", func(t *testing.T) { testRoots(t, source) })
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			env := c.Home(t)
			s := &suite{source: source, options: o, logs: logs(t, source, env)}
			for _, l := range s.logs {
				s.facts = append(s.facts, s.read(t, l, l.content, agent.Cursor{}))
			}
			s.whole = Fold(source, join(s.facts...))
			s.testWant(t, c.Want)
			if second != nil {
				s.testReference(t, second, c.Variables(env.Home), env.Home)
			}
			t.Run("byte by byte", s.testSmallReads)
			t.Run("split and restarted", s.testSplits)
			t.Run("files in any order", s.testOrder)
			t.Run("read again", s.testAgain)
			t.Run("copied to another root", s.testCopy)
			t.Run("cut at the end", s.testCut)
			t.Run("flipped bits", s.testFlips)
			t.Run("canary", s.testCanary)
		})
	}
	simulator, ok := source.(agent.Simulator)
	if !ok {
		return
	}
	t.Run("simulated lines", func(t *testing.T) { testSimulated(t, source, simulator) })
	t.Run("a line of 60 MiB", func(t *testing.T) {
		if testing.Short() {
			t.Skip("takes some hundred megabytes")
		}
		testLongLine(t, source, simulator)
	})
}

// suite is one case at work.
type suite struct {
	source  agent.Source
	options Options
	logs    []log
	facts   []*Facts // of each log, read whole
	whole   *Folded
}

// read reads content from a cursor on, as a log's.
func (s *suite) read(t testing.TB, l log, content []byte, from agent.Cursor) *Facts {
	t.Helper()
	return readLimited(t, s.source, l, content, from, 0)
}

func readLimited(t testing.TB, source agent.Source, l log, content []byte, from agent.Cursor, limit int64) *Facts {
	t.Helper()
	facts := &Facts{}
	file := &agent.File{
		Root:     l.root,
		Name:     l.name,
		Path:     path.Join(l.root.Path, l.name),
		Content:  bytes.NewReader(content[from.Offset:]),
		Modified: usage.MillisOf(FileTime),
		Limit:    limit,
	}
	if err := source.Reader(l.root, l.name).Read(context.Background(), file, from, facts); err != nil {
		t.Fatalf("read %s: %v", l.name, err)
	}
	if facts.Cursors == 0 {
		t.Fatalf("read %s: no checkpoint", l.name)
	}
	if facts.Cursor.Offset < from.Offset || facts.Cursor.Offset > int64(len(content)) {
		t.Fatalf("read %s: checkpoint at %d, outside %d…%d", l.name, facts.Cursor.Offset, from.Offset, len(content))
	}
	if len(facts.Cursor.State) > agent.MaxState {
		t.Fatalf("read %s: a state of %d bytes", l.name, len(facts.Cursor.State))
	}
	return facts
}

// readParts reads content in parts that end at the given places, each from the cursor that
// the one before left.
func (s *suite) readParts(t testing.TB, l log, ends ...int) *Facts {
	t.Helper()
	var all []*Facts
	var from agent.Cursor
	for _, end := range append(ends, len(l.content)) {
		part := s.read(t, l, l.content[:end], from)
		from = part.Cursor
		all = append(all, part)
	}
	return join(all...)
}

// join puts facts together in order.
func join(list ...*Facts) *Facts {
	all := &Facts{}
	for _, f := range list {
		all.Events = append(all.Events, f.Events...)
		all.Threads = append(all.Threads, f.Threads...)
		all.Marks = append(all.Marks, f.Marks...)
		all.Samples = append(all.Samples, f.Samples...)
		all.Sessions = append(all.Sessions, f.Sessions...)
		all.Bills = append(all.Bills, f.Bills...)
		all.Skips = append(all.Skips, f.Skips...)
		all.Cursor = f.Cursor
	}
	return all
}

// instead gives the facts of all logs, with those of log i replaced.
func (s *suite) instead(i int, facts *Facts) *Facts {
	list := slices.Clone(s.facts)
	list[i] = facts
	return join(list...)
}

// same fails unless the facts fold into what the whole logs gave.
func (s *suite) same(t *testing.T, facts *Facts, what string) {
	t.Helper()
	if diff := compare(s.whole, Fold(s.source, facts)); diff != "" {
		t.Fatalf("%s: %s", what, diff)
	}
}

// compare gives the first difference of two results, "" if there is none.
func compare(want, got *Folded) string {
	if slices.EqualFunc(want.Events, got.Events, sameEvent) && slices.Equal(want.Sessions, got.Sessions) && slices.Equal(want.Samples, got.Samples) &&
		slices.Equal(want.Bills, got.Bills) {
		return ""
	}
	return cmp.Or(
		compareLists("event", describe(want.Events), describe(got.Events)),
		compareLists("session", describe(want.Sessions), describe(got.Sessions)),
		compareLists("sample", describe(want.Samples), describe(got.Samples)),
		compareLists("bill", describe(want.Bills), describe(got.Bills)))
}

// sameEvent compares all but the offset, which is that of whichever copy was read first.
func sameEvent(a, b usage.Event) bool {
	sameCost := (a.Recorded == nil) == (b.Recorded == nil) && (a.Recorded == nil || *a.Recorded == *b.Recorded)
	a.Recorded, b.Recorded, a.Offset, b.Offset = nil, nil, 0, 0
	return sameCost && a == b
}

func describe[T any](list []T) (lines []string) {
	for _, item := range list {
		if e, ok := any(item).(usage.Event); ok {
			recorded := usage.Micros(-1)
			if e.Recorded != nil {
				recorded, e.Recorded = *e.Recorded, nil
			}
			e.Offset = 0
			lines = append(lines, fmt.Sprintf("%+v recorded %d", e, recorded))
			continue
		}
		lines = append(lines, fmt.Sprintf("%+v", item))
	}
	return lines
}

func compareLists(what string, want, got []string) string {
	for i := range max(len(want), len(got)) {
		w, g := "none", "none"
		if i < len(want) {
			w = want[i]
		}
		if i < len(got) {
			g = got[i]
		}
		if w != g {
			return fmt.Sprintf("%s %d of %d:\nwant %s\ngot  %s", what, i, len(want), w, g)
		}
	}
	return ""
}

func (s *suite) testWant(t *testing.T, want Want) {
	asJSON := func(v any) string {
		text, _ := json.MarshalIndent(v, "", " ")
		return string(text)
	}
	if w, g := asJSON(sortSums(want.Requests)), asJSON(s.whole.Sums()); w != g {
		t.Errorf("requests\nwant %s\ngot  %s", w, g)
	}
	if w, g := asJSON(want.Samples), asJSON(s.whole.wantedSamples()); w != g {
		t.Errorf("samples\nwant %s\ngot  %s", w, g)
	}
	if w, g := asJSON(want.Bills), asJSON(s.whole.wantedBills()); w != g {
		t.Errorf("bills\nwant %s\ngot  %s", w, g)
	}
	skips := map[usage.Reason]int{}
	for _, facts := range s.facts {
		for _, skip := range facts.Skips {
			skips[skip.Reason]++
		}
	}
	if !maps.Equal(skips, want.Skips) {
		t.Errorf("skips: want %v, got %v", want.Skips, skips)
	}
	for id, w := range want.Sessions {
		var g WantedSession
		for _, session := range s.whole.Sessions {
			if session.ID == id {
				g = WantedSession{session.Project, session.Branch, session.Version, session.Model, session.Parent, session.ContextTokens, session.ContextWindow}
			}
		}
		if w != g {
			t.Errorf("session %s: want %+v, got %+v", id, w, g)
		}
	}
}

func (s *suite) testReference(t *testing.T, second Reference, variables map[string]string, home string) {
	requests, err := second(variables, home)
	if err != nil {
		t.Fatalf("reference: %v", err)
	}
	theirs := map[Sum]Sum{}
	add := func(sums map[Sum]Sum, s Sum) {
		if s.Input+s.CacheRead+s.CacheWrite5m+s.CacheWrite1h+s.Output == 0 {
			return
		}
		group := Sum{Model: s.Model, Project: s.Project, Session: s.Session, Day: s.Day}
		sum := sums[group]
		sum.Requests += s.Requests
		sum.Input += s.Input
		sum.CacheRead += s.CacheRead
		sum.CacheWrite5m += s.CacheWrite5m
		sum.CacheWrite1h += s.CacheWrite1h
		sum.Output += s.Output
		sum.Reasoning += s.Reasoning
		sums[group] = sum
	}
	for _, r := range requests {
		day := ""
		if !r.Undated && !r.Time.IsZero() {
			day = r.Time.UTC().Format(time.DateOnly)
		}
		add(theirs, Sum{
			Model: r.Model, Project: r.Project, Session: r.Session, Day: day, Requests: 1,
			Input: r.Input, CacheRead: r.CacheRead, CacheWrite5m: r.CacheWrite5m, CacheWrite1h: r.CacheWrite1h,
			Output: r.Output, Reasoning: r.Reasoning,
		})
	}
	ours := map[Sum]Sum{}
	for i := range s.whole.Events {
		one := Folded{Events: s.whole.Events[i : i+1]}
		add(ours, one.Sums()[0])
	}
	lines := func(sums map[Sum]Sum) (list []string) {
		for group, sum := range sums {
			list = append(list, fmt.Sprintf("%s %s %s %s: %+v", group.Model, group.Project, group.Session, group.Day, sum))
		}
		slices.Sort(list)
		return list
	}
	if diff := compareLists("sum of the reference", lines(theirs), lines(ours)); diff != "" {
		t.Error(diff)
	}
}

func (s *suite) testSmallReads(t *testing.T) {
	for i, l := range s.logs {
		facts := &Facts{}
		file := &agent.File{Root: l.root, Name: l.name, Content: iotest.OneByteReader(bytes.NewReader(l.content)), Modified: usage.MillisOf(FileTime)}
		if err := s.source.Reader(l.root, l.name).Read(context.Background(), file, agent.Cursor{}, facts); err != nil {
			t.Fatal(err)
		}
		s.same(t, s.instead(i, facts), l.name)
	}
}

func (s *suite) testSplits(t *testing.T) {
	random := rand.New(rand.NewPCG(seed, 1))
	for i, l := range s.logs {
		for _, at := range places(len(l.content), random) {
			facts := s.readParts(t, l, at)
			what := fmt.Sprintf("%s split at %d", l.name, at)
			s.same(t, s.instead(i, facts), what)
			sameSkips(t, s.facts[i], facts, what)
		}
		for range 20 {
			ends := []int{random.IntN(len(l.content) + 1), random.IntN(len(l.content) + 1), random.IntN(len(l.content) + 1)}
			slices.Sort(ends)
			s.same(t, s.instead(i, s.readParts(t, l, ends...)), fmt.Sprintf("%s split at %v", l.name, ends))
		}
	}
}

// places gives every offset of a small file, and some of a larger one.
func places(size int, random *rand.Rand) (list []int) {
	if size <= smallFile {
		for at := range size + 1 {
			list = append(list, at)
		}
		return list
	}
	for range samples(size) {
		list = append(list, random.IntN(size+1))
	}
	return list
}

func samples(size int) int { return max(fewest, min(most, readBudget/size)) }

// sameSkips fails unless the same pieces were skipped, each once. How long a piece is
// may not be known yet at a split.
func sameSkips(t *testing.T, want, got *Facts, what string) {
	t.Helper()
	if diff := compareSkips(want, got); diff != "" {
		t.Fatalf("%s: %s", what, diff)
	}
}

func compareSkips(want, got *Facts) string {
	list := func(f *Facts) (lines []string) {
		for _, s := range f.Skips {
			lines = append(lines, fmt.Sprintf("%d %s", s.Offset, s.Reason))
		}
		slices.Sort(lines)
		return lines
	}
	return compareLists("skip", list(want), list(got))
}

func (s *suite) testOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(seed, 2))
	for range 10 {
		// Each log in two parts; the parts of one log stay in order.
		parts := make([][]*Facts, len(s.logs))
		var turns []int
		for i, l := range s.logs {
			first := s.read(t, l, l.content[:random.IntN(len(l.content)+1)], agent.Cursor{})
			parts[i] = []*Facts{first, s.read(t, l, l.content, first.Cursor)}
			turns = append(turns, i, i)
		}
		random.Shuffle(len(turns), func(a, b int) { turns[a], turns[b] = turns[b], turns[a] })
		var list []*Facts
		for _, i := range turns {
			list = append(list, parts[i][0])
			parts[i] = parts[i][1:]
		}
		s.same(t, join(list...), fmt.Sprintf("order %v", turns))
	}
}

func (s *suite) testAgain(t *testing.T) {
	twice := slices.Clone(s.facts)
	for i, l := range s.logs {
		rest := s.read(t, l, l.content, s.facts[i].Cursor)
		if len(rest.Skips) > 0 || len(rest.Events) > 0 && bytes.HasSuffix(l.content, []byte("\n")) {
			t.Errorf("%s: read from its end it tells something new: %+v", l.name, rest)
		}
		twice = append(twice, rest, s.read(t, l, l.content, agent.Cursor{}))
		unknown := agent.Cursor{State: []byte{0xfe, 1, 2, 3}}
		twice = append(twice, s.read(t, l, l.content, unknown))
	}
	s.same(t, join(twice...), "read twice")
}

func (s *suite) testCopy(t *testing.T) {
	twice := slices.Clone(s.facts)
	for _, l := range s.logs {
		l.root.Path = "/mnt/copy"
		twice = append(twice, s.read(t, l, l.content, agent.Cursor{}))
	}
	s.same(t, join(twice...), "copied root")
}

func (s *suite) testCut(t *testing.T) {
	random := rand.New(rand.NewPCG(seed, 3))
	for _, l := range s.logs {
		for _, at := range places(len(l.content), random) {
			cut := l.content[:at]
			lines := cut[:bytes.LastIndexByte(cut, '\n')+1]
			tail := bytes.TrimLeft(bytes.TrimPrefix(cut[len(lines):], []byte("\xef\xbb\xbf")), "\x00")
			if bytes.HasPrefix(tail, []byte("{")) && json.Valid(bytes.ReplaceAll(tail, []byte{0}, nil)) {
				lines = append(slices.Clone(cut), '\n') // whole but for its line feed
			}
			want := Fold(s.source, s.read(t, l, lines, agent.Cursor{}))
			facts := s.read(t, l, cut, agent.Cursor{})
			if diff := compare(want, Fold(s.source, facts)); diff != "" {
				t.Fatalf("%s cut at %d: %s", l.name, at, diff)
			}
		}
	}
}

func (s *suite) testFlips(t *testing.T) {
	random := rand.New(rand.NewPCG(seed, 4))
	for _, l := range s.logs {
		if len(l.content) == 0 {
			continue
		}
		for range samples(len(l.content)) {
			at, bit := random.IntN(len(l.content)), byte(1)<<random.IntN(8)
			flipped := slices.Clone(l.content)
			flipped[at] ^= bit
			facts := s.read(t, l, flipped, agent.Cursor{})
			Fold(s.source, facts)
			if !s.options.Independent {
				continue
			}
			// The same file with blanks in place of the lines that the byte was part of.
			start := bytes.LastIndexByte(l.content[:at], '\n') + 1
			blank := slices.Clone(l.content)
			for i := start; i < len(blank) && (i <= at || blank[i] != '\n'); i++ {
				blank[i] = ' '
			}
			have := map[usage.Key]bool{}
			for _, e := range facts.Events {
				have[e.Key] = true
			}
			for _, e := range s.read(t, l, blank, agent.Cursor{}).Events {
				if !have[e.Key] {
					t.Fatalf("%s: bit %#x of byte %d flipped, and a request of another line is gone: %+v", l.name, bit, at, e)
				}
			}
		}
	}
}

func testRoots(t *testing.T, source agent.Source) {
	homes := map[string]string{"linux": "/home/ada", "darwin": "/Users/ada", "windows": `C:\Users\ada`}
	for system, home := range homes {
		env := agent.Env{OS: system, Home: home, Variable: func(string) string { return "" }, Exists: func(string) bool { return false }}
		roots := source.Roots(env)
		if len(roots) == 0 {
			t.Errorf("%s: no roots", system)
		}
		seen := map[string]bool{}
		for _, root := range roots {
			if !strings.HasPrefix(root.Path, home) {
				t.Errorf("%s: %q is not in the home folder", system, root.Path)
			}
			if seen[root.Path] || root.From == "" {
				t.Errorf("%s: %+v is listed twice or does not say what led there", system, root)
			}
			if system == "windows" && strings.Contains(root.Path, "/") {
				t.Errorf("%s: %q mixes separators", system, root.Path)
			}
			seen[root.Path] = true
			for _, name := range []string{"notes.txt", ".DS_Store", "a/b.jsonl.lock"} {
				if source.Reader(root, name) != nil {
					t.Errorf("%s: takes %s for a log", system, name)
				}
			}
		}
		if again := source.Roots(env); !slices.Equal(roots, again) {
			t.Errorf("%s: the order of roots changes", system)
		}
	}
}
