package codex

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/usage"
)

// nowhere is a sink that keeps nothing.
type nowhere struct{ events, marks, samples int }

func (n *nowhere) Event(*usage.Event)            { n.events++ }
func (*nowhere) Thread(*usage.Thread)            {}
func (n *nowhere) Mark(usage.Mark)               { n.marks++ }
func (n *nowhere) Sample(*usage.Sample)          { n.samples++ }
func (*nowhere) Session(*usage.Session)          {}
func (*nowhere) Bill(*usage.Bill)                {}
func (*nowhere) Skip(usage.Skip)                 {}
func (*nowhere) Checkpoint(_ agent.Cursor) error { return nil }

// longest fills every part of a state up to its bound.
func longest() state {
	text := func(n int) string { return strings.Repeat("x", n) }
	s := state{
		thread: text(maxID), root: text(maxID), project: text(maxProject), branch: text(maxBranch),
		version: text(maxVersion), model: text(maxModel), service: "priority",
		window: agent.MaxCount, context: agent.MaxCount, rows: math.MaxInt32, forked: math.MaxInt64 >> 10, lastTime: math.MaxInt64 >> 10,
		start: math.MaxInt64, stated: math.MaxInt32, inherited: math.MaxInt32,
	}
	for _, f := range s.flags() {
		*f = true
	}
	for i := range maxParents {
		s.parents = append(s.parents, fmt.Sprint(i)+text(maxID-1))
	}
	most := vector{agent.MaxCount, agent.MaxCount, agent.MaxCount, agent.MaxCount, agent.MaxCount}
	s.counter.previous = most
	for range maxHeads {
		s.counter.heads = append(s.counter.heads, most)
	}
	for i := range maxSeen {
		s.counter.seen = append(s.counter.seen, seenMask-uint64(i))
	}
	for i := range maxReadings {
		s.readings = append(s.readings, reading{
			slot: uint32(math.MaxUint32 - i), value: math.MaxUint64, resets: math.MaxInt64 >> 10, told: math.MaxInt64 >> 10, repeats: 1,
		})
	}
	return s
}

func TestLargestStateFits(t *testing.T) {
	s := longest()
	b := s.encode(nil)
	if len(b) >= agent.MaxState {
		t.Fatalf("the state has %d bytes", len(b))
	}
	var back state
	if !back.decode(b) || !reflect.DeepEqual(s, back) {
		t.Fatalf("want %+v, got %+v", s, back)
	}
}

func TestDamagedStateIsRefused(t *testing.T) {
	s := longest()
	b := s.encode(nil)
	for n := range b {
		var back state
		if back.decode(b[:n]) {
			t.Fatalf("took %d of %d bytes for a state", n, len(b))
		}
		flipped := bytes.Clone(b)
		flipped[n] ^= 0x80
		(&state{}).decode(flipped) // must not panic, nor take memory for what is not there
	}
	if (&state{}).decode(append(b, 0)) {
		t.Fatal("took a state with something behind it")
	}
}

// TestRingHoldsTheNewestTotals: a total that fell out of the ring may be told again, with
// the same key, so that the store counts it once; one in the ring is not.
func TestRingHoldsTheNewestTotals(t *testing.T) {
	var c counter
	total := func(n int) *vector { return &vector{inInput: int64(n)} }
	last := vector{inInput: 1}
	add := func(n int) int64 {
		added := c.add(total(n), &last, true, true, uint64(n))
		return added[inInput]
	}
	for n := 1; n <= 3*maxSeen; n++ {
		if got := add(n); got != 1 {
			t.Fatalf("total %d adds %d", n, got)
		}
	}
	if got := add(2*maxSeen + 1); got != 0 {
		t.Errorf("a total in the ring adds %d", got)
	}
	if len(c.seen) != maxSeen {
		t.Errorf("the ring has %d places", len(c.seen))
	}
}

