package ingest_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"tokenmeter/internal/ingest"
)

// Some things need a process of their own: the test binary starts itself with a role, and
// the home and data folder to play it on.
const (
	roleVariable = "TOKENMETER_TEST_ROLE"
	homeVariable = "TOKENMETER_TEST_HOME"
	dataVariable = "TOKENMETER_TEST_DATA"
)

// roles are what a child process can do. It tells the parent by lines on its output, and
// ends when its input does, or with the role.
var roles = map[string]func(m *machine, input io.Reader){
	// once takes in what is new if it gets the lock.
	"once": func(m *machine, _ io.Reader) {
		release, ok, err := ingest.TryLock(m.data)
		m.must(err)
		if ok {
			defer release()
			m.once()
		}
		fmt.Printf("locked %v\n", !ok)
		fmt.Printf("requests %d\n", m.sums()[claudeID].Requests)
		// What rusage tells of a process begins with the memory of the one that started it.
		status, _ := os.ReadFile("/proc/self/status")
		for line := range strings.Lines(string(status)) {
			var kilobytes int64
			if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kilobytes); err == nil {
				fmt.Printf("memory %d\n", kilobytes*1024)
			}
		}
	},
	"crash": playCrash,
	// meter holds the lock and runs until its input ends.
	"meter": func(m *machine, input io.Reader) {
		release, ok, err := ingest.TryLock(m.data)
		m.must(err)
		if !ok {
			fmt.Println("locked true")
			return
		}
		defer release()
		stop := m.run()
		lines := bufio.NewScanner(input)
		for fmt.Println("running"); lines.Scan(); {
			var n int64
			if _, err := fmt.Sscanf(lines.Text(), "await %d", &n); err == nil {
				m.awaitRequests(n)
			}
			if lines.Text() == "catch up" {
				m.catchUp()
			}
			for _, f := range m.findings() {
				fmt.Println("finding", f)
			}
			fmt.Println("requests", m.sums()[claudeID].Requests)
		}
		stop()
	},
}

// TestRole is the child's side; without a role it does nothing.
func TestRole(t *testing.T) {
	role := roles[os.Getenv(roleVariable)]
	if role == nil {
		t.Skip("only for child processes")
	}
	m := &machine{TB: t, home: os.Getenv(homeVariable), data: os.Getenv(dataVariable), variables: map[string]string{}}
	m.start()
	role(m, os.Stdin)
	m.close()
}

// child starts this binary in a role, by way of a wrapper if one is named.
func (m *machine) child(role string, wrapper ...string) *exec.Cmd {
	m.Helper()
	self, err := os.Executable()
	m.must(err)
	args := append(wrapper, self, "-test.run=^TestRole$", "-test.count=1")
	command := exec.Command(args[0], args[1:]...)
	command.Env = append(os.Environ(), roleVariable+"="+role, homeVariable+"="+m.home, dataVariable+"="+m.data)
	command.Stderr = os.Stderr
	return command
}

// talk is a conversation with a child.
type talk struct {
	m       *machine
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Scanner
}

func (m *machine) talk(command *exec.Cmd) *talk {
	m.Helper()
	in, err := command.StdinPipe()
	m.must(err)
	out, err := command.StdoutPipe()
	m.must(err)
	m.must(command.Start())
	t := &talk{m, command, in, bufio.NewScanner(out)}
	m.Cleanup(func() {
		in.Close()
		if command.ProcessState == nil {
			command.Process.Kill()
			command.Wait()
		}
	})
	return t
}

// until reads the child's lines up to one that begins with a word.
func (t *talk) until(word string) (lines []string) {
	t.m.Helper()
	for t.out.Scan() {
		lines = append(lines, t.out.Text())
		if strings.HasPrefix(t.out.Text(), word) {
			return lines
		}
	}
	t.m.Fatalf("the child ended without %q: %v", word, lines)
	return nil
}

func (t *talk) say(format string, args ...any) {
	t.m.Helper()
	if _, err := fmt.Fprintf(t.in, format+"\n", args...); err != nil {
		t.m.Fatal(err)
	}
}

func (t *talk) end() {
	t.m.Helper()
	t.in.Close()
	for t.out.Scan() {
	}
	t.m.must(t.command.Wait())
}

func TestWhoHoldsTheLockIngests(t *testing.T) {
	m := newMachine(t)
	m.append(shop+"a.jsonl", line(1))
	meter := m.talk(m.child("meter"))
	meter.until("running")
	meter.say("await 1")
	meter.until("requests 1")

	out, err := m.child("once").Output()
	m.must(err)
	if !strings.Contains(string(out), "locked true\nrequests 1\n") {
		t.Errorf("beside a running meter: %s", out)
	}
	if second, err := m.child("meter").Output(); err != nil || !strings.Contains(string(second), "locked true") {
		t.Errorf("a second meter: %s, %v", second, err)
	}
	// What the meter takes in, others see.
	m.append(shop+"a.jsonl", line(2))
	meter.say("await 2")
	meter.until("requests 2")
	m.wantRequests("here", 2)
	meter.end()

	m.append(shop+"a.jsonl", line(3))
	out, err = m.child("once").Output()
	m.must(err)
	if !strings.Contains(string(out), "locked false\nrequests 3\n") {
		t.Errorf("after the meter: %s", out)
	}
}

func TestTheLockEndsWithAKilledProcess(t *testing.T) {
	m := newMachine(t)
	m.append(shop+"a.jsonl", line(1))
	meter := m.talk(m.child("meter"))
	meter.until("running")
	if _, ok, err := ingest.TryLock(m.data); ok || err != nil {
		t.Fatalf("got the lock of a running meter: %v, %v", ok, err)
	}
	m.must(meter.command.Process.Kill())
	meter.command.Wait()
	release, ok, err := ingest.TryLock(m.data)
	if !ok || err != nil {
		t.Fatalf("the lock outlives its process: %v, %v", ok, err)
	}
	release()
	if info, err := os.Stat(filepath.Join(m.data, ingest.LockName)); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("lock file %v, %v", info.Mode(), err)
	}
}

func TestTwoAtOnceCountOnce(t *testing.T) {
	// A broken lock, as on some network drives, costs time and no truth.
	m := newMachine(t)
	for i := range 30 {
		m.append(fmt.Sprintf("%s%d.jsonl", shop, i), lines(i*50+1, i*50+50))
	}
	other := &machine{TB: t, home: m.home, data: m.data, variables: m.variables}
	other.start()
	done := make(chan error)
	go func() { done <- other.ingest.Once(context.Background()) }()
	m.once()
	m.must(<-done)
	m.wantRequests("both", 1500)
	m.wantReference("both")
}
