package ingest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"sync"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/store"
	"tokenmeter/internal/usage"
)

// job is one log to be read.
type job struct {
	candidate
	stored  store.File // as it was last read; the zero value if never
	counted bool       // it makes up the progress
}

// left is about how many bytes there are to read.
func (j *job) left() int64 {
	if isCompressed(j.name) || j.stored.Offset > j.size {
		return j.size
	}
	return j.size - j.stored.Offset
}

// queue hands jobs to the reading goroutines.
type queue struct {
	mu   sync.Mutex
	jobs []*job // the next one last
}

// push puts jobs behind (in order) or, if urgent, before those that wait.
func (q *queue) push(jobs []*job, urgent bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	jobs = slices.Clone(jobs)
	slices.Reverse(jobs)
	if urgent {
		q.jobs = append(q.jobs, jobs...)
	} else {
		q.jobs = append(jobs, q.jobs...)
	}
}

// next takes a job; nil if there is none.
func (q *queue) next() *job {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.jobs) == 0 {
		q.jobs = nil
		return nil
	}
	last := len(q.jobs) - 1
	j := q.jobs[last]
	q.jobs[last] = nil // the room outlives the jobs by an import
	q.jobs = q.jobs[:last]
	return j
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.jobs)
}

// clear empties the queue.
func (q *queue) clear() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.jobs = nil
}

// piece is what one stretch of a log told, on its way to the writer.
type piece struct {
	job   *job
	chunk store.Chunk // without a copy of its own: the facts lie in the bundle
	last  bool        // the log has been read as far as it goes
	err   error       // with last: why it could not be read
	ahead bool        // with last: see collector
}

func (p *piece) rows() int { return rowsOf(&p.chunk) }

func rowsOf(c *store.Chunk) int {
	return len(c.Events) + len(c.Marks) + len(c.Samples) + len(c.Sessions) + len(c.Bills)
}

// Bounds of a piece. It is cut off at the first checkpoint after pieceRows, and where no
// checkpoint comes, without one. A bundle goes to the writer when it has about as much; most
// logs have less than a hundred rows, and to hand over takes longer than to read such a one.
const (
	pieceRows    = 1024
	pieceRowsMax = 8 * pieceRows
	// patient is the size of a log, in bytes, up to which others may wait in a bundle for it.
	patient = 4 << 20
)

// bundle is pieces that are handed over together, and the room for their facts.
type bundle struct {
	pieces []piece
	facts  store.Chunk
}

// bundles lends out bundles, so that their room is used again.
type bundles struct{ pool sync.Pool }

func (b *bundles) get() *bundle {
	if fresh, ok := b.pool.Get().(*bundle); ok {
		return fresh
	}
	return new(bundle)
}

// put takes a bundle back. Strings are let go, so that they do not outlive their use.
func (b *bundles) put(old *bundle) {
	c := &old.facts
	clear(c.Events)
	clear(c.Threads)
	clear(c.Marks)
	clear(c.Samples)
	clear(c.Sessions)
	clear(c.Bills)
	clear(old.pieces)
	old.pieces = old.pieces[:0]
	old.facts = store.Chunk{
		Events: c.Events[:0], Threads: c.Threads[:0], Marks: c.Marks[:0], Samples: c.Samples[:0], Sessions: c.Sessions[:0], Bills: c.Bills[:0],
	}
	b.pool.Put(old)
}

// reading is one reading goroutine.
type reading struct {
	in     *Ingest
	ctx    context.Context
	out    chan<- *bundle
	bulk   bool    // figures need not be handed over log by log
	bundle *bundle // the one that is being filled
	unpack unpacker
}

// run reads jobs until there are no more.
func (r *reading) run() {
	defer r.unpack.close()
	for r.ctx.Err() == nil {
		j := r.in.queue.next()
		if j == nil {
			break
		}
		if j.left() > patient {
			r.send()
		}
		r.read(j)
	}
	r.send()
}

// send hands the bundle to the writer.
func (r *reading) send() {
	if r.bundle == nil || len(r.bundle.pieces) == 0 {
		return
	}
	select {
	case r.out <- r.bundle:
	case <-r.ctx.Done():
	}
	r.bundle = nil
}

// read reads one log and always ends with a last piece, unless the context ended.
func (r *reading) read(j *job) {
	c := &collector{reading: r, job: j, agent: j.source.Info().ID, file: j.stored}
	c.open()
	file, err := openLog(j.path)
	if err == nil {
		defer file.Close()
		err = r.readFile(file, c)
	}
	if r.ctx.Err() == nil {
		c.hand(true, err)
	}
}

