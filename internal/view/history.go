package view

import (
	"strconv"
	"time"

	"tokenmeter/internal/report"
	"tokenmeter/internal/store"
	"tokenmeter/internal/usage"
)

// HistoryPage puts local days into words for the History page; s gives foot and banners.
func HistoryPage(d *report.DaysAnswer, s *report.Snapshot) History {
	h := History{Banners: banners(s), Foot: foot(s), Subtitle: span(d.Days)}
	if h.Empty = EmptyPage(s); h.Empty != nil {
		return h
	}
	if b, ok := repricingBanner(s); ok {
		h.Banners = append(h.Banners, b)
	}
	h.Tiles = tiles(d, s.Currency)
	keys := groupKeys(d)
	h.Chart = daysChart(d, s, keys)
	switch d.Range.Split {
	case store.Model:
		h.Split = "Model"
	case store.Project:
		h.Split = "Project"
	default:
		h.Split = "Agent"
	}
	for i, g := range d.Groups {
		h.Rows = append(h.Rows, tableRow(keys[i].id, keys[i].name, keys[i].slot, g, d.Totals.Fresh(), s.Currency))
	}
	h.Total = tableRow("", "Total", otherSlot, report.Group{Counts: d.Totals}, d.Totals.Fresh(), s.Currency)
	return h
}

// span names the first and the last day: 22 Oct to 20 Nov 2026.
func span(days []report.Day) string {
	if len(days) == 0 {
		return ""
	}
	first, last := days[0].Start, days[len(days)-1].Start
	if len(days) == 1 {
		return last.Format("2 Jan 2006")
	}
	if first.Year() != last.Year() {
		return first.Format("2 Jan 2006") + " to " + last.Format("2 Jan 2006")
	}
	return first.Format("2 Jan") + " to " + last.Format("2 Jan 2006")
}

func tiles(d *report.DaysAnswer, currency usage.Currency) []Figure {
	t := d.Totals
	fresh := t.Fresh()
	price := costFigure(t, currency, "Cost at list price", "no price is known")
	switch {
	case t.Requests == 0:
		price.Caption = "nothing to price"
	case t.PricedRequests == t.Requests:
		price.Caption = "everything is priced"
	case t.PricedRequests > 0:
		price.Caption = Coverage(t)
	}
	requests := Figure{Label: "Requests", Value: Exact(t.Requests), Caption: Dash}
	if t.Requests > 0 {
		requests.Caption = Tokens(fresh/t.Requests) + " fresh tokens each"
	}
	reads := Figure{Label: "Cache reads", Value: Tokens(t.CacheRead), Exact: Exact(t.CacheRead), Caption: Dash}
	if fresh > 0 {
		reads.Caption = ratio(t.CacheRead, fresh)
		reads.Caption = reads.Caption[:len(reads.Caption)-len("×")] + " reads per fresh token"
	}
	active, unrecorded := 0, 0
	for _, day := range d.Days {
		if day.Requests > 0 {
			active++
		}
		if !day.Recorded {
			unrecorded++
		}
	}
	days := Figure{Label: "Active days", Value: strconv.Itoa(active), Caption: "of " + strconv.Itoa(len(d.Days))}
	if unrecorded > 0 {
		days.Caption += ", " + plural(int64(unrecorded), "day", "days") + " without a record"
	}
	return []Figure{
		{Label: "Fresh tokens", Value: Tokens(fresh), Caption: "input + cache write + output", Exact: Exact(fresh)},
		price, requests, reads, days,
	}
}

// groupKeys names the groups. Agents keep their fixed colours; models and projects take
// the palette's slots by size.
func groupKeys(d *report.DaysAnswer) []stackKey {
	keys := make([]stackKey, len(d.Groups))
	projects := make([]string, len(d.Groups))
	for i, g := range d.Groups {
		projects[i] = g.Project
	}
	names := projectNames(projects)
	for i, g := range d.Groups {
		k := stackKey{slot: i, total: g.Fresh(), value: g.Fresh()}
		switch d.Range.Split {
		case store.Model:
			k.id, k.name = g.Model, modelName(g.Model)
		case store.Project:
			k.id, k.name = g.Project, names[i]
		default:
			k.id, k.name, k.slot = string(g.Agent), string(g.Agent), otherSlot
			for _, a := range d.Agents {
				if a.ID == g.Agent {
					k.name, k.slot = a.Name, a.Slot
				}
			}
		}
		if d.Range.Split != store.Agent && i >= MaxSeries {
			k.slot = otherSlot
		}
		keys[i] = k
	}
	return keys
}

func daysChart(d *report.DaysAnswer, s *report.Snapshot, keys []stackKey) Chart {
	stack := newStack(keys)
	c := Chart{Title: "Fresh tokens a day", Zone: d.Zone, Series: stack.series}
	for _, day := range d.Days {
		values := make([]int64, len(stack.series))
		for i, part := range day.Parts {
			if at, ok := stack.of(keys[i].id); ok {
				values[at] += part.Fresh()
			}
		}
		c.Columns = append(c.Columns, stack.column(Column{
			Start: day.Start, End: day.End, Values: values, Below: day.CacheRead, NoRecord: !day.Recorded,
			Title: dayTitle(day, s.At),
		}))
	}
	return c
}

// dayTitle names a day, the running one as such.
func dayTitle(day report.Day, now time.Time) string {
	title := day.Start.Format("Mon 2 Jan 2006")
	if !now.Before(day.Start) && now.Before(day.End) {
		title += ", so far"
	}
	return title
}

func tableRow(id, name string, slot int, g report.Group, whole int64, currency usage.Currency) Row {
	row := Row{
		ID: id, Name: name, Slot: slot, Fresh: Tokens(g.Fresh()), Share: share(g.Fresh(), whole),
		Input: Tokens(g.Input), CacheWrite: Dash, Output: Tokens(g.Output), CacheReads: Tokens(g.CacheRead),
		Requests: Exact(g.Requests), Cost: cost(g.Counts, currency), Counts: g.Counts,
	}
	if g.CacheWrite() > 0 { // most agents do not log it, and none says so
		row.CacheWrite = Tokens(g.CacheWrite())
	}
	return row
}
