//go:build linux

package fault

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// state is a home and a data folder from which `scan` starts.
type state struct {
	name     string
	home     *home
	zone     string
	template string // the data folder, copied for each run; "" = none yet
	want     sums   // afterwards
	print    string // of the home, which no run may change
}

// newState takes a home as it is now.
func newState(t testing.TB, name string, h *home, zone, template string) *state {
	t.Helper()
	place, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	return &state{name, h, zone, template, expected(t, h.all, place), h.sum()}
}

// workshop is a folder for all that a test makes. It stays when the test fails.
func workshop(t testing.TB) string {
	t.Helper()
	// In memory where there is room: what is tested is the order of calls, not the disk.
	top, memory := "", unix.Statfs_t{}
	if unix.Statfs("/dev/shm", &memory) == nil && memory.Type == unix.TMPFS_MAGIC && memory.Bavail*uint64(memory.Bsize) > 256<<20 {
		top = "/dev/shm"
	}
	folder, err := os.MkdirTemp(top, "tokenmeter-fault-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("what was left is in %s", folder)
			return
		}
		os.RemoveAll(folder)
	})
	return folder
}

// states makes the states of one seed.
func states(t testing.TB, folder string, seed uint64, requests int) []*state {
	t.Helper()
	program := meter(t)
	scan := func(name, homeFolder string) string {
		data := filepath.Join(folder, name)
		end, err := run(homeFolder, "UTC", filepath.Join(folder, "out"), program, "scan", "--data-dir", data)
		if err != nil || end.code != 0 {
			t.Fatalf("prepare %s: %v %+v", name, err, end)
		}
		return data
	}
	still := newHome(t, filepath.Join(folder, "still"), seed, requests)
	empty := filepath.Join(folder, "empty")
	if err := os.MkdirAll(empty, 0o700); err != nil {
		t.Fatal(err)
	}
	list := []*state{
		newState(t, "first import", still, "UTC", ""),
		newState(t, "first import into an empty database", still, "Pacific/Honolulu", scan("schema", empty)),
		newState(t, "another zone", still, "Asia/Kathmandu", scan("zone", still.path)),
	}
	// What a kill in the middle of the first import leaves is where the next one begins.
	broken := filepath.Join(folder, "killed")
	if err := os.MkdirAll(broken, 0o700); err != nil {
		t.Fatal(err)
	}
	points := listed(t, folder, still.path, "UTC", program, "scan", "--data-dir", filepath.Join(folder, "data"))
	if err := os.RemoveAll(filepath.Join(folder, "data")); err != nil {
		t.Fatal(err)
	}
	var last point
	for _, p := range points {
		if p.call == "pwrite64" && p.path == "data/tokenmeter.db" {
			last = p // in the middle of folding the log into the file
		}
	}
	last.n /= 2
	line := append(last.strace(broken, filepath.Join(broken, "trace")), program, "scan", "--data-dir", filepath.Join(broken, "data"))
	if end, err := run(still.path, "UTC", filepath.Join(broken, "out"), line...); err != nil || end.code != -1 {
		t.Fatalf("kill an import: %v %+v", err, end)
	}
	list = append(list, newState(t, "after a kill", still, "UTC", filepath.Join(broken, "data")))

	grown := newHome(t, filepath.Join(folder, "grown"), seed+1000, requests)
	template := scan("before", grown.path)
	grown.change(requests / 2)
	return append(list, newState(t, "logs that grew, were replaced and removed", grown, "UTC", template))
}

// points lists the moments of a scan from this state.
func (s *state) points(t testing.TB, folder string) []point {
	t.Helper()
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(folder, "data")
	if err := s.prepare(data); err != nil {
		t.Fatal(err)
	}
	list := listed(t, folder, s.home.path, s.zone, meter(t), "scan", "--json", "--data-dir", data)
	if err := s.afterwards(meter(t), folder, true); err != nil {
		t.Fatalf("%s, without any fault: %v", s.name, err)
	}
	if err := os.RemoveAll(data); err != nil {
		t.Fatal(err)
	}
	return list
}

func (s *state) prepare(data string) error {
	if s.template == "" {
		return nil
	}
	return copyFolder(s.template, data)
}

// suffer scans with faults, one run for each, and says which came to pass.
func (s *state) suffer(program, folder string, list ...point) (fired int, err error) {
	data := filepath.Join(folder, "data")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return 0, err
	}
	if err := s.prepare(data); err != nil {
		return 0, err
	}
	for _, p := range list {
		trace := filepath.Join(folder, "trace")
		line := append(p.strace(folder, trace), program, "scan", "--json", "--data-dir", data)
		end, err := run(s.home.path, s.zone, filepath.Join(folder, "out"), line...)
		if err != nil {
			return fired, err
		}
		came, err := p.fired(end, trace)
		if err != nil {
			return fired, err
		}
		if came {
			fired++
		}
		if came && p.fault == kill {
			continue
		}
		if err := end.judge(); err != nil {
			return fired, err
		}
		if err := s.honest(end); err != nil {
			return fired, err
		}
	}
	return fired, nil
}

// honest says that a scan which says that all went well printed the right figures, or a
// warning of what it could not read.
func (s *state) honest(end ending) error {
	if end.code != 0 || strings.Contains(end.errors, "warning: ") {
		return nil
	}
	got, err := scanned(end.out)
	if err != nil {
		return err
	}
	if want := s.want.requests(); !maps.Equal(got, want) {
		return fmt.Errorf("exit code 0 without a warning, and %v requests of %v", got, want)
	}
	return nil
}

// afterwards says what is wrong once the fault is over: a scan takes in all that is
// missing, and history gives the figures of the reference. Only a repair after a disk that
// could not be read for long is worth a word.
func (s *state) afterwards(program, folder string, ask bool, suffered ...point) error {
	data := filepath.Join(folder, "data")
	out := filepath.Join(folder, "out")
	end, err := run(s.home.path, s.zone, out, program, "scan", "--json", "--data-dir", data)
	if err != nil {
		return err
	}
	unreadable := slices.ContainsFunc(suffered, func(p point) bool { return p.call == "pread64" && p.fault == "EIO+" })
	words := end.errors
	if unreadable {
		words = repaired.ReplaceAllString(words, "")
	}
	if end.code != 0 || words != "" {
		return fmt.Errorf("the next scan: exit code %d\n%s", end.code, end.errors)
	}
	if err := s.honest(end); err != nil {
		return fmt.Errorf("the next scan: %w", err)
	}
	if err := sound(data, s.want); err != nil {
		return err
	}
	if !ask {
		return nil
	}
	got, err := history(program, s.home.path, s.zone, data, out)
	if err != nil {
		return err
	}
	if d := got.differs(s.want); d != "" {
		return fmt.Errorf("history differs from the reference:\n%s", d)
	}
	return nil
}

// repaired are words on a database that was made anew.
var repaired = regexp.MustCompile(`(?m)^warning: The database was damaged and has been repaired .*\n`)

// untouched says that no run has changed a log.
func (s *state) untouched(t testing.TB) {
	t.Helper()
	if s.home.sum() != s.print {
		t.Errorf("%s: a log was changed", s.name)
	}
}
