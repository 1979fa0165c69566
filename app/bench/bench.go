//go:build linux

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// options are the flags of a run.
type options struct {
	build  string // folder with the two programs
	folder string // where corpora and data folders lie
	source string // folder of the project's source
	quick  bool
	large  bool
	rounds int
	idle   time.Duration
	rows   []string // groups to measure; empty = all
}

// bench is one run.
type bench struct {
	options
	errs  io.Writer
	begun time.Time
	made  map[string]*home // corpora of this run, by name
	peer  *peerTimes       // nil until ccusage has run
	desk  *desk            // nil until a row wants it
}

// groups are what can be measured, in the order in which it is.
func groups() []group {
	return []group{
		{"binary", (*bench).binaryRows},
		{"import", (*bench).importRows},
		{"status", (*bench).statusRows},
		{"large", (*bench).largeRows},
		{"history", (*bench).historyRows},
		{"draw", (*bench).drawRows},
		{"latency", (*bench).latencyRows},
		{"window", (*bench).windowRows},
		{"idle", (*bench).idleRows},
	}
}

// group measures rows that belong together.
type group struct {
	name string
	run  func(*bench, context.Context) ([]row, error)
}

func names(list []group) string {
	var words []string
	for _, g := range list {
		words = append(words, g.name)
	}
	return strings.Join(words, ",")
}

// measure is the command without a name.
func measure(ctx context.Context, args []string, out, errs io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(errs)
	var o options
	flags.StringVar(&o.source, "source", ".", "folder of the project's source")
	flags.StringVar(&o.build, "build", "", "folder with the two programs (else build/ in the source)")
	flags.StringVar(&o.folder, "folder", "", "folder for corpora, which are kept (else TOKENMETER_BENCH_DIR, or build/bench)")
	flags.BoolVar(&o.quick, "quick", false, "a tenth of the corpus, for a look; its figures say little")
	flags.BoolVar(&o.large, "large", true, "measure the home of 6 GiB, too")
	flags.IntVar(&o.rounds, "rounds", 5, "how often each import is measured; the median counts")
	flags.DurationVar(&o.idle, "idle", 10*time.Minute, "how long the idle meter is watched")
	rows := flags.String("rows", "", "what to measure, a list of "+names(groups())+" (else all)")
	asJSON := flags.String("json", "", "write the figures to this file")
	against := flags.String("against", "", "compare with the figures in this file")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return errUsage
	}
	if *rows != "" {
		o.rows = strings.Split(*rows, ",")
	}
	for _, name := range o.rows {
		if !slices.ContainsFunc(groups(), func(g group) bool { return g.name == name }) {
			fmt.Fprintf(errs, "error: there are no rows %q, only %s\n", name, names(groups()))
			return errUsage
		}
	}
	var before *results
	if *against != "" {
		var err error
		if before, err = readResults(*against); err != nil {
			return err
		}
	}
	if err := o.complete(); err != nil {
		return err
	}

	b := &bench{options: o, errs: errs, begun: time.Now(), made: map[string]*home{}}
	defer func() {
		if b.desk != nil {
			b.desk.stop()
		}
	}()
	result, err := b.run(ctx)
	if err != nil {
		return err
	}
	printRows(out, result.Rows)
	if *asJSON != "" {
		if err := result.write(*asJSON); err != nil {
			return err
		}
	}
	if before != nil {
		fmt.Fprintln(out)
		printCompared(out, before, result)
	}
	if missed := slices.DeleteFunc(slices.Clone(result.Rows), func(r row) bool { return !r.failed() }); len(missed) > 0 {
		return fmt.Errorf("%d of %d rows are not met", len(missed), len(result.Rows))
	}
	return nil
}

// complete fills in what follows from the rest.
func (o *options) complete() error {
	var err error
	if o.source, err = filepath.Abs(o.source); err != nil {
		return fmt.Errorf("find the source: %w", err)
	}
	if o.build == "" {
		o.build = filepath.Join(o.source, "build")
	}
	if o.folder == "" {
		o.folder = os.Getenv("TOKENMETER_BENCH_DIR")
	}
	if o.folder == "" {
		o.folder = filepath.Join(o.source, "build", "bench")
	}
	for _, folder := range []*string{&o.build, &o.folder} {
		if *folder, err = filepath.Abs(*folder); err != nil {
			return fmt.Errorf("find a folder: %w", err)
		}
	}
	for _, name := range []string{"tokenmeter", "tokenmeter-window"} {
		if _, err := os.Stat(filepath.Join(o.build, name)); err != nil {
			return fmt.Errorf("find the programs (`make build` makes them): %w", err)
		}
	}
	if err := os.MkdirAll(o.folder, 0o700); err != nil {
		return fmt.Errorf("make the bench's folder: %w", err)
	}
	return nil
}

// run measures all that was asked for. A group that fails is a row of the table.
func (b *bench) run(ctx context.Context) (*results, error) {
	result := &results{Version: b.version(ctx), Quick: b.quick, Load: []float64{load()}}
	b.say("%s, load of the machine %.1f", result.Version, result.Load[0])
	for _, g := range groups() {
		if len(b.rows) > 0 && !slices.Contains(b.rows, g.name) {
			continue
		}
		b.say("%s …", g.name)
		rows, err := g.run(b, ctx)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			rows = append(rows, broken(g.name, err))
		}
		result.Rows = append(result.Rows, rows...)
	}
	result.Load = append(result.Load, load())
	b.say("done, load of the machine %.1f", load())
	return result, nil
}

// say prints progress.
func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(b.errs, "%6.1f s  %s\n", time.Since(b.begun).Seconds(), fmt.Sprintf(format, args...))
}

// path is a file or folder of the bench.
func (b *bench) path(name string) string { return filepath.Join(b.folder, name) }

// fresh is a folder of the bench that is new and empty.
func (b *bench) fresh(name string) (string, error) {
	path := b.path(name)
	if err := os.RemoveAll(path); err != nil {
		return "", fmt.Errorf("empty a folder: %w", err)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return "", fmt.Errorf("make a folder: %w", err)
	}
	return path, nil
}
