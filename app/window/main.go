// Tokenmeter-window is the window of Tokenmeter: it shows what the meter has stored, is
// started when a window is wanted, and ends when it has been hidden for a minute. It only
// reads the database; what it wants done it asks the meter for. This file fills in what the
// shell may use of the world and holds the one call of fyne.Do.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/app"
	fynetheme "fyne.io/fyne/v2/theme"

	"tokenmeter/app/window/shell"
	"tokenmeter/app/window/theme"
	"tokenmeter/assets"
	"tokenmeter/internal/agent"
	"tokenmeter/internal/agent/all"
	"tokenmeter/internal/link"
	"tokenmeter/internal/platform"
	"tokenmeter/internal/report"
	"tokenmeter/internal/store"
)

// version is set by the linker.
var version = "0.0.0"

const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() { os.Exit(run(os.Args[1:])) }

type choices struct {
	dataDir, page, theme string
}

func run(arguments []string) int {
	c := choices{}
	flags := flag.NewFlagSet("tokenmeter-window", flag.ContinueOnError)
	flags.StringVar(&c.dataDir, "data-dir", "", "data `folder` of the meter")
	flags.StringVar(&c.page, "page", "", "`page` to start at: live or history")
	flags.StringVar(&c.theme, "theme", "system", "look: light, dark or system")
	showVersion := flags.Bool("version", false, "print the version")
	switch err := flags.Parse(arguments); {
	case errors.Is(err, flag.ErrHelp):
		return exitDone
	case err != nil:
		return exitUsage
	case flags.NArg() > 0:
		fmt.Fprintf(os.Stderr, "tokenmeter-window: unexpected argument %q\n", flags.Arg(0))
		return exitUsage
	case c.theme != "light" && c.theme != "dark" && c.theme != "system":
		fmt.Fprintf(os.Stderr, "tokenmeter-window: no theme %q, there are light, dark and system\n", c.theme)
		return exitUsage
	case *showVersion:
		fmt.Println("tokenmeter-window", version)
		return exitDone
	}
	platform.PrivateFiles()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	env := platform.Environment()
	if err := platform.Display(ctx, env); err != nil { // Fyne would panic
		fmt.Fprintln(os.Stderr, "The window cannot be shown:", err)
		return exitFailed
	}
	dataDir, err := platform.DataDir(env, c.dataDir)
	if err != nil {
		fmt.Fprintln(os.Stderr, "The window cannot be shown:", err)
		return exitFailed
	}
	startDemo := demo(os.Environ())
	ownCaches(env)
	open(ctx, env, dataDir, c, startDemo)
	return exitDone
}

// open shows the window and returns when it has ended.
func open(ctx context.Context, env agent.Env, dataDir string, c choices, startDemo func()) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	program := app.NewWithID("") // an id would give Fyne a file of preferences, which is not wanted
	do := fyne.Do
	program.SetIcon(fyne.NewStaticResource("tokenmeter.png", assets.Icon256))
	look := theme.New(fynetheme.VariantDark)
	if c.theme == "light" {
		look.SetVariant(fynetheme.VariantLight)
	}
	program.Settings().SetTheme(look)

	statePath := filepath.Join(dataDir, "window.toml")
	state := shell.LoadState(statePath)
	if c.page != "" {
		state.Page = c.page
	}
	var s *shell.Shell
	zone := platform.Zone(env)
	database := filepath.Join(dataDir, platform.DatabaseName)
	feed := shell.NewFeed(shell.FeedOptions{
		Database: database,
		Open:     func(ctx context.Context) (shell.Answers, error) { return openReport(ctx, env, zone, database) },
		Bare:     func() *report.Snapshot { return bareSnapshot(env, zone()) },
		Dial: func(ctx context.Context) (shell.Line, error) {
			return link.Dial(ctx, link.SocketPath(platform.RuntimeDir(env, dataDir), dataDir))
		},
		Hello:   link.Message{Do: link.Subscribe, Pid: os.Getpid(), Build: version},
		Clock:   time.Now,
		Deliver: func(m shell.Model) { s.Deliver(m) },
		Command: func(m link.Message) { do(func() { obey(s, m) }) },
		Lost:    func() { do(func() { s.End() }) },
	})
	s = shell.New(shell.Options{
		Window: program.NewWindow("Tokenmeter"),
		State:  state,
		Do:     do,
		After: func(d time.Duration, f func()) func() bool {
			return time.AfterFunc(d, f).Stop
		},
		Wanted: feed.Want,
		Alone:  func() bool { return !feed.Connected() },
		Save: func(state shell.State) {
			if err := shell.SaveState(statePath, state); err != nil {
				fmt.Fprintln(os.Stderr, "The window's size is not remembered:", err)
			}
		},
		Quit: program.Quit,
		Demo: startDemo,
	})
	ended := make(chan struct{})
	program.Lifecycle().SetOnStarted(func() {
		s.Show("")
		go func() {
			feed.Run(ctx)
			close(ended)
		}()
		context.AfterFunc(ctx, func() { do(func() { s.End() }) })
		if c.theme == "system" {
			go follow(ctx, env, func(variant fyne.ThemeVariant) {
				do(func() {
					if look.SetVariant(variant) {
						program.Settings().SetTheme(look)
					}
				})
			})
		}
	})
	program.Run() // ends on a signal too, Fyne sees to that by itself
	s.Remember()
	cancel()
	<-ended
}

