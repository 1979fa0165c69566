//go:build linux

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"time"

	"tokenmeter/internal/agent/all"
	"tokenmeter/internal/report"
	"tokenmeter/internal/store"
	"tokenmeter/internal/usage"
)

// The store of the History rows: a year of two agents, five models and sixty projects,
// in logs of so many requests.
const (
	millionRequests = 1_000_000
	aLog            = 300
	aYear           = 365 * 24 * time.Hour
)

// historyRows asks a store of a million requests all that the window's pages ask.
func (b *bench) historyRows(ctx context.Context) ([]row, error) {
	folder, err := b.fresh("million")
	if err != nil {
		return nil, err
	}
	now := time.Now()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		return nil, fmt.Errorf("find a time zone: %w", err)
	}
	s, err := store.Open(ctx, filepath.Join(folder, "tokenmeter.db"), store.Options{Zone: zone})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	b.say("history: storing %d requests", millionRequests)
	var agents []report.Agent
	for _, source := range all.Sources() {
		info := source.Info()
		agents = append(agents, report.Agent{ID: info.ID, Name: info.Name, Slot: info.Slot})
	}
	if err := fill(ctx, s, agents, now); err != nil {
		return nil, err
	}

	r := report.New(report.Options{Store: s, Agents: agents, Clock: func() time.Time { return now }, Zone: zone})
	slowest, which := 0.0, ""
	views := 0
	ask := func(name string, question func() error) error {
		var times []float64
		for range 11 {
			begun := time.Now()
			if err := question(); err != nil {
				return err
			}
			times = append(times, milliseconds(time.Since(begun)))
		}
		views++
		took := median(times[1:])
		b.say("history: %s %.2f ms", name, took)
		if took > slowest {
			slowest, which = took, name
		}
		return nil
	}
	for _, days := range []int{7, 30, 90, 365} {
		for _, split := range []store.Dimension{store.Agent, store.Model, store.Project} {
			err := ask(fmt.Sprintf("%d days by %s", days, split), func() error {
				_, err := r.Days(ctx, report.Range{Days: days, Split: split})
				return err
			})
			if err != nil {
				return nil, err
			}
		}
	}
	history := timed(fmt.Sprintf("history, slowest of %d views, in the store", views), "ms", slowest, 20)
	history.Note = which
	slowest = 0
	if err := ask("the present state", func() error {
		_, err := r.Snapshot(ctx, report.Meter{})
		return err
	}); err != nil {
		return nil, err
	}
	return []row{history, figure("the present state, from the same store", "ms", slowest)}, nil
}

// fill stores the million as an import does.
func fill(ctx context.Context, s *store.Store, agents []report.Agent, now time.Time) error {
	if err := s.Importing(ctx, true); err != nil {
		return err
	}
	const logs, at = millionRequests / aLog, 100 // logs in all and in a transaction
	for n := 0; n < logs; n += at {
		err := s.Update(ctx, func(tx *store.Tx) error {
			for i := n; i < min(n+at, logs); i++ {
				if err := tx.Write(chunk(i, logs, agents[i%len(agents)].ID, now)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("store a million requests: %w", err)
		}
	}
	return s.Importing(ctx, false)
}

// chunk is what the n-th log tells, the newest first.
func chunk(n, logs int, agent usage.AgentID, now time.Time) *store.Chunk {
	random := rand.New(rand.NewPCG(uint64(n), 1))
	session := fmt.Sprintf("%08x-5b1c-4c7e-9d3a-%012x", random.Uint32(), random.Uint64()>>16)
	root := "/home/mila/logs"
	name := fmt.Sprintf("project-%d/%s.jsonl", n%60, session)
	at := now.Add(-6*time.Hour - time.Duration(n)*(aYear/time.Duration(logs)))
	c := &store.Chunk{File: &store.File{
		Agent: agent, Root: root, Name: name, Path: root + "/" + name, Inode: uint64(n), Size: 400_000, Offset: 400_000,
		Modified: at.UnixNano(), Tail: make([]byte, 8), Revision: 1, Seen: usage.MillisOf(at),
	}}
	model := random.IntN(5)
	for i := range aLog {
		at = at.Add(time.Duration(random.IntN(90_000)) * time.Millisecond)
		if random.IntN(40) == 0 {
			model = random.IntN(5)
		}
		c.Events = append(c.Events, usage.Event{
			Agent: agent, Key: usage.Key(random.Uint64()), Time: usage.MillisOf(at), Session: session, Project: fmt.Sprintf("/home/mila/project-%d", n%60),
			Branch: "main", Version: "2.1.330", Model: fmt.Sprintf("model-%d", model), Offset: int64(i) * 1300,
			Tokens: usage.Tokens{
				Input: random.Int64N(300), CacheRead: random.Int64N(150_000), CacheWrite5m: random.Int64N(9000),
				Output: 300 + random.Int64N(3000), Reasoning: random.Int64N(300),
			},
		})
	}
	c.Sessions = []usage.Session{{
		Agent: agent, ID: session, Project: c.Events[0].Project, Branch: "main", Version: "2.1.330",
		Model: c.Events[aLog-1].Model, ContextTokens: 90_000, Time: usage.MillisOf(at),
	}}
	return c
}
