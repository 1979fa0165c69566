package claude

import (
	"bytes"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/usage"
)

// line is what matters of a transcript line. The byte slices point into the line or into
// the parser's buffer.
type line struct {
	kind           string // of the few that matter, else "other"; "" = absent
	session        string
	requestSession string // the session in which the request was made, if the line is a copy
	project        string
	branch         string
	version        string
	apiError       bool // the line is an error message of Claude Code itself
	cost           *usage.Micros
	bills          []byte // raw JSON: what the session has used so far, by model
	entry          entry  // the message at the top level
	inner          entry  // the message of another file that a progress line repeats
}

// entry is a message with what stands beside it.
type entry struct {
	has       bool // there is a message object
	time      usage.Millis
	sidechain bool
	aborted   bool
	request   []byte // raw JSON: mostly the message's id is enough
	uuid      []byte // raw JSON
	message   message
}

// message is a response of the model as logged.
type message struct {
	id      ident
	model   string
	aborted bool
	content []byte // raw JSON
	usage   counters
}

// counters is a usage object.
type counters struct {
	has      bool
	tokens   usage.Tokens
	speed    string
	tier     string
	geo      string
	searches int64
	advisors []advisor
}

// advisor is the request to another model that was made to answer this one. Its tokens are
// not in those of the message.
type advisor struct {
	model  string
	tokens usage.Tokens
}

// ident is an id of which only a hash is kept.
type ident struct {
	set    bool
	global bool   // given by Anthropic, so it names one response in all files
	hash   uint64 // of the text
}

// read takes a line apart; false if the text is not one JSON object, as far as that shows.
func (p *parser) read(text []byte) (l line, ok bool) {
	s := &p.scanner
	s.Reset(text)
	if !s.Object() {
		return l, false
	}
	for {
		key, more := s.Key()
		if !more {
			break
		}
		switch string(key) {
		case "type":
			l.kind = p.text()
		case "sessionId":
			l.session = p.text()
		case "requestSessionId":
			l.requestSession = p.text()
		case "cwd":
			l.project = p.text()
		case "gitBranch":
			l.branch = p.text()
		case "version":
			l.version = p.text()
		case "isApiErrorMessage":
			l.apiError = p.bool()
		case "costUSD":
			l.cost = p.money()
		case "modelUsage":
			l.bills = s.Raw()
		case "data":
			l.inner = entry{}
			if s.Object() {
				p.data(&l.inner)
			}
		default:
			p.member(key, &l.entry)
		}
	}
	return l, s.End()
}

// data reads the object of a progress line.
func (p *parser) data(e *entry) {
	for {
		key, more := p.scanner.Key()
		if !more {
			return
		}
		if string(key) != "message" {
			p.scanner.Skip()
			continue
		}
		*e = entry{}
		if p.scanner.Object() {
			for {
				key, more := p.scanner.Key()
				if !more {
					break
				}
				p.member(key, e)
			}
		}
	}
}

// member reads a value that may stand beside a message.
func (p *parser) member(key []byte, e *entry) {
	s := &p.scanner
	switch string(key) {
	case "timestamp":
		e.time = p.time()
	case "isSidechain":
		e.sidechain = p.bool()
	case "isAbortedMidStream":
		e.aborted = p.bool()
	case "requestId":
		e.request = s.Raw()
	case "uuid":
		e.uuid = s.Raw()
	case "message":
		e.message = message{}
		if e.has = s.Object(); e.has {
			p.message(&e.message)
		}
	default:
		s.Skip()
	}
}

func (p *parser) message(m *message) {
	s := &p.scanner
	for {
		key, more := s.Key()
		if !more {
			return
		}
		switch string(key) {
		case "id":
			m.id = identOf(s)
		case "model":
			m.model = p.text()
		case "isAbortedMidStream":
			m.aborted = p.bool()
		case "content":
			if m.model != "" { // it stands before the content of a response, which is billed
				m.content = s.RawChecked()
			} else {
				m.content = s.Raw()
			}
		case "usage":
			m.usage = counters{}
			if m.usage.has = s.Object(); m.usage.has {
				p.counters(&m.usage)
			}
		default:
			s.Skip()
		}
	}
}

