package agenttest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// mutator changes logs as an input spells: its first byte chooses the home of a case, then
// each change takes a byte for what is done and some for where. So a fuzzer's inputs stay
// small, and most of them reach the inside of a reader.
type mutator struct{ homes [][]log }

// run gives a changed home. The cases' own logs stay as they are.
func (m *mutator) run(program []byte) []log {
	s := spelling{rest: program}
	home := slices.Clone(m.homes[s.upTo(len(m.homes))])
	for len(s.rest) > 0 {
		l := &home[s.upTo(len(home))]
		lines := bytes.SplitAfter(l.content, []byte("\n"))
		l.content = bytes.Join(m.change(&s, lines), nil)
	}
	return home
}

// spelling hands out the choices of an input, zeros at its end.
type spelling struct{ rest []byte }

func (s *spelling) upTo(n int) int {
	if len(s.rest) == 0 || n <= 1 {
		return 0
	}
	choice := int(s.rest[0])
	s.rest = s.rest[1:]
	if n > 256 && len(s.rest) > 0 {
		choice = choice<<8 | int(s.rest[0])
		s.rest = s.rest[1:]
	}
	return choice % n
}

func pick[T any](s *spelling, list []T) T { return list[s.upTo(len(list))] }

// oddValues are what may stand where a reader expects something else.
var oddValues = []string{
	`0`, `-1`, `-0`, `7`, `007`, `12.0`, `12.5`, `1e3`, `1E+2`, `1e-2`, `100e-2`, `9e18`, `1e400`, `1e-400`, `1099511627775`, `1099511627776`,
	`9223372036854775807`, `9223372036854775808`, `18446744073709551617`, `99999999999999999999999`,
	`null`, `true`, `false`, `nul`, `NaN`, `"7"`, `""`, `" "`, `"\u0000"`, `"\ud83d"`, `"\ud83d\ude00"`, "\"\xff\"", `"\q"`, "\"\n\"", "\"\x01\"",
	`{}`, `[]`, `[7]`, `{"input_tokens":7}`, `{"input_tokens":7,"output_tokens":8}`, `[{"text":"limit reached"}]`, `{"message":{"usage":{"input_tokens":9}}}`,
	`"2031-01-01T00:00:00Z"`, `"2031-02-30T00:00:00Z"`, `"2031-01-01T00:00:00.123456789+14:00"`, `"2031-01-01 00:00:00"`, `"2031-06-30T23:59:60Z"`, `"1970-01-01T00:00:00Z"`, `"0000-01-01T00:00:00Z"`,
	`1930000000`, `1930000000.5`, `1930000000000`, `1930000000000000`, `1e17`, `0.5`,
	`"msg_1"`, `"gen-1"`, `"event_msg"`, `"token_count"`, `"turn_context"`, `"session_meta"`, `"token_usage_record"`, `"task_started"`, `"assistant"`, `"progress"`, `"user"`,
	`"/w/a"`, `"/sessions/x"`, `"advisor_message"`, `"2.1.50"`, `"fast"`,
}

// oddBytes are what may be written or left behind where nothing belongs.
var oddBytes = []string{
	"\x00", "\x00\x00\x00", "\r", "\n", "\xef\xbb\xbf", "\xff", " ", "\t", `"`, `\`, `{`, `}`, `[`, `]`, `,`, `:`, `{"`, `"}`, `}}`, `\u`, `\"`, "\x1f", "\u2028", "x", "1", "-", "e", ".",
}

// oddKeys are added as members.
var oddKeys = []string{
	"type", "payload", "message", "usage", "data", "id", "timestamp", "input_tokens", "output_tokens", "ordinal", "info", "msg", "created_at", "model", "cwd",
	"sessionId", "requestSessionId", "uuid", "requestId", "isSidechain", "isApiErrorMessage", "iterations", "cache_creation", "cached_prompt_tokens",
	"total_token_usage", "last_token_usage", "rate_limits", "thread_id", "forked_from_id", "history_base", "started_at", "cache_creation_input_tokens", "",
}

