//go:build linux

package endtoend

import (
	"fmt"
	"strings"
	"time"
)

// The lines below are written by hand, from what the agents were seen to write, and not by
// the simulators, so that a mistake shared by a reader and its simulator is found here.

// claudeLog is the name of a Claude Code session's log in a home.
func claudeLog(session string) string { return ".claude/projects/-w-shop/" + session + ".jsonl" }

// claudeReply is one answer: two lines with the same message, as an agent writes a text and
// a tool call, of which one counts.
func claudeReply(session string, number int, at time.Time, input, cacheWrite, cacheRead, output int64) string {
	line := `{"parentUuid":null,"isSidechain":false,"userType":"external","cwd":"/w/shop","sessionId":%q,"version":"2.1.330","gitBranch":"main",` +
		`"type":"assistant","uuid":"%s-%d-%d","requestId":"req_%s_%d","timestamp":%q,"message":{"id":"msg_%s_%d","type":"message","role":"assistant",` +
		`"model":"claude-opus-5-5","content":[{"type":"text","text":"Looking."}],"stop_reason":"tool_use","usage":{"input_tokens":%d,"output_tokens":%d,` +
		`"cache_read_input_tokens":%d,"cache_creation_input_tokens":%d,"cache_creation":{"ephemeral_5m_input_tokens":%d,"ephemeral_1h_input_tokens":0},` +
		`"service_tier":"standard"}}}` + "\n"
	var lines strings.Builder
	for block := range 2 {
		fmt.Fprintf(&lines, line, session, session, number, block, session, number, at.UTC().Format("2006-01-02T15:04:05.000Z07:00"),
			session, number, input, output, cacheRead, cacheWrite, cacheWrite)
	}
	return lines.String()
}

// codexLog is the name of a Codex session's log in a home.
func codexLog(session string, at time.Time) string {
	return fmt.Sprintf(".codex/sessions/%s/rollout-%s-%s.jsonl", at.Format("2006/01/02"), at.Format("2006-01-02T15-04-05"), session)
}

// codexHead are the lines that a Codex session begins with.
func codexHead(session string, at time.Time) string {
	stamp := at.UTC().Format("2006-01-02T15:04:05.000Z07:00")
	return fmt.Sprintf(`{"timestamp":%q,"ordinal":0,"type":"session_meta","payload":{"id":%q,"session_id":%q,"timestamp":%q,"cwd":"/w/api","originator":"codex_cli_rs","cli_version":"0.169.0","source":"cli","model_provider":"openai","git":{"branch":"dev"}}}
{"timestamp":%q,"ordinal":1,"type":"turn_context","payload":{"cwd":"/w/api","model":"gpt-5.6-sol","effort":"high"}}
`, stamp, session, session, stamp, stamp)
}

// codexReply is one answer, the number-th of its session, with equal counters each time:
// the ledger line, the count with its running total and how much of the five hours is used,
// and the same count once more, as the agent repeats it when limits change.
func codexReply(session string, number int64, at time.Time, input, cached, output int64, used float64) string {
	counts := func(times int64) string {
		return fmt.Sprintf(`{"input_tokens":%d,"cached_input_tokens":%d,"cache_write_input_tokens":0,"output_tokens":%d,"reasoning_output_tokens":0,"total_tokens":%d}`,
			times*input, times*cached, times*output, times*(input+output))
	}
	stamp := at.UTC().Format("2006-01-02T15:04:05.000Z07:00")
	resets := at.Truncate(24 * time.Hour).Add(48 * time.Hour).Unix() // the same for all of a run
	count := fmt.Sprintf(`{"timestamp":%q,"type":"event_msg","payload":{"type":"token_count","info":{"total_token_usage":%s,"last_token_usage":%s,"model_context_window":272000},"rate_limits":{"limit_id":"codex","primary":{"used_percent":%.1f,"window_minutes":300,"resets_at":%d},"secondary":{"used_percent":12.0,"window_minutes":10080,"resets_at":%d},"plan_type":"plus"}}}`,
		stamp, counts(number), counts(1), used, resets, resets+400_000)
	record := fmt.Sprintf(`{"timestamp":%q,"type":"token_usage_record","payload":{"thread_id":%q,"session_id":%q,"turn_id":"n1","root_turn_id":"n1","response_id":"resp_%s_%d","usage":%s,"turn_token_usage":%s,"thread_token_usage":%s}}`,
		stamp, session, session, session, number, counts(1), counts(1), counts(number))
	return record + "\n" + count + "\n" + count + "\n"
}
