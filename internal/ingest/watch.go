package ingest

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"

	"tokenmeter/internal/health"
)

const (
	// burst is how long after the first event reading starts: an agent writes several
	// lines at once, and a new folder is followed by a file in it.
	burst = 30 * time.Millisecond
	// dirtyLimit is how many changed paths are kept apart; beyond it all is looked at.
	dirtyLimit = 10000
	// mostIgnored bounds what is remembered of changes that seemed not to matter.
	mostIgnored = 100
	// lostDelay is how long after a loss of events all is looked at, so that a storm is
	// not answered with another.
	lostDelay = time.Second
)

// watcher knows which folders matter and what happened in them. One goroutine drains the
// events of the file system into a set, and never blocks; the goroutine that runs Ingest
// takes it from there, and owns all that the mutex does not guard.
type watcher struct {
	health    *health.Board
	eventless func(path string) string // see eventless
	wakes     chan struct{}            // something is dirty; capacity one

	mu      sync.Mutex
	signs   signs
	dirty   map[string]bool // true: it was taken away, though something may be there again
	all     bool            // everything is to be looked at
	lost    bool            // and watched anew
	pending bool            // a wake is on its way
	losing  bool            // a look after a loss is on its way
	closed  bool
	attend  map[string]bool            // what could not be read, so that its permissions matter
	ignored []string                   // changes of permissions since then that nobody attended to
	names   map[string]map[string]bool // folders that are watched for some names only: on the way to a root, or with targets of links

	events  *fsnotify.Watcher // nil: the system gives none
	limited bool              // the system's limit is reached
	folders map[string]*watched
	places  map[place]string     // where each folder is
	partly  map[string]bool      // the keys of names: whether they are watched
	linked  map[string]candidate // logs outside the roots, to which links lead
	absent  []string             // roots that are not there
	remote  map[string]bool      // roots with a finding
}

// watched is a folder of logs.
type watched struct {
	folder
	at     place
	events bool // events come for it
	remote bool // but not for every change
}

// polled says whether the folder must be looked at from time to time.
func (f *watched) polled() bool { return !f.events || f.remote }

func newWatcher(board *health.Board, eventless func(string) string, folder string) *watcher {
	return &watcher{
		health: board, eventless: eventless, signs: signs{folder: folder}, wakes: make(chan struct{}, 1), dirty: make(map[string]bool),
		folders: make(map[string]*watched), places: make(map[place]string), partly: make(map[string]bool),
		linked: make(map[string]candidate), remote: make(map[string]bool),
	}
}

// reopen starts the system's events, or starts them anew after some were lost: the paths
// by which the system knows the folders may be old. Without them everything is polled.
func (w *watcher) reopen() {
	if w.events != nil {
		w.events.Close()
		w.events = nil
	}
	for _, f := range w.folders {
		f.events = false
	}
	clear(w.partly)
	events, err := fsnotify.NewWatcher()
	if err != nil {
		w.limited = true
		return
	}
	w.limited = false
	w.events = events
	w.watchSigns()
	go w.drain(events)
}

func (w *watcher) close() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	if w.events != nil {
		w.events.Close()
	}
	w.removeSigns()
}

// wake says when there is something to take. It may be asked of no watcher.
func (w *watcher) wake() <-chan struct{} {
	if w == nil {
		return nil
	}
	return w.wakes
}

// drain takes the events of one fsnotify watcher until that is closed.
func (w *watcher) drain(events *fsnotify.Watcher) {
	for {
		select {
		case e, open := <-events.Events:
			if !open {
				return
			}
			w.note(e)
		case _, open := <-events.Errors:
			if !open {
				return
			}
			w.lose()
		}
	}
}

// note takes one event, if it may matter.
func (w *watcher) note(e fsnotify.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.signLocked(e) {
		return
	}
	if e.Op == fsnotify.Chmod && !w.attend[e.Name] {
		if len(w.ignored) < mostIgnored {
			w.ignored = append(w.ignored, e.Name)
		}
		return
	}
	// A folder on the way to a root is often a busy one, such as the home folder.
	if names, partly := w.names[filepath.Dir(e.Name)]; partly && !names[filepath.Base(e.Name)] && w.names[e.Name] == nil {
		return
	}
	w.markLocked(e.Name, e.Has(fsnotify.Remove) || e.Has(fsnotify.Rename))
}

// lose notes that events were lost.
func (w *watcher) lose() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.endSignLocked() // it may be among what was lost
	if w.losing || w.closed {
		return
	}
	w.losing = true
	time.AfterFunc(lostDelay, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.losing, w.lost = false, true
		w.scheduleLocked()
	})
}