// change makes one change in one line, or with it.
func (m *mutator) change(s *spelling, lines [][]byte) [][]byte {
	at := s.upTo(len(lines))
	line := lines[at]
	put := func(changed ...[]byte) [][]byte { return slices.Concat(lines[:at], changed, lines[at+1:]) }
	body := bytes.TrimSuffix(line, []byte("\n"))
	feed := line[len(body):]
	whole := func(parts ...any) [][]byte {
		var b []byte
		for _, part := range parts {
			switch part := part.(type) {
			case string:
				b = append(b, part...)
			case []byte:
				b = append(b, part...)
			}
		}
		return put(append(b, feed...))
	}
	switch s.upTo(24) {
	case 0: // written again elsewhere
		to := s.upTo(len(lines) + 1)
		return slices.Insert(slices.Clone(lines), to, line)
	case 1: // lost
		return put()
	case 2: // two lines change places
		other := s.upTo(len(lines))
		swapped := slices.Clone(lines)
		swapped[at], swapped[other] = swapped[other], swapped[at]
		return swapped
	case 3: // cut off
		return whole(body[:s.upTo(len(body)+1)])
	case 4: // cut off, and the next record glued to it
		return put(body[:s.upTo(len(body)+1)])
	case 5: // the line feed is lost
		return put(body)
	case 6: // a line of another log
		home := pick(s, m.homes)
		others := bytes.SplitAfter(pick(s, home).content, []byte("\n"))
		return put(line, pick(s, others))
	case 7: // many times
		return put(slices.Repeat([][]byte{line}, 2+s.upTo(50))...)
	case 8, 9: // odd bytes inside
		i := s.upTo(len(body) + 1)
		return whole(body[:i], pick(s, oddBytes), body[i:])
	case 10: // a flipped bit
		if len(body) > 0 {
			i := s.upTo(len(body))
			flipped := slices.Clone(body)
			flipped[i] ^= 1 << s.upTo(8)
			return whole(flipped)
		}
		return lines
	}
	spans := spansOf(body)
	if len(spans) == 0 {
		return lines
	}
	v := pick(s, spans)
	before, value, after := body[:v.start], body[v.start:v.end], body[v.end:]
	switch s.upTo(12) {
	case 0, 1, 2: // another value
		return whole(before, pick(s, oddValues), after)
	case 3: // two values change places
		w := pick(s, spans)
		if w.start < v.start {
			v, w = w, v
		}
		if w.start < v.end {
			return lines
		}
		return whole(body[:v.start], body[w.start:w.end], body[v.end:w.start], body[v.start:v.end], body[w.end:])
	case 4: // the value of another line
		other := pick(s, lines)
		if spans := spansOf(other); len(spans) > 0 {
			w := pick(s, spans)
			return whole(before, other[w.start:w.end], after)
		}
	case 5, 6: // a key that is escaped
		if v.keyEnd > v.keyStart {
			i := v.keyStart + s.upTo(v.keyEnd-v.keyStart)
			return whole(body[:i], fmt.Sprintf(`\u%04x`, body[i]), body[i+1:])
		}
	case 7: // a member twice, before or behind
		if v.keyEnd > v.keyStart {
			member := fmt.Sprintf(`"%s":%s`, body[v.keyStart:v.keyEnd], pick(s, oddValues))
			if s.upTo(2) == 0 {
				return whole(before, value, ",", member, after)
			}
			return whole(body[:v.keyStart-1], member, ",", body[v.keyStart-1:])
		}
	case 8: // a member more
		if v.keyEnd > v.keyStart {
			return whole(before, value, `,"`, pick(s, oddKeys), `":`, pick(s, oddValues), after)
		}
	case 9: // nested
		deep := []int{1, 2, 997, 998, 999, 1000, 1001, 5000}[s.upTo(8)]
		return whole(before, strings.Repeat("[", deep), value, strings.Repeat("]", deep), after)
	case 10: // long
		long := []int{65, 97, 257, 513, 1025, 4097}[s.upTo(6)]
		return whole(before, `"`, strings.Repeat("a", long), `"`, after)
	case 11: // spaces
		space := []string{" ", "\t", "  ", "\r"}[s.upTo(4)]
		return whole(before, space, value, space, after)
	}
	return lines
}

// span is a value in a line, with its key if it is a member.
type span struct{ keyStart, keyEnd, start, end int }

// spansOf finds the values of the first object in a line; none if it is not JSON.
func spansOf(line []byte) (spans []span) {
	start := bytes.IndexByte(line, '{')
	if start < 0 {
		return nil
	}
	f := spanFinder{line: line, at: start}
	f.value(span{}, 0)
	if f.failed {
		return nil
	}
	return f.spans
}

type spanFinder struct {
	line   []byte
	at     int
	failed bool
	spans  []span
}

func (f *spanFinder) peek() byte {
	for f.at < len(f.line) && strings.IndexByte(" \t\r\n,:", f.line[f.at]) >= 0 {
		f.at++
	}
	if f.at == len(f.line) {
		f.failed = true
		return 0
	}
	return f.line[f.at]
}

func (f *spanFinder) text() {
	for f.at++; f.at < len(f.line) && f.line[f.at] != '"'; f.at++ {
		if f.line[f.at] == '\\' {
			f.at++
		}
	}
	f.at++
	f.failed = f.failed || f.at > len(f.line)
}

func (f *spanFinder) value(s span, depth int) {
	c := f.peek()
	s.start = f.at
	switch {
	case f.failed:
		return
	case c == '"':
		f.text()
	case c == '{' || c == '[':
		f.at++
		for !f.failed && f.peek() != '}' && f.peek() != ']' && depth < 50 {
			member := span{}
			if c == '{' {
				if f.peek() != '"' {
					f.failed = true
					return
				}
				member.keyStart = f.at + 1
				f.text()
				member.keyEnd = f.at - 1
			}
			if !f.failed {
				f.value(member, depth+1)
			}
		}
		f.at++
	default:
		for f.at < len(f.line) && strings.IndexByte(" \t\r\n,:{}[]\"", f.line[f.at]) < 0 {
			f.at++
		}
		f.failed = f.failed || f.at == s.start
	}
	if !f.failed {
		s.end = f.at
		f.spans = append(f.spans, s)
	}
}
