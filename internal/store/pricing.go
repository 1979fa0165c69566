package store

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"fmt"

	"tokenmeter/internal/usage"
)

// Pricing puts a cost on each request that is written. The store knows no price itself.
type Pricing struct {
	// Version names the prices, with all that the user added to them. Costs that were
	// computed under another version are done again by Reprice.
	Version string
	// Cost prices a request by what is stored of it: agent, model, service, time, counters
	// and searches. It must give the same answer as long as the version is the same.
	Cost func(*usage.Event) usage.Cost
}

// Repricing is how far the stored costs have been done again after the prices changed.
type Repricing struct {
	Version string       `json:"version"` // of the prices that are applied
	From    string       `json:"from"`    // of those before, "" = there were none
	Next    int64        `json:"next"`    // the rowids below it are done
	Last    int64        `json:"last"`    // the highest when it began
	Changed int64        `json:"changed"` // requests whose cost is another one now
	Before  usage.Micros `json:"before"`  // what they cost together
	After   usage.Micros `json:"after"`
	Done    bool         `json:"done"`
	Told    bool         `json:"told"` // the user has been told of the outcome
}

// repriceSome is how many events one transaction of Reprice looks at: about a tenth of a
// second, for which others have to wait.
const repriceSome = 10_000

// SetPricing has all requests that are written from here on priced anew. What is stored
// follows by Reprice.
func (s *Store) SetPricing(p *Pricing) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.pricing = p
	if s.writer != nil {
		s.writer.pricing = p
		s.writer.forget() // the next transaction notes the version
	}
}

// Repricing says how far the stored costs follow the prices; the zero value if nothing was
// ever priced.
func (s *Store) Repricing(ctx context.Context) (r Repricing, err error) {
	err = s.readers.read(ctx, func(c *connection) error {
		r, err = repricing(c)
		return err
	})
	if err != nil {
		return r, fmt.Errorf("look for the version of prices: %w", explain(err))
	}
	return r, nil
}

// Reprice does again, in one transaction, the costs of some of the events that are stored
// under other prices than those of SetPricing. Call it until Done; a pass that was
// interrupted goes on where it was. Events written meanwhile have their right cost already.
func (s *Store) Reprice(ctx context.Context) (r Repricing, err error) {
	// Most often nothing is due, and then nothing is to be written.
	s.mutex.Lock()
	p := s.pricing
	s.mutex.Unlock()
	if p == nil {
		return Repricing{Done: true}, nil
	}
	if r, err = s.Repricing(ctx); err != nil || r.Done && r.Version == p.Version {
		return r, err
	}
	err = s.Update(ctx, func(t *Tx) error {
		if r, err = repricing(t.w.conn); err != nil || r.Done {
			return err
		}
		if err := t.reprice(&r); err != nil {
			return err
		}
		return t.w.saveRepricing(r)
	})
	if err != nil {
		return r, fmt.Errorf("price stored requests anew: %w", err)
	}
	return r, nil
}

// TellRepriced notes that the user has seen what the last change of prices did.
func (s *Store) TellRepriced(ctx context.Context) error {
	return s.Update(ctx, func(t *Tx) error {
		r, err := repricing(t.w.conn)
		if err != nil || !r.Done || r.Told {
			return err
		}
		r.Told = true
		return t.w.saveRepricing(r)
	})
}

// pricedEvent is an event as reprice finds it.
type pricedEvent struct {
	rowid, strand, ts int64
	event             usage.Event // tokens, searches, and the cost without the name of its row
	price             int64       // str
}

// reprice looks at the next events and brings their costs, and all sums, up to date.
func (t *Tx) reprice(r *Repricing) error {
	// Gathered first: what is found is changed by the same connection.
	events := make([]pricedEvent, 0, repriceSome)
	err := t.w.conn.each("SELECT rowid, strand, ts, input, cread, cw5, cw1, output, reason, searches, cost, price FROM event WHERE rowid>=? ORDER BY rowid LIMIT ?",
		func(v []driver.Value) error {
			events = append(events, pricedEvent{
				rowid: integer(v[0]), strand: integer(v[1]), ts: integer(v[2]), price: integer(v[11]),
				event: usage.Event{
					Tokens: usage.Tokens{Input: integer(v[3]), CacheRead: integer(v[4]), CacheWrite5m: integer(v[5]), CacheWrite1h: integer(v[6]),
						Output: integer(v[7]), Reasoning: integer(v[8])},
					WebSearches: integer(v[9]),
					Cost:        usage.Cost{Micros: usage.Micros(integer(v[10])), Priced: v[11] != nil},
				},
			})
			return nil
		}, r.Next, int64(repriceSome))
	if err != nil {
		return err
	}
	names := map[int64]string{} // of price rows
	for i := range events {
		if err := t.repriceOne(&events[i], names, r); err != nil {
			return err
		}
		r.Next = events[i].rowid + 1
	}
	r.Done = len(events) < repriceSome
	return nil
}

