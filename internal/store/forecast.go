package store

import (
	"context"
	"database/sql/driver"
	"fmt"
	"math"

	"tokenmeter/internal/usage"
)

// Forecast is what one model said at a moment of how an allowance window will end.
type Forecast struct {
	Agent         usage.AgentID
	Account       string
	LimitID       string
	WindowMinutes int64
	At            usage.Millis
	Model         string
	ResetsAt      usage.Millis
	P10, P50, P90 float64 // used percent at the reset
	RunOut        float64 // probability, 0…1
}

const (
	forecastColumns = "agent, minutes, account, limits, at, model, resets, low, middle, high, risk"
	insertForecast  = "INSERT INTO forecast (" + forecastColumns + ") SELECT ?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11"
)

// KeepForecast stores a forecast, unless one of its window and model is stored that was made
// at since or later.
func (t *Tx) KeepForecast(f Forecast, since usage.Millis) error {
	for _, n := range []float64{f.P10, f.P50, f.P90, f.RunOut} {
		if math.IsNaN(n) || math.IsInf(n, 0) {
			return fmt.Errorf("keep a forecast of %s: a figure is not a number", f.Model)
		}
	}
	agent, err := t.w.agent(f.Agent)
	if err != nil {
		return err
	}
	var ids [3]int64
	for i, part := range []string{f.Account, f.LimitID, f.Model} {
		if ids[i], err = t.w.str(part); err != nil {
			return err
		}
	}
	_, _, err = t.w.conn.exec(insertForecast+" WHERE NOT EXISTS (SELECT 1 FROM forecast WHERE agent=?1 AND minutes=?2 AND account=?3 AND limits=?4 AND at>=?12 AND model=?6)",
		agent, f.WindowMinutes, ids[0], ids[1], int64(f.At), ids[2], int64(f.ResetsAt), f.P10, f.P50, f.P90, f.RunOut, int64(since))
	return err
}

// Forecasts lists the forecasts that were made since a moment, oldest first.
func (s *Store) Forecasts(ctx context.Context, since usage.Millis) ([]Forecast, error) {
	var found []*Forecast
	err := s.readers.read(ctx, func(c *connection) error {
		agents, err := agentNames(c)
		if err != nil {
			return err
		}
		var waiting names
		err = c.each("SELECT "+forecastColumns+" FROM forecast WHERE at>=? ORDER BY at, agent, minutes, account, limits, model", func(v []driver.Value) error {
			f := &Forecast{
				Agent: agents[integer(v[0])], WindowMinutes: integer(v[1]), At: usage.Millis(integer(v[4])), ResetsAt: usage.Millis(integer(v[6])),
				P10: real(v[7]), P50: real(v[8]), P90: real(v[9]), RunOut: real(v[10]),
			}
			waiting.add(v[2], &f.Account)
			waiting.add(v[3], &f.LimitID)
			waiting.add(v[5], &f.Model)
			found = append(found, f)
			return nil
		}, int64(since))
		if err != nil {
			return err
		}
		return waiting.fill(c)
	})
	if err != nil {
		return nil, fmt.Errorf("list forecasts: %w", explain(err))
	}
	return values(found), nil
}

// Spent is what one agent used in a quarter of an hour.
type Spent struct {
	Start          usage.Millis
	Agent          usage.AgentID
	Cost           usage.Micros // of what has a price
	Fresh          int64        // tokens
	UnpricedTokens int64
}

// Quarters lists what was used since a moment by quarter of an hour, oldest first; quarters
// in which an agent used nothing are left out, and so is what has no date.
func (s *Store) Quarters(ctx context.Context, since usage.Millis) ([]Spent, error) {
	var found []Spent
	err := s.readers.read(ctx, func(c *connection) error {
		agents, err := agentNames(c)
		if err != nil {
			return err
		}
		return c.each("SELECT q, agent, sum(cost), sum(input+cw5+cw1+output), sum(unpriced) FROM roll WHERE q>=?1 AND q>?2 GROUP BY q, agent", func(v []driver.Value) error {
			found = append(found, Spent{
				Start: usage.Millis(integer(v[0]) * quarter), Agent: agents[integer(v[1])],
				Cost: usage.Micros(integer(v[2])), Fresh: integer(v[3]), UnpricedTokens: integer(v[4]),
			})
			return nil
		}, floorDiv(int64(since), quarter), int64(undated))
	})
	if err != nil {
		return nil, fmt.Errorf("list quarters of an hour: %w", explain(err))
	}
	return found, nil
}

// CostAfter is the list price of what an agent used after a moment, to the millisecond, with
// the requests that it sums up, those without a price among them.
func (s *Store) CostAfter(ctx context.Context, agent usage.AgentID, after usage.Millis) (cost usage.Micros, requests int64, err error) {
	next := floorDiv(int64(after), quarter) + 1
	err = s.readers.read(ctx, func(c *connection) error {
		for _, part := range []struct {
			query string
			args  []driver.Value
		}{
			{"SELECT sum(cost), sum(n) FROM roll WHERE q>=?1 AND agent=(SELECT id FROM agent WHERE name=?2)", []driver.Value{next, string(agent)}},
			{"SELECT sum(event.cost), count(*) FROM strand CROSS JOIN event ON event.strand=strand.id" +
				" WHERE strand.agent=(SELECT id FROM agent WHERE name=?2) AND strand.day=?1/86400000 AND event.ts>?1%86400000 AND event.ts<?3",
				[]driver.Value{int64(after), string(agent), next*quarter - floorDiv(int64(after), dayLength)*dayLength}},
		} {
			v, err := c.first(part.query, part.args...)
			if err != nil {
				return err
			}
			if v[1] != nil && v[0] != nil {
				cost += usage.Micros(integer(v[0]))
				requests += integer(v[1])
			}
		}
		return nil
	})
	if err != nil {
		return 0, 0, fmt.Errorf("sum what was used after a reading: %w", explain(err))
	}
	return cost, requests, nil
}
