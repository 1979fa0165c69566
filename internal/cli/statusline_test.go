package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tokenmeter/internal/agent"
)

func TestWhatIsTheStatusLine(t *testing.T) {
	for line, want := range map[string]string{
		"statusline":                   "",
		"statusline --data-dir d":      "d",
		"--data-dir=d statusline":      "d",
		"--data-dir d statusline":      "d",
		"statusline install":           "no",
		"statusline --help":            "no",
		"statusline statusline":        "no",
		"statusline --data-dir":        "no",
		"--data-dir statusline":        "no",
		"":                             "no",
		"status":                       "no",
		"statusline --data-dir d more": "no",
	} {
		dir, ok := IsStatusLine(strings.Fields(line))
		if ok != (want != "no") || ok && dir != want {
			t.Errorf("%s: %q %v", line, dir, ok)
		}
	}
}

func TestInstallAsksOnATerminal(t *testing.T) {
	for answer, want := range map[string]bool{"y\n": true, "YES\n": true, "\n": false, "n\n": false, "": false, "yesterday\n": false} {
		home := t.TempDir()
		var out, errs bytes.Buffer
		code := Run(t.Context(), []string{"statusline", "install"}, Context{
			Env:   agent.Env{OS: "linux", Home: home, Variable: func(string) string { return "" }},
			Stdin: strings.NewReader(answer), InputTerminal: true, Stdout: &out, Stderr: &errs, Clock: time.Now,
			Program: func() (string, error) { return "/opt/tokenmeter", nil },
		})
		_, err := os.Stat(filepath.Join(home, ".claude", "settings.json"))
		if (err == nil) != want || (code == ExitDone) != want {
			t.Errorf("%q: exit code %d, %v", answer, code, err)
		}
		if !strings.Contains(out.String(), `"command": "\"/opt/tokenmeter\" statusline"`) || !strings.Contains(errs.String(), "Make this change? [y/N]") {
			t.Errorf("%q: said %q and %q", answer, out.String(), errs.String())
		}
	}
}
