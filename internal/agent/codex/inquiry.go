package codex

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/usage"
)

// Inquiry implements agent.Inquirer: Codex's app-server asks OpenAI with the login that only
// Codex knows. It is started read-only and may run nothing.
func (Source) Inquiry(agent.Env) agent.Inquiry {
	return agent.Inquiry{
		Program: &agent.ProgramInquiry{
			Name:      string(id),
			Arguments: []string{"-s", "read-only", "-a", "never", "app-server"},
			Called:    "codex app-server",
			Dialogue:  func(version string) agent.Dialogue { return &dialogue{version: version} },
		},
		Remedy: "Open Codex once and log in",
	}
}

// The requests' ids.
const (
	askedHello  = 1
	askedLimits = 2
)

// dialogue asks for the limits and nothing else. account/read would name the plan, but so do
// the limits, and without saying whose it is.
type dialogue struct {
	version string
	samples []usage.Sample
	done    bool
}

// answer is a message of the app-server; those that are not a response have no id, or a method.
type answer struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Code json.Number `json:"code"`
	} `json:"error"`
}

// Hear implements agent.Dialogue.
func (d *dialogue) Hear(line []byte, now usage.Millis) ([]byte, error) {
	if line == nil {
		version, err := json.Marshal(d.version)
		if err != nil {
			return nil, err
		}
		return fmt.Appendf(nil, `{"id":%d,"method":"initialize","params":{"clientInfo":{"name":"tokenmeter","title":"Tokenmeter","version":%s}}}`+"\n", askedHello, version), nil
	}
	if len(bytes.TrimSpace(line)) == 0 {
		return nil, nil
	}
	var a answer
	if err := json.Unmarshal(line, &a); err != nil {
		return nil, fmt.Errorf("read what the program says: it is not JSON: %w", agent.ErrFormat)
	}
	if a.Method != "" || string(a.ID) != fmt.Sprint(askedHello) && string(a.ID) != fmt.Sprint(askedLimits) {
		return nil, nil // a notice, or a question, which is not answered
	}
	hello := string(a.ID) == fmt.Sprint(askedHello)
	switch {
	case a.Error != nil && hello:
		return nil, fmt.Errorf("the program refuses the conversation (error %.20s): %w", a.Error.Code, agent.ErrFormat)
	case a.Error != nil:
		// It has one code for a missing login, an old one, and a server that is away.
		return nil, fmt.Errorf("the program cannot tell its limits (error %.20s); it may have no login", a.Error.Code)
	case hello:
		return fmt.Appendf(nil, `{"method":"initialized"}`+"\n"+`{"id":%d,"method":"account/rateLimits/read"}`+"\n", askedLimits), nil
	}
	d.done = true
	return nil, d.read(a.Result, now)
}

// Answer implements agent.Dialogue.
func (d *dialogue) Answer() ([]usage.Sample, bool) { return d.samples, d.done }

// read reads {"rateLimits": …, "rateLimitsByLimitId": {id: …}}: the second, where it is there,
// has all that is in the first.
func (d *dialogue) read(result []byte, now usage.Millis) error {
	var r struct {
		Limits json.RawMessage            `json:"rateLimits"`
		ByID   map[string]json.RawMessage `json:"rateLimitsByLimitId"`
	}
	if json.Unmarshal(result, &r) != nil || r.Limits == nil && r.ByID == nil {
		return fmt.Errorf("read the limits: %w", agent.ErrFormat)
	}
	var names agent.Intern
	seen := map[string]bool{}
	take := func(fallback string, raw []byte) {
		var s agent.Scanner
		s.Reset(raw)
		var l limits
		if len(raw) == 0 || !l.parse(&s, &names) {
			return
		}
		if !l.named {
			l.id = bounded([]byte(fallback), maxID)
		}
		if seen[l.id] {
			return
		}
		seen[l.id] = true
		d.samples = append(d.samples, l.stated(now)...)
	}
	const most = 64 // of limits; an account has a handful
	for _, key := range slices.Sorted(maps.Keys(r.ByID)) {
		if len(seen) < most {
			take(key, r.ByID[key])
		}
	}
	take(string(id), r.Limits)
	return nil
}

// stated are the windows of a limit, as the server states them now.
func (l *limits) stated(now usage.Millis) (samples []usage.Sample) {
	for _, w := range []struct {
		*window
		suffix string
	}{{&l.primary, ""}, {&l.secondary, ""}, {&l.individual, ":individual"}} {
		if w.window.stated {
			samples = append(samples, usage.Sample{
				Agent: id, LimitID: l.id + w.suffix, WindowMinutes: w.minutes, UsedPercent: w.used, ResetsAt: w.resets,
				ObservedAt: now, Source: usage.SourceServer, Plan: l.plan, Reached: l.reached,
			})
		}
	}
	return samples
}
