//go:build linux

package fault

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// calls are the system calls into which faults are injected.
var calls = []string{"write", "pwrite64", "fsync", "ftruncate", "rename", "renameat", "renameat2", "unlink", "unlinkat", "openat", "read", "pread64"}

// faults are the ways in which a call can fail, in the order in which points take turns. A
// plus: it and all later ones do.
var faults = map[string][]string{
	"write":     {"ENOSPC", "EIO+"},
	"pwrite64":  {"ENOSPC+", "EIO", "EIO+", "ENOSPC"},
	"fsync":     {"EIO", "ENOSPC", "EIO+"},
	"ftruncate": {"EIO", "ENOSPC"},
	"rename":    {"EACCES", "ENOSPC", "EIO"}, "renameat": {"EACCES", "ENOSPC", "EIO"}, "renameat2": {"EACCES", "ENOSPC", "EIO"},
	"unlink": {"EACCES", "EIO"}, "unlinkat": {"EACCES", "EIO"},
	"openat":  {"EACCES", "EIO", "ENOSPC", "EACCES+"},
	"read":    {"EIO", "EIO+"},
	"pread64": {"EIO", "EIO+"},
}

// kill is the fault of dying in the call.
const kill = "KILL"

// point is a moment of a command: the n-th time that one of its threads makes a call on a
// file. The path is relative to the folder of the run, or absolute.
type point struct {
	call, path string
	n          int
	fault      string
}

func (p point) String() string {
	return fmt.Sprintf("%s at %s %d of %s", p.fault, p.call, p.n, cmp.Or(p.path, "any file"))
}

// strace is the beginning of a command line that injects the fault and writes what it saw
// into the file named trace.
func (p point) strace(folder, trace string) []string {
	line := []string{"strace", "-f", "-qq", "-e", "signal=none", "-o", trace, "-e", "trace=" + p.call}
	if p.path != "" {
		line = append(line, "-P", absolute(folder, p.path))
	}
	when := fmt.Sprintf(":when=%d", p.n)
	fault, lasting := strings.CutSuffix(p.fault, "+")
	if lasting {
		when += "+"
	}
	if fault == kill {
		return append(line, "-e", "inject="+p.call+":signal=KILL"+when)
	}
	// The filter of the kernel makes it faster, but knows no signals.
	return append(line, "--seccomp-bpf", "-e", "inject="+p.call+":error="+fault+when)
}

func absolute(folder, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(folder, path)
}

// fired says whether the fault came to pass.
func (p point) fired(end ending, trace string) (bool, error) {
	if p.fault == kill {
		return end.code == -1, nil
	}
	text, err := os.ReadFile(trace)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return strings.Contains(string(text), "(INJECTED)"), err
}

// listed runs a command without faults and lists its points: for each call and each file
// below folder or home, as many as the thread that makes most of them makes.
func listed(t testing.TB, folder, home, zone string, command ...string) []point {
	t.Helper()
	trace := filepath.Join(folder, "trace")
	end, err := run(home, zone, filepath.Join(folder, "out"), append(watch(trace), command...)...)
	if err != nil || end.code != 0 {
		t.Fatalf("count the system calls: %v, exit code %d\n%s", err, end.code, end.errors)
	}
	return pointsIn(t, trace, folder, home)
}

// watch is the beginning of a command line that writes all calls into the file named trace.
func watch(trace string) []string {
	return []string{"strace", "-f", "-y", "-qq", "-e", "signal=none", "-o", trace, "-e", "trace=" + strings.Join(calls, ",")}
}

// pointsIn lists the points of what watch has written.
func pointsIn(t testing.TB, trace, folder, home string) []point {
	t.Helper()
	file, err := os.Open(trace)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	type place struct{ call, path, thread string }
	made := map[place]int{}
	call := regexp.MustCompile(`^(\d+) +(\w+)\((?:AT_FDCWD(?:<[^>]*>)?, )?(?:\d+<([^>]*)>|"([^"]*)")`)
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		m := call.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		path, _ := strings.CutSuffix(m[3]+m[4], " (deleted)")
		if below, ok := strings.CutPrefix(path, folder+"/"); ok {
			path = below
		} else if !strings.HasPrefix(path, home+"/") {
			continue // the runtime's own
		}
		made[place{m[2], path, m[1]}]++
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	most := map[place]int{}
	for at, n := range made {
		at.thread = ""
		most[at] = max(most[at], n)
	}
	var points []point
	order := func(a, b place) int { return cmp.Or(cmp.Compare(a.call, b.call), cmp.Compare(a.path, b.path)) }
	for _, at := range slices.SortedFunc(maps.Keys(most), order) {
		for n := range most[at] {
			points = append(points, point{call: at.call, path: at.path, n: n + 1, fault: kill})
		}
	}
	return points
}

// errorsOf are points with errors in the place of kills. Of many calls of one kind on one
// file only some get one, in the order of faults.
func errorsOf(points []point) []point {
	const first, every = 2, 9
	var list []point
	for i, p := range points {
		if p.n > first && p.n%every != 0 {
			continue
		}
		kinds := faults[p.call]
		p.fault = kinds[(i+p.n)%len(kinds)]
		list = append(list, p)
	}
	return list
}

// copyFolder copies the files of a data folder.
func copyFolder(from, to string) error {
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		content, err := os.ReadFile(filepath.Join(from, e.Name()))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, e.Name()), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}
