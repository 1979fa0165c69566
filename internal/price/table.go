package price

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"tokenmeter/assets"
	"tokenmeter/internal/usage"
)

// MaxTableBytes is the largest table that Parse reads.
const MaxTableBytes = 4 << 20

const forever usage.Millis = math.MaxInt64

// Table is a table of prices with what a person laid over it.
type Table struct {
	version   string
	date      string
	exchange  map[string]usage.Exchange // by the code of the currency
	sources   map[string]Source
	vendors   map[string]*vendor
	models    map[string]*model   // by key
	aliases   map[string]string   // key → key of a model
	session   map[string]struct{} // keys that stand for the session's model
	mapped    map[string]match    // the person's mappings, by key
	overrides Overrides
	under     *Table // the table without overrides, nil if it is this one

	// known holds names that were resolved. It is emptied when full.
	lock  sync.RWMutex
	known map[string]match
}

// vendor is who sets a price, and what applies to all of its rows.
type vendor struct {
	id              string
	title           string
	webSearch       Rate // for a thousand
	writesAsInput   bool
	services        []service
	standardInTiers []string
	file            fileVendor
}

// service is a name and what it multiplies prices by.
type service struct {
	name   string
	factor Factor
}

// model is all that is known of a model: rows that follow each other without a gap.
type model struct {
	name string
	rows []row
}

// row is the price of a model for a time.
type row struct {
	id                 string
	vendor             *vendor
	model              string
	from, until        usage.Millis // from inclusive, 0 = ever; until exclusive
	validFrom, validTo string
	rates              rates
	tiers              []tier
	windows            []window
	services           []service
	source, checked    string
	own                bool // entered by the person
}

// tier holds the prices of a request whose prompt is at least from tokens long.
type tier struct {
	from      int64
	inclusive bool // the vendor's own words are "from", not "above"
	rates     rates
}

// window holds the prices between two minutes of the day, UTC.
type window struct {
	start, end    int
	weekdaysSince usage.Millis  // from then on, on working days only; 0 = on all days
	offset        time.Duration // whose working days
	rates         rates
}

// Source is a list that a price was read from.
type Source struct {
	Code  string
	Title string
	Date  string // when it was read: a day, or a month
}

// eachRates calls f for each set of prices of the row.
func (r *row) eachRates(f func(*rates)) {
	f(&r.rates)
	for i := range r.tiers {
		f(&r.tiers[i].rates)
	}
	for i := range r.windows {
		f(&r.windows[i].rates)
	}
}

// Default is the table that this version was built with.
func Default() (*Table, error) { return Parse(assets.Prices) }

// Parse reads and checks a table. Its error says which row is wrong, and how.
func Parse(data []byte) (*Table, error) {
	if len(data) > MaxTableBytes {
		return nil, fmt.Errorf("read prices: %d bytes, more than %d", len(data), MaxTableBytes)
	}
	f, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("read prices: %w", err)
	}
	t, err := build(&f)
	if err != nil {
		return nil, fmt.Errorf("read prices: %w", err)
	}
	t.version, t.date = Version(data, Overrides{}), f.Version
	return t, nil
}

