package cli_test

import (
	"sync"
	"testing"
	"time"

	"tokenmeter/internal/agent/all"
	"tokenmeter/internal/demo"
	"tokenmeter/internal/platform"
)

// Commands that start together on a home that nobody has read yet all tell the same.
func TestCommandsAtTheSameTime(t *testing.T) {
	now := time.Date(2026, 11, 20, 11, 48, 12, 0, time.UTC)
	home := t.TempDir()
	simulation, err := demo.New(home, demo.Options{Seed: 5, Clock: func() time.Time { return now }, Days: 5, Sources: all.Sources()})
	if err != nil {
		t.Fatal(err)
	}
	if err := simulation.Generate(t.Context()); err != nil {
		t.Fatal(err)
	}
	env := platform.Environment()
	env.OS, env.Home, env.Variable = "linux", home, func(string) string { return "" }
	answers := make([]string, 6)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() {
			out, errors, code := run(t, env, now, "history", "--json", "--by", "agent,model")
			if code != 0 || errors != "" {
				t.Errorf("exit code %d: %s", code, errors)
			}
			answers[i] = out
		})
	}
	all.Wait()
	for _, a := range answers {
		if a != answers[0] || len(a) < 500 {
			t.Fatalf("two commands tell different things:\n%s\n%s", answers[0], a)
		}
	}
}
