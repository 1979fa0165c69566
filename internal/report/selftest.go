package report

import (
	"cmp"
	"context"
	"slices"

	"tokenmeter/internal/usage"
)

// PriceTest is how far our prices of one model are from what an agent says itself.
type PriceTest struct {
	Agent    usage.AgentID
	Model    string // as logged
	Sessions int64  // whose own sums were compared
	Requests int64  // with a cost of their own that were compared
	Ours     usage.Micros
	Theirs   usage.Micros
	// Unpriced: there are sums or requests for which we have no price. They are neither in
	// Ours nor in Theirs, and UnpricedCost is what the agent says of them.
	Unpriced     int64
	UnpricedCost usage.Micros
}

// Compared says whether there is anything to compare.
func (p *PriceTest) Compared() bool { return p.Sessions+p.Requests > 0 }

// Off is how far Ours is from Theirs, in percent of Theirs; not ok where that is nothing.
func (p *PriceTest) Off() (percent float64, ok bool) {
	if p.Theirs <= 0 {
		return 0, false
	}
	return 100 * float64(p.Ours-p.Theirs) / float64(p.Theirs), true
}

// Doubtful says whether the two are so far apart that one of them must be wrong.
func (p *PriceTest) Doubtful() bool {
	const (
		least = 1_000_000 // a dollar: below, a few odd requests make all the difference
		most  = 5         // percent
	)
	off, ok := p.Off()
	return ok && p.Ours >= least && p.Theirs >= least && max(off, -off) > most
}

// SelfTest compares what cost says with what the agents wrote down of costs themselves: per
// session, where they keep such sums, and per request. A sum is priced as at its time, at the standard
// service and without a switch for long prompts, none of which can be known of it; and a
// fork's begins with its parent's. So it tells of wrong prices, and is no measure of money.
// The list is in the order of what the agents say, most first.
func (r *Report) SelfTest(ctx context.Context, cost func(*usage.Event) usage.Cost) ([]PriceTest, error) {
	bills, err := r.o.Store.Bills(ctx)
	if err != nil {
		return nil, err
	}
	recorded, err := r.o.Store.Recorded(ctx)
	if err != nil {
		return nil, err
	}
	type name struct {
		agent usage.AgentID
		model string
	}
	found := map[name]*PriceTest{}
	of := func(agent usage.AgentID, model string) *PriceTest {
		key := name{agent, model}
		if found[key] == nil {
			found[key] = &PriceTest{Agent: agent, Model: model}
		}
		return found[key]
	}
	for i := range bills {
		b := &bills[i]
		p := of(b.Agent, b.Model)
		ours, ok := priceOf(b, cost)
		if !ok {
			p.Unpriced++
			p.UnpricedCost += b.Cost
			continue
		}
		p.Sessions++
		p.Ours += ours
		p.Theirs += b.Cost
	}
	for i := range recorded {
		s := &recorded[i]
		p := of(s.Agent, s.Model)
		p.Requests += s.Priced
		p.Ours += s.List
		p.Theirs += s.Both
		p.Unpriced += s.Requests - s.Priced
		p.UnpricedCost += s.Recorded - s.Both
	}
	list := make([]PriceTest, 0, len(found))
	for _, p := range found {
		list = append(list, *p)
	}
	slices.SortFunc(list, func(a, b PriceTest) int {
		return cmp.Or(-cmp.Compare(a.Theirs+a.UnpricedCost, b.Theirs+b.UnpricedCost), cmp.Compare(a.Agent, b.Agent), cmp.Compare(a.Model, b.Model))
	})
	return list, nil
}

// priceOf prices a bill. No request may look as large as the sum of all: there are prices that
// switch with the length of the prompt. So one small enough for any price is priced of each
// kind of token, and the rest of it follows.
func priceOf(b *usage.Bill, cost func(*usage.Event) usage.Cost) (total usage.Micros, ok bool) {
	const (
		piece   = 10_000        // tokens
		dearest = 1_000_000_000 // of a piece: beyond, sums would not fit
	)
	add := func(tokens usage.Tokens, searches, times int64) bool {
		if tokens.IsZero() && searches == 0 || times == 0 {
			return true
		}
		c := cost(&usage.Event{Agent: b.Agent, Session: b.Session, Model: b.Model, Time: b.Time, Tokens: tokens, WebSearches: searches})
		if !c.Priced || times > 1 && c.Micros > dearest {
			return false
		}
		total += usage.Micros(times) * c.Micros
		return true
	}
	rest := func(n int64) int64 { return n % piece }
	for _, c := range [...]struct {
		tokens usage.Tokens
		n      int64
	}{
		{usage.Tokens{Input: piece}, b.Input}, {usage.Tokens{CacheRead: piece}, b.CacheRead}, {usage.Tokens{CacheWrite5m: piece}, b.CacheWrite5m},
		{usage.Tokens{CacheWrite1h: piece}, b.CacheWrite1h}, {usage.Tokens{Output: piece}, b.Output},
	} {
		if !add(c.tokens, 0, c.n/piece) {
			return 0, false
		}
	}
	ok = add(usage.Tokens{Input: rest(b.Input), CacheRead: rest(b.CacheRead), CacheWrite5m: rest(b.CacheWrite5m),
		CacheWrite1h: rest(b.CacheWrite1h), Output: rest(b.Output)}, b.WebSearches, 1)
	return total, ok && b.Total()+b.WebSearches > 0
}
