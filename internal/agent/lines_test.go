package agent

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"tokenmeter/internal/usage"
)

// echo is a parser that makes an event of every line: its place, its length and hash, and
// how many lines came before, which only the state can tell after a restart.
type echo struct{ lines int64 }

const echoVersion = 1

func echoes(_ *File, state []byte) LineParser {
	p := &echo{}
	if len(state) > 0 && state[0] == echoVersion {
		p.lines, _ = binary.Varint(state[1:])
	}
	return p
}

func (p *echo) Line(line []byte, at int64, out Sink) {
	if bytes.ContainsAny(line, "\n\x00") {
		panic("a line with a line feed or NUL")
	}
	if bytes.HasPrefix(line, []byte("bad")) {
		out.Skip(usage.Skip{Offset: at, Length: int64(len(line)), Reason: usage.ReasonSyntax})
	}
	key := usage.NewHash("line").Bytes(line).Key()
	out.Event(&usage.Event{Key: key, Offset: at, Ordinal: int(p.lines), Tokens: usage.Tokens{Input: int64(len(line))}})
	p.lines++
}

func (p *echo) State() []byte { return binary.AppendVarint([]byte{echoVersion}, p.lines) }

// readFrom reads content from a cursor on and gives what was told, and the last cursor.
func readFrom(t testing.TB, content []byte, from Cursor, limit int64) (*record, Cursor) {
	t.Helper()
	out := &record{}
	f := &File{Path: "log", Content: bytes.NewReader(content[from.Offset:]), Limit: limit}
	if err := Lines(echoes).Read(context.Background(), f, from, out); err != nil {
		t.Fatal(err)
	}
	last := out.cursors[len(out.cursors)-1]
	return out, Cursor{last.Offset, slices.Clone(last.State)}
}

func places(events []usage.Event) map[int64]usage.Event {
	found := map[int64]usage.Event{}
	for _, e := range events {
		found[e.Offset] = e
	}
	return found
}

func TestLines(t *testing.T) {
	for _, c := range []struct {
		name, content string
		lines         []string
		skips         []usage.Skip
		offset        int64 // of the cursor at the end
	}{
		{"empty file", "", nil, nil, 0},
		{"empty lines", "\n\n\r\n", nil, nil, 4},
		{"one line", "a\n", []string{"a"}, nil, 2},
		{"carriage return", "a\r\nb\r\r\n", []string{"a", "b\r"}, nil, 7},
		{"byte order mark", "\xef\xbb\xbfa\n\xef\xbb\xbf\n", []string{"a"}, nil, 9},
		{"line separators stay", "a\u2028b\u0085c\vd\n", []string{"a\u2028b\u0085c\vd"}, nil, 11},
		{"NULs", "a\x00\x00b\n\x00\nc\n", []string{"ab", "c"}, []usage.Skip{{Offset: 0, Length: 4, Reason: usage.ReasonRepair}, {Offset: 5, Length: 1, Reason: usage.ReasonRepair}}, 9},
		{"NULs before a mark", "\x00\xef\xbb\xbfa\n", []string{"a"}, []usage.Skip{{Offset: 0, Length: 5, Reason: usage.ReasonRepair}}, 6},
		{"whole last line", "a\n{}", []string{"a", "{}"}, nil, 2},
		{"whole last line with its carriage return", "a\n{}\r", []string{"a", "{}"}, nil, 2},
		{"half a last line", "a\n{\"b", []string{"a"}, nil, 2},
		{"last line of a word", "a\ntrue", []string{"a"}, nil, 2},
		{"NULs at the end", "a\n\x00\x00\x00", []string{"a"}, nil, 2},
		{"bad line", "bad\na\n", []string{"bad", "a"}, []usage.Skip{{Offset: 0, Length: 3, Reason: usage.ReasonSyntax}}, 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, cursor := readFrom(t, []byte(c.content), Cursor{}, 0)
			var want []usage.Key
			for _, line := range c.lines {
				want = append(want, usage.NewHash("line").Text(line).Key())
			}
			var got []usage.Key
			for i, e := range out.events {
				if e.Ordinal != i {
					t.Errorf("line %d is taken for %d", i, e.Ordinal)
				}
				got = append(got, e.Key)
			}
			if !slices.Equal(got, want) {
				t.Errorf("want the lines %q, got %+v", c.lines, out.events)
			}
			if !slices.Equal(out.skips, c.skips) {
				t.Errorf("want %+v skipped, got %+v", c.skips, out.skips)
			}
			if cursor.Offset != c.offset {
				t.Errorf("want the cursor at %d, got %d", c.offset, cursor.Offset)
			}
		})
	}
}