// mark has a path looked at.
func (w *watcher) mark(path string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.markLocked(path, false)
}

func (w *watcher) markLocked(path string, taken bool) {
	if len(w.dirty) >= dirtyLimit {
		w.all, w.lost = true, true // which folders were taken away is no longer known
		clear(w.dirty)
	}
	w.dirty[path] = w.dirty[path] || taken
	w.scheduleLocked()
}

// scheduleLocked sends a wake when the burst that has just begun is over. What follows
// does not put it off.
func (w *watcher) scheduleLocked() {
	if w.pending || w.closed {
		return
	}
	w.pending = true
	time.AfterFunc(burst, func() {
		select {
		case w.wakes <- struct{}{}:
		default:
		}
	})
}

// take gives what is dirty, in order, and starts a new set.
func (w *watcher) take() (paths []string, all, lost bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	paths = make([]string, 0, len(w.dirty))
	for path, taken := range w.dirty {
		paths = append(paths, path)
		if f := w.folders[path]; taken && f != nil {
			f.events = false // the system stopped watching it
		}
	}
	slices.Sort(paths)
	all, lost = w.all, w.lost
	clear(w.dirty)
	w.all, w.lost, w.pending = false, false, false
	return paths, all, lost
}

// adopt takes over what a look at everything saw: folders that are gone are let go, new
// ones are watched. It reports whether any is watched that was not; then what the look saw
// of it may be old.
func (w *watcher) adopt(seen *walk, roots []root) (again bool) {
	now := make(map[string]*watched, len(seen.folders))
	for _, f := range seen.folders {
		now[f.path] = &watched{folder: f}
		if old := w.folders[f.path]; old != nil {
			now[f.path].events, now[f.path].remote = old.events, old.remote
		}
	}
	for path := range w.folders {
		if now[path] == nil {
			w.unwatch(path)
		}
	}
	w.folders, w.places = now, make(map[place]string, len(now))
	clear(w.linked)
	w.limited = w.events == nil
	again = w.takeOver(seen)
	again = w.watchPartly(roots) || again
	w.tell(seen)
	return again
}

// add takes over what a look at some folders saw. It reports as adopt does.
func (w *watcher) add(seen *walk, roots []root) (again bool) {
	for _, f := range seen.folders {
		if known := w.folders[f.path]; known != nil {
			known.folder = f
		} else {
			w.folders[f.path] = &watched{folder: f}
		}
	}
	again = w.takeOver(seen)
	again = w.watchPartly(roots) || again
	w.tell(seen)
	return again
}

func (w *watcher) takeOver(seen *walk) (again bool) {
	for at, path := range seen.places {
		w.places[at] = path
		if f := w.folders[path]; f != nil {
			f.at = at
		}
	}
	for _, c := range seen.linked {
		w.linked[c.path] = c
	}
	return w.watchFolders(seen.folders)
}

// watchFolders watches folders, those with the newest logs first: where the system's
// limit is reached, the rest is polled.
func (w *watcher) watchFolders(folders []folder) (again bool) {
	folders = slices.Clone(folders)
	slices.SortFunc(folders, func(a, b folder) int { return cmp.Compare(b.newest, a.newest) })
	budget := descriptorBudget
	for i := range folders {
		f := w.folders[folders[i].path]
		budget -= descriptorsPerFolder + f.logs*descriptorsPerFile
		if budget < 0 {
			w.unwatch(f.path)
			f.events = false
			continue
		}
		was := f.events
		f.events = w.watch(f.path)
		if f.events && !was {
			again = true
			f.remote = w.eventless(f.path) != ""
		}
	}
	return again
}

// watch asks for the events of a folder. Asking again is cheap, and right when the folder
// was replaced by another of the same name.
func (w *watcher) watch(path string) bool {
	if w.events == nil || w.limited {
		return false
	}
	err := w.events.Add(path)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOMEM) {
		w.limited = true
	}
	return err == nil
}

func (w *watcher) unwatch(path string) {
	if w.events != nil {
		_ = w.events.Remove(path) // mostly gone already, with the folder
	}
}

