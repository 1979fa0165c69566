package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tokenmeter/internal/link"
	"tokenmeter/internal/platform"
)

// pages are what `window` takes.
func pages() []string { return []string{"live", "history"} }

func windowCommand(c *Context) *cobra.Command {
	return &cobra.Command{
		Use:       "window [PAGE]",
		Short:     "Open the window, at a page: " + strings.Join(pages(), ", "),
		Long:      "Opens the window at a page (" + strings.Join(pages(), ", ") + "), and starts the meter if it does not run.",
		ValidArgs: pages(),
		Args:      cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			page := ""
			if len(args) == 1 {
				page = strings.ToLower(args[0])
				if !slices.Contains(pages(), page) {
					return wrongUsage("unknown page %q: use %s", args[0], strings.Join(pages(), ", "))
				}
			}
			dir, err := dataDir(cmd, c)
			if err != nil {
				return err
			}
			return openWindow(cmd.Context(), c, dir, page)
		},
	}
}

// openWindow has the meter open the window, and starts one if none runs.
func openWindow(ctx context.Context, c *Context, dir, page string) error {
	if c.Display != nil {
		if why := c.Display(); why != "" {
			return withHint(fmt.Errorf("no window can be shown: %s", why), "`tokenmeter status` and `tokenmeter history` print the figures")
		}
	}
	open := link.Message{Do: link.Open, Page: page}
	if answered, err := askMeter(ctx, c, dir, open); answered {
		return err
	}
	if c.Meter == nil && c.Start == nil {
		return errors.New("no meter is running and this build has none to start")
	}
	if err := platform.MakeDataDir(dir); err != nil {
		return err
	}
	o := meterOptions(c, dir)
	o.Page = page
	if c.Start == nil {
		return c.Meter(ctx, o)
	}
	o.Hidden = true // the window is asked for by what follows
	if err := c.Start(ctx, o); err != nil {
		return fmt.Errorf("start the meter: %w", err)
	}
	answered, err := askMeter(ctx, c, dir, open)
	if !answered {
		return errors.New("the meter was started but does not answer")
	}
	return err
}

func quitCommand(c *Context) *cobra.Command {
	return &cobra.Command{
		Use:   "quit",
		Short: "End the meter and its window",
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := dataDir(cmd, c)
			if err != nil {
				return err
			}
			conn, err := link.Dial(cmd.Context(), link.SocketPath(platform.RuntimeDir(c.Env, dir), dir))
			if err != nil {
				fmt.Fprintln(c.Stdout, "Tokenmeter does not run.")
				return nil
			}
			defer conn.Close()
			return quit(cmd.Context(), conn)
		},
	}
}

// quit asks the meter to end and waits until it has: it closes the line last of all.
func quit(ctx context.Context, conn *link.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	if err := conn.Send(link.Message{Do: link.Quit}); err != nil {
		return fmt.Errorf("ask the running meter: %w", err)
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	for {
		if _, err := conn.Receive(); err != nil {
			if ctx.Err() != nil {
				return errors.New("the meter was asked to quit but still runs")
			}
			return nil
		}
	}
}
