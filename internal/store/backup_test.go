package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestBackupsOfAWeekAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "tokenmeter.db")
	s := openAt(t, path, Options{})
	day := time.Date(2026, 11, 1, 23, 59, 0, 0, time.UTC)
	for n := range 9 {
		write(t, s, grow(fmt.Sprint("log", n), nil, 0, 5).chunk(0, 5))
		must(t, s.Backup(context.Background(), day.AddDate(0, 0, n), 0))
		must(t, s.Backup(context.Background(), day.AddDate(0, 0, n), 0)) // replaces it
	}
	list := Backups(path)
	if len(list) != 7 || filepath.Base(list[0]) != "tokenmeter-2026-11-09.db" || filepath.Base(list[6]) != "tokenmeter-2026-11-03.db" {
		t.Fatalf("kept: %v", list)
	}
	folder, err := os.Stat(filepath.Dir(list[0]))
	must(t, err)
	file, err := os.Stat(list[0])
	must(t, err)
	if folder.Mode().Perm() != 0o700 || file.Mode().Perm() != 0o600 {
		t.Errorf("modes %v, %v", folder.Mode(), file.Mode())
	}
	if found, err := os.ReadDir(filepath.Dir(list[0])); err != nil || len(found) != 7 {
		t.Errorf("%d files lie there, %v", len(found), err)
	}
	// The oldest holds what there was on its day.
	old := openAt(t, list[6], Options{ReadOnly: true})
	if n := total(t, old).Requests; n != 3*4 {
		t.Errorf("%d requests on the third day", n)
	}
	// What was made while the clock was ahead must not push out what is newer in truth.
	must(t, s.Backup(context.Background(), day.AddDate(9, 0, 0), 0))
	must(t, s.Backup(context.Background(), day.AddDate(0, 0, 9), 0))
	if list := Backups(path); len(list) != 7 || filepath.Base(list[0]) != "tokenmeter-2026-11-10.db" {
		t.Errorf("kept: %v", list)
	}
}

// A backup is one state of the database, and nobody waits for it, however much is written.
func TestBackupBesideAWriter(t *testing.T) {
	s := open(t, nil)
	fill(t, s, 60_000)
	before := total(t, s).Requests
	steps := make(chan struct{})
	goOn := make(chan struct{})
	s.step = func(name string) {
		if name == "step" {
			steps <- struct{}{}
			<-goOn
		}
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Backup(context.Background(), damageTime, 0) }()
	var longest time.Duration
	written := 0
	for done := false; !done; {
		select {
		case err := <-ended:
			must(t, err)
			done = true
		case <-steps:
			begun := time.Now()
			write(t, s, grow(fmt.Sprint("log", written), nil, 0, 3).chunk(0, 3))
			longest = max(longest, time.Since(begun))
			written++
			goOn <- struct{}{}
		}
	}
	if written < 2 {
		t.Fatalf("only %d steps", written)
	}
	t.Logf("%d transactions beside it, the longest took %v", written, longest)
	copied := openAt(t, BackupPath(s.path, damageTime), Options{ReadOnly: true})
	if n := total(t, copied).Requests; n != before {
		t.Errorf("%d requests in the backup, %d when it began", n, before)
	}
}

func TestADamagedDatabaseIsNotBackedUp(t *testing.T) {
	l := newLibrary(t, 2)
	path := l.copy(t, true)
	s := openAt(t, path, Options{})
	before := Backups(path)
	// Behind the back of the open store, in a page that it has not looked at.
	damage(t, path, func(c []byte) []byte { clear(c[len(c)-defaultPageSize:]); return c })
	if err := s.Backup(context.Background(), damageTime, 0); !errors.Is(err, ErrDamaged) {
		t.Fatalf("backed up: %v", err)
	}
	if after := Backups(path); len(after) != 1 || after[0] != before[0] {
		t.Errorf("backups are now %v", after)
	}
	s.Close()
	if _, err := Open(context.Background(), path, Options{}); !errors.Is(err, ErrDamaged) {
		t.Errorf("that it is damaged is forgotten: %v", err)
	}
}

