package settings

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"tokenmeter/internal/usage"
)

// reader turns a document into settings, and notes what cannot be used.
type reader struct {
	doc      *document
	warnings []Warning
}

func read(text string) (Settings, []Warning, error) {
	s := Default()
	doc, err := parse(text)
	if err != nil {
		return s, nil, err
	}
	r := &reader{doc: doc}
	root := table{r, "", "", doc.tree}
	root.known("version", "network", "prices", "currency")
	if v, ok := root.value("version"); ok {
		if n, whole := v.(int64); !whole || n < 1 {
			root.warn("version", "must be 1")
		} else if n > formatVersion {
			root.warn("version", fmt.Sprintf("is %d, from a newer Tokenmeter; what this one knows is used, and it changes nothing in the file", n))
		}
	}
	r.network(root.table("network"), &s.Network)
	r.prices(root.table("prices"), &s.Prices)
	r.currency(root.table("currency"), &s)
	slices.SortStableFunc(r.warnings, func(a, b Warning) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), strings.Compare(a.Key, b.Key))
	})
	return s, r.warnings, nil
}

// network reads what may go out. Which agents there are is not known here: every table below is
// taken for one, and who asks warns of those that cannot be asked. That the network is off
// while more is switched on is no mistake: with that switch a person takes the machine offline.
func (r *reader) network(t table, n *Network) {
	n.Enabled = t.flag("enabled")
	for _, id := range slices.Sorted(maps.Keys(t.values)) {
		if _, ok := t.values[id].(map[string]any); id == "enabled" || !ok {
			if id != "enabled" {
				t.warn(id, "is not known here; it stays in the file and does nothing")
			}
			continue
		}
		below := t.table(id)
		below.known("enabled", "program")
		q := Inquiry{Enabled: below.flag("enabled")}
		const allowed = "the full path of a program"
		if path, ok := below.text("program", allowed); ok && path != "" {
			if filepath.IsAbs(path) {
				q.Program = path
			} else {
				// The one on PATH instead would be another than was meant.
				below.warn("program", "must be "+allowed+", not "+shown(path)+"; nothing is asked")
				q.Enabled = false
			}
		}
		if n.Inquiries == nil {
			n.Inquiries = map[string]Inquiry{}
		}
		n.Inquiries[id] = q
	}
}

func (r *reader) prices(t table, p *Prices) {
	t.known("refresh", "url", "override", "map")
	p.Refresh = t.flag("refresh")
	if address, ok := t.text("url", "an address that begins with https://"); ok && address != "" {
		if err := checkURL(address); err != nil {
			t.warn("url", err.Error())
		} else {
			p.URL = address
		}
	}
	if p.Refresh && p.URL == "" {
		t.warn("refresh", "is on, but prices.url names no address; nothing is fetched")
	}
	r.overrides(t, p)
	mappings := t.table("map")
	for _, name := range slices.Sorted(maps.Keys(mappings.values)) {
		target, ok := mappings.text(name, "the name of a model")
		switch {
		case !ok:
		case !isName(name) || !isName(target):
			mappings.warn(name, "must name a model on both sides, without spaces around it")
		default:
			if p.Map == nil {
				p.Map = map[string]string{}
			}
			p.Map[name] = target
		}
	}
}

func (r *reader) overrides(t table, p *Prices) {
	v, ok := t.value("override")
	if !ok {
		return
	}
	entries := list(v)
	if entries == nil {
		t.warn("override", "must be tables, each under [[prices.override]]")
		return
	}
	for i, v := range entries {
		values, ok := v.(map[string]any)
		entry := table{r, t.place.name("override").at(i), "prices.override", values}
		if !ok {
			r.warn(entry.place, entry.key, "must be a table under [[prices.override]]; it is left out")
			continue
		}
		o, ok := entry.override()
		if ok && slices.ContainsFunc(p.Overrides, func(q Override) bool { return q.Model == o.Model && q.From == o.From }) {
			r.warn(entry.place, entry.key, fmt.Sprintf("has a second price of %s from the same day; it is left out", shown(o.Model)))
			ok = false
		}
		if ok {
			p.Overrides = append(p.Overrides, o)
		}
	}
}

// override reads one price. Where a part of it cannot be used, all of it is left out, or it
// would charge something else than was entered; only the note may go by itself.
func (t table) override() (o Override, ok bool) {
	t.known("model", "from", "until", "input", "output", "cache_read", "cache_write_5m", "cache_write_1h", "free", "note")
	before := len(t.reader.warnings)
	must := func(key, allowed string) {
		if _, ok := t.values[key]; !ok {
			t.reader.warn(t.place, t.key+"."+key, "is missing; "+allowed)
		}
	}
	wrong := func() bool {
		return slices.ContainsFunc(t.reader.warnings[before:], func(w Warning) bool { return !strings.HasPrefix(w.Text, w.Key+" is not known") })
	}
	must("model", "it must name a model")
	must("input", "it must be dollars for a million tokens")
	must("output", "it must be dollars for a million tokens")
	o.Free = t.flag("free")
	var found bool
	if o.Model, found = t.text("model", "the name of a model"); found && !isName(o.Model) {
		t.warn("model", "must be the name of a model, without spaces around it")
	}
	o.From, o.Until = t.day("from"), t.day("until")
	if o.From != "" && o.Until != "" && o.Until < o.From {
		t.warn("until", "is before from")
	}
	rate := func(key string) *usage.Rate {
		digits, ok := t.amount(key, amountAllowed)
		if !ok {
			return nil
		}
		n, err := usage.ParseRate(digits)
		switch {
		case err != nil:
			t.warn(key, "must be "+amountAllowed+", not "+shown(digits))
			return nil
		case n == 0 && !o.Free:
			t.warn(key, "is 0; if it costs nothing, add free = true")
			return nil
		}
		return &n
	}
	for key, to := range map[string]*usage.Rate{"input": &o.Input, "output": &o.Output} {
		if n := rate(key); n != nil {
			*to = *n
		}
	}
	o.CacheRead, o.CacheWrite5m, o.CacheWrite1h = rate("cache_read"), rate("cache_write_5m"), rate("cache_write_1h")
	if wrong() {
		t.reader.warn(t.place, t.key, "cannot be used as it is and is left out")
		return o, false
	}
	o.Note, _ = t.text("note", "a text")
	return o, true
}