// watchPartly watches the nearest ancestor of each root that is not there, and the folders
// that links lead to.
func (w *watcher) watchPartly(roots []root) (again bool) {
	names := make(map[string]map[string]bool)
	want := func(folder, name string) {
		if w.folders[folder] != nil {
			return // all that happens there matters
		}
		if names[folder] == nil {
			names[folder] = make(map[string]bool)
		}
		names[folder][name] = true
	}
	w.absent = w.absent[:0]
	for _, r := range roots {
		for _, link := range linksOf(r.Path) {
			want(filepath.Dir(link), filepath.Base(link)) // it may be made to lead elsewhere
		}
		if usable(r.Path) {
			continue
		}
		w.absent = append(w.absent, r.Path)
		if ancestor, name := nearest(r.Path); ancestor != "" {
			want(ancestor, name)
		}
	}
	for path := range w.linked {
		want(filepath.Dir(path), filepath.Base(path))
	}
	for path := range w.folders {
		// That a folder went away is told once, where its parent is watched too: there.
		if known := names[filepath.Dir(path)]; known != nil {
			known[filepath.Base(path)] = true
		}
	}
	for path := range w.partly {
		if names[path] == nil {
			if w.folders[path] == nil {
				w.unwatch(path)
			}
			delete(w.partly, path)
		}
	}
	for path := range names {
		was := w.partly[path]
		w.partly[path] = w.watch(path)
		again = again || w.partly[path] && !was
	}
	w.mu.Lock()
	w.names = names
	w.mu.Unlock()
	return again
}

// usable says whether a root is a folder or a file. Something else may give way to one.
func usable(root string) bool {
	info, err := os.Stat(root)
	return err == nil && (info.IsDir() || info.Mode().IsRegular())
}

// linksOf lists the links on the way to a path, each by the real name of its folder.
func linksOf(path string) (links []string) {
	for parent := filepath.Dir(path); parent != path; path, parent = parent, filepath.Dir(parent) {
		info, err := os.Lstat(path)
		if err != nil || info.Mode().Type()&(fs.ModeSymlink|fs.ModeIrregular) == 0 {
			continue
		}
		if real, err := filepath.EvalSymlinks(parent); err == nil {
			links = append(links, filepath.Join(real, filepath.Base(path)))
		}
	}
	return links
}

// nearest finds the nearest existing folder above path, by its real name, and the name in
// it that leads on to path.
func nearest(path string) (ancestor, name string) {
	for {
		parent := filepath.Dir(path)
		if parent == path {
			return "", ""
		}
		name = filepath.Base(path)
		if info, err := os.Stat(parent); err == nil && info.IsDir() {
			if real, err := filepath.EvalSymlinks(parent); err == nil {
				return real, name
			}
		}
		path = parent
	}
}

// awaited says whether something at path may bring a root.
func (w *watcher) awaited(path string) bool {
	return w.names[filepath.Dir(path)][filepath.Base(path)]
}

// elsewhere says whether a folder is known by another path.
func (w *watcher) elsewhere(at place, path string) bool {
	known := w.folders[w.places[at]]
	return known != nil && known.at == at && known.path != path
}

// polls says whether anything must be looked at from time to time.
func (w *watcher) polls() bool {
	for _, f := range w.folders {
		if f.polled() {
			return true
		}
	}
	for _, watched := range w.partly {
		if !watched {
			return true
		}
	}
	return false
}

// forget drops a folder and all below it, and lists them. root: a root was among them.
func (w *watcher) forget(path string) (dropped []string, root bool) {
	below := path + string(filepath.Separator)
	for other, f := range w.folders {
		if other == path || strings.HasPrefix(other, below) {
			w.unwatch(other)
			if w.places[f.at] == other {
				delete(w.places, f.at)
			}
			delete(w.folders, other)
			dropped = append(dropped, other)
			root = root || f.name == ""
		}
	}
	return dropped, root
}

// tell puts on the board what cannot be watched.
func (w *watcher) tell(seen *walk) {
	unwatched := 0
	remote := make(map[string]string)
	for _, f := range w.folders {
		if !f.events && !seen.trouble[f.path] {
			unwatched++
		}
		if f.remote && f.name == "" {
			remote[f.path] = w.eventless(f.path)
		}
	}
	if w.limited {
		w.health.Set(health.WatchLimit, health.Warning, "", strconv.Itoa(unwatched))
	} else {
		w.health.Clear(health.WatchLimit, "")
	}
	for path := range w.remote {
		if remote[path] == "" {
			delete(w.remote, path)
			w.health.Clear(health.WatchImpossible, path)
		}
	}
	for path, kind := range remote {
		w.remote[path] = true
		w.health.Set(health.WatchImpossible, health.Info, path, kind)
	}
}

// setAttended says which paths' permissions matter.
func (w *watcher) setAttended(paths map[string]bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.attend = paths
	// The change may have come after the file was found unreadable and before this call.
	for _, path := range w.ignored {
		if paths[path] {
			w.markLocked(path, false)
		}
	}
	w.ignored = w.ignored[:0]
}
