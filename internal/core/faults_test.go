package core_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"

	"tokenmeter/internal/core"
	"tokenmeter/internal/health"
	"tokenmeter/internal/link"
	"tokenmeter/internal/platform"
	"tokenmeter/internal/report"
	"tokenmeter/internal/usage"
	"tokenmeter/internal/view"
)

func TestStoreThatCannotBeUsedIsSaidAndTriedAgain(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, h *house) (mend func())
		code  health.Code
	}{
		"a folder": {func(t *testing.T, h *house) func() {
			path := filepath.Join(h.data, platform.DatabaseName)
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
			return func() { remove(t, path) }
		}, health.DatabaseFailed},
		"from a newer version": {func(t *testing.T, h *house) func() {
			_, end := h.start()
			end()
			path := filepath.Join(h.data, platform.DatabaseName)
			change(t, path, "PRAGMA user_version = 999999")
			return func() { remove(t, path) }
		}, health.DatabaseNewer},
		"locked": {func(t *testing.T, h *house) func() {
			first, end := h.start()
			until(t, first, "it is made", fresh(0))
			end()
			db := database(t, filepath.Join(h.data, platform.DatabaseName))
			db.SetMaxOpenConns(1)
			for _, statement := range []string{"PRAGMA locking_mode = EXCLUSIVE", "BEGIN EXCLUSIVE"} {
				if _, err := db.Exec(statement); err != nil {
					t.Fatal(err)
				}
			}
			return func() { db.Close() }
		}, health.DatabaseLocked},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			mend := c.spoil(t, h)
			l := h.log(0)
			l.turn(usage.Tokens{Input: 3, Output: 4})
			meter, _ := h.start()
			s := until(t, meter, "it is said", func(s *report.Snapshot) bool { return has(s, c.code) })
			if s.StaleSince.IsZero() {
				t.Error("the figures are shown as current")
			}
			if item := view.TrayItem(s); !item.Ring.Failed {
				t.Errorf("the tray item shows %+v", item)
			}
			if len(s.Agents) != len(h.o.Sources) {
				t.Errorf("agents are %+v", s.Agents)
			}
			mend()
			s = until(t, meter, "all is counted", fresh(l.fresh))
			if has(s, c.code) || !s.StaleSince.IsZero() {
				t.Errorf("after the repair: %+v, stale since %v", s.Findings, s.StaleSince)
			}
		})
	}
}

