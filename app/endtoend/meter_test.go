//go:build linux

package endtoend

import (
	"bufio"
	"context"
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"

	"tokenmeter/app/lab"
	"tokenmeter/internal/agent/all"
	"tokenmeter/internal/demo"
	"tokenmeter/internal/store"
	"tokenmeter/internal/view"
)

// simulate fills a home with days of simulated work and says how many requests those are.
func simulate(t *testing.T, home string, days int) int64 {
	t.Helper()
	h, err := demo.New(home, demo.Options{Seed: 11, Clock: time.Now, Days: days, Sources: all.Sources()})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Generate(context.Background()); err != nil {
		t.Fatal(err)
	}
	var requests int64
	for _, c := range h.Sums() {
		requests += c.Requests
	}
	return requests
}

// TestKilledInTheFirstImport kills the meter again and again while it reads for the first
// time, then lets it finish: no line is lost and none is counted twice.
func TestKilledInTheFirstImport(t *testing.T) {
	t.Parallel()
	p := newProgram(t, onDesktop(t))
	// Enough for several transactions: what is not committed leaves nothing to look at.
	requests := simulate(t, p.home, 600)
	partly := 0
	for kill := range 6 {
		// In turn in the middle of a transaction and right after one.
		afterWrites(t, p, 2+5*kill, kill%2 == 1).Kill()
		if n := storedRequests(t, p); n > 0 && n < requests {
			partly++
		}
	}
	if partly == 0 {
		t.Errorf("no kill fell into the reading of %d requests, so nothing was shown", requests)
	}
	t.Logf("%d of 6 kills left a part of the requests behind", partly)

	question := []string{"--by", "agent,model,project,session"}
	after := p.history(question...)
	fresh := p.history(append(question, "--data-dir", filepath.Join(p.home, "fresh"))...)
	if !reflect.DeepEqual(after, fresh) {
		t.Errorf("after the kills the totals are %+v, a fresh reading gives %+v", after.Totals, fresh.Totals)
	}
	if after.Totals.Requests != requests {
		t.Errorf("%d requests counted, %d were written", after.Totals.Requests, requests)
	}
}

// afterWrites starts the meter and returns when so many changes of its database's journal
// were seen, or with committed as soon as more is stored than before; at the latest when it
// has had time to write all.
func afterWrites(t *testing.T, p *program, writes int, committed bool) *lab.Child {
	t.Helper()
	if err := os.MkdirAll(p.data, 0o700); err != nil {
		t.Fatal(err)
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		t.Fatal(err)
	}
	defer watcher.Close()
	if err := watcher.Add(p.data); err != nil {
		t.Fatal(err)
	}
	var before int64
	if committed {
		before = storedRequests(t, p)
	}
	meter := p.start("--hidden")
	deadline := time.NewTimer(5 * time.Second)
	defer deadline.Stop()
	for seen := 0; committed || seen < writes; {
		select {
		case e := <-watcher.Events:
			if strings.HasSuffix(e.Name, "-wal") && e.Has(fsnotify.Write) {
				seen++
				if committed && storedRequests(t, p) > before {
					return meter
				}
			}
		case <-meter.Ended:
			return meter
		case <-deadline.C: // it has nothing more to write
			return meter
		}
	}
	return meter
}

func storedRequests(t *testing.T, p *program) int64 {
	t.Helper()
	s, err := store.Open(context.Background(), filepath.Join(p.data, "tokenmeter.db"), store.Options{ReadOnly: true, Zone: time.UTC})
	if err != nil {
		t.Logf("after the kill: %v", err)
		return 0
	}
	defer s.Close()
	sums, err := s.Agents(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var n int64
	for _, a := range sums {
		n += a.Events
	}
	return n
}

// TestIdleMeterDoesNothing opens the window, closes it, sees its process end, and counts
// what the meter does in a minute in which nothing happens.
func TestIdleMeterDoesNothing(t *testing.T) {
	t.Parallel()
	p := newProgram(t, onDesktop(t))
	p.write(claudeLog("a1"), claudeReply("a1", 1, time.Now().Add(-2*time.Hour), 10, 1990, 50_000, 500))
	meter, item := p.meter()
	until(t, p.lab, 20*time.Second, "today is in the menu", func() bool { return menuHas(item, "Today", view.Tokens(2_500)) })
	must(t, item.LeftClick())
	w := p.windowShown(30 * time.Second)
	drawn(t, w)
	must(t, w.Press("alt+F4"))
	until(t, p.lab, 10*time.Second, "the window is off the screen", func() bool { return !w.Visible() })
	t.Logf("the window's process ended after %v", p.gone(w.PID, 80*time.Second).Round(time.Millisecond))
	if meter.Over() {
		t.Fatal("the meter ended with its window")
	}

	wait := func(d time.Duration) {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-meter.Ended:
			t.Fatal("the meter ended")
		}
	}
	wait(5 * time.Second)
	pid := meter.Process.Pid
	switches, written := contextSwitches(t, pid), bytesWritten(t, pid)
	wait(time.Minute)
	if n := contextSwitches(t, pid) - switches; n > 3 {
		t.Errorf("%d context switches in an idle minute, want at most 3", n)
	} else {
		t.Logf("%d context switches in an idle minute", n)
	}
	if n := bytesWritten(t, pid) - written; n != 0 {
		t.Errorf("%d bytes written in an idle minute, want none", n)
	}
}

