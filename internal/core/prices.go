package core

import (
	"context"
	"time"

	"tokenmeter/internal/pricing"
	"tokenmeter/internal/store"
)

// repriceRest is how long a pass over the stored costs rests after each transaction, in
// times of what that took: it is no one's hurry, and others want to write.
const repriceRest = 2

// reprice keeps the stored costs in step with the prices until ctx ends.
func (c *Core) reprice(ctx context.Context, st *store.Store) {
	for {
		changed := c.counting.pricesChanged()
		for {
			begin := c.o.Clock()
			r, err := st.Reprice(ctx)
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				c.counting.fail(err) // it is opened anew, or a finding says why not
				return
			}
			if c.counting.setRepricing(r) {
				c.poke()
			}
			if r.Done {
				break
			}
			if !sleep(ctx, min(max(repriceRest*c.o.Clock().Sub(begin), time.Millisecond), time.Second)) {
				return
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
	}
}

// pricingOf is what the store is told of prices.
func pricingOf(p *pricing.Prices) *store.Pricing {
	return &store.Pricing{Version: p.Version(), Cost: p.Cost}
}

// setPricing has the open store follow other prices.
func (k *counting) setPricing(p *store.Pricing) {
	k.mu.Lock()
	if k.report != nil {
		k.options.Store.SetPricing(p)
	}
	k.mu.Unlock()
	k.pricedMu.Lock()
	defer k.pricedMu.Unlock()
	close(k.repriced)
	k.repriced = make(chan struct{})
}

// pricesChanged is closed when other prices are in force.
func (k *counting) pricesChanged() <-chan struct{} {
	k.pricedMu.Lock()
	defer k.pricedMu.Unlock()
	return k.repriced
}

func (k *counting) setRepricing(r store.Repricing) (changed bool) {
	k.pricedMu.Lock()
	defer k.pricedMu.Unlock()
	changed = k.priced != r
	k.priced = r
	return changed
}

func (k *counting) repricing() store.Repricing {
	k.pricedMu.Lock()
	defer k.pricedMu.Unlock()
	return k.priced
}

// told notes that the user knows what the last change of prices did.
func (k *counting) told() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.report == nil || k.options.Store.TellRepriced(context.Background()) != nil {
		return // it is told once more
	}
	if r, err := k.options.Store.Repricing(context.Background()); err == nil {
		k.setRepricing(r)
	}
}