func build(f *file) (*Table, error) {
	if _, err := time.Parse(time.DateOnly, f.Version); err != nil {
		return nil, fmt.Errorf("the version %q is not a day", f.Version)
	}
	for code, rate := range f.Exchange {
		if len(code) != 3 || strings.ToUpper(code) != code {
			return nil, fmt.Errorf("exchange: %q at %s is not the code of a currency", code, rate)
		}
	}
	t := &Table{
		exchange: f.Exchange,
		sources:  map[string]Source{}, vendors: map[string]*vendor{}, models: map[string]*model{},
		aliases: map[string]string{}, session: map[string]struct{}{}, known: map[string]match{},
	}
	for code, s := range f.Sources {
		if len(code) != 1 {
			return nil, fmt.Errorf("the code %q of a source is not one letter", code)
		}
		t.sources[code] = Source{Code: code, Title: s.Title, Date: s.Date}
	}
	for id, v := range f.Vendors {
		services, err := mergeServices(nil, v.Services)
		if err != nil {
			return nil, fmt.Errorf("vendor %s: %w", id, err)
		}
		next := &vendor{
			id: id, title: v.Title, webSearch: absent, writesAsInput: v.WritesAsInput,
			services: services, standardInTiers: v.StandardInTiers, file: v,
		}
		if v.WebSearch != nil {
			next.webSearch = *v.WebSearch
		}
		t.vendors[id] = next
	}
	for i := range f.Rows {
		if err := t.add(&f.Rows[i]); err != nil {
			return nil, err
		}
	}
	kept := maps.Clone(t.models)
	for i := range f.Base.Rows {
		if _, ok := kept[key(f.Base.Rows[i].Model)]; ok {
			return nil, fmt.Errorf("row %s: the base has a model that is kept by hand", f.Base.Rows[i].Model)
		}
		if err := t.add(&f.Base.Rows[i]); err != nil {
			return nil, err
		}
	}
	if len(t.models) == 0 {
		return nil, errors.New("there is not one row")
	}
	for _, m := range t.models {
		if err := m.connect(); err != nil {
			return nil, err
		}
	}
	for _, aliases := range []map[string]string{f.Aliases, f.Base.Aliases} {
		for _, name := range slices.Sorted(maps.Keys(aliases)) {
			if err := t.alias(name, aliases[name]); err != nil {
				return nil, err
			}
		}
	}
	for _, name := range f.SessionModels {
		t.session[key(name)] = struct{}{}
	}
	return t, nil
}

func (t *Table) add(f *fileRow) error {
	fail := func(err error) error { return fmt.Errorf("row %s %s: %w", f.Model, f.ValidFrom, err) }
	v := t.vendors[f.Vendor]
	if v == nil {
		return fail(fmt.Errorf("the vendor %q is not listed", f.Vendor))
	}
	if f.Source == "" {
		return fail(errors.New("there is no source"))
	}
	for _, code := range f.Source {
		if _, ok := t.sources[string(code)]; !ok {
			return fail(fmt.Errorf("the source %q is not listed", string(code)))
		}
	}
	k := key(f.Model)
	if k == "" || strings.TrimSpace(f.Model) != f.Model {
		return fail(errors.New("the model has no name"))
	}
	r, err := f.row(v)
	if err != nil {
		return fail(err)
	}
	m := t.models[k]
	if m == nil {
		m = &model{name: f.Model}
		t.models[k] = m
	}
	if m.name != f.Model {
		return fail(fmt.Errorf("it is spelt %s in another row", m.name))
	}
	m.rows = append(m.rows, r)
	return nil
}

// connect sorts the rows of a model and checks that each begins where the one before ends.
func (m *model) connect() error {
	sort.Slice(m.rows, func(i, j int) bool { return m.rows[i].from < m.rows[j].from })
	for i := 1; i < len(m.rows); i++ {
		a, b := &m.rows[i-1], &m.rows[i]
		switch {
		case a.until > b.from:
			return fmt.Errorf("row %s: the price from %q overlaps the one before", m.name, b.validFrom)
		case a.until < b.from:
			return fmt.Errorf("row %s: there is no price between %s and %s", m.name, a.validTo, b.validFrom)
		}
		if a.vendor != b.vendor {
			return fmt.Errorf("row %s: the vendor changes", m.name)
		}
	}
	return nil
}

func (t *Table) alias(name, target string) error {
	from, to := key(name), key(target)
	if from == "" || t.models[to] == nil {
		return fmt.Errorf("alias %q: %q is not a model of the table", name, target)
	}
	if t.models[from] != nil {
		return fmt.Errorf("alias %q: there is a model of this name", name)
	}
	if old, ok := t.aliases[from]; ok && old != to {
		return fmt.Errorf("alias %q stands for two models", name)
	}
	t.aliases[from] = to
	return nil
}

