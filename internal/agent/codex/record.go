package codex

import (
	"bytes"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/usage"
)

// record is the envelope of a line: {"timestamp","ordinal","type","payload"}.
type record struct {
	kind      kind
	payload   []byte // the value, nil if there is none
	timestamp []byte
	created   []byte // created_at, of some versions
	ordinal   int64
	ordered   bool // ordinal is set
}

type kind uint8

const (
	other kind = iota
	sessionMeta
	turnContext
	eventMessage
	usageRecord
	interAgent
)

func kindOf(name []byte) kind {
	switch string(name) {
	case "session_meta":
		return sessionMeta
	case "turn_context":
		return turnContext
	case "event_msg":
		return eventMessage
	case "token_usage_record":
		return usageRecord
	case "inter_agent_communication_metadata":
		return interAgent
	}
	return other
}

type eventKind uint8

const (
	otherEvent eventKind = iota
	tokenCount
	taskStarted
	threadSettings
)

func eventKindOf(name []byte) eventKind {
	switch string(name) {
	case "token_count":
		return tokenCount
	case "task_started", "turn_started":
		return taskStarted
	case "thread_settings_applied":
		return threadSettings
	}
	return otherEvent
}

// parse reads the envelope without validating what is in it; false: it is no object, or
// is damaged in a way that shows.
func (r *record) parse(s *agent.Scanner, line []byte) bool {
	*r = record{}
	s.Reset(line)
	if !s.Object() {
		return false
	}
	for {
		key, ok := s.Key()
		if !ok {
			break
		}
		switch string(key) {
		case "type":
			name, _ := s.Text()
			r.kind = kindOf(name)
		case "payload":
			r.payload = s.Raw()
		case "timestamp":
			r.timestamp = s.Raw()
		case "created_at":
			r.created = s.Raw()
		case "ordinal":
			r.ordinal, r.ordered = s.Int()
		default:
			s.Skip()
		}
	}
	return s.End()
}

// event is the payload of an event_msg, as far as it matters.
type event struct {
	kind      eventKind
	counts    counts
	limits    limits
	hasLimits bool
	settings  []byte
	started   []byte
	created   []byte
	window    int64
	model     []byte // the raw value
}

// parse reads the payload; false: it is damaged.
func (e *event) parse(s *agent.Scanner, names *agent.Intern, payload []byte) bool {
	e.kind, e.hasLimits, e.window = otherEvent, false, 0
	e.settings, e.started, e.created, e.model = nil, nil, nil, nil
	e.counts.hasTotal, e.counts.hasLast = false, false
	s.Reset(payload)
	if len(payload) == 0 || !s.Object() {
		return true
	}
	typed := false
	var message []byte // the event itself, in the oldest envelope
	for {
		key, ok := s.Key()
		if !ok {
			break
		}
		switch string(key) {
		case "type":
			var name []byte
			name, typed = s.Text()
			e.kind = eventKindOf(name)
		case "info":
			e.counts.parse(s)
		case "rate_limits":
			e.hasLimits = e.limits.parse(s, names)
		case "thread_settings":
			e.settings = s.Raw()
		case "started_at":
			e.started = s.Raw()
		case "created_at":
			e.created = s.Raw()
		case "model_context_window":
			e.window, _ = s.Int()
		case "model":
			e.model = s.Raw()
		case "msg":
			message = s.Raw()
		default:
			s.Skip()
		}
	}
	if s.Err() != nil {
		return false
	}
	if !typed && len(message) > 0 && message[0] == '{' {
		return e.parse(s, names, message)
	}
	return true
}

// counts is the info object of a token_count.
type counts struct {
	total, last       vector
	hasTotal, hasLast bool
	window            int64
	model, modelName  []byte // raw values
}

