//go:build linux

package fault

import (
	"bytes"
	"context"
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

// run runs a command with the given home and zone to its end. Its standard output goes to
// the file named out, so that faults can hit it; with "" it goes nowhere.
func run(homeFolder, zone, out string, arguments ...string) (ending, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	command := exec.CommandContext(ctx, arguments[0], arguments[1:]...)
	command.Env = environment(homeFolder, zone)
	command.Dir = "/"
	// A group of its own, so that at the limit what strace traces ends with it.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	var stderr bytes.Buffer
	command.Stderr = &stderr
	file, err := os.OpenFile(out, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return ending{}, err
	}
	defer file.Close()
	command.Stdout = file
	err = command.Run()
	if ctx.Err() != nil {
		return ending{}, fmt.Errorf("%s hangs: it did not end within %v\n%s", strings.Join(arguments, " "), patience, stderr.String())
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return ending{}, err
	}
	printed, err := os.ReadFile(out)
	if err != nil {
		return ending{}, err
	}
	return ending{command.ProcessState.ExitCode(), string(printed), stderr.String()}, nil
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