// mixed is a log with all that can happen, lines of every length up to longest.
func mixed(random *rand.Rand, size, longest int) []byte {
	var content bytes.Buffer
	for content.Len() < size {
		switch random.IntN(12) {
		case 0:
			content.WriteString("\r\n")
		case 1:
			content.Write(make([]byte, random.IntN(40)))
		case 2:
			content.WriteString("bad\n")
		case 3:
			content.WriteString("\xef\xbb\xbf{}\n")
		default:
			fmt.Fprintf(&content, "{\"n\":%d,\"text\":\"%s\"}\n", random.IntN(1000), strings.Repeat("x", random.IntN(longest)))
		}
	}
	return content.Bytes()[:size]
}

// checkParts reads content in one run and in parts that end at the given places, and wants
// the same lines, the same numbers and the same complaints, each once.
func checkParts(t *testing.T, content []byte, limit int64, ends ...int) {
	t.Helper()
	whole, _ := readFrom(t, content, Cursor{}, limit)
	parts := &record{}
	var cursor Cursor
	for _, end := range append(ends, len(content)) {
		var part *record
		part, cursor = readFrom(t, content[:end], cursor, limit)
		parts.events = append(parts.events, part.events...)
		parts.skips = append(parts.skips, part.skips...)
	}
	want, got := places(whole.events), places(parts.events)
	if len(want) != len(got) {
		t.Fatalf("in parts %v: want %d lines, got %d", ends, len(want), len(got))
	}
	for at, e := range want {
		if got[at] != e {
			t.Fatalf("in parts %v: at %d want %+v, got %+v", ends, at, e, got[at])
		}
	}
	// How long a line is that is too long may not be known yet at the end of a part.
	same := func(a, b usage.Skip) bool {
		return a.Offset == b.Offset && a.Reason == b.Reason && (a.Length == b.Length || a.Reason == usage.ReasonTooLong)
	}
	if !slices.EqualFunc(whole.skips, parts.skips, same) {
		t.Fatalf("in parts %v: want %+v skipped, got %+v", ends, whole.skips, parts.skips)
	}
}

func TestLinesSplitAnywhere(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	content := mixed(random, 3000, 200)
	for _, limit := range []int64{0, 100} {
		for at := range len(content) + 1 {
			checkParts(t, content, limit, at)
		}
	}
	for range 300 {
		a, b := random.IntN(len(content)+1), random.IntN(len(content)+1)
		checkParts(t, content, int64(random.IntN(300)), min(a, b), max(a, b))
	}
	// Longer than the buffers, so that they grow and are cut.
	content = mixed(random, 5<<20, 600<<10)
	for range 8 {
		checkParts(t, content, 0, random.IntN(len(content)+1))
		checkParts(t, content, 300<<10, random.IntN(len(content)+1))
	}
}