// obey does what the meter says.
func obey(s *shell.Shell, m link.Message) {
	switch m.Do {
	case link.Show:
		s.Show(m.Page)
	case link.Toggle:
		s.Toggle()
	case link.Hide:
		s.Hide()
	case link.Quit:
		s.End()
	}
}

// follow tells which variant the desktop wants, until ctx ends.
func follow(ctx context.Context, env agent.Env, change func(fyne.ThemeVariant)) {
	// Without a session bus nobody tells, and the window stays dark.
	_ = platform.Watch(ctx, env, platform.Watching{Appearance: func(a platform.Appearance) {
		switch a.Scheme {
		case platform.SchemeLight:
			change(fynetheme.VariantLight)
		case platform.SchemeDark:
			change(fynetheme.VariantDark)
		}
	}})
}

// answers are report's, in the zone that the machine is in when it is asked. One goroutine
// asks.
type answers struct {
	*report.Report
	options report.Options
	zone    func() *time.Location
	copies  string // see store.Options
}

// openReport opens what the meter has stored.
func openReport(ctx context.Context, env agent.Env, zone func() *time.Location, database string) (*answers, error) {
	kept, err := store.Open(ctx, database, store.Options{ReadOnly: true, Zone: zone(), Copies: platform.CacheDir(env)})
	if err != nil {
		return nil, err
	}
	o := report.Options{
		Store: kept, Agents: agents(env), Clock: time.Now, Zone: zone(), Exists: platform.Exists, Home: env.Home,
	}
	return &answers{report.New(o), o, zone, platform.CacheDir(env)}, nil
}

// Snapshot is asked first, whatever is shown.
func (a *answers) Snapshot(ctx context.Context, m report.Meter) (*report.Snapshot, error) {
	if zone := a.zone(); zone != a.options.Zone {
		a.options.Zone = zone
		a.Report = report.New(a.options)
		if err := a.options.Store.SetZone(ctx, zone); err != nil {
			return nil, err
		}
	}
	snapshot, err := a.Report.Snapshot(ctx, m)
	if !errors.Is(err, store.ErrMoved) {
		return snapshot, err
	}
	// The meter makes a new database, or has done so.
	kept, err := store.Open(ctx, a.options.Store.Path(), store.Options{ReadOnly: true, Zone: a.options.Zone, Copies: a.copies})
	if err != nil {
		return nil, err
	}
	_ = a.options.Store.Close()
	a.options.Store = kept
	a.Report = report.New(a.options)
	return a.Report.Snapshot(ctx, m)
}

// agents are what this build can read, and where on this machine.
func agents(env agent.Env) []report.Agent {
	var list []report.Agent
	for _, source := range all.Sources() {
		info := source.Info()
		a := report.Agent{ID: info.ID, Name: info.Name, Slot: info.Slot}
		for _, root := range source.Roots(env) {
			if !root.Aside {
				a.Roots = append(a.Roots, root.Path)
			}
		}
		list = append(list, a)
	}
	return list
}

// bareSnapshot is what is known where nothing is stored yet.
func bareSnapshot(env agent.Env, zone *time.Location) *report.Snapshot {
	s := &report.Snapshot{At: time.Now().In(zone), Zone: zone, Home: env.Home}
	for _, a := range agents(env) {
		state := report.AgentState{Agent: a}
		for _, root := range a.Roots {
			there := platform.Exists(root)
			state.Found = state.Found || there
			state.Places = append(state.Places, report.Place{Path: root, There: there})
		}
		s.Agents = append(s.Agents, state)
	}
	return s
}

// ownCaches has the list of fonts and the graphics driver's shaders kept in a folder of ours
// instead of the user's cache folder itself.
func ownCaches(env agent.Env) {
	if env.OS == "darwin" || env.OS == "windows" {
		return
	}
	base := env.Variable("XDG_CACHE_HOME")
	if !filepath.IsAbs(base) {
		if env.Home == "" {
			return
		}
		base = filepath.Join(env.Home, ".cache")
	}
	dir := filepath.Join(base, "tokenmeter")
	if os.MkdirAll(dir, 0o700) == nil {
		os.Setenv("XDG_CACHE_HOME", dir)
	}
}

// demo gives the function that starts the demo in an environment, nil where the meter's
// program is not beside this one.
func demo(environment []string) func() {
	self, err := os.Executable()
	if err != nil {
		return nil
	}
	name := "tokenmeter"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	path := filepath.Join(filepath.Dir(self), name)
	if !platform.Exists(path) {
		return nil
	}
	return func() {
		command := exec.Command(path, "demo")
		command.Env = environment
		if err := command.Start(); err != nil {
			fmt.Fprintln(os.Stderr, "The demo cannot be started:", err)
			return
		}
		go func() { _ = command.Wait() }()
	}
}
