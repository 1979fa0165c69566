package price

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"tokenmeter/internal/usage"
)

// Overrides are what a person lays over the table.
type Overrides struct {
	// Map prices a name of the logs as a model of the table: "my-model" = "claude-opus-4-8".
	Map map[string]string `toml:"map,omitempty"`
	// Prices are prices of the person's own.
	Prices []OwnPrice `toml:"price,omitempty"`
}

// OwnPrice is what a model costs, in dollars for a million tokens. It replaces the table's
// rows from ValidFrom on, without ValidFrom all of them. It has no tiers; fast, batch and
// other services multiply it as they multiply the table's price of the same model.
type OwnPrice struct {
	Model  string `toml:"model"`
	Input  *Rate  `toml:"input"`
	Output *Rate  `toml:"output"`
	// What is missing of these costs what input costs; an hour's write what a short one does.
	CacheRead    *Rate `toml:"cache_read,omitempty"`
	CacheWrite5m *Rate `toml:"cache_write_5m,omitempty"`
	CacheWrite1h *Rate `toml:"cache_write_1h,omitempty"`
	// ValidFrom is the first day, in UTC; "" = ever.
	ValidFrom Day `toml:"valid_from,omitempty"`
	// ValidTo is the last day, in UTC; then the table's rows count again. "" = open.
	ValidTo Day `toml:"valid_to,omitempty"`
	// Free says that zeros are meant.
	Free bool `toml:"free,omitempty"`
}

const ownKind = "own:"

// Day is a day as YYYY-MM-DD. In settings it may also stand without quotes, as a date.
type Day string

// UnmarshalText takes text as it is, so that what is wrong with it is said together with the
// rest; of a date with a time it takes the date.
func (d *Day) UnmarshalText(text []byte) error {
	if len(text) > len(time.DateOnly) && text[len(time.DateOnly)] == 'T' {
		text = text[:len(time.DateOnly)]
	}
	*d = Day(text)
	return nil
}

// With lays overrides over a table, in place of those that it has. The table itself stays as
// it is. All that is wrong with the overrides is in the error, a line each; then the table
// that comes with it holds those that are right, so that one mistake costs one line only.
func (t *Table) With(o Overrides) (*Table, error) {
	bare := t.bare()
	next := &Table{
		version: bare.version, date: bare.date, exchange: bare.exchange, sources: bare.sources, vendors: bare.vendors, models: maps.Clone(bare.models),
		aliases: bare.aliases, session: bare.session, known: map[string]match{}, under: bare, overrides: o,
	}
	var wrong []error
	byKey := map[string][]OwnPrice{}
	for i, p := range o.Prices {
		if err := p.check(); err != nil {
			wrong = append(wrong, fmt.Errorf("price %d, %q: %w", i+1, p.Model, err))
			continue
		}
		k := key(p.Model)
		if slices.ContainsFunc(byKey[k], func(q OwnPrice) bool { return q.ValidFrom == p.ValidFrom }) {
			wrong = append(wrong, fmt.Errorf("price %d, %q: there are two prices from the same day", i+1, p.Model))
			continue
		}
		byKey[k] = append(byKey[k], p)
	}
	for _, k := range slices.Sorted(maps.Keys(byKey)) {
		m, err := bare.layered(byKey[k])
		if err != nil {
			wrong = append(wrong, fmt.Errorf("price %q: %w", byKey[k][0].Model, err))
			continue
		}
		next.models[k] = m
	}
	mapped := map[string]match{}
	for _, name := range slices.Sorted(maps.Keys(o.Map)) {
		target := o.Map[name]
		found := next.search(target) // next has no mappings yet, so they cannot form a circle
		switch {
		case key(name) == "":
			wrong = append(wrong, fmt.Errorf("map %q: the name is empty", name))
		case found.model == nil:
			wrong = append(wrong, fmt.Errorf("map %q: %q has no price; give it one, or map to a model that has", name, target))
		default:
			mapped[key(name)] = found
		}
	}
	next.mapped = mapped
	if len(o.Map)+len(o.Prices) > 0 {
		next.version += o.version()
	}
	if len(wrong) > 0 {
		return next, fmt.Errorf("read own prices: %w", errors.Join(wrong...))
	}
	return next, nil
}

// version tells overrides apart. It is made by hand, because a price that is out of all bounds
// has no text.
func (o Overrides) version() string {
	digest := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(o.Map)) {
		fmt.Fprintf(digest, "%q=%q\n", name, o.Map[name])
	}
	for i := range o.Prices {
		o.Prices[i].write(digest)
	}
	return "+" + hex.EncodeToString(digest.Sum(nil)[:4])
}

// write writes all that makes a price, for a hash.
func (p *OwnPrice) write(w io.Writer) {
	fmt.Fprintf(w, "%q %q %q %t", p.Model, string(p.ValidFrom), string(p.ValidTo), p.Free)
	for _, r := range []*Rate{p.Input, p.Output, p.CacheRead, p.CacheWrite5m, p.CacheWrite1h} {
		if r == nil {
			fmt.Fprint(w, " -")
		} else {
			fmt.Fprintf(w, " %d", int64(*r))
		}
	}
	fmt.Fprintln(w)
}