func TestADamagedBackupIsPassedOver(t *testing.T) {
	l := newLibrary(t, 2)
	for name, spoil := range map[string]func(c []byte) []byte{
		"a page zeroed": func(c []byte) []byte { clear(c[8*defaultPageSize : 9*defaultPageSize]); return c },
		"cut":           func(c []byte) []byte { return c[:len(c)/2] },
		"empty":         func(c []byte) []byte { return nil },
		"garbage":       func(c []byte) []byte { return []byte("garbage") },
	} {
		t.Run(name, func(t *testing.T) {
			path := l.copy(t, true)
			content, err := os.ReadFile(Backups(path)[0])
			must(t, err)
			must(t, os.WriteFile(BackupPath(path, damageTime), spoil(content), 0o600))
			must(t, os.WriteFile(path, []byte("garbage"), 0o600))
			s := openAt(t, path, Options{Repair: damageTime})
			if r, err := s.Repaired(context.Background()); err != nil || filepath.Base(r.Backup) != "tokenmeter-2026-11-23.db" || r.Requests == 0 {
				t.Errorf("repaired: %+v, %v", r, err)
			}
		})
	}
}

// One that was made while the clock ran ahead is as good as any, and older than it says.
func TestABackupOfTheFutureComesLast(t *testing.T) {
	l := newLibrary(t, 2)
	path := l.copy(t, true)
	newest := Backups(path)[0]
	content, err := os.ReadFile(newest)
	must(t, err)
	must(t, os.WriteFile(BackupPath(path, damageTime.AddDate(1, 0, 0)), content, 0o600))
	must(t, os.WriteFile(path, []byte("garbage"), 0o600))
	s := openAt(t, path, Options{Repair: damageTime})
	if r, err := s.Repaired(context.Background()); err != nil || r.Backup != newest {
		t.Errorf("repaired: %+v, %v", r, err)
	}
}

// By hand: a backup of three days ago is copied over the database.
func TestABackupPutInPlaceReadsOnFromItsCursors(t *testing.T) {
	s := open(t, nil)
	log := grow("log", nil, 0, 90)
	gone := grow("gone", nil, 0, 30)
	write(t, s, gone.chunk(0, 30), log.chunk(0, 30))
	must(t, s.Backup(context.Background(), damageTime.AddDate(0, 0, -3), 0))
	write(t, s, log.chunk(30, 60))
	write(t, s, log.chunk(60, 90))
	want := total(t, s)
	must(t, s.Close())
	content, err := os.ReadFile(Backups(s.path)[0])
	must(t, err)
	must(t, removeDatabase(s.path))
	must(t, os.WriteFile(s.path, content, 0o600))
	again := openAt(t, s.path, Options{Repair: damageTime})
	files, err := again.Files(context.Background())
	must(t, err)
	for _, f := range files {
		if f.Path == "/log" {
			if f.Offset != 30 {
				t.Errorf("reading goes on at %d", f.Offset)
			}
			write(t, again, log.chunk(int(f.Offset), 90))
		}
	}
	if got := total(t, again); got != want {
		t.Errorf("got %+v, wanted %+v", got, want)
	}
}

// Where a process is to die is told to it by these.
const (
	killVariable = "TOKENMETER_TEST_KILL" // name of a step, and the how manieth
	pathVariable = "TOKENMETER_TEST_PATH"
)

// TestMain also plays the processes that are killed or may not write.
func TestMain(m *testing.M) {
	if folder := os.Getenv(copiesVariable); folder != "" {
		os.Exit(playReader(os.Getenv(pathVariable), folder))
	}
	if point := os.Getenv(killVariable); point != "" {
		os.Exit(playKilled(point, os.Getenv(pathVariable)))
	}
	os.Exit(m.Run())
}

