package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tokenmeter/internal/platform"
	"tokenmeter/internal/statusline"
	"tokenmeter/internal/view"
)

// IsStatusLine tells whether a command line (without the program's name) is that of the status line.
// It runs at each prompt of the agent, and so without the commands being made for it.
func IsStatusLine(args []string) (dataDir string, ok bool) {
	for i := 0; i < len(args); i++ {
		switch name, value, inline := strings.Cut(args[i], "="); {
		case name == "--"+dataDirFlag && inline:
			dataDir = value
		case name == "--"+dataDirFlag && i+1 < len(args):
			i++
			dataDir = args[i]
		case args[i] == statusline.Folder && !ok:
			ok = true
		default:
			return "", false
		}
	}
	return dataDir, ok
}

// RunStatusLine prints the status line and gives the exit code. Whatever is wrong with the input, the
// data folder or the machine, there is a line.
func RunStatusLine(ctx context.Context, c Context, dataDir string) int {
	dir, err := platform.DataDir(c.Env, dataDir)
	if err != nil {
		dir = "" // nothing can be kept
	}
	o := statusline.Options{
		Stdin: c.Stdin, Stdout: c.Stdout, Stderr: c.Stderr,
		DataDir: dir, Env: c.Env, Clock: c.Clock,
		Line: func(r statusline.Reading, last *statusline.Captures, now time.Time) string {
			return statusWords(r, last, now.In(c.Zone))
		},
	}
	if c.InputTerminal {
		o.Stdin = nil // somebody is trying it out
	}
	return statusline.Run(ctx, o)
}

// statusWords puts what was handed over, and what was captured before, into words.
func statusWords(r statusline.Reading, last *statusline.Captures, now time.Time) string {
	const fiveHours, sevenDays = 5 * 60, 7 * 24 * 60
	var windows []view.StatusWindow
	add := func(minutes int64, f *statusline.Figure) {
		if f == nil {
			return
		}
		w := view.StatusWindow{Minutes: minutes, UsedPercent: f.Used, Passed: f.Passed}
		if f.Resets != 0 {
			w.ResetsAt = time.UnixMilli(int64(f.Resets))
		}
		windows = append(windows, w)
	}
	add(fiveHours, last.FiveHour(r, now))
	add(sevenDays, last.SevenDay(r, now))
	return view.StatusLine(windows, visible(r.Model), r.Cost, now)
}

// exitCode ends a command with a code of another program, which has said all there is to say.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

func statusLineCommand(c *Context) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "statusline",
		Short: "Claude Code's status line: keeps the limits it is handed, prints one line",
		Long: `Claude Code runs this at its prompts and hands it JSON. It keeps the allowance and cost in
it, which are written down nowhere else, and prints one line. If another command filled the line
before, that one is run with the same input, and its line is printed.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			chosen, err := cmd.Flags().GetString(dataDirFlag)
			if err != nil {
				return err
			}
			if code := RunStatusLine(cmd.Context(), *c, chosen); code != ExitDone {
				return exitCode(code)
			}
			return nil
		},
	}
	cmd.AddCommand(
		changeStatusLine(c, "install", "Become Claude Code's status line, in its settings", statusline.PlanInstall),
		changeStatusLine(c, "uninstall", "Give the status line back", statusline.PlanUninstall),
	)
	return cmd
}

// changeStatusLine is install or uninstall.
func changeStatusLine(c *Context, name, short string, plan func(statusline.Place) (*statusline.Plan, error)) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: name, Short: short,
		Long: short + `. The change is shown, and made when you agree to it; nothing else in the file