func (c *counts) parse(s *agent.Scanner) {
	*c = counts{}
	if !s.Object() {
		return
	}
	for {
		key, ok := s.Key()
		if !ok {
			return
		}
		switch string(key) {
		case "total_token_usage":
			c.hasTotal = c.total.parse(s)
		case "last_token_usage":
			c.hasLast = c.last.parse(s)
		case "model_context_window":
			c.window, _ = s.Int()
		case "model":
			c.model = s.Raw()
		case "model_name":
			c.modelName = s.Raw()
		default:
			s.Skip()
		}
	}
}

// parse reads a usage object; false: the value is something else.
func (v *vector) parse(s *agent.Scanner) bool {
	*v = vector{}
	if !s.Object() {
		return false
	}
	var created int64 // what builds by others call a cache write
	for {
		key, ok := s.Key()
		if !ok {
			break
		}
		switch string(key) {
		case "input_tokens":
			v[inInput] = s.Count()
		case "cached_input_tokens":
			v[inCached] = s.Count()
		case "cache_write_input_tokens":
			v[inCacheWrite] = s.Count()
		case "cache_creation_input_tokens":
			created = s.Count()
		case "output_tokens":
			v[inOutput] = s.Count()
		case "reasoning_output_tokens":
			v[inReasoning] = s.Count()
		default:
			s.Skip()
		}
	}
	if v[inCacheWrite] == 0 {
		v[inCacheWrite] = created
	}
	return true
}

// readTime reads a moment: an RFC 3339 string or a number since the epoch.
func readTime(raw []byte) (usage.Millis, bool) {
	if len(raw) == 0 {
		return 0, false
	}
	var s agent.Scanner
	s.Reset(raw)
	if raw[0] == '"' {
		text, _ := s.Text()
		return agent.ParseTime(text)
	}
	n, ok := s.Float()
	if !ok {
		return 0, false
	}
	return agent.TimeOfNumber(n)
}

// passOver reports whether a line, in the form that Codex itself writes, is of a kind that
// never counts: most bytes of a rollout are in such lines. It looks at the front, and for
// words that betray that another record is glued to this one, or that its type stands in it
// twice.
func passOver(line []byte) bool {
	rest, ok := bytes.CutPrefix(line, []byte(`{"timestamp":"`))
	if !ok {
		return false
	}
	n := bytes.IndexByte(rest[:min(len(rest), 40)], '"')
	if n < 0 {
		return false
	}
	rest = rest[n+1:]
	if after, found := bytes.CutPrefix(rest, []byte(`,"ordinal":`)); found {
		rest = after
		for len(rest) > 0 && rest[0] >= '0' && rest[0] <= '9' {
			rest = rest[1:]
		}
	}
	rest, name := word(rest, `,"type":"`)
	kind := kindOf(name)
	if kind == eventMessage {
		rest, name = word(rest, `,"payload":{"type":"`)
		if eventKindOf(name) == otherEvent {
			kind = other
		}
	}
	if kind != other || len(name) == 0 || len(rest) == 0 || rest[0] != ',' && rest[0] != '}' {
		return false
	}
	return !betrays(rest)
}

// betrays reports whether a text has the end of a name that a record of interest has outside
// of its strings. All those names have an underscore before their last word.
func betrays(text []byte) bool {
	for {
		n := bytes.IndexByte(text, '_')
		if n < 0 {
			return false
		}
		text = text[n+1:]
		length := bytes.IndexByte(text[:min(len(text), 10)], '"')
		if length < 0 {
			continue
		}
		switch string(text[:length]) {
		case "tokens", "meta", "context", "msg", "record", "metadata", "count", "started", "applied":
			return true
		}
	}
}

// word takes a lower-case word that begins a string behind prefix, with the quote that
// ends it.
func word(text []byte, prefix string) (rest, name []byte) {
	if len(text) < len(prefix) || string(text[:len(prefix)]) != prefix {
		return nil, nil
	}
	text = text[len(prefix):]
	for i, c := range text {
		if c == '"' {
			return text[i+1:], text[:i]
		}
		if c != '_' && (c < 'a' || c > 'z') {
			break
		}
	}
	return nil, nil
}
