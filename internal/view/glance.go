package view

import (
	"fmt"
	"strings"

	"tokenmeter/internal/report"
)

// Glance answers the three questions in sentences, one a line, for the terminal: what is
// burning, what today has come to, what is left.
func Glance(s *report.Snapshot) []string {
	lines := glanceNow(s)
	lines = append(lines, glanceToday(s)...)
	return append(lines, glanceWindows(s)...)
}

// glanceNow is "11.3k fresh tokens a minute in tokenmeter with claude-opus-5-5." and
// "3 sessions working, 158k cache reads a minute."
func glanceNow(s *report.Snapshot) []string {
	if !s.Now.Live {
		return []string{idle(s) + "."}
	}
	line := freshTokens(s.Now.FreshPerMinute) + " a minute"
	if len(s.Now.Sessions) > 0 {
		newest := s.Now.Sessions[0]
		if newest.Project != "" {
			line += " in " + clip(projectName(newest.Project), 40) + othersWorking(s)
		}
		if newest.Model != "" && othersWorking(s) == "" {
			line += " with " + clip(newest.Model, 48)
		}
	}
	working, reads, money := "", "", ""
	busy := int64(0)
	for _, q := range s.Now.Sessions {
		if q.Working {
			busy++
		}
	}
	if busy > 0 {
		working = plural(busy, "session", "sessions") + " working"
	}
	if s.Now.CacheReadsPerMinute > 0 {
		reads = Tokens(s.Now.CacheReadsPerMinute) + " cache reads a minute"
	}
	if s.Now.CostPerHour != nil {
		money = Amount(*s.Now.CostPerHour, s.Currency) + " an hour at list price"
	}
	lines := []string{line + "."}
	if more := tidy(", ", working, reads, money); more != "" {
		lines = append(lines, more+".")
	}
	return lines
}

// glanceToday is "Today 1.84M fresh tokens in 239 requests, and 24.1M cache reads." and
// "That is +62 % against a usual Friday at this time."
func glanceToday(s *report.Snapshot) []string {
	t := s.Today
	if t.Counts.Requests == 0 {
		return []string{"Today nothing yet."}
	}
	line := fmt.Sprintf("Today %s in %s", freshTokens(t.Counts.Fresh()), plural(t.Counts.Requests, "request", "requests"))
	if t.Counts.CacheRead > 0 {
		line += ", and " + Tokens(t.Counts.CacheRead) + " cache reads"
	}
	if t.Counts.PricedRequests > 0 {
		line += ", " + Amount(t.Counts.Cost, s.Currency) + " at list price"
	}
	lines := []string{line + "."}
	if against := change(t.Counts.Fresh(), t.UsualNow); against != "" {
		lines = append(lines, fmt.Sprintf("That is %s against a usual %s at this time.", against, s.At.Weekday()))
	}
	return lines
}

// glanceWindows is "Claude 5 h: 62 % used, resets 14:20, lasts with 18 % to spare (server,
// 3 min ago)." for each.
func glanceWindows(s *report.Snapshot) []string {
	all := allowances(s)
	if len(all) == 0 {
		return []string{"No log says what your plan allows."}
	}
	lines := make([]string, len(all))
	for i, a := range all {
		used := "not known"
		if a.Known {
			used = a.Used + " used"
		}
		lines[i] = fmt.Sprintf("%s: %s (%s).", a.Name, tidy(", ", used, a.Reset, a.Outlook), strings.TrimSpace(a.Source))
	}
	return lines
}