func TestDatabaseThatIsRemovedOrReplacedUnderTheMeterIsMadeAnew(t *testing.T) {
	for name, take := range map[string]func(t *testing.T, h *house, database string){
		"removed": func(t *testing.T, _ *house, database string) { remove(t, database) },
		"only the file, not what lies beside it": func(t *testing.T, _ *house, database string) {
			if err := os.Remove(database); err != nil {
				t.Fatal(err)
			}
		},
		"moved away": func(t *testing.T, _ *house, database string) {
			for _, suffix := range []string{"", "-wal", "-shm"} {
				if err := os.Rename(database+suffix, database+".old"+suffix); err != nil {
					t.Fatal(err)
				}
			}
		},
		"replaced by an empty one": func(t *testing.T, _ *house, database string) {
			remove(t, database)
			if err := os.WriteFile(database, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"replaced by an older one": func(t *testing.T, h *house, database string) {
			older := *h
			older.o.DataDir = filepath.Join(h.home, "older")
			c, end := older.start()
			until(t, c, "it has read", func(s *report.Snapshot) bool { return s.Today.Counts.Fresh() > 0 && !s.Reading.Running })
			end()
			remove(t, database)
			if err := os.Rename(filepath.Join(older.o.DataDir, platform.DatabaseName), database); err != nil {
				t.Fatal(err)
			}
		},
		"with its folder": func(t *testing.T, h *house, _ string) {
			if err := os.RemoveAll(h.data); err != nil {
				t.Fatal(err)
			}
		},
	} {
		for how, notice := range map[string]func(t *testing.T, h *house, l *log){
			"asked": func(t *testing.T, h *house, l *log) {
				conn, err := link.Dial(t.Context(), link.SocketPath(h.data, h.data))
				if err != nil {
					t.Skip("the socket went away with the folder")
				}
				defer conn.Close()
				if err := conn.Send(link.Message{Do: link.CatchUp}); err != nil {
					t.Fatal(err)
				}
				if _, err := conn.Receive(); err != nil {
					t.Fatal(err)
				}
				if n := sum(t, filepath.Join(h.data, platform.DatabaseName), "SELECT sum(input+output+cw5+cw1) FROM event"); n != l.fresh {
					t.Errorf("when the answer came %d tokens were stored, %d were written", n, l.fresh)
				}
			},
			"a line comes": func(_ *testing.T, _ *house, l *log) { l.turn(usage.Tokens{Input: 5, Output: 6}) },
		} {
			t.Run(name+", "+how, func(t *testing.T) {
				h := newHouse(t)
				l := h.log(0)
				l.turn(usage.Tokens{Input: 3, Output: 4})
				meter, _ := h.start()
				s := until(t, meter, "all is counted", fresh(l.fresh))
				if has(s, health.DatabaseMoved) {
					t.Errorf("before: %+v", s.Findings)
				}
				take(t, h, filepath.Join(h.data, platform.DatabaseName))
				notice(t, h, l)
				s = until(t, meter, "all is counted anew", func(s *report.Snapshot) bool {
					return has(s, health.DatabaseMoved) && fresh(l.fresh)(s)
				})
				// What lay beside the file may still tell something.
				if slices.ContainsFunc(s.Findings, func(f health.Finding) bool {
					return f.Code != health.DatabaseMoved && f.Code != health.DatabaseRepaired
				}) || !s.StaleSince.IsZero() {
					t.Errorf("afterwards: %+v, stale since %v", s.Findings, s.StaleSince)
				}
				l.turn(usage.Tokens{Input: 8, Output: 9})
				until(t, meter, "it goes on", fresh(l.fresh))
				n := sum(t, filepath.Join(h.data, platform.DatabaseName), "SELECT sum(input+output+cw5+cw1) FROM event")
				if n != l.fresh {
					t.Errorf("%d tokens are stored, %d were written", n, l.fresh)
				}
			})
		}
	}
}

func sum(t *testing.T, path, query string) (n int64) {
	t.Helper()
	if err := database(t, path).QueryRow(query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func remove(t *testing.T, database string) {
	t.Helper()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.RemoveAll(database + suffix); err != nil {
			t.Fatal(err)
		}
	}
}

func database(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func change(t *testing.T, path, statement string) {
	t.Helper()
	if _, err := database(t, path).Exec(statement); err != nil {
		t.Fatal(err)
	}
}

func TestDataFolderThatCannotBeMadeIsAnError(t *testing.T) {
	h := newHouse(t)
	file := filepath.Join(h.home, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	h.o.DataDir = filepath.Join(file, "data")
	if _, err := core.New(h.o); err == nil {
		t.Error("a meter runs in no folder")
	}
}

func TestReadOnlyDataFolderIsSaidAndTheMeterGoesOn(t *testing.T) {
	const sealed = "/sys/kernel" // nobody can make a file there, not even root
	if info, err := os.Stat(sealed); err != nil || !info.IsDir() {
		t.Skip("there is no such folder here")
	}
	for name, withRuntimeDir := range map[string]bool{"with a runtime folder": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.o.DataDir = sealed
			if withRuntimeDir {
				run := h.home
				h.o.Env.Variable = func(name string) string {
					if name == "XDG_RUNTIME_DIR" {
						return run
					}
					return ""
				}
			}
			c, end := h.start()
			s := until(t, c, "it is said", func(s *report.Snapshot) bool { return has(s, health.DatabaseReadOnly) })
			if has(s, health.NoLink) == withRuntimeDir {
				t.Errorf("findings are %+v", s.Findings)
			}
			if _, err := core.New(h.o); withRuntimeDir && !errors.Is(err, core.ErrRunning) {
				t.Errorf("a second meter: %v", err)
			}
			end()
		})
	}
}

// TestSignalEndsTheMeter and the next use a process of their own, as only that can be ended
// from outside.
func TestSignalEndsTheMeter(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no signals on Windows")
	}
	h := newHouse(t)
	meter := h.process()
	begun := time.Now()
	if err := meter.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := meter.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("the end took %v", took)
	}
	if _, err := os.Lstat(link.SocketPath(h.data, h.data)); !os.IsNotExist(err) {
		t.Errorf("the socket: %v", err)
	}
}

func TestKilledMeterLeavesNoLockAndItsSocketIsReplaced(t *testing.T) {
	h := newHouse(t)
	meter := h.process()
	if _, err := core.New(h.o); err == nil {
		t.Fatal("two meters run")
	}
	if err := meter.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = meter.Wait()
	c, _ := h.start()
	until(t, c, "it runs", fresh(0))
}

// process starts a meter as a process and waits until it answers.
func (h *house) process() *exec.Cmd {
	h.t.Helper()
	self, err := os.Executable()
	if err != nil {
		h.t.Fatal(err)
	}
	meter := exec.Command(self)
	meter.Env = append(os.Environ(), meterVariable+"="+h.data)
	meter.Stderr = os.Stderr
	if err := meter.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = meter.Process.Kill() })
	ctx, cancel := context.WithTimeout(h.t.Context(), patience)
	defer cancel()
	for pause := time.NewTicker(10 * time.Millisecond); ; <-pause.C {
		conn, err := link.Dial(ctx, link.SocketPath(h.data, h.data))
		if err == nil {
			defer conn.Close()
			if err := conn.Send(link.Message{Do: link.Ping}); err != nil {
				h.t.Fatal(err)
			}
			m, err := conn.Receive()
			if err != nil || m.Do != link.Pong || m.Pid != meter.Process.Pid || m.Build != "test" {
				h.t.Fatalf("got %+v, %v", m, err)
			}
			return meter
		}
		if ctx.Err() != nil {
			h.t.Fatalf("the meter does not answer: %v", err)
		}
	}
}

