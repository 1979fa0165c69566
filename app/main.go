// Tokenmeter is the meter: tray item, reading, counting, and every terminal command. This
// file only fills in what the rooms may use of the world and hands over to the commands.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"syscall"
	"time"

	"golang.org/x/term"

	"tokenmeter/app/tray"
	"tokenmeter/internal/agent"
	"tokenmeter/internal/agent/all"
	"tokenmeter/internal/cli"
	"tokenmeter/internal/core"
	"tokenmeter/internal/health"
	"tokenmeter/internal/platform"
)

// version is set by the linker.
var version = "0.0.0"

func main() { os.Exit(run()) }

func run() int {
	if slices.Equal(os.Args[1:], []string{"--version"}) && cli.PrintVersion(os.Stdout, version) == nil {
		return cli.ExitDone // 2 of 14 ms less than by way of the commands; a failure is told below
	}
	if runtime.GOOS == "linux" {
		// The tray library ties this goroutine to its thread, which only other systems need
		// and which makes each hand-over between goroutines dearer.
		runtime.UnlockOSThread()
	}
	ctx, stop := signal.NotifyContext(context.Background(), endings()...)
	defer stop()
	context.AfterFunc(ctx, stop) // a second one ends at once
	env := platform.Environment()
	if dir, ok := cli.IsStatusLine(os.Args[1:]); ok {
		// A reader that has gone is an error of writing, not the end of this process. What the
		// command before us creates is not ours to protect.
		signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
		return cli.RunStatusLine(ctx, cli.Context{
			Env: env, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, InputTerminal: term.IsTerminal(int(os.Stdin.Fd())),
			Clock: time.Now, Zone: time.Local,
		}, dir)
	}
	platform.PrivateFiles()
	return cli.Run(ctx, os.Args[1:], cli.Context{
		Env: env, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		ErrorTerminal: term.IsTerminal(int(os.Stderr.Fd())), InputTerminal: term.IsTerminal(int(os.Stdin.Fd())),
		Clock: time.Now, Zone: time.Local, Version: version, Sources: all.SourcesIn(platform.Zone(env)),
		Meter:   meter,
		Start:   func(ctx context.Context, o cli.MeterOptions) error { return core.Launch(ctx, options(o)) },
		Display: func() string { return display(ctx, env) },
		Program: os.Executable, Folder: os.Getwd,
		Desktop: func(ctx context.Context) []health.Finding { return core.Desktop(ctx, env, time.Now) },
	})
}

// endings are the signals that ask for an end.
func endings() []os.Signal {
	list := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // nohup wants it to stay
		list = append(list, syscall.SIGHUP)
	}
	return list
}

func display(ctx context.Context, env agent.Env) string {
	if err := platform.Display(ctx, env); err != nil {
		return err.Error()
	}
	return ""
}

func options(o cli.MeterOptions) core.Options {
	return core.Options{
		DataDir: o.DataDir, Env: o.Env, Sources: o.Sources, Agents: o.Agents,
		Clock: o.Clock, Zone: platform.Zone(o.Env), Version: o.Version, Hidden: o.Hidden,
	}
}

// meter runs the meter with its tray item until ctx ends or someone quits.
func meter(ctx context.Context, o cli.MeterOptions) error {
	log.SetOutput(io.Discard) // the tray library's remarks; what matters is a finding
	c, err := core.Enter(ctx, options(o), o.Page)
	if errors.Is(err, core.ErrRunning) {
		return nil
	}
	if err != nil {
		return err
	}
	if !o.Hidden {
		if err := c.OpenWindow(o.Page); err != nil {
			fmt.Fprintln(os.Stderr, "The window cannot be shown:", err)
		}
	}
	return tray.Run(ctx, c, tray.Options{
		BusAddress: platform.BusAddress(o.Env),
		Watch:      func(ctx context.Context, w platform.Watching) error { return platform.Watch(ctx, o.Env, w) },
		Stderr:     os.Stderr,
	})
}
