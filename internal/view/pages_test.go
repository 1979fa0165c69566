package view

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tokenmeter/internal/health"
	"tokenmeter/internal/report"
	"tokenmeter/internal/store"
	"tokenmeter/internal/usage"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares a model, as JSON, with testdata/<name>.json.
func golden(t *testing.T, name string, model any) {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(model); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), want) {
		got, expected := strings.Split(b.String(), "\n"), strings.Split(string(want), "\n")
		for i := range got {
			if i >= len(expected) || got[i] != expected[i] {
				t.Fatalf("%s, line %d: got %q; run with -update and look at the difference", path, i+1, got[i])
			}
		}
		t.Fatalf("%s: the model is shorter than the file", path)
	}
}

// The agents of the tests.
func agents() []report.AgentState {
	return []report.AgentState{
		{Agent: report.Agent{ID: "claude", Name: "Claude", Slot: 0}, Found: true, Places: []report.Place{{Path: "/home/x/.claude/projects"}}},
		{Agent: report.Agent{ID: "codex", Name: "Codex", Slot: 1}, Found: true, Places: []report.Place{{Path: "/home/x/.codex/sessions"}}},
	}
}

// busy is a Friday at work in Berlin.
func busy(t testing.TB) *report.Snapshot {
	berlin := zone(t, "Europe/Berlin")
	at := time.Date(2026, 11, 20, 11, 48, 12, 0, berlin)
	s := &report.Snapshot{
		Number: 7, At: at, Zone: berlin, Home: "/home/x", Agents: agents(), Since: time.Date(2026, 2, 2, 9, 0, 0, 0, berlin),
	}
	s.Agents[0].Events, s.Agents[0].Last = 5649, at.Add(-time.Second)
	s.Agents[1].Events, s.Agents[1].Last = 2348, at.Add(-4*time.Second)
	s.Now = report.Now{
		FreshPerMinute: 11_342, CacheReadsPerMinute: 158_400, Live: true,
		ByAgent: map[usage.AgentID]int64{"claude": 7_060, "codex": 4_282},
	}
	for i := range 61 {
		m := report.Minute{Start: at.Truncate(time.Minute).Add(time.Duration(i-60) * time.Minute), Fresh: map[usage.AgentID]int64{}}
		if i%20 == 0 {
			m.Fresh["claude"], m.Fresh["codex"], m.CacheReads = int64(1000*i), 500, 68_100
		}
		s.Now.Minutes = append(s.Now.Minutes, m)
	}
	session := func(agent usage.AgentID, project, branch, model string, context, window int64, ago time.Duration, fresh int64) report.SessionNow {
		return report.SessionNow{
			Working: ago < 2*time.Minute,
			SessionSum: store.SessionSum{
				Session: usage.Session{
					Agent: agent, ID: project, Project: project, Branch: branch, Model: model, ContextTokens: context, ContextWindow: window,
				},
				Last: usage.MillisOf(at.Add(-ago)), Counts: usage.Counts{Tokens: usage.Tokens{Output: fresh}, Requests: 3, UnpricedTokens: fresh},
			},
		}
	}
	s.Now.Sessions = []report.SessionNow{
		session("claude", "/home/x/w/tokenmeter", "window-charts", "claude-opus-5-5", 124_000, 200_000, time.Second, 486_000),
		session("codex", "/home/x/w/shop-api", "checkout-retry", "gpt-6.1-sol", 182_000, 0, 4*time.Second, 431_000),
		session("claude", "", "", "", 0, 0, 18*time.Minute, 204_000),
	}
	s.Today = report.Today{
		Start:  time.Date(2026, 11, 20, 0, 0, 0, 0, berlin),
		Counts: usage.Counts{Tokens: usage.Tokens{Input: 40_000, CacheWrite5m: 1_300_000, Output: 500_000, CacheRead: 24_100_000}, Requests: 239, UnpricedTokens: 25_940_000},
		Hours:  make([]int64, 12), Usual: make([]int64, 24), UsualLow: make([]int64, 24), UsualHigh: make([]int64, 24),
		UsualNow: 1_137_000, UsualPerMinute: 5_830,
	}
	s.Today.Hours[11] = 1_840_000
	for i := range 24 {
		s.Today.Usual[i], s.Today.UsualLow[i], s.Today.UsualHigh[i] = int64(i)*150_000, int64(i)*130_000, int64(i)*170_000
	}
	window := func(agent usage.AgentID, minutes int64, used float64, resets time.Time, source usage.Source) report.Window {
		return report.Window{
			Agent: agent, LimitID: string(agent), WindowMinutes: minutes, UsedPercent: &used, ResetsAt: resets,
			ObservedAt: at.Add(-3 * time.Minute), Source: source,
		}
	}
	s.Windows = []report.Window{
		window("codex", 10080, 17, time.Date(2026, 11, 26, 9, 0, 0, 0, berlin), usage.SourceServer),
		window("codex", 300, 0, time.Time{}, usage.SourceDerived),
		window("claude", 300, 62.4, time.Date(2026, 11, 20, 14, 20, 0, 0, berlin), usage.SourceServer),
	}
	return s
}

