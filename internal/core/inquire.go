package core

import (
	"context"
	"path/filepath"
	"time"

	"tokenmeter/internal/health"
	"tokenmeter/internal/inquiry"
	"tokenmeter/internal/network"
	"tokenmeter/internal/report"
	"tokenmeter/internal/settings"
	"tokenmeter/internal/store"
	"tokenmeter/internal/usage"
)

// inquire stores what vendors say of the current allowance until ctx ends, if the settings let
// them be asked; else it only waits for other settings. What came over the network is written
// as what came from logs is.
func (c *Core) inquire(ctx context.Context, st *store.Store) {
	client, err := c.client()
	if err != nil { // only where Options are not filled in
		c.board.Set(health.AllowanceUnknown, health.Warning, settings.FileName, err.Error())
		return
	}
	desk := inquiry.New(inquiry.Options{
		DataDir: c.o.DataDir, Env: c.o.Env, Sources: c.o.Sources, Version: c.o.Version, Clock: c.o.Clock,
		Seed: uint64(c.o.Clock().UnixNano()), Client: client, Board: c.board,
	})
	changed, cancel := c.Subscribe()
	defer cancel()
	for {
		s := c.prices.Load().Settings()
		samples, next := desk.Round(ctx, s, c.lastUse)
		if len(samples) > 0 {
			err := st.Update(ctx, func(tx *store.Tx) error { return tx.Write(&store.Chunk{Samples: samples}) })
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				c.counting.fail(err) // it is opened anew, or a finding says why not
				return
			}
			c.poke()
		}
		heard := changed
		if len(inquiry.Asked(s, c.o.Sources)) == 0 {
			heard = nil
		}
		due := time.NewTimer(max(next.Sub(c.o.Clock()), time.Second))
		if next.IsZero() {
			due.Stop()
		}
		select {
		case <-ctx.Done():
		case <-due.C:
		case <-heard:
		case <-c.permitted:
		}
		due.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

// lastUse is when an agent was last used, as far as that is stored.
func (c *Core) lastUse(id usage.AgentID) time.Time {
	for _, a := range c.Current().Agents {
		if a.ID == id {
			return a.Last
		}
	}
	return time.Time{}
}

// client is the door out.
func (c *Core) client() (*network.Client, error) {
	return network.New(network.Options{
		Version: c.o.Version, Ledger: filepath.Join(c.o.DataDir, network.LedgerName), Now: c.o.Clock,
	})
}

// online is what the settings let out.
func (c *Core) online() report.Online {
	p := c.prices.Load()
	online := report.Online{Prices: p.Online()}
	for _, info := range inquiry.Asked(p.Settings(), c.o.Sources) {
		online.Asks = append(online.Asks, info.Name)
	}
	return online
}
