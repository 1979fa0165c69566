package claude

import (
	"bytes"
	"encoding/binary"
	"path"
	"slices"
	"strings"
	"time"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/usage"
)

// stateVersion is the first byte of a parser's state; then come the time of the last line
// that had one, and the session that this one is a copy of.
const stateVersion = 1

// longestParent bounds what the state holds, in bytes.
const longestParent = 256

// The claims on session and project, added up: the conversation itself before a
// sub-agent's, the sub-agent's log before a repetition in it, the original before a copy.
const (
	claimCopy      = 1
	claimSubagents = 2
	claimSidechain = 4
)

// Some versions wrote a line as soon as its block was complete, with the counters as they
// stood at the start of the response.
var (
	placeholderFirst = [3]int{2, 1, 7}
	placeholderLast  = [3]int{2, 1, 96}
)

const (
	placeholderMost = 30 // the output such a line shows at most
	cutOutput       = 1  // the output of a response that was cut, in all versions
)

// parser reads one transcript.
type parser struct {
	name      string // of the file, relative to its root
	fallback  string // session of lines that name none
	subagents bool   // the file is a sub-agent's
	desktop   bool
	modified  usage.Millis
	zone      *time.Location

	scanner agent.Scanner
	side    agent.Scanner
	known   agent.Intern

	last   usage.Millis // time of the last line that had one
	parent string       // the session from which lines of this one were copied

	event   usage.Event // held back, to be merged with the next lines of the same response
	held    bool
	session usage.Session // held back, the newest so far
	open    bool
}

func newParser(f *agent.File, state []byte, zone *time.Location) *parser {
	p := &parser{
		name:     f.Name,
		desktop:  f.Root.Kind == kindDesktop,
		modified: f.Modified,
		zone:     zone,
	}
	p.fallback, p.subagents = sessionOf(f.Name)
	if len(state) > 0 && state[0] == stateVersion {
		last, n := binary.Varint(state[1:])
		if n > 0 && last >= 0 && len(state)-1-n <= longestParent {
			p.last, p.parent = usage.Millis(last), string(state[1+n:])
		}
		if !bytes.Equal(p.State(), state) { // it is not one that was written here
			p.last, p.parent = 0, ""
		}
	}
	return p
}

// sessionOf tells from a file's name which session it belongs to, and whether it is the
// log of a sub-agent.
func sessionOf(name string) (session string, subagents bool) {
	folders := strings.Split(path.Dir(name), "/")
	stem := strings.TrimSuffix(path.Base(name), path.Ext(name))
	if at := slices.Index(folders, "subagents"); at > 0 {
		return folders[at-1], true
	}
	if stem == "chat" && len(folders) > 1 {
		return folders[len(folders)-1], false
	}
	return stem, strings.HasPrefix(stem, "agent-")
}

// State implements agent.LineParser.
func (p *parser) State() []byte {
	state := binary.AppendVarint([]byte{stateVersion}, int64(p.last))
	return append(state, p.parent...)
}

// Flush implements agent.Flusher.
func (p *parser) Flush(out agent.Sink) {
	if p.held {
		out.Event(&p.event)
		p.held = false
	}
	if p.open {
		out.Session(&p.session)
		p.open = false
	}
}

// Line implements agent.LineParser.
func (p *parser) Line(text []byte, at int64, out agent.Sink) {
	l, ok := p.read(text)
	if ok && (!l.tells() || p.scanner.Valid() == nil) {
		p.take(&l, at, out)
		return
	}
	if len(bytes.TrimLeft(text, " \t\r")) == 0 {
		return
	}
	if agent.Valid(text) == nil {
		out.Skip(usage.Skip{Offset: at, Length: int64(len(text)), Reason: usage.ReasonShape})
		return
	}
	reason := usage.ReasonSyntax
	agent.Repair(text, func(object []byte, offset int) {
		// A part of a damaged record may be an object too, but has not these keys.
		if l, ok := p.read(object); ok && l.kind != "" && (l.entry.has || l.inner.has || l.hasBills()) && agent.Valid(object) == nil {
			p.take(&l, at+int64(offset), out)
			reason = usage.ReasonRepair
		}
	})
	out.Skip(usage.Skip{Offset: at, Length: int64(len(text)), Reason: reason})
}

// tells reports whether facts come of the line.
func (l *line) tells() bool {
	return l.entry.message.usage.has || l.inner.message.usage.has || l.apiError || l.hasBills()
}

func (l *line) hasBills() bool {
	return l.kind == billKind && len(l.bills) > 0 && l.bills[0] == '{'
}

// take turns a line into facts.
func (p *parser) take(l *line, at int64, out agent.Sink) {
	if l.entry.time != 0 {
		p.last = l.entry.time
	}
	if l.hasBills() {
		p.bills(l, out)
	}
	e := &l.entry
	if l.apiError {
		p.limit(l, out)
	}
	if !e.message.usage.has {
		if e = &l.inner; !e.message.usage.has {
			return
		}
		e.sidechain = true
		if !p.ident(e.uuid).set {
			e.uuid = l.entry.uuid
		}
	}
	u := &e.message.usage
	if u.tokens.IsZero() && len(u.advisors) == 0 {
		return
	}
	var event usage.Event
	p.fill(&event, l, e, at)
	for n, a := range u.advisors {
		if a.tokens.IsZero() {
			continue
		}
		extra := event
		extra.Key = usage.NewHash("advisor").Int(int64(event.Key)).Int(int64(n)).Key()
		if event.Twin != 0 {
			extra.Twin = usage.NewHash("advisor").Int(int64(event.Twin)).Int(int64(n)).Key()
		}
		extra.Model, extra.Tokens, extra.WebSearches, extra.Recorded = a.model, a.tokens, 0, nil
		extra.Flags &^= usage.LowerBound
		out.Event(&extra)
	}
	if u.tokens.IsZero() {
		return // nothing was billed for the message itself
	}
	p.hold(&event, e.message.id.global, out)
	if event.Flags&usage.Sidechain == 0 && (!p.open || event.Session != p.session.ID || event.Time >= p.session.Time) {
		p.converse(&event, out)
	}
}

