package ingest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/health"
	"tokenmeter/internal/store"
	"tokenmeter/internal/usage"
)

// Options are what ingest works with. All but Signs and Changed must be set.
type Options struct {
	Store   *store.Store
	Sources []agent.Source
	Env     agent.Env
	Clock   func() time.Time
	Health  *health.Board
	// Signs is a folder that Run makes and removes, in which CatchUp makes short-lived files;
	// in memory if there is such a place. "" = none, and CatchUp looks at everything.
	Signs string
	// Changed is called after each commit that brought something and when Progress moved,
	// by the writing goroutine; it must not block.
	Changed func()
}

// Progress says how far a reading of the logs is.
type Progress struct {
	Running    bool
	Files      int // to be read in this run
	FilesDone  int
	Bytes      int64 // on disk
	BytesDone  int64
	Events     int64 // handed to the store in this run
	FirstStart bool  // nothing had been stored before
}

// Ingest reads the logs of all sources into one store.
type Ingest struct {
	o        Options
	projects projects
	bundles  bundles
	queue    queue

	questions chan *question
	bytesDone atomic.Int64

	mu       sync.Mutex
	progress Progress // BytesDone is kept apart

	// The rest belongs to the goroutine that called Once or Run.

	loaded    bool
	looked    bool                    // News has looked, and Once need not
	files     map[string]*store.File  // as they are stored, by path
	busy      map[string]*reread      // queued or being read
	gone      map[string]*store.File  // to be noted as gone by the next commit
	failed    map[string]*failure     // files that could not be read
	trouble   map[string]bool         // folders that could not be listed
	ahead     map[string]bool         // files from the future of this machine's clock
	wasAhead  bool                    // requests lay in the future, when last asked
	skipped   map[usage.AgentID]int64 // damaged lines that the board tells of
	homes     map[string]bool         // variables with a finding
	storeBad  bool                    // the store has a finding
	bulk      bool                    // much is about to be read
	importing bool                    // much is being read
	untidy    bool                    // memory was used that is not needed any more
	open      []*question             // not answered yet
	active    time.Time               // when facts last came
	saving    saving
	retry     func(path string)        // has a file looked at again; nil while nobody hears it
	eventless func(path string) string // see the function of that name
}

// reread is what is to be done after a file has been read.
type reread struct {
	again   *candidate // not nil: to be read again, for it changed meanwhile
	counted bool       // what is queued or being read makes up the progress
}

// failure is a file that could not be read and will be tried again.
type failure struct {
	candidate
	tries int
	timer *time.Timer
}

func (f *failure) stop() {
	if f.timer != nil {
		f.timer.Stop()
	}
}

// New makes an Ingest. It does nothing yet.
func New(o Options) *Ingest {
	if o.Changed == nil {
		o.Changed = func() {}
	}
	return &Ingest{
		o:         o,
		eventless: eventless,
		files:     make(map[string]*store.File),
		busy:      make(map[string]*reread),
		questions: make(chan *question),
		gone:      make(map[string]*store.File),
		failed:    make(map[string]*failure),
		trouble:   make(map[string]bool),
		ahead:     make(map[string]bool),
		skipped:   make(map[usage.AgentID]int64),
		homes:     make(map[string]bool),
	}
}

// Progress tells how far the reading is.
func (in *Ingest) Progress() Progress {
	in.mu.Lock()
	defer in.mu.Unlock()
	p := in.progress
	p.BytesDone = min(in.bytesDone.Load(), p.Bytes)
	if !p.Running {
		p.BytesDone = p.Bytes
	}
	return p
}

// move changes the progress and tells.
func (in *Ingest) move(f func(*Progress)) {
	in.mu.Lock()
	f(&in.progress)
	in.mu.Unlock()
	in.o.Changed()
}

// Once takes in everything that is new, newest files first. What cannot be read is a
// finding, not an error; an error is one of the store or of ctx.
func (in *Ingest) Once(ctx context.Context) error {
	// One thread, so that faults injected by a count of its system calls hit the store's.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if _, err := in.News(ctx); err != nil {
		return err
	}
	in.looked = false
	if err := in.readQueued(ctx, nil); err != nil {
		return err
	}
	if !in.backupDue() {
		return nil
	}
	in.saving.unsaved = false
	return in.backedUp(in.backUp(ctx, 0))
}

// News finds out whether there is anything to take in. It writes nothing, so the store may
// be one that only reads. The next Once takes that in and does not look again.
func (in *Ingest) News(ctx context.Context) (bool, error) {
	if !in.looked {
		if err := in.lookAtAll(ctx, nil); err != nil {
			return false, err
		}
		in.looked = true
	}
	return in.queue.len() > 0 || len(in.gone) > 0, nil
}

// Use replaces the store by another one on the same database. It is for the goroutine that
// calls Once.
func (in *Ingest) Use(s *store.Store) { in.o.Store = s }

// lookAtAll lists everything, compares it with what is stored and queues what changed. It
// also puts what it saw on the board. With a watcher, all folders are watched before they
// are listed for the last time, so that nothing falls between.
func (in *Ingest) lookAtAll(ctx context.Context, w *watcher) error {
	// What is stored is fetched while the disk is walked: for a command that finds nothing
	// new, that is all there is to do.
	loaded := make(chan error, 1)
	go func() { loaded <- in.load(ctx) }()
	roots := in.currentRoots()
	var seen *walk
	var err error
	for range 3 {
		seen = in.newWalk()
		if err = seen.roots(ctx, roots); err != nil {
			break
		}
		if w == nil || !w.adopt(seen, roots) {
			break
		}
	}
	if err := <-loaded; err != nil {
		return err
	}
	if err != nil {
		return err
	}
	for path := range in.trouble {
		if !seen.failing[path] {
			seen.recovered(path)
		}
	}
	for _, r := range roots {
		if !seen.deep[r.Path] {
			in.o.Health.Clear(health.FolderTooDeep, r.Path)
		}
	}
	for path := range in.ahead {
		if !seen.paths[path] {
			in.noteAhead(path, false)
		}
	}
	for path := range in.failed {
		if !seen.paths[path] {
			in.succeeded(path) // it is no log any more
		}
	}
	in.checkHomes(roots)
	for path, f := range in.files {
		if !f.Gone && !seen.paths[path] {
			in.vanished(path)
		}
	}
	in.enqueue(seen.files, listed)
	return nil
}

