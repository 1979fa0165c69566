package claude

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/usage"
)

// simulatedVersion is the version of Claude Code whose lines are imitated.
const simulatedVersion = "2.1.330"

// Simulate implements agent.Simulator.
func (Source) Simulate(c agent.SimulatedConversation) agent.Conversation {
	return &conversation{
		about:  c,
		random: rand.New(rand.NewPCG(c.Seed, usage.NewHash("conversation").Text(c.ID).Sum())),
	}
}

// conversation writes a transcript.
type conversation struct {
	about  agent.SimulatedConversation
	random *rand.Rand
	turns  int
	last   string // uuid of the last line
	called string // id of the tool call that waits for its result

	written []*simulatedLine // all lines so far, for a fork to copy
	copied  []byte           // what a fork's transcript begins with, until it is written
}

// File implements agent.Conversation.
func (c *conversation) File() string {
	folder := ".claude/projects/" + slug(c.about.Project) + "/"
	if c.about.Parent != "" {
		return folder + c.about.Parent + "/subagents/agent-" + c.agentID() + ".jsonl"
	}
	return folder + c.about.ID + ".jsonl"
}

// agentID is the name of a sub-agent, which has no session of its own.
func (c *conversation) agentID() string {
	if c.about.Parent == "" {
		return ""
	}
	return strings.ReplaceAll(c.about.ID, "-", "")[:17]
}

// Fork implements agent.Forker: a fork's transcript begins with all lines of the original,
// the session's id exchanged and the original's noted on the lines of requests.
func (c *conversation) Fork(fork agent.SimulatedConversation) agent.Conversation {
	fork.Parent = ""
	f := Source{}.Simulate(fork).(*conversation)
	f.turns, f.last, f.called = c.turns, c.last, c.called
	for _, line := range c.written {
		copied := *line
		copied.Session = fork.ID
		if copied.Request != "" && copied.RequestSession == "" {
			copied.RequestSession = c.about.ID
		}
		f.copied = f.append(f.copied, &copied)
	}
	return f
}

// slug is the name of a working folder's transcripts.
func slug(project string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return '-'
	}, project)
}

// The lines of a transcript, as far as they are imitated.
type (
	simulatedLine struct {
		ParentUUID *string          `json:"parentUuid"`
		Sidechain  bool             `json:"isSidechain"`
		UserType   string           `json:"userType"`
		Project    string           `json:"cwd"`
		Session    string           `json:"sessionId"`
		Version    string           `json:"version"`
		Branch     string           `json:"gitBranch"`
		Kind       string           `json:"type"`
		Message    simulatedMessage `json:"message"`
		Request    string           `json:"requestId,omitempty"`
		Block      *int             `json:"apiBlockIndex,omitempty"`
		AgentID    string           `json:"agentId,omitempty"`
		// RequestSession is the session that made the request, on a fork's copies.
		RequestSession string `json:"requestSessionId,omitempty"`
		UUID           string `json:"uuid"`
		Time           string `json:"timestamp"`
	}
	simulatedMessage struct {
		ID      string          `json:"id,omitempty"`
		Type    string          `json:"type,omitempty"`
		Role    string          `json:"role"`
		Model   string          `json:"model,omitempty"`
		Content any             `json:"content"`
		Stop    string          `json:"stop_reason,omitempty"`
		Usage   *simulatedUsage `json:"usage,omitempty"`
	}
	simulatedUsage struct {
		Input      int64 `json:"input_tokens"`
		CacheWrite int64 `json:"cache_creation_input_tokens"`
		CacheRead  int64 `json:"cache_read_input_tokens"`
		Split      struct {
			FiveMinutes int64 `json:"ephemeral_5m_input_tokens"`
			Hour        int64 `json:"ephemeral_1h_input_tokens"`
		} `json:"cache_creation"`
		Output  int64 `json:"output_tokens"`
		Details struct {
			Thinking int64 `json:"thinking_tokens"`
		} `json:"output_tokens_details"`
		Tools struct {
			Searches int64 `json:"web_search_requests"`
		} `json:"server_tool_use"`
		Tier string `json:"service_tier"`
	}
	simulatedBlock struct {
		Type      string         `json:"type"`
		Thinking  string         `json:"thinking,omitempty"`
		Text      string         `json:"text,omitempty"`
		ID        string         `json:"id,omitempty"`
		Name      string         `json:"name,omitempty"`
		Input     map[string]any `json:"input,omitempty"`
		ToolUseID string         `json:"tool_use_id,omitempty"`
		Content   string         `json:"content,omitempty"`
	}
)