func TestHeadsAreBounded(t *testing.T) {
	var c counter
	for n := range 3 * maxHeads {
		c.add(&vector{inInput: int64(1000 * (n + 1))}, &vector{inInput: 1}, true, true, uint64(n))
	}
	if len(c.heads) != maxHeads || c.heads[maxHeads-1][inInput] != 3000*maxHeads {
		t.Fatalf("%d heads, the last at %d", len(c.heads), c.heads[len(c.heads)-1][inInput])
	}
}

func TestPassOver(t *testing.T) {
	cases := []struct {
		name, line string
		want       bool
	}{
		{"answer", `{"timestamp":"2031-05-01T09:00:00Z","type":"response_item","payload":{"type":"message"}}`, true},
		{"with ordinal", `{"timestamp":"2031-05-01T09:00:00Z","ordinal":12,"type":"response_item","payload":{}}`, true},
		{"event", `{"timestamp":"2031-05-01T09:00:00Z","type":"event_msg","payload":{"type":"agent_message","message":"x"}}`, true},
		{"event without more", `{"timestamp":"2031-05-01T09:00:00Z","type":"event_msg","payload":{"type":"context_compacted"}}`, true},
		{"escaped counter in a text", `{"timestamp":"2031-05-01T09:00:00Z","type":"response_item","payload":{"text":"\"input_tokens\":5"}}`, true},
		{"counter glued on", `{"timestamp":"2031-05-01T09:00:00Z","type":"response_item","payload":{"text":"{"input_tokens":5}`, false},
		{"turn glued on", `{"timestamp":"2031-05-01T09:00:00Z","type":"response_item","payload":{"text":"cut o{"timestamp":"2031-05-01T09:00:00Z","type":"turn_context","payload":{}}`, false},
		{"task glued on", `{"timestamp":"2031-05-01T09:00:00Z","type":"response_item","payload":{"text":"cut o{"timestamp":"2031-05-01T09:00:00Z","type":"event_msg","payload":{"type":"task_started"}}`, false},
		{"head glued on", `{"timestamp":"2031-05-01T09:00:00Z","type":"response_item","payload":{"text":"cut o{"timestamp":"2031-05-01T09:00:00Z","type":"session_meta","payload":{}}`, false},
		{"second type", `{"timestamp":"2031-05-01T09:00:00Z","type":"response_item","payload":{},"type":"event_msg"}`, false},
		{"snake case in a text", `{"timestamp":"2031-05-01T09:00:00Z","type":"response_item","payload":{"text":"_a_b_ \"the_context\" __"}}`, true},
		{"count", `{"timestamp":"2031-05-01T09:00:00Z","type":"event_msg","payload":{"type":"token_count"}}`, false},
		{"task", `{"timestamp":"2031-05-01T09:00:00Z","type":"event_msg","payload":{"type":"task_started"}}`, false},
		{"old envelope", `{"timestamp":"2031-05-01T09:00:00Z","type":"event_msg","payload":{"msg":{"type":"token_count"}}}`, false},
		{"head", `{"timestamp":"2031-05-01T09:00:00Z","type":"session_meta","payload":{}}`, false},
		{"turn", `{"timestamp":"2031-05-01T09:00:00Z","type":"turn_context","payload":{}}`, false},
		{"record", `{"timestamp":"2031-05-01T09:00:00Z","type":"token_usage_record","payload":{}}`, false},
		{"spaces", `{"timestamp": "2031-05-01T09:00:00Z","type":"response_item","payload":{}}`, false},
		{"other order", `{"type":"response_item","timestamp":"2031-05-01T09:00:00Z","payload":{}}`, false},
		{"escape in the type", `{"timestamp":"2031-05-01T09:00:00Z","type":"event\u005fmsg","payload":{"type":"token_count"}}`, false},
		{"type cut off", `{"timestamp":"2031-05-01T09:00:00Z","type":"response_i`, false},
		{"type cut off and glued", `{"timestamp":"2031-05-01T09:00:00Z","type":"response_i{"timestamp":"2031"`, false},
		{"nothing behind the type", `{"timestamp":"2031-05-01T09:00:00Z","type":"response_item"`, false},
		{"time without end", `{"timestamp":"2031-05-01T09:00:00Z`, false},
	}
	for _, c := range cases {
		if got := passOver([]byte(c.line)); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// rollout simulates a conversation of about the given size, with answers of the usual
// length.
func rollout(size int) []byte {
	c := Source{}.Simulate(agent.SimulatedConversation{
		Seed: 1, ID: "00000000-0000-4000-8000-000000000001", Project: "/w/shop", Branch: "main", Model: "gpt-5.6", Start: 1_935_738_000_000,
	})
	var text bytes.Buffer
	answer := strings.Repeat("The handler reads the header first.\n\tif err := run(ctx, \"serve\"); err != nil {\n", 40)
	for n := int64(0); text.Len() < size; n++ {
		turn := agent.SimulatedTurn{
			Time:   1_935_738_000_000 + usage.Millis(n*20_000),
			Tokens: usage.Tokens{Input: 900 + n, CacheRead: 40_000, Output: 700, Reasoning: 400},
			Answer: answer, Tool: "shell",
			Limits: []usage.Sample{{UsedPercent: float64(n % 100), WindowMinutes: 300, ResetsAt: 1_935_748_000_000}},
		}
		if n%8 == 0 {
			turn.Prompt = "Look at the handler."
		}
		lines, _ := c.Turn(turn)
		text.Write(lines)
	}
	return text.Bytes()
}

func TestOrdinaryLinesAllocateNothing(t *testing.T) {
	lines := bytes.Split(bytes.TrimSpace(rollout(256<<10)), []byte("\n"))
	p := newParser(&agent.File{Name: "rollout-x.jsonl"}, nil)
	out := &nowhere{}
	for _, line := range lines {
		p.Line(line, 0, out)
	}
	if out.events == 0 || out.samples == 0 || out.marks == 0 {
		t.Fatalf("%+v", *out)
	}
	at := 0
	if n := testing.AllocsPerRun(len(lines), func() {
		p.Line(lines[at%len(lines)], 0, out)
		at++
	}); n > 0 {
		t.Errorf("%v allocations a line", n)
	}
}

func BenchmarkRead(b *testing.B) {
	content := rollout(16 << 20)
	file := agent.File{Name: "rollout-x.jsonl"}
	reader := Source{}.Reader(agent.Root{}, file.Name)
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		file.Content = bytes.NewReader(content)
		if err := reader.Read(context.Background(), &file, agent.Cursor{}, &nowhere{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLines has the parser alone, by kind of line.
func BenchmarkLines(b *testing.B) {
	kinds := map[string][][]byte{}
	for line := range bytes.Lines(rollout(4 << 20)) {
		line = bytes.TrimSpace(line)
		kind := "counts"
		if passOver(line) {
			kind = "passed over"
		} else if bytes.Contains(line, []byte(`"type":"response_item"`)) {
			b.Fatalf("not passed over: %.200s", line)
		}
		kinds[kind] = append(kinds[kind], line)
	}
	// The same with the payload before the type, so that it must be skipped.
	for _, line := range kinds["passed over"] {
		front, payload, _ := bytes.Cut(line, []byte(`,"payload":`))
		swapped := append([]byte(`{"payload":`), bytes.TrimSuffix(payload, []byte("}"))...)
		kinds["other order"] = append(kinds["other order"], append(append(append(swapped, ','), front[1:]...), '}'))
	}
	for kind, lines := range kinds {
		b.Run(kind, func(b *testing.B) {
			p := newParser(&agent.File{Name: "rollout-x.jsonl"}, nil)
			out := &nowhere{}
			p.Line([]byte(`{"timestamp":"2031-05-01T09:00:00Z","type":"session_meta","payload":{"id":"x"}}`), 0, out)
			size := 0
			for _, line := range lines {
				size += len(line)
			}
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				for _, line := range lines {
					p.Line(line, 0, out)
				}
			}
		})
	}
}
