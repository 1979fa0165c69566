package cli

import (
	"context"
	"io/fs"
	"path/filepath"
	"time"
)

// The running meter sees a new line within some hundredths of a second, but a script asks
// at once. So a command waits for what was written within settleSpan, and not for longer
// than settleTime: what the meter has not read by then (a first import, a file that cannot
// be read) it will not have read soon.
const (
	settleSpan  = 5 * time.Second
	settleTime  = time.Second
	settlePause = 5 * time.Millisecond
)

// settle waits until the running meter has stored what was just written.
func (d *data) settle(ctx context.Context, c *Context) error {
	limit, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	written := justWritten(c)
	for len(written) > 0 {
		files, err := d.store.Files(ctx)
		if err != nil {
			return err
		}
		for _, f := range files {
			if size, ok := written[f.Path]; ok && f.Size >= size {
				delete(written, f.Path)
			}
		}
		pause := time.NewTimer(settlePause)
		select {
		case <-pause.C:
		case <-limit.Done():
			pause.Stop()
			return ctx.Err() // nil when only the limit is reached
		}
	}
	return nil
}

// justWritten lists the logs that changed within settleSpan, by path, with their sizes.
func justWritten(c *Context) map[string]int64 {
	since := c.Clock().Add(-settleSpan)
	written := map[string]int64{}
	for _, source := range c.Sources {
		for _, root := range source.Roots(c.Env) {
			base, err := filepath.EvalSymlinks(root.Path)
			if err != nil {
				continue
			}
			_ = filepath.WalkDir(base, func(path string, entry fs.DirEntry, err error) error {
				if err != nil || !entry.Type().IsRegular() {
					return nil //nolint:nilerr // what cannot be looked at is not waited for
				}
				name, err := filepath.Rel(base, path)
				if err != nil || source.Reader(root, filepath.ToSlash(name)) == nil {
					return nil
				}
				if info, err := entry.Info(); err == nil && info.ModTime().After(since) {
					written[path] = info.Size()
				}
				return nil
			})
		}
	}
	return written
}