// load takes over what is stored, once.
func (in *Ingest) load(ctx context.Context) error {
	if in.loaded {
		return nil
	}
	files, err := in.o.Store.Files(ctx)
	if err != nil {
		return in.storeFailed(fmt.Errorf("list stored files: %w", err))
	}
	in.loaded, in.untidy, in.saving.began = true, true, in.o.Clock()
	clear(in.files)
	for i := range files {
		in.files[files[i].Path] = &files[i]
	}
	in.mu.Lock()
	in.progress.FirstStart = len(files) == 0
	in.mu.Unlock()
	in.countSkipped()
	return nil
}

// trustAfter is how old a file's time must be when it is looked at, so that a change
// within the same tick of the file system's clock cannot hide.
const trustAfter = 3 * time.Second

// unchanged says whether a file need not be opened.
func unchanged(f *store.File, c *candidate) bool {
	return f != nil && !f.Gone && f.Agent == c.source.Info().ID && f.Revision >= c.source.Info().Revision &&
		sameStamp(f, c.stamp) && trusted(f)
}

func sameStamp(f *store.File, s stamp) bool {
	return f.Size == s.size && f.Modified == s.modified && f.Inode == s.inode && f.Device == s.device
}

func trusted(f *store.File) bool {
	return f.Modified != 0 && f.Seen.Time().UnixNano()-f.Modified > int64(trustAfter)
}

// bulkBytes is from when on reading counts as an import.
const bulkBytes = 16 << 20

// reason is why a file is looked at.
type reason int

const (
	listed  reason = iota // by a full look; it makes up the progress
	polled                // because nothing watches it
	noticed               // something happened to it
)

// enqueue makes jobs of the files that changed, newest first, so that today is right first.
func (in *Ingest) enqueue(files []candidate, why reason) {
	var jobs []*job
	var bytesLeft int64
	for i := range files {
		c := &files[i]
		stored := in.files[c.path]
		if why != noticed && unchanged(stored, c) {
			if isCompressed(c.name) && bytes.Equal(stored.Tail, incompleteTail) {
				in.o.Health.Set(health.FileIncomplete, health.Info, c.path)
			}
			continue
		}
		if r := in.busy[c.path]; r != nil {
			r.again = c
			continue
		}
		in.busy[c.path] = &reread{counted: why == listed}
		j := &job{candidate: *c, counted: why == listed}
		if stored != nil {
			j.stored = *stored
		}
		bytesLeft += j.left()
		jobs = append(jobs, j)
	}
	slices.SortFunc(jobs, func(a, b *job) int {
		return cmp.Or(cmp.Compare(b.modified, a.modified), cmp.Compare(a.path, b.path))
	})
	in.queue.push(jobs, why != listed)
	if why != listed || len(jobs) == 0 {
		return
	}
	in.bulk = in.bulk || bytesLeft >= bulkBytes
	in.move(func(p *Progress) {
		if !p.Running {
			*p = Progress{Running: true, FirstStart: p.FirstStart}
			in.bytesDone.Store(0)
		}
		p.Files += len(jobs)
		p.Bytes += bytesLeft
	})
}

// vanished notes that a file is no longer there, if that is so. Where it cannot be told,
// as in a folder that may not be entered, nothing is said.
func (in *Ingest) vanished(path string) {
	f := in.files[path]
	if f == nil || f.Gone {
		return
	}
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		in.gone[path] = f
		in.succeeded(path)
		in.o.Health.Clear(health.FileIncomplete, path)
	}
}

// checkHomes says when a variable points nowhere, and when no agent was found at all.
func (in *Ingest) checkHomes(roots []root) {
	there := map[string]bool{}
	found := len(in.files) > 0
	for _, r := range roots {
		_, err := os.Stat(r.Path)
		there[r.From] = there[r.From] || err == nil
		found = found || err == nil
	}
	for variable, right := range there {
		value := in.o.Env.Variable(variable)
		switch {
		case value != "" && !right:
			in.homes[variable] = true
			in.o.Health.Set(health.HomeMissing, health.Warning, variable, value)
		case in.homes[variable]:
			delete(in.homes, variable)
			in.o.Health.Clear(health.HomeMissing, variable)
		}
	}
	if found {
		in.o.Health.Clear(health.NoAgents, "")
	} else {
		in.o.Health.Set(health.NoAgents, health.Info, "")
	}
}

// countSkipped puts the number of damaged lines on the board, agent by agent.
func (in *Ingest) countSkipped() {
	counts := make(map[usage.AgentID]int64, len(in.o.Sources))
	for _, f := range in.files {
		if f.Gone {
			continue
		}
		for reason, n := range f.Skipped {
			if reason != usage.ReasonRepair {
				counts[f.Agent] += n
			}
		}
	}
	for _, source := range in.o.Sources {
		info := source.Info()
		switch n := counts[info.ID]; {
		case n == in.skipped[info.ID]:
		case n == 0:
			in.o.Health.Clear(health.LinesSkipped, info.Name)
		default:
			in.o.Health.Set(health.LinesSkipped, health.Info, info.Name, strconv.FormatInt(n, 10))
		}
	}
	in.skipped = counts
}
