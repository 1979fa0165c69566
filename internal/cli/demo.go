package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/demo"
	"tokenmeter/internal/platform"
	"tokenmeter/internal/store"
)

const aboutDemo = `Shows Tokenmeter on simulated agents: weeks of history, then conversations that go on.
They write real log files into a home folder of the demo's own, which is read, counted and
shown in the ordinary way. Your own logs and figures are neither read nor changed, and
the home is removed at the end.`

// desktopVariables are those of the environment that the demo keeps: what reaches the
// desktop, and nothing that could lead to somebody's logs.
var desktopVariables = []string{
	"DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "LANG", "LANGUAGE", "LC_ALL", "LD_LIBRARY_PATH", "PATH",
	"WAYLAND_DISPLAY", "XAUTHORITY", "XDG_CURRENT_DESKTOP", "XDG_RUNTIME_DIR", "XDG_SESSION_TYPE",
}

type demoFlags struct {
	terminal bool
	offer    bool
	home     string
	days     int
	seed     uint64
	pace     time.Duration
}

func demoCommand(c *Context) *cobra.Command {
	var f demoFlags
	command := &cobra.Command{
		Use: "demo", Short: "Show the app on simulated agents", Long: aboutDemo, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed(dataDirFlag) {
				return wrongUsage("the demo keeps its figures in its own home: use --home instead of --%s", dataDirFlag)
			}
			if f.days < 0 || f.days > 3660 || f.pace < 10*time.Millisecond {
				return wrongUsage("--days is from 0 to 3660, --pace at least 10ms")
			}
			if f.offer {
				return offerDemo(cmd, c, f)
			}
			return runDemo(cmd.Context(), c, f)
		},
	}
	flags := command.Flags()
	flags.BoolVar(&f.terminal, "terminal", false, "print the figures instead of starting the tray app")
	flags.StringVar(&f.home, "home", "", "folder for the simulated home, which is kept (else a temporary one)")
	flags.IntVar(&f.days, "days", 90, "days of history")
	flags.Uint64Var(&f.seed, "seed", 1, "another number simulates other days")
	flags.DurationVar(&f.pace, "pace", 20*time.Second, "mean time between two requests of a conversation")
	flags.BoolVar(&f.offer, "offer", false, "start the app as usual, or the demo where no logs are")
	_ = flags.MarkHidden("offer")
	return command
}

// offerDemo is what `make run` calls: the app as usual or, where no agent has left a log,
// the demo, after a question if there is somebody to ask.
func offerDemo(cmd *cobra.Command, c *Context, f demoFlags) error {
	if anyLog(c.Sources, c.Env) {
		return alone(cmd, c, false)
	}
	fmt.Fprintln(c.Stderr, "No logs of coding agents were found on this machine.")
	if person, ok := c.Stdin.(*os.File); ok && term.IsTerminal(int(person.Fd())) {
		fmt.Fprint(c.Stderr, "Show the demo with simulated agents? [Y/n] ")
		answer, _ := bufio.NewReader(person).ReadString('\n')
		if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "" && !strings.HasPrefix(answer, "y") {
			return alone(cmd, c, false)
		}
	} else {
		fmt.Fprintln(c.Stderr, "Starting the demo with simulated agents; `tokenmeter` starts without it.")
	}
	return runDemo(cmd.Context(), c, f)
}

// anyLog reports whether any agent has left a log here.
func anyLog(sources []agent.Source, env agent.Env) bool {
	errFound := errors.New("found")
	for _, source := range sources {
		for _, root := range source.Roots(env) {
			if root.Aside {
				continue
			}
			path, err := filepath.EvalSymlinks(root.Path)
			if err != nil {
				continue
			}
			err = filepath.WalkDir(path, func(file string, entry fs.DirEntry, err error) error {
				if err != nil || entry.IsDir() {
					return nil //nolint:nilerr // a folder that cannot be read has no log to show
				}
				name, err := filepath.Rel(path, file)
				if err == nil && source.Reader(root, filepath.ToSlash(name)) != nil {
					return errFound
				}
				return nil
			})
			if errors.Is(err, errFound) {
				return true
			}
		}
	}
	return false
}

