package cli_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"tokenmeter/internal/agent/all"
	"tokenmeter/internal/cli"
	"tokenmeter/internal/core"
	"tokenmeter/internal/health"
	"tokenmeter/internal/platform"
)

// noon is when the scripts run, unless NOW says otherwise.
const noon = "2026-11-20T11:48:12Z"

var update = flag.Bool("update", false, "write what the scripts compare with anew")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"tokenmeter": func() { os.Exit(program()) }})
}

// program is the main of `tokenmeter` as the scripts run it: real but for the clock, the
// display and the meter, which the environment sets.
func program() int {
	env := platform.Environment()
	env.OS = "linux"
	if dir, ok := cli.IsStatusLine(os.Args[1:]); ok {
		return cli.RunStatusLine(context.Background(), cli.Context{
			Env: env, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
			Clock: clock(env.Variable("NOW")), Zone: zoneOf(env.Variable("TZ")),
		}, dir)
	}
	return cli.Run(context.Background(), os.Args[1:], cli.Context{
		Env: env, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Clock: clock(env.Variable("NOW")), Zone: zoneOf(env.Variable("TZ")),
		Version: "1.2.3", Sources: all.Sources(),
		Program: func() (string, error) { return exec.LookPath("tokenmeter") }, Folder: os.Getwd,
		ErrorTerminal: env.Variable("ERROR_TERMINAL") != "",
		Display:       func() string { return env.Variable("NO_WINDOW") },
		Desktop: func(context.Context) []health.Finding {
			return []health.Finding{{Code: health.NoTrayHost, Severity: health.Info}}
		},
		Meter: func(_ context.Context, o cli.MeterOptions) error {
			fmt.Printf("meter hidden=%v page=%q agents=%d\n", o.Hidden, o.Page, len(o.Agents))
			return nil
		},
	})
}

func clock(now string) func() time.Time {
	if now == "" {
		now = noon
	}
	t, err := time.Parse(time.RFC3339, now)
	if err != nil {
		panic(err)
	}
	return func() time.Time { return t }
}

func zoneOf(name string) *time.Location {
	if name == "" {
		return time.UTC
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return zone
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", UpdateScripts: *update,
		Setup: func(e *testscript.Env) error {
			home := filepath.Join(e.WorkDir, "home")
			if err := os.CopyFS(home, os.DirFS("testdata/home")); err != nil {
				return err
			}
			e.Setenv("HOME", home)
			e.Setenv("TZ", "UTC")
			e.Setenv("XDG_RUNTIME_DIR", filepath.Join(e.WorkDir, "run"))
			return os.Mkdir(filepath.Join(e.WorkDir, "run"), 0o700)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":  exits,
			"meter":  meter,
			"append": appendFile,
			"mode":   mode,
		},
	})
}

// exits CODE PROGRAM ARGS... runs a program that must end with the exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if (got == want) == neg {
		ts.Fatalf("exit code %d", got)
	}
}

// meter runs the real meter, without a tray, on the data folder until the script ends.
func meter(ts *testscript.TestScript, _ bool, _ []string) {
	env := platform.Environment()
	env.OS, env.Home, env.Variable = "linux", ts.Getenv("HOME"), ts.Getenv
	dir, err := platform.DataDir(env, "")
	ts.Check(err)
	c, err := core.New(core.Options{
		DataDir: dir, Env: env, Sources: all.Sources(), Agents: cli.Agents(all.Sources(), env),
		Clock: clock(ts.Getenv("NOW")), Zone: func() *time.Location { return time.UTC }, Version: "1.2.3",
	})
	ts.Check(err)
	changed, cancel := c.Subscribe()
	ended := make(chan error, 1)
	go func() { ended <- c.Run(context.Background()) }()
	ts.Defer(func() {
		c.Quit()
		ts.Check(<-ended)
	})
	defer cancel()
	limit := time.NewTimer(20 * time.Second)
	defer limit.Stop()
	for { // until everything is taken in
		if s := c.Current(); !s.Reading.Running && !s.Since.IsZero() {
			return
		}
		select {
		case <-changed:
		case <-limit.C:
			ts.Fatalf("the meter took nothing in")
		}
	}
}

// append FILE FROM appends one file to another.
func appendFile(ts *testscript.TestScript, _ bool, args []string) {
	from, err := os.Open(ts.MkAbs(args[1]))
	ts.Check(err)
	defer from.Close()
	to, err := os.OpenFile(ts.MkAbs(args[0]), os.O_APPEND|os.O_WRONLY, 0)
	ts.Check(err)
	defer to.Close()
	_, err = io.Copy(to, from)
	ts.Check(err)
}

// mode BITS FILE... checks permissions.
func mode(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args[1:] {
		info, err := os.Stat(ts.MkAbs(name))
		ts.Check(err)
		if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[0] {
			ts.Fatalf("%s has mode %s", name, got)
		}
	}
}
