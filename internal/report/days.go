package report

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"tokenmeter/internal/calendar"
	"tokenmeter/internal/store"
	"tokenmeter/internal/usage"
)

// Range asks for the local days that end today.
type Range struct {
	Days  int             // 7, 30, 90; 1 to 366 are taken
	Split store.Dimension // Agent, Model or Project
}

// DaysAnswer is local days, each split in groups.
type DaysAnswer struct {
	Range  Range
	Zone   *time.Location
	Agents []Agent   // known to this build
	First  time.Time // first dated event ever, zero = nothing stored
	Groups []Group   // the largest first
	Days   []Day     // oldest first, the last is today
	Totals usage.Counts
}

// Group is one part of a split. Only the field of the split is set, and Agent too where
// all of the group's requests are of one agent.
type Group struct {
	Agent   usage.AgentID
	Model   string
	Project string
	usage.Counts
}

// Day is a local day.
type Day struct {
	Start, End time.Time
	Recorded   bool // false: it was over before anything was recorded
	usage.Counts
	Parts []usage.Counts // one for each group
}

// Days sums up the last local days.
func (r *Report) Days(ctx context.Context, q Range) (*DaysAnswer, error) {
	if q.Days < 1 || q.Days > 366 {
		return nil, fmt.Errorf("sum up days: %d is not a number of days from 1 to 366", q.Days)
	}
	by := []store.Dimension{store.Day, store.Agent}
	switch q.Split {
	case store.Agent:
	case store.Model, store.Project:
		by = append(by, q.Split)
	default:
		return nil, fmt.Errorf("sum up days: %q is not a split", q.Split)
	}
	agents, err := r.o.Store.Agents(ctx)
	if err != nil {
		return nil, err
	}
	zone := r.o.Zone
	a := &DaysAnswer{Range: q, Zone: zone, Agents: r.o.Agents, First: local(since(agents), zone)}
	today := r.o.Clock().In(zone)
	index := map[civil]int{}
	for i := range q.Days {
		y, m, d := today.Year(), today.Month(), today.Day()-q.Days+1+i
		day := Day{Start: calendar.DayStart(y, m, d, zone), End: calendar.DayStart(y, m, d+1, zone)}
		day.Recorded = !a.First.IsZero() && a.First.Before(day.End)
		index[civilOf(usage.MillisOf(day.Start), zone)] = i
		a.Days = append(a.Days, day)
	}
	rows, err := r.o.Store.History(ctx, store.Query{
		By: by, Zone: zone,
		Since: usage.MillisOf(a.Days[0].Start), Until: usage.MillisOf(a.Days[len(a.Days)-1].End),
	})
	if err != nil {
		return nil, err
	}
	a.fill(rows, index)
	return a, nil
}

// fill sorts rows into groups and days.
func (a *DaysAnswer) fill(rows []store.Row, index map[civil]int) {
	type cell struct {
		day int
		usage.Counts
	}
	type id struct{ agent, model, project string }
	groups := map[id]*Group{}
	cells := map[id][]cell{}
	for _, row := range rows {
		day, ok := index[civilOf(row.Start, a.Zone)]
		if !ok {
			continue
		}
		k := id{model: row.Model, project: row.Project}
		if a.Range.Split == store.Agent {
			k = id{agent: string(row.Agent)}
		}
		g := groups[k]
		if g == nil {
			g = &Group{Agent: row.Agent, Model: k.model, Project: k.project}
			groups[k] = g
		} else if g.Agent != row.Agent {
			g.Agent = ""
		}
		g.Counts = g.Counts.Plus(row.Counts)
		cells[k] = append(cells[k], cell{day, row.Counts})
		a.Days[day].Counts = a.Days[day].Counts.Plus(row.Counts)
		a.Totals = a.Totals.Plus(row.Counts)
	}
	order := make([]id, 0, len(groups))
	for k := range groups {
		order = append(order, k)
	}
	slices.SortFunc(order, func(x, y id) int {
		return cmp.Or(
			-cmp.Compare(groups[x].Fresh(), groups[y].Fresh()), -cmp.Compare(groups[x].Total(), groups[y].Total()),
			cmp.Compare(x.agent, y.agent), cmp.Compare(x.model, y.model), cmp.Compare(x.project, y.project),
		)
	})
	for i := range a.Days {
		a.Days[i].Parts = make([]usage.Counts, len(order))
	}
	for i, k := range order {
		a.Groups = append(a.Groups, *groups[k])
		for _, c := range cells[k] {
			a.Days[c.day].Parts[i] = a.Days[c.day].Parts[i].Plus(c.Counts)
		}
	}
}
