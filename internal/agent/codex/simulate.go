package codex

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

// Simulate implements agent.Simulator: it writes a rollout as Codex 0.169.0 does.
func (Source) Simulate(c agent.SimulatedConversation) agent.Conversation {
	return &conversation{
		SimulatedConversation: c,
		random:                rand.New(rand.NewPCG(c.Seed, 0xc0de)),
	}
}

type conversation struct {
	agent.SimulatedConversation
	random  *rand.Rand
	lines   bytes.Buffer
	ordinal int
	task    string // id of the running turn
	turn    vector // what it used
	total   vector
	written int            // bytes
	base    map[string]any // of a fork: where its parent's history ends
}

// Fork implements agent.Forker: since 0.150 or so a fork names the history that it goes on
// from, copies none of it, and counts on from its totals.
func (c *conversation) Fork(fork agent.SimulatedConversation) agent.Conversation {
	f := Source{}.Simulate(fork).(*conversation)
	f.total = c.total
	f.base = map[string]any{"thread_id": c.ID, "end_ordinal_exclusive": c.ordinal, "end_byte_offset": c.written}
	return f
}

// File implements agent.Conversation.
func (c *conversation) File() string {
	start := c.Start.Time()
	return fmt.Sprintf(".codex/sessions/%s/rollout-%s-%s.jsonl",
		start.Format("2006/01/02"), start.Format("2006-01-02T15-04-05"), c.ID)
}

// Turn implements agent.Conversation. A prompt begins a new turn; a request that calls no
// tool ends it.
func (c *conversation) Turn(t agent.SimulatedTurn) ([]byte, usage.Tokens) {
	c.lines.Reset()
	if c.ordinal == 0 {
		c.header()
	}
	if t.Prompt != "" || c.task == "" {
		c.beginTask(&t)
	}
	c.line(t.Time, "response_item", map[string]any{
		"type": "reasoning", "id": c.name("rs_"), "summary": []any{}, "content": nil,
		"encrypted_content": c.noise(300 + int(t.Tokens.Reasoning)),
	})
	if t.Thought != "" {
		c.line(t.Time, "event_msg", map[string]any{"type": "agent_reasoning", "text": t.Thought})
	}
	if t.Tool != "" {
		if t.Call != "" && t.Answer != "" { // what it says before it calls
			c.say(t, "commentary")
		}
		call := c.name("call_")
		c.line(t.Time, "response_item", map[string]any{
			"type": "function_call", "id": c.name("fc_"), "name": t.Tool, "call_id": call,
			"arguments": encoded(map[string]any{"command": []string{"bash", "-lc", cmp.Or(t.Call, t.Answer)}, "workdir": c.Project}),
		})
		c.line(t.Time, "response_item", map[string]any{
			"type": "function_call_output", "call_id": call,
			"output": encoded(map[string]any{"output": cmp.Or(t.Result, t.Answer), "metadata": map[string]any{"exit_code": 0, "duration_seconds": 0.2}}),
		})
	} else {
		c.say(t, "final_answer")
	}

	if t.Aside != "" {
		c.aside(&t)
	}

	last := vector{
		inInput: t.Tokens.Prompt(), inCached: t.Tokens.CacheRead, inCacheWrite: t.Tokens.CacheWrite(),
		inOutput: t.Tokens.Output, inReasoning: min(t.Tokens.Reasoning, t.Tokens.Output),
	}
	for i, n := range last {
		c.total[i] += n
		c.turn[i] += n
	}
	c.line(t.Time, "token_usage_record", map[string]any{
		"thread_id": c.ID, "session_id": cmp.Or(c.Parent, c.ID), "turn_id": c.task, "root_turn_id": c.task,
		"response_id": c.name("resp_"), "usage": logged(&last),
		"turn_token_usage": logged(&c.turn), "thread_token_usage": logged(&c.total),
	})
	c.line(t.Time, "event_msg", map[string]any{
		"type": "token_count",
		"info": map[string]any{
			"total_token_usage": logged(&c.total), "last_token_usage": logged(&last), "model_context_window": 272000,
		},
		"rate_limits": loggedLimits(t.Limits),
	})
	if t.Tool == "" {
		c.line(t.Time, "event_msg", map[string]any{
			"type": "task_complete", "turn_id": c.task, "last_agent_message": t.Answer, "completed_at": int64(t.Time) / 1000,
		})
		c.task = ""
	}
	c.written += c.lines.Len()
	return bytes.Clone(c.lines.Bytes()), last.tokens()
}

func (c *conversation) header() {
	meta := map[string]any{
		"id": c.ID, "session_id": c.ID, "timestamp": stamp(c.Start), "cwd": c.Project,
		"originator": "codex_cli_rs", "cli_version": "0.169.0", "source": "cli", "thread_source": "user",
		"model_provider": "openai", "history_mode": "paginated", "history_base": nil,
		"base_instructions": map[string]any{"text": strings.Repeat("Work in small steps and check each of them.\n", 60)},
		"git":               map[string]any{"branch": c.Branch, "commit_hash": c.hex(40)},
	}
	if c.base != nil {
		meta["forked_from_id"], meta["history_base"] = c.base["thread_id"], c.base
	}
	if c.Parent != "" {
		meta["session_id"], meta["thread_source"] = c.Parent, "subagent"
		meta["source"] = map[string]any{"subagent": map[string]any{"thread_spawn": map[string]any{"parent_thread_id": c.Parent, "depth": 1}}}
	}
	c.line(c.Start, "session_meta", meta)
}

