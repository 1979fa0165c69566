package core

import (
	"context"
	"errors"
	"time"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/health"
	"tokenmeter/internal/platform"
	"tokenmeter/internal/store"
)

// storeCode is the finding that an error of the store leads to.
func storeCode(err error) (health.Code, []string) {
	for _, known := range []struct {
		err  error
		code health.Code
	}{
		{store.ErrFull, health.DiskFull},
		{store.ErrNewer, health.DatabaseNewer},
		{store.ErrLocked, health.DatabaseLocked},
		{store.ErrReadOnly, health.DatabaseReadOnly},
		{store.ErrDamaged, health.DatabaseDamaged},
	} {
		if errors.Is(err, known.err) {
			return known.code, nil
		}
	}
	return health.DatabaseFailed, []string{err.Error()}
}

// use is what the store was used for when it failed. Each takes back only its own finding.
type use int

const (
	writing use = iota
	reading
	uses
)

// storeFindings are the findings that stand because of the store, "" = none.
type storeFindings [uses]health.Code

// setStoreFinding notes that the store failed.
func (c *Core) setStoreFinding(u use, err error) {
	code, args := storeCode(err)
	c.mu.Lock()
	old := c.failing[u]
	c.failing[u] = code
	c.mu.Unlock()
	c.board.Set(code, health.Error, c.database(), args...)
	if old != code {
		c.takeBack(old)
	}
}

// clearStoreFinding notes that the store works.
func (c *Core) clearStoreFinding(u use) {
	c.mu.Lock()
	old := c.failing[u]
	c.failing[u] = ""
	c.mu.Unlock()
	c.takeBack(old)
}

// takeBack clears a finding unless another use still has it.
func (c *Core) takeBack(code health.Code) {
	c.mu.Lock()
	stands := code == ""
	for _, other := range c.failing {
		stands = stands || other == code
	}
	c.mu.Unlock()
	if !stands {
		c.board.Clear(code, c.database())
	}
}

// staleSince is since when the figures are behind because the store fails; zero = not.
func staleSince(findings []health.Finding) time.Time {
	var since time.Time
	for _, f := range findings {
		switch f.Code {
		case health.DiskFull, health.DatabaseNewer, health.DatabaseLocked, health.DatabaseReadOnly,
			health.DatabaseDamaged, health.DatabaseFailed:
			if f.Severity == health.Error && (since.IsZero() || f.Since.Before(since)) {
				since = f.Since
			}
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