// empty is a machine without logs.
func empty(t testing.TB) *report.Snapshot {
	s := busy(t)
	bare := &report.Snapshot{At: s.At, Zone: s.Zone, Home: s.Home, Agents: agents()}
	bare.Agents[0].Found, bare.Agents[1].Found = false, true
	bare.Agents[1].Places[0].There = true
	bare.Today.Start = s.Today.Start
	return bare
}

// snapshots are the states that could go wrong.
func snapshots(t testing.TB) map[string]*report.Snapshot {
	all := map[string]*report.Snapshot{"busy": busy(t), "empty": empty(t)}
	add := func(name string, change func(s *report.Snapshot)) {
		s := busy(t)
		change(s)
		all[name] = s
	}
	idle := func(s *report.Snapshot) {
		s.Now.Live, s.Now.FreshPerMinute, s.Now.CacheReadsPerMinute, s.Now.ByAgent = false, 0, 0, nil
	}
	add("idle since yesterday", func(s *report.Snapshot) {
		idle(s)
		s.Now.Sessions = nil
		s.Today.Counts = usage.Counts{}
		for i := range s.Now.Minutes {
			s.Now.Minutes[i].Fresh, s.Now.Minutes[i].CacheReads = nil, 0
		}
		for i := range s.Agents {
			s.Agents[i].Last = s.At.Add(-18*time.Hour - 46*time.Minute)
		}
	})
	add("one request, no usual day, no window", func(s *report.Snapshot) {
		s.Windows, s.Now.Sessions, s.Agents = nil, s.Now.Sessions[:1], s.Agents[:1]
		s.Now.FreshPerMinute, s.Now.CacheReadsPerMinute, s.Now.ByAgent = 1, 0, map[usage.AgentID]int64{"claude": 1}
		s.Today = report.Today{Start: s.Today.Start, Counts: usage.Counts{Tokens: usage.Tokens{Input: 1}, Requests: 1}, Hours: []int64{1}}
	})
	add("exhausted", func(s *report.Snapshot) { *s.Windows[0].UsedPercent, s.Windows[0].Source = 100, usage.SourceDerived })
	add("stale and broken", func(s *report.Snapshot) {
		s.StaleSince = s.At.Add(-20 * time.Minute)
		s.Findings = []health.Finding{
			{Code: health.DiskFull, Severity: health.Error, Subject: "/data/tokenmeter.db"},
			{Code: health.NoTrayHost, Severity: health.Info},
			{Code: health.LinesSkipped, Severity: health.Info, Subject: "Claude", Args: []string{"3"}},
		}
	})
	add("reading for the first time", func(s *report.Snapshot) {
		s.Reading = report.Progress{Running: true, FirstStart: true, Files: 2715, FilesDone: 1, Bytes: 2_050_000_000, BytesDone: 1_680_000_000}
	})
	add("priced", func(s *report.Snapshot) {
		hour := usage.Micros(6_600_000)
		s.Now.CostPerHour = &hour
		s.Today.Counts.Cost, s.Today.Counts.PricedRequests, s.Today.Counts.UnpricedTokens = 12_220_000, 239, 0
		s.Now.Sessions[0].Cost, s.Now.Sessions[0].PricedRequests = 6_420_000, 3
	})
	add("huge numbers", func(s *report.Snapshot) {
		s.Now.FreshPerMinute, s.Now.CacheReadsPerMinute = 9_876_543_210, 1<<62
		s.Today.Counts.Input, s.Today.Counts.Requests = 1<<61, 123_456_789
		s.Now.Sessions[0].ContextTokens = 900_000 // more than the window holds
	})
	add("names that do not fit", func(s *report.Snapshot) {
		s.Now.Sessions[0].Project = "/w/" + strings.Repeat("ünter-", 40)
		s.Now.Sessions[0].Model = strings.Repeat("model", 40)
		s.Windows[2].LimitID = "claude:" + strings.Repeat("x", 200)
	})
	add("more windows of one agent", func(s *report.Snapshot) {
		s.Windows[0].LimitID = "codex_other"
		s.Windows[1].Account, s.Windows[1].WindowMinutes = "b27f0c1d9e", 0
		s.Windows = append(s.Windows, report.Window{Agent: "gone", LimitID: "gone", WindowMinutes: 43_200, Source: usage.SourceUnknown})
	})
	add("eight agents", func(s *report.Snapshot) {
		for i, name := range []string{"A", "B", "C", "D", "E", "F"} {
			id := usage.AgentID(strings.ToLower(name))
			s.Agents = append(s.Agents, report.AgentState{Agent: report.Agent{ID: id, Name: name, Slot: i + 2}, Found: true, Events: 1})
			s.Now.Minutes[60].Fresh[id] = int64(10 * (i + 1))
		}
	})
	add("all windows passed without news", func(s *report.Snapshot) {
		s.Windows = s.Windows[1:2]
	})
	add("after midnight", func(s *report.Snapshot) {
		idle(s)
		s.At = time.Date(2026, 11, 21, 0, 0, 1, 0, s.Zone)
		s.Today = report.Today{Start: s.At.Add(-time.Second), Hours: []int64{0}, Usual: make([]int64, 24)}
	})
	all["the store is not open yet"] = &report.Snapshot{At: busy(t).At, Zone: busy(t).Zone, Reading: report.Progress{Running: true}}
	return all
}

