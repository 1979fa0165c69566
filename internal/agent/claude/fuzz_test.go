package claude

import (
	"bytes"
	"encoding/json"
	"testing"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/agent/agenttest"
	"tokenmeter/internal/usage"
)

// FuzzState goes on from any state. One that this reader would not have written counts for
// none; of the others the next state says the same.
func FuzzState(f *testing.F) {
	for _, state := range [][]byte{nil, {stateVersion}, {stateVersion, 0}, {stateVersion, 1}, {stateVersion, 0x80, 0}, {stateVersion + 1, 2, 'x'}, {0xff, stateVersion, 2}} {
		f.Add(state)
	}
	f.Add((&parser{last: 1_932_883_201_000, parent: "s1"}).State())
	f.Add(append([]byte{stateVersion, 2}, bytes.Repeat([]byte("p"), 5000)...))
	record := []byte(`{"type":"assistant","sessionId":"s1","message":{"id":"msg_1","model":"m","usage":{"input_tokens":1,"output_tokens":2}}}` + "\n")
	f.Fuzz(func(t *testing.T, state []byte) {
		p := newParser(&agent.File{Name: "s1.jsonl"}, state, nil)
		if next := p.State(); p.last != 0 || p.parent != "" {
			if !bytes.Equal(next, state) {
				t.Fatalf("the state %x was taken for %x", state, next)
			}
		}
		if len(p.State()) > agent.MaxState || p.last < 0 {
			t.Fatalf("last %d, a state of %d bytes", p.last, len(p.State()))
		}
		facts := &agenttest.Facts{}
		p.Line(record, 0, facts)
		p.Flush(facts)
		if len(facts.Events) != 1 || facts.Events[0].Tokens != (usage.Tokens{Input: 1, Output: 2}) {
			t.Fatalf("%+v", facts.Events)
		}
	})
}

// FuzzLimitText reads any words that Claude Code may show as those of a limit.
func FuzzLimitText(f *testing.F) {
	for _, text := range []string{
		"Claude AI usage limit reached|1931234400", "5-hour limit reached ∙ resets 3pm", "You've hit your session limit · resets 3:30pm (America/Chicago)",
		"You've hit your weekly limit · resets Feb 3 at 10am (Europe/Madrid)", "Opus weekly limit reached ∙ resets Oct 31, 2031 at 12am", "limit reached resets 25:61", "limit reached resets 0am (../../etc/passwd)",
		"limit reached|99999999999999", "LIMIT REACHED RESETS ON DEC 99 AT 99", "reached your haiku limit resets 12pm (Local)",
	} {
		f.Add(text, int64(1_931_000_000_000))
	}
	f.Fuzz(func(t *testing.T, text string, at int64) {
		at &= 1<<46 - 1 // as a timestamp of a line can be, to the year 4199
		quoted, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		p := newParser(&agent.File{Name: "s1.jsonl"}, nil, source.Zone())
		l := line{apiError: true, entry: entry{time: usage.Millis(at), message: message{content: quoted}}}
		facts := &agenttest.Facts{}
		p.limit(&l, facts)
		if len(facts.Samples) > 1 {
			t.Fatalf("%d samples of one text", len(facts.Samples))
		}
		for _, s := range facts.Samples {
			ahead := int64(s.ResetsAt) - at
			if s.UsedPercent != 100 || s.WindowMinutes != sessionWindow && s.WindowMinutes != weekWindow || int64(s.ObservedAt) != at ||
				s.ResetsAt != 0 && (ahead <= 0 || ahead > (s.WindowMinutes+60)*60_000) {
				t.Fatalf("%q at %d: %+v", text, at, s)
			}
		}
	})
}