// readFile finds where to go on in an open file and has it read.
func (r *reading) readFile(file *os.File, c *collector) (err error) {
	j := c.job
	// A reader that trips over a hostile log must cost that log only.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("read %s: reader failed: %v", j.path, p)
		}
	}()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fs.ErrNotExist // something else took its place
	}
	now := stampOf(info)
	packed := isCompressed(j.name)
	c.begin(now, packed, file)
	// If these bytes are others in the end, the log was written anew meanwhile.
	witness := min(c.file.Offset+tailLength, now.size)
	before := tailOf(file, witness)

	var content io.Reader
	var unpacked *packedContent
	if packed {
		if unpacked, err = r.unpack.open(file); err != nil {
			return fmt.Errorf("unpack %s: %w", j.path, err)
		}
		content = unpacked
	} else {
		if _, err := file.Seek(c.file.Offset, io.SeekStart); err != nil {
			return err
		}
		content = &plainContent{file: file, left: now.size - c.file.Offset, done: &r.in.bytesDone}
	}
	err = j.source.Reader(j.Root, j.name).Read(r.ctx, &agent.File{
		Root: j.Root, Name: j.name, Path: j.path, Content: content,
		Modified: usage.Millis(now.modified / 1e6), Limit: agent.DefaultLimit,
	}, agent.Cursor{Offset: c.file.Offset, State: c.file.State}, c)
	if packed {
		r.in.bytesDone.Add(now.size)
	}
	if err != nil {
		return err
	}
	if !packed && !bytes.Equal(before, tailOf(file, witness)) {
		c.again = true
	}
	if c.again = c.again || c.ahead; c.again {
		return nil // it stays changed, and is read from the beginning
	}
	// Only now is the file known as it was when it was looked at. If it has grown since,
	// its stamp differs, and it is looked at again.
	c.file.Modified = now.modified
	if unpacked != nil && unpacked.incomplete {
		c.file.Tail = incompleteTail
		return errIncomplete
	}
	return nil
}

// collector is the agent.Sink that cuts what a reader tells into pieces.
type collector struct {
	reading *reading
	job     *job
	agent   usage.AgentID

	file   store.File  // as it is after the last checkpoint
	source io.ReaderAt // nil: the content is compressed, and no tail can be taken
	// again: all of it must be read again, as the log was written anew while it was read,
	// or its dates are to be believed later.
	again bool
	ahead bool // it was written in the future of this machine's clock, and so are requests in it
	mtime usage.Millis
	facts *store.Chunk // of the bundle
	start extent       // where in it the piece begins that is being filled

	skipped map[usage.Reason]int64 // since the last checkpoint
	folder  string                 // the last working folder, and
	project string                 // its project
}

// begin decides where reading goes on. A file is read from the beginning if it is new,
// was read by an older reader, shrank, or has other bytes before the cursor; the keys of
// its facts make that harmless. A compressed one cannot be entered in the middle.
func (c *collector) begin(now stamp, packed bool, file io.ReaderAt) {
	f := &c.file
	revision := c.job.source.Info().Revision
	whole := f.Path == "" || f.Agent != c.agent || f.Revision < revision || packed ||
		now.size < f.Offset || (f.Offset > 0 && (f.Tail == nil || !bytes.Equal(f.Tail, tailOf(file, f.Offset))))
	if whole {
		c.file = store.File{Revision: revision}
	}
	if f.Offset == 0 {
		f.Skipped = nil // all is read, and counted again
	}
	f.Agent, f.Path, f.Root, f.Name = c.agent, c.job.path, c.job.root.Path, c.job.name
	f.Gone = false
	f.Skipped = maps.Clone(f.Skipped)
	// Until all is read the file counts as changed.
	f.Size, f.Modified, f.Device, f.Inode = now.size, 0, now.device, now.inode
	f.Seen = usage.MillisOf(c.reading.in.o.Clock())
	c.mtime = usage.Millis(now.modified / 1e6)
	if !packed {
		c.source = file
	}
}

// extent is how much a chunk holds.
type extent struct{ events, threads, marks, samples, sessions, bills int }

// open begins a piece.
func (c *collector) open() {
	r := c.reading
	if r.bundle == nil {
		r.bundle = r.in.bundles.get()
	}
	c.facts = &r.bundle.facts
	c.start = extent{len(c.facts.Events), len(c.facts.Threads), len(c.facts.Marks), len(c.facts.Samples), len(c.facts.Sessions), len(c.facts.Bills)}
}

// rows counts those of the piece.
func (c *collector) rows() int {
	return rowsOf(c.facts) - c.start.events - c.start.marks - c.start.samples - c.start.sessions - c.start.bills
}

