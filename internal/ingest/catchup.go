package ingest

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/fsnotify/fsnotify"
)

// signTime is how long the system may take to tell of a sign. It takes a tenth of a
// millisecond; the rest is for a machine that has better things to do.
const signTime = 300 * time.Millisecond

// question is one call of CatchUp.
type question struct {
	ctx   context.Context
	waits map[string]int // how many more readings of each file must be committed
	done  chan struct{}
}

// CatchUp returns when Run has stored all that was written before the call. An import that
// is under way is not waited for, nor what cannot be read. The error is that of ctx. It may
// be called from any goroutine; without a Run it waits for one.
func (in *Ingest) CatchUp(ctx context.Context) error {
	q := &question{ctx: ctx, waits: make(map[string]int), done: make(chan struct{})}
	select {
	case in.questions <- q:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-q.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// asks gives the questions, to a Run only.
func (in *Ingest) asks(w *watcher) <-chan *question {
	if w == nil {
		return nil
	}
	return in.questions
}

// listen takes a question: it queues what has changed so far, without the delay by which
// reading else waits for more, and notes what the question waits for.
func (in *Ingest) listen(ctx context.Context, w *watcher, q *question) error {
	var err error
	if w.hear(q.ctx) {
		if err = in.serve(ctx, w); err == nil && w.polls() {
			err = in.poll(ctx, w)
		}
	} else {
		err = in.lookAtAll(ctx, w)
	}
	if err != nil {
		close(q.done)
		return err
	}
	for path, r := range in.busy {
		switch {
		case in.importing && r.counted: // its turn may be long in coming
		case r.again != nil:
			q.waits[path] = 2 // the reading under way began too soon
		default:
			q.waits[path] = 1
		}
	}
	in.open = append(in.open, q)
	in.answer()
	return nil
}

// committed notes that a reading of a file has been stored.
func (in *Ingest) committed(path string) {
	for _, q := range in.open {
		q.waits[path]--
	}
}

// awaited says whether a question waits for a file.
func (in *Ingest) awaited(path string) bool {
	for _, q := range in.open {
		if q.waits[path] > 0 {
			return true
		}
	}
	return false
}

// answer answers the questions that have nothing left to wait for.
func (in *Ingest) answer() {
	open := in.open[:0]
	for _, q := range in.open {
		for path, n := range q.waits {
			if n <= 0 || in.busy[path] == nil {
				delete(q.waits, path)
			}
		}
		switch {
		case len(q.waits) == 0:
			close(q.done)
		case q.ctx.Err() == nil:
			open = append(open, q)
		}
	}
	clear(in.open[len(open):])
	in.open = open
}

// The system tells of changes in the order in which they were made. So when it tells of a
// file that was made just now, the sign, it has told of everything before.

// signs are the folder in which signs are made, and the sign that is waited for.
type signs struct {
	folder  string // "" = none
	watched bool
	count   int
	name    string        // path of the sign
	seen    chan struct{} // closed when it is told of; nil = not waited for
}

// watchSigns has the folder of signs watched.
func (w *watcher) watchSigns() {
	w.signs.watched = false
	if w.signs.folder == "" || w.events == nil || os.MkdirAll(w.signs.folder, 0o700) != nil {
		return
	}
	w.signs.watched = w.events.Add(w.signs.folder) == nil
}

// removeSigns removes the folder.
func (w *watcher) removeSigns() {
	if w.signs.folder != "" {
		os.Remove(w.signs.folder)
	}
}

// hear waits until every event of what was done before has been noted. False: that cannot
// be told, or events were lost.
func (w *watcher) hear(ctx context.Context) bool {
	if !w.signs.watched {
		return false
	}
	w.mu.Lock()
	w.signs.count++
	path := filepath.Join(w.signs.folder, strconv.Itoa(w.signs.count))
	seen := make(chan struct{})
	w.signs.name, w.signs.seen = path, seen
	lost := w.losing || w.lost
	w.mu.Unlock()
	if lost || makeSign(path) != nil {
		return false
	}
	limit := time.NewTimer(signTime)
	defer limit.Stop()
	select {
	case <-seen:
	case <-limit.C:
		return false
	case <-ctx.Done():
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.losing && !w.lost
}

// makeSign makes a file and removes it.
func makeSign(path string) error {
	const flags = os.O_CREATE | os.O_EXCL | os.O_WRONLY
	file, err := os.OpenFile(path, flags, 0o600)
	if errors.Is(err, fs.ErrExist) { // of a process that was killed
		os.Remove(path)
		file, err = os.OpenFile(path, flags, 0o600)
	}
	if err != nil {
		return err
	}
	file.Close()
	return os.Remove(path)
}

// signLocked takes an event if it is that of a sign.
func (w *watcher) signLocked(e fsnotify.Event) bool {
	if w.signs.folder == "" || filepath.Dir(e.Name) != w.signs.folder && e.Name != w.signs.folder {
		return false
	}
	if e.Name == w.signs.name && e.Has(fsnotify.Create) {
		w.endSignLocked()
	}
	return true
}

// endSignLocked ends the wait for a sign.
func (w *watcher) endSignLocked() {
	if w.signs.seen != nil {
		close(w.signs.seen)
		w.signs.seen = nil
	}
}
