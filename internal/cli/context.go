package cli

import (
	"context"
	"io"
	"time"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/health"
	"tokenmeter/internal/report"
)

// Context is all that the commands may use of the world. The program's main fills it in;
// a test fills it with a temporary home and buffers.
type Context struct {
	Env    agent.Env
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	// ErrorTerminal: Stderr is a terminal, so a progress bar may be drawn on it.
	ErrorTerminal bool
	// InputTerminal: Stdin is a terminal, so there is somebody to ask.
	InputTerminal bool

	Clock   func() time.Time
	Zone    *time.Location // the machine's zone
	Version string
	Sources []agent.Source

	// Meter runs the meter with its tray item until ctx ends or someone quits. If another
	// meter holds the data folder, it asks that one to show the page and returns nil.
	// nil: this build has no meter (tests).
	Meter func(ctx context.Context, o MeterOptions) error
	// Start starts `tokenmeter --hidden` on the same data folder as a process of its own
	// and returns when it answers. nil: Meter is run in this process instead.
	Start func(ctx context.Context, o MeterOptions) error
	// Display says in words why no window can be shown; "" = one can. nil counts as "".
	Display func() string
	// Program is the absolute path of this program.
	Program func() (string, error)
	// Folder is the working folder, absolute.
	Folder func() (string, error)
	// Desktop looks at the tray host, session bus, display and graphics for doctor.
	Desktop func(ctx context.Context) []health.Finding
}

// MeterOptions is what the command line says to the meter.
type MeterOptions struct {
	DataDir string // absolute, made if missing
	Env     agent.Env
	Sources []agent.Source
	Agents  []report.Agent // the same sources, as report wants them
	Clock   func() time.Time
	Version string
	Hidden  bool   // only the meter, no window
	Page    string // page to open the window at; "" = the last one
}
