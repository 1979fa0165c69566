package codex

import (
	"bytes"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/usage"
)

// earliest is the first moment a numeric timestamp can mean; less is a count of something
// else.
const earliest usage.Millis = 946_684_800_000 // 2000-01-01

// parser reads the lines of one rollout.
type parser struct {
	state
	name     string
	modified usage.Millis

	time    usage.Millis // of the line
	guessed bool         // the line had none

	names   agent.Intern
	scanner agent.Scanner
	inner   agent.Scanner
	record  record
	message event
	head    meta

	// What is handed to the sink, kept here so that it need not be allocated.
	event   usage.Event
	sample  usage.Sample
	session usage.Session
	lineage usage.Thread
}

func newParser(f *agent.File, from []byte) *parser {
	p := &parser{name: f.Name, modified: f.Modified}
	if !p.state.decode(from) {
		p.state = state{}
	}
	return p
}

// State implements agent.LineParser.
func (p *parser) State() []byte { return p.state.encode(make([]byte, 0, 512)) }

// Line implements agent.LineParser.
func (p *parser) Line(line []byte, at int64, out agent.Sink) {
	if !p.watchful() && passOver(line) {
		return
	}
	if p.line(line, at, out) || len(bytes.TrimSpace(line)) == 0 {
		return
	}
	if agent.Valid(line) == nil { // no object, so nothing that Codex wrote
		p.afterMeta, p.turnBefore = false, false
		out.Skip(usage.Skip{Offset: at, Length: int64(len(line)), Reason: usage.ReasonShape})
		return
	}
	saved := false
	agent.Repair(line, func(object []byte, offset int) {
		if p.record.parse(&p.scanner, object) && p.record.payload != nil && p.line(object, at+int64(offset), out) {
			saved = true
		}
	})
	reason := usage.ReasonSyntax
	if saved {
		reason = usage.ReasonRepair
	} else {
		p.turnBefore = false
		p.damaged = p.damaged || !p.begun
	}
	out.Skip(usage.Skip{Offset: at, Length: int64(len(line)), Reason: reason})
}

// watchful reports whether it matters that there was a line, even one of no interest: before
// the thread's name is known, because its head may be what is damaged, and behind a line
// that means something by what follows it.
func (p *parser) watchful() bool { return p.thread == "" || p.afterMeta || p.turnBefore }

// line reads one record; false: it is damaged, and nothing was done.
func (p *parser) line(line []byte, at int64, out agent.Sink) bool {
	r := &p.record
	if !r.parse(&p.scanner, line) {
		return false
	}
	kind := r.kind
	p.message.created = nil
	if kind == eventMessage {
		if !p.message.parse(&p.scanner, &p.names, r.payload) {
			return false
		}
		if p.message.kind == otherEvent {
			kind = other
		}
	}
	if (kind != other || p.watchful()) && agent.Valid(line) != nil {
		return false
	}
	turnBefore := p.turnBefore
	p.turnBefore = false
	if kind == other {
		p.afterMeta = false
		return true
	}
	p.setTime()
	if kind != sessionMeta {
		p.afterMeta = false
		if p.copying && p.keptTimes && !p.guessed && p.time >= p.forked {
			p.endCopy(out)
		}
	}
	switch kind {
	case sessionMeta:
		p.meta(out)
	case turnContext:
		p.turn(out)
	case interAgent:
		if turnBefore && p.triggersTurn() {
			p.endCopy(out)
		}
	case usageRecord:
		p.ledgerEntry(at, out)
	case eventMessage:
		switch p.message.kind {
		case tokenCount:
			p.tokenCount(at, out)
		case taskStarted:
			p.task(out)
		case threadSettings:
			p.settings(out)
		}
	}
	return true
}

// setTime finds the time of the line: its own, else that of the line before, else the
// file's.
func (p *parser) setTime() {
	r := &p.record
	text := len(r.timestamp) > 0 && r.timestamp[0] == '"'
	stated, ok := readTime(r.timestamp)
	ok = ok && (text || stated >= earliest)
	if !ok || !text {
		for _, raw := range [...][]byte{r.created, p.message.created} {
			if t, found := readTime(raw); found && t >= earliest {
				stated, ok = t, true
				break
			}
		}
	}
	p.guessed = !ok
	switch {
	case ok:
		p.time, p.lastTime = stated, stated
	case p.lastTime != 0:
		p.time = p.lastTime
	default:
		p.time = p.modified
	}
}

// text decodes a raw string value; anything else is empty. It is valid until the next call.
func (p *parser) text(raw []byte) []byte {
	if len(raw) == 0 {
		return nil
	}
	p.inner.Reset(raw)
	text, _ := p.inner.Text()
	return text
}

