package claude

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/agent/agenttest"
	"tokenmeter/internal/usage"
)

// transcript is a simulated conversation of about so many bytes, code and prose.
func transcript(size int) []byte {
	start := time.Date(2031, 4, 2, 8, 0, 0, 0, time.UTC)
	c := source.Simulate(agent.SimulatedConversation{Seed: 1, ID: "5d0c1c1e-0000-4000-8000-000000000001", Project: "/w/shop", Branch: "dev", Model: "claude-opus-4-8", Start: usage.MillisOf(start)})
	text := strings.Repeat("The handler reads the header first.\n\tif err := run(ctx, \"serve\"); err != nil {\n", 14)
	var content []byte
	for turn := 0; len(content) < size; turn++ {
		lines, _ := c.Turn(agent.SimulatedTurn{
			Time:   usage.MillisOf(start.Add(time.Duration(turn) * time.Minute)),
			Tokens: usage.Tokens{Input: 6, CacheRead: 50_000, CacheWrite5m: 900, Output: 400, Reasoning: 120},
			Prompt: text, Answer: text, Tool: "Edit",
		})
		content = append(content, lines...)
	}
	return content
}

// nothing is a Sink that keeps nothing.
type nothing struct{ agenttest.Facts }

func (nothing) Event(*usage.Event)            {}
func (nothing) Session(*usage.Session)        {}
func (nothing) Checkpoint(agent.Cursor) error { return nil }

func BenchmarkRead(b *testing.B) {
	content := transcript(16 << 20)
	reader := source.Reader(agent.Root{Kind: kindProjects}, "-w-shop/5d.jsonl")
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		file := &agent.File{Name: "-w-shop/5d.jsonl", Content: bytes.NewReader(content)}
		if err := reader.Read(context.Background(), file, agent.Cursor{}, &nothing{}); err != nil {
			b.Fatal(err)
		}
	}
}

func TestALineTakesNoMemory(t *testing.T) {
	lines := bytes.Split(bytes.TrimSpace(transcript(64<<10)), []byte("\n"))
	p := newParser(&agent.File{Name: "-w-shop/5d.jsonl"}, nil, nil)
	out := &nothing{}
	read := func() {
		for i, line := range lines {
			p.Line(line, int64(i), out)
		}
	}
	read() // strings are remembered from here on
	if allocations := testing.AllocsPerRun(20, read); allocations > 0 {
		t.Errorf("%v allocations in %d lines", allocations, len(lines))
	}
}
