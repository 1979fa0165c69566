package store

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mattn/go-sqlite3"

	"tokenmeter/internal/usage"
)

// The way from a damaged database to a good one, each step of which may be the last one of
// a process:
//
//  1. The file tokenmeter.db.repair is made. As long as it is there, nobody opens the
//     database but whoever repairs it.
//  2. The file names what the damaged database is to be called. Then its log and, last,
//     the database itself are given that name.
//  3. tokenmeter.db.new is filled, and takes the place of the database when it is complete.
//  4. The file of step 1 is removed.
//
// A database that is missing or empty although there are backups of it is filled from the
// newest one in the same way, from step 3 on.

const (
	noteSuffix = ".repair"
	newSuffix  = ".new"
	// smallest is the size of the smallest page, in bytes.
	smallest = 512
	// keptDamaged is how many damaged databases are kept.
	keptDamaged = 3
)

// beside are the files that belong to a database; it comes last.
func beside() []string { return []string{"-wal", "-shm", "-journal", ""} }

// Repair is what became of a damaged or missing database.
type Repair struct {
	At       usage.Millis // when
	Reason   string       // the error that told of the damage; "" = it was missing
	Damaged  string       // where the damaged file is now; "" = there is none
	Backup   string       // the backup that filled in; "" = none was needed, or none is good
	Requests int64        // taken over
	Of       int64        // that the damaged file said it holds; 0 = not known
	First    usage.Millis // the oldest of them; zero = none is dated
	// Fresh: this Open did it.
	Fresh bool `json:"-"`
}

// Repaired tells of the last repair: of one that Open did, or of an earlier one whose
// damaged file is still kept. nil = none.
func (s *Store) Repaired(ctx context.Context) (*Repair, error) {
	if s.repaired != nil {
		return s.repaired, nil
	}
	var stored string
	err := s.readers.read(ctx, func(c *connection) error {
		v, err := c.first("SELECT value FROM meta WHERE name='repair'")
		if v != nil {
			stored = text(v[0])
		}
		return err
	})
	if err != nil || stored == "" {
		return nil, explain(err)
	}
	r := new(Repair)
	if json.Unmarshal([]byte(stored), r) != nil || r.Damaged == "" {
		return nil, nil
	}
	if _, err := os.Lstat(r.Damaged); err != nil {
		return nil, nil //nolint:nilerr // whoever removed it has seen that all is well
	}
	return r, nil
}

// note is the file of step 1.
type note struct {
	Reason string
	Moved  string // name of the damaged file in the folder; "" = not decided
	// Doubted: SQLite says so, which takes one failed read of the disk for damage, in its
	// checks, too.
	Doubted bool `json:",omitempty"`
}