func playKilled(point, path string) int {
	name, count, _ := strings.Cut(point, " ")
	var left atomic.Int64
	var n int64
	fmt.Sscan(count, &n)
	left.Store(n)
	kill := func(at string) {
		if at == name && left.Add(-1) == 0 {
			self, _ := os.FindProcess(os.Getpid())
			self.Kill()
			select {}
		}
	}
	s, err := Open(context.Background(), path, Options{Repair: damageTime, step: kill})
	if err == nil {
		err = s.Backup(context.Background(), damageTime, 0)
	}
	if err == nil {
		err = s.Close()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// killed runs a process until it dies at a point, and says whether it did.
func killed(t *testing.T, path, point string) bool {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	command := exec.Command(self)
	command.Env = append(os.Environ(), killVariable+"="+point, pathVariable+"="+path)
	out, err := command.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return false
	case errors.As(err, &exit) && exit.ExitCode() == 1:
		t.Fatalf("the process failed: %s", out)
	}
	return true
}

func TestARepairKilledAnywhereIsDoneAtTheNextStart(t *testing.T) {
	l := newLibrary(t, 2)
	spoil := func(t *testing.T, path string) []byte {
		damage(t, path, func(c []byte) []byte {
			for n := 1; (n+1)*defaultPageSize <= len(c); n += 9 {
				clear(c[n*defaultPageSize : (n+1)*defaultPageSize])
			}
			clear(c[:defaultPageSize])
			return c
		})
		content, err := os.ReadFile(path)
		must(t, err)
		must(t, os.WriteFile(path+"-wal", []byte("not a log"), 0o600))
		return content
	}
	whole := l.copy(t, true)
	spoil(t, whole)
	s, _ := l.live(t, whole)
	want := picture(t, s)
	s.Close()
	points := []string{"noted 1", "named 1", "moved-wal 1", "moved 1", "made 1", "filled 1", "placed 1", "finished 1"}
	for n := 1; n < 14; n += 2 {
		points = append(points, fmt.Sprint("batch ", n))
	}
	for _, point := range points {
		t.Run(point, func(t *testing.T) {
			path := l.copy(t, true)
			content := spoil(t, path)
			if point == "moved-wal 1" { // else SQLite takes such a log away when it looks
				must(t, writeNote(path, note{Reason: "it answered so"}))
			}
			if !killed(t, path, point) {
				t.Fatal("the process went past the point")
			}
			if point != "finished 1" {
				if _, err := Open(context.Background(), path, Options{}); !errors.Is(err, ErrDamaged) {
					t.Errorf("others may open it half-way: %v", err)
				}
			}
			if !strings.HasPrefix(point, "moved") { // twice is enough of a bad day
				killed(t, path, "batch 3")
			}
			s, repairs := l.live(t, path)
			defer s.Close()
			diff(t, point, picture(t, s), want)
			if repairs == 0 && point != "finished 1" && point != "placed 1" {
				t.Error("no repair")
			}
			r, err := s.Repaired(context.Background())
			if err != nil || r == nil {
				t.Fatalf("it is not told: %v, %v", r, err)
			}
			if moved, err := os.ReadFile(r.Damaged); err != nil || string(moved) != string(content) {
				t.Errorf("the damaged file is not kept as it was: %v", err)
			}
			for _, name := range entries(t, path) {
				if strings.Contains(name, newSuffix) || strings.Contains(name, noteSuffix) {
					t.Errorf("%s is left", name)
				}
			}
			if files := damagedFiles(path); len(files) < 1 || len(files) > 2 {
				t.Errorf("moved aside: %v", entries(t, path))
			}
		})
	}
}

func TestABackupKilledAnywhereLeavesTheEarlierOne(t *testing.T) {
	l := newLibrary(t, 1)
	for _, point := range []string{"begun 1", "copied 1", "checked 1", "placed 1", "finished 1"} {
		t.Run(point, func(t *testing.T) {
			path := l.copy(t, true)
			if !killed(t, path, point) {
				t.Fatal("the process went past the point")
			}
			for _, name := range Backups(path) {
				must(t, verify(context.Background(), name))
			}
			s, repairs := l.live(t, path)
			defer s.Close()
			if v := l.compare(t, s); repairs != 0 || v.kept < 1 || len(v.wrong) > 0 {
				t.Error(repairs, "repairs:", v)
			}
			list, err := os.ReadDir(filepath.Dir(Backups(path)[0]))
			if err != nil || len(list) != 2 {
				t.Errorf("%v lie there, %v", list, err)
			}
		})
	}
}

// At the size of a few years: what a backup and a salvage take. CPU is what counts.
func BenchmarkBackup(b *testing.B) {
	s := open(b, nil)
	fill(b, s, corpusEvents)
	b.Run("with rests", func(b *testing.B) {
		for b.Loop() {
			must(b, s.Backup(context.Background(), damageTime, 10*time.Millisecond))
		}
	})
	b.Run("at once", func(b *testing.B) {
		for b.Loop() {
			must(b, s.Backup(context.Background(), damageTime, 0))
		}
	})
	b.Run("check alone", func(b *testing.B) {
		for b.Loop() {
			must(b, verify(context.Background(), Backups(s.path)[0]))
		}
	})
}

func BenchmarkSalvage(b *testing.B) {
	s := open(b, nil)
	fill(b, s, corpusEvents)
	must(b, s.Backup(context.Background(), damageTime, 0))
	must(b, s.Close())
	content, err := os.ReadFile(s.path)
	must(b, err)
	for n := 50; (n+1)*defaultPageSize < len(content); n += len(content) / defaultPageSize / 20 {
		clear(content[n*defaultPageSize : (n+1)*defaultPageSize])
	}
	clear(content[:defaultPageSize])
	for b.Loop() {
		b.StopTimer()
		must(b, removeDatabase(s.path))
		must(b, os.WriteFile(s.path, content, 0o600))
		b.StartTimer()
		again, err := Open(context.Background(), s.path, Options{Repair: damageTime})
		must(b, err)
		b.ReportMetric(float64(again.repaired.Requests), "events")
		again.Close()
	}
}
