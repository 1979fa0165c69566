package ingest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"tokenmeter/internal/health"
	"tokenmeter/internal/store"
)

// History that is older than the logs cannot be had again, so whoever ingests keeps a copy
// of each day on which something came. The copy is checked in full, which is also the daily
// look at the database itself.

const (
	// backupRest is the pause between steps of a few milliseconds.
	backupRest = 10 * time.Millisecond
	// backupAgain is how long after one that failed the next is tried.
	backupAgain = time.Hour
	// backupLate is how old the newest backup is when that deserves a word.
	backupLate = 3 * 24 * time.Hour
	// A backup must leave this much of the disk to others: so many bytes, and so many times
	// the database.
	leastFree      = 1 << 30
	leastFreeTimes = 2
)

// errNoRoom: the disk is so full that a backup would be a nuisance.
var errNoRoom = errors.New("the disk is nearly full")

// saving is what an Ingest knows of backups.
type saving struct {
	unsaved bool      // facts came since the last one
	began   time.Time // when this process first looked
	tried   time.Time // when one failed, zero = none did
	ended   chan error
}

// backupDue says whether a copy of today is wanted and missing. On the day on which all
// began, the logs are the copy.
func (in *Ingest) backupDue() bool {
	s, now := &in.saving, in.o.Clock()
	if !s.unsaved || s.ended != nil || in.Progress().FirstStart && sameDay(s.began, now) {
		return false
	}
	if since := now.Sub(s.tried); !s.tried.IsZero() && since >= 0 && since < backupAgain {
		return false
	}
	_, err := os.Stat(store.BackupPath(in.o.Store.Path(), now))
	return err != nil
}

func sameDay(a, b time.Time) bool {
	year, month, day := a.Date()
	y, m, d := b.Date()
	return year == y && month == m && day == d
}

// backUp makes the copy of today.
func (in *Ingest) backUp(ctx context.Context, rest time.Duration) error {
	path := in.o.Store.Path()
	var size uint64
	for _, suffix := range []string{"", "-wal"} {
		if info, err := os.Stat(path + suffix); err == nil {
			size += uint64(info.Size())
		}
	}
	if free, ok := freeSpace(filepath.Dir(path)); ok && free < size+max(leastFree, leastFreeTimes*size) {
		return errNoRoom
	}
	return in.o.Store.Backup(ctx, in.o.Clock(), rest)
}

// beginBackup makes the copy of today beside the reading, if it is due.
func (in *Ingest) beginBackup(ctx context.Context) {
	if !in.backupDue() {
		return
	}
	in.saving.unsaved = false
	ended := make(chan error, 1)
	in.saving.ended = ended
	go func() { ended <- in.backUp(ctx, backupRest) }()
}

// backedUp notes how a backup ended. It returns only what ends the use of the store.
func (in *Ingest) backedUp(err error) error {
	s := &in.saving
	s.ended = nil
	path := in.o.Store.Path()
	folder := filepath.Dir(store.BackupPath(path, in.o.Clock()))
	if err == nil {
		s.tried = time.Time{}
		in.o.Health.Clear(health.BackupMissing, folder)
		return nil
	}
	s.unsaved = true
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return nil
	case errors.Is(err, store.ErrDamaged), errors.Is(err, store.ErrMoved):
		return in.storeFailed(err)
	}
	s.tried = in.o.Clock()
	newest := "there is none yet"
	if list := store.Backups(path); len(list) > 0 {
		day, _ := store.BackupDay(path, list[0])
		if s.tried.Sub(day) < backupLate {
			return nil // tomorrow is early enough
		}
		newest = fmt.Sprint("the newest is of ", day.Format(time.DateOnly))
	}
	in.o.Health.Set(health.BackupMissing, health.Warning, folder, err.Error(), newest)
	return nil
}
