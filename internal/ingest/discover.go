package ingest

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/health"
)

// stamp is what tells, without opening a file, whether it changed.
type stamp struct {
	size     int64
	modified int64 // nanoseconds since the Unix epoch
	device   uint64
	inode    uint64
}

func stampOf(info fs.FileInfo) stamp {
	s := stamp{size: info.Size(), modified: info.ModTime().UnixNano()}
	s.device, s.inode, _ = identity(info)
	return s
}

// candidate is a log file as a listing shows it.
type candidate struct {
	*root
	name string // relative to the root, slash-separated, as the reader is asked
	path string // absolute, without links
	stamp
}

// folder is a folder that may hold logs.
type folder struct {
	*root
	name   string // relative to the root, slash-separated; "" = the root itself
	path   string // absolute, without links
	newest int64  // modification time of its newest log, or its own
	logs   int    // how many logs it holds
}

// child is the name and the path of an entry. Mostly they are one string in memory, for
// there may be a hundred thousand.
func (f *folder) child(entry string) (name, path string) {
	path = f.path + string(filepath.Separator) + entry
	switch {
	case f.name == "":
		return path[len(path)-len(entry):], path
	case filepath.Separator == '/' && strings.HasSuffix(f.path, f.name):
		return path[len(path)-len(entry)-1-len(f.name):], path
	}
	return f.name + "/" + entry, path
}

// place identifies a folder: by device and inode, or where there are none by path.
type place struct {
	device, inode uint64
	path          string
}

func placeOf(path string, s stamp) place {
	if s.device != 0 || s.inode != 0 {
		return place{device: s.device, inode: s.inode}
	}
	return place{path: path}
}

// walk lists folders and the logs in them. Each folder and each file comes up once, by its
// real path, however many links lead to it.
type walk struct {
	health  *health.Board
	home    string          // of the user, without links
	trouble map[string]bool // folders with a finding; shared by all walks
	failing map[string]bool // those of this walk

	known *watcher // what a look at some folders only must not find again; else nil

	places  map[place]string // where each folder is
	paths   map[string]bool
	links   []link // looked at last, so that a file is known by its own name
	stack   []folder
	folders []folder
	files   []candidate
	linked  []candidate     // those of files that are known by a link only
	deep    map[string]bool // roots below which there are paths that are too long
}

// link is a symbolic link inside a root.
type link struct {
	in    folder
	entry string
}

func (in *Ingest) newWalk() *walk {
	home, err := filepath.EvalSymlinks(in.o.Env.Home)
	if err != nil {
		home = in.o.Env.Home
	}
	return &walk{health: in.o.Health, home: home, trouble: in.trouble, failing: map[string]bool{}, places: map[place]string{}, paths: map[string]bool{},
		deep: map[string]bool{}}
}

// roots walks all that lies under the roots.
func (w *walk) roots(ctx context.Context, roots []root) error {
	for i := range roots {
		w.root(&roots[i])
		if err := w.drain(ctx); err != nil {
			return err
		}
	}
	return w.finish(ctx)
}

// root puts a root on the stack, or takes it as a file.
func (w *walk) root(r *root) {
	real, err := filepath.EvalSymlinks(r.Path)
	if err != nil {
		w.failed(r.Path, err)
		return
	}
	info, err := os.Lstat(real)
	if err != nil {
		w.failed(r.Path, err)
		return
	}
	switch {
	case within(w.home, real):
		// A link to all that the user has, or to the whole disk, is no place of logs.
	case info.IsDir():
		w.push(folder{root: r, path: real}, stampOf(info))
	case info.Mode().IsRegular() && r.source.Reader(r.Root, filepath.Base(r.Path)) != nil:
		// No folder of it is listed, so it is watched as the target of a link is.
		if w.file(candidate{r, filepath.Base(r.Path), real, stampOf(info)}) {
			w.linked = append(w.linked, w.files[len(w.files)-1])
		}
	}
}

// push puts a folder on the stack unless it was there before.
func (w *walk) push(f folder, s stamp) {
	at := placeOf(f.path, s)
	if _, seen := w.places[at]; seen {
		return
	}
	if w.known != nil && w.known.elsewhere(at, f.path) {
		return
	}
	w.places[at] = f.path
	f.newest = s.modified
	w.stack = append(w.stack, f)
}

// drain lists what is on the stack, and all below it.
func (w *walk) drain(ctx context.Context) error {
	for len(w.stack) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		f := w.stack[len(w.stack)-1]
		w.stack = w.stack[:len(w.stack)-1]
		for _, sub := range w.list(&f) {
			w.push(sub.folder, sub.stamp)
		}
		w.folders = append(w.folders, f)
	}
	return nil
}

// subfolder is a folder found in another.
type subfolder struct {
	folder
	stamp
}