// Turn implements agent.Conversation. A turn is what the user said, or what the tool gave,
// and a line for each block of the response, all with the response's counters.
func (c *conversation) Turn(turn agent.SimulatedTurn) ([]byte, usage.Tokens) {
	tokens := turn.Tokens
	tokens.Reasoning = min(tokens.Reasoning, tokens.Output)
	c.turns++
	out := c.copied
	c.copied = nil

	prompt := c.line("user", turn.Time-1500)
	prompt.Message = simulatedMessage{Role: "user", Content: turn.Prompt}
	if c.called != "" {
		prompt.Message.Content = []simulatedBlock{{Type: "tool_result", ToolUseID: c.called, Content: turn.Prompt}}
		c.called = ""
	}
	out = c.append(out, prompt)

	var blocks []simulatedBlock
	if tokens.Reasoning > 0 {
		blocks = append(blocks, simulatedBlock{Type: "thinking", Thinking: "Weighing the options."})
	}
	if turn.Answer != "" || turn.Tool == "" {
		blocks = append(blocks, simulatedBlock{Type: "text", Text: turn.Answer})
	}
	stop := "end_turn"
	if turn.Tool != "" {
		stop = "tool_use"
		c.called = c.id("toolu_01")
		blocks = append(blocks, simulatedBlock{Type: "tool_use", ID: c.called, Name: turn.Tool, Input: map[string]any{"path": c.about.Project}})
	}
	counters := &simulatedUsage{Input: tokens.Input, CacheWrite: tokens.CacheWrite(), CacheRead: tokens.CacheRead, Output: tokens.Output, Tier: "standard"}
	counters.Split.FiveMinutes, counters.Split.Hour = tokens.CacheWrite5m, tokens.CacheWrite1h
	counters.Details.Thinking = tokens.Reasoning
	message, request := c.id("msg_01"), c.id("req_011")
	for i, block := range blocks {
		line := c.line("assistant", turn.Time)
		line.Request, line.Block = request, &i
		line.Message = simulatedMessage{
			ID: message, Type: "message", Role: "assistant", Model: c.about.Model,
			Content: []simulatedBlock{block}, Stop: stop, Usage: counters,
		}
		out = c.append(out, line)
	}
	return out, tokens
}

// line begins a line that follows the last one.
func (c *conversation) line(kind string, at usage.Millis) *simulatedLine {
	line := &simulatedLine{
		Sidechain: c.about.Parent != "",
		UserType:  "external",
		Project:   c.about.Project,
		Session:   cmp.Or(c.about.Parent, c.about.ID),
		AgentID:   c.agentID(),
		Version:   simulatedVersion,
		Branch:    c.about.Branch,
		Kind:      kind,
		UUID:      fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", c.random.Uint32(), c.random.IntN(1<<16), c.random.IntN(1<<12), c.random.IntN(1<<12), c.random.Int64N(1<<48)),
		Time:      at.Time().Format("2006-01-02T15:04:05.000Z07:00"),
	}
	if c.last != "" {
		parent := c.last
		line.ParentUUID = &parent
	}
	c.last = line.UUID
	return line
}

// append adds a line. Nothing in it can fail to be encoded.
func (c *conversation) append(out []byte, line *simulatedLine) []byte {
	c.written = append(c.written, line)
	text, err := json.Marshal(line)
	if err != nil {
		panic(err)
	}
	return append(append(out, text...), '\n')
}

// id makes an id of the kind that Anthropic gives.
func (c *conversation) id(prefix string) string {
	const letters = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	id := make([]byte, 0, 32)
	id = append(id, prefix...)
	for range 22 {
		id = append(id, letters[c.random.IntN(len(letters))])
	}
	return string(id)
}