func FuzzLines(f *testing.F) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 10 {
		f.Add(mixed(random, 300, 60), uint(random.IntN(300)), uint16(random.IntN(100)))
	}
	f.Fuzz(func(t *testing.T, content []byte, split uint, limit uint16) {
		at := int(split % uint(len(content)+1))
		// A record that is whole, and goes on all the same, is read as it stands: no
		// agent writes so.
		tail := content[bytes.LastIndexByte(content[:at], '\n')+1 : at]
		if bytes.HasSuffix(bytes.Trim(tail, "\x00\r \t"), []byte("}")) && at < len(content) && content[at] != '\n' {
			t.Skip()
		}
		checkParts(t, content, int64(limit), at)
	})
}

func TestLinesReadInSmallPieces(t *testing.T) {
	content := mixed(rand.New(rand.NewPCG(1, 3)), 20_000, 500)
	whole, _ := readFrom(t, content, Cursor{}, 0)
	out := &record{}
	f := &File{Content: iotest.DataErrReader(iotest.OneByteReader(bytes.NewReader(content)))}
	if err := Lines(echoes).Read(context.Background(), f, Cursor{}, out); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(whole.events, out.events) || !slices.Equal(whole.skips, out.skips) {
		t.Error("byte by byte something else is read")
	}
}

func TestLinesTooLong(t *testing.T) {
	const limit = 1000
	long := strings.Repeat("x", 700_000)
	content := []byte("a\n" + strings.Repeat("y", limit) + "\n" + strings.Repeat("y", limit+1) + "\n" + long + "\nb\n")
	out, cursor := readFrom(t, content, Cursor{}, limit)
	if len(out.events) != 3 {
		t.Errorf("want a, the line of just the limit, and b, got %+v", out.events)
	}
	want := []usage.Skip{
		{Offset: 2 + limit + 1, Length: limit + 1, Reason: usage.ReasonTooLong},
		{Offset: 2 + limit + 1 + limit + 2, Length: int64(len(long)), Reason: usage.ReasonTooLong},
	}
	if !slices.Equal(out.skips, want) {
		t.Errorf("want %+v, got %+v", want, out.skips)
	}
	if cursor.Offset != int64(len(content)) {
		t.Errorf("the cursor is at %d of %d", cursor.Offset, len(content))
	}
}

// A line that never ends is not read again from its start when the file grows.
func TestLinesWithoutEnd(t *testing.T) {
	const limit = 1000
	content := []byte("a\n" + strings.Repeat("x", 900_000))
	out, cursor := readFrom(t, content, Cursor{}, limit)
	if len(out.skips) != 1 || cursor.Offset != int64(len(content)) {
		t.Fatalf("skipped %+v, the cursor is at %d of %d", out.skips, cursor.Offset, len(content))
	}
	content = append(content, "more"...)
	out, cursor = readFrom(t, content, cursor, limit)
	if len(out.skips)+len(out.events) != 0 || cursor.Offset != int64(len(content)) {
		t.Fatalf("it grew: %+v", out)
	}
	content = append(content, "end\nb\n"...)
	out, _ = readFrom(t, content, cursor, limit)
	if len(out.skips) != 0 || len(out.events) != 1 || out.events[0].Ordinal != 1 {
		t.Fatalf("it ended: %+v", out)
	}
}

func TestLinesOf64MiB(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some hundred megabytes")
	}
	for _, c := range []struct {
		length int
		kept   bool
	}{{DefaultLimit, true}, {DefaultLimit + 1, false}} {
		content := bytes.Repeat([]byte("x"), c.length)
		content = append(content, "\nb\n"...)
		out, _ := readFrom(t, content, Cursor{}, 0)
		if kept := len(out.events) == 2; kept != c.kept || len(out.skips) == 0 != c.kept {
			t.Errorf("%d bytes: kept %v, skipped %+v", c.length, kept, out.skips)
		}
	}
	if len(largeOnes) != 1 {
		t.Error("the large buffer was not given back")
	}
}

// zeros is a sparse file: NULs without a line feed.
type zeros struct{ left int64 }

func (z *zeros) Read(b []byte) (int, error) {
	if z.left <= 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(b)), z.left))
	clear(b[:n])
	z.left -= int64(n)
	return n, nil
}

func TestLinesOfASparseFileTakeNoMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 4 GiB")
	}
	out := &record{}
	if err := Lines(echoes).Read(context.Background(), &File{Content: &zeros{4 << 30}, Limit: 1 << 20}, Cursor{}, out); err != nil {
		t.Fatal(err)
	}
	if len(out.skips) != 1 || out.skips[0].Length != 4<<30 {
		t.Errorf("skipped %+v", out.skips)
	}
}

func TestLinesGiveWay(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	read := 0
	content := iotest.OneByteReader(readerFunc(func(b []byte) (int, error) {
		if read++; read == 100 {
			cancel()
		}
		if read > 101 {
			t.Error("reading went on")
		}
		return copy(b, "x"), nil
	}))
	err := Lines(echoes).Read(ctx, &File{Content: content}, Cursor{}, &record{})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}

	// Waiting for a large buffer ends with the context as well.
	kept := <-largeOnes
	defer func() { largeOnes <- kept }()
	ctx, cancel = context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := Lines(echoes).Read(ctx, &File{Content: &zeros{1 << 40}}, Cursor{}, &record{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

func TestLinesErrors(t *testing.T) {
	broken := errors.New("the disk is gone")
	out := &record{}
	f := &File{Path: "/logs/a", Content: io.MultiReader(strings.NewReader("a\nb\n{}"), iotest.ErrReader(broken))}
	err := Lines(echoes).Read(context.Background(), f, Cursor{}, out)
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "/logs/a") {
		t.Errorf("got %v", err)
	}
	f = &File{Content: readerFunc(func([]byte) (int, error) { return 0, nil })}
	if err := Lines(echoes).Read(context.Background(), f, Cursor{}, out); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("got %v", err)
	}
	full := errors.New("the database is full")
	out = &record{stop: func(Cursor) error { return full }}
	f = &File{Content: bytes.NewReader(claudeLines(3 << 20))}
	if err := Lines(echoes).Read(context.Background(), f, Cursor{}, out); !errors.Is(err, full) || len(out.cursors) != 1 {
		t.Errorf("got %v after %d checkpoints", err, len(out.cursors))
	}
}

func TestLinesCheckpoints(t *testing.T) {
	content := claudeLines(10 << 20)
	out, _ := readFrom(t, content, Cursor{}, 0)
	if n := len(out.cursors); n < 8 || n > 12 {
		t.Errorf("%d checkpoints in 10 MiB", n)
	}
	for _, cursor := range out.cursors {
		if content[cursor.Offset-1] != '\n' {
			t.Errorf("a checkpoint at %d, inside a line", cursor.Offset)
		}
	}
}

// holder holds its facts back until it is asked for them.
type holder struct {
	idleParser
	held int64
}

func (p *holder) Line(line []byte, at int64, out Sink) { p.held++ }

func (p *holder) Flush(out Sink) {
	out.Event(&usage.Event{Tokens: usage.Tokens{Input: p.held}})
	p.held = 0
}

func TestLinesFlushBeforeEveryCheckpoint(t *testing.T) {
	content := claudeLines(3 << 20)
	lines := int64(bytes.Count(content, []byte("\n")))
	content = append(content, "{}"...) // read by a parser of its own
	told, atCheckpoint := int64(0), 0
	out := &record{}
	out.stop = func(Cursor) error { atCheckpoint = len(out.events); return nil }
	reader := Lines(func(*File, []byte) LineParser { return &holder{} })
	if err := reader.Read(context.Background(), &File{Content: bytes.NewReader(content)}, Cursor{}, out); err != nil {
		t.Fatal(err)
	}
	for _, e := range out.events[:atCheckpoint] {
		told += e.Input
	}
	if told != lines || len(out.events) != atCheckpoint+1 {
		t.Errorf("%d of %d lines told before the last checkpoint, %d events after", told, lines, len(out.events)-atCheckpoint)
	}
}