func file(name string) string { return strings.NewReplacer(" ", "-", ",", "").Replace(name) }

func TestLivePage(t *testing.T) {
	for name, s := range snapshots(t) {
		t.Run(name, func(t *testing.T) {
			page := LivePage(s)
			columns := page.Chart.Columns
			if len(columns) > 3 && name != "busy" { // one file shows them all
				page.Chart.Columns = columns[len(columns)-1:]
			}
			page.Chart.Zone = nil
			golden(t, "live-"+file(name), page)
		})
	}
}

func TestTrayItemAndGlance(t *testing.T) {
	for name, s := range snapshots(t) {
		t.Run(name, func(t *testing.T) {
			tray := TrayItem(s)
			if n := units(tray.Tooltip); n > 127 {
				t.Errorf("the tooltip has %d units: %q", n, tray.Tooltip)
			}
			if tray.Ring.Share < 0 || tray.Ring.Share > 1 {
				t.Errorf("the ring shows %v", tray.Ring.Share)
			}
			golden(t, "tray-"+file(name), struct {
				Tray   Tray
				Glance []string
			}{tray, Glance(s)})
		})
	}
}

func TestTodayShareNeverFalls(t *testing.T) {
	last := -1.0
	for n := int64(0); n < 1<<40; n = n*3/2 + 1 {
		share := todayShare(report.Today{Counts: usage.Counts{Tokens: usage.Tokens{Input: n}}})
		if share < last || share > 1 {
			t.Fatalf("with %d tokens the share is %v after %v", n, share, last)
		}
		last = share
	}
}

