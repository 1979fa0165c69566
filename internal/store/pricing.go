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

// reprice looks at the next events and brings their costs, and all sums, up to date.
func (t *Tx) reprice(r *Repricing) error {
	type change struct {
		rowid, ts int64
		strand    *strand
		cost      usage.Cost
		delta     usage.Counts
	}
	var changes []change
	seen := 0
	next := r.Next
	rows := map[int64]string{} // names of price rows by their ids
	// Gathered first: to load a strand uses the same connection.
	type found struct {
		rowid, strand, ts int64
		tokens            usage.Tokens
		searches          int64
		cost              usage.Micros
		price             int64
		priced            bool
	}
	events := make([]found, 0, repriceSome)
	err := t.w.conn.each("SELECT rowid, strand, ts, input, cread, cw5, cw1, output, reason, searches, cost, price FROM event WHERE rowid>=? ORDER BY rowid LIMIT ?",
		func(v []driver.Value) error {
			events = append(events, found{
				rowid: integer(v[0]), strand: integer(v[1]), ts: integer(v[2]),
				tokens: usage.Tokens{Input: integer(v[3]), CacheRead: integer(v[4]), CacheWrite5m: integer(v[5]), CacheWrite1h: integer(v[6]),
					Output: integer(v[7]), Reasoning: integer(v[8])},
				searches: integer(v[9]), cost: usage.Micros(integer(v[10])), price: integer(v[11]), priced: v[11] != nil,
			})
			return nil
		}, r.Next, int64(repriceSome))
	if err != nil {
		return err
	}
	for i := range events {
		f := &events[i]
		seen++
		next = f.rowid + 1
		s, err := t.w.strandByID(f.strand)
		if err != nil {
			return err
		}
		e := s.shared
		if s.day != undated {
			e.Time = usage.Millis(s.day*dayLength + f.ts)
		}
		e.Tokens, e.WebSearches = f.tokens, f.searches
		cost := t.w.cost(&e)
		old := usage.Cost{Micros: f.cost, Priced: f.priced}
		if f.priced {
			name, ok := rows[f.price]
			if !ok {
				if name, err = t.w.name(f.price); err != nil {
					return err
				}
				rows[f.price] = name
			}
			old.Row = name
		}
		if cost == old || !cost.Priced && !old.Priced {
			continue
		}
		total := f.tokens.Total()
		changes = append(changes, change{f.rowid, f.ts, s, cost, costCounts(cost, total).Minus(costCounts(old, total))})
		if cost.Priced != old.Priced || cost.Micros != old.Micros {
			r.Changed++
			r.Before += costCounts(old, total).Cost
			r.After += costCounts(cost, total).Cost
		}
	}
	update, err := t.w.conn.prepare("UPDATE event SET cost=?2, price=?3 WHERE rowid=?1")
	if err != nil {
		return err
	}
	for i := range changes {
		c := &changes[i]
		update.args[0].Value, update.args[1].Value, update.args[2].Value = c.rowid, int64(0), nil
		if c.cost.Priced {
			id, err := t.w.str(c.cost.Row)
			if err != nil {
				return err
			}
			update.args[1].Value, update.args[2].Value = int64(c.cost.Micros), id
		}
		if err := update.write(); err != nil {
			return err
		}
		t.adjust(c.strand, c.ts, c.delta)
	}
	r.Next = next
	r.Done = seen < repriceSome
	return nil
}

// cost is what an event costs by the prices, if the writer has any.
func (w *writer) cost(e *usage.Event) usage.Cost {
	cost := e.Cost
	if w.pricing != nil {
		cost = w.pricing.Cost(e)
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

// adjust adds to the sums that an event of a strand is part of.
func (t *Tx) adjust(s *strand, ts int64, delta usage.Counts) {
	time := usage.Millis(0)
	if s.day != undated {
		time = usage.Millis(s.day*dayLength + ts)
	}
	t.sum(cell{quarterOf(time), s.agent, s.model, s.project}, delta)
	t.touch(s, ts)
	s.delta = s.delta.Plus(delta)
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
