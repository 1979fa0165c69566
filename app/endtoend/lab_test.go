//go:build linux

package endtoend

import (
	"os"
	"sync"
	"testing"
	"time"

	"tokenmeter/app/lab"
)

var desktop struct {
	once sync.Once
	lab  *lab.Lab
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if desktop.lab != nil {
		desktop.lab.Stop()
	}
	os.Exit(code)
}

// onDesktop gives the test the desktop, which is started for the first one that asks.
func onDesktop(t *testing.T) *lab.Lab {
	t.Helper()
	if tool := lab.Missing(); tool != "" {
		missing(t, "%s is not installed; `assets/packaging/deps.sh test` installs it", tool)
	}
	desktop.once.Do(func() {
		var folder string
		if folder, desktop.err = os.MkdirTemp("", "tokenmeter-lab-"); desktop.err == nil {
			desktop.lab, desktop.err = lab.Start(folder, os.Getenv("PATH"))
		}
	})
	if desktop.err != nil {
		t.Fatal(desktop.err)
	}
	return desktop.lab
}

// missing skips the test, or fails it where everything is meant to be there.
func missing(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") != "" || os.Getenv("TOKENMETER_E2E") != "" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// until is Wait for tests: it fails the test if ready does not come, and says how long it
// took if it does.
func until(t *testing.T, l *lab.Lab, within time.Duration, what string, ready func() bool) time.Duration {
	t.Helper()
	begun := time.Now()
	if !l.Wait(within, ready) {
		t.Fatalf("%s: not within %v", what, within)
	}
	took := time.Since(begun)
	t.Logf("%s: after %v", what, took.Round(time.Millisecond))
	return took
}

// must fails the test when something could not be done on the desktop.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