func (t *Tx) repriceOne(found *pricedEvent, names map[int64]string, r *Repricing) error {
	s, err := t.w.strandByID(found.strand)
	if err != nil {
		return err
	}
	old := found.event.Cost
	if old.Priced {
		name, ok := names[found.price]
		if !ok {
			if name, err = t.w.name(found.price); err != nil {
				return err
			}
			names[found.price] = name
		}
		old.Row = name
	}
	e := s.shared
	e.Tokens, e.WebSearches = found.event.Tokens, found.event.WebSearches
	if s.day != undated {
		e.Time = usage.Millis(s.day*dayLength + found.ts)
	}
	cost := t.w.cost(&e)
	if cost == old || !cost.Priced && !old.Priced {
		return nil
	}
	update, err := t.w.conn.prepare("UPDATE event SET cost=?2, price=?3 WHERE rowid=?1")
	if err != nil {
		return err
	}
	update.args[0].Value, update.args[1].Value, update.args[2].Value = found.rowid, int64(cost.Micros), nil
	if cost.Priced {
		id, err := t.w.str(cost.Row)
		if err != nil {
			return err
		}
		update.args[2].Value = id
	}
	if err := update.write(); err != nil {
		return err
	}
	before, after := costCounts(old, e.Total()), costCounts(cost, e.Total())
	t.sum(cell{quarterOf(e.Time), s.agent, s.model, s.project}, after.Minus(before))
	t.touch(s, found.ts)
	s.delta = s.delta.Plus(after.Minus(before))
	if cost.Priced != old.Priced || cost.Micros != old.Micros {
		r.Changed++
		r.Before += before.Cost
		r.After += after.Cost
	}
	return nil
}

// cost is what an event costs by the prices, if the writer has any.
func (w *writer) cost(e *usage.Event) usage.Cost {
	cost := e.Cost
	if w.pricing != nil {
		cost = w.pricing.Cost(e)
	}
	if !cost.Priced {
		return usage.Cost{}
	}
	cost.Micros = min(max(cost.Micros, 0), maxCount)
	return cost
}

// costCounts is what a cost adds to sums.
func costCounts(c usage.Cost, tokens int64) usage.Counts {
	if c.Priced {
		return usage.Counts{Cost: c.Micros, PricedRequests: 1}
	}
	return usage.Counts{UnpricedTokens: tokens}
}

const selectRepricing = "SELECT value FROM meta WHERE name='prices'"

func repricing(c *connection) (r Repricing, err error) {
	v, err := c.first(selectRepricing)
	if err != nil || v == nil {
		return r, err
	}
	// What cannot be read was damaged; all is priced again then.
	if json.Unmarshal([]byte(text(v[0])), &r) != nil {
		return Repricing{}, nil
	}
	return r, nil
}

func (w *writer) saveRepricing(r Repricing) error {
	content, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, _, err = w.conn.exec("INSERT INTO meta (name, value) VALUES ('prices', ?) ON CONFLICT DO UPDATE SET value=excluded.value", string(content))
	return err
}

// notePricing makes sure, before anything is written under these prices, that the database
// says so: otherwise another program that knows others would take its costs for its own.
func (w *writer) notePricing() error {
	if w.pricing == nil {
		return nil
	}
	old, err := repricing(w.conn)
	if err != nil || old.Version == w.pricing.Version {
		return err
	}
	last, err := w.conn.number("SELECT coalesce(max(rowid), 0) FROM event")
	if err != nil {
		return err
	}
	from := old.Version
	if !old.Done {
		from = old.From
	}
	return w.saveRepricing(Repricing{Version: w.pricing.Version, From: from, Last: last, Done: last == 0})
}
