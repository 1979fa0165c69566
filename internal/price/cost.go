package price

import (
	"slices"
	"strings"

	"tokenmeter/internal/usage"
)

// Request is what the price of one request depends on.
type Request struct {
	Time  usage.Millis // zero or usage.Undated = not known
	Model string       // as logged
	// SessionModel is the model of the conversation. It is priced where Model is a label
	// that only says what the request was for, as codex-auto-review does.
	SessionModel string
	// Service is "" for the standard one, else names joined by "+": fast, priority, flex, batch,
	// and "geo:us" for a region that was asked for.
	Service string
	usage.Tokens
	WebSearches int64

	// Adapt is for comparisons only: a class that the model does not offer is billed as the
	// nearest that it does (an hour's cache write as a short one, a write or read as input), and
	// a service that it does not offer as the standard one, and searches that it does not offer
	// are left out.
	Adapt bool
}

// RequestOf is the request of an event.
func RequestOf(e *usage.Event) Request {
	return Request{Time: e.Time, Model: e.Model, Service: e.Service, Tokens: e.Tokens, WebSearches: e.WebSearches}
}

// WhatIf changes what a comparison asks for; its zero value changes nothing.
type WhatIf struct {
	Model   string       // another model, "" = its own
	Time    usage.Millis // at the prices of another day, 0 = its own
	Service *string      // another service, nil = its own
}

// As is the request as it would be at another model, day or service.
func (r Request) As(w WhatIf) Request {
	if w.Model != "" {
		r.Model, r.SessionModel, r.Adapt = w.Model, "", true
	}
	if w.Time != 0 {
		r.Time = w.Time
	}
	if w.Service != nil {
		r.Service = *w.Service
	}
	return r
}

// Why says why a request has no price.
type Why string

// The reasons. An empty one means that there is a price.
const (
	WhyModel    Why = "unknown model"       // no row and no mapping has this name
	WhySession  Why = "session unknown"     // the name stands for the session's model, which is not known
	WhyUndated  Why = "undated"             // the model has had several prices, and the request no date
	WhyDate     Why = "not yet priced"      // the request is older than the first price, or newer than the last
	WhyClass    Why = "class without price" // there are tokens or searches of a class without a price
	WhyService  Why = "unknown service"     // what the service multiplies by is not known
	WhyCounters Why = "impossible counters" // negative, or too large for money
)

// billing is a request with all that its price is made of.
type billing struct {
	match    match
	row      *row
	rates    rates
	tier     *tier
	window   bool
	factor   fraction
	searches Rate   // for a thousand
	missing  string // what has no price
	adapted  bool   // Adapt changed something
	micros   usage.Micros
	applied  [8]service
	nApplied int
}

// Price gives the list price of a request. It allocates nothing once a name is known.
func (t *Table) Price(r *Request) usage.Cost {
	var b billing
	if t.bill(r, &b) != "" {
		return usage.Cost{}
	}
	return usage.Cost{Micros: b.micros, Priced: true, Row: b.row.id}
}

// bill works a request out, until it is priced or a reason is found why not.
func (t *Table) bill(r *Request, b *billing) Why {
	if b.match = t.resolve(r.Model); b.match.session {
		if r.SessionModel == "" || r.SessionModel == r.Model {
			return WhySession
		}
		if b.match = t.resolve(r.SessionModel); b.match.session {
			return WhySession
		}
	}
	m := b.match.model
	if m == nil {
		return WhyModel
	}
	if r.Time > 0 {
		if b.row = m.at(r.Time); b.row == nil {
			return WhyDate
		}
	} else {
		if len(m.rows) > 1 || len(m.rows[0].windows) > 0 {
			return WhyUndated
		}
		b.row = &m.rows[0]
	}
	if r.Input < 0 || r.CacheRead < 0 || r.CacheWrite5m < 0 || r.CacheWrite1h < 0 || r.Output < 0 || r.WebSearches < 0 {
		return WhyCounters
	}
	prompt := r.Prompt()
	if prompt < 0 {
		return WhyCounters // the sum does not fit
	}
	var chosen *rates
	chosen, b.tier, b.window = b.row.choose(r.Time, prompt)
	b.rates = *chosen
	if b.missing = b.classes(r); b.missing != "" {
		return WhyClass
	}
	b.factor = fraction{1, 1}
	if why := b.services(r); why != "" {
		return why
	}
	return b.add(r)
}

// classes sees to it that all that was used has a price, and names what has none.
func (b *billing) classes(r *Request) string {
	p := &b.rates
	if r.Adapt {
		adapt := func(to *Rate, n int64, from Rate) {
			if *to == absent {
				*to = from
				b.adapted = b.adapted || n > 0
			}
		}
		adapt(&p.read, r.CacheRead, p.input)
		adapt(&p.write5m, r.CacheWrite5m, p.input)
		adapt(&p.write1h, r.CacheWrite1h, p.write5m)
	}
	switch {
	case r.CacheRead > 0 && p.read == absent:
		return "cache reads"
	case r.CacheWrite5m > 0 && p.write5m == absent:
		return "cache writes"
	case r.CacheWrite1h > 0 && p.write1h == absent:
		return "cache writes for an hour"
	}
	if b.searches = b.row.vendor.webSearch; b.searches == absent && r.WebSearches > 0 {
		if !r.Adapt {
			return "web searches"
		}
		b.adapted = true
	}
	return ""
}

// services multiplies the factors of all that the request, or the spelling of its model, names.
func (b *billing) services(r *Request) Why {
	fast := false
	rest := r.Service
	for rest != "" {
		var name string
		name, rest, _ = strings.Cut(rest, "+")
		name = strings.TrimPrefix(name, "geo:")
		fast = fast || name == "fast"
		if why := b.service(name, r.Adapt); why != "" {
			return why
		}
	}
	if b.match.fast && !fast {
		if why := b.service("fast", r.Adapt); why != "" {
			return why
		}
	}
	if b.match.regional {
		return b.service("regional", r.Adapt)
	}
	return ""
}

func (b *billing) service(name string, adapt bool) Why {
	switch name {
	case "", "standard", "default", "global", "not_available":
		return ""
	}
	if b.tier != nil && slices.Contains(b.row.vendor.standardInTiers, name) {
		return ""
	}
	for _, s := range b.row.services {
		if s.name != name {
			continue
		}
		if b.nApplied == len(b.applied) || b.factor.times(s.factor) != nil {
			return WhyService
		}
		b.applied[b.nApplied] = s
		b.nApplied++
		return ""
	}
	if adapt {
		b.adapted = true
		return ""
	}
	b.missing = name
	return WhyService
}

// add sums up and rounds, once.
func (b *billing) add(r *Request) Why {
	var total, searches sum
	for _, c := range [...]struct {
		n     int64
		price Rate
	}{
		{r.Input, b.rates.input}, {r.CacheRead, b.rates.read}, {r.CacheWrite5m, b.rates.write5m},
		{r.CacheWrite1h, b.rates.write1h}, {r.Output, b.rates.output},
	} {
		if c.n > 0 {
			total.add(c.n, c.price)
		}
	}
	if r.WebSearches > 0 && b.searches != absent {
		searches.add(r.WebSearches, b.searches*1000) // 10⁻¹² dollars for one, of micro-dollars for a thousand
		if searches.times(b.factor.under) != nil {
			return WhyCounters
		}
	}
	var err error
	if total.times(b.factor.over) != nil || total.plus(searches) != nil {
		return WhyCounters
	}
	if b.micros, err = total.micros(b.factor.under); err != nil {
		return WhyCounters
	}
	return ""
}
