package claude

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/usage"
)

// The windows of a Claude allowance, in minutes.
const (
	sessionWindow = 5 * 60
	weekWindow    = 7 * 24 * 60
)

// The texts that Claude Code shows when a limit is reached, old to new:
//
//	Claude AI usage limit reached|1931234400
//	5-hour limit reached ∙ resets 3pm
//	You've hit your session limit · resets 3:30pm (America/Chicago)
//	You've hit your weekly limit · resets Feb 3 at 10am (Europe/Madrid)
//
// Most logs have none, so the expressions are compiled when one is met.
var (
	limitReached = expression(`(?i)\blimit reached\b|\b(?:hit|reached) your (?:[a-z0-9-]+ ){0,2}limit\b`)
	limitModel   = expression(`(?i)\b(opus|sonnet|haiku|fable)\b(?: weekly)? limit\b`)
	limitEpoch   = expression(`\|(\d{9,14})\b`)
	limitResets  = expression(`(?i)\bresets?(?: at| on)? (?:([a-z]{3})[a-z]* (\d{1,2})(?:, \d{4})?(?:,| at)* )?(\d{1,2})(?::(\d\d))? ?(am|pm)?\b(?: ?\(([A-Za-z0-9_+/-]+)\))?`)
)

func expression(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}

// limit reads the message of a record in which Claude Code says that a limit is reached.
// Only such records may be asked: a conversation about limits has the same words.
func (p *parser) limit(l *line, out agent.Sink) {
	if l.entry.time == 0 {
		return
	}
	p.side.Reset(l.entry.message.content)
	if text, ok := p.side.Text(); ok {
		p.limitText(string(text), l.entry.time, out)
		return
	}
	p.side.Reset(l.entry.message.content)
	if !p.side.Array() {
		return
	}
	for p.side.More() {
		if !p.side.Object() {
			continue
		}
		for {
			key, more := p.side.Key()
			if !more {
				break
			}
			if string(key) != "text" {
				p.side.Skip()
			} else if text, ok := p.side.Text(); ok {
				p.limitText(string(text), l.entry.time, out)
			}
		}
	}
}

func (p *parser) limitText(text string, at usage.Millis, out agent.Sink) {
	const longest = 1000
	if len(text) > longest || !limitReached().MatchString(text) {
		return
	}
	sample := usage.Sample{
		Agent:         ID,
		LimitID:       ID,
		WindowMinutes: sessionWindow,
		UsedPercent:   100,
		ObservedAt:    at,
		Source:        usage.SourceDerived,
		Reached:       "session",
	}
	lower := strings.ToLower(text)
	reset := limitResets().FindStringSubmatch(text)
	model := limitModel().FindStringSubmatch(lower)
	if strings.Contains(lower, "weekly") || model != nil || reset != nil && reset[1] != "" {
		sample.WindowMinutes, sample.Reached = weekWindow, "weekly"
	}
	if model != nil {
		sample.LimitID += ":" + model[1]
	}
	if epoch := limitEpoch().FindStringSubmatch(text); epoch != nil {
		n, _ := strconv.ParseFloat(epoch[1], 64)
		sample.ResetsAt, _ = agent.TimeOfNumber(n)
	} else if reset != nil {
		sample.ResetsAt = resetAfter(reset, at, p.zone)
	}
	// A reset in the past or beyond the window is a misreading.
	const slack = 60 // minutes
	if sample.ResetsAt <= at || int64(sample.ResetsAt-at) > (sample.WindowMinutes+slack)*60_000 {
		sample.ResetsAt = 0
	}
	out.Sample(&sample)
}

// resetAfter gives the first moment after at that a match of limitResets can mean; zero if
// it names no zone and none is known, or makes no sense.
func resetAfter(match []string, at usage.Millis, zone *time.Location) usage.Millis {
	if name := match[6]; name != "" {
		named, err := time.LoadLocation(name)
		if err != nil {
			return 0
		}
		zone = named
	}
	hour, _ := strconv.Atoi(match[3])
	minute, _ := strconv.Atoi(match[4]) // empty is zero
	switch strings.ToLower(match[5]) {
	case "am", "pm":
		if hour < 1 || hour > 12 {
			return 0
		}
		hour %= 12
		if strings.EqualFold(match[5], "pm") {
			hour += 12
		}
	default:
		if match[4] == "" {
			return 0 // a bare number is no time of day
		}
	}
	if zone == nil || hour > 23 || minute > 59 {
		return 0
	}
	now := at.Time().In(zone)
	if match[1] == "" {
		for days := range 2 {
			reset := time.Date(now.Year(), now.Month(), now.Day()+days, hour, minute, 0, 0, zone)
			if reset.After(now) {
				return usage.MillisOf(reset)
			}
		}
		return 0
	}
	month, err := time.Parse("Jan", strings.ToUpper(match[1][:1])+strings.ToLower(match[1][1:]))
	if err != nil {
		return 0
	}
	day, _ := strconv.Atoi(match[2])
	for years := range 2 {
		reset := time.Date(now.Year()+years, month.Month(), day, hour, minute, 0, 0, zone)
		if reset.Day() == day && reset.After(now) {
			return usage.MillisOf(reset)
		}
	}
	return 0
}
