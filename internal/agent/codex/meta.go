package codex

import (
	"strconv"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/usage"
)

// meta is the payload of a session_meta.
type meta struct {
	id, session      string
	time             usage.Millis
	project          string
	branch           string
	version          string
	forkedFrom       string // the nearest parent
	forkedFromOld    string
	base             string // thread whose history this one goes on from, without a copy
	spawnedBy        string
	parentThread     string
	parentSession    string
	sidechain        bool // by thread_source
	spawned          bool // by source
	start            int64
	hasStart         bool
	based, isSpawned bool
}

func (m *meta) parse(s *agent.Scanner, names *agent.Intern, payload []byte) {
	*m = meta{}
	s.Reset(payload)
	if len(payload) == 0 || !s.Object() {
		return
	}
	for {
		key, ok := s.Key()
		if !ok {
			return
		}
		switch string(key) {
		case "id":
			m.id = name(s, names)
		case "session_id":
			m.session = name(s, names)
		case "timestamp":
			m.time, _ = readTime(s.Raw())
		case "cwd":
			text, _ := s.Text()
			m.project = bounded(text, maxProject)
		case "cli_version":
			text, _ := s.Text()
			m.version = bounded(text, maxVersion)
		case "git":
			m.branch = member(s, "branch", maxBranch)
		case "forked_from_id":
			m.forkedFrom = name(s, names)
		case "forkedFromId":
			m.forkedFromOld = name(s, names)
		case "parent_thread_id":
			m.parentThread = name(s, names)
		case "parent_session_id":
			m.parentSession = name(s, names)
		case "history_base":
			m.base = member(s, "thread_id", maxID)
			m.based = m.base != ""
		case "subagent_history_start_ordinal":
			m.start, m.hasStart = ordinal(s)
		case "thread_source":
			text, _ := s.Text()
			m.sidechain = string(text) == "subagent"
		case "source":
			m.source(s)
		default:
			s.Skip()
		}
	}
}

// source reads who began the thread: a word, or {"subagent": a word} for a review, or
// {"subagent":{"thread_spawn":{"parent_thread_id"}}}.
func (m *meta) source(s *agent.Scanner) {
	raw := s.Raw()
	m.spawned, m.spawnedBy, m.isSpawned = false, "", false
	if len(raw) == 0 {
		return
	}
	var inner agent.Scanner
	inner.Reset(raw)
	if raw[0] == '"' {
		text, _ := inner.Text()
		m.spawned = string(text) == "subagent"
		return
	}
	if !inner.Object() {
		return
	}
	for {
		key, ok := inner.Key()
		if !ok {
			return
		}
		if string(key) != "subagent" {
			inner.Skip()
			continue
		}
		value := inner.Raw()
		m.spawned, m.spawnedBy, m.isSpawned = len(value) > 0 && string(value) != "null", "", false
		var spawn agent.Scanner
		spawn.Reset(value)
		if len(value) == 0 || !spawn.Object() {
			continue
		}
		for {
			key, ok := spawn.Key()
			if !ok {
				break
			}
			if string(key) == "thread_spawn" {
				m.spawnedBy = member(&spawn, "parent_thread_id", maxID)
				m.isSpawned = true
			} else {
				spawn.Skip()
			}
		}
	}
}

// member reads the text of one member of an object; anything else is "".
func member(s *agent.Scanner, name string, most int) string {
	value := ""
	if !s.Object() {
		return ""
	}
	for {
		key, ok := s.Key()
		if !ok {
			return value
		}
		if string(key) != name {
			s.Skip()
			continue
		}
		text, _ := s.Text()
		value = bounded(text, most)
	}
}

// ordinal reads a number or a string of digits.
func ordinal(s *agent.Scanner) (int64, bool) {
	raw := s.Raw()
	if len(raw) == 0 {
		return 0, false
	}
	var inner agent.Scanner
	inner.Reset(raw)
	if raw[0] != '"' {
		return inner.Int()
	}
	text, _ := inner.Text()
	n, err := strconv.ParseInt(string(text), 10, 64)
	return n, err == nil && n >= 0
}

// lineage appends the parents that the record names, nearest first.
func (m *meta) lineage(parents []string, thread string) []string {
	for _, parent := range [...]string{m.forkedFrom, m.forkedFromOld, m.base, m.spawnedBy, m.parentThread, m.parentSession} {
		parents = withParent(parents, thread, parent)
	}
	return parents
}

// meta reads a session_meta. The first names the thread of the file; one of another thread
// was copied from an ancestor, and if it stands directly behind the first, a copy of that
// ancestor's history follows.
func (p *parser) meta(out agent.Sink) {
	m := &p.head
	m.parse(&p.scanner, &p.names, p.record.payload)
	if p.thread == "" {
		named, stated := threadInName(p.name)
		p.thread = m.id
		if m.id == "" || p.damaged && stated {
			// The thread's own record may have been what could not be read.
			p.thread = named
		}
	}
	switch {
	case m.id != p.thread && (m.id != "" || p.begun):
		if p.afterMeta && !p.copying && p.rows == 0 {
			p.copying = true
			p.keptTimes = !p.guessed && p.time < p.forked
		}
		p.parents = m.lineage(withParent(p.parents, p.thread, m.id), p.thread)
	case p.begun:
		p.describe(m)
		p.tellSession(out)
	default:
		p.begin(m)
		p.tellSession(out)
	}
	p.tellThread(out)
}

func (p *parser) begin(m *meta) {
	p.describe(m)
	p.begun, p.afterMeta = true, true
	if p.forked = m.time; p.forked == 0 {
		p.forked = p.time
	}
	p.parents = m.lineage(p.parents, p.thread)
	p.spawned = m.isSpawned
	p.sidechain = m.sidechain || m.spawned
	p.based = m.based
	p.start, p.starts = m.start, m.hasStart
	if m.session != p.thread {
		p.root = m.session
	}
}

func (p *parser) describe(m *meta) {
	set(&p.project, []byte(m.project), maxProject)
	set(&p.branch, []byte(m.branch), maxBranch)
	set(&p.version, []byte(m.version), maxVersion)
}