// Event takes a request. Every request of every agent comes through here.
func (c *collector) Event(e *usage.Event) {
	c.facts.Events = append(c.facts.Events, *e)
	kept := &c.facts.Events[len(c.facts.Events)-1]
	kept.Agent, kept.Project = c.agent, c.projectOf(e.Project)
	// A clock that ran ahead must not fill days that are yet to come: the request is dated
	// when it was first seen, and Merge keeps the earliest. Nor was it made after its log
	// was written last. But if the log itself is from the future, it may as well be this
	// machine's clock that is behind, and all is dated again when that has caught up.
	if latest := c.file.Seen + futureTime; c.file.Seen != 0 && kept.Time > latest {
		c.ahead = c.ahead || c.mtime > latest
		kept.Time = c.file.Seen
		if c.mtime > 0 {
			kept.Time = min(kept.Time, c.mtime)
		}
		kept.Flags |= usage.TimeSeen
	}
	c.bound()
}

// futureTime is how far ahead of this machine's clock a request may be dated, in
// milliseconds.
const futureTime = 10 * 60 * 1000

// Thread takes what a log says of its own beginning.
func (c *collector) Thread(t *usage.Thread) {
	kept := *t
	kept.Agent, kept.Parents = c.agent, slices.Clone(t.Parents)
	c.facts.Threads = append(c.facts.Threads, kept)
}

// Mark takes a counter row.
func (c *collector) Mark(m usage.Mark) {
	c.facts.Marks = append(c.facts.Marks, m)
	c.bound()
}

// Sample takes a reading of an allowance.
func (c *collector) Sample(s *usage.Sample) {
	c.facts.Samples = append(c.facts.Samples, *s)
	c.facts.Samples[len(c.facts.Samples)-1].Agent = c.agent
	c.bound()
}

// Session takes what a line tells of its conversation.
func (c *collector) Session(s *usage.Session) {
	c.facts.Sessions = append(c.facts.Sessions, *s)
	kept := &c.facts.Sessions[len(c.facts.Sessions)-1]
	kept.Agent, kept.Project = c.agent, c.projectOf(s.Project)
	c.bound()
}

// Bill takes what the agent says that a session has cost. One that is dated in the future of
// this machine's clock must not keep later ones out.
func (c *collector) Bill(b *usage.Bill) {
	kept := *b
	kept.Agent = c.agent
	if c.file.Seen != 0 && kept.Time > c.file.Seen+futureTime {
		kept.Time = c.file.Seen
	}
	c.facts.Bills = append(c.facts.Bills, kept)
	c.bound()
}

// Skip counts what could not be used. It counts once the cursor is past it.
func (c *collector) Skip(s usage.Skip) {
	if c.skipped == nil {
		c.skipped = make(map[usage.Reason]int64)
	}
	c.skipped[s.Reason]++
}

// Checkpoint moves the cursor.
func (c *collector) Checkpoint(at agent.Cursor) error {
	c.file.Offset = at.Offset
	if !bytes.Equal(c.file.State, at.State) {
		c.file.State = bytes.Clone(at.State)
	}
	for reason, n := range c.skipped {
		if c.file.Skipped == nil {
			c.file.Skipped = make(map[usage.Reason]int64)
		}
		c.file.Skipped[reason] += n
	}
	clear(c.skipped)
	if c.rows() >= pieceRows {
		c.hand(false, nil)
	}
	return c.reading.ctx.Err()
}

// bound cuts a piece off when it has become large without a checkpoint. Its facts are
// committed without moving the cursor, so a restart reads them again.
func (c *collector) bound() {
	if c.rows() >= pieceRowsMax {
		c.hand(false, nil)
	}
}

// hand ends the piece, with the file as it is after it.
func (c *collector) hand(last bool, err error) {
	file := c.file
	switch {
	case c.again:
		file.Tail = nil
	case c.source != nil:
		file.Tail = tailOf(c.source, file.Offset)
	}
	file.Skipped = maps.Clone(file.Skipped)
	f, from := c.facts, c.start
	r := c.reading
	r.bundle.pieces = append(r.bundle.pieces, piece{job: c.job, last: last, err: err, ahead: c.ahead, chunk: store.Chunk{
		File: &file, Events: f.Events[from.events:], Threads: f.Threads[from.threads:], Marks: f.Marks[from.marks:],
		Samples: f.Samples[from.samples:], Sessions: f.Sessions[from.sessions:], Bills: f.Bills[from.bills:],
	}})
	if !r.bulk || rowsOf(f) >= pieceRows || len(r.bundle.pieces) >= pieceRows {
		r.send()
	}
	if !last {
		c.open()
	}
}

// projectOf names the project of a working folder. Neighbouring lines mostly have one.
func (c *collector) projectOf(folder string) string {
	if folder != c.folder {
		c.folder, c.project = folder, c.reading.in.projects.of(folder)
	}
	return c.project
}
