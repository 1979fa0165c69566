package ingest

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"tokenmeter/internal/store"
)

const (
	// netInterval is how often everything is looked at although nothing was heard.
	netInterval = 45 * time.Minute
	// Folders without events are looked at more often while something flows.
	pollFlowing = 12 * time.Second
	pollIdle    = time.Minute
	flowing     = 2 * time.Minute
	// jump is how far the wall clock may stray from the steady one before it is taken for
	// a set clock or a machine that slept.
	jump = 10 * time.Second
	// When the store fails, everything is tried again after a while that doubles.
	storeWait    = 5 * time.Second
	storeWaitMax = time.Minute
)

// Run takes in everything that is new, newest files first, and then whatever comes, until
// ctx ends; it returns ctx's error, store.ErrMoved, or store.ErrDamaged. What else goes wrong
// meanwhile is a finding and is tried again.
func (in *Ingest) Run(ctx context.Context) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	saving, stopSaving := context.WithCancel(ctx)
	defer func() {
		stopSaving()
		if in.saving.ended != nil { // the store is about to be closed
			<-in.saving.ended
			in.saving.ended = nil
		}
	}()
	w := newWatcher(in.o.Health, in.eventless, in.o.Signs)
	w.reopen()
	defer w.close()
	in.retry = w.mark
	defer func() {
		in.retry = nil
		for _, f := range in.failed {
			f.stop()
		}
	}()

	net := time.NewTimer(netInterval)
	defer net.Stop()
	var poll *time.Timer
	err := in.lookAtAll(ctx, w)
	wait := storeWait
	for {
		if err == nil {
			err = in.readQueued(ctx, w)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, store.ErrMoved) || errors.Is(err, store.ErrDamaged) {
			return err
		}
		if err != nil {
			if !pause(ctx, wait) {
				return ctx.Err()
			}
			wait = min(2*wait, storeWaitMax)
			err = in.lookAtAll(ctx, w)
			continue
		}
		wait = storeWait
		w.setAttended(in.unread()) // first of all: until then a change of permissions goes unseen
		if in.untidy {
			in.tidy()
		}
		in.beginBackup(saving)
		if poll == nil && w.polls() {
			poll = time.NewTimer(in.pollInterval())
		}
		slept := in.o.Clock()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-w.wake():
			err = in.serve(ctx, w)
		case q := <-in.questions:
			err = in.listen(ctx, w, q)
		case err = <-in.saving.ended:
			err = in.backedUp(err)
		case <-timerOf(poll):
			poll = nil
			err = in.poll(ctx, w)
		case <-net.C:
			net.Reset(netInterval)
			if err = in.mendFuture(ctx); err == nil {
				err = in.lookAtAll(ctx, w)
			}
		}
		if err == nil && jumped(slept, in.o.Clock()) {
			err = in.lookAtAll(ctx, w)
		}
	}
}

// timerOf is a timer's channel, or none.
func timerOf(t *time.Timer) <-chan time.Time {
	if t == nil {
		return nil
	}
	return t.C
}

// pause waits; false if ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// jumped says whether the wall clock moved otherwise than the steady one.
func jumped(from, to time.Time) bool {
	steady := to.Sub(from)
	wall := to.Round(0).Sub(from.Round(0))
	return (wall - steady).Abs() > jump
}

func (in *Ingest) pollInterval() time.Duration {
	if in.o.Clock().Sub(in.active) < flowing {
		return pollFlowing
	}
	return pollIdle
}

// unread lists the paths that could not be read: a change of their permissions matters.
func (in *Ingest) unread() map[string]bool {
	paths := make(map[string]bool, len(in.failed)+len(in.trouble))
	for path := range in.failed {
		paths[path] = true
	}
	for path := range in.trouble {
		paths[path] = true
	}
	return paths
}