changes, and a copy of the old one is kept in the data folder.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			place, err := statusPlace(cmd, c)
			if err != nil {
				return err
			}
			p, err := plan(place)
			if err != nil {
				return err
			}
			if p.Nothing() {
				fmt.Fprintf(c.Stdout, "Nothing to do: the status line in %s is Tokenmeter's already.\n", visible(p.Path))
				return nil
			}
			printPlan(c.Stdout, p)
			if p.Former != "" && name == "install" {
				fmt.Fprintln(c.Stdout, "The command that is there now goes on being run, and its line is what you see.")
			}
			if folder, err := workingFolder(c); err == nil && !p.Removes {
				for _, note := range p.Notes(folder) {
					fmt.Fprintln(c.Stdout, "Note:", visible(note)+".")
				}
			}
			if !yes {
				if err := agree(c); err != nil {
					return err
				}
			}
			if err := p.Apply(cmd.Context(), c.Clock()); err != nil {
				return err
			}
			if name == "install" {
				fmt.Fprintln(c.Stdout, "Installed. Claude Code shows it from its next answer on.")
			} else {
				fmt.Fprintln(c.Stdout, "Uninstalled.")
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

// statusPlace is what is to be put where.
func statusPlace(cmd *cobra.Command, c *Context) (statusline.Place, error) {
	dir, err := dataDir(cmd, c)
	if err != nil {
		return statusline.Place{}, err
	}
	if c.Program == nil {
		return statusline.Place{}, errors.New("this build does not know where it lies")
	}
	program, err := c.Program()
	if err != nil {
		return statusline.Place{}, fmt.Errorf("find this program: %w", err)
	}
	if c.Env.OS == "windows" {
		program = strings.ReplaceAll(program, `\`, "/") // for the bash of Git
	}
	named := ""
	if usual, err := platform.DataDir(c.Env, ""); err != nil || usual != dir {
		named = dir
	}
	return statusline.Place{Env: c.Env, DataDir: dir, Command: statusline.CommandLine(program, named)}, nil
}

// workingFolder is the folder that the command was started in.
func workingFolder(c *Context) (string, error) {
	if c.Folder == nil {
		return "", errors.New("not known")
	}
	return c.Folder()
}

// agree asks whoever is at the terminal.
func agree(c *Context) error {
	const unchanged = "nothing was changed"
	if !c.InputTerminal {
		return withHint(errors.New(unchanged+": nobody is there to agree to it"), "run it on a terminal, or with --yes")
	}
	if out, ok := c.Stdout.(*output); ok {
		if err := out.Flush(); err != nil {
			return err
		}
	}
	fmt.Fprint(c.Stderr, "Make this change? [y/N] ")
	const longest = 1 << 10
	answer, err := bufio.NewReader(io.LimitReader(c.Stdin, longest)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the answer: %w", err)
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return errors.New(unchanged)
}

// printPlan shows the exact change.
func printPlan(w printer, p *statusline.Plan) {
	switch {
	case p.Creates:
		fmt.Fprintf(w, "%s is made:\n", visible(p.Path))
	case p.Removes:
		fmt.Fprintf(w, "%s, which Tokenmeter made, is removed:\n", visible(p.Path))
	default:
		fmt.Fprintf(w, "%s is changed:\n", visible(p.Path))
	}
	before, after := linesOf(p.Before), linesOf(p.After)
	if p.Removes {
		after = nil
	}
	first := 0
	for first < min(len(before), len(after)) && bytes.Equal(before[first], after[first]) {
		first++
	}
	last := 0
	for last < min(len(before), len(after))-first && bytes.Equal(before[len(before)-1-last], after[len(after)-1-last]) {
		last++
	}
	const around = 2
	for _, line := range before[max(0, first-around):first] {
		fmt.Fprintln(w, "    "+shortLine(line))
	}
	for _, line := range before[first : len(before)-last] {
		fmt.Fprintln(w, "  - "+shortLine(line))
	}
	for _, line := range after[first : len(after)-last] {
		fmt.Fprintln(w, "  + "+shortLine(line))
	}
	for _, line := range before[len(before)-last : min(len(before), len(before)-last+around)] {
		fmt.Fprintln(w, "    "+shortLine(line))
	}
}

func linesOf(text []byte) [][]byte {
	if len(text) == 0 {
		return nil
	}
	return bytes.Split(bytes.TrimSuffix(text, []byte{'\n'}), []byte{'\n'})
}

// shortLine is a line as it may be shown: a file may be one long line, which may hold secrets that
// have nothing to do with the change. Its beginning and its end are enough of it.
func shortLine(line []byte) string {
	const side = 200
	text := strings.ReplaceAll(strings.TrimSuffix(string(line), "\r"), "\t", "    ")
	runes := []rune(visible(text))
	if len(runes) <= 2*side {
		return string(runes)
	}
	return string(runes[:side]) + " … " + string(runes[len(runes)-side:])
}
