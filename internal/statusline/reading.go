package statusline

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/usage"
)

// Window is how much of an allowance window is used.
type Window struct {
	Used   float64      // percent, 0 or more
	Resets usage.Millis // zero = not known
}

// Scoped is a window of seven days of one model.
type Scoped struct {
	Name string // as Claude Code shows it
	Window
}

// Reading is what Claude Code handed over, or what was kept of it. What is not known is nil or
// empty.
type Reading struct {
	Session  string // hash of the session's id
	FiveHour *Window
	SevenDay *Window
	Models   []Scoped
	Cost     *usage.Micros // of the session so far

	Model string // name of the model in use; shown, never kept
}

// What is beyond these is not a figure of Claude Code's.
const (
	mostUsed     = 1000.0 // percent
	firstReset   = 1_577_836_800_000
	lastReset    = 4_102_444_800_000
	mostCost     = 1_000_000 * 1_000_000
	mostModels   = 16
	longestName  = 40 // characters
	sessionBytes = 8  // of the hash
)

// Parse takes what can be used out of Claude Code's JSON. What is damaged, cut off or of another type
// costs only itself.
func Parse(text []byte) Reading {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	var s agent.Scanner
	s.Reset(text)
	r := parse(&s)
	if s.Err() != nil {
		// NaN and the like are no JSON, and would hide all that comes after them.
		s.Reset(withoutOddWords(text))
		r = parse(&s)
	}
	return r
}

func parse(s *agent.Scanner) (r Reading) {
	each(s, func(key []byte) {
		switch string(key) {
		case "session_id":
			if id, ok := s.Text(); ok && len(id) > 0 {
				sum := sha256.Sum256(id)
				r.Session = hex.EncodeToString(sum[:sessionBytes])
			}
		case "model":
			each(s, func(key []byte) {
				if string(key) != "display_name" {
					s.Skip()
				} else if name, ok := s.Text(); ok {
					r.Model = cleanName(name)
				}
			})
		case "cost":
			each(s, func(key []byte) {
				if string(key) != "total_cost_usd" {
					s.Skip()
				} else if cost, ok := s.Money(); ok && cost >= 0 && cost <= mostCost {
					r.Cost = &cost
				}
			})
		case "rate_limits":
			each(s, func(key []byte) {
				switch string(key) {
				case "five_hour":
					r.FiveHour, _ = window(s)
				case "seven_day":
					r.SevenDay, _ = window(s)
				case "model_scoped":
					r.Models = models(s)
				default:
					s.Skip()
				}
			})
		default:
			s.Skip()
		}
	})
	return r
}

// each enters an object and calls f for each key; f consumes the value.
func each(s *agent.Scanner, f func(key []byte)) {
	if !s.Object() {
		return
	}
	for {
		key, ok := s.Key()
		if !ok {
			return
		}
		f(key)
	}
}

// window reads {"used_percentage": …, "resets_at": …}, which a window of one model calls
// "utilization" and gives a name.
func window(s *agent.Scanner) (w *Window, name string) {
	var resets usage.Millis
	each(s, func(key []byte) {
		switch string(key) {
		case "used_percentage", "utilization":
			if used, ok := s.Float(); ok && used >= 0 && used <= mostUsed {
				w = &Window{Used: math.Abs(used)} // never −0
			}
		case "resets_at":
			resets = moment(s.Raw())
		case "display_name":
			if text, ok := s.Text(); ok {
				name = cleanName(text)
			}
		default:
			s.Skip()
		}
	})
	if w != nil {
		w.Resets = resets
	}
	return w, name
}

func models(s *agent.Scanner) (list []Scoped) {
	if !s.Array() {
		return nil
	}
	for s.More() {
		w, name := window(s)
		same := func(m Scoped) bool { return m.Name == name }
		if w != nil && name != "" && len(list) < mostModels && !slices.ContainsFunc(list, same) {
			list = append(list, Scoped{name, *w})
		}
	}
	return list
}

// moment reads seconds or milliseconds since the epoch, or a time in words of ISO 8601.
func moment(raw []byte) usage.Millis {
	var s agent.Scanner
	s.Reset(raw)
	var at usage.Millis
	if text, ok := s.Text(); ok {
		at, _ = agent.ParseTime(text)
	} else {
		s.Reset(raw)
		if n, ok := s.Float(); ok {
			at, _ = agent.TimeOfNumber(n)
		}
	}
	if at < firstReset || at > lastReset {
		return 0
	}
	return at
}

// cleanName is a name without what could steer a terminal, on one line and not too long.
func cleanName(text []byte) string {
	var b strings.Builder
	n := 0
	for _, word := range strings.FieldsFunc(string(text), func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r)
	}) {
		if b.Len() > 0 {
			b.WriteByte(' ')
			n++
		}
		for _, r := range word {
			if n++; n > longestName {
				return strings.TrimRight(b.String(), " ") + "…"
			}
			if r != utf8.RuneError {
				b.WriteRune(r)
			}
		}
	}
	return strings.TrimSpace(b.String())
}

// withoutOddWords is a JSON text with null for each word outside of strings that is neither
// number, true, false nor null.
func withoutOddWords(text []byte) []byte {
	out := make([]byte, 0, len(text)+16)
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '"':
			end := i + 1
			for end < len(text) && text[end] != '"' {
				if text[end] == '\\' {
					end++
				}
				end++
			}
			end = min(end+1, len(text))
			out = append(out, text[i:end]...)
			i = end
		case isWord(c):
			end := i
			for end < len(text) && isWord(text[end]) {
				end++
			}
			word := text[i:end]
			if agent.Valid(word) != nil {
				word = []byte("null")
			}
			out = append(out, word...)
			i = end
		default:
			out = append(out, c)
			i++
		}
	}
	return out
}

func isWord(c byte) bool {
	return c == '+' || c == '-' || c == '.' || c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
