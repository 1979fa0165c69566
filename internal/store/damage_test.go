package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tokenmeter/internal/usage"
)

// library is a set of logs, a database that was filled from all of them, and a backup from
// before the last of them were read.
type library struct {
	chunks      []*Chunk
	gone        map[string]bool // paths of logs that are no longer there
	path        string
	backup      string
	events      map[int64]string // what was stored, by key
	early       map[int64]bool   // keys that the backup has
	left        map[int64]string // what the logs that are there tell by themselves
	copied      map[int64]bool   // keys of rows in them that are another log's
	earlyChunks int              // so many are in the backup
}

var damageTime = time.Date(2026, 11, 24, 10, 11, 12, 0, time.UTC)

// writeAll reads logs into a store, in transactions of a few.
func writeAll(t testing.TB, s *Store, chunks []*Chunk) error {
	t.Helper()
	for some := range slices.Chunk(chunks, 10) {
		err := s.Update(context.Background(), func(tx *Tx) error {
			for _, c := range some {
				fresh := *c.File
				again := *c
				again.File = &fresh
				if err := tx.Write(&again); err != nil {
					return err
				}
			}
			return settleAll(tx)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// newLibrary makes logs of three agents: threads that fork, requests known by two keys, and
// plain ones. Every other log is gone.
func newLibrary(t testing.TB, size int) *library {
	t.Helper()
	l := &library{gone: map[string]bool{}, events: map[int64]string{}, early: map[int64]bool{}, left: map[int64]string{}, copied: map[int64]bool{}}
	for i := range size {
		root := grow(fmt.Sprint("root", i), nil, 0, 40)
		fork := grow(fmt.Sprint("fork", i), root, 25, 20)
		again := grow(fmt.Sprint("again", i), fork, 33, 10)
		for _, log := range []*log{root, fork, again} {
			l.chunks = append(l.chunks, log.chunk(0, len(log.rows)))
		}
		r := rand.New(rand.NewPCG(uint64(i), 9))
		for part := range 2 {
			c := corpusChunk(4*i + 1 + part)
			c.File.Path += fmt.Sprint(i, part)
			c.Events = c.Events[:100]
			for n := range c.Events {
				if n%10 == 0 {
					c.Events[n].Twin = usage.Key(100000*i + n) // the same in both parts
					c.Events[n].Tokens = usage.Tokens{Input: 1, Output: int64(r.IntN(2)) + 7}
				}
			}
			l.chunks = append(l.chunks, c)
		}
	}
	for i, c := range l.chunks {
		for n := range int64(4) {
			c.Bills = append(c.Bills, usage.Bill{Agent: c.File.Agent, Session: c.File.Path, Model: fmt.Sprint("m", n), Time: usage.Millis(i), Cost: usage.Micros(n*1000 + int64(i)),
				Tokens: usage.Tokens{Input: 3 * n, CacheRead: 70_000 * n, Output: 400 + n}, WebSearches: n})
		}
		l.gone[c.File.Path] = i%2 == 0
	}
	l.path = filepath.Join(t.TempDir(), "tokenmeter.db")
	s := openAt(t, l.path, Options{})
	early := len(l.chunks) * 9 / 10
	l.earlyChunks = early
	must(t, writeAll(t, s, l.chunks[:early]))
	must(t, s.Backup(context.Background(), damageTime.AddDate(0, 0, -1), 0))
	before, _ := events(t, s)
	for key := range before {
		l.early[key] = true
	}
	l.backup = Backups(l.path)[0]
	must(t, writeAll(t, s, l.chunks[early:]))
	all, _ := events(t, s)
	for key, e := range all {
		l.events[key] = show(normal(e))
	}
	must(t, s.Importing(context.Background(), true))
	must(t, s.Importing(context.Background(), false)) // all in one file
	must(t, s.Close())
	own := open(t, nil)
	must(t, writeAll(t, own, l.there()))
	some, _ := events(t, own)
	for key, e := range some {
		l.left[key], l.copied[key] = show(normal(e)), e.Flags&usage.Inherited != 0
	}
	own.Close()
	return l
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// there are the logs that are there.
func (l *library) there() []*Chunk {
	return slices.DeleteFunc(slices.Clone(l.chunks), func(c *Chunk) bool { return l.gone[c.File.Path] })
}

// copy puts the library's database into a folder of its own.
func (l *library) copy(t testing.TB, withBackup bool) string {
	t.Helper()
	folder := t.TempDir()
	path := filepath.Join(folder, "tokenmeter.db")
	for from, to := range map[string]string{l.path: path, l.backup: filepath.Join(folder, backupFolder, filepath.Base(l.backup))} {
		if to != path && !withBackup {
			continue
		}
		content, err := os.ReadFile(from)
		must(t, err)
		must(t, os.MkdirAll(filepath.Dir(to), 0o700))
		must(t, os.WriteFile(to, content, 0o600))
	}
	return path
}

// live does with a database what a meter does, as often as it is found damaged.
func (l *library) live(t testing.TB, path string) (s *Store, repairs int) {
	t.Helper()
	ctx := context.Background()
	for round := range 5 {
		var err error
		s, err = Open(ctx, path, Options{Repair: damageTime.Add(time.Duration(round) * time.Second)})
		must(t, err)
		if s.repaired != nil {
			repairs++
		}
		err = errors.Join(writeAll(t, s, l.there()), l.look(s), s.Backup(ctx, damageTime, 0))
		if err == nil {
			return s, repairs
		}
		if !errors.Is(err, ErrDamaged) {
			t.Fatalf("not taken for damage: %v", err)
		}
		must(t, s.Close())
	}
	t.Fatal("damaged again and again")
	return nil, 0
}

// look asks all that a window asks.
func (l *library) look(s *Store) error {
	ctx := context.Background()
	var errs []error
	for _, by := range [][]Dimension{nil, {Day, Agent, Model}, {Hour, Project}, {Session}} {
		_, err := s.History(ctx, Query{By: by, Zone: time.UTC})
		errs = append(errs, err)
	}
	_, err := s.Recent(ctx, 0)
	errs = append(errs, err)
	_, err = s.Sessions(ctx, 0)
	errs = append(errs, err)
	_, err = s.Samples(ctx, 0)
	errs = append(errs, err)
	_, err = s.Agents(ctx)
	errs = append(errs, err)
	_, err = s.Files(ctx)
	return errors.Join(append(errs, err)...)
}

// verdict says how a repaired database differs from what was stored.
type verdict struct {
	wrong []string // what the logs that are there tell is not as they tell it
	lost  []string // what the backup has is not there
	// Shares: of what only logs that are gone told and is still there, and of what is
	// counted twice.
	kept, twice float64
}

// compare looks at every request. Of one that a log tells of, the better reading may have
// been in another one that is gone; rows that a log copied from one that is gone count as
// that one's.
func (l *library) compare(t testing.TB, s *Store) (v verdict) {
	t.Helper()
	all, _ := events(t, s)
	kept, rest, twice := 0, 0, 0
	for key, was := range l.events {
		own, there := l.left[key]
		e, ok := all[key]
		got := show(normal(e))
		switch {
		case there && ok && got != own && got != was && !l.copied[key]:
			v.wrong = append(v.wrong, fmt.Sprintf("got %s\nlog says %s\nwas %s", got, own, was))
		case there && !ok && !l.copied[key]:
			v.wrong = append(v.wrong, "missing: "+own)
		case there && !l.copied[key]:
		default:
			rest++
			if ok {
				kept++
			} else if l.early[key] {
				v.lost = append(v.lost, was)
			}
		}
	}
	for key := range all {
		// A log by itself may tell of a request under another key.
		if l.events[key] == "" && l.left[key] == "" {
			twice++
		}
	}
	stored := bills(t, s)
	for i, c := range l.chunks {
		for _, was := range c.Bills {
			key := [2]string{was.Session, was.Model}
			got, ok := stored[key]
			delete(stored, key)
			switch {
			case ok && got != was:
				v.wrong = append(v.wrong, fmt.Sprintf("got %+v\nwas %+v", got, was))
			case !ok && !l.gone[c.File.Path]:
				v.wrong = append(v.wrong, fmt.Sprintf("missing: %+v", was))
			case !ok && i < l.earlyChunks:
				v.lost = append(v.lost, fmt.Sprintf("%+v", was))
			}
		}
	}
	for _, b := range stored {
		v.wrong = append(v.wrong, fmt.Sprintf("out of nothing: %+v", b))
	}
	checkSums(t, s)
	v.kept, v.twice = float64(kept)/float64(rest), float64(twice)/float64(len(l.events))
	return v
}

func (v verdict) String() string {
	first := append(append(slices.Clone(v.wrong), v.lost...), "")[0]
	return fmt.Sprintf("%.4f kept, %.4f twice, %d wrong, %d lost %s", v.kept, v.twice, len(v.wrong), len(v.lost), first)
}

func damage(t testing.TB, path string, f func(content []byte) []byte) {
	t.Helper()
	content, err := os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(path, f(content), 0o600))
}

// kindsOfPages tells of each page, counted from 1, to which table or index it belongs and as
// what.
func kindsOfPages(t testing.TB, path string) map[int]string {
	t.Helper()
	p, err := openPages(path)
	must(t, err)
	defer p.close()
	kinds := map[int]string{1: "the first"}
	page := make([]byte, p.size)
	for name, root := range p.roots() {
		if !p.read(root, page) {
			t.Fatalf("%s cannot be read", name)
		}
		own := &tree{pages: p, take: func(record) bool { return true }}
		own.index = page[0] == pageIndexInner || page[0] == pageIndexLeaf
		own.walk(root)
		for n := range p.count {
			if n++; own.seen.has(n) && p.read(n, page) {
				kinds[int(n)] = fmt.Sprint(name, " ", page[0])
			}
		}
	}
	return kinds
}

func TestEachPageInTurnZeroed(t *testing.T) {
	l := newLibrary(t, 10)
	info, err := os.Stat(l.path)
	must(t, err)
	count := int(info.Size() / defaultPageSize)
	t.Logf("%d pages, %d events, %d of them in logs that are there", count, len(l.events), len(l.left))
	if count < 100 {
		t.Fatal("the database is too small")
	}
	kinds := kindsOfPages(t, l.path)
	for name, c := range map[string]struct {
		withBackup bool
		offset     int
		kept       float64
		twice      float64
	}{
		"with a backup": {true, 3, 0.93, 0}, // that is older than a tenth of the logs
		// Where the rows of a fork's fork are no longer known, and the fork's log is gone, they
		// may be taken for its own.
		"without": {false, 11, 0.93, 0.005},
	} {
		t.Run(name, func(t *testing.T) {
			least := 1.0
			met := map[string]bool{}
			for n := range count {
				kind := kinds[n+1]
				// The sample: each kind of page, and the others in steps.
				if !soaking() && met[kind] && n%16 != c.offset {
					continue
				}
				met[kind] = true
				t.Run(fmt.Sprint("page ", n+1), func(t *testing.T) {
					path := l.copy(t, c.withBackup)
					damage(t, path, func(content []byte) []byte {
						clear(content[n*defaultPageSize : (n+1)*defaultPageSize])
						return content
					})
					s, _ := l.live(t, path)
					defer s.Close()
					v := l.compare(t, s)
					least = min(least, v.kept)
					if v.kept < c.kept || len(v.wrong) > 0 || v.twice > c.twice || c.withBackup && len(v.lost) > 0 {
						t.Error(v)
					}
				})
			}
			t.Logf("at least %.4f of what has no log was kept", least)
		})
	}
}

func TestNoiseOverPages(t *testing.T) {
	l := newLibrary(t, 24)
	seeds := 2
	if soaking() {
		seeds = 12
	}
	for seed := range seeds {
		for _, withBackup := range []bool{true, false} {
			t.Run(fmt.Sprint("seed ", seed, ", backup ", withBackup), func(t *testing.T) {
				path := l.copy(t, withBackup)
				r := rand.New(rand.NewPCG(uint64(seed), 3))
				damage(t, path, func(content []byte) []byte {
					for range 20 {
						n := r.IntN(len(content) / defaultPageSize)
						for i := range defaultPageSize {
							content[n*defaultPageSize+i] = byte(r.Uint32())
						}
					}
					return content
				})
				s, repairs := l.live(t, path)
				defer s.Close()
				v := l.compare(t, s)
				t.Log(v)
				least := map[bool]float64{true: 0.97, false: 0.88}[withBackup]
				if v.kept < least || len(v.wrong) > map[bool]int{true: 0, false: len(l.left) / 100}[withBackup] || v.twice > 0.01 || withBackup && len(v.lost) > 0 || repairs == 0 {
					t.Error(repairs, "repairs:", v)
				}
			})
		}
	}
}

// spoil are ways to damage a database. all: the file itself tells nothing any more.
func spoils() map[string]struct {
	do  func(t *testing.T, path string)
	all bool
} {
	write := func(content []byte) func(t *testing.T, path string) {
		return func(t *testing.T, path string) { must(t, os.WriteFile(path, content, 0o600)) }
	}
	return map[string]struct {
		do  func(t *testing.T, path string)
		all bool
	}{
		"the header is zeroed": {func(t *testing.T, path string) {
			damage(t, path, func(c []byte) []byte { clear(c[:firstHeader]); return c })
		}, false},
		"the first page is zeroed": {func(t *testing.T, path string) {
			damage(t, path, func(c []byte) []byte { clear(c[:defaultPageSize]); return c })
		}, false},
		"a file of zeros":      {write(make([]byte, 100_000)), true},
		"a file of text":       {write(bytes.Repeat([]byte("garbage "), 20_000)), true},
		"an empty file":        {write(nil), true},
		"one byte":             {write([]byte("S")), true},
		"only the magic words": {write([]byte("SQLite format 3\x00")), true},
		"no file":              {func(t *testing.T, path string) { must(t, os.Remove(path)) }, true},
		"every other page": {func(t *testing.T, path string) {
			damage(t, path, func(c []byte) []byte {
				for n := 1; (n+1)*defaultPageSize <= len(c); n += 2 {
					clear(c[n*defaultPageSize : (n+1)*defaultPageSize])
				}
				return c
			})
		}, false},
		"pages in another order": {func(t *testing.T, path string) {
			damage(t, path, func(c []byte) []byte {
				half := len(c) / 2 / defaultPageSize * defaultPageSize
				return slices.Concat(c[half:], c[:half])
			})
		}, false},
	}
}

func TestDamagedFileIsMovedAsideAndMadeAnew(t *testing.T) {
	l := newLibrary(t, 3)
	for name, c := range spoils() {
		for _, withBackup := range []bool{true, false} {
			t.Run(fmt.Sprint(name, ", backup ", withBackup), func(t *testing.T) {
				path := l.copy(t, withBackup)
				c.do(t, path)
				content, missing := os.ReadFile(path)
				s, repairs := l.live(t, path)
				defer s.Close()
				v := l.compare(t, s)
				t.Log(v)
				if len(v.wrong) > 0 || withBackup && len(v.lost) > 0 {
					t.Error(v)
				}
				if !withBackup && len(content) == 0 {
					if repairs != 0 {
						t.Errorf("%d repairs of nothing", repairs)
					}
					return
				}
				if repairs != 1 {
					t.Errorf("%d repairs", repairs)
				}
				r, err := s.Repaired(context.Background())
				if err != nil || r == nil || !r.Fresh {
					t.Fatalf("it is not told: %+v, %v", r, err)
				}
				if missing != nil || len(content) == 0 {
					return
				}
				if want := filepath.Join(filepath.Dir(path), "tokenmeter.damaged-2026-11-24T101112Z.db"); r.Damaged != want {
					t.Errorf("moved to %s", r.Damaged)
				}
				if moved, err := os.ReadFile(r.Damaged); err != nil || !bytes.Equal(moved, content) {
					t.Errorf("the damaged file is not kept as it was: %v", err)
				}
				if c.all && (r.Backup != "") != withBackup || withBackup && r.Requests == 0 {
					t.Errorf("told: %+v", r)
				}
			})
		}
	}
}

func TestTruncatedAnywhere(t *testing.T) {
	l := newLibrary(t, 3)
	info, err := os.Stat(l.path)
	must(t, err)
	lengths := []int64{1, 15, 16, 99, 100, 101, 511, 4095, 4096, 4097, info.Size() - 1, info.Size() - 4096, info.Size() - 5000}
	parts := int64(4)
	if soaking() {
		parts = 64
	}
	for part := range parts {
		lengths = append(lengths, info.Size()*part/parts+part*100)
	}
	for _, length := range lengths {
		t.Run(fmt.Sprint(length, " bytes"), func(t *testing.T) {
			path := l.copy(t, true)
			must(t, os.Truncate(path, length))
			s, repairs := l.live(t, path)
			defer s.Close()
			if v := l.compare(t, s); repairs != 1 || len(v.wrong)+len(v.lost) > 0 || v.twice > 0 {
				t.Error(repairs, "repairs:", v)
			}
		})
	}
}

func TestLogAndSharedMemoryOfAKilledWriterAreDamaged(t *testing.T) {
	l := newLibrary(t, 3)
	for name, spoil := range map[string]func(t *testing.T, path string){
		"nothing": func(t *testing.T, path string) {},
		"the log in its middle": func(t *testing.T, path string) {
			damage(t, path+"-wal", func(c []byte) []byte { copy(c[len(c)/2:], "noise noise noise"); return c })
		},
		"the log's header": func(t *testing.T, path string) {
			damage(t, path+"-wal", func(c []byte) []byte { clear(c[:32]); return c })
		},
		"the log's end": func(t *testing.T, path string) { must(t, os.Truncate(path+"-wal", 50_000)) },
		"the shared memory": func(t *testing.T, path string) {
			must(t, os.WriteFile(path+"-shm", bytes.Repeat([]byte("noise"), 9000), 0o600))
		},
		"the database, so that the log is needed": func(t *testing.T, path string) {
			damage(t, path, func(c []byte) []byte { clear(c[:defaultPageSize]); return c })
		},
		"the database is gone, the log is there": func(t *testing.T, path string) { must(t, os.Remove(path)) },
	} {
		t.Run(name, func(t *testing.T) {
			// The files of a writer that is killed are those that lie there while it lives.
			living := filepath.Join(t.TempDir(), "tokenmeter.db")
			s := openAt(t, living, Options{})
			must(t, writeAll(t, s, l.chunks))
			path := filepath.Join(t.TempDir(), "tokenmeter.db")
			for _, suffix := range []string{"", "-wal"} {
				content, err := os.ReadFile(living + suffix)
				must(t, err)
				must(t, os.WriteFile(path+suffix, content, 0o600))
			}
			spoil(t, path)
			again, repairs := l.live(t, path)
			defer again.Close()
			v := l.compare(t, again)
			t.Log(repairs, "repairs:", v)
			if len(v.wrong) > 0 || v.twice > 0 {
				t.Error(v)
			}
			if whole := name == "nothing" || strings.Contains(name, "shared memory") || strings.Contains(name, "the database"); whole && v.kept < 1 {
				t.Errorf("the log is not used: %v", v)
			}
		})
	}
}

func TestWhatIsNotDamagedIsNotTouched(t *testing.T) {
	for name, c := range map[string]struct {
		make func(t *testing.T, path string)
		want error // nil = any but ErrDamaged
	}{
		"another program's database": {func(t *testing.T, path string) { script(t, path, "CREATE TABLE t (x); PRAGMA user_version=3") }, ErrForeign},
		"a newer schema": {func(t *testing.T, path string) {
			must(t, openAt(t, path, Options{}).Close())
			script(t, path, "PRAGMA user_version=99")
		}, ErrNewer},
		"a folder": {func(t *testing.T, path string) { must(t, os.Mkdir(path, 0o700)) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "tokenmeter.db")
			c.make(t, path)
			before, _ := os.ReadFile(path)
			s, err := Open(context.Background(), path, Options{Repair: damageTime})
			if err == nil {
				s.Close()
			}
			if err == nil || errors.Is(err, ErrDamaged) || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("opened: %v", err)
			}
			after, _ := os.ReadFile(path)
			if left := entries(t, path); !bytes.Equal(before, after) || len(left) != 1 {
				t.Errorf("it was touched: %v", left)
			}
		})
	}
}

func script(t *testing.T, path, text string) {
	t.Helper()
	c, err := connect(dsn(path, "mode=rwc", cacheIdle))
	must(t, err)
	defer c.close()
	must(t, c.script(text))
}

// entries lists what lies in the folder of a database.
func entries(t *testing.T, path string) (names []string) {
	t.Helper()
	found, err := os.ReadDir(filepath.Dir(path))
	must(t, err)
	for _, e := range found {
		names = append(names, e.Name())
	}
	return names
}

func TestOnlyWhoFillsTheDatabaseRepairsIt(t *testing.T) {
	l := newLibrary(t, 1)
	path := l.copy(t, true)
	damage(t, path, func(c []byte) []byte { clear(c[:defaultPageSize]); return c })
	for _, o := range []Options{{}, {ReadOnly: true}} {
		s, err := Open(context.Background(), path, o)
		if !errors.Is(err, ErrDamaged) {
			t.Fatalf("%+v: %v, %v", o, s, err)
		}
	}
	must(t, os.Remove(path))
	for _, o := range []Options{{}, {ReadOnly: true}} {
		if _, err := Open(context.Background(), path, o); !errors.Is(err, ErrDamaged) {
			t.Fatalf("%+v, there is a backup: %v", o, err)
		}
	}
	if left := entries(t, path); len(left) != 1 {
		t.Errorf("left: %v", left)
	}
}

// SQLite takes a read that failed once for damage; a second look tells the two apart.
func TestAFalseAlarmRepairsNothing(t *testing.T) {
	l := newLibrary(t, 1)
	for name, c := range map[string]struct {
		note    note
		hurt    bool
		repairs bool
	}{
		"it was only one read":            {note{Reason: "a read failed", Doubted: true}, false, false},
		"SQLite was right":                {note{Reason: "a read failed", Doubted: true}, true, true},
		"what is stored contradicts":      {note{Reason: "string 7 is missing"}, false, true},
		"it had been named for moving it": {note{Reason: "a read failed", Doubted: true, Moved: "tokenmeter.damaged-2026-11-24T101112Z.db"}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			path := l.copy(t, false)
			before, err := os.ReadFile(path)
			must(t, err)
			must(t, writeNote(path, c.note))
			if c.hurt {
				damage(t, path, func(b []byte) []byte { clear(b[4*defaultPageSize : 6*defaultPageSize]); return b })
			}
			s, err := Open(context.Background(), path, Options{Repair: time.Date(2026, 11, 24, 10, 11, 12, 0, time.UTC)})
			must(t, err)
			r, err := s.Repaired(context.Background())
			must(t, err)
			must(t, s.Close())
			if repaired := r != nil; repaired != c.repairs || repaired != (len(damagedFiles(path)) == 1) {
				t.Errorf("repaired: %+v, wanted %v; in the folder are %v", r, c.repairs, entries(t, path))
			}
			if _, err := os.Lstat(path + noteSuffix); !os.IsNotExist(err) {
				t.Errorf("the note is still there: %v", err)
			}
			if after, err := os.ReadFile(path); !c.repairs && (err != nil || !bytes.Equal(before, after)) {
				t.Errorf("a sound database was changed: %v", err)
			}
		})
	}
}

func TestWhoIsToldToStopBeginsNoRepair(t *testing.T) {
	l := newLibrary(t, 1)
	path := l.copy(t, false)
	must(t, writeNote(path, note{Reason: "a read failed", Doubted: true}))
	before, err := os.ReadFile(path)
	must(t, err)
	ctx, stop := context.WithCancel(context.Background())
	stop()
	s, err := Open(ctx, path, Options{Repair: time.Date(2026, 11, 24, 10, 11, 12, 0, time.UTC)})
	if err == nil {
		must(t, s.Close())
		t.Fatal("a database in doubt was opened without a look at it")
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, wanted %v", err, context.Canceled)
	}
	// What SQLite puts beside the file for who looks may stay.
	if moved := damagedFiles(path); len(moved) > 0 {
		t.Errorf("moved aside: %v", moved)
	}
	if n, err := readNote(path); err != nil || n == nil || n.Moved != "" || !n.Doubted {
		t.Errorf("the note is %+v, %v", n, err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the database was changed: %v", err)
	}
}

func TestAFewDamagedDatabasesAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokenmeter.db")
	for n := range 5 {
		must(t, os.WriteFile(path, fmt.Appendf(nil, "garbage %d", n), 0o600))
		must(t, openAt(t, path, Options{Repair: damageTime.Add(time.Duration(n/2) * time.Hour)}).Close())
	}
	var kept []string
	for _, name := range damagedFiles(path) {
		content, err := os.ReadFile(name)
		must(t, err)
		kept = append(kept, string(content))
	}
	if !slices.Equal(kept, []string{"garbage 2", "garbage 3", "garbage 4"}) {
		t.Errorf("kept: %q", kept)
	}
	// Whoever removes the last one has seen that all is well.
	s := openAt(t, path, Options{})
	if r, err := s.Repaired(context.Background()); err != nil || r == nil || r.Fresh {
		t.Errorf("the last repair is %+v, %v", r, err)
	}
	must(t, removeDatabase(damagedFiles(path)[2]))
	if r, err := s.Repaired(context.Background()); err != nil || r != nil {
		t.Errorf("after that it is %+v, %v", r, err)
	}
}

func TestSalvageKnowsTheSchema(t *testing.T) {
	// Those that are computed from the others.
	computed := []string{"roll", "day", "parent"}
	s := open(t, nil)
	columns := map[string]string{}
	rows, err := raw(t, s).Query("SELECT m.name, c.type, c.pk, c.\"notnull\", m.sql LIKE '%WITHOUT ROWID%' FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type='table' ORDER BY m.name, c.cid")
	must(t, err)
	for rows.Next() {
		var name, kind string
		var key int
		var full, index bool
		must(t, rows.Scan(&name, &kind, &key, &full, &index))
		letter := map[string]string{"INTEGER": "i", "TEXT": "t", "REAL": "r", "BLOB": "b"}[kind]
		switch {
		case key > 0 && !index:
			letter = "n"
		case !full && key == 0 && kind == "INTEGER":
			letter = "I"
		}
		columns[name] += letter
	}
	must(t, rows.Err())
	for _, shape := range salvaged() {
		if columns[shape.name] != shape.columns {
			t.Errorf("%s is %s, and not %s", shape.name, columns[shape.name], shape.columns)
		}
		delete(columns, shape.name)
	}
	for _, name := range computed {
		delete(columns, name)
	}
	if len(columns) > 0 {
		t.Errorf("not taken over: %v", columns)
	}
}