// writeNote puts the note down, whole or not at all.
func writeNote(path string, n note) error {
	content, err := json.Marshal(n)
	if err != nil {
		return err
	}
	name := path + noteSuffix
	if err := os.WriteFile(name+newSuffix, content, 0o600); err != nil {
		return err
	}
	if err := syncFile(name + newSuffix); err != nil {
		return err
	}
	if err := os.Rename(name+newSuffix, name); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// readNote returns nil if there is none.
func readNote(path string) (*note, error) {
	content, err := os.ReadFile(path + noteSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	n := new(note)
	if json.Unmarshal(content, n) != nil {
		n = &note{Reason: ErrDamaged.Error()} // damaged itself
	}
	if n.Moved != filepath.Base(n.Moved) || !isDamagedName(path, n.Moved) {
		n.Moved = ""
	}
	return n, nil
}

// needsRepair says why a database cannot be opened before it is repaired; nil = it can, as
// far as a look at the folder tells.
func needsRepair(path string) error {
	n, err := readNote(path)
	if err != nil {
		return err
	}
	if n != nil {
		return fmt.Errorf("%w (%s); the repair is not complete", ErrDamaged, n.Reason)
	}
	info, err := os.Stat(path)
	what := "missing"
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil, !info.Mode().IsRegular():
		return nil
	case info.Size() >= smallest:
		return cutShort(path, info.Size())
	case info.Size() > 0: // SQLite would take it for an empty one
		return fmt.Errorf("%w: it is cut to %d bytes", ErrDamaged, info.Size())
	default:
		what = "empty"
	}
	if !emptyLog(path) {
		return fmt.Errorf("%w: it is %s, and its journal is not", ErrDamaged, what)
	}
	if len(Backups(path)) > 0 {
		return fmt.Errorf("%w: it is %s, and there are backups of it", ErrDamaged, what)
	}
	return nil
}

// cutShort says that a file is shorter than it says. SQLite looks at whole pages only, and
// takes what is missing of the last one for zeros.
func cutShort(path string, size int64) error {
	if !emptyLog(path) {
		return nil // it tells what the file is to be
	}
	file, err := os.Open(path)
	if err != nil {
		return nil //nolint:nilerr // whoever opens it in earnest says more
	}
	defer file.Close()
	var header [firstHeader]byte
	if _, err := file.ReadAt(header[:], 0); err != nil {
		return nil //nolint:nilerr // as above
	}
	number := func(at int) int64 { return int64(binary.BigEndian.Uint32(header[at:])) }
	pageSize := int64(binary.BigEndian.Uint16(header[16:]))
	if number(24) == number(92) && number(28)*pageSize > size { // the count is in force
		return fmt.Errorf("%w: it is cut to %d bytes", ErrDamaged, size)
	}
	return nil
}

// suspect notes down that the database answered with err, if that means damage, so that it
// is repaired when it is next opened by someone who may.
func (s *Store) suspect(err error) {
	if !errors.Is(explain(err), ErrDamaged) || s.Moved() != nil {
		return
	}
	if n, noteErr := readNote(s.path); n == nil && noteErr == nil {
		_ = writeNote(s.path, note{Reason: err.Error(), Doubted: bySQLite(err)}) // else it is met again
	}
}

func bySQLite(err error) bool {
	var e sqlite3.Error
	return errors.As(err, &e)
}

// falseAlarm looks at a database that SQLite called damaged once more. If all of it can be
// read and fits together, the note is taken back, and the database is as it was.
func falseAlarm(ctx context.Context, path string, reason error) bool {
	n, err := readNote(path)
	if err != nil || n == nil && !bySQLite(reason) || n != nil && (n.Moved != "" || !n.Doubted) {
		return false
	}
	// A page that could not be read this time looks like a damaged one, to the check too.
	const looks = 3
	for look := 1; wholly(ctx, path) != nil; look++ {
		if look == looks || ctx.Err() != nil {
			return false
		}
	}
	err = os.Remove(path + noteSuffix)
	return err == nil && syncFolder(filepath.Dir(path)) == nil || errors.Is(err, fs.ErrNotExist)
}

// wholly reads all of a database, with nothing cached, and says what is wrong with it.
func wholly(ctx context.Context, path string) error {
	p := newPool(dsn(path, readerMode, cacheReader))
	defer p.close()
	return p.read(ctx, func(c *connection) error {
		if err := checkReadable(c); err != nil {
			return err
		}
		v, err := c.first("PRAGMA integrity_check(1)") // indexes too: nothing else would find them damaged
		if err == nil && text(v[0]) != "ok" {
			err = ErrDamaged
		}
		return err
	})
}

// repair brings a usable database to path, or finishes what an earlier process began.
func repair(ctx context.Context, path string, o Options, reason error) (*Repair, error) {
	step := func(name string) error {
		if o.step != nil {
			o.step(name)
		}
		return ctx.Err()
	}
	n, err := readNote(path)
	if err != nil {
		return nil, err
	}
	r := &Repair{At: usage.MillisOf(o.Repair), Fresh: true}
	present, err := exists(path)
	if err != nil {
		return nil, err
	}
	if n == nil && (present || !emptyLog(path)) && !emptyFile(path) {
		n = &note{Reason: reason.Error()}
		if err := writeNote(path, *n); err != nil {
			return nil, err
		}
		if err := step("noted"); err != nil {
			return nil, err
		}
	}
	if n != nil {
		r.Reason = n.Reason
		done, err := moveAside(path, n, o.Repair, step)
		if err != nil {
			return nil, fmt.Errorf("move the damaged database aside: %w", err)
		}
		if n.Moved != "" {
			r.Damaged = filepath.Join(filepath.Dir(path), n.Moved)
		}
		if done {
			return nil, finishRepair(path, step)
		}
	}
	if err := rebuild(ctx, path, o, r, step); err != nil {
		return nil, fmt.Errorf("rebuild the database: %w", err)
	}
	return r, finishRepair(path, step)
}

// moveAside gives the damaged files their new name. done: that had been so, and the new
// database is in its place.
func moveAside(path string, n *note, at time.Time, step func(string) error) (done bool, err error) {
	folder := filepath.Dir(path)
	if n.Moved != "" {
		moved, err := exists(filepath.Join(folder, n.Moved))
		if err != nil {
			return false, err
		}
		if moved {
			return exists(path)
		}
	} else {
		if n.Moved, err = damagedName(path, at); err != nil {
			return false, err
		}
		if err := writeNote(path, *n); err != nil {
			return false, err
		}
		if err := step("named"); err != nil {
			return false, err
		}
	}
	for _, suffix := range beside() {
		there, err := exists(path + suffix)
		if err != nil {
			return false, err
		}
		if !there {
			continue
		}
		to := filepath.Join(folder, n.Moved) + suffix
		taken, err := exists(to)
		switch {
		case err != nil:
		case taken:
			err = os.Remove(path + suffix) // made anew by somebody who had not been told
		default:
			err = os.Rename(path+suffix, to)
		}
		if err != nil {
			return false, err
		}
		if err := step("moved" + suffix); err != nil {
			return false, err
		}
	}
	// Where there was nothing but a log an empty file stands for the database, because that
	// there is one says that this step is done.
	stands, err := os.OpenFile(filepath.Join(folder, n.Moved), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return false, err
	}
	if err := stands.Close(); err != nil {
		return false, err
	}
	return false, syncFolder(folder)
}

// rebuild fills a new database from the damaged one and from backups, and puts it in its
// place.
func rebuild(ctx context.Context, path string, o Options, r *Repair, step func(string) error) (err error) {
	fresh := path + newSuffix
	if err := removeDatabase(fresh); err != nil {
		return err
	}
	w, roots, err := newDatabase(ctx, fresh, cmp.Or(o.Zone, time.UTC))
	defer func() {
		if w != nil {
			w.close()
		}
		if err != nil {
			_ = removeDatabase(fresh) // it may fill the disk
		}
	}()
	if err != nil {
		return err
	}
	if err := step("made"); err != nil {
		return err
	}
	var damaged, backup *remains
	if r.Damaged != "" {
		damaged, err = openRemains(r.Damaged, roots)
		if err != nil {
			return err
		}
		defer damaged.pages.close()
	}
	if damaged == nil || damaged.survey() {
		for _, candidate := range backupsOn(path, o.Repair) {
			if verify(ctx, candidate) != nil {
				continue // the next older one
			}
			if backup, err = openRemains(candidate, roots); err != nil {
				continue
			}
			defer backup.pages.close()
			r.Backup = candidate
			break
		}
	}
	if err := w.importing(true); err != nil {
		return err
	}
	if err := salvage(ctx, w, damaged, backup, func() error { return step("batch") }); err != nil {
		return err
	}
	if err := r.count(w, damaged); err != nil {
		return err
	}
	if err := w.importing(false); err != nil {
		return err
	}
	closed := w.close() // folds the log into the file
	w = nil
	if closed != nil {
		return closed
	}
	if err := step("filled"); err != nil {
		return err
	}
	if err := syncFile(fresh); err != nil {
		return err
	}
	// A log of another database must not stay beside the new one.
	for _, suffix := range beside()[:3] {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := os.Rename(fresh, path); err != nil {
		return err
	}
	if err := syncFolder(filepath.Dir(path)); err != nil {
		return err
	}
	return step("placed")
}

// count fills in the figures of a repair, and keeps them in the new database.
func (r *Repair) count(w *writer, damaged *remains) error {
	var err error
	if r.Requests, err = w.conn.number("SELECT coalesce(sum(events), 0) FROM agent"); err != nil {
		return err
	}
	first, err := w.conn.first("SELECT min(day*86400000+first) FROM strand WHERE day>?", int64(undated))
	if err != nil {
		return err
	}
	r.First = usage.Millis(integer(first[0]))
	if damaged != nil {
		r.Of = max(damaged.requests, 0)
	}
	content, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, _, err = w.conn.exec("INSERT INTO meta (name, value) VALUES ('repair', ?)", string(content))
	return err
}

func finishRepair(path string, step func(string) error) error {
	if err := os.Remove(path + noteSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := syncFolder(filepath.Dir(path)); err != nil {
		return err
	}
	old := damagedFiles(path)
	for _, name := range old[:max(len(old)-keptDamaged, 0)] {
		if err := removeDatabase(name); err != nil {
			return err
		}
	}
	return step("finished")
}

// damagedName is a name that nothing has yet, with the time in it.
func damagedName(path string, at time.Time) (string, error) {
	folder := filepath.Dir(path)
	for n := 1; ; n++ {
		stamp := at.UTC().Format("2006-01-02T150405Z")
		if n > 1 {
			stamp += fmt.Sprintf("-%d", n)
		}
		name := damagedPrefix(path) + stamp + filepath.Ext(path)
		free := true
		for _, suffix := range beside() {
			there, err := exists(filepath.Join(folder, name) + suffix)
			if err != nil {
				return "", err
			}
			free = free && !there
		}
		if free {
			return name, nil
		}
	}
}

func damagedPrefix(path string) string {
	return strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)) + ".damaged-"
}

func isDamagedName(path, name string) bool {
	return strings.HasPrefix(name, damagedPrefix(path)) && filepath.Ext(name) == filepath.Ext(path)
}

// damagedFiles lists the databases that were moved aside, oldest first.
func damagedFiles(path string) []string {
	entries, _ := os.ReadDir(filepath.Dir(path))
	var names []string
	for _, e := range entries {
		if isDamagedName(path, e.Name()) {
			names = append(names, filepath.Join(filepath.Dir(path), e.Name()))
		}
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(stampIn(a), stampIn(b)) })
	return names
}

// stampIn is the time in the name of a damaged database.
func stampIn(name string) string {
	_, stamp, _ := strings.Cut(filepath.Base(name), ".damaged-")
	stamp, _, _ = strings.Cut(stamp, "Z")
	return stamp
}

// removeDatabase removes a database and what belongs to it.
func removeDatabase(path string) error {
	for _, suffix := range beside() {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func exists(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

func emptyFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Size() == 0 && emptyLog(path)
}

// syncFile makes what was written to a file last.
func syncFile(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	return file.Sync()
}

// syncFolder makes new names in a folder last, where the system can do that.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	_ = folder.Sync() // not every file system knows it
	return nil
}
