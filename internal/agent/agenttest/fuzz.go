package agenttest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/usage"
)

// Bounds of what reading may cost, generous enough for a loaded machine and the race
// detector: they are there for what grows faster than the input.
const (
	fuzzLargest = 512 << 10 // bytes of all logs of an input
	fuzzLongest = 20 * time.Second
	fuzzBase    = 2 << 20 // bytes that a reading may allocate, whatever the input
	fuzzPerByte = 40      // and for each byte of it
)

// Fuzz feeds a source with any bytes as one log, beginning with those of the cases. It wants
// the requests that the reference finds, and the same answer whole, in two parts, in small
// pieces and read twice, with any limit of a line's length, in bounded memory and time.
func Fuzz(f *testing.F, source agent.Source, cases []Case, second Reference) {
	h := newFuzzHome(f, source, second)
	var sample log
	for _, c := range cases {
		for _, l := range logs(f, source, c.Home(f)) {
			if len(l.content) > 0 && len(l.content) < 16<<10 {
				f.Add(l.content, uint(len(l.content)/2), uint16(0))
			}
			if sample.name == "" && !strings.HasSuffix(l.name, ".zst") {
				sample = h.place(l)
			}
		}
	}
	if sample.name == "" {
		f.Fatal("no case has a log")
	}
	f.Fuzz(func(t *testing.T, content []byte, split uint, limit uint16) {
		sample.content = content
		h.check(t, []log{sample}, split, int64(limit))
	})
}

// FuzzMutated feeds a source with the cases' homes after a run of changes that the input
// spells: see mutator. It wants what Fuzz wants, and the same for the files in any order.
func FuzzMutated(f *testing.F, source agent.Source, cases []Case, second Reference) {
	h := newFuzzHome(f, source, second)
	m := mutator{}
	for _, c := range cases {
		var home []log
		size := 0
		for _, l := range logs(f, source, c.Home(f)) {
			if strings.HasSuffix(l.name, ".zst") {
				continue
			}
			l = h.place(l)
			for slices.ContainsFunc(home, func(other log) bool { return other.name == l.name }) {
				l.name = "copy/" + l.name // it lay in another root
			}
			home = append(home, l)
			size += len(l.content)
		}
		if size > 0 && size < 16<<10 {
			m.homes = append(m.homes, home)
		}
	}
	if len(m.homes) == 0 {
		f.Fatal("no case has a log")
	}
	random := rand.New(rand.NewPCG(seed, 6))
	for i := range m.homes {
		program := make([]byte, 40)
		for k := range program {
			program[k] = byte(random.Uint32())
		}
		program[0] = byte(i)
		f.Add(program)
	}
	f.Fuzz(func(t *testing.T, program []byte) {
		if len(program) > 400 {
			t.Skip("so many changes leave nothing of a log")
		}
		split := uint(usage.NewHash("split").Bytes(program).Sum())
		h.check(t, m.run(program), split, 0)
	})
}

// fuzzHome is a home folder that is filled anew for each input.
type fuzzHome struct {
	source  agent.Source
	second  Reference
	env     agent.Env
	written []string
}

func newFuzzHome(f *testing.F, source agent.Source, second Reference) *fuzzHome {
	return &fuzzHome{source: source, second: second, env: Case{}.Home(f)}
}

// place moves a log of a case into this home.
func (h *fuzzHome) place(l log) log {
	l.root = h.source.Roots(h.env)[0]
	return l
}