// serve queues what the watcher heard of.
func (in *Ingest) serve(ctx context.Context, w *watcher) error {
	paths, all, lost := w.take()
	if lost {
		w.reopen()
		all = true
	}
	if !all {
		var err error
		if all, err = in.look(ctx, w, paths); err != nil {
			return err
		}
	}
	if all {
		return in.lookAtAll(ctx, w)
	}
	return nil
}

// look finds out what happened to some paths and queues what is to be read. all: only a
// look at everything can tell.
func (in *Ingest) look(ctx context.Context, w *watcher, paths []string) (all bool, err error) {
	seen := in.newWalk()
	seen.known = w
	dropped := make(map[string]bool)
	var there []string
	// What went away comes first: a folder that was renamed is still known by its old name.
	for _, path := range paths {
		if info, err := os.Lstat(path); err == nil {
			there = append(there, path)
			if !info.Mode().IsRegular() {
				in.succeeded(path) // something else took the place of a log
			}
			if !info.IsDir() && w.folders[path] != nil { // or of a folder
				all = in.missing(w, path, dropped) || all
			}
		} else if errors.Is(err, fs.ErrNotExist) {
			all = in.missing(w, path, dropped) || all
		}
	}
	in.missingIn(dropped)
	if all {
		return true, nil
	}
	var files []candidate
	for _, path := range there {
		if c, linked := w.linked[path]; linked {
			files = append(files, c)
		}
		if w.awaited(path) && w.linked[path].path == "" {
			return true, nil
		}
		if f := w.folders[path]; f != nil {
			seen.again(f.folder)
		} else if parent := w.folders[filepath.Dir(path)]; parent != nil {
			seen.entry(&parent.folder, filepath.Base(path))
		}
	}
	if err := seen.finish(ctx); err != nil {
		return false, err
	}
	if len(seen.folders) > 0 || len(seen.linked) > 0 {
		if w.add(seen, in.currentRoots()) {
			for _, f := range seen.folders {
				w.mark(f.path) // what came before it was watched
			}
		}
	}
	in.enqueue(append(files, seen.files...), noticed)
	return false, nil
}

// missing notes that a path is no longer there. all: a root may have gone with it.
func (in *Ingest) missing(w *watcher, path string, dropped map[string]bool) (all bool) {
	if w.folders[path] != nil {
		folders, root := w.forget(path)
		for _, folder := range folders {
			dropped[folder] = true
		}
		all = root
	}
	in.vanished(path)
	_, partly := w.partly[path]
	return all || partly
}

// missingIn notes the logs that went away with their folders.
func (in *Ingest) missingIn(folders map[string]bool) {
	if len(folders) == 0 {
		return
	}
	for path := range in.files {
		if folders[filepath.Dir(path)] {
			in.vanished(path)
		}
	}
}

// poll looks at the folders for which no events come, or not all.
func (in *Ingest) poll(ctx context.Context, w *watcher) error {
	for _, path := range w.absent {
		if usable(path) {
			return in.lookAtAll(ctx, w)
		}
	}
	seen := in.newWalk()
	seen.known = w
	dropped := make(map[string]bool)
	all := false
	for path, f := range w.folders {
		if !f.polled() {
			continue
		}
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			all = in.missing(w, path, dropped) || all
			continue
		}
		for _, sub := range seen.list(&f.folder) {
			if w.folders[sub.path] == nil {
				seen.push(sub.folder, sub.stamp)
			}
		}
	}
	in.missingIn(dropped)
	if all {
		return in.lookAtAll(ctx, w)
	}
	if err := seen.finish(ctx); err != nil {
		return err
	}
	if len(seen.folders) > 0 || len(seen.linked) > 0 {
		w.add(seen, in.currentRoots())
	}
	files := seen.files
	for path, c := range w.linked {
		if info, err := os.Lstat(path); err == nil && !w.partly[filepath.Dir(path)] {
			c.stamp = stampOf(info)
			files = append(files, c)
		}
	}
	in.enqueue(files, polled)
	return nil
}