// week is seven days that end on the Friday of busy.
func week(t testing.TB, split store.Dimension) *report.DaysAnswer {
	berlin := zone(t, "Europe/Berlin")
	d := &report.DaysAnswer{
		Range: report.Range{Days: 7, Split: split}, Zone: berlin, First: time.Date(2026, 11, 16, 10, 0, 0, 0, berlin),
		Agents: []report.Agent{{ID: "claude", Name: "Claude", Slot: 0}, {ID: "codex", Name: "Codex", Slot: 1}},
	}
	switch split {
	case store.Agent:
		d.Groups = []report.Group{{Agent: "codex"}, {Agent: "claude"}, {Agent: "unknown"}}
	case store.Model:
		for _, m := range []string{"m1", "m2", "m3", "m4", "m5", "m6", "m7", ""} {
			d.Groups = append(d.Groups, report.Group{Model: m})
		}
	case store.Project:
		d.Groups = []report.Group{{Project: "/w/shop"}, {Project: "/x/shop"}, {Project: ""}}
	}
	for i := range 7 {
		day := report.Day{
			Start: time.Date(2026, 11, 14+i, 0, 0, 0, 0, berlin), End: time.Date(2026, 11, 15+i, 0, 0, 0, 0, berlin),
			Recorded: i >= 2, Parts: make([]usage.Counts, len(d.Groups)),
		}
		if i >= 2 && i != 4 { // Wednesday is a zero, not a hole
			for g := range d.Groups {
				n := int64(1_000_000 / (g + 1))
				part := usage.Counts{Tokens: usage.Tokens{Input: n, Output: n / 10, CacheRead: 14 * n}, Requests: int64(i), UnpricedTokens: 15*n + n/10}
				if g == 1 {
					part.CacheWrite5m = n / 2
				}
				day.Parts[g] = part
				day.Counts = day.Counts.Plus(part)
				d.Groups[g].Counts = d.Groups[g].Counts.Plus(part)
			}
		}
		d.Totals = d.Totals.Plus(day.Counts)
		d.Days = append(d.Days, day)
	}
	return d
}

func TestHistoryPage(t *testing.T) {
	cases := map[string]struct {
		days *report.DaysAnswer
		now  *report.Snapshot
	}{
		"by agent":      {week(t, store.Agent), busy(t)},
		"by model":      {week(t, store.Model), busy(t)},
		"by project":    {week(t, store.Project), busy(t)},
		"empty machine": {&report.DaysAnswer{Range: report.Range{Days: 7, Split: store.Agent}, Zone: busy(t).Zone}, empty(t)},
	}
	quiet := week(t, store.Agent)
	quiet.Groups, quiet.Totals = nil, usage.Counts{}
	for i := range quiet.Days {
		quiet.Days[i].Counts, quiet.Days[i].Parts, quiet.Days[i].Recorded = usage.Counts{}, nil, true
	}
	cases["a week without data"] = struct {
		days *report.DaysAnswer
		now  *report.Snapshot
	}{quiet, busy(t)}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			page := HistoryPage(c.days, c.now)
			page.Chart.Zone = nil
			golden(t, "history-"+file(name), page)
		})
	}
}

func TestSpan(t *testing.T) {
	day := func(y int, m time.Month, d int) report.Day {
		return report.Day{Start: time.Date(y, m, d, 0, 0, 0, 0, time.UTC)}
	}
	for want, days := range map[string][]report.Day{
		"":                          nil,
		"20 Nov 2026":               {day(2026, 11, 20)},
		"22 Oct to 20 Nov 2026":     {day(2026, 10, 22), day(2026, 11, 20)},
		"28 Dec 2025 to 3 Jan 2026": {day(2025, 12, 28), day(2026, 1, 3)},
	} {
		if got := span(days); got != want {
			t.Errorf("span = %q, want %q", got, want)
		}
	}
}

// The words keep to the design: no exclamation, no two spaces but the menu's, and a narrow
// space before every unit.
func TestWordsKeepToTheDesign(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatal("no golden files", err)
	}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, bad := range []string{"!", " %", " h\"", "1 requests", "1 agents", "1 sessions", "NaN", "Inf", "-1 "} {
			if bytes.Contains(content, []byte(bad)) {
				t.Errorf("%s holds %q", path, bad)
			}
		}
	}
}