func (c *conversation) beginTask(t *agent.SimulatedTurn) {
	c.task, c.turn = c.uuid(), vector{}
	c.line(t.Time, "event_msg", map[string]any{
		"type": "task_started", "turn_id": c.task, "started_at": int64(t.Time) / 1000,
		"model_context_window": 272000, "collaboration_mode_kind": "default",
	})
	c.line(t.Time, "turn_context", map[string]any{
		"turn_id": c.task, "cwd": c.Project, "approval_policy": "on-request",
		"sandbox_policy": map[string]any{"type": "workspace-write", "network_access": false},
		"model":          c.Model, "effort": "medium", "summary": "auto",
	})
	c.line(t.Time, "response_item", map[string]any{
		"type": "message", "role": "user", "content": []any{map[string]any{"type": "input_text", "text": t.Prompt}},
	})
	c.line(t.Time, "event_msg", map[string]any{"type": "user_message", "message": t.Prompt, "images": []any{}})
}

// say writes what the model says to the user.
func (c *conversation) say(t agent.SimulatedTurn, phase string) {
	c.line(t.Time, "event_msg", map[string]any{"type": "agent_message", "message": t.Answer, "phase": phase})
	c.line(t.Time, "response_item", map[string]any{
		"type": "message", "id": c.name("msg_"), "role": "assistant", "phase": phase,
		"content": []any{map[string]any{"type": "output_text", "text": t.Answer}},
	})
}

// aside writes one of the records that say nothing of usage.
func (c *conversation) aside(t *agent.SimulatedTurn) {
	switch c.random.IntN(4) {
	case 0:
		c.line(t.Time, "event_msg", map[string]any{"type": "agent_reasoning", "text": t.Aside})
	case 1:
		c.line(t.Time, "event_msg", map[string]any{"type": "turn_diff", "unified_diff": t.Aside})
	case 2:
		c.line(t.Time, "event_msg", map[string]any{
			"type": "patch_apply_end", "call_id": c.name("call_"), "stdout": t.Aside, "stderr": "", "success": true,
		})
	default:
		c.line(t.Time, "event_msg", map[string]any{
			"type": "exec_command_end", "call_id": c.name("call_"), "cwd": c.Project, "exit_code": 0,
			"aggregated_output": t.Aside, "duration": map[string]any{"secs": 0, "nanos": c.random.IntN(1e9)},
		})
	}
}

// line writes one record, its members in Codex's order.
func (c *conversation) line(at usage.Millis, kind string, payload map[string]any) {
	first := ""
	if name, ok := payload["type"].(string); ok { // the type comes first
		delete(payload, "type")
		first = `"type":` + encoded(name) + `,`
	}
	text := "{" + first + encoded(payload)[1:]
	fmt.Fprintf(&c.lines, `{"timestamp":%q,"ordinal":%d,"type":%q,"payload":%s}`+"\n", stamp(at), c.ordinal, kind, text)
	c.ordinal++
}

func stamp(at usage.Millis) string { return at.Time().Format("2006-01-02T15:04:05.000Z") }

// encoded is JSON without the escapes meant for HTML.
func encoded(value any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return "null" // cannot be: only strings, numbers, maps and slices come here
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func logged(v *vector) map[string]any {
	return map[string]any{
		"input_tokens": v[inInput], "cached_input_tokens": v[inCached], "cache_write_input_tokens": v[inCacheWrite],
		"output_tokens": v[inOutput], "reasoning_output_tokens": v[inReasoning], "total_tokens": v[inInput] + v[inOutput],
	}
}

func loggedLimits(samples []usage.Sample) any {
	if len(samples) == 0 {
		return nil
	}
	limits := map[string]any{
		"limit_id": "codex", "limit_name": nil, "primary": nil, "secondary": nil, "credits": nil,
		"individual_limit": nil, "spend_control_reached": nil, "plan_type": nil, "rate_limit_reached_type": nil,
	}
	for i, slot := range []string{"primary", "secondary"} {
		if i >= len(samples) {
			break
		}
		s := &samples[i]
		limits[slot] = map[string]any{
			"used_percent": s.UsedPercent, "window_minutes": s.WindowMinutes, "resets_at": int64(s.ResetsAt) / 1000,
		}
		if s.LimitID != "" {
			limits["limit_id"] = s.LimitID
		}
		if s.Plan != "" {
			limits["plan_type"] = s.Plan
		}
		if s.Reached != "" {
			limits["rate_limit_reached_type"] = s.Reached
		}
	}
	return limits
}

func (c *conversation) hex(n int) string {
	const digits = "0123456789abcdef"
	b := make([]byte, n)
	for i := range b {
		b[i] = digits[c.random.IntN(16)]
	}
	return string(b)
}

func (c *conversation) name(prefix string) string { return prefix + c.hex(32) }

func (c *conversation) uuid() string {
	h := c.hex(32)
	return h[:8] + "-" + h[8:12] + "-7" + h[13:16] + "-8" + h[17:20] + "-" + h[20:]
}

// noise looks like encrypted text.
func (c *conversation) noise(n int) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	b := make([]byte, min(n, 8000))
	for i := range b {
		b[i] = letters[c.random.IntN(64)]
	}
	return string(b)
}
