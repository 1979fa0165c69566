package claude

import (
	"slices"
	"strings"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/usage"
)

// utilization reads what Claude's server says of the allowance, the object that Claude Code also
// keeps a copy of, as it was at a moment. It is, old to new, one member a window
// ("five_hour":{"utilization":12.5,"resets_at":"…"}), or a list that describes itself:
//
//	"limits":[{"kind":"session","percent":12,"resets_at":"…"},
//	          {"kind":"weekly_scoped","percent":3,"resets_at":null,"scope":{"model":{"display_name":"Fable"}}}]
//
// The list is preferred where both tell of a window. Of an unknown kind the length is not known, so it is left out. False:
// it is not an object.
func utilization(s *agent.Scanner, at usage.Millis) ([]usage.Sample, bool) {
	if !s.Object() {
		return nil, false
	}
	var listed, named []usage.Sample
	for {
		key, ok := s.Key()
		if !ok {
			break
		}
		name := string(key)
		switch rest, week := strings.CutPrefix(name, "seven_day"); {
		case name == "limits":
			listed = limitsOf(s, at)
		case name == "five_hour":
			named = take(named, windowOf(s, at, sessionWindow, ID))
		case name == "seven_day":
			named = take(named, windowOf(s, at, weekWindow, ID))
		case week && family(rest) != "":
			named = take(named, windowOf(s, at, weekWindow, ID+":"+family(rest)))
		default:
			s.Skip()
		}
	}
	if s.Err() != nil {
		return nil, false
	}
	for i := range named {
		said := func(l usage.Sample) bool {
			return l.LimitID == named[i].LimitID && l.WindowMinutes == named[i].WindowMinutes
		}
		if !slices.ContainsFunc(listed, said) {
			listed = append(listed, named[i])
		}
	}
	return listed, true
}

// limitsOf reads the list.
func limitsOf(s *agent.Scanner, at usage.Millis) (samples []usage.Sample) {
	const most = 100 // of limits; an account has a handful
	if !s.Array() {
		return nil
	}
	for s.More() {
		var kind, model, surface string
		sample := reading{}
		if !s.Object() {
			continue
		}
		for {
			key, ok := s.Key()
			if !ok {
				break
			}
			switch string(key) {
			case "kind":
				kind = word(s)
			case "scope":
				model, surface = scope(s)
			default:
				sample.member(string(key), s)
			}
		}
		minutes, limit := int64(weekWindow), ID
		switch kind {
		case "session":
			minutes = sessionWindow
		case "weekly_all":
		case "weekly_scoped":
			if model == "" {
				model = surface
			}
			limit = ID + ":" + model
			if model == "" {
				continue
			}
		default:
			continue
		}
		if len(samples) < most {
			samples = take(samples, sample.of(at, minutes, limit))
		}
	}
	return samples
}

// scope reads what a limit is for: a model or a place where it is used.
func scope(s *agent.Scanner) (model, surface string) {
	if !s.Object() {
		return "", ""
	}
	for {
		key, ok := s.Key()
		if !ok {
			return model, surface
		}
		switch string(key) {
		case "model":
			if !s.Object() {
				continue
			}
			for {
				key, ok := s.Key()
				if !ok {
					break
				}
				if string(key) != "id" && string(key) != "display_name" {
					s.Skip()
				} else if name := word(s); model == "" || family(name) != "" {
					model = name
				}
			}
			if known := family(model); known != "" {
				model = known
			}
		case "surface":
			surface = word(s)
		default:
			s.Skip()
		}
	}
}

// family is the family that a model's name holds, as limit messages name it, "" = none.
func family(name string) string {
	for _, known := range []string{"opus", "sonnet", "haiku", "fable", "mythos"} {
		if strings.Contains(name, known) {
			return known
		}
	}
	return ""
}

// word reads a short text in small letters, words joined by "-"; anything else is "".
func word(s *agent.Scanner) string {
	const longest = 60
	text, _ := s.Text()
	if len(text) > longest {
		return ""
	}
	return strings.Join(strings.Fields(strings.ToLower(string(text))), "-")
}

// reading is one window.
type reading struct {
	used   float64
	stated bool
	resets usage.Millis
}

func (r *reading) member(key string, s *agent.Scanner) {
	switch key {
	case "percent", "utilization":
		r.used, r.stated = s.Float()
		r.stated = r.stated && r.used >= 0 && r.used < 1e6
	case "resets_at":
		r.resets = moment(s)
	default:
		s.Skip()
	}
}

func (r reading) of(at usage.Millis, minutes int64, limit string) *usage.Sample {
	if !r.stated {
		return nil
	}
	return &usage.Sample{
		Agent: ID, LimitID: limit, WindowMinutes: minutes, UsedPercent: r.used, ResetsAt: r.resets,
		ObservedAt: at, Source: usage.SourceServer,
	}
}

// windowOf reads the value of a member that names a window.
func windowOf(s *agent.Scanner, at usage.Millis, minutes int64, limit string) *usage.Sample {
	var r reading
	if !s.Object() {
		return nil
	}
	for {
		key, ok := s.Key()
		if !ok {
			return r.of(at, minutes, limit)
		}
		r.member(string(key), s)
	}
}

// take adds a sample; of two of one window the higher one holds.
func take(samples []usage.Sample, next *usage.Sample) []usage.Sample {
	if next == nil {
		return samples
	}
	at := slices.IndexFunc(samples, func(s usage.Sample) bool { return s.LimitID == next.LimitID && s.WindowMinutes == next.WindowMinutes })
	if at < 0 {
		return append(samples, *next)
	}
	if samples[at].UsedPercent < next.UsedPercent {
		samples[at] = *next
	}
	return samples
}