// list looks at one folder: its logs are added to the walk, its folders are returned, its
// links are put off.
func (w *walk) list(f *folder) (subs []subfolder) {
	dir, err := openFolder(f.path)
	var entries []fs.DirEntry
	if err == nil {
		defer dir.Close()
		entries, err = dir.ReadDir(-1) // with an error, what was read before it
	}
	if !w.tooDeep(f, err) {
		w.failed(f.path, err)
	}
	f.logs = 0
	for _, entry := range entries {
		if sub, ok := w.look(f, entry.Name(), entry.Type(), func() (stamp, fs.FileMode, error) { return stampIn(dir, entry) }); ok {
			subs = append(subs, sub)
		}
	}
	return subs
}

// look takes one entry of a folder. Anything but logs, folders and links (pipes, devices,
// sockets) is passed over unopened.
func (w *walk) look(f *folder, entry string, kind fs.FileMode, stat func() (stamp, fs.FileMode, error)) (sub subfolder, ok bool) {
	switch {
	case kind.IsDir():
		s, _, err := stat()
		if err == nil {
			name, path := f.child(entry)
			return subfolder{folder{root: f.root, name: name, path: path}, s}, true
		}
		w.tooDeep(f, err)
	case kind.IsRegular():
		name, path := f.child(entry)
		if f.source.Reader(f.Root, name) == nil {
			break
		}
		s, now, err := stat()
		if w.tooDeep(f, err) || err != nil || !now.IsRegular() {
			break // it went away or was replaced; the next look sees what is there
		}
		f.logs++
		f.newest = max(f.newest, s.modified)
		w.file(candidate{f.root, name, path, s})
	case kind&(fs.ModeSymlink|fs.ModeIrregular) != 0: // a junction on Windows is irregular
		w.links = append(w.links, link{*f, entry})
	}
	return subfolder{}, false
}

// entry looks at one entry of a known folder.
func (w *walk) entry(f *folder, entry string) {
	info, err := os.Lstat(filepath.Join(f.path, entry))
	if err != nil {
		return
	}
	in := *f
	sub, ok := w.look(&in, entry, info.Mode().Type(), func() (stamp, fs.FileMode, error) { return stampOf(info), info.Mode(), nil })
	if ok {
		w.push(sub.folder, sub.stamp)
	}
}

// again looks at a known folder once more.
func (w *walk) again(f folder) {
	if info, err := os.Lstat(f.path); err == nil && info.IsDir() {
		w.push(f, stampOf(info))
	}
}

// finish lists what is on the stack, and then looks where the links lead, once what is
// really there is known.
func (w *walk) finish(ctx context.Context) error {
	if err := w.drain(ctx); err != nil {
		return err
	}
	for len(w.links) > 0 {
		l := w.links[0]
		w.links = w.links[1:]
		real, err := filepath.EvalSymlinks(filepath.Join(l.in.path, l.entry))
		if err != nil {
			continue // leads nowhere
		}
		info, err := os.Lstat(real)
		if err != nil {
			continue
		}
		name, _ := l.in.child(l.entry)
		switch {
		case info.IsDir():
			if within(l.in.path, real) {
				continue // leads back up, to all that is there, and out of it
			}
			w.push(folder{root: l.in.root, name: name, path: real}, stampOf(info))
			if err := w.drain(ctx); err != nil {
				return err
			}
		case info.Mode().IsRegular() && l.in.source.Reader(l.in.Root, name) != nil:
			if w.known != nil && w.known.folders[filepath.Dir(real)] != nil {
				continue // known by its own name
			}
			if w.file(candidate{l.in.root, name, real, stampOf(info)}) {
				w.linked = append(w.linked, w.files[len(w.files)-1])
			}
		}
	}
	return nil
}

// file adds a log unless it is there already.
func (w *walk) file(c candidate) bool {
	if w.paths[c.path] {
		return false
	}
	w.paths[c.path] = true
	w.files = append(w.files, c)
	return true
}

// within says whether a folder lies in another, or is it. Both are real paths.
func within(path, folder string) bool {
	below := strings.TrimSuffix(folder, string(filepath.Separator)) + string(filepath.Separator)
	return path == folder || strings.HasPrefix(path, below)
}

// tooDeep notes that a path in a folder is longer than the system takes, if err says so.
func (w *walk) tooDeep(f *folder, err error) bool {
	if !errors.Is(err, syscall.ENAMETOOLONG) {
		return false
	}
	w.deep[f.root.Path] = true
	w.health.Set(health.FolderTooDeep, health.Warning, f.root.Path)
	return true
}

// failed notes that a folder could not be listed, or that it could. A folder that is not
// there is no finding.
func (w *walk) failed(path string, err error) {
	if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		w.recovered(path)
		return
	}
	w.failing[path] = true
	w.trouble[path] = true
	w.health.Set(health.FolderUnreadable, health.Warning, path)
}

// recovered clears the finding of a folder.
func (w *walk) recovered(path string) {
	if w.trouble[path] {
		delete(w.trouble, path)
		w.health.Clear(health.FolderUnreadable, path)
	}
}

// root is a root with the source it belongs to.
type root struct {
	source agent.Source
	agent.Root
}

// currentRoots lists the roots of all sources as they are named now, in order.
func (in *Ingest) currentRoots() []root {
	var roots []root
	for _, source := range in.o.Sources {
		for _, r := range source.Roots(in.o.Env) {
			roots = append(roots, root{source, r})
		}
	}
	return roots
}
