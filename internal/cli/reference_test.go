package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/agent/agenttest"
	"tokenmeter/internal/agent/agenttest/reference"
	"tokenmeter/internal/agent/all"
	"tokenmeter/internal/cli"
	"tokenmeter/internal/demo"
)

// sum is a row of history, as the contract has it.
type sum struct {
	Day                 *string `json:"day"`
	Agent               string  `json:"agent"`
	Model               string  `json:"model"`
	Project             string  `json:"project"`
	Session             string  `json:"session"`
	InputTokens         int64   `json:"inputTokens"`
	OutputTokens        int64   `json:"outputTokens"`
	CacheCreationTokens int64   `json:"cacheCreationTokens"`
	CacheReadTokens     int64   `json:"cacheReadTokens"`
	ReasoningTokens     int64   `json:"reasoningTokens"`
	TotalTokens         int64   `json:"totalTokens"`
	Requests            int64   `json:"requests"`
}

// key is what a sum is grouped by.
func (s sum) key() string {
	day := "undated"
	if s.Day != nil {
		day = *s.Day
	}
	return strings.Join([]string{day, s.Agent, s.Model, s.Project, s.Session}, "|")
}

func (s *sum) add(r reference.Request) {
	s.InputTokens += r.Input
	s.OutputTokens += r.Output
	s.CacheCreationTokens += r.CacheWrite5m + r.CacheWrite1h
	s.CacheReadTokens += r.CacheRead
	s.ReasoningTokens += r.Reasoning
	s.TotalTokens += r.Input + r.Output + r.CacheWrite5m + r.CacheWrite1h + r.CacheRead
	s.Requests++
}

// expected groups what the reference readers find.
func expected(t *testing.T, env map[string]string, home string, by []string) map[string]sum {
	t.Helper()
	sums := map[string]sum{}
	for _, read := range []func(map[string]string, string) ([]reference.Request, error){reference.Claude, reference.Codex} {
		requests, err := read(env, home)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range requests {
			s := sum{Agent: r.Agent, Model: r.Model}
			if slices.Contains(by, "day") {
				s.Project, s.Session = r.Project, r.Session
				if !r.Undated {
					day := r.Time.UTC().Format(time.DateOnly)
					s.Day = &day
				}
			}
			if old, ok := sums[s.key()]; ok {
				s = old
			}
			s.add(r)
			sums[s.key()] = s
		}
	}
	return sums
}

// run runs a command line in this process.
func run(t *testing.T, env agent.Env, now time.Time, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errors bytes.Buffer
	code = cli.Run(t.Context(), args, cli.Context{
		Env: env, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errors,
		Clock: func() time.Time { return now }, Zone: time.UTC, Version: "1.2.3", Sources: all.Sources(),
	})
	return out.String(), errors.String(), code
}

// compare asks for history and compares it with the reference, to the token.
func compare(t *testing.T, env agent.Env, variables map[string]string, now time.Time) {
	t.Helper()
	for _, by := range [][]string{{"agent", "model"}, {"day", "agent", "model", "project", "session"}} {
		out, errors, code := run(t, env, now, "history", "--json", "--by", strings.Join(by, ","))
		if code != 0 {
			t.Fatalf("exit code %d: %s", code, errors)
		}
		var answer struct {
			Rows   []sum
			Totals sum
		}
		if err := json.Unmarshal([]byte(out), &answer); err != nil {
			t.Fatal(err)
		}
		want := expected(t, variables, env.Home, by)
		got, total := map[string]sum{}, sum{}
		for _, r := range answer.Rows {
			if _, twice := got[r.key()]; twice {
				t.Errorf("two rows for %s", r.key())
			}
			got[r.key()] = r
			total.TotalTokens += r.TotalTokens
			total.Requests += r.Requests
		}
		for _, key := range slices.Sorted(maps.Keys(want)) {
			g, w := got[key], want[key]
			g.Day, w.Day = nil, nil // compared by the key
			if g != w {
				t.Errorf("%s\ngot  %+v\nwant %+v", key, g, w)
			}
		}
		for key := range got {
			if _, ok := want[key]; !ok {
				t.Errorf("nobody expects %s: %+v", key, got[key])
			}
		}
		if answer.Totals.TotalTokens != total.TotalTokens || answer.Totals.Requests != total.Requests {
			t.Errorf("totals %+v are not the sum of the rows, %+v", answer.Totals, total)
		}
	}
}

func TestHistoryEqualsTheReferenceOnEveryCase(t *testing.T) {
	cases := 0
	for _, folder := range []string{"claude", "codex"} {
		for _, c := range agenttest.Cases(t, filepath.Join("..", "agent", folder, "testdata")) {
			cases++
			t.Run(folder+"/"+c.Name, func(t *testing.T) {
				t.Parallel()
				env := c.Home(t)
				compare(t, env, c.Variables(env.Home), time.Date(2031, 6, 1, 12, 0, 0, 0, time.UTC))
			})
		}
	}
	if cases < 20 {
		t.Fatalf("only %d cases were found", cases)
	}
}

func TestHistoryEqualsTheReferenceOnSimulatedWeeks(t *testing.T) {
	now := time.Date(2026, 11, 20, 11, 48, 12, 0, time.UTC)
	home := t.TempDir()
	simulation, err := demo.New(home, demo.Options{
		Seed: 3, Clock: func() time.Time { return now }, Zone: time.UTC, Days: 20, Pace: time.Second, Sources: all.Sources(),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := simulation.Generate(context.Background()); err != nil {
		t.Fatal(err)
	}
	env := agent.Env{
		OS: "linux", Home: home, Variable: func(string) string { return "" },
		Exists: func(path string) bool { _, err := os.Stat(path); return err == nil },
	}
	compare(t, env, map[string]string{}, now)
	// The simulation knows what it wrote, too.
	var requests int64
	for _, counts := range simulation.Sums() {
		requests += counts.Requests
	}
	out, _, _ := run(t, env, now, "history", "--json", "--by", "agent")
	var answer struct{ Totals sum }
	if err := json.Unmarshal([]byte(out), &answer); err != nil {
		t.Fatal(err)
	}
	if answer.Totals.Requests != requests || requests < 100 {
		t.Errorf("%d requests were simulated, %d counted", requests, answer.Totals.Requests)
	}
}