func TestRhythm(t *testing.T) {
	now := time.Date(2031, 4, 2, 8, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		quiet time.Duration // 0 = not known
		live  bool
		want  time.Duration
	}{
		"flowing, the rate falls soon":      {10 * time.Second, true, 10*time.Second + time.Millisecond},
		"flowing, many requests a second":   {time.Millisecond, true, 500 * time.Millisecond},
		"quiet, a session turns idle":       {time.Minute, false, time.Minute + time.Millisecond},
		"quiet, nothing is worth a wake-up": {time.Second, false, 30 * time.Second},
		"quiet, overdue":                    {-time.Hour, false, 30 * time.Second},
		"midnight is far":                   {9 * time.Hour, false, 15 * time.Minute},
		"no store is open":                  {0, false, 15 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			s := &report.Snapshot{Now: report.Now{Live: c.live}}
			if c.quiet != 0 {
				s.Now.QuietAt = now.Add(c.quiet)
			}
			if got := core.UntilUntrue(s, now); got != c.want {
				t.Errorf("got %v, wanted %v", got, c.want)
			}
		})
	}
	for name, c := range map[string]struct {
		reading, failing bool
		took, want       time.Duration
	}{
		"quick":                    {false, false, 2 * time.Millisecond, 8 * time.Millisecond},
		"slow":                     {false, false, time.Minute, time.Second},
		"the clock was set back":   {false, false, -time.Hour, 0},
		"during a long reading":    {true, false, time.Millisecond, 200 * time.Millisecond},
		"the store cannot be read": {false, true, time.Millisecond, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			if got := core.Pause(c.reading, c.failing, c.took); got != c.want {
				t.Errorf("got %v, wanted %v", got, c.want)
			}
		})
	}
}

func TestNothingHappensWhileNothingFlows(t *testing.T) {
	h := newHouse(t)
	c, _ := h.start()
	until(t, c, "the reading is done", fresh(0))
	changed, cancel := c.Subscribe()
	defer cancel()
	// What was on its way comes first; then two seconds of silence must come within the
	// patience of the test.
	late := time.After(patience)
	for {
		select {
		case <-changed:
		case <-time.After(2 * time.Second):
			return
		case <-late:
			t.Fatalf("a new snapshot at least every two seconds, of nothing: %+v", c.Current().Reading)
		}
	}
}
