package core

import (
	"context"
	"time"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/health"
	"tokenmeter/internal/ingest"
	"tokenmeter/internal/platform"
)

// storeFailed notes that the store cannot be used.
func (c *Core) storeFailed(err error) { ingest.PutStoreError(c.board, c.database(), err) }

// storeWorks takes that back.
func (c *Core) storeWorks() { ingest.PutStoreError(c.board, c.database(), nil) }

// staleSince is since when the figures are behind because the store fails; zero = not.
func (c *Core) staleSince(findings []health.Finding) time.Time {
	var since time.Time
	for _, f := range findings {
		if f.Severity == health.Error && f.Subject == c.database() && (since.IsZero() || f.Since.Before(since)) {
			since = f.Since
		}
	}
	return since
}

// Desktop looks at what tray and window need, for doctor. It takes no more than a few
// seconds and starts nothing.
func Desktop(ctx context.Context, env agent.Env, clock func() time.Time) []health.Finding {
	ctx, cancel := context.WithTimeout(ctx, desktopTime)
	defer cancel()
	board := health.NewBoard(clock)
	if platform.Display(ctx, env) != nil {
		board.Set(health.NoDisplay, health.Info, "")
	}
	if host, err := platform.TrayHost(ctx, env); err != nil {
		board.Set(health.NoSessionBus, health.Info, "")
	} else if !host {
		board.Set(health.NoTrayHost, health.Info, "")
	}
	if _, err := platform.WindowProgram(env); err != nil {
		board.Set(health.WindowMissing, health.Warning, env.Variable("PATH"))
	}
	if len(platform.MissingLibraries(env)) > 0 {
		board.Set(health.NoOpenGL, health.Warning, "")
	}
	return board.Findings()
}

const desktopTime = 3 * time.Second
