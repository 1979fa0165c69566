package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"tokenmeter/assets"
	"tokenmeter/internal/usage"
)

// Table is the plans that are known. It does not change.
type Table struct {
	version string
	rows    []Row
}

// Row is a plan for some time.
type Row struct {
	Agent  usage.AgentID
	ID     string // unique for the agent, but for rows of other times
	Name   string
	Also   []string // other names that it is sold under
	Labels []string // what logs call it
	Price  usage.Micros
	Seat   bool // the price is for one seat of several
	// MonthUTC: it renews for all on the first of the month, UTC.
	MonthUTC   bool
	Limits     []Limit
	Note       string
	ValidFrom  string // first day as YYYY-MM-DD, "" = as long as is known
	ValidUntil string // last day, "" = until further notice
	Sources    []Source
	CheckedOn  string
}

// Source is where a row was read.
type Source struct {
	Title string `json:"title"`
	Date  string `json:"date"`
}

// Unit is what a limit or a budget counts.
type Unit string

// The units.
const (
	Dollars Unit = "usd"    // micro-dollars, at list price or as the agent notes them
	Tokens  Unit = "tokens" // fresh ones: input, cache writes and output
)

// Limit is how much of something may be used in a window.
type Limit struct {
	Name   string // of a person's own; "" = the plan's
	Unit   Unit
	Amount int64 // micro-dollars or tokens, above 0
	// Credits is the same amount in the credits that the vendor sells; 0 = it sells none.
	Credits int64
	Window  Window
	// Logged: it is counted by the cost that the agent notes itself, where it does.
	Logged bool
}

// Default is the built-in table.
func Default() (*Table, error) { return Parse(assets.Plans) }

// The form of plans.json, which plans.schema.json describes.

type file struct {
	Schema  string            `json:"$schema"`
	Version string            `json:"version"`
	Sources map[string]Source `json:"sources"`
	Rows    []fileRow         `json:"rows"`
}

type fileRow struct {
	Agent      string      `json:"agent"`
	ID         string      `json:"id"`
	Name       string      `json:"name"`
	Also       []string    `json:"also"`
	Price      string      `json:"price"`
	Seat       bool        `json:"seat"`
	Renews     string      `json:"renews"`
	Labels     []string    `json:"labels"`
	Credit     string      `json:"credit"`
	Limits     []fileLimit `json:"limits"`
	Note       string      `json:"note"`
	ValidFrom  string      `json:"valid_from"`
	ValidUntil string      `json:"valid_until"`
	Source     string      `json:"source"`
	CheckedOn  string      `json:"checked_on"`
}

type fileLimit struct {
	Amount  string `json:"amount"`
	Credits int64  `json:"credits"`
	Window  string `json:"window"`
	Logged  bool   `json:"logged"`
}

// Dearest is over a hundred times what any plan costs a month.
const Dearest = usage.Micros(100_000_000_000)

// ParsePrice reads US dollars a month, above 0 and at most 100,000, with at most six digits
// after the point.
func ParsePrice(text string) (usage.Micros, error) {
	n, err := usage.ParseDecimal(text, 6, int64(Dearest))
	if err == nil && n == 0 {
		err = errors.New("it is 0; a plan that costs nothing has no value to compare with")
	}
	return usage.Micros(n), err
}

// Parse reads a table. An error names the row; unknown members are errors, so that a table of a
// newer form is refused and not half understood.
func Parse(data []byte) (*Table, error) {
	var f file
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&f); err != nil {
		return nil, fmt.Errorf("read the table of plans: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("read the table of plans: there is more behind the table")
	}
	if !isDay(f.Version) {
		return nil, fmt.Errorf("read the table of plans: its version %q is not a day", f.Version)
	}
	t := &Table{version: f.Version}
	for i := range f.Rows {
		r, err := f.Rows[i].row(f.Sources)
		if err == nil {
			err = t.fits(&r)
		}
		if err != nil {
			return nil, fmt.Errorf("read the table of plans: row %d, %s %s: %w", i+1, f.Rows[i].Agent, f.Rows[i].ID, err)
		}
		t.rows = append(t.rows, r)
	}
	return t, nil
}