// fill makes the event of a message.
func (p *parser) fill(event *usage.Event, l *line, e *entry, at int64) {
	u := &e.message.usage
	*event = usage.Event{
		Agent:       ID,
		Session:     l.session,
		Project:     l.project,
		Branch:      l.branch,
		Version:     l.version,
		Model:       e.message.model,
		Service:     service(u),
		Tokens:      u.tokens,
		WebSearches: u.searches,
		Recorded:    l.cost,
		Offset:      at,
	}
	if event.Session == "" {
		event.Session = p.fallback
	}
	if p.desktop && strings.HasPrefix(event.Project, "/sessions/") {
		event.Project = "" // a folder inside a container says nothing outside of it
	}
	origin := event.Session
	if l.requestSession != "" && l.requestSession != event.Session {
		origin = l.requestSession
		event.Claim += claimCopy
		if len(origin) <= longestParent {
			p.parent = origin
		}
	}
	if p.subagents {
		event.Claim += claimSubagents
	}
	if e.sidechain || p.subagents {
		event.Flags |= usage.Sidechain
		event.Claim += claimSidechain
	}
	if u.speed != "" {
		event.Flags |= usage.SpeedKnown
	}
	if e.aborted || e.message.aborted || l.entry.aborted {
		event.Flags |= usage.Aborted | usage.LowerBound
	}
	if u.tokens.Output == cutOutput || u.tokens.Output <= placeholderMost && writesPlaceholders(l.version) {
		event.Flags |= usage.LowerBound
	}
	own := e.time
	if own == 0 {
		own = l.entry.time
	}
	event.Time = own
	if own == 0 {
		event.Flags |= usage.TimeGuessed
		if event.Time = p.last; event.Time == 0 {
			event.Time = p.modified
		}
	}
	event.CountedAt = event.Time

	if id := e.message.id; id.global {
		event.Key = messageHash.Int(int64(id.hash)).Key()
	} else if id.set {
		event.Key = usage.NewHash("gateway").Text(origin).Int(int64(id.hash)).Key()
		if own != 0 {
			t := u.tokens
			event.Twin = usage.NewHash("twin").Int(int64(id.hash)).Int(int64(own)).
				Int(t.Input).Int(t.CacheRead).Int(t.CacheWrite5m).Int(t.CacheWrite1h).Int(t.Output).Int(t.Reasoning).Key()
		}
	} else if request := p.ident(e.request); request.set {
		event.Key = usage.NewHash("request").Int(int64(request.hash)).Key()
	} else if uuid := p.ident(e.uuid); uuid.set {
		event.Key = usage.NewHash("uuid").Int(int64(uuid.hash)).Key()
	} else {
		event.Key = usage.NewHash("line").Text(p.name).Int(at).Key()
	}
}

var messageHash = usage.NewHash("message")

// hold keeps an event back while lines of the same response follow. Only those of an id that
// is good everywhere: each line of another has a second identity of its own.
func (p *parser) hold(event *usage.Event, global bool, out agent.Sink) {
	if p.held && p.event.Key == event.Key && global {
		p.event = usage.Merge(p.event, *event)
		return
	}
	if p.held {
		out.Event(&p.event)
	}
	p.event, p.held = *event, true
}

// converse notes what a request tells of its session.
func (p *parser) converse(event *usage.Event, out agent.Sink) {
	if p.open && p.session.ID != event.Session {
		out.Session(&p.session)
	}
	parent := p.parent
	if parent == event.Session {
		parent = ""
	}
	p.session, p.open = usage.Session{
		Agent:         ID,
		ID:            event.Session,
		Project:       event.Project,
		Branch:        event.Branch,
		Version:       event.Version,
		Model:         event.Model,
		Parent:        parent,
		ContextTokens: event.Prompt(),
		Time:          event.Time,
	}, true
}

// service names what multiplies the price of a request.
func service(u *counters) string {
	var names [3]string
	n := 0
	if u.speed != "" && u.speed != "standard" {
		names[n] = u.speed
		n++
	}
	if u.tier != "" && u.tier != "standard" {
		names[n] = u.tier
		n++
	}
	switch u.geo {
	case "", "global", "not_available":
	default:
		names[n] = "geo:" + u.geo
		n++
	}
	return strings.Join(names[:n], "+")
}

// writesPlaceholders reports whether a version of Claude Code is one of those whose lines
// may show a placeholder for the output.
func writesPlaceholders(version string) bool {
	var parts [3]int
	for i := range parts {
		digits := 0
		for digits < len(version) && version[digits] >= '0' && version[digits] <= '9' && digits < 6 {
			parts[i] = parts[i]*10 + int(version[digits]-'0')
			digits++
		}
		if digits == 0 {
			return false
		}
		version = strings.TrimPrefix(version[digits:], ".")
	}
	return slices.Compare(parts[:], placeholderFirst[:]) >= 0 && slices.Compare(parts[:], placeholderLast[:]) <= 0
}
