package core

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"tokenmeter/internal/link"
	"tokenmeter/internal/report"
	"tokenmeter/internal/store"
)

// The rhythm of snapshots.
const (
	// While tokens flow the rate falls with each request that leaves its minute.
	leastFlowing = 500 * time.Millisecond
	// When nothing flows, nothing is worth an earlier wake-up.
	leastQuiet = 30 * time.Second
	// Timers stand still while the machine sleeps; so late at most is "today" after that.
	longest = 15 * time.Minute
	// During a long reading nobody needs more.
	leastReading = 200 * time.Millisecond
	// A snapshot rests as long as it took, times this, so that it never takes a whole core.
	restFactor  = 4
	longestRest = time.Second
)

// publish makes a snapshot now and at each poke, and when the last one becomes untrue.
func (c *Core) publish(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	rest := time.NewTimer(0)
	defer rest.Stop()
	asleep := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.wake:
		case <-timer.C:
			if s := c.Current(); !asleep && quiet(s) {
				sleepDeep()
				asleep = true
				timer.Reset(untilUntrue(s, c.o.Clock()))
				continue
			}
		}
		if asleep {
			wakeUp()
			asleep = false
		}
		begin := c.o.Clock()
		s := c.snapshot(ctx)
		c.current.Store(s)
		c.tell()
		next := untilUntrue(s, c.o.Clock())
		if quiet(s) {
			next = settleTime
		}
		timer.Reset(next)
		rest.Reset(pause(s.Reading.Running, c.unread, c.o.Clock().Sub(begin)))
		select {
		case <-ctx.Done():
			return
		case <-rest.C:
		}
	}
}

// untilUntrue is how long s may stand.
func untilUntrue(s *report.Snapshot, now time.Time) time.Duration {
	if s.Now.QuietAt.IsZero() {
		return longest
	}
	least := leastQuiet
	if s.Now.Live {
		least = leastFlowing
	}
	return min(max(s.Now.QuietAt.Sub(now)+time.Millisecond, least), longest)
}

// pause is how long the next snapshot waits at least.
func pause(reading, failing bool, took time.Duration) time.Duration {
	rest := min(max(restFactor*took, 0), longestRest)
	if reading {
		rest = max(rest, leastReading)
	}
	if failing {
		rest = longestRest
	}
	return rest
}

// snapshot never fails: what could not be read is a finding in it.
func (c *Core) snapshot(ctx context.Context) *report.Snapshot {
	// The window can read while this process does.
	c.followSettings()
	c.broadcast(c.changed())
	c.counting.follow(ctx, c.o.Zone())
	s, err := c.counting.snapshot(ctx, c.meter)
	if s == nil && err == nil {
		return c.bare()
	}
	if err == nil {
		if c.unread {
			c.unread = false
			c.storeWorks()
			c.poke()
		}
		return s
	}
	if ctx.Err() != nil {
		return c.Current()
	}
	if errors.Is(err, store.ErrMoved) {
		c.counting.check()
		return c.Current()
	}
	if errors.Is(err, store.ErrDamaged) {
		c.counting.fail(err)
	}
	c.unread = true
	c.storeFailed(err)
	stale, m := *c.Current(), c.meter()
	stale.Findings, stale.StaleSince, stale.Reading, stale.Currency, stale.Repricing, stale.Online = m.Findings, m.StaleSince, m.Reading, m.Currency, m.Repricing, m.Online
	return &stale
}

// bare is the state while no store is open.
func (c *Core) bare() *report.Snapshot {
	m, zone := c.meter(), c.o.Zone()
	s := &report.Snapshot{
		At: c.o.Clock().In(zone), Zone: zone, Home: c.o.Env.Home,
		Reading: m.Reading, Findings: m.Findings, StaleSince: m.StaleSince, Currency: m.Currency, Repricing: m.Repricing, Online: m.Online,
	}
	for _, a := range c.o.Agents {
		state := report.AgentState{Agent: a}
		for _, root := range a.Roots {
			there := c.o.Env.Exists(root)
			state.Found = state.Found || there
			state.Places = append(state.Places, report.Place{Path: root, There: there})
		}
		s.Agents = append(s.Agents, state)
	}
	return s
}

// meter is what only this process knows.
func (c *Core) meter() report.Meter {
	findings := c.board.Findings()
	return report.Meter{
		Reading: c.counting.progress(), Findings: findings, StaleSince: c.staleSince(findings),
		Currency: c.prices.Load().Currency(), Repricing: c.counting.repricing(), Online: c.online(),
	}
}

// changed is the message that wakes the window.
func (c *Core) changed() link.Message {
	m := link.Message{Do: link.Changed}
	if content, err := json.Marshal(c.meter()); err == nil {
		m.Meter = content
	}
	return m
}

// tell wakes the listeners of this process.
func (c *Core) tell() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for listener := range c.listeners {
		signal(listener)
	}
}