func (f *fileRow) row(sources map[string]Source) (Row, error) {
	r := Row{
		Agent: usage.AgentID(f.Agent), ID: f.ID, Name: f.Name, Also: f.Also, Labels: f.Labels, Seat: f.Seat, Note: f.Note,
		ValidFrom: f.ValidFrom, ValidUntil: f.ValidUntil, CheckedOn: f.CheckedOn, MonthUTC: f.Renews == "month-utc",
	}
	switch {
	case f.Agent == "" || f.ID == "" || f.Name == "":
		return r, errors.New("agent, id and name must be given")
	case f.Renews != "" && !r.MonthUTC:
		return r, fmt.Errorf("renews is %q, which is not known", f.Renews)
	case f.ValidFrom != "" && !isDay(f.ValidFrom) || f.ValidUntil != "" && !isDay(f.ValidUntil) || !isDay(f.CheckedOn):
		return r, errors.New("valid_from, valid_until and checked_on must be days like 2026-11-24")
	case f.ValidUntil != "" && f.ValidUntil < f.ValidFrom:
		return r, fmt.Errorf("it ends on %s, before it begins on %s", f.ValidUntil, f.ValidFrom)
	case f.Source == "":
		return r, errors.New("it has no source")
	}
	var err error
	if r.Price, err = ParsePrice(f.Price); err != nil {
		return r, fmt.Errorf("price: %w", err)
	}
	for _, letter := range f.Source {
		s, ok := sources[string(letter)]
		if !ok {
			return r, fmt.Errorf("its source %q is not in the list", letter)
		}
		r.Sources = append(r.Sources, s)
	}
	var credit int64
	if f.Credit != "" {
		if credit, err = usage.ParseDecimal(f.Credit, 6, int64(Dearest)); err != nil {
			return r, fmt.Errorf("credit: %w", err)
		}
	}
	for _, l := range f.Limits {
		limit, err := l.limit(credit)
		if err != nil {
			return r, fmt.Errorf("limit of %s: %w", l.Window, err)
		}
		if slices.ContainsFunc(r.Limits, func(o Limit) bool { return o.Window == limit.Window }) {
			return r, fmt.Errorf("it has two limits of %s", l.Window)
		}
		r.Limits = append(r.Limits, limit)
	}
	return r, nil
}

func (f *fileLimit) limit(credit int64) (Limit, error) {
	l := Limit{Unit: Dollars, Credits: f.Credits, Logged: f.Logged}
	var err error
	if l.Window, err = ParseWindow(f.Window); err != nil {
		return l, err
	}
	switch {
	case (f.Amount != "") == (f.Credits != 0):
		return l, errors.New("it needs one of amount and credits")
	case f.Amount != "":
		if l.Amount, err = usage.ParseDecimal(f.Amount, 6, int64(Dearest)); err != nil {
			return l, err
		}
	case f.Credits < 0 || f.Credits > 1_000_000_000:
		return l, fmt.Errorf("%d is no number of credits", f.Credits)
	case credit == 0:
		return l, errors.New("the plan does not say what a credit is worth")
	default:
		l.Amount = f.Credits * credit
	}
	if l.Amount <= 0 {
		return l, errors.New("the amount is 0")
	}
	return l, nil
}

// fits says what is wrong with a row beside those before it.
func (t *Table) fits(r *Row) error {
	for i := range t.rows {
		o := &t.rows[i]
		if o.Agent != r.Agent {
			continue
		}
		if o.ID == r.ID && (o.ValidUntil == "" || o.ValidUntil >= r.ValidFrom) && (r.ValidUntil == "" || r.ValidUntil >= o.ValidFrom) {
			return fmt.Errorf("it overlaps with the row of the same plan from %q", o.ValidFrom)
		}
		for _, label := range r.Labels {
			if o.ID != r.ID && slices.ContainsFunc(o.Labels, func(l string) bool { return strings.EqualFold(l, label) }) {
				return fmt.Errorf("the label %q is that of %s, too", label, o.ID)
			}
		}
	}
	return nil
}

func isDay(text string) bool {
	day, err := time.Parse(time.DateOnly, text)
	return err == nil && day.Year() >= 2000
}

// Version is the day of the table's last change.
func (t *Table) Version() string { return t.version }

// Rows are all rows in the order of the table. They must not be changed.
func (t *Table) Rows() []Row { return t.rows }

// At gives the row of a plan that held on a day, YYYY-MM-DD.
func (t *Table) At(agent usage.AgentID, id, day string) (Row, bool) {
	for i := range t.rows {
		if r := &t.rows[i]; r.Agent == agent && r.ID == id && r.ValidFrom <= day && (r.ValidUntil == "" || day <= r.ValidUntil) {
			return *r, true
		}
	}
	return Row{}, false
}

// On lists the plans of an agent that were sold on a day.
func (t *Table) On(agent usage.AgentID, day string) []Row {
	var list []Row
	for i := range t.rows {
		if r, ok := t.At(agent, t.rows[i].ID, day); ok && t.rows[i].Agent == agent && r.ValidFrom == t.rows[i].ValidFrom {
			list = append(list, r)
		}
	}
	return list
}

// Labelled gives the plan that a label of the logs meant on a day: a plan_type of Codex, a
// subscriptionType or rateLimitTier of Claude. Where the label may mean several plans, or one
// that is not known, there is none.
func (t *Table) Labelled(agent usage.AgentID, label, day string) (Row, bool) {
	for i := range t.rows {
		r := &t.rows[i]
		if r.Agent == agent && slices.ContainsFunc(r.Labels, func(l string) bool { return strings.EqualFold(l, label) }) {
			return t.At(agent, r.ID, day)
		}
	}
	return Row{}, false
}
