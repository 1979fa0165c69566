package store

import (
	"context"
	"database/sql/driver"
	"fmt"

	"tokenmeter/internal/usage"
)

const (
	billColumns = "agent, session, model, time, input, cread, cw5, cw1, output, reason, searches, cost"
	insertBill  = "INSERT INTO bill (" + billColumns + ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?)"
	selectBill  = "SELECT " + billColumns + " FROM bill WHERE agent=? AND session=? AND model=?"
	updateBill  = "UPDATE bill SET (time, input, cread, cw5, cw1, output, reason, searches, cost)=(?,?,?,?,?,?,?,?,?) WHERE agent=? AND session=? AND model=?"
)

// writeBill keeps the newest bill of a session and model, in whatever order they come.
func (t *Tx) writeBill(name usage.AgentID, b usage.Bill) error {
	w := t.w
	agent, err := w.agent(name)
	if err != nil {
		return err
	}
	session, err := w.str(b.Session)
	if err != nil {
		return err
	}
	model, err := w.str(b.Model)
	if err != nil {
		return err
	}
	b.Time, b.Cost = max(b.Time, 0), min(max(b.Cost, 0), maxCount)
	for _, n := range []*int64{&b.Input, &b.CacheRead, &b.CacheWrite5m, &b.CacheWrite1h, &b.Output, &b.Reasoning, &b.WebSearches} {
		*n = min(max(*n, 0), maxCount)
	}
	told := []driver.Value{int64(b.Time), b.Input, b.CacheRead, b.CacheWrite5m, b.CacheWrite1h, b.Output, b.Reasoning, b.WebSearches, int64(b.Cost)}
	key := []driver.Value{agent, session, model}
	v, err := w.conn.first(selectBill, key...)
	if err != nil {
		return err
	}
	if v == nil {
		_, _, err = w.conn.exec(insertBill, append(key, told...)...)
		return err
	}
	if old := billOf(v); b.Newer(&old) <= 0 {
		return nil
	}
	_, _, err = w.conn.exec(updateBill, append(told, key...)...)
	return err
}

// billOf makes a bill of a row of billColumns, without its names.
func billOf(v []driver.Value) usage.Bill {
	return usage.Bill{
		Time: usage.Millis(integer(v[3])),
		Tokens: usage.Tokens{Input: integer(v[4]), CacheRead: integer(v[5]), CacheWrite5m: integer(v[6]), CacheWrite1h: integer(v[7]),
			Output: integer(v[8]), Reasoning: integer(v[9])},
		WebSearches: integer(v[10]), Cost: usage.Micros(integer(v[11])),
	}
}

// Bills lists what agents say that sessions have cost, the newest of each session and model,
// oldest first.
func (s *Store) Bills(ctx context.Context) ([]usage.Bill, error) {
	var found []*usage.Bill
	err := s.readers.read(ctx, func(c *connection) error {
		agents, err := agentNames(c)
		if err != nil {
			return err
		}
		var waiting names
		err = c.each("SELECT "+billColumns+" FROM bill ORDER BY time, agent, session, model", func(v []driver.Value) error {
			b := billOf(v)
			b.Agent = agents[integer(v[0])]
			waiting.add(v[1], &b.Session)
			waiting.add(v[2], &b.Model)
			found = append(found, &b)
			return nil
		})
		if err != nil {
			return err
		}
		return waiting.fill(c)
	})
	if err != nil {
		return nil, fmt.Errorf("list the agents' own sums: %w", explain(err))
	}
	return values(found), nil
}
