package cli

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestTheShortWayToTheVersionSaysWhatTheLongOneSays(t *testing.T) {
	var long, short strings.Builder
	if code := Run(t.Context(), []string{"--version"}, Context{Stdout: &long, Stderr: os.Stderr, Version: "1.2.3"}); code != ExitDone {
		t.Fatalf("--version ends with %d", code)
	}
	if err := PrintVersion(&short, "1.2.3"); err != nil {
		t.Fatal(err)
	}
	if short.String() != long.String() {
		t.Errorf("the short way says %q, the long one %q", short.String(), long.String())
	}
}

func TestAVersionThatCannotBeWrittenIsAnError(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("this system has no /dev/full:", err)
	}
	defer full.Close()
	if err := PrintVersion(full, "1.2.3"); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a full disk gives %v", err)
	}
}
