//go:build linux

package fault

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long any command may take, on a slow machine and under strace.
const patience = time.Minute

// built is the path of the meter, built with the flags of the Makefile.
var built = sync.OnceValues(func() (string, error) {
	if folder := os.Getenv("TOKENMETER_BUILD"); folder != "" {
		return filepath.Join(folder, "tokenmeter"), nil
	}
	folder, err := os.MkdirTemp("", "tokenmeter-fault-build-")
	if err != nil {
		return "", err
	}
	command := exec.Command("make", "--no-print-directory", "-C", "../..", "meter", "out="+folder)
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("make meter: %w\n%s", err, out)
	}
	return filepath.Join(folder, "tokenmeter"), nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if os.Getenv("TOKENMETER_BUILD") == "" {
		if path, err := built(); err == nil {
			os.RemoveAll(filepath.Dir(path))
		}
	}
	os.Exit(code)
}

func meter(t testing.TB) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// missing skips the test, or fails it where everything is meant to be there.
func missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") != "" || os.Getenv("TOKENMETER_E2E") != "" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// traced says that strace is here and may trace.
func traced(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("strace"); err != nil {
		missing(t, "strace is not installed; `assets/packaging/deps.sh test` installs it")
	}
	out, err := exec.Command("strace", "-f", "-qq", "-o", os.DevNull, "-e", "trace=getpid", "/bin/true").CombinedOutput()
	if err != nil {
		missing(t, "strace may not trace here (a container needs --cap-add=SYS_PTRACE, and kernel.yama.ptrace_scope must be below 3): %v %s", err, out)
	}
}

// ending is how a command ended.
type ending struct {
	code   int // -1: killed
	out    string
	errors string
}

// process is a command that runs. Its standard output goes to a file, so that faults can
// hit it.
type process struct {
	command *exec.Cmd
	out     string
	stderr  bytes.Buffer
	ended   chan struct{}
	err     error // once ended is closed
}

// start starts a command with the given home and zone, in a group of its own, so that at a
// limit what strace traces ends with it.
func start(homeFolder, zone, out string, arguments ...string) (*process, error) {
	p := &process{command: exec.Command(arguments[0], arguments[1:]...), out: out, ended: make(chan struct{})}
	p.command.Env = environment(homeFolder, zone)
	p.command.Dir = "/"
	p.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.command.Stderr = &p.stderr
	file, err := os.OpenFile(out, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	p.command.Stdout = file
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = p.command.Wait()
		close(p.ended)
	}()
	return p, nil
}

// kill ends the process and all that it started.
func (p *process) kill() { _ = syscall.Kill(-p.command.Process.Pid, syscall.SIGKILL) }

// over says whether it has ended.
func (p *process) over() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// wait waits for its end.
func (p *process) wait() (ending, error) {
	limit := time.NewTimer(patience)
	defer limit.Stop()
	select {
	case <-p.ended:
	case <-limit.C:
		p.kill()
		<-p.ended
		return ending{}, fmt.Errorf("%s hangs: it did not end within %v\n%s", strings.Join(p.command.Args, " "), patience, p.stderr.String())
	}
	var exit *exec.ExitError
	if p.err != nil && !errors.As(p.err, &exit) {
		return ending{}, p.err
	}
	printed, err := os.ReadFile(p.out)
	if err != nil {
		return ending{}, err
	}
	return ending{p.command.ProcessState.ExitCode(), string(printed), p.stderr.String()}, nil
}

// run runs a command to its end.
func run(homeFolder, zone, out string, arguments ...string) (ending, error) {
	p, err := start(homeFolder, zone, out, arguments...)
	if err != nil {
		return ending{}, err
	}
	return p.wait()
}

// startMeter starts a meter on the data folder in folder and waits until it answers.
func startMeter(t *testing.T, folder, homeFolder string, strace ...string) *process {
	t.Helper()
	p, err := start(homeFolder, "UTC", filepath.Join(folder, "meter"), append(strace, meter(t), "--hidden", "--data-dir", filepath.Join(folder, "data"))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.kill()
		<-p.ended
	})
	p.answers(filepath.Join(folder, "data"))
	return p
}

// answers waits until the meter has made its socket, or has ended.
func (p *process) answers(data string) {
	for pause := time.NewTicker(2 * time.Millisecond); !p.over(); <-pause.C {
		if sockets, _ := filepath.Glob(filepath.Join(data, "*.sock")); len(sockets) > 0 {
			return
		}
	}
}

func environment(homeFolder, zone string) []string {
	return []string{"HOME=" + homeFolder, "TZ=" + zone, "LANG=C.UTF-8", "PATH=" + os.Getenv("PATH")}
}

// broken are the marks of a program that lost control.
var broken = regexp.MustCompile(`(?m)^(panic:|fatal error:|goroutine \d+ |SIG[A-Z]+: |runtime: )`)

// sentence is what a person can act on: a line that says what failed.
var sentence = regexp.MustCompile(`(?m)^(error|warning): \S+ \S+`)

// judge says what is wrong with the way a command ended.
func (e ending) judge() error {
	switch {
	case broken.MatchString(e.errors):
		return fmt.Errorf("it broke down:\n%s", e.errors)
	case e.code == 1 && !sentence.MatchString(e.errors):
		return fmt.Errorf("it failed without a word why: %q", e.errors)
	case e.code != 0 && e.code != 1:
		return fmt.Errorf("exit code %d\n%s", e.code, e.errors)
	}
	return nil
}
