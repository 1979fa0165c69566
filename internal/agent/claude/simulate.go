package claude

import (
	"bytes"
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

	written []*simulatedLine // all messages so far, for a fork to copy
	copied  []byte           // what a fork's transcript begins with, until it is written
	spent   usage.Tokens     // of this transcript
	encoded bytes.Buffer
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
		Result     *simulatedResult `json:"toolUseResult,omitempty"`
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
	// simulatedResult repeats what a tool gave, for the terminal.
	simulatedResult struct {
		Output      string `json:"stdout"`
		Errors      string `json:"stderr"`
		Interrupted bool   `json:"interrupted"`
		Image       bool   `json:"isImage"`
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
		prompt.Message.Content = []simulatedBlock{{Type: "tool_result", ToolUseID: c.called, Content: cmp.Or(turn.Result, turn.Prompt)}}
		if turn.Result != "" {
			prompt.Result = &simulatedResult{Output: turn.Result}
		}
		c.called = ""
	}
	out = c.append(out, prompt)
	if turn.Aside != "" {
		out = c.encode(out, c.aside(&turn))
	}

	var blocks []simulatedBlock
	if tokens.Reasoning > 0 {
		blocks = append(blocks, simulatedBlock{Type: "thinking", Thinking: cmp.Or(turn.Thought, "Weighing the options.")})
	}
	if turn.Answer != "" || turn.Tool == "" {
		blocks = append(blocks, simulatedBlock{Type: "text", Text: turn.Answer})
	}
	stop := "end_turn"
	if turn.Tool != "" {
		stop = "tool_use"
		c.called = c.id("toolu_01")
		blocks = append(blocks, simulatedBlock{Type: "tool_use", ID: c.called, Name: turn.Tool, Input: c.input(&turn)})
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
	c.spent = c.spent.Add(tokens)
	return out, tokens
}

// input is what the turn's tool is called with.
func (c *conversation) input(turn *agent.SimulatedTurn) map[string]any {
	if turn.Call == "" {
		return map[string]any{"path": c.about.Project}
	}
	return map[string]any{"file_path": c.about.Project + "/main", "content": turn.Call}
}

// aside makes one of the lines that are no message. None of them is usage, although one
// kind holds sums of it.
func (c *conversation) aside(turn *agent.SimulatedTurn) any {
	session, at := cmp.Or(c.about.Parent, c.about.ID), stamp(turn.Time-1000)
	switch c.random.IntN(10) {
	case 0:
		return map[string]any{"type": "summary", "summary": turn.Aside, "leafUuid": c.last}
	case 1:
		return map[string]any{"type": "queue-operation", "operation": "enqueue", "timestamp": at, "sessionId": session, "content": turn.Aside}
	case 2:
		return map[string]any{"type": "last-prompt", "lastPrompt": turn.Aside, "sessionId": session}
	case 3:
		return map[string]any{"type": "system", "subtype": "informational", "level": "info", "content": turn.Aside,
			"uuid": c.uuid(), "parentUuid": c.last, "timestamp": at, "sessionId": session, "cwd": c.about.Project, "isSidechain": c.about.Parent != ""}
	case 4:
		return map[string]any{"type": "cost-state", "sessionId": session, "totalCostUSD": float64(c.spent.Output) / 1e5, "modelUsage": map[string]any{c.about.Model: map[string]any{
			"inputTokens": c.spent.Input, "outputTokens": c.spent.Output, "thinkingTokens": c.spent.Reasoning,
			"cacheReadInputTokens": c.spent.CacheRead, "cacheCreationInputTokens": c.spent.CacheWrite(), "webSearchRequests": 0,
		}}}
	case 5, 6:
		backups := map[string]any{}
		for range 1 + min(len(turn.Aside)/200, 200) {
			name := c.uuid()
			backups[c.about.Project+"/"+name[:8]+".go"] = map[string]any{"backupFileName": name[9:] + "@v1", "version": 1, "backupTime": at}
		}
		return map[string]any{"type": "file-history-snapshot", "messageId": c.last, "isSnapshotUpdate": false,
			"snapshot": map[string]any{"messageId": c.last, "trackedFileBackups": backups, "timestamp": at}}
	default:
		return map[string]any{"type": "attachment", "uuid": c.uuid(), "parentUuid": c.last, "timestamp": at, "sessionId": session, "cwd": c.about.Project,
			"isSidechain": c.about.Parent != "", "attachment": map[string]any{"type": "edited_text_file", "filename": c.about.Project + "/main.go", "snippet": turn.Aside}}
	}
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
		UUID:      c.uuid(),
		Time:      stamp(at),
	}
	if c.last != "" {
		parent := c.last
		line.ParentUUID = &parent
	}
	c.last = line.UUID
	return line
}

// append adds a message, and keeps it for forks.
func (c *conversation) append(out []byte, line *simulatedLine) []byte {
	c.written = append(c.written, line)
	return c.encode(out, line)
}

// encode adds a line, without the escapes meant for HTML. Nothing in it can fail to be
// encoded.
func (c *conversation) encode(out []byte, line any) []byte {
	c.encoded.Reset()
	encoder := json.NewEncoder(&c.encoded)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(line); err != nil {
		panic(err)
	}
	return append(out, c.encoded.Bytes()...)
}

func stamp(at usage.Millis) string { return at.Time().Format("2006-01-02T15:04:05.000Z07:00") }

func (c *conversation) uuid() string {
	return fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", c.random.Uint32(), c.random.IntN(1<<16), c.random.IntN(1<<12), c.random.IntN(1<<12), c.random.Int64N(1<<48))
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