// bare is the table without overrides.
func (t *Table) bare() *Table {
	if t.under != nil {
		return t.under
	}
	return t
}

func (p *OwnPrice) check() error {
	if key(p.Model) == "" || len(p.Model) > longestName || strings.TrimSpace(p.Model) != p.Model {
		return errors.New("model must be a name without spaces around it")
	}
	if p.Input == nil || p.Output == nil {
		return errors.New("input and output must be given, in dollars for a million tokens")
	}
	for name, r := range map[string]*Rate{
		"input": p.Input, "output": p.Output, "cache_read": p.CacheRead, "cache_write_5m": p.CacheWrite5m, "cache_write_1h": p.CacheWrite1h,
	} {
		switch {
		case r == nil:
		case *r < 0 || *r > usage.Dearest:
			return fmt.Errorf("%s must be between 0 and %s", name, usage.Dearest)
		case *r == 0 && !p.Free:
			return fmt.Errorf("%s is 0; if it costs nothing, add free = true", name)
		}
	}
	if p.ValidFrom != "" {
		if _, err := parseDay(string(p.ValidFrom), 0); err != nil {
			return fmt.Errorf("valid_from: %w", err)
		}
	}
	if p.ValidTo != "" {
		if _, err := parseDay(string(p.ValidTo), 0); err != nil {
			return fmt.Errorf("valid_to: %w", err)
		}
	}
	return nil
}

// layered makes a model of prices for one name, above the rows that the table has for it.
func (t *Table) layered(prices []OwnPrice) (*model, error) {
	slices.SortFunc(prices, func(a, b OwnPrice) int { return cmp.Compare(a.ValidFrom, b.ValidFrom) })
	m := &model{name: prices[0].Model}
	who := &vendor{id: "own", title: "entered", webSearch: absent}
	var services []service
	if found := t.search(m.name); found.model != nil {
		last := &found.model.rows[len(found.model.rows)-1]
		who, services = last.vendor, slices.Clone(last.services)
		m.rows = slices.Clone(found.model.rows)
		if found.fast || found.regional {
			// The name is that of another model's service: the new price is what that costs,
			// and the rows of the model are not what it cost before.
			if prices[0].ValidFrom != "" {
				return nil, fmt.Errorf("until now it costs what a service of %s costs; leave valid_from out, or price %[1]s", found.model.name)
			}
			m.rows = nil
			for i := range services {
				if services[i].name == "fast" && found.fast || services[i].name == "regional" && found.regional {
					services[i].factor = single
				}
			}
		}
	}
	under := slices.Clone(m.rows)
	for i := range prices {
		p := &prices[i]
		var content bytes.Buffer
		p.write(&content)
		fmt.Fprint(&content, who.id, services)
		r := row{
			id: rowID(ownKind, p.Model, string(p.ValidFrom), content.Bytes()), vendor: who, model: p.Model, until: forever,
			validFrom: string(p.ValidFrom), rates: p.rates(), services: services, own: true,
		}
		if p.ValidFrom != "" {
			day, err := parseDay(string(p.ValidFrom), 0)
			if err != nil {
				return nil, err
			}
			r.from = usage.MillisOf(day)
		}
		m.rows = slices.DeleteFunc(m.rows, func(old row) bool { return old.from >= r.from })
		if n := len(m.rows); n > 0 && m.rows[n-1].until > r.from {
			m.rows[n-1].until = r.from
			m.rows[n-1].validTo = r.from.Time().AddDate(0, 0, -1).Format(time.DateOnly)
		}
		after := slices.Clone(under)
		if p.ValidTo == "" {
			after = nil
		} else {
			last, err := parseDay(string(p.ValidTo), 0)
			if err != nil {
				return nil, err
			}
			r.until, r.validTo = usage.MillisOf(last.AddDate(0, 0, 1)), string(p.ValidTo)
			if r.until <= r.from {
				return nil, fmt.Errorf("it ends on %s, before it begins on %s", p.ValidTo, p.ValidFrom)
			}
		}
		m.rows = append(m.rows, r)
		for _, old := range after {
			if old.until <= r.until {
				continue
			}
			if old.from < r.until {
				old.from, old.validFrom = r.until, r.until.Time().Format(time.DateOnly)
			}
			m.rows = append(m.rows, old)
		}
	}
	return m, nil
}

func (p *OwnPrice) rates() rates {
	or := func(r *Rate, other Rate) Rate {
		if r == nil {
			return other
		}
		return *r
	}
	short := or(p.CacheWrite5m, *p.Input)
	return rates{
		input: *p.Input, read: or(p.CacheRead, *p.Input), write5m: short, write1h: or(p.CacheWrite1h, short), output: *p.Output,
	}
}