// counters reads the members of a usage object, or of an advisor's entry in one.
func (p *parser) counters(c *counters) {
	s := &p.scanner
	var cached, writes, writes5m, writes1h int64
	for {
		key, more := s.Key()
		if !more {
			break
		}
		switch string(key) {
		case "input_tokens":
			c.tokens.Input = s.Count()
		case "output_tokens":
			c.tokens.Output = s.Count()
		case "cache_read_input_tokens":
			c.tokens.CacheRead = s.Count()
		case "cached_prompt_tokens": // the name of some gateways
			cached = s.Count()
		case "cache_creation_input_tokens":
			writes = s.Count()
		case "cache_creation":
			writes5m, writes1h = p.pair("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")
		case "output_tokens_details":
			c.tokens.Reasoning, _ = p.pair("thinking_tokens", "")
		case "server_tool_use":
			c.searches, _ = p.pair("web_search_requests", "")
		case "speed":
			c.speed = p.text()
		case "service_tier":
			c.tier = p.text()
		case "inference_geo":
			c.geo = p.text()
		case "iterations":
			c.advisors = p.iterations()
		default:
			s.Skip()
		}
	}
	t := &c.tokens
	if t.CacheRead == 0 {
		t.CacheRead = cached
	}
	t.CacheWrite5m, t.CacheWrite1h = cacheWrites(writes, writes5m, writes1h)
	t.Reasoning = min(t.Reasoning, t.Output)
}

// cacheWrites splits what was written to caches by how long it lives. The parts and their sum
// differ on damaged or foreign records only. An empty split means that all of it lives five
// minutes.
func cacheWrites(all, fiveMinutes, hour int64) (int64, int64) {
	return max(all, fiveMinutes+hour) - hour, hour
}

// iterations reads the requests that a response was made of. Those of type message are in
// its counters already.
func (p *parser) iterations() (advisors []advisor) {
	s := &p.scanner
	if !s.Array() {
		return nil
	}
	for s.More() {
		// The type may stand behind the counters, so the entry is read twice.
		raw := s.Raw()
		if a, ok := p.advisor(raw); ok {
			advisors = append(advisors, a)
		}
	}
	return advisors
}

func (p *parser) advisor(raw []byte) (a advisor, ok bool) {
	outer := p.scanner
	defer func() { p.scanner = outer }()
	p.scanner = agent.Scanner{}
	p.scanner.Reset(raw)
	if !p.scanner.Object() {
		return a, false
	}
	for {
		key, more := p.scanner.Key()
		if !more {
			break
		}
		switch string(key) {
		case "type":
			ok = p.text() == "advisor_message"
		case "model":
			a.model = p.text()
		default:
			p.scanner.Skip()
		}
	}
	if !ok {
		return a, false
	}
	p.scanner.Reset(raw)
	p.scanner.Object()
	var c counters
	p.counters(&c)
	a.tokens = c.tokens
	return a, true
}

// pair reads two counters of an object.
func (p *parser) pair(first, second string) (a, b int64) {
	s := &p.scanner
	if !s.Object() {
		return 0, 0
	}
	for {
		key, more := s.Key()
		if !more {
			return a, b
		}
		switch string(key) {
		case first:
			a = s.Count()
		case second:
			b = s.Count()
		default:
			s.Skip()
		}
	}
}

// longestText bounds names and paths, in bytes: those of real logs are shorter.
const longestText = 4096

func (p *parser) text() string {
	text, _ := p.scanner.Text()
	if len(text) > longestText {
		return ""
	}
	return p.known.String(text)
}

func (p *parser) bool() bool {
	value, _ := p.scanner.Bool()
	return value
}

// identOf reads an id.
func identOf(s *agent.Scanner) ident {
	text, _ := s.Text()
	if len(text) == 0 {
		return ident{}
	}
	return ident{
		set:    true,
		global: bytes.HasPrefix(text, []byte("msg_")),
		hash:   idHash.Bytes(text).Sum(),
	}
}

// ident is identOf of raw JSON, which may be empty.
func (p *parser) ident(raw []byte) ident {
	p.side.Reset(raw)
	return identOf(&p.side)
}

var idHash = usage.NewHash("id")

// time reads a timestamp: text, or a number where a tool rewrote the line.
func (p *parser) time() usage.Millis {
	raw := p.scanner.Raw()
	var at usage.Millis
	p.side.Reset(raw)
	if text, ok := p.side.Text(); ok {
		at, _ = agent.ParseTime(text)
		return at
	}
	p.side.Reset(raw)
	if n, ok := p.side.Float(); ok {
		at, _ = agent.TimeOfNumber(n)
	}
	return at
}

// money reads US dollars.
func (p *parser) money() *usage.Micros {
	micros, ok := p.scanner.Money()
	if !ok {
		return nil
	}
	return &micros
}
