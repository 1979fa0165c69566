package report

import (
	"cmp"
	"context"
	"slices"

	"tokenmeter/internal/store"
	"tokenmeter/internal/usage"
)

// ModelTokens is what was used of a model by an agent.
type ModelTokens struct {
	Agent usage.AgentID
	Model string // as logged
	usage.Counts
}

// Unpriced lists the models without a price in a range, those with most tokens first. Of q
// the range and the filters count.
func (r *Report) Unpriced(ctx context.Context, q store.Query) ([]ModelTokens, error) {
	q.By = []store.Dimension{store.Agent, store.Model}
	if q.Zone == nil {
		q.Zone = r.o.Zone
	}
	rows, err := r.o.Store.History(ctx, q)
	if err != nil {
		return nil, err
	}
	var list []ModelTokens
	for i := range rows {
		if rows[i].UnpricedTokens > 0 {
			list = append(list, ModelTokens{Agent: rows[i].Agent, Model: rows[i].Model, Counts: rows[i].Counts})
		}
	}
	slices.SortFunc(list, func(a, b ModelTokens) int {
		return cmp.Or(-cmp.Compare(a.UnpricedTokens, b.UnpricedTokens), cmp.Compare(a.Agent, b.Agent), cmp.Compare(a.Model, b.Model))
	})
	return list, nil
}

// Requests lists single requests, the newest first.
func (r *Report) Requests(ctx context.Context, q store.Requests) ([]store.Request, error) {
	return r.o.Store.Requests(ctx, q)
}
