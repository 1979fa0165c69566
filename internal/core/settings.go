package core

import (
	"context"
	"time"

	"tokenmeter/internal/health"
	"tokenmeter/internal/inquiry"
	"tokenmeter/internal/pricing"
	"tokenmeter/internal/settings"
)

// followSettings puts the settings in force if their file has changed. It costs one look at
// the file's times.
func (c *Core) followSettings() {
	c.settingsMu.Lock()
	defer c.settingsMu.Unlock()
	if c.prices.Load().Settings().Changed(settings.Path(c.o.DataDir)) {
		c.use(pricing.Load(c.o.DataDir))
	}
}

// use puts prices in force and says what is wrong with them.
func (c *Core) use(p *pricing.Prices) {
	before := c.prices.Swap(p)
	pricing.PutFindings(c.board, c.o.DataDir, p)
	inquiry.PutFindings(c.board, p.Settings(), c.o.Sources)
	if before != nil && before.Version() != p.Version() {
		c.counting.setPricing(pricingOf(p))
	}
	signal(c.settled)
	signal(c.permitted)
	c.poke()
}

// refresh fetches prices once a day, if the settings permit that; else it only waits for
// other settings.
func (c *Core) refresh(ctx context.Context) {
	client, err := c.client()
	if err != nil { // only where Options are not filled in
		c.board.Set(health.PricesNotFetched, health.Warning, settings.FileName, err.Error())
		return
	}
	seed := uint64(c.o.Clock().UnixNano()) // of this run: a day's wait is as random as its start
	failed := ""                           // the address that has a finding
	for {
		p := c.prices.Load()
		changed, next, err := p.Refresh(ctx, c.o.DataDir, seed, c.o.Clock(), client.Fetch)
		if ctx.Err() != nil {
			return
		}
		c.board.Clear(health.PricesNotFetched, failed)
		if err != nil {
			failed = p.Settings().Prices.URL
			c.board.Set(health.PricesNotFetched, health.Info, failed, err.Error())
		}
		if changed {
			c.settingsMu.Lock()
			c.use(pricing.Load(c.o.DataDir))
			c.settingsMu.Unlock()
		}
		var due <-chan time.Time
		if !next.IsZero() {
			due = time.After(max(next.Sub(c.o.Clock()), time.Minute))
		}
		select {
		case <-ctx.Done():
			return
		case <-due:
		case <-c.settled:
		}
	}
}
