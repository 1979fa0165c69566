package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"tokenmeter/internal/calendar"
	"tokenmeter/internal/platform"
	"tokenmeter/internal/statusline"
	"tokenmeter/internal/store"
	"tokenmeter/internal/view"
)

const about = `Tokenmeter counts the tokens that coding agents use, from the logs they keep on this
machine, and shows them in the tray, in a window and in the terminal. Nothing is sent
anywhere.

Without a command it starts the meter with its tray item and opens the window. Where
there is no display it prints the figures instead.`

const exitCodes = `
Exit codes:
  0  done
  1  failed, with a sentence on standard error
  2  wrong usage or unknown command
`

// PrintVersion writes what --version says, without the commands having to be made for it.
func PrintVersion(w io.Writer, version string) error {
	_, err := fmt.Fprintf(w, versionText, version)
	return err
}

// versionText is what --version says.
const versionText = "tokenmeter %s\n"

// dataDirFlag is the one global flag.
const dataDirFlag = "data-dir"

func newRoot(c *Context) *cobra.Command {
	var hidden bool
	root := &cobra.Command{
		Use: "tokenmeter", Short: "A meter for the tokens of coding agents", Long: about,
		Version: c.Version, SilenceErrors: true, SilenceUsage: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			err := wrongUsage("unknown command %q", args[0])
			if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
				return withHint(err, "did you mean `tokenmeter "+strings.Join(near, "`, `tokenmeter ")+"`?")
			}
			return err
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return alone(cmd, c, hidden) },
	}
	root.SuggestionsMinimumDistance = 2
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetVersionTemplate(fmt.Sprintf(versionText, "{{.Version}}"))
	root.SetUsageTemplate(root.UsageTemplate() + exitCodes)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.PersistentFlags().String(dataDirFlag, "", "folder of the database (else TOKENMETER_DATA_DIR, else the system's place)")
	root.Flags().BoolVar(&hidden, "hidden", false, "start the meter without opening the window, as at login")
	root.AddCommand(
		scanCommand(c), statusCommand(c), allowanceCommand(c), historyCommand(c), explainCommand(c), backtestCommand(c), priceCommand(c), doctorCommand(c),
		windowCommand(c), quitCommand(c), demoCommand(c), statusLineCommand(c),
	)
	argsAsUsage(root)
	return root
}

// argsAsUsage makes errors of usage of what all commands below say of their arguments.
func argsAsUsage(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		sub.Args = asUsage(sub.Args)
		argsAsUsage(sub)
	}
}

// asUsage makes an error of an Args rule an error of usage.
func asUsage(rule cobra.PositionalArgs) cobra.PositionalArgs {
	if rule == nil {
		rule = cobra.NoArgs
	}
	return func(cmd *cobra.Command, args []string) error {
		err := rule(cmd, args)
		var usage usageError
		if err == nil || errors.As(err, &usage) {
			return err
		}
		if len(args) > 0 && strings.HasPrefix(err.Error(), "unknown command") {
			return wrongUsage("unexpected argument %q for `%s`", args[0], cmd.CommandPath())
		}
		return usageError{err}
	}
}

// dataDir is the data folder that the command line and the environment ask for. From then on
// what agents handed to this program is found in it.
func dataDir(cmd *cobra.Command, c *Context) (string, error) {
	chosen, err := cmd.Flags().GetString(dataDirFlag)
	if err != nil {
		return "", err
	}
	dir, err := platform.DataDir(c.Env, chosen)
	if err == nil {
		c.Env.Captures = filepath.Join(dir, statusline.Folder)
	}
	return dir, err
}

// meterOptions is what a meter on this data folder is told.
func meterOptions(c *Context, dir string) MeterOptions {
	return MeterOptions{
		DataDir: dir, Env: c.Env, Sources: c.Sources, Agents: Agents(c.Sources, c.Env),
		Clock: c.Clock, Version: c.Version,
	}
}

// alone is `tokenmeter` without a command.
func alone(cmd *cobra.Command, c *Context, hidden bool) error {
	ctx := cmd.Context()
	dir, err := dataDir(cmd, c)
	if err != nil {
		return err
	}
	why := ""
	if c.Display != nil && !hidden {
		why = c.Display()
	}
	if why != "" || c.Meter == nil {
		if why != "" {
			fmt.Fprintf(c.Stderr, "No window can be shown (%s), so here are the figures in the terminal.\n", strings.TrimSuffix(why, "."))
		}
		return figures(ctx, c, dir)
	}
	o := meterOptions(c, dir)
	o.Hidden = hidden
	if err := platform.MakeDataDir(dir); err != nil {
		return err
	}
	return c.Meter(ctx, o)
}

// figures prints the glance and the last seven days.
func figures(ctx context.Context, c *Context, dir string) error {
	d, err := open(ctx, c, dir, true)
	if err != nil {
		return err
	}
	defer d.close()
	s, err := d.report.Snapshot(ctx, d.meter())
	if err != nil {
		return err
	}
	if e := view.EmptyPage(s); e != nil {
		printEmpty(c.Stdout, e)
		fmt.Fprintln(c.Stdout, "\nTo look around with simulated agents: tokenmeter demo --terminal")
		return nil
	}
	printStatus(c.Stdout, s)
	first := calendar.DayStart(s.At.Year(), s.At.Month(), s.At.Day()-6, c.Zone)
	fmt.Fprintln(c.Stdout, "\nThe last 7 days")
	q := question{by: []store.Dimension{store.Day}, zone: c.Zone, since: first}
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
