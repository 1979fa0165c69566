//go:build linux

package endtoend

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tokenmeter/app/lab"
)

// built is the folder of the built programs, built with the flags of the Makefile.
var built = sync.OnceValues(func() (string, error) {
	if folder := os.Getenv("TOKENMETER_BUILD"); folder != "" {
		return folder, nil
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		return "", err
	}
	command := exec.Command("make", "--no-print-directory", "build")
	command.Dir = root
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("make build: %w\n%s", err, out)
	}
	return filepath.Join(root, "build"), nil
})

func binary(t *testing.T, name string) string {
	t.Helper()
	folder, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(folder, name)
}

// program is Tokenmeter with a home of its own.
type program struct {
	t    *testing.T
	lab  *lab.Lab
	home string
	data string
	// variables are added to the environment of every start, as "NAME=value"; a later one
	// wins, and "NAME=" alone takes a variable of the desktop away.
	variables []string
}

// newProgram makes an empty home for Tokenmeter on the desktop. What runs there is ended
// with the test.
func newProgram(t *testing.T, l *lab.Lab) *program {
	t.Helper()
	home, err := os.MkdirTemp(l.Folder, "app-")
	if err != nil {
		t.Fatal(err)
	}
	if err := lab.MakeHome(home); err != nil {
		t.Fatal(err)
	}
	p := &program{t: t, lab: l, home: home, data: filepath.Join(home, ".local/share/tokenmeter"), variables: []string{"TZ=" + zoneAtNoon()}}
	t.Cleanup(func() {
		for _, pid := range p.processes() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	return p
}

// zoneAtNoon names a time zone in which it is about noon now, so that no test that speaks
// of today meets midnight; without time zone data it is UTC.
func zoneAtNoon() string {
	name := fmt.Sprintf("Etc/GMT%+d", time.Now().UTC().Hour()-12)
	if _, err := time.LoadLocation(name); err != nil {
		return "UTC"
	}
	return name
}

func (p *program) command(args ...string) *exec.Cmd {
	command := p.lab.Command(p.home, append([]string{binary(p.t, "tokenmeter")}, args...)...)
	command.Env = append(command.Env, p.variables...)
	return command
}

// start starts the program as a process of its own. Its output is logged if the test fails.
func (p *program) start(args ...string) *lab.Child {
	p.t.Helper()
	return p.startCommand(p.command(args...))
}

func (p *program) startCommand(command *exec.Cmd) *lab.Child {
	p.t.Helper()
	c, err := p.lab.Spawn(command, "tokenmeter")
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		c.Kill()
		if text, err := os.ReadFile(c.Log); err == nil && p.t.Failed() && len(text) > 0 {
			p.t.Logf("output of %s:\n%s", strings.Join(command.Args, " "), text)
		}
	})
	return c
}

// run runs a command to its end and gives what it printed. It fails the test when the
// command fails or takes longer than a minute.
func (p *program) run(args ...string) string {
	p.t.Helper()
	out, errors, code := p.finish(p.command(args...))
	if code != 0 {
		p.t.Fatalf("tokenmeter %s: exit code %d\n%s%s", strings.Join(args, " "), code, out, errors)
	}
	return out
}

func (p *program) finish(command *exec.Cmd) (out, errs string, code int) {
	p.t.Helper()
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	c := p.startCommand(command)
	p.ends(c, time.Minute)
	var exit *exec.ExitError
	if c.Err != nil && !errors.As(c.Err, &exit) {
		p.t.Fatal(c.Err)
	}
	return stdout.String(), stderr.String(), c.ProcessState.ExitCode()
}

// ends waits for the end of a process.
func (p *program) ends(c *lab.Child, within time.Duration) {
	p.t.Helper()
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	select {
	case <-c.Ended:
	case <-deadline.C:
		p.t.Fatalf("%s did not end within %v", strings.Join(c.Args, " "), within)
	}
}

// gone waits for the end of a process that is not the test's own child.
func (p *program) gone(pid int, within time.Duration) time.Duration {
	p.t.Helper()
	begun := time.Now()
	descriptor, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return 0
	}
	if err != nil {
		p.t.Fatalf("watch process %d: %v", pid, err)
	}
	defer unix.Close(descriptor)
	for {
		left := within - time.Since(begun)
		if left <= 0 {
			p.t.Fatalf("process %d did not end within %v", pid, within)
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(descriptor), Events: unix.POLLIN}}, int(left.Milliseconds())+1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			p.t.Fatal(err)
		}
		if n > 0 {
			return time.Since(begun)
		}
	}
}

// processes lists the processes that were started for this home.
func (p *program) processes() []int {
	var list []int
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		var pid int
		if _, err := fmt.Sscanf(e.Name(), "%d", &pid); err != nil || pid == os.Getpid() {
			continue
		}
		environment, err := os.ReadFile(filepath.Join("/proc", e.Name(), "environ"))
		// The demo gives its window a home inside this one.
		if err == nil && (bytes.Contains(environment, []byte("HOME="+p.home+"\x00")) || bytes.Contains(environment, []byte("HOME="+p.home+"/"))) {
			list = append(list, pid)
		}
	}
	return list
}

// write appends text to a file of the home, as an agent does.
func (p *program) write(name, text string) {
	p.t.Helper()
	path := filepath.Join(p.home, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		p.t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		p.t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteString(text); err != nil {
		p.t.Fatal(err)
	}
}

// history is the answer of `tokenmeter history --json`, with the columns that tests use.
type history struct {
	Rows   []counts
	Totals counts
}

type counts struct {
	Agent, Model, Project, Session string
	InputTokens                    int64
	OutputTokens                   int64
	CacheCreationTokens            int64
	CacheReadTokens                int64
	ReasoningTokens                int64
	TotalTokens                    int64
	Requests                       int64
}

func (p *program) history(args ...string) history {
	p.t.Helper()
	var h history
	out := p.run(append([]string{"history", "--json"}, args...)...)
	if err := json.Unmarshal([]byte(out), &h); err != nil {
		p.t.Fatalf("history --json: %v\n%s", err, out)
	}
	return h
}

// meter starts the meter without a window and waits for its tray item.
func (p *program) meter() (*lab.Child, lab.Item) {
	p.t.Helper()
	c := p.start("--hidden")
	return c, p.itemOf(c)
}

func (p *program) itemOf(c *lab.Child) lab.Item {
	p.t.Helper()
	var found lab.Item
	until(p.t, p.lab, 20*time.Second, "the tray item is there", func() bool {
		i, ok := p.lab.ItemOf(c.Process.Pid)
		found = i
		return ok || c.Over()
	})
	if c.Over() {
		p.t.Fatalf("%s has ended: %v", strings.Join(c.Args, " "), c.Err)
	}
	return found
}

// windowShown waits until a window of this home is on the screen.
func (p *program) windowShown(within time.Duration) lab.Window {
	p.t.Helper()
	var shown lab.Window
	until(p.t, p.lab, within, "the window is on the screen", func() bool {
		own := p.processes()
		for _, w := range p.lab.Windows() {
			for _, pid := range own {
				if w.PID == pid && w.Visible() {
					shown = w
					return true
				}
			}
		}
		return false
	})
	return shown
}
