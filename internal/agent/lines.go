package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"weak"

	"tokenmeter/internal/usage"
)

const (
	// DefaultLimit is the longest line that is kept in memory where File.Limit is 0.
	DefaultLimit = 64 << 20

	lineBuffer      = 256 << 10 // larger is not faster
	largeBuffer     = 4 << 20   // beyond it only one reader of the process may go
	checkpointEvery = 1 << 20

	// skippingState is the first byte of the state while a line that is too long is being
	// passed over. No parser may use it as its version.
	skippingState = 0xff
)

// LineParser turns the lines of one file into facts, in order.
type LineParser interface {
	// Line takes a line without its line feed, carriage return, byte order mark and NULs;
	// it is never empty. It must not keep the line. at is the offset of its first byte in
	// the file. A line that holds nothing of interest is passed over in silence; one that
	// is damaged is out.Skip.
	Line(line []byte, at int64, out Sink)
	// State is what a parser for the next line must know, at most MaxState bytes with the
	// version first (not 0xff); nil if nothing.
	State() []byte
}

// Flusher is implemented by a LineParser that holds facts back, to merge them with those
// of the next line. Flush is called before every checkpoint and at the end, so that State
// need not carry them.
type Flusher interface {
	Flush(out Sink)
}

// Lines makes a Reader for files of lines that are appended to. start gives a parser that
// goes on from a state; nil or one of an unknown version: from the beginning.
func Lines(start func(f *File, state []byte) LineParser) Reader { return lineReader{start} }

type lineReader struct {
	start func(f *File, state []byte) LineParser
}

// Buffers are shared by all readers of the process: they are what memory is bounded by.
// A buffer that grew stays as it is for the next file. There is one large one at most. All
// wait for their next use as long as the garbage collector lets them.
var (
	lineBuffers = sync.Pool{New: func() any { b := make([]byte, lineBuffer); return &b }}
	largeOnes   = oneLarge()
)

func oneLarge() chan weak.Pointer[[]byte] {
	c := make(chan weak.Pointer[[]byte], 1)
	c <- weak.Pointer[[]byte]{}
	return c
}

func (r lineReader) Read(ctx context.Context, f *File, from Cursor, out Sink) error {
	small := lineBuffers.Get().(*[]byte)
	defer lineBuffers.Put(small)
	l := lineRun{ctx: ctx, file: f, out: out, limit: f.Limit, buffer: *small, small: small, base: from.Offset}
	if l.limit <= 0 {
		l.limit = DefaultLimit
	}
	defer l.release()
	state := from.State
	if len(state) > 0 && state[0] == skippingState {
		l.skipping, l.reported = true, true
		state = state[1:]
	}
	if len(state) == 0 {
		state = nil
	}
	l.parser = r.start(f, state)
	if err := l.run(); err != nil {
		return err
	}
	if err := l.checkpoint(); err != nil {
		return err
	}
	l.tail(r.start)
	return nil
}

// lineRun is one run of Read.
type lineRun struct {
	ctx    context.Context
	file   *File
	out    Sink
	parser LineParser
	limit  int64

	buffer []byte // buffer[:filled] is what was read and not yet used up
	small  *[]byte
	filled int
	base   int64   // offset in the file of buffer[0], the start of a line
	large  *[]byte // the large buffer, while this run has it; it may be empty

	nuls      bool // there are NULs in what was read
	skipping  bool // inside a line that is too long
	reported  bool // and that was said
	skipStart int64
	committed int64 // offset of the last checkpoint
}

