package view

import (
	"fmt"
	"strings"
	"time"

	"tokenmeter/internal/report"
	"tokenmeter/internal/usage"
)

// isEmpty: nothing was ever counted, and nothing is being read.
func isEmpty(s *report.Snapshot) bool {
	for _, a := range s.Agents {
		if a.Events > 0 {
			return false
		}
	}
	return s.Since.IsZero() && !s.Reading.Running
}

// EmptyPage says that nothing was found and where it was looked; nil when there is
// something to show.
func EmptyPage(s *report.Snapshot) *Empty {
	if !isEmpty(s) {
		return nil
	}
	e := &Empty{
		Headline: "No agent logs on this machine",
		Text: "Tokenmeter counts what coding agents write to disk. Start one, and it shows up here within a second. " +
			"Or look around with simulated agents first.",
	}
	for _, a := range s.Agents {
		for _, p := range a.Places {
			state := "no such folder"
			if p.There {
				state = "no usage in it yet"
			}
			e.Places = append(e.Places, Place{Agent: a.Name, Path: ShortPath(p.Path, s.Home), State: state})
		}
	}
	return e
}

// foot is the bottom of the rail.
func foot(s *report.Snapshot) Foot {
	f := Foot{Network: network(s.Online)}
	found := int64(0)
	for _, a := range s.Agents {
		if a.Events > 0 {
			found++
		}
	}
	last := lastLine(s)
	switch {
	case !s.StaleSince.IsZero():
		f.Age = "Not current since " + Moment(s.StaleSince, s.At)
	case last.IsZero():
		f.Age = "Waiting for a first event"
	case s.Now.Live:
		f.Age, f.Fresh = "Current to "+Ago(last, s.At), true
	default:
		f.Age = "Last line " + Ago(last, s.At)
	}
	f.Agents = plural(found, "agent", "agents")
	if s.Since.IsZero() {
		f.Agents = fmt.Sprintf("%d of %s", found, plural(int64(len(s.Agents)), "agent", "agents"))
	} else {
		f.Agents += ", since " + date(s.Since.In(s.Zone), s.At)
	}
	return f
}

// banners are the lines over a page: what is wrong first, then what is going on.
func banners(s *report.Snapshot) []Banner {
	var list []Banner
	if !s.StaleSince.IsZero() {
		b := Banner{
			Kind: BannerStale, Title: "Figures from " + Moment(s.StaleSince, s.At), Share: -1,
			Text: "The meter does not answer, so nothing new is counted.", Remedy: "Start Tokenmeter again.",
		}
		if failed(s.Findings) { // the next banner says why, and what to do
			b.Text, b.Remedy = "Nothing new is counted for now.", ""
		}
		list = append(list, b)
	}
	list = append(list, findingBanners(s.Findings)...)
	if b, ok := readingBanner(s.Reading); ok {
		list = append(list, b)
	}
	return list
}

// worthABanner is how many bytes a later reading must have before it is announced; a
// smaller one is over before anyone has read the words.
const worthABanner = 64 << 20

func readingBanner(p report.Progress) (Banner, bool) {
	if !p.Running || p.Files == 0 || (!p.FirstStart && p.Bytes < worthABanner) {
		return Banner{}, false
	}
	b := Banner{Kind: BannerReading, Title: "Reading what your agents wrote, newest first", Share: -1}
	b.Text = fmt.Sprintf("%s of %s", Exact(int64(p.FilesDone)), plural(int64(p.Files), "file", "files"))
	if p.Bytes > 0 {
		b.Text += fmt.Sprintf(", %s of %s", Bytes(p.BytesDone), Bytes(p.Bytes))
		b.Share = min(1, max(0, float64(p.BytesDone)/float64(p.Bytes)))
	}
	return b, true
}

// LivePage puts a snapshot into words for the Live page.
func LivePage(s *report.Snapshot) Live {
	l := Live{Banners: banners(s), Foot: foot(s)}
	if l.Empty = EmptyPage(s); l.Empty != nil {
		l.Subtitle = "No agents found yet"
		return l
	}
	l.Subtitle = atWork(s)
	l.Rate = Figure{Label: "Fresh tokens a minute", Value: Tokens(s.Now.FreshPerMinute), Exact: Exact(s.Now.FreshPerMinute)}
	if s.Today.UsualPerMinute > 0 {
		l.Rate.Caption = "usual at this hour " + Tokens(s.Today.UsualPerMinute)
	}
	l.Cost = Figure{Label: "Cost", Value: Dash, Caption: "an hour"}
	if s.Now.CostPerHour != nil {
		l.Cost.Value = Amount(*s.Now.CostPerHour, s.Currency)
		l.Cost.Exact = bothAmounts(*s.Now.CostPerHour, s.Currency)
	}
	l.Reads = Figure{
		Label: "Cache reads", Value: Tokens(s.Now.CacheReadsPerMinute), Caption: "a minute", Exact: Exact(s.Now.CacheReadsPerMinute),
	}
	l.ReRead = Figure{
		Label: "Re-read factor", Value: ratio(s.Now.CacheReadsPerMinute, s.Now.FreshPerMinute), Caption: "reads per fresh",
	}
	l.Chart = hourChart(s)
	l.Sessions, l.Working = sessions(s)
	l.Today = todayCard(s)
	l.Windows = allowances(s)
	return l
}

