package claude

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/agent/agenttest"
	"tokenmeter/internal/agent/agenttest/reference"
	"tokenmeter/internal/usage"
)

// TestRandomHomes writes homes full of what transcripts can hold (blocks, snapshots, copies in
// forks and sub-agents, ids of gateways or none, broken times, odd numbers, damage) and wants
// the sums that the reference finds, read whole and in parts, in any order.
func TestRandomHomes(t *testing.T) {
	billed := 0
	for seed := range uint64(100) {
		random := rand.New(rand.NewPCG(seed, 7))
		files := randomHome(random)
		env := agenttest.Case{Files: files}.Home(t)
		theirs, err := reference.Claude(nil, env.Home)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for name := range files {
			names = append(names, name)
		}
		slices.Sort(names)
		random.Shuffle(len(names), func(a, b int) { names[a], names[b] = names[b], names[a] })
		facts := &agenttest.Facts{}
		for _, name := range names {
			content := files[name]
			relative := strings.TrimPrefix(name, ".claude/projects/")
			root := agent.Root{Kind: kindProjects}
			var from agent.Cursor
			for _, end := range []int{bytes.LastIndexByte(content[:random.IntN(len(content)+1)], '\n') + 1, len(content)} {
				file := &agent.File{Root: root, Name: relative, Content: bytes.NewReader(content[from.Offset:end]), Modified: usage.MillisOf(agenttest.FileTime)}
				if err := source.Reader(root, relative).Read(context.Background(), file, from, facts); err != nil {
					t.Fatal(err)
				}
				from = facts.Cursor
			}
		}
		bills, err := reference.ClaudeBills(filepath.Join(env.Home, ".claude", "projects"))
		if err != nil {
			t.Fatal(err)
		}
		billed += len(bills)
		want, got := requestSums(theirs), eventSums(agenttest.Fold(source, facts).Events)
		want, got = append(want, theirBills(bills)...), append(got, ourBills(facts.Bills)...)
		only := func(list, other []string) string {
			return strings.Join(slices.DeleteFunc(slices.Clone(list), func(line string) bool { return slices.Contains(other, line) }), "\n     ")
		}
		if !slices.Equal(want, got) {
			t.Fatalf("home %d:\nwant %s\ngot  %s", seed, only(want, got), only(got, want))
		}
	}
	if billed < 50 {
		t.Errorf("%d bills in all homes say little", billed)
	}
}

func theirBills(bills []reference.Bill) (lines []string) {
	for _, b := range bills {
		at := int64(0)
		if !b.Time.IsZero() {
			at = b.Time.UnixMilli()
		}
		lines = append(lines, fmt.Sprint("bill ", b.Session, " ", b.Model, " ", at, " ", b.Micros, " ", b.Input, b.CacheRead, b.CacheWrite5m, b.CacheWrite1h, b.Output, b.Reasoning, b.Searches))
	}
	slices.Sort(lines)
	return lines
}

func ourBills(bills []usage.Bill) (lines []string) {
	for _, b := range bills {
		lines = append(lines, fmt.Sprint("bill ", b.Session, " ", b.Model, " ", int64(b.Time), " ", int64(b.Cost), " ", b.Input, b.CacheRead, b.CacheWrite5m, b.CacheWrite1h, b.Output, b.Reasoning, b.WebSearches))
	}
	slices.Sort(lines)
	return lines
}

func requestSums(requests []reference.Request) []string {
	sums := map[string][7]int64{}
	for _, r := range requests {
		group := fmt.Sprint(r.Model, " ", r.Project, " ", r.Session, " ", r.Time.Format(time.DateOnly))
		s := sums[group]
		for i, n := range []int64{1, r.Input, r.CacheRead, r.CacheWrite5m, r.CacheWrite1h, r.Output, r.Reasoning} {
			s[i] += n
		}
		sums[group] = s
	}
	return sumLines(sums)
}

func eventSums(events []usage.Event) []string {
	sums := map[string][7]int64{}
	for _, e := range events {
		if e.Total() == 0 {
			continue
		}
		group := fmt.Sprint(e.Model, " ", e.Project, " ", e.Session, " ", e.Time.Time().Format(time.DateOnly))
		s := sums[group]
		for i, n := range []int64{1, e.Input, e.CacheRead, e.CacheWrite5m, e.CacheWrite1h, e.Output, e.Reasoning} {
			s[i] += n
		}
		sums[group] = s
	}
	return sumLines(sums)
}

func sumLines(sums map[string][7]int64) (lines []string) {
	for group, s := range sums {
		lines = append(lines, fmt.Sprint(group, ": ", s))
	}
	slices.Sort(lines)
	return lines
}