// mergeServices lays a row's services over its vendor's, in the order of their names.
func mergeServices(under []service, over map[string]Factor) ([]service, error) {
	merged := slices.Clone(under)
	for _, name := range slices.Sorted(maps.Keys(over)) {
		factor := over[name]
		if factor <= 0 || name == "" || strings.ContainsAny(name, "+ ") {
			return nil, fmt.Errorf("the service %q has no proper name or factor", name)
		}
		if i := slices.IndexFunc(merged, func(s service) bool { return s.name == name }); i >= 0 {
			merged[i].factor = factor
		} else {
			merged = append(merged, service{name, factor})
		}
	}
	return merged, nil
}

// rowID names a row so that it keeps its name as long as nothing of it changes, and gets
// another when anything does.
func rowID(kind, model, from string, content []byte) string {
	digest := sha256.Sum256(content)
	if from == "" {
		from = "ever"
	}
	return kind + model + "@" + from + "." + hex.EncodeToString(digest[:4])
}

// Version changes whenever the table or what is laid over it does.
func (t *Table) Version() string { return t.version }

// Version is the version of the table that Parse makes of data, with overrides laid over it.
// It costs a twentieth of parsing, for asking at a start whether anything changed.
func Version(data []byte, o Overrides) string {
	digest := sha256.Sum256(data)
	version := hex.EncodeToString(digest[:6])
	if len(o.Map)+len(o.Prices) == 0 {
		return version
	}
	return version + o.version()
}

// Date is the day of the last change to what is kept by hand, YYYY-MM-DD.
func (t *Table) Date() string { return t.date }

// Exchange is what a US dollar costs in another currency, if the table says so.
func (t *Table) Exchange(code string) (rate usage.Exchange, ok bool) {
	rate, ok = t.exchange[code]
	return rate, ok
}

// Overrides are what was laid over the table.
func (t *Table) Overrides() Overrides { return t.overrides }

// Models lists the names of all models that have a price, sorted.
func (t *Table) Models() []string {
	var names []string
	for _, m := range t.models {
		names = append(names, m.name)
	}
	slices.Sort(names)
	return names
}

// Has reports whether a row of this id (usage.Cost.Row) is in the table.
func (t *Table) Has(id string) bool {
	for _, m := range t.models {
		for i := range m.rows {
			if m.rows[i].id == id {
				return true
			}
		}
	}
	return false
}

// at gives the row that is valid at a moment, nil if none is.
func (m *model) at(moment usage.Millis) *row {
	for i := len(m.rows) - 1; i >= 0; i-- {
		if r := &m.rows[i]; moment >= r.from && moment < r.until {
			return r
		}
	}
	return nil
}

// choose gives the prices of a request by its moment and the length of its prompt. The second
// result is the tier that the prompt reached, the third tells that a window applies.
func (r *row) choose(moment usage.Millis, prompt int64) (*rates, *tier, bool) {
	for i := len(r.tiers) - 1; i >= 0; i-- {
		if prompt >= r.tiers[i].from {
			return &r.tiers[i].rates, &r.tiers[i], false
		}
	}
	for i := range r.windows {
		if r.windows[i].covers(moment) {
			return &r.windows[i].rates, nil, true
		}
	}
	return &r.rates, nil, false
}

func (w *window) covers(moment usage.Millis) bool {
	const (
		minute = int64(time.Minute / time.Millisecond)
		day    = 24 * 60 * minute
	)
	if m := int(floorMod(int64(moment), day) / minute); m < w.start || m >= w.end {
		return false
	}
	if w.weekdaysSince == 0 || moment < w.weekdaysSince {
		return true
	}
	// 1 January 1970 was a Thursday, the fifth day of a week that begins on Sunday.
	local := int64(moment) + int64(w.offset/time.Millisecond)
	weekday := floorMod((local-floorMod(local, day))/day+4, 7)
	return weekday != 0 && weekday != 6
}

func floorMod(a, b int64) int64 { return ((a % b) + b) % b }
