package price

import (
	"slices"

	"tokenmeter/internal/usage"
)

// Explanation is a price with all that it was made of.
type Explanation struct {
	Cost usage.Cost
	// Why there is no price, "" if there is one, and the class or service that is to blame.
	Why     Why
	Missing string

	// From here on empty if no row was found.
	Model     string // the model that the name stands for
	Vendor    string
	Own       bool   // the price was entered by the person
	ValidFrom string // the first day of the row, "" = ever
	ValidTo   string // the last, "" = until further notice
	Sources   []Source
	CheckedOn string // when the row was last compared with its sources

	// Threshold of the tier that the prompt reached, 0 = none. Inclusive: a prompt of just
	// this length reaches it; else it has to be longer.
	Threshold int64
	Inclusive bool
	Peak      bool // a time-of-day price
	Adapted   bool // what the model does not offer was billed as the next best, see Request.Adapt

	Lines    []Line
	Services []ServiceFactor
	Searches int64
	Search   Rate // dollars for a thousand searches, as a Rate; 0 if there were none
}

// Class is a class of tokens.
type Class string

// The classes.
const (
	ClassInput        Class = "input"
	ClassCacheRead    Class = "cache read"
	ClassCacheWrite5m Class = "cache write, 5 minutes"
	ClassCacheWrite1h Class = "cache write, 1 hour"
	ClassOutput       Class = "output"
)

// Line is what was used of a class, and its price before services.
type Line struct {
	Class  Class
	Tokens int64
	Rate   Rate
}

// ServiceFactor is what a service multiplied all classes by.
type ServiceFactor struct {
	Name   string
	Factor Factor
}

// Explain prices a request and says how.
func (t *Table) Explain(r *Request) Explanation {
	var b billing
	e := Explanation{Why: t.bill(r, &b), Missing: b.missing}
	if b.match.model != nil {
		e.Model = b.match.model.name
	}
	if b.row == nil {
		return e
	}
	e.Vendor, e.Own, e.ValidFrom, e.ValidTo, e.CheckedOn = b.row.vendor.title, b.row.own, b.row.validFrom, b.row.validTo, b.row.checked
	for _, code := range b.row.source {
		e.Sources = append(e.Sources, t.sources[string(code)])
	}
	if e.Why != "" {
		return e
	}
	e.Cost = usage.Cost{Micros: b.micros, Priced: true, Row: b.row.id}
	e.Peak, e.Adapted = b.window, b.adapted
	if b.tier != nil {
		e.Threshold, e.Inclusive = b.tier.from, b.tier.inclusive
		if !e.Inclusive {
			e.Threshold--
		}
	}
	for _, l := range []Line{
		{ClassInput, r.Input, b.rates.input}, {ClassCacheRead, r.CacheRead, b.rates.read},
		{ClassCacheWrite5m, r.CacheWrite5m, b.rates.write5m}, {ClassCacheWrite1h, r.CacheWrite1h, b.rates.write1h},
		{ClassOutput, r.Output, b.rates.output},
	} {
		if l.Tokens > 0 {
			e.Lines = append(e.Lines, l)
		}
	}
	for _, s := range b.applied[:b.nApplied] {
		e.Services = append(e.Services, ServiceFactor{s.name, s.factor})
	}
	if r.WebSearches > 0 && b.searches != absent {
		e.Searches, e.Search = r.WebSearches, b.searches
	}
	return e
}

// Lookup gives the name of the model that a logged name stands for; false if it is unknown, or
// a label for the session's model.
func (t *Table) Lookup(name string) (model string, known bool) {
	if m := t.resolve(name).model; m != nil {
		return m.name, true
	}
	return "", false
}

// Unpriced picks the logged names that stand for no model of the table, sorted. Labels for the
// session's model are not among them.
func (t *Table) Unpriced(names []string) []string {
	var unknown []string
	for _, name := range names {
		if m := t.resolve(name); m.model == nil && !m.session {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	return slices.Compact(unknown)
}

// Listed is the price of a model for a time, for lists; tiers and windows are not in it.
type Listed struct {
	Row                string // as usage.Cost.Row
	Model              string
	Vendor             string
	Own                bool
	ValidFrom, ValidTo string
	// Rates, by class; a class that is not offered is missing.
	Rates map[Class]Rate
	// Others are the prices that take their place for long prompts and in peak hours.
	Others    []ListedOther
	Sources   []Source
	CheckedOn string
}

// ListedOther are prices that hold for some requests of a row.
type ListedOther struct {
	// Threshold and Inclusive are those of Explanation; without a threshold these are the
	// prices of peak hours.
	Threshold int64
	Inclusive bool
	Rates     map[Class]Rate
}

// List gives all rows of a model, oldest first.
func (t *Table) List(model string) []Listed {
	m := t.resolve(model).model
	if m == nil {
		return nil
	}
	var list []Listed
	for i := range m.rows {
		r := &m.rows[i]
		l := Listed{
			Row: r.id, Model: r.model, Vendor: r.vendor.title, Own: r.own, ValidFrom: r.validFrom, ValidTo: r.validTo,
			Rates: r.rates.byClass(), CheckedOn: r.checked,
		}
		for _, tier := range r.tiers {
			other := ListedOther{Threshold: tier.from, Inclusive: tier.inclusive, Rates: tier.rates.byClass()}
			if !other.Inclusive {
				other.Threshold--
			}
			l.Others = append(l.Others, other)
		}
		if len(r.windows) > 0 {
			l.Others = append(l.Others, ListedOther{Rates: r.windows[0].rates.byClass()})
		}
		for _, code := range r.source {
			l.Sources = append(l.Sources, t.sources[string(code)])
		}
		list = append(list, l)
	}
	return list
}

// byClass leaves out what is not offered.
func (p *rates) byClass() map[Class]Rate {
	list := map[Class]Rate{}
	for class, rate := range map[Class]Rate{
		ClassInput: p.input, ClassCacheRead: p.read, ClassCacheWrite5m: p.write5m, ClassCacheWrite1h: p.write1h, ClassOutput: p.output,
	} {
		if rate != absent {
			list[class] = rate
		}
	}
	return list
}