// randomHome makes up to six transcripts. Lines made for one may be copied into others.
func randomHome(random *rand.Rand) map[string][]byte {
	pick := func(values ...any) any { return values[random.IntN(len(values))] }
	number := func() any {
		switch random.IntN(12) {
		case 0:
			return pick(nil, "7", -3, 1.5, 1e3, true, map[string]any{}, json.Number("12.0"), json.Number("99999999999999999999"))
		case 1:
			return 0
		}
		return random.IntN(40)
	}
	counters := func() map[string]any {
		c := map[string]any{"input_tokens": number(), "output_tokens": number()}
		for _, name := range []string{"cache_read_input_tokens", "cached_prompt_tokens", "cache_creation_input_tokens"} {
			if random.IntN(2) == 0 {
				c[name] = number()
			}
		}
		if random.IntN(2) == 0 {
			c["cache_creation"] = pick(nil, 5, map[string]any{"ephemeral_5m_input_tokens": number(), "ephemeral_1h_input_tokens": number()})
		}
		if random.IntN(4) == 0 {
			c["output_tokens_details"] = map[string]any{"thinking_tokens": number()}
		}
		if random.IntN(4) == 0 {
			c["speed"] = pick(nil, "standard", "fast")
		}
		return c
	}
	var made []map[string]any
	at := 0
	line := func(session string) map[string]any {
		at += random.IntN(4) * 3 * int(time.Hour/time.Second) / 4
		usage := counters()
		if random.IntN(8) == 0 {
			advisor := counters()
			advisor["type"], advisor["model"] = pick("advisor_message", "message"), "m-advisor"
			usage["iterations"] = []any{advisor, 5}
		}
		message := map[string]any{"role": "assistant", "model": pick("m1", "m2", 5), "content": []any{map[string]any{"type": "text", "text": pick("", "a \"quoted\" \\ text", "{\"usage\":{\"input_tokens\":9}}", "\u2028")}}, "usage": usage}
		if id := pick("msg_", "msg_", "msg_", "gen-", "", nil); id == "msg_" || id == "gen-" {
			message["id"] = fmt.Sprint(id, random.IntN(12))
		} else if id != nil {
			message["id"] = id
		}
		l := map[string]any{"type": "assistant", "message": message}
		for name, value := range map[string]any{
			"sessionId": pick(session, session, session, "other", nil),
			"cwd":       pick("/w/a", "/w/a", "/w/b", nil),
			"requestId": pick(fmt.Sprint("req_", random.IntN(9)), "", nil),
			"uuid":      pick(fmt.Sprint("u", random.IntN(20)), fmt.Sprint("v", len(made)), nil),
			"timestamp": pick(time.Unix(1932884000+int64(at), 0).UTC().Format(time.RFC3339), time.Unix(1932884000+int64(at), 0).UTC().Format(time.RFC3339), "2031-02-30T00:00:00Z", nil, 1932884000000+at*1000),
			"version":   pick("2.1.50", "2.1.330", nil),
			// A sub-agent's line.
			"isSidechain": pick(false, false, true, nil, "yes"),
		} {
			if value != nil {
				l[name] = value
			}
		}
		if random.IntN(6) == 0 {
			inner := map[string]any{"message": message}
			for _, name := range []string{"timestamp", "requestId", "uuid", "isSidechain"} {
				if random.IntN(2) == 0 && l[name] != nil {
					inner[name] = l[name]
				}
			}
			delete(l, "message")
			l["type"], l["data"] = "progress", map[string]any{"message": inner}
		}
		made = append(made, l)
		return l
	}
	files := map[string][]byte{}
	for n := range 1 + random.IntN(6) {
		session := fmt.Sprint("s", n)
		name := fmt.Sprint(".claude/projects/-w/", pick(session+".jsonl", session+"/chat.jsonl", session+"/subagents/agent-1.jsonl", "agent-"+session+".jsonl"))
		var content bytes.Buffer
		for range random.IntN(14) {
			var l map[string]any
			switch copied := random.IntN(3) == 0 && len(made) > 0; {
			case copied:
				l = map[string]any{}
				for name, value := range made[random.IntN(len(made))] {
					l[name] = value
				}
				if random.IntN(2) == 0 {
					if random.IntN(2) == 0 {
						l["requestSessionId"] = l["sessionId"]
					}
					l["sessionId"] = session
				}
			case random.IntN(5) == 0:
				used := map[string]any{"m5": 5}
				for _, model := range []string{"m1", "m2[1m]", ""}[:1+random.IntN(3)] {
					used[model] = map[string]any{
						"inputTokens": number(), "outputTokens": number(), "thinkingTokens": number(), "cacheReadInputTokens": number(), "cacheCreationInputTokens": number(),
						"cacheCreationEphemeral5mInputTokens": number(), "cacheCreationEphemeral1hInputTokens": number(), "webSearchRequests": number(),
						"costUSD": pick(0, 0.1, 0.30000000000000004, json.Number("1e-5"), json.Number("0.0000005"), "1", nil, -1, 1e300),
					}
				}
				l = map[string]any{"type": pick("cost-state", "cost-state", "result"), "modelUsage": used}
				if random.IntN(4) > 0 {
					l["sessionId"] = pick(session, "other")
				}
			case random.IntN(5) == 0:
				l = map[string]any{"type": "user", "sessionId": session, "timestamp": "2031-04-05T01:02:03Z", "toolUseResult": map[string]any{"usage": counters()}}
			default:
				l = line(session)
			}
			text, err := json.Marshal(l)
			if err != nil {
				panic(err)
			}
			switch random.IntN(20) {
			case 0:
				content.WriteString("{\"type\":\"user\",\"text\":\"cut off he") // glued to what comes
			case 1:
				content.WriteString("\x00\x00")
			case 2:
				content.WriteString("\xef\xbb\xbf")
			case 3:
				text = text[:random.IntN(len(text))]
			}
			content.Write(text)
			content.WriteString(pick("\n", "\n", "\n", "\r\n", "\x00\n").(string))
		}
		files[name] = content.Bytes()
	}
	return files
}
