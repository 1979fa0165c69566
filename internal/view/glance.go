package view

import (
	"fmt"
	"strings"

	"tokenmeter/internal/report"
)

// Glance answers the three questions in sentences, for the terminal: what is burning, what
// today has come to, what is left.
func Glance(s *report.Snapshot) []string {
	lines := []string{glanceNow(s), glanceToday(s)}
	lines = append(lines, glanceWindows(s)...)
	return lines
}

// glanceNow is "11.3k fresh tokens a minute in tokenmeter with claude-opus-5-5, 3 sessions
// working, 158k cache reads a minute."
func glanceNow(s *report.Snapshot) string {
	if !s.Now.Live {
		return idle(s) + "."
	}
	line := freshTokens(s.Now.FreshPerMinute) + " a minute"
	working := int64(0)
	for _, q := range s.Now.Sessions {
		if q.Working {
			working++
		}
	}
	if len(s.Now.Sessions) > 0 {
		newest := s.Now.Sessions[0]
		if newest.Project != "" {
			line += " in " + projectName(newest.Project)
		}
		if newest.Model != "" {
			line += " with " + newest.Model
		}
	}
	if working > 1 {
		line += ", " + plural(working, "session", "sessions") + " working"
	}
	if s.Now.CacheReadsPerMinute > 0 {
		line += ", " + Tokens(s.Now.CacheReadsPerMinute) + " cache reads a minute"
	}
	if s.Now.CostPerHour != nil {
		line += ", " + Money(*s.Now.CostPerHour) + " an hour at list price"
	}
	return line + "."
}

// glanceToday is "Today 1.84M fresh tokens in 239 requests, and 24.1M cache reads. That is
// +62 % against a usual Friday at this time."
func glanceToday(s *report.Snapshot) string {
	t := s.Today
	if t.Counts.Requests == 0 {
		return "Today nothing yet."
	}
	line := fmt.Sprintf("Today %s in %s", freshTokens(t.Counts.Fresh()), plural(t.Counts.Requests, "request", "requests"))
	if t.Counts.CacheRead > 0 {
		line += ", and " + Tokens(t.Counts.CacheRead) + " cache reads"
	}
	if t.Counts.PricedRequests > 0 {
		line += ", " + Money(t.Counts.Cost) + " at list price"
	}
	line += "."
	if against := change(t.Counts.Fresh(), t.UsualNow); against != "" {
		line += fmt.Sprintf(" That is %s against a usual %s at this time.", against, s.At.Weekday())
	}
	return line
}

// glanceWindows is "Claude 5 h: 62 % used, resets 14:20 (server, 3 min ago)." for each.
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
		lines[i] = fmt.Sprintf("%s: %s (%s).", a.Name, tidy(", ", used, a.Reset), strings.TrimSpace(a.Source))
	}
	return lines
}