func (h *fuzzHome) write(t *testing.T, home []log) {
	for _, path := range h.written {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	h.written = h.written[:0]
	for _, l := range home {
		path := filepath.Join(l.root.Path, filepath.FromSlash(l.name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, l.content, 0o600); err != nil {
			t.Fatal(err)
		}
		h.written = append(h.written, path)
		if err := os.Chtimes(path, FileTime, FileTime); err != nil {
			t.Fatal(err)
		}
	}
}

// check fails unless the logs of a home are read right, and tells by the fewest of their lines.
func (h *fuzzHome) check(t *testing.T, home []log, split uint, limit int64) {
	size := 0
	for _, l := range home {
		size += len(l.content)
	}
	if size > fuzzLargest {
		t.Skip("too large to be read so often")
	}
	fault := h.fault(t, home, split, limit)
	if fault == "" {
		return
	}
	home = slices.Clone(home)
	for i := range home {
		lines := bytes.SplitAfter(home[i].content, []byte("\n"))
		for at := len(lines) - 1; at >= 0; at-- {
			fewer := slices.Delete(slices.Clone(lines), at, at+1)
			whole := home[i].content
			home[i].content = bytes.Join(fewer, nil)
			if other := h.fault(t, home, split, limit); other != "" {
				lines, fault = fewer, other
			} else {
				home[i].content = whole
			}
		}
	}
	for _, l := range home {
		if len(l.content) > 0 {
			fault += fmt.Sprintf("\n-- %s --", l.name)
			for line := range bytes.Lines(l.content) {
				fault += "\n" + shortened(line)
			}
		}
	}
	t.Fatal(fault)
}

// fault reads the logs of a home in every way there is, and gives the first difference.
func (h *fuzzHome) fault(t *testing.T, home []log, split uint, limit int64) string {
	s := &suite{source: h.source, logs: home}
	for _, l := range home {
		s.facts = append(s.facts, readLimited(t, h.source, l, l.content, agent.Cursor{}, limit))
	}
	s.whole = Fold(h.source, join(s.facts...))
	random := rand.New(rand.NewPCG(uint64(split), 7))
	quarrel := s.quarrel()
	for i, l := range home {
		h.checkCost(t, l)
		at := int(split % uint(len(l.content)+1))
		if goesOn(l.content, at) {
			at = bytes.LastIndexByte(l.content[:at], '\n') + 1
		}
		first := readLimited(t, h.source, l, l.content[:at], agent.Cursor{}, limit)
		rest := readLimited(t, h.source, l, l.content, first.Cursor, limit)
		parts := join(first, rest)
		if diff := cmp.Or(compare(s.whole, Fold(h.source, s.instead(i, parts))), compareSkips(s.facts[i], parts)); diff != "" {
			return fmt.Sprintf("%s split at %d: %s", l.name, at, diff)
		}
		pieces := h.readPieces(t, l, limit, random)
		if diff := cmp.Or(compare(s.whole, Fold(h.source, s.instead(i, pieces))), compareSkips(s.facts[i], pieces)); diff != "" {
			return fmt.Sprintf("%s read in pieces: %s", l.name, diff)
		}
		if at < len(l.content) && !endsLater(l.content[:at]) {
			ended := readLimited(t, h.source, l, l.content[:bytes.LastIndexByte(l.content[:at], '\n')+1], agent.Cursor{}, limit)
			if diff := compare(Fold(h.source, ended), Fold(h.source, first)); diff != "" {
				return fmt.Sprintf("%s cut at %d: %s", l.name, at, diff)
			}
		}
		if quarrel {
			continue
		}
		again := readLimited(t, h.source, l, l.content, s.facts[i].Cursor, limit)
		if diff := compareCounts(s.whole, Fold(h.source, join(join(s.facts...), again, s.facts[i]))); diff != "" {
			return fmt.Sprintf("%s read twice: %s", l.name, diff)
		}
	}
	if quarrel {
		return ""
	}
	turned := slices.Clone(s.facts)
	slices.Reverse(turned)
	if diff := compareCounts(s.whole, Fold(h.source, join(turned...))); diff != "" {
		return "files in another order: " + diff
	}
	if limit != 0 {
		return ""
	}
	return h.compareReference(t, home)
}

// quarrel reports whether two logs that are no copies of each other claim to be the same
// thread. Both cannot be right, and whose rows the others' are then hangs on the order.
func (s *suite) quarrel() bool {
	logOf := map[string]int{}
	for i, facts := range s.facts {
		for _, thread := range facts.Threads {
			other, known := logOf[thread.ID]
			a, b := s.logs[i].content, s.logs[other].content
			if known && !bytes.HasPrefix(a, b) && !bytes.HasPrefix(b, a) {
				return true
			}
			logOf[thread.ID] = i
		}
	}
	return false
}

// compareCounts is compare without the sessions: of two that claim one moment, as only damage
// makes them, the one that was read last stands.
func compareCounts(want, got *Folded) string {
	return compare(&Folded{Events: want.Events, Samples: want.Samples}, &Folded{Events: got.Events, Samples: got.Samples})
}

// goesOn reports whether a record that is whole ends at a place and the line goes on. Such a
// record is read as it stands: no agent writes so.
func goesOn(content []byte, at int) bool {
	tail := content[bytes.LastIndexByte(content[:at], '\n')+1 : at]
	return bytes.HasSuffix(bytes.Trim(tail, "\x00\r \t"), []byte("}")) && at < len(content) && content[at] != '\n'
}

// endsLater reports whether a text ends with a line that is whole but for its line feed.
func endsLater(content []byte) bool {
	tail := content[bytes.LastIndexByte(content, '\n')+1:]
	tail = bytes.ReplaceAll(tail, []byte{0}, nil)
	return bytes.Contains(tail, []byte("{")) && json.Valid(bytes.TrimPrefix(tail, []byte("\xef\xbb\xbf")))
}

// readPieces reads a log from a file that gives some bytes at a time.
func (h *fuzzHome) readPieces(t *testing.T, l log, limit int64, random *rand.Rand) *Facts {
	facts := &Facts{}
	file := &agent.File{
		Root: l.root, Name: l.name, Modified: usage.MillisOf(FileTime), Limit: limit,
		Content: iotest.DataErrReader(&pieces{bytes.NewReader(l.content), random, 1 << random.IntN(12)}),
	}
	if err := h.source.Reader(l.root, l.name).Read(context.Background(), file, agent.Cursor{}, facts); err != nil {
		t.Fatal(err)
	}
	return facts
}

type pieces struct {
	from   io.Reader
	random *rand.Rand
	most   int
}

func (p *pieces) Read(b []byte) (int, error) {
	return p.from.Read(b[:min(len(b), 1+p.random.IntN(p.most))])
}

// checkCost reads a log for nobody and looks at what that takes.
func (h *fuzzHome) checkCost(t *testing.T, l log) {
	file := &agent.File{Root: l.root, Name: l.name, Modified: usage.MillisOf(FileTime)}
	// A hang would not come to its end to be told, so it is stopped while it lasts.
	watchdog := time.AfterFunc(fuzzLongest, func() { panic(fmt.Sprintf("%s: %d bytes take more than %s", l.name, len(l.content), fuzzLongest)) })
	defer watchdog.Stop()
	most := fuzzBase + fuzzPerByte*uint64(len(l.content))
	var n uint64
	for range 3 { // now and then others allocate too
		file.Content = bytes.NewReader(l.content)
		before := allocated()
		if err := h.source.Reader(l.root, l.name).Read(context.Background(), file, agent.Cursor{}, nobody{}); err != nil {
			t.Fatal(err)
		}
		if n = allocated() - before; n <= most {
			return
		}
	}
	t.Fatalf("%s: %d bytes were allocated to read %d", l.name, n, len(l.content))
}

// allocated gives the bytes that this process has allocated so far.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// nobody takes facts and keeps none.
type nobody struct{}

func (nobody) Event(*usage.Event)            {}
func (nobody) Thread(*usage.Thread)          {}
func (nobody) Mark(usage.Mark)               {}
func (nobody) Sample(*usage.Sample)          {}
func (nobody) Session(*usage.Session)        {}
func (nobody) Bill(*usage.Bill)              {}
func (nobody) Skip(usage.Skip)               {}
func (nobody) Checkpoint(agent.Cursor) error { return nil }