// set makes *to the text, cut to most bytes; an empty one changes nothing.
func set(to *string, text []byte, most int) {
	if len(text) == 0 || string(text) == *to {
		return
	}
	*to = bounded(text, most)
}

// identify makes sure that the thread has a name.
func (p *parser) identify(out agent.Sink) {
	if p.thread == "" {
		p.thread, _ = threadInName(p.name)
		p.tellThread(out)
	}
}

// tellThread passes on what this file knows of its lineage.
func (p *parser) tellThread(out agent.Sink) {
	p.lineage = usage.Thread{Agent: id, ID: p.thread, Parents: p.parents, Inherited: p.inherited}
	switch {
	case p.byOrdinal:
		p.lineage.Inherited, p.lineage.Exact = p.stated, true
	case p.based:
		p.lineage.Inherited, p.lineage.Exact = 0, true
	case p.copying && p.spawned && p.fromZero:
		// A sub-agent with counters of its own, until the end of a copy is seen.
	case p.copying:
		p.lineage.Inherited = p.rows
	}
	out.Thread(&p.lineage)
}

// endCopy notes that the rows so far are copies and those that follow are not.
func (p *parser) endCopy(out agent.Sink) {
	if p.copying {
		p.copying, p.inherited = false, p.rows
		p.tellThread(out)
	}
}

// tellSession passes on how the conversation stands.
func (p *parser) tellSession(out agent.Sink) {
	parent := p.root
	if len(p.parents) > 0 {
		parent = p.parents[0]
	}
	p.session = usage.Session{
		Agent: id, ID: p.thread, Project: p.project, Branch: p.branch, Version: p.version, Model: p.model,
		Parent: parent, ContextTokens: p.context, ContextWindow: p.window, Time: p.time,
	}
	out.Session(&p.session)
}

// turn reads a turn_context.
func (p *parser) turn(out agent.Sink) {
	p.turnBefore = p.copying && !p.oldTask
	s := &p.scanner
	s.Reset(p.record.payload)
	if !s.Object() {
		return
	}
	project, model := p.project, p.model
	var cwd, name, oldName []byte
	for {
		key, ok := s.Key()
		if !ok {
			break
		}
		switch string(key) {
		case "cwd":
			cwd = s.Raw()
		case "model":
			name = s.Raw()
		case "model_name":
			oldName = s.Raw()
		default:
			s.Skip()
		}
	}
	set(&p.project, p.text(cwd), maxProject)
	if text := p.text(name); len(text) > 0 {
		set(&p.model, text, maxModel)
	} else {
		set(&p.model, p.text(oldName), maxModel)
	}
	if p.thread != "" && (p.project != project || p.model != model) {
		p.tellSession(out)
	}
}

// settings reads what a change of settings put in force. A tier that is not named is the
// standard one.
func (p *parser) settings(out agent.Sink) {
	s := &p.scanner
	s.Reset(p.message.settings)
	if len(p.message.settings) == 0 || !s.Object() {
		return
	}
	model := p.model
	var name []byte
	p.service = ""
	for {
		key, ok := s.Key()
		if !ok {
			break
		}
		switch string(key) {
		case "model":
			name = s.Raw()
		case "service_tier":
			text, _ := s.Text()
			switch string(text) {
			case "fast":
				p.service = "fast"
			case "priority":
				p.service = "priority"
			default:
				p.service = ""
			}
		default:
			s.Skip()
		}
	}
	set(&p.model, p.text(name), maxModel)
	if p.thread != "" && p.model != model {
		p.tellSession(out)
	}
}

// task reads that a turn begins. In a copy, one that began after the thread itself is the
// first of its own.
func (p *parser) task(out agent.Sink) {
	if p.message.window > 0 {
		p.window = min(p.message.window, agent.MaxCount)
	}
	if !p.copying {
		return
	}
	started, ok := readTime(p.message.started)
	switch {
	case !ok:
		p.oldTask = false
	case started/1000 >= p.forked/1000: // it is logged in whole seconds
		p.endCopy(out)
	default:
		p.oldTask = true
	}
}

// triggersTurn reads an inter_agent_communication_metadata.
func (p *parser) triggersTurn() bool {
	s := &p.scanner
	s.Reset(p.record.payload)
	triggers := false
	if len(p.record.payload) == 0 || !s.Object() {
		return false
	}
	for {
		key, ok := s.Key()
		if !ok {
			return triggers
		}
		if string(key) == "trigger_turn" {
			triggers, _ = s.Bool()
		} else {
			s.Skip()
		}
	}
}
