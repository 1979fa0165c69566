package plan

import (
	"cmp"
	"slices"
	"time"

	"tokenmeter/internal/calendar"
	"tokenmeter/internal/usage"
)

// Chosen is a plan that a person says they have.
type Chosen struct {
	Agent      usage.AgentID
	Plan       string        // the id of a row, or a name of their own
	Price      *usage.Micros // nil = that of the table
	RenewalDay int           // 1 to 31; 0 = not said
	Started    string        // first day as YYYY-MM-DD, local; "" = ever
	Ended      string        // last day; "" = still held
	Caps       []Limit       // their own, in place of the plan's of the same window
	Keyed      []string      // projects whose requests a key pays for
}

// Held is a chosen plan with the time it was held.
type Held struct {
	Chosen
	From  time.Time // zero = ever
	Until time.Time // not part of it; zero = still held
}

// Hold puts chosen plans in order, by agent and then by time. A plan of an agent ends where its
// next one starts. One that another of the same day supersedes is left out.
func Hold(chosen []Chosen, zone *time.Location) []Held {
	sorted := slices.Clone(chosen)
	slices.SortStableFunc(sorted, func(a, b Chosen) int {
		return cmp.Or(cmp.Compare(a.Agent, b.Agent), cmp.Compare(a.Started, b.Started))
	})
	var list []Held
	for i, c := range sorted {
		h := Held{Chosen: c, From: dayStart(c.Started, 0, zone), Until: dayStart(c.Ended, 1, zone)}
		if i+1 < len(sorted) && sorted[i+1].Agent == c.Agent {
			if next := dayStart(sorted[i+1].Started, 0, zone); h.Until.IsZero() || next.Before(h.Until) {
				h.Until = next
			}
			if !h.From.Before(h.Until) {
				continue
			}
		}
		list = append(list, h)
	}
	return list
}

// dayStart is the beginning of a day so many days later, zero for no day.
func dayStart(day string, later int, zone *time.Location) time.Time {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return time.Time{}
	}
	y, m, d := t.Date()
	return calendar.DayStart(y, m, d+later, zone)
}

// Running says whether the plan is held at a moment.
func (h *Held) Running(t time.Time) bool {
	return !t.Before(h.From) && (h.Until.IsZero() || t.Before(h.Until))
}

// Term is one billing cycle of a held plan.
type Term struct {
	calendar.Span      // cut to the time in which the plan was held
	Cut           bool // it is shorter than the whole cycle
	Row           *Row // nil: the table does not have this plan for that time
	Fee           *usage.Micros
	FeeEntered    bool
	Renewal       int  // the day it begins on
	Assumed       bool // nobody said which day that is
	Limits        []Limit
}

// Terms lists the billing cycles of a held plan that had begun by now, the newest first: from
// the one that is running, or was the last, back to that of first, at most so many.
func (t *Table) Terms(h *Held, first, now time.Time, most int, zone *time.Location) []Term {
	at := now
	if !h.Until.IsZero() && !now.Before(h.Until) {
		at = h.Until.Add(-1)
	}
	if first.Before(h.From) {
		first = h.From
	}
	var terms []Term
	for len(terms) < most && !at.Before(h.From) {
		term := t.term(h, at, zone)
		terms = append(terms, term)
		if !term.Start.After(first) {
			break
		}
		at = term.Start.Add(-1)
	}
	return terms
}

// term is the cycle of a moment.
func (t *Table) term(h *Held, at time.Time, zone *time.Location) Term {
	var term Term
	local := zone
	row, known := t.At(h.Agent, h.Plan, at.UTC().Format(time.DateOnly))
	switch {
	case h.RenewalDay > 0:
		term.Renewal = h.RenewalDay
	case known && row.MonthUTC:
		term.Renewal, local = 1, time.UTC
	case !h.From.IsZero():
		term.Renewal = h.From.In(zone).Day()
	default:
		term.Renewal, term.Assumed = 1, true
	}
	whole := calendar.Cycle(at, term.Renewal, local)
	term.Span = whole
	if term.Start.Before(h.From) {
		term.Start, term.Cut = h.From, true
	}
	if !h.Until.IsZero() && h.Until.Before(term.End) {
		term.End, term.Cut = h.Until, true
	}
	// The fee is that of the day on which the cycle began; the local day is what a bill says.
	if old, ok := t.At(h.Agent, h.Plan, whole.Start.In(local).Format(time.DateOnly)); ok {
		row, known = old, true
	}
	if known {
		term.Row, term.Fee, term.Limits = &row, &row.Price, row.Limits
	}
	if h.Price != nil {
		term.Fee, term.FeeEntered = h.Price, true
	}
	if len(h.Caps) > 0 {
		plans := slices.DeleteFunc(slices.Clone(term.Limits), func(l Limit) bool {
			return slices.ContainsFunc(h.Caps, func(own Limit) bool { return own.Window == l.Window })
		})
		term.Limits = append(plans, h.Caps...)
	}
	return term
}

// Counted is a limit with the stretch over which it has to be counted.
type Counted struct {
	Agent   usage.AgentID
	LimitID string // the name of a person's own, else the plan's id
	Minutes int64  // length of the window
	Limit
	calendar.Span
	Rolling bool // it never resets, what is old falls out at its beginning
}

// Counted lists the limits of a held plan that are known in money or tokens, with what to add
// up for each at a moment. There is none for a plan that is not held then.
func (t *Table) Counted(h *Held, now time.Time, zone *time.Location) []Counted {
	if !h.Running(now) {
		return nil
	}
	term := t.term(h, now, zone)
	local := zone
	if term.Row != nil && term.Row.MonthUTC && h.RenewalDay == 0 {
		local = time.UTC
	}
	var list []Counted
	for _, l := range term.Limits {
		c := Counted{Agent: h.Agent, LimitID: cmp.Or(l.Name, h.Plan), Minutes: l.Window.Minutes(), Limit: l, Span: l.Window.Span(now, term.Renewal, local)}
		if c.Rolling = c.Minutes > 0; !c.Rolling {
			c.Minutes = int64(c.End.Sub(c.Start) / time.Minute)
		}
		if c.Start.Before(h.From) {
			c.Start = h.From // what another plan paid for is not counted
		}
		list = append(list, c)
	}
	return list
}

// Used is the share of the limit that was used, in percent. It is a lower bound: what other
// machines used is not in it.
func (l *Limit) Used(amount int64) float64 { return 100 * float64(amount) / float64(l.Amount) }