// atWork says how many agents are working.
func atWork(s *report.Snapshot) string {
	agents := map[usage.AgentID]bool{}
	for _, q := range s.Now.Sessions {
		if q.Working {
			agents[q.Agent] = true
		}
	}
	if len(agents) > 0 {
		return plural(int64(len(agents)), "agent", "agents") + " working"
	}
	return idle(s)
}

// lastLine is when anything was last counted.
func lastLine(s *report.Snapshot) time.Time {
	var last time.Time
	for _, a := range s.Agents {
		if a.Last.After(last) && !a.Last.After(s.At) {
			last = a.Last
		}
	}
	return last
}

// idle is "Idle, last line 12 min ago".
func idle(s *report.Snapshot) string {
	last := lastLine(s)
	if last.IsZero() {
		return "Idle"
	}
	return "Idle, last line " + Ago(last, s.At)
}

// hourChart is the chart of the last hour.
func hourChart(s *report.Snapshot) Chart {
	keys := make([]stackKey, 0, len(s.Agents))
	for _, a := range s.Agents {
		k := stackKey{id: string(a.ID), name: a.Name, slot: a.Slot, value: s.Now.ByAgent[a.ID]}
		for _, m := range s.Now.Minutes {
			k.total += m.Fresh[a.ID]
		}
		if k.total > 0 || k.value > 0 {
			keys = append(keys, k)
		}
	}
	stack := newStack(keys)
	c := Chart{Title: "Fresh tokens a minute", Zone: s.Zone, Series: stack.series}
	for _, m := range s.Now.Minutes {
		values := make([]int64, len(stack.series))
		for id, fresh := range m.Fresh {
			if i, ok := stack.of(string(id)); ok {
				values[i] += fresh
			}
		}
		c.Columns = append(c.Columns, stack.column(Column{
			Start: m.Start, End: m.Start.Add(time.Minute), Values: values, Below: m.CacheReads,
			Title: m.Start.In(s.Zone).Format("15:04"),
		}))
	}
	return c
}

// sessions lists what is in use, and says how many are at work.
func sessions(s *report.Snapshot) (list []Session, working string) {
	projects := make([]string, len(s.Now.Sessions))
	for i, q := range s.Now.Sessions {
		projects[i] = q.Project
	}
	names := projectNames(projects)
	busy := 0
	for i, q := range s.Now.Sessions {
		name, slot := agentName(s.Agents, q.Agent)
		row := Session{
			ID: q.ID, Slot: slot, Agent: name, Project: names[i], Path: ShortPath(q.Project, s.Home), Branch: q.Branch,
			Model: modelName(q.Model), Context: Dash, Fill: -1, Fresh: Tokens(q.Counts.Fresh()), Exact: Exact(q.Counts.Fresh()),
			Cost: cost(q.Counts, s.Currency), LastLine: Age(q.Last.Time(), s.At), Working: q.Working,
		}
		switch {
		case q.ContextTokens > 0 && q.ContextWindow > 0:
			row.Fill = min(1, float64(q.ContextTokens)/float64(q.ContextWindow))
			row.Context = Percent(100 * float64(q.ContextTokens) / float64(q.ContextWindow))
		case q.ContextTokens > 0:
			row.Context = Tokens(q.ContextTokens)
		}
		if q.Working {
			busy++
		}
		list = append(list, row)
	}
	if len(list) > 0 {
		working = fmt.Sprintf("%d working, %d idle", busy, len(list)-busy)
	}
	return list, working
}

// todayCard is the day against a usual one.
func todayCard(s *report.Snapshot) Today {
	t := s.Today
	fresh := t.Counts.Fresh()
	card := Today{
		Date:     s.At.Format("Mon 2 Jan, 15:04"),
		Fresh:    Figure{Label: "Fresh tokens", Value: Tokens(fresh), Caption: "fresh tokens", Exact: Exact(fresh)},
		Cost:     costFigure(t.Counts, s.Currency, "Cost", "at list price"),
		Requests: Figure{Label: "Requests", Value: Exact(t.Counts.Requests), Caption: "requests"},
		Hours:    t.Hours, Usual: t.Usual, Low: t.UsualLow, High: t.UsualHigh,
		NowShare: (float64(s.At.Hour()) + float64(s.At.Minute())/60) / 24,
		Against:  change(fresh, t.UsualNow),
	}
	if covered := Coverage(t.Counts); covered != "" && t.Counts.PricedRequests > 0 {
		card.Cost.Caption = covered
	}
	if t.Counts.Requests == 1 {
		card.Requests.Caption = "request"
	}
	weekday := s.At.Weekday().String()
	card.Legend = "No usual " + weekday + " known yet"
	if t.Usual != nil {
		card.Legend = "Usual " + weekday + ", half of them in the band"
	}
	return card
}

// tidy removes the parts that are empty and joins the rest.
func tidy(separator string, parts ...string) string {
	kept := parts[:0]
	for _, p := range parts {
		if p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, separator)
}
