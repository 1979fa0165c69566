package report

import (
	"context"
	"time"

	"tokenmeter/internal/calendar"
	"tokenmeter/internal/meter"
	"tokenmeter/internal/store"
	"tokenmeter/internal/usage"
)

// Snapshot is the state of things now.
func (r *Report) Snapshot(ctx context.Context, m Meter) (*Snapshot, error) {
	at := r.o.Clock().In(r.o.Zone)
	now := usage.MillisOf(at)
	agents, err := r.o.Store.Agents(ctx)
	if err != nil {
		return nil, err
	}
	s := &Snapshot{
		At: at, Zone: r.o.Zone, Home: r.o.Home, Reading: m.Reading, Findings: m.Findings, StaleSince: m.StaleSince, Currency: m.Currency, Repricing: m.Repricing, Online: m.Online,
		Agents: r.agents(agents), Since: local(since(agents), r.o.Zone),
	}
	if s.Now, err = r.now(ctx, now); err != nil {
		return nil, err
	}
	if s.Today, err = r.today(ctx, at, m.Reading.Running); err != nil {
		return nil, err
	}
	if s.Windows, s.Due, err = r.windows(ctx, now, m.Reading.Running); err != nil {
		return nil, err
	}
	s.Now.QuietAt = quietAt(s)
	r.mu.Lock()
	r.number++
	s.Number = r.number
	r.mu.Unlock()
	return s, nil
}

// agents joins what this build knows of each agent with what is stored and what is on the
// disk. An agent that is stored but not known (a database of a newer build) is listed last.
func (r *Report) agents(stored []store.AgentSum) []AgentState {
	sums := map[usage.AgentID]store.AgentSum{}
	for _, a := range stored {
		sums[a.Agent] = a
	}
	known := r.o.Agents
	for _, a := range stored {
		if _, ok := agentByID(known, a.Agent); !ok {
			known = append(known[:len(known):len(known)], Agent{ID: a.Agent, Name: string(a.Agent), Slot: len(known)})
		}
	}
	states := make([]AgentState, 0, len(known))
	for _, a := range known {
		sum := sums[a.ID]
		state := AgentState{
			Agent: a, Found: sum.Events > 0, Files: sum.Files, Events: sum.Events, Skipped: sum.Skipped,
			First: local(sum.First, r.o.Zone), Last: local(sum.Last, r.o.Zone),
		}
		for _, root := range a.Roots {
			there := r.o.Exists != nil && r.o.Exists(root)
			state.Found = state.Found || there
			state.Places = append(state.Places, Place{Path: root, There: there})
		}
		states = append(states, state)
	}
	return states
}

func agentByID(agents []Agent, id usage.AgentID) (Agent, bool) {
	for _, a := range agents {
		if a.ID == id {
			return a, true
		}
	}
	return Agent{}, false
}

// now reads the last hour.
func (r *Report) now(ctx context.Context, now usage.Millis) (Now, error) {
	recent, err := r.o.Store.Recent(ctx, meter.FirstMinute(now))
	if err != nil {
		return Now{}, err
	}
	requests := make([]meter.Request, len(recent))
	for i, q := range recent {
		requests[i] = meter.Request{Time: q.Time, Agent: q.Agent, Counts: q.Counts}
	}
	rate := meter.RateAt(requests, now)
	n := Now{
		FreshPerMinute: rate.Counts.Fresh(), CacheReadsPerMinute: rate.Counts.CacheRead,
		ByAgent: rate.ByAgent, Live: rate.Counts.Requests > 0, QuietAt: local(rate.Changes, r.o.Zone),
	}
	if rate.Counts.PricedRequests > 0 {
		hour := rate.Counts.Cost * 60
		n.CostPerHour = &hour
	}
	for _, m := range meter.MinutesAt(requests, now) {
		n.Minutes = append(n.Minutes, Minute{Start: local(m.Start, r.o.Zone), Fresh: m.Fresh, CacheReads: m.CacheReads})
	}
	sessions, err := r.o.Store.Sessions(ctx, now-usage.Millis(meter.Recent.Milliseconds())+1)
	if err != nil {
		return Now{}, err
	}
	for _, s := range sessions {
		if s.Last <= now {
			n.Sessions = append(n.Sessions, SessionNow{SessionSum: s, Working: s.Last+usage.Millis(meter.Working.Milliseconds()) > now})
		}
	}
	return n, nil
}

// quietAt is the next moment at which something in s changes by itself; Now.QuietAt holds
// when the rate does.
func quietAt(s *Snapshot) time.Time {
	next := calendar.DayStart(s.At.Year(), s.At.Month(), s.At.Day()+1, s.Zone)
	sooner := func(t time.Time) {
		if t.After(s.At) && t.Before(next) {
			next = t
		}
	}
	sooner(s.Now.QuietAt)
	for _, q := range s.Now.Sessions {
		last := q.Last.Time().In(s.Zone)
		sooner(last.Add(meter.Working))
		sooner(last.Add(meter.Recent))
	}
	for _, w := range s.Windows {
		sooner(w.ResetsAt)
	}
	return next
}

// local converts to the zone; zero becomes the zero time.
func local(m usage.Millis, zone *time.Location) time.Time {
	if m == 0 {
		return time.Time{}
	}
	return m.Time().In(zone)
}
