package claude

import (
	"bytes"
	"encoding/binary"
	"slices"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/usage"
)

// captureVersion is the first byte of a captureParser's state; then come, for each session,
// the one heard last at the end, its hash and the hash of its figures.
const captureVersion = 1

// mostCaptured bounds how many sessions a captureParser knows; each takes 16 bytes.
const mostCaptured = 200

// captureParser reads what Claude Code handed to its status line. A session shows what it
// was told at its last answer for as long as it is open, so figures that a session repeats
// are old news and must not speak against those of another.
type captureParser struct {
	scanner  agent.Scanner
	sessions []captured
}

var captureReader = agent.Lines(func(_ *agent.File, state []byte) agent.LineParser { return newCaptureParser(state) })

type captured struct{ session, figures uint64 }

func newCaptureParser(state []byte) *captureParser {
	p := &captureParser{}
	if len(state) > 0 && state[0] == captureVersion && (len(state)-1)%16 == 0 && len(state)/16 <= mostCaptured {
		for rest := state[1:]; len(rest) > 0; rest = rest[16:] {
			p.sessions = append(p.sessions, captured{binary.BigEndian.Uint64(rest), binary.BigEndian.Uint64(rest[8:])})
		}
	}
	return p
}

// State implements agent.LineParser.
func (p *captureParser) State() []byte {
	state := []byte{captureVersion}
	for _, c := range p.sessions {
		state = binary.BigEndian.AppendUint64(state, c.session)
		state = binary.BigEndian.AppendUint64(state, c.figures)
	}
	return state
}

// Line implements agent.LineParser.
func (p *captureParser) Line(text []byte, at int64, out agent.Sink) {
	if len(bytes.TrimSpace(text)) == 0 {
		return
	}
	if text[0] != '{' || agent.Valid(text) != nil {
		out.Skip(usage.Skip{Offset: at, Length: int64(len(text)), Reason: usage.ReasonSyntax})
		return
	}
	s := &p.scanner
	s.Reset(text)
	var observed usage.Millis
	var session string
	var list []figure
	members(s, func(key string) {
		switch key {
		case "t":
			observed = moment(s)
		case "session":
			session = short(s)
		case "five_hour":
			list = p.pair(list, figure{limit: ID, minutes: sessionWindow})
		case "seven_day":
			list = p.pair(list, figure{limit: ID, minutes: weekWindow})
		case "model_scoped":
			for open := s.Array(); open && s.More(); {
				f := figure{minutes: weekWindow}
				members(s, func(key string) {
					switch key {
					case "name":
						if name := word(s); family(name) != "" {
							f.limit = ID + ":" + family(name)
						} else if name != "" {
							f.limit = ID + ":" + name
						}
					case "used":
						f.member("percent", s)
					case "resets":
						f.member("resets_at", s)
					default:
						s.Skip()
					}
				})
				if f.stated && f.limit != "" && len(list) < mostFigures {
					list = append(list, f)
				}
			}
		default:
			s.Skip()
		}
	})
	if observed == 0 || len(list) == 0 || !p.news(session, list) {
		return
	}
	for _, f := range list {
		sample := f.sample(observed)
		out.Sample(&sample)
	}
}

// pair reads [used percent, reset].
func (p *captureParser) pair(list []figure, f figure) []figure {
	s := &p.scanner
	if !s.Array() {
		return list
	}
	for n := 0; s.More(); n++ {
		switch n {
		case 0:
			f.member("percent", s)
		case 1:
			f.member("resets_at", s)
		default:
			s.Skip()
		}
	}
	if f.stated && len(list) < mostFigures {
		list = append(list, f)
	}
	return list
}

// news reports whether a session says something else than last time, and remembers it.
func (p *captureParser) news(session string, list []figure) bool {
	hash := usage.NewHash("figures")
	for _, f := range list {
		hash = hash.Text(f.limit).Int(f.minutes).Int(int64(f.used * 1000)).Int(int64(f.resets))
	}
	now := captured{usage.NewHash("session").Text(session).Sum(), hash.Sum()}
	at := slices.IndexFunc(p.sessions, func(c captured) bool { return c.session == now.session })
	same := at >= 0 && p.sessions[at] == now
	if at >= 0 {
		p.sessions = slices.Delete(p.sessions, at, at+1)
	} else if len(p.sessions) == mostCaptured {
		p.sessions = slices.Delete(p.sessions, 0, 1)
	}
	p.sessions = append(p.sessions, now)
	return !same || session == ""
}
