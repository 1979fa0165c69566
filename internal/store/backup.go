package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mattn/go-sqlite3"
)

const (
	backupFolder = "backup"
	// keptBackups is how many backups are kept, one a day.
	keptBackups = 7
	// backupPages is how many pages are copied at a time: a few milliseconds.
	backupPages = 500
	// backupStalls is how often nothing may be copied, because somebody writes.
	backupStalls = 1000
	dayFormat    = "2006-01-02"
)

// BackupPath is where the backup of a day lies.
func BackupPath(database string, day time.Time) string {
	return filepath.Join(filepath.Dir(database), backupFolder, backupPrefix(database)+day.Format(dayFormat)+filepath.Ext(database))
}

func backupPrefix(database string) string {
	return strings.TrimSuffix(filepath.Base(database), filepath.Ext(database)) + "-"
}

// Backups lists the backups of a database, newest first.
func Backups(database string) []string {
	folder := filepath.Join(filepath.Dir(database), backupFolder)
	entries, _ := os.ReadDir(folder)
	var names []string
	for _, e := range entries {
		if _, ok := BackupDay(database, e.Name()); ok {
			names = append(names, filepath.Join(folder, e.Name()))
		}
	}
	slices.Sort(names)
	slices.Reverse(names)
	return names
}

// backupsOn is Backups as they are to be trusted on a day: those that are dated later were
// made while the clock ran ahead, and may be older than all others.
func backupsOn(database string, day time.Time) []string {
	today := BackupPath(database, day)
	var past, ahead []string
	for _, name := range Backups(database) {
		if name > today {
			ahead = append(ahead, name)
		} else {
			past = append(past, name)
		}
	}
	return append(past, ahead...)
}

// BackupDay is the day in the name of a backup, at midnight UTC.
func BackupDay(database, backup string) (day time.Time, ok bool) {
	middle, ok := strings.CutPrefix(filepath.Base(backup), backupPrefix(database))
	if !ok {
		return time.Time{}, false
	}
	if middle, ok = strings.CutSuffix(middle, filepath.Ext(database)); !ok {
		return time.Time{}, false
	}
	day, err := time.Parse(dayFormat, middle)
	return day, err == nil
}

// Backup copies the database as it is now into the backup of a day, checks the copy, and
// removes all but the newest ones. It may run beside Update, and rests for pause between
// steps of a few milliseconds. ErrDamaged means that the database is: then the earlier
// backups stay as they are.
func (s *Store) Backup(ctx context.Context, day time.Time, pause time.Duration) error {
	if err := s.backup(ctx, day, pause); err != nil {
		s.suspect(err)
		return fmt.Errorf("back up database: %w", explain(err))
	}
	return nil
}

func (s *Store) backup(ctx context.Context, day time.Time, pause time.Duration) (err error) {
	step := func(name string) {
		if s.step != nil {
			s.step(name)
		}
	}
	path := BackupPath(s.path, day)
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	fresh := path + newSuffix
	if err := removeUnfinished(folder); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = removeDatabase(fresh)
		}
	}()
	step("begun")
	if err := s.copyTo(ctx, fresh, pause); err != nil {
		return err
	}
	step("copied")
	if err := verify(ctx, fresh); err != nil {
		// Is it the copy, or what was copied?
		if live := s.readers.read(ctx, check); live != nil {
			return live
		}
		return fmt.Errorf("check the copy: %s", err) //nolint:errorlint // it is not the database that is damaged
	}
	if err := syncFile(fresh); err != nil {
		return err
	}
	step("checked")
	if err := os.Rename(fresh, path); err != nil {
		return err
	}
	if err := syncFolder(folder); err != nil {
		return err
	}
	step("placed")
	others := slices.DeleteFunc(backupsOn(s.path, day), func(name string) bool { return name == path })
	for _, name := range others[min(keptBackups-1, len(others)):] {
		if err := removeDatabase(name); err != nil {
			return err
		}
	}
	step("finished")
	return nil
}

// removeUnfinished removes what backups that did not end have left.
func removeUnfinished(folder string) error {
	unfinished, err := filepath.Glob(filepath.Join(folder, "*"+newSuffix+"*"))
	if err != nil {
		return err
	}
	for _, name := range unfinished {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// copyTo copies one state of the database into a new file.
func (s *Store) copyTo(ctx context.Context, path string, pause time.Duration) error {
	if err := createPrivate(path); err != nil {
		return err
	}
	const cache = 512 // KiB; no page is needed twice
	to, err := connect(dsn(path, "mode=rw&_journal_mode=OFF&_sync=0&_mutex=no", cache))
	if err != nil {
		return err
	}
	defer to.close()
	from, err := connect(dsn(s.path, readerMode, cache))
	if err != nil {
		return err
	}
	defer from.close()
	if s.journal == "wal" {
		// Else each transaction of the writer would have the copy begin anew. With another
		// journal a reader would keep the writer waiting, so there it is as it is.
		if err := from.script("BEGIN"); err != nil {
			return err
		}
		if _, err := from.number("SELECT count(*) FROM agent"); err != nil {
			return err
		}
	}
	b, err := to.conn.Backup("main", from.conn, "main")
	if err != nil {
		return err
	}
	rest := time.NewTimer(pause)
	defer rest.Stop()
	for stalls, left := 0, -1; ; {
		done, err := b.Step(backupPages)
		if err != nil {
			b.Close()
			return err
		}
		if done {
			break
		}
		if s.step != nil {
			s.step("step")
		}
		if now := b.Remaining(); now == left {
			stalls++
		} else {
			left = now
		}
		if stalls > backupStalls {
			b.Close()
			return fmt.Errorf("%w for too long", ErrLocked)
		}
		rest.Reset(pause)
		select {
		case <-ctx.Done():
			b.Close()
			return ctx.Err()
		case <-rest.C:
		}
	}
	if err := b.Close(); err != nil {
		return err
	}
	return to.close()
}

// verify says what is wrong with a database file that nobody writes to; nil = nothing.
func verify(ctx context.Context, path string) error {
	p := newPool(dsn(path, readerMode+"&immutable=1", cacheReader))
	defer p.close()
	return p.read(ctx, func(c *connection) error {
		if err := checkReadable(c); err != nil {
			return err
		}
		return check(c)
	})
}

// check looks at every page.
func check(c *connection) error {
	v, err := c.first("PRAGMA quick_check(1)")
	if err != nil {
		return err
	}
	if found := text(v[0]); found != "ok" {
		return fmt.Errorf("%w: %s", sqlite3.Error{Code: sqlite3.ErrCorrupt}, found)
	}
	return nil
}