func (l *lineRun) run() error {
	l.committed = l.base
	for {
		if err := l.ctx.Err(); err != nil {
			return err
		}
		if sparse, ok := l.file.Content.(Sparse); ok && l.skipping {
			l.base += sparse.SkipHole() // no line ends in there
		}
		if l.filled == len(l.buffer) {
			if err := l.grow(); err != nil {
				return err
			}
		}
		n, err := l.fill()
		fresh := l.filled
		l.filled += n
		if n > 0 {
			if !l.skipping && bytes.IndexByte(l.buffer[fresh:l.filled], 0) >= 0 {
				l.nuls = true
			}
			l.lines(fresh)
			if l.base-l.committed >= checkpointEvery && !l.skipping {
				if err := l.checkpoint(); err != nil {
					return err
				}
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", l.file.Path, err)
		}
	}
}

// fill reads once. A reader that gives nothing again and again is at fault.
func (l *lineRun) fill() (int, error) {
	for range 100 {
		room := l.buffer[l.filled:]
		n, err := l.file.Content.Read(room[:min(len(room), lineBuffer)])
		if n > 0 || err != nil {
			return n, err
		}
	}
	return 0, io.ErrNoProgress
}

// lines hands out the lines that ended in the bytes from fresh on, and moves the rest to
// the front.
func (l *lineRun) lines(fresh int) {
	start, search := 0, fresh
	if l.skipping {
		n := bytes.IndexByte(l.buffer[:l.filled], '\n')
		if n < 0 {
			l.base += int64(l.filled)
			l.filled = 0
			return
		}
		l.endSkipping(l.base + int64(n))
		start, search = n+1, n+1
		l.nuls = bytes.IndexByte(l.buffer[start:l.filled], 0) >= 0
	}
	for {
		n := bytes.IndexByte(l.buffer[search:l.filled], '\n')
		if n < 0 {
			break
		}
		end := search + n
		l.line(l.buffer[start:end], l.base+int64(start))
		start, search = end+1, end+1
	}
	if start > 0 {
		rest := l.buffer[start:l.filled] // at most one fill, so it fits the small buffer
		l.base += int64(start)
		if l.large != nil {
			l.buffer = *l.small
		}
		l.filled = copy(l.buffer, rest)
		l.release() // once nothing of it is needed
		l.nuls = l.nuls && bytes.IndexByte(l.buffer[:l.filled], 0) >= 0
	}
	if int64(l.filled) > l.limit {
		l.beginSkipping()
	}
}

func (l *lineRun) line(line []byte, at int64) {
	if int64(len(line)) > l.limit {
		l.out.Skip(usage.Skip{Offset: at, Length: int64(len(line)), Reason: usage.ReasonTooLong})
		return
	}
	length := int64(len(line))
	line, damaged := l.clean(line)
	if damaged {
		l.out.Skip(usage.Skip{Offset: at, Length: length, Reason: usage.ReasonRepair})
	}
	if len(line) > 0 {
		l.parser.Line(line, at, l.out)
	}
}

// clean strips, in place, what is not part of a line's text. damaged: there were NULs.
func (l *lineRun) clean(line []byte) (cleaned []byte, damaged bool) {
	if l.nuls && bytes.IndexByte(line, 0) >= 0 {
		line = slices.DeleteFunc(line, func(c byte) bool { return c == 0 })
		damaged = true
	}
	line = bytes.TrimSuffix(line, []byte("\r"))
	return bytes.TrimPrefix(line, []byte("\xef\xbb\xbf")), damaged
}

func (l *lineRun) beginSkipping() {
	l.skipping, l.reported, l.skipStart = true, false, l.base
	l.base += int64(l.filled)
	l.filled = 0
	l.release()
	l.buffer = *l.small
}

// endSkipping notes that the long line ends before the byte at end.
func (l *lineRun) endSkipping(end int64) {
	if !l.reported {
		l.out.Skip(usage.Skip{Offset: l.skipStart, Length: end - l.skipStart, Reason: usage.ReasonTooLong})
	}
	l.skipping = false
}

// grow makes room for a longer line, in steps, so that what is cleared and copied stays in
// proportion to the line. The later steps are wider, because what was too small stays in
// memory for a while.
func (l *lineRun) grow() error {
	size := 2 * len(l.buffer)
	if size <= largeBuffer {
		grown := make([]byte, size)
		copy(grown, l.buffer[:l.filled])
		l.buffer, *l.small = grown, grown
		return nil
	}
	if l.large == nil {
		select {
		case kept := <-largeOnes:
			if l.large = kept.Value(); l.large == nil {
				l.large = new([]byte)
			}
		case <-l.ctx.Done():
			return l.ctx.Err()
		}
	}
	if len(l.buffer) > largeBuffer {
		size *= 2
	}
	if len(*l.large) <= len(l.buffer) {
		// With one byte more than the limit it shows that a line is too long.
		*l.large = make([]byte, max(int64(len(l.buffer))+1, min(int64(size), l.limit+1)))
	}
	copy(*l.large, l.buffer[:l.filled])
	l.buffer = *l.large
	return nil
}

// release gives the large buffer back.
func (l *lineRun) release() {
	if l.large != nil {
		largeOnes <- weak.Make(l.large)
		l.large = nil
	}
}

// checkpoint says that all up to base is read.
func (l *lineRun) checkpoint() error {
	if flusher, ok := l.parser.(Flusher); ok {
		flusher.Flush(l.out)
	}
	state := l.parser.State()
	if l.skipping {
		// Inside a line without end the cursor moves on all the same, or each new byte
		// would mean to read the line again.
		if !l.reported {
			l.out.Skip(usage.Skip{Offset: l.skipStart, Length: l.base - l.skipStart, Reason: usage.ReasonTooLong})
			l.reported = true
		}
		state = append([]byte{skippingState}, state...)
	}
	l.committed = l.base
	return l.out.Checkpoint(Cursor{Offset: l.base, State: state})
}

// tail reads a last line that has no line feed yet, if it is whole: the agent may be about
// to end it, or may never do so. It is read again with the rest.
func (l *lineRun) tail(start func(f *File, state []byte) LineParser) {
	if l.filled == 0 || l.skipping || int64(l.filled) > l.limit {
		return
	}
	line, _ := l.clean(l.buffer[:l.filled])
	if len(line) == 0 || line[0] != '{' || Valid(line) != nil {
		return
	}
	out := tailSink{l.out}
	parser := start(l.file, l.parser.State())
	parser.Line(line, l.base, out)
	if flusher, ok := parser.(Flusher); ok {
		flusher.Flush(out)
	}
}

// tailSink passes on what an unfinished line tells, but no complaint about it.
type tailSink struct{ Sink }

func (tailSink) Skip(usage.Skip) {}
