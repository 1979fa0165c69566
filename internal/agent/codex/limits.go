package codex

import (
	"math"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/usage"
)

// The lengths of windows that old versions left out, by position.
const (
	primaryMinutes   = 300
	secondaryMinutes = 10080
)

const (
	sameReset = 2 * 60_000 // resets of one window wander a little
	tellAgain = 5 * 60_000 // a figure that stands is confirmed this often
)

// window is one allowance window as a line states it.
type window struct {
	used      float64
	stated    bool // used is set
	minutes   int64
	resets    usage.Millis
	countdown float64 // seconds from the line's time
	counting  bool    // countdown is set
}

// limits is the rate_limits object of a line.
type limits struct {
	id, plan, reached  string
	named              bool // id is the log's
	primary, secondary window
	individual         window
}

// reading is the last sample that was passed on for a window: samples are sent when they
// change, once more when the next line confirms them (a drop counts only then), and now
// and then while they stand.
type reading struct {
	slot    uint32 // hash of which window of which limit
	value   uint64 // hash of what was said of it
	resets  usage.Millis
	told    usage.Millis // time of the line
	repeats uint8
}

// parse reads the value of rate_limits, in any of its forms since 0.40, or that of the
// app-server, whose names are in camel case. It reports false if it is not an object.
func (l *limits) parse(s *agent.Scanner, names *agent.Intern) bool {
	*l = limits{id: "codex"}
	if !s.Object() {
		return false
	}
	for {
		key, ok := s.Key()
		if !ok {
			break
		}
		switch string(key) {
		case "limit_id", "limitId":
			l.id = name(s, names)
			if l.named = l.id != ""; !l.named {
				l.id = "codex"
			}
		case "plan_type", "planType":
			l.plan = name(s, names)
		case "rate_limit_reached_type", "rateLimitReachedType":
			l.reached = name(s, names)
		case "primary":
			l.primary.parse(s)
		case "secondary":
			l.secondary.parse(s)
		case "individual_limit", "individualLimit":
			l.individual.parse(s)
		case "primary_used_percent":
			l.primary.member("used_percent", s)
		case "primary_window_minutes":
			l.primary.member("window_minutes", s)
		case "primary_resets_at":
			l.primary.member("resets_at", s)
		case "primary_resets_in_seconds", "primary_reset_after_seconds":
			l.primary.member("resets_in_seconds", s)
		case "secondary_used_percent":
			l.secondary.member("used_percent", s)
		case "secondary_window_minutes":
			l.secondary.member("window_minutes", s)
		case "secondary_resets_at":
			l.secondary.member("resets_at", s)
		case "secondary_resets_in_seconds", "secondary_reset_after_seconds":
			l.secondary.member("resets_in_seconds", s)
		default:
			s.Skip()
		}
	}
	return true
}

func (w *window) parse(s *agent.Scanner) {
	*w = window{}
	if !s.Object() {
		return
	}
	for {
		key, ok := s.Key()
		if !ok {
			return
		}
		w.member(string(key), s)
	}
}

func (w *window) member(key string, s *agent.Scanner) {
	switch key {
	case "used_percent", "usedPercent":
		w.used, w.stated = percent(s)
	case "remaining_percent", "remainingPercent":
		w.used, w.stated = percent(s)
		w.used = max(100-w.used, 0)
	case "window_minutes", "windowDurationMins":
		if n, ok := s.Int(); ok && n < math.MaxInt32 {
			w.minutes = n
		} else {
			w.minutes = 0
		}
	case "resets_at", "resetsAt":
		w.resets = 0
		if raw := s.Raw(); len(raw) > 0 {
			w.resets, _ = readTime(raw)
		}
	case "resets_in_seconds", "reset_after_seconds":
		w.countdown, w.counting = s.Float()
		w.counting = w.counting && w.countdown >= 0 && w.countdown < math.MaxInt32
	default:
		s.Skip()
	}
}

func percent(s *agent.Scanner) (float64, bool) {
	n, ok := s.Float()
	return n, ok && n >= 0 && n < 1e6
}

// name reads a short string; anything else is "".
func name(s *agent.Scanner, names *agent.Intern) string {
	text, _ := s.Text()
	if len(text) > maxID {
		return bounded(text, maxID)
	}
	return names.String(text)
}

// samples passes on what a line says of the account's allowance.
func (p *parser) samples(l *limits, out agent.Sink) {
	for _, w := range [...]struct {
		*window
		slot     uint32
		suffix   string
		fallback int64 // length in old versions, which did not state it
	}{
		{&l.primary, 1, "", primaryMinutes},
		{&l.secondary, 2, "", secondaryMinutes},
		{&l.individual, 3, ":individual", 0},
	} {
		if !w.stated {
			continue
		}
		resets := w.resets
		if resets == 0 && w.counting {
			resets = p.time + usage.Millis(w.countdown*1000)
		}
		minutes := w.minutes
		// The answer to a request over the limit states 100 % and neither length nor
		// reset: that names no window.
		if minutes == 0 && (resets != 0 || w.used < 100) && l.id == "codex" {
			minutes = w.fallback
		}
		p.sample = usage.Sample{
			Agent: id, LimitID: l.id, WindowMinutes: minutes, UsedPercent: w.used, ResetsAt: resets,
			ObservedAt: p.time, Source: usage.SourceServer, Plan: l.plan, Reached: l.reached,
			Thread: p.thread, Ordinal: max(p.rows-1, 0),
		}
		if w.suffix != "" {
			p.sample.LimitID += w.suffix
		}
		if p.changed(w.slot) {
			out.Sample(&p.sample)
		}
	}
}

// changed reports whether p.sample is to be passed on, and remembers that it was.
func (p *parser) changed(slot uint32) bool {
	sample := &p.sample
	now := reading{
		slot: uint32(usage.NewHash("limit").Text(sample.LimitID).Int(int64(slot)).Sum()),
		value: usage.NewHash("reading").Int(int64(math.Float64bits(sample.UsedPercent))).Int(sample.WindowMinutes).
			Text(sample.Plan).Text(sample.Reached).Sum(),
		resets: sample.ResetsAt, told: sample.ObservedAt,
	}
	at := -1
	for i := range p.readings {
		if p.readings[i].slot == now.slot {
			at = i
		}
	}
	if at >= 0 {
		old := p.readings[at]
		if old.value == now.value && distance(old.resets, now.resets) <= sameReset {
			if old.repeats > 0 && distance(old.told, now.told) < tellAgain {
				return false
			}
			now.repeats = 1
		}
		p.readings = append(p.readings[:at], p.readings[at+1:]...)
	} else if len(p.readings) == maxReadings {
		p.readings = append(p.readings[:0], p.readings[1:]...)
	}
	p.readings = append(p.readings, now)
	return true
}

func distance(a, b usage.Millis) usage.Millis {
	if a > b {
		return a - b
	}
	return b - a
}
