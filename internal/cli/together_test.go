package cli_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/agent/all"
	"tokenmeter/internal/cli"
	"tokenmeter/internal/core"
	"tokenmeter/internal/demo"
	"tokenmeter/internal/ingest"
	"tokenmeter/internal/link"
	"tokenmeter/internal/platform"
	"tokenmeter/internal/usage"
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

// emptyHome is a home without logs, with the environment that shows it.
func emptyHome(t *testing.T) (home, data string, env agent.Env) {
	t.Helper()
	home, err := os.MkdirTemp("", "cli") // short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	env = platform.Environment()
	env.OS, env.Home, env.Variable = "linux", home, func(string) string { return "" }
	if data, err = platform.DataDir(env, ""); err != nil {
		t.Fatal(err)
	}
	return home, data, env
}

// A script that appends a line and asks at once, beside a running meter, sees the line.
func TestACommandBesideTheMeterSeesWhatWasJustWritten(t *testing.T) {
	home, data, env := emptyHome(t)
	sources := all.Sources()
	meter, err := core.New(core.Options{
		DataDir: data, Env: env, Sources: sources, Agents: cli.Agents(sources, env), Clock: time.Now, Zone: func() *time.Location { return time.UTC }, Version: "test", Hidden: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- meter.Run(context.Background()) }()
	defer func() {
		meter.Quit()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	simulator, ok := sources[0].(agent.Simulator)
	if !ok {
		t.Fatalf("%s simulates nothing", sources[0].Info().ID)
	}
	day := time.Now().UTC().Truncate(24 * time.Hour) // all is told of one moment, so that no midnight comes between
	var talk agent.Conversation
	for n := 1; n <= 200; n++ {
		if n%10 == 1 { // a new conversation, and with every other one a new folder
			talk = simulator.Simulate(agent.SimulatedConversation{
				Seed: uint64(n), ID: fmt.Sprintf("0a0b0c0d-0000-4000-8000-%012d", n), Project: fmt.Sprintf("/w/project-%d", n/20), Model: "a-model", Start: usage.MillisOf(day),
			})
		}
		lines, _ := talk.Turn(agent.SimulatedTurn{Time: usage.MillisOf(day), Tokens: usage.Tokens{Output: 7}, Prompt: "p", Answer: "a"})
		path := filepath.Join(home, filepath.FromSlash(talk.File()))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.Write(lines); err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
		command := []string{"history", "--json"}
		if n%2 == 0 {
			command = []string{"status", "--json"}
		}
		out, errors, code := run(t, env, day.Add(time.Minute), command...)
		var answer struct {
			Totals, Today struct{ Requests int }
		}
		if err := json.Unmarshal([]byte(out), &answer); err != nil || code != 0 || errors != "" {
			t.Fatalf("%v: exit code %d, %v, %s", command, code, err, errors)
		}
		if got := answer.Totals.Requests + answer.Today.Requests; got != n {
			t.Fatalf("%v tells of %d requests, %d were written", command, got, n)
		}
	}
}

// A meter that is stopped keeps no command from telling what is stored.
func TestACommandBesideAStuckMeterTellsWhatIsStored(t *testing.T) {
	home, data, env := emptyHome(t)
	now := time.Date(2026, 11, 20, 11, 48, 12, 0, time.UTC)
	simulation, err := demo.New(home, demo.Options{Seed: 5, Clock: func() time.Time { return now }, Days: 2, Sources: all.Sources()})
	if err != nil {
		t.Fatal(err)
	}
	if err := simulation.Generate(t.Context()); err != nil {
		t.Fatal(err)
	}
	want, _, _ := run(t, env, now, "history", "--json")
	release, ok, err := ingest.TryLock(data)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	defer release()
	server, err := link.Listen(link.SocketPath(platform.RuntimeDir(env, data), data))
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(context.Background(), func(*link.Conn, link.Message) {})
	defer server.Close()
	out, errors, code := run(t, env, now, "history", "--json")
	if code != 0 || out != want || len(out) < 500 || !strings.Contains(errors, "does not answer") {
		t.Errorf("exit code %d, %s\n got %s\nwant %s", code, errors, out, want)
	}
}

// Where nothing is new, a command changes nothing on the disk: not the database, and no file
// comes or goes beside it.
func TestNothingNewLeavesNoTrace(t *testing.T) {
	home, data, env := emptyHome(t)
	now := time.Now()
	simulation, err := demo.New(home, demo.Options{Seed: 5, Clock: func() time.Time { return now }, Days: 2, Sources: all.Sources()})
	if err != nil {
		t.Fatal(err)
	}
	if err := simulation.Generate(t.Context()); err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(home, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chtimes(path, time.Time{}, now.Add(-time.Hour)) // a time of just now is not trusted
	})
	if err != nil {
		t.Fatal(err)
	}
	commands := [][]string{{"status", "--json"}, {"history", "--json"}, {"scan"}, {"doctor"}, {"status"}}
	run(t, env, now, "scan")
	database := filepath.Join(data, platform.DatabaseName)
	state := func() string {
		var text string
		for _, path := range []string{data, database} {
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			text += fmt.Sprintln(path, info.Size(), info.ModTime())
		}
		return text
	}
	before := state()
	for _, command := range commands {
		out, errors, code := run(t, env, now, command...)
		if code != 0 || errors != "" || out == "" {
			t.Errorf("%v: exit code %d, %s", command, code, errors)
		}
		if after := state(); after != before {
			t.Fatalf("%v changed the data folder\nfrom %s\n  to %s", command, before, after)
		}
		if release, ok, err := ingest.TryLock(data); err != nil || !ok {
			t.Fatalf("%v left the lock behind: %v", command, err)
		} else {
			release()
		}
	}
}
