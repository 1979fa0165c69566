package agenttest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/usage"
)

// testSimulated reads simulated conversations back and compares with what went in.
func testSimulated(t *testing.T, source agent.Source, simulator agent.Simulator) {
	random := rand.New(rand.NewPCG(seed, 5))
	files := map[string]bool{}
	for n := range 20 {
		start := time.Date(2031, 3, 1+n, 9, 0, 0, 0, time.UTC)
		conversation := simulator.Simulate(agent.SimulatedConversation{
			Seed:    uint64(n),
			ID:      fmt.Sprintf("00000000-0000-4000-8000-%012d", n),
			Project: "/home/ada/shop",
			Branch:  "main",
			Model:   "model-1",
			Start:   usage.MillisOf(start),
		})
		l := simulatedLog(t, source, conversation)
		if files[conversation.File()] {
			t.Fatalf("two conversations write %s", conversation.File())
		}
		files[conversation.File()] = true
		var truth []usage.Tokens
		for turn := range 1 + random.IntN(30) {
			output := 40 + random.Int64N(3000)
			lines, tokens := conversation.Turn(agent.SimulatedTurn{
				Time: usage.MillisOf(start.Add(time.Duration(turn) * time.Minute)),
				Tokens: usage.Tokens{
					Input: random.Int64N(2000), CacheRead: random.Int64N(90_000),
					CacheWrite5m: random.Int64N(5000), CacheWrite1h: random.Int64N(5000),
					Output: output, Reasoning: random.Int64N(output),
				},
				Prompt:  "Explain \"this\" line:\n\tif err != nil",
				Answer:  strings.Repeat("It checks the error. ", 1+random.IntN(20)),
				Tool:    []string{"", "Read", "Bash"}[random.IntN(3)],
				Call:    []string{"", "grep -n '\"usage\"' *.json"}[random.IntN(2)],
				Result:  []string{"", "{\"usage\":{\"output_tokens\":7}}\n\u00e9\t\x1b[1m<b>\x1b[0m\n"}[random.IntN(2)],
				Thought: []string{"", "Is it \"usage\"?"}[random.IntN(2)],
				Aside:   []string{"", "\"type\":\"token_count\",\"total_tokens\":9"}[random.IntN(2)],
			})
			if !strings.HasSuffix(string(lines), "\n") {
				t.Fatal("a turn's last line has no line feed")
			}
			l.content = append(l.content, lines...)
			truth = append(truth, tokens)
		}
		s := &suite{source: source, logs: []log{l}}
		facts := s.read(t, l, l.content, agent.Cursor{})
		s.whole = Fold(source, facts)
		if len(facts.Skips) > 0 {
			t.Fatalf("%s: skipped %+v", l.name, facts.Skips)
		}
		events := slices.Clone(s.whole.Events)
		slices.SortFunc(events, func(a, b usage.Event) int { return int(a.Time - b.Time) })
		if len(events) != len(truth) {
			t.Fatalf("%s: %d requests went in, %d came out", l.name, len(truth), len(events))
		}
		for i, e := range events {
			if e.Tokens != truth[i] || e.Project != "/home/ada/shop" || e.Branch != "main" || e.Model != "model-1" {
				t.Fatalf("%s: request %d:\nwant %+v\ngot  %+v", l.name, i, truth[i], e)
			}
		}
		at := random.IntN(len(l.content))
		s.same(t, s.readParts(t, l, at), fmt.Sprintf("split at %d", at))
	}
}

// simulatedLog is the empty log that a conversation writes.
func simulatedLog(t *testing.T, source agent.Source, conversation agent.Conversation) log {
	t.Helper()
	env := agent.Env{OS: "linux", Home: "/home/ada", Variable: func(string) string { return "" }, Exists: func(string) bool { return true }}
	for _, root := range source.Roots(env) {
		if name, ok := strings.CutPrefix(env.Join(env.Home, conversation.File()), root.Path+"/"); ok && source.Reader(root, name) != nil {
			return log{root: root, name: name}
		}
	}
	t.Fatalf("%s lies under no root", conversation.File())
	return log{}
}

// testLongLine reads a turn whose text is longer than most files, whole and with a limit
// below its length.
func testLongLine(t *testing.T, source agent.Source, simulator agent.Simulator) {
	conversation := simulator.Simulate(agent.SimulatedConversation{
		Seed: 1, ID: "00000000-0000-4000-8000-000000000001", Project: "/home/ada/shop", Model: "model-1",
		Start: usage.MillisOf(FileTime),
	})
	l := simulatedLog(t, source, conversation)
	var truth usage.Tokens
	for i, answer := range []string{"short", strings.Repeat("0123456789abcdef", 60<<20/16), "short"} {
		lines, tokens := conversation.Turn(agent.SimulatedTurn{
			Time:   usage.MillisOf(FileTime.Add(time.Duration(i) * time.Minute)),
			Tokens: usage.Tokens{Input: 10, CacheRead: 2000, Output: 300},
			Prompt: "Print it all.",
			Answer: answer,
		})
		l.content = append(l.content, lines...)
		truth = truth.Add(tokens)
	}
	var sum usage.Tokens
	for _, e := range Fold(source, readLimited(t, source, l, l.content, agent.Cursor{}, 0)).Events {
		sum = sum.Add(e.Tokens)
	}
	if sum != truth {
		t.Errorf("want %+v, got %+v", truth, sum)
	}
	limited := readLimited(t, source, l, l.content, agent.Cursor{}, 1<<20)
	// An agent may write an answer on more than one line.
	if len(limited.Skips) == 0 || slices.ContainsFunc(limited.Skips, func(s usage.Skip) bool { return s.Reason != usage.ReasonTooLong }) {
		t.Errorf("with a limit of 1 MiB: skipped %+v", limited.Skips)
	}
	if events := Fold(source, limited).Events; len(events) < 2 {
		t.Errorf("with a limit of 1 MiB: %d requests", len(events))
	}
}
