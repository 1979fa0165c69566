// Package pagetest holds view models for tests of the pages: a working day as the design
// shows it, an idle machine, and one without any logs. Everything in it is fixed: clock,
// zone and figures. It is imported by tests only.
package pagetest

import (
	"fmt"
	"time"

	"tokenmeter/internal/usage"
	"tokenmeter/internal/view"
)

// Zone is the zone of all models.
func Zone() *time.Location { return time.FixedZone("test", 3600) }

// Now is the moment of all models: Friday, 20 November 2026, 11:48.
func Now() time.Time { return time.Date(2026, 11, 20, 11, 48, 30, 0, Zone()) }

// noise is a small generator, the same everywhere and for ever.
type noise uint32

func (n *noise) next() float64 {
	*n = *n*1664525 + 1013904223
	return float64(*n>>8) / (1 << 24)
}

const narrow = view.NarrowSpace

func foot() view.Foot {
	return view.Foot{Age: "Current to 1 s ago", Fresh: true, Agents: "5 agents, since 2 Feb", Network: "Network off"}
}

// Live is a page with everything on it.
func Live() view.Live {
	return view.Live{
		Subtitle: "3 agents working",
		Rate:     view.Figure{Label: "Fresh tokens a minute", Value: "11.3k", Caption: "usual at this hour 5.83k", Exact: "11,318"},
		Cost:     view.Figure{Label: "Cost", Value: "$6.60", Caption: "an hour"},
		Reads:    view.Figure{Label: "Cache reads", Value: "158k", Caption: "a minute", Exact: "158,204"},
		ReRead:   view.Figure{Label: "Re-read factor", Value: "14.0×", Caption: "reads per fresh"},
		Chart:    hour(),
		Working:  "3 working, 2 idle",
		Sessions: []view.Session{
			{ID: "1", Slot: 0, Agent: "Claude", Project: "tokenmeter", Path: "~/w/tokenmeter", Branch: "window-charts", Model: "claude-opus-5-5", Context: "62" + narrow + "%", Fill: .62, Fresh: "486k", Exact: "486,112", Cost: "$6.42", LastLine: "1" + narrow + "s", Working: true},
			{ID: "2", Slot: 1, Agent: "Codex", Project: "shop-api", Path: "~/w/shop-api", Branch: "checkout-retry", Model: "gpt-6.1-sol", Context: "67" + narrow + "%", Fill: .67, Fresh: "431k", Exact: "431,004", Cost: "$1.97", LastLine: "4" + narrow + "s", Working: true},
			{ID: "3", Slot: 2, Agent: "Gemini", Project: "atlas-docs", Path: "~/w/atlas-docs", Branch: "main", Model: "gemini-3.8-flash", Context: "9" + narrow + "%", Fill: .09, Fresh: "118k", Exact: "118,440", Cost: "$0.18", LastLine: "11" + narrow + "s", Working: true},
			{ID: "4", Slot: 0, Agent: "Claude", Project: "infra", Path: "~/w/infra", Branch: "dns-move", Model: "claude-sonnet-5-5", Context: "23" + narrow + "%", Fill: .23, Fresh: "204k", Exact: "203,871", Cost: "$1.35", LastLine: "18" + narrow + "min"},
			{ID: "5", Slot: 3, Agent: "OpenCode", Project: "notes", Path: "~/notes", Branch: "main", Model: "kimi-k2.7-code", Context: "36.7k", Fill: -1, Fresh: "57.0k", Exact: "57,003", Cost: view.Dash, LastLine: "26" + narrow + "min"},
		},
		Today: today(),
		Windows: []view.Allowance{
			{Name: "Copilot month", Used: "101" + narrow + "%", Share: 1.01, Reset: "resets 1 Dec", Source: "server, 8 min ago", Verdict: view.Out, Known: true},
			{Name: "Claude 5" + narrow + "h", Used: "62" + narrow + "%", Share: .62, Reset: "resets 14:20", Source: "server, 3 min ago", Known: true},
			{Name: "Claude 7" + narrow + "d", Used: "54" + narrow + "%", Share: .54, Reset: "resets Mon 08:00", Source: "server, 3 min ago", Known: true},
			{Name: "Codex 7" + narrow + "d", Used: "17" + narrow + "%", Share: .17, Reset: "resets Thu 09:00", Source: "server, 4 s ago", Known: true},
			{Name: "Codex 5" + narrow + "h", Used: view.Dash, Share: 0, Reset: "full again", Source: "unknown"},
		},
		Foot: foot(),
	}
}