func (r *reader) currency(t table, s *Settings) {
	t.known("code", "rate", "fetched")
	c := &s.Currency
	const codeAllowed = "three capital letters, like \"EUR\""
	code, given := t.text("code", codeAllowed)
	if given && !isCode(code) {
		t.warn("code", "must be "+codeAllowed+", not "+shown(code)+"; amounts are shown in USD")
		given = false
	}
	digits, hasRate := t.amount("rate", exchangeAllowed)
	rate := usage.OneToOne
	if hasRate {
		n, err := usage.ParseExchange(digits)
		if err != nil {
			t.warn("rate", "must be "+exchangeAllowed+", not "+shown(digits)+"; amounts are shown in USD")
			hasRate = false
		} else {
			rate = n
		}
	}
	fetched := t.flag("fetched")
	if fetched && !s.Prices.Refresh {
		t.warn("fetched", "needs prices.refresh = true; the rate of this file is used")
		fetched = false
	}
	switch {
	case !given:
	case code == "USD":
		if hasRate && rate != usage.OneToOne {
			t.warn("rate", "must be \"1\" for USD; 1 is used")
		}
	case !hasRate:
		if _, there := t.values["rate"]; !there {
			t.warn("code", "is "+shown(code)+", but there is no rate; amounts are shown in USD")
		}
	default:
		*c = Currency{Code: code, Rate: rate, Fetched: fetched}
	}
}

func isName(s string) bool {
	return s != "" && len(s) <= 256 && strings.TrimSpace(s) == s
}

func isCode(s string) bool { return len(s) == 3 && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == "" }

func checkURL(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Fragment != "" || len(address) > 2048 {
		return fmt.Errorf("must be an address that begins with https://, without a password, not %s; nothing is fetched", shown(address))
	}
	return nil
}

// warn notes a warning. Its key names no place in a list, so that it stays the same when
// others come and go.
func (r *reader) warn(p place, key, text string) {
	r.warnings = append(r.warnings, Warning{Line: r.doc.line(p), Key: key, Text: key + " " + text})
}

// table is a table of the document, or one that is not there.
type table struct {
	reader *reader
	place  place
	key    string // as in warnings
	values map[string]any
}

func (t table) full(key string) string {
	if strings.Trim(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != "" || key == "" {
		key = strconv.Quote(key)
	}
	if t.key == "" {
		return key
	}
	return t.key + "." + key
}

func (t table) warn(key, text string) { t.reader.warn(t.place.name(key), t.full(key), text) }

// known warns of all keys but these.
func (t table) known(keys ...string) {
	for _, key := range slices.Sorted(maps.Keys(t.values)) {
		if !slices.Contains(keys, key) {
			t.warn(key, "is not known here; it stays in the file and does nothing")
		}
	}
}

func (t table) value(key string) (any, bool) {
	v, ok := t.values[key]
	return v, ok
}

func (t table) table(key string) table {
	below := table{reader: t.reader, place: t.place.name(key), key: t.full(key)}
	if v, ok := t.values[key]; ok {
		if below.values, ok = v.(map[string]any); !ok {
			t.warn(key, "must be a table, ["+t.full(key)+"]")
		}
	}
	return below
}

func (t table) flag(key string) bool {
	v, ok := t.values[key]
	if !ok {
		return false
	}
	on, ok := v.(bool)
	if !ok {
		t.warn(key, "must be true or false; false is used")
	}
	return on
}

// text gives a string that is there.
func (t table) text(key, allowed string) (string, bool) {
	v, ok := t.values[key]
	if !ok {
		return "", false
	}
	s, ok := v.(string)
	if !ok {
		t.warn(key, "must be "+allowed+", in quotes")
	}
	return s, ok
}

// amount gives the digits of a number, in quotes or not, as they stand in the file.
func (t table) amount(key, allowed string) (string, bool) {
	v, ok := t.values[key]
	if !ok {
		return "", false
	}
	switch v := v.(type) {
	case string:
		return v, true
	case int64, float64:
		if raw, ok := t.reader.doc.raw(t.place.name(key)); ok {
			return raw, true
		}
		t.warn(key, "cannot be read exactly; put it in quotes")
	default:
		t.warn(key, "must be "+allowed)
	}
	return "", false
}

// day gives a date as YYYY-MM-DD, or "" where there is none that can be used.
func (t table) day(key string) string {
	const allowed = "must be a day like 2026-11-24"
	v, ok := t.values[key]
	if !ok {
		return ""
	}
	switch v := v.(type) {
	case string:
		if day, err := time.Parse(time.DateOnly, v); err == nil && day.Year() >= 2000 {
			return v
		}
		t.warn(key, allowed+", not "+shown(v))
	case time.Time:
		if v.Location().String() == "date-local" && v.Year() >= 2000 {
			return v.Format(time.DateOnly)
		}
		t.warn(key, allowed)
	default:
		t.warn(key, allowed)
	}
	return ""
}
