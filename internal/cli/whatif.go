package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tokenmeter/internal/link"
	"tokenmeter/internal/price"
	"tokenmeter/internal/report"
	"tokenmeter/internal/store"
	"tokenmeter/internal/usage"
	"tokenmeter/internal/view"
)

// whatIf is at which other prices `history` is asked.
type whatIf struct {
	model, date, service string
}

// pricedAs is the same in `history --json`.
type pricedAs struct {
	Model   *string `json:"model"`
	Date    *string `json:"date"`
	Service *string `json:"service"`
}

func (w whatIf) asked() bool { return w != whatIf{} }

// services are the words of --price-tier.
func services() []string { return []string{"standard", "fast", "priority", "flex", "batch"} }

// cost gives the prices that were asked for; nil = the stored ones.
func (w whatIf) cost(d *data, zone *time.Location, now time.Time) (func(*usage.Event) usage.Cost, error) {
	if !w.asked() {
		return nil, nil
	}
	var as price.WhatIf
	if w.model != "" {
		if _, known := d.prices.Table().Lookup(w.model); !known {
			return nil, wrongUsage("--price-as %q: there is no price for that model; use a name such as claude-opus-5-5 or gpt-6.1-sol", w.model)
		}
		as.Model = w.model
	}
	if w.date != "" {
		day, _, err := parseDate(w.date, now, zone)
		if err != nil {
			return nil, err
		}
		as.Time = usage.MillisOf(day.Add(12 * time.Hour))
	}
	if w.service != "" {
		if !slices.Contains(services(), w.service) {
			return nil, wrongUsage("--price-tier %q is unknown: use %s", w.service, strings.Join(services(), ", "))
		}
		service := w.service
		if service == "standard" {
			service = ""
		}
		as.Service = &service
	}
	return d.prices.As(as), nil
}

// words names the prices: "the prices of claude-opus-5-5 on 2026-11-20, fast".
func (w whatIf) words() string {
	text := "the prices"
	if w.model != "" {
		text += " of " + w.model
	}
	if w.date != "" {
		text += " on " + w.date
	}
	if w.service != "" {
		text += ", " + w.service
	}
	return text
}

func (w whatIf) document() *pricedAs {
	if !w.asked() {
		return nil
	}
	return &pricedAs{text(w.model), text(w.date), text(w.service)}
}

// footnotes are what a person should know of the costs in a table.
func (q *question) footnotes(ctx context.Context, d *data, totals usage.Counts) ([]string, error) {
	var notes []string
	if q.as.asked() {
		own := *q
		own.as, own.cost = whatIf{}, nil
		_, stored, err := own.ask(ctx, d.report)
		if err != nil {
			return nil, err
		}
		note := "At " + q.as.words() + "."
		if stored.PricedRequests > 0 {
			note += " At their own it is " + view.Amount(stored.Cost, d.prices.Currency()) + "."
		}
		notes = append(notes, note)
	}
	if totals.UnpricedTokens == 0 {
		return notes, nil
	}
	note := "No price is known"
	if totals.PricedRequests > 0 {
		note = view.Coverage(totals) + "; no price is known"
	}
	if !q.as.asked() {
		unpriced, err := d.report.Unpriced(ctx, q.query())
		if err != nil {
			return nil, err
		}
		note += " for " + unpricedModels(unpriced)
	} else {
		note += " for the rest"
	}
	return append(notes, note+"."), nil
}

// unpricedModels names the models with most tokens.
func unpricedModels(list []report.ModelTokens) string {
	const most = 4
	var names []string
	seen := map[string]bool{}
	rest := 0
	for _, m := range list {
		name := m.Model
		if name == "" {
			name = "requests without a model"
		}
		switch {
		case seen[name]:
		case len(names) == most:
			rest++
		default:
			names = append(names, fmt.Sprintf("%s (%s)", visible(name), view.Tokens(m.UnpricedTokens)))
		}
		seen[name] = true
	}
	text := strings.Join(names, ", ")
	if rest > 0 {
		text += fmt.Sprintf(" and %d more", rest)
	}
	return text
}

// tellRepriced says once what the last change of prices did.
func (d *data) tellRepriced(ctx context.Context, c *Context) {
	r, err := d.store.Repricing(ctx)
	if err != nil {
		return
	}
	note := view.Repriced(r, d.prices.Currency())
	if note == "" {
		return
	}
	if d.kept {
		_, err = askMeter(ctx, c, d.dir, link.Message{Do: link.Told})
	} else {
		err = d.store.TellRepriced(ctx)
		if errors.Is(err, store.ErrReadOnly) && d.unlock != nil { // open without a trace, for there was nothing new
			var writable *store.Store
			if writable, err = store.Open(ctx, d.store.Path(), store.Options{Zone: c.Zone, Pricing: d.pricing()}); err == nil {
				err = errors.Join(writable.TellRepriced(ctx), writable.Close())
			}
		}
	}
	if err == nil {
		fmt.Fprintln(c.Stderr, "note:", note)
	}
}