func hour() view.Chart {
	c := view.Chart{
		Title: "Fresh tokens a minute", Zone: Zone(),
		Series: []view.Series{
			{ID: "claude", Name: "Claude", Slot: 0, Value: "7.06k"},
			{ID: "codex", Name: "Codex", Slot: 1, Value: "3.42k"},
			{ID: "gemini", Name: "Gemini", Slot: 2, Value: "840"},
		},
	}
	n := noise(7)
	start := Now().Truncate(time.Minute).Add(-60 * time.Minute)
	for i := range 61 {
		at := start.Add(time.Duration(i) * time.Minute)
		values := []int64{int64(2000 + n.next()*8000), int64(n.next() * 5000), int64(n.next() * 2500)}
		switch {
		case i < 12:
			values[1], values[2] = 0, 0
		case i < 31:
			values[0] /= 3
			values[2] = 0
		}
		if i%13 == 8 {
			values[0] += 15000
		}
		if i >= 26 && i < 30 {
			values = []int64{0, 0, 0}
		}
		fresh := values[0] + values[1] + values[2]
		c.Columns = append(c.Columns, column(view.Column{
			Start: at, End: at.Add(time.Minute), Values: values, Below: fresh * int64(12+n.next()*6), Title: at.Format("15:04"),
		}, c.Series))
	}
	return c
}

func column(c view.Column, series []view.Series) view.Column {
	sum := int64(0)
	for _, v := range c.Values {
		sum += v
	}
	c.Total = view.Tokens(sum)
	for i := len(c.Values) - 1; i >= 0; i-- {
		if c.Values[i] > 0 {
			c.Parts = append(c.Parts, view.Part{Series: i, Name: series[i].Name, Share: view.Percent(100 * float64(c.Values[i]) / float64(sum)), Value: view.Tokens(c.Values[i])})
		}
	}
	if c.Below > 0 {
		c.Note = "Cache reads, apart " + view.Tokens(c.Below)
	}
	return c
}

func today() view.Today {
	t := view.Today{
		Date:     "Fri 20 Nov, 11:48",
		Fresh:    view.Figure{Value: "1.84M", Caption: "fresh tokens", Exact: "1,842,016"},
		Cost:     view.Figure{Value: "$12.22", Caption: "at list price"},
		Requests: view.Figure{Value: "239", Caption: "requests"},
		Hours:    []int64{0, 0, 0, 0, 0, 0, 0, 20e3, 310e3, 690e3, 1300e3, 1842e3},
		NowShare: 11.8 / 24, Legend: "Usual Friday, half of them in the band", Against: "+62" + narrow + "%",
	}
	sum := 0.0
	for _, share := range [24]float64{.3, 0, 0, 0, 0, 0, 0, .6, 3.6, 7.2, 9.4, 8.6, 4.2, 6.4, 9, 9.6, 8.2, 5.6, 2.6, 1.4, 2.2, 3, 1.9, .8} {
		sum += share / 84.6 * 3.44e6
		t.Usual = append(t.Usual, int64(sum))
		t.Low = append(t.Low, int64(sum*.85))
		t.High = append(t.High, int64(sum*1.16))
	}
	return t
}

