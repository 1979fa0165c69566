package view

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"

	"tokenmeter/internal/health"
	"tokenmeter/internal/report"
)

// TrayItem puts a snapshot into words for the tray.
func TrayItem(s *report.Snapshot) Tray {
	fresh := s.Today.Counts.Fresh()
	t := Tray{Ring: ring(s), Windows: trayWindows(s), Live: liveLine(s)}
	t.Today = "Today " + Tokens(fresh) + " fresh, " + plural(s.Today.Counts.Requests, "request", "requests")
	t.Title = Tokens(fresh)
	if s.Today.Counts.PricedRequests > 0 {
		t.Today = "Today " + Tokens(fresh) + " fresh, " + Amount(s.Today.Counts.Cost, s.Currency)
	}
	if w := tightest(s); w != nil {
		t.Title = Percent(*w.UsedPercent)
	}
	if len(s.Online.Asks) > 0 || s.Online.Prices {
		t.Network = NetworkUse(s.Online)
	}
	t.Tooltip = tooltip(s)
	return t
}

// ring is the icon: the tightest window if any is known, else today against a usual day.
func ring(s *report.Snapshot) Ring {
	r := Ring{Live: s.Now.Live, Stale: !s.StaleSince.IsZero(), Failed: failed(s.Findings)}
	if w := tightest(s); w != nil {
		r.Verdict = verdict(w)
		r.Share = min(1, max(0, *w.UsedPercent/100))
		return r
	}
	r.Share = todayShare(s.Today)
	return r
}

// halfFull is how many fresh tokens fill half of the ring while no usual day is known.
const halfFull = 2_000_000

// todayShare is today's fresh tokens against those of a whole usual day, at most 1. Where
// no usual day is known it is n / (n + 2M): it grows with every token, never jumps, and
// leaves room for more.
func todayShare(t report.Today) float64 {
	fresh := max(0, t.Counts.Fresh())
	if len(t.Usual) > 0 && t.Usual[len(t.Usual)-1] > 0 {
		return min(1, float64(fresh)/float64(t.Usual[len(t.Usual)-1]))
	}
	return float64(fresh) / (float64(fresh) + halfFull)
}

// failed: something is wrong that keeps the figures from being right.
func failed(findings []health.Finding) bool {
	for _, f := range findings {
		if f.Severity == health.Error {
			return true
		}
	}
	return false
}

// trayWindows are the menu's lines, in a fixed order: agent, length, limit, account.
func trayWindows(s *report.Snapshot) []string {
	windows := make([]*report.Window, len(s.Windows))
	for i := range s.Windows {
		windows[i] = &s.Windows[i]
	}
	slot := func(w *report.Window) uint {
		_, slot := agentName(s.Agents, w.Agent)
		return uint(slot) // an agent without a slot comes last
	}
	slices.SortStableFunc(windows, func(a, b *report.Window) int {
		return cmp.Or(
			cmp.Compare(slot(a), slot(b)), cmp.Compare(a.LimitID, b.LimitID),
			cmp.Compare(a.Account, b.Account), cmp.Compare(a.WindowMinutes, b.WindowMinutes),
		)
	})
	lines := make([]string, len(windows))
	for i, w := range windows {
		a := allowanceOf(s, w)
		lines[i] = a.Name + "  " + tidy(" · ", a.Used, a.Reset)
	}
	return lines
}

// liveLine is "3.2k tok/min · tokenmeter · opus-5.5" while tokens flow.
func liveLine(s *report.Snapshot) string {
	if !s.Now.Live {
		return idle(s)
	}
	project, model := "", ""
	if len(s.Now.Sessions) > 0 {
		newest := s.Now.Sessions[0]
		if newest.Project != "" {
			project = clip(projectName(newest.Project), 32) + othersWorking(s)
		}
		if othersWorking(s) == "" {
			model = clip(shortModel(newest.Model, newest.Agent), 32)
		}
	}
	return tidy(" · ", rate(s.Now.FreshPerMinute)+" tok/min", project, model)
}

// othersWorking is " and 2 more" where the rate is not the newest session's alone.
func othersWorking(s *report.Snapshot) string {
	n := 0
	for _, q := range s.Now.Sessions[1:] {
		if q.Working {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" and %d more", n)
}

// tooltipLength is what Windows shows of a tooltip, in UTF-16 units.
const tooltipLength = 127

// tooltip answers the three questions in two lines: am I safe, what is burning, and what
// has it come to today.
func tooltip(s *report.Snapshot) string {
	safe := ""
	if w := tightest(s); w != nil {
		a := allowanceOf(s, w)
		safe = a.Name + " " + tidy(", ", a.Used, a.Reset)
	} else {
		safe = "No log says what your plan allows"
	}
	burning := idle(s)
	if s.Now.Live {
		burning = rate(s.Now.FreshPerMinute) + " tok/min"
		if len(s.Now.Sessions) > 0 && s.Now.Sessions[0].Project != "" {
			burning += " in " + clip(projectName(s.Now.Sessions[0].Project), 28) + othersWorking(s)
		}
	}
	today := "today " + Tokens(s.Today.Counts.Fresh())
	if s.Today.Counts.PricedRequests > 0 {
		today += ", " + Amount(s.Today.Counts.Cost, s.Currency)
	}
	return fit(safe, tooltipLength-len("\n")-units(burning+", "+today)) + "\n" + burning + ", " + today
}

// units counts UTF-16 units.
func units(text string) int { return len(utf16.Encode([]rune(text))) }

// fit shortens text to a number of UTF-16 units.
func fit(text string, length int) string {
	for n := len([]rune(text)); units(text) > length && n > 0; n-- {
		text = strings.TrimSpace(clip(text, n-1))
	}
	return text
}