// contextSwitches sums up all switches of all threads of a process, wanted or not.
func contextSwitches(t *testing.T, pid int) int64 {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(threads) == 0 {
		t.Fatalf("look at the threads of process %d: %v", pid, err)
	}
	var sum int64
	for _, thread := range threads {
		sum += field(t, thread, "voluntary_ctxt_switches:") + field(t, thread, "nonvoluntary_ctxt_switches:")
	}
	return sum
}

func bytesWritten(t *testing.T, pid int) int64 {
	t.Helper()
	path := fmt.Sprintf("/proc/%d/io", pid)
	return field(t, path, "wchar:") + field(t, path, "write_bytes:")
}

// field reads a number from a file of lines "name number".
func field(t *testing.T, path, name string) int64 {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if words := strings.Fields(lines.Text()); len(words) > 1 && words[0] == name {
			n, err := strconv.ParseInt(words[1], 10, 64)
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			return n
		}
	}
	t.Fatalf("%s has no %s", path, name)
	return 0
}

// TestMeterIsStatic: the meter runs on a machine without any library, above all without
// those of graphics.
func TestMeterIsStatic(t *testing.T) {
	file, err := elf.Open(binary(t, "tokenmeter"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	libraries, err := file.ImportedLibraries()
	if err != nil {
		t.Fatal(err)
	}
	if len(libraries) > 0 {
		t.Errorf("the meter needs %v", libraries)
	}
	for _, part := range file.Progs {
		if part.Type == elf.PT_INTERP {
			t.Error("the meter asks for a dynamic loader")
		}
	}
	info, err := os.Stat(binary(t, "tokenmeter"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > 15<<20 {
		t.Errorf("the meter has %d bytes, want less than 15 MiB", info.Size())
	}
}

// TestNothingGoesOut watches every system call with which a connection is made, of the
// meter, the window and the commands: all sockets are local ones.
func TestNothingGoesOut(t *testing.T) {
	p := newProgram(t, onDesktop(t))
	simulate(t, p.home, 2)
	trace := filepath.Join(p.home, "trace")
	command := p.lab.Command(p.home, "strace", "-f", "-qq", "-e", "trace=socket,connect,sendto,sendmsg", "-e", "signal=none", "-o", trace, binary(t, "tokenmeter"))
	command.Env = append(command.Env, p.variables...)
	traced := p.startCommand(command)
	w := p.windowShown(40 * time.Second)
	drawn(t, w)
	p.run("scan")
	p.run("quit")
	p.ends(traced, 20*time.Second)
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "AF_UNIX") {
		t.Fatalf("nothing was traced:\n%s", text)
	}
	for _, line := range strings.Split(string(text), "\n") {
		if strings.Contains(line, "AF_INET") {
			t.Errorf("a socket that leads out: %s", line)
		}
	}
}

// TestWithoutADesktop starts what a person on a server would start.
func TestWithoutADesktop(t *testing.T) {
	nowhere := []string{"DISPLAY=", "WAYLAND_DISPLAY=", "DBUS_SESSION_BUS_ADDRESS="}
	t.Run("with logs", func(t *testing.T) {
		p := newProgram(t, onDesktop(t))
		p.variables = append(p.variables, nowhere...)
		p.write(claudeLog("a1"), claudeReply("a1", 1, time.Now(), 10, 1990, 50_000, 500))
		out, errs, code := p.finish(p.command())
		if code != 0 || !strings.Contains(out, "2.50k") || !strings.Contains(errs, "display") {
			t.Errorf("exit code %d, want 0, today's figure and a word on the display\n%s\n%s", code, out, errs)
		}
	})
	t.Run("without logs", func(t *testing.T) {
		p := newProgram(t, onDesktop(t))
		p.variables = append(p.variables, nowhere...)
		out, errs, code := p.finish(p.command("demo", "--offer"))
		if code != 0 || !strings.Contains(out, "fresh") || !strings.Contains(errs, "display") || !strings.Contains(errs, "simulated") {
			t.Errorf("exit code %d, want 0, figures, and words on the display and the simulation\n%s\n%s", code, out, errs)
		}
		left, err := filepath.Glob(filepath.Join(os.TempDir(), "tokenmeter-demo-*"))
		if err != nil || len(left) > 0 {
			t.Errorf("the demo left its home behind: %v %v", left, err)
		}
	})
	t.Run("the meter alone", func(t *testing.T) {
		p := newProgram(t, onDesktop(t))
		p.variables = append(p.variables, nowhere...)
		meter := afterWrites(t, p, 1, false)
		if meter.Over() {
			t.Fatalf("the meter ended: %v", meter.Err)
		}
		if err := meter.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		p.ends(meter, 5*time.Second)
		if meter.Err != nil {
			t.Errorf("after SIGTERM: %v, want exit code 0", meter.Err)
		}
	})
}