// runDemo simulates the past, then shows the app while the simulation goes on.
func runDemo(ctx context.Context, c *Context, f demoFlags) (err error) {
	home, remove, err := demoHome(f.home)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	inside := *c
	inside.Env = demoEnv(c.Env, home)

	begun := c.Clock()
	simulation, err := demo.New(home, demo.Options{
		Seed: f.seed, Clock: c.Clock, Zone: c.Zone, Days: f.days, Pace: f.pace, Sources: c.Sources,
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(c.Stderr, "All of this is simulated: the agents write their logs into %s.\n", home)
	if err := simulation.Generate(ctx); err != nil {
		return fmt.Errorf("simulate the past: %w", err)
	}
	var requests int64
	for _, counts := range simulation.Sums() {
		requests += counts.Requests
	}
	fmt.Fprintf(c.Stderr, "%d requests of the last %d days written in %.1f s.\n", requests, f.days, c.Clock().Sub(begun).Seconds())

	dir, err := platform.DataDir(inside.Env, "")
	if err != nil {
		return err
	}
	if !f.terminal {
		why := "this build has no meter"
		if c.Meter != nil {
			why = ""
			if c.Display != nil {
				why = c.Display()
			}
		}
		if why == "" {
			return demoMeter(ctx, &inside, dir, simulation)
		}
		fmt.Fprintf(c.Stderr, "No window can be shown (%s), so here are the figures in the terminal.\n", strings.TrimSuffix(why, "."))
	}
	return demoFigures(ctx, &inside, dir)
}

// demoMeter runs the ordinary meter with the simulation beside it, until the meter ends.
func demoMeter(ctx context.Context, c *Context, dir string, simulation *demo.Home) error {
	if err := platform.MakeDataDir(dir); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	simulated := make(chan error, 1)
	go func() {
		err := simulation.Run(ctx)
		if err != nil {
			cancel() // without the simulation the demo would stand still unnoticed
		}
		simulated <- err
	}()
	err := c.Meter(ctx, meterOptions(c, dir))
	cancel()
	if failed := <-simulated; failed != nil {
		return fmt.Errorf("simulate agents: %w", failed)
	}
	return err
}

// demoFigures prints the glance, the last days, and all days by agent and model.
func demoFigures(ctx context.Context, c *Context, dir string) error {
	if err := figures(ctx, c, dir); err != nil {
		return err
	}
	d, err := open(ctx, c, dir, false)
	if err != nil {
		return err
	}
	defer d.close()
	fmt.Fprintln(c.Stdout, "\nAll days by agent and model")
	q := question{by: []store.Dimension{store.Agent, store.Model}, zone: c.Zone}
	rows, totals, err := q.ask(ctx, d.report)
	if err != nil {
		return err
	}
	notes, err := q.footnotes(ctx, d, totals)
	if err != nil {
		return err
	}
	return printTable(c.Stdout, q, rows, totals, d.prices.Currency(), notes)
}

// demoHome makes the home of the demo, and says how to remove it. A folder that somebody
// chose must be empty or new, and is kept.
func demoHome(chosen string) (home string, remove func() error, err error) {
	if chosen == "" {
		if home, err = os.MkdirTemp("", "tokenmeter-demo-"); err != nil {
			return "", nil, fmt.Errorf("make the demo's home: %w", err)
		}
		return home, func() error {
			if err := os.RemoveAll(home); err != nil {
				return fmt.Errorf("remove the demo's home: %w", err)
			}
			return nil
		}, nil
	}
	if home, err = filepath.Abs(chosen); err != nil {
		return "", nil, fmt.Errorf("make the demo's home: %w", err)
	}
	if err := os.MkdirAll(home, 0o700); err != nil {
		return "", nil, fmt.Errorf("make the demo's home: %w", err)
	}
	entries, err := os.ReadDir(home)
	if err != nil {
		return "", nil, fmt.Errorf("look at the demo's home: %w", err)
	}
	if len(entries) > 0 {
		return "", nil, withHint(fmt.Errorf("%s is not empty, and the demo writes only into a folder of its own", home),
			"name a folder that does not exist yet")
	}
	return home, func() error { return nil }, nil
}

// demoEnv is the environment with another home.
func demoEnv(env agent.Env, home string) agent.Env {
	return agent.Env{
		OS: env.OS, Home: home, Exists: env.Exists,
		Variable: func(name string) string {
			if slices.Contains(desktopVariables, name) {
				return env.Variable(name)
			}
			return ""
		},
	}
}