// Idle is a Live page of a quiet morning: nothing now, no allowance known, a warning.
func Idle() view.Live {
	l := Live()
	l.Subtitle = "Idle, last line yesterday 17:02"
	l.Rate = view.Figure{Label: "Fresh tokens a minute", Value: "0", Exact: "0"}
	l.Cost.Value, l.Reads.Value, l.ReRead.Value = view.Dash, "0", view.Dash
	l.Chart.Series = nil
	l.Chart.Columns = append([]view.Column(nil), l.Chart.Columns...)
	for i, c := range l.Chart.Columns {
		l.Chart.Columns[i] = view.Column{Start: c.Start, End: c.End, Title: c.Title, Total: "0"}
	}
	l.Sessions, l.Working, l.Windows = nil, "", nil
	l.Today.Fresh.Value, l.Today.Cost.Value, l.Today.Requests.Value = "0", view.Dash, "0"
	l.Today.Hours = []int64{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	l.Today.Usual, l.Today.Low, l.Today.High = nil, nil, nil
	l.Today.Legend, l.Today.Against = "No usual Friday known yet", ""
	l.Foot = view.Foot{Age: "Last line yesterday 17:02", Agents: "2 agents, since 2 Feb", Network: "Network off"}
	l.Banners = Banners()
	return l
}

// Banners are one of each important kind.
func Banners() []view.Banner {
	return []view.Banner{
		{Kind: view.BannerError, Title: "Codex cannot be read.", Text: "Permission denied in 1 of 14 folders.", Share: -1, Remedy: "Give your user the right to read ~/.codex/sessions, then wait a minute."},
		{Kind: view.BannerReading, Title: "Reading what your agents wrote, newest first", Text: "640 of 902 files, 812" + narrow + "MB of 1.14" + narrow + "GB", Share: .71},
	}
}

// Empty is what both pages show on a machine without logs.
func Empty() *view.Empty {
	return &view.Empty{
		Headline: "No agent logs on this machine",
		Text:     "Tokenmeter counts what coding agents write to disk. Start one, and it shows up here within a second. Or look around with simulated agents first.",
		Places: []view.Place{
			{Agent: "Claude", Path: "~/.claude/projects", State: "no such folder"},
			{Agent: "Claude", Path: "~/.config/claude/projects", State: "no such folder"},
			{Agent: "Codex", Path: "~/.codex/sessions", State: "no usage in it yet"},
			{Agent: "Codex", Path: "~/.codex/archived_sessions", State: "no such folder"},
		},
	}
}

// EmptyFoot is the foot that goes with Empty.
func EmptyFoot() view.Foot {
	return view.Foot{Age: "Waiting for a first event", Agents: "0 of 2 agents", Network: "Network off"}
}

// History is a month split by agent, with a day of zero and two without a record.
func History() view.History { return history(agents(), 30, "Agent") }

// Projects is a quarter split by many projects, some with long names.
func Projects() view.History {
	list := make([]group, 40)
	for i := range list {
		list[i] = group{id: fmt.Sprintf("/home/ada/w/project-%02d", i), name: fmt.Sprintf("project-%02d", i), slot: i, weight: 1 / float64(i+1)}
		if i == 1 {
			list[i].name = "a-service-with-a-name-that-is-much-too-long-for-its-column"
		}
		if i >= 5 {
			list[i].slot = -1
		}
	}
	return history(list, 90, "Project")
}

type group struct {
	id, name string
	slot     int
	weight   float64
}

func agents() []group {
	return []group{
		{"claude", "Claude", 0, 1}, {"codex", "Codex", 1, .6}, {"gemini", "Gemini", 2, .22}, {"opencode", "OpenCode", 3, .16}, {"copilot", "Copilot", 4, .13},
	}
}

func history(groups []group, days int, split string) view.History {
	h := view.History{
		Subtitle: "22 Oct to 20 Nov 2026", Split: split, Foot: foot(),
		Chart: view.Chart{Title: "Fresh tokens a day", Zone: Zone()},
		Tiles: []view.Figure{
			{Label: "Fresh tokens", Value: "76.5M", Caption: "input + cache write + output", Exact: "76,512,004"},
			{Label: "Cost at list price", Value: "$519.10", Caption: "everything is priced"},
			{Label: "Requests", Value: "10,036", Caption: "7.62k fresh tokens each"},
			{Label: "Cache reads", Value: "1.08B", Caption: "14.2 reads per fresh token", Exact: "1,084,220,117"},
			{Label: "Active days", Value: "24", Caption: "of 30, 2 days without a record"},
		},
	}
	const most = 5
	for i, g := range groups {
		if i < most {
			h.Chart.Series = append(h.Chart.Series, view.Series{ID: g.id, Name: g.name, Slot: g.slot})
		}
	}
	if len(groups) > most {
		h.Chart.Series = append(h.Chart.Series, view.Series{ID: "other", Name: "Other", Slot: -1})
	}
	n := noise(11)
	sums := make([]int64, len(groups))
	first := time.Date(2026, 11, 20, 0, 0, 0, 0, Zone()).AddDate(0, 0, 1-days)
	for i := range days {
		at := first.AddDate(0, 0, i)
		c := view.Column{Start: at, End: at.AddDate(0, 0, 1), Values: make([]int64, len(h.Chart.Series)), Title: at.Format("Mon 2 Jan 2006")}
		if i == 9 || i == 10 {
			c.NoRecord, c.Total, c.Note = true, view.Dash, "No record of this day"
			h.Chart.Columns = append(h.Chart.Columns, c)
			continue
		}
		strength := 1.2e6 + n.next()*1.4e6
		switch at.Weekday() {
		case time.Saturday:
			strength *= .1
		case time.Sunday:
			strength = 0
		}
		for j, g := range groups {
			v := int64(strength * g.weight * (.4 + n.next()))
			sums[j] += v
			c.Values[min(j, most)] += v
		}
		c.Below = int64(strength * 14)
		h.Chart.Columns = append(h.Chart.Columns, column(c, h.Chart.Series))
	}
	total := int64(0)
	for _, v := range sums {
		total += v
	}
	for j, g := range groups {
		h.Rows = append(h.Rows, row(g.id, g.name, g.slot, sums[j], total))
	}
	h.Total = row("", "Total", -1, total, total)
	return h
}

func row(id, name string, slot int, fresh, total int64) view.Row {
	c := usage.Counts{
		Tokens:   usage.Tokens{Input: fresh / 10, CacheWrite5m: fresh * 6 / 10, Output: fresh - fresh/10 - fresh*6/10, CacheRead: fresh * 14},
		Requests: fresh / 7620, Cost: usage.Micros(fresh * 7),
	}
	return view.Row{
		ID: id, Name: name, Slot: slot, Fresh: view.Tokens(fresh), Share: view.Percent(100 * float64(fresh) / float64(total)),
		Input: view.Tokens(c.Input), CacheWrite: view.Tokens(c.CacheWrite()), Output: view.Tokens(c.Output),
		CacheReads: view.Tokens(c.CacheRead), Requests: view.Exact(c.Requests), Cost: view.Money(c.Cost), Counts: c,
	}
}
