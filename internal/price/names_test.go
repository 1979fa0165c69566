package price_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"tokenmeter/internal/price"
)

// spellings as they stand in logs, exports and configurations; "" = must stay unknown.
var spellings = []struct{ name, model string }{
	// Anthropic's own.
	{"claude-opus-5-5", "claude-opus-5-5"},
	{"claude-opus-5-5-20260901", "claude-opus-5-5"},
	{"claude-opus-5", "claude-opus-5"},
	{"claude-opus-5-20260701", "claude-opus-5"},
	{"claude-opus-5.0", "claude-opus-5"},
	{"claude-opus-4-8", "claude-opus-4-8"},
	{"claude-opus-4-7-20260415", "claude-opus-4-7"},
	{"claude-opus-4-6", "claude-opus-4-6"},
	{"claude-opus-4-6[1m]", "claude-opus-4-6"},
	{"claude-opus-4-6-fast", "claude-opus-4-6"},
	{"claude-opus-4-5-20251101", "claude-opus-4-5"},
	{"claude-opus-4-1-20250805", "claude-opus-4-1"},
	{"claude-opus-4-1", "claude-opus-4-1"},
	{"claude-opus-4-20250514", "claude-opus-4-0"},
	{"claude-opus-4-0", "claude-opus-4-0"},
	{"claude-opus-4", "claude-opus-4-0"},
	{"claude-sonnet-5-5", "claude-sonnet-5-5"},
	{"claude-sonnet-5-5[1m]", "claude-sonnet-5-5"},
	{"claude-sonnet-5", "claude-sonnet-5"},
	{"claude-sonnet-4-6", "claude-sonnet-4-6"},
	{"claude-sonnet-4-5-20250929", "claude-sonnet-4-5"},
	{"claude-sonnet-4-5-20250929[1m]", "claude-sonnet-4-5"},
	{"claude-sonnet-4-20250514", "claude-sonnet-4-0"},
	{"claude-sonnet-4-0", "claude-sonnet-4-0"},
	{"claude-sonnet-4", "claude-sonnet-4-0"},
	{"claude-haiku-5-5", "claude-haiku-5-5"},
	{"claude-haiku-4-5-20251001", "claude-haiku-4-5"},
	{"claude-haiku-4-5", "claude-haiku-4-5"},
	{"claude-fable-5-1", "claude-fable-5-1"},
	{"claude-fable-5", "claude-fable-5"},
	{"claude-mythos-5-1", "claude-mythos-5-1"},
	{"claude-3-7-sonnet-20250219", "claude-3-7-sonnet"},
	{"claude-3-7-sonnet-latest", "claude-3-7-sonnet"},
	{"claude-3-5-sonnet-20241022", "claude-3-5-sonnet"},
	{"claude-3-5-sonnet-latest", "claude-3-5-sonnet"},
	{"claude-3-5-haiku-20241022", "claude-3-5-haiku"},
	{"claude-3-haiku-20240307", "claude-3-haiku"},
	{"claude-3-opus-20240229", "claude-3-opus-latest"},
	{"<synthetic>", "<synthetic>"},

	// Points, order, display names.
	{"claude-opus-4.6", "claude-opus-4-6"},
	{"claude-4.6-opus", "claude-opus-4-6"},
	{"claude-4.5-sonnet", "claude-sonnet-4-5"},
	{"claude-4-5-sonnet-20250929", "claude-sonnet-4-5"},
	{"claude-4-sonnet", "claude-sonnet-4-0"},
	{"claude-4-opus-20250514", "claude-opus-4-0"},
	{"claude-sonnet-3.7", "claude-3-7-sonnet"},
	{"claude-sonnet-3-5", "claude-3-5-sonnet"},
	{"Claude Sonnet 4.5", "claude-sonnet-4-5"},
	{"Claude Opus 4.6 (fast)", "claude-opus-4-6"},
	{" claude-opus-4-6 ", "claude-opus-4-6"},
	{"CLAUDE-OPUS-4-6", "claude-opus-4-6"},
	{"claude_sonnet_4_5", "claude-sonnet-4-5"},
	{"sonnet-4.5", "claude-sonnet-4-5"},
	{"opus-4.5-thinking", "claude-opus-4-5"},
	{"haiku-4.5", "claude-haiku-4-5"},

	// Bedrock, Vertex, SAP, Azure.
	{"anthropic.claude-3-5-sonnet-20241022-v2:0", "claude-3-5-sonnet"},
	{"anthropic.claude-3-haiku-20240307-v1:0", "claude-3-haiku"},
	{"anthropic.claude-3-5-sonnet-20241022-v2:0:200k", "claude-3-5-sonnet"},
	{"us.anthropic.claude-3-7-sonnet-20250219-v1:0", "claude-3-7-sonnet"},
	{"us.anthropic.claude-sonnet-4-20250514-v1:0", "claude-sonnet-4-0"},
	{"us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5"},
	{"eu.anthropic.claude-sonnet-4-5-20250929-v1:0[1m]", "claude-sonnet-4-5"},
	{"apac.anthropic.claude-sonnet-4-20250514-v1:0", "claude-sonnet-4-0"},
	{"au.anthropic.claude-haiku-4-5-20251001-v1:0", "claude-haiku-4-5"},
	{"jp.anthropic.claude-opus-4-8", "claude-opus-4-8"},
	{"us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5"},
	{"global.anthropic.claude-opus-4-6-v1", "claude-opus-4-6"},
	{"global.anthropic.claude-opus-5-5", "claude-opus-5-5"},
	{"bedrock/us.anthropic.claude-opus-4-1-20250805-v1:0", "claude-opus-4-1"},
	{"arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5"},
	{"global.openai.gpt-5.6-sol", "gpt-5.6-sol"},
	{"openai.gpt-oss-120b-1:0", ""},
	{"us.amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0"},
	{"amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0"},
	{"claude-sonnet-4-5@20250929", "claude-sonnet-4-5"},
	{"claude-opus-4@20250514", "claude-opus-4-0"},
	{"claude-opus-4-6@default", "claude-opus-4-6"},
	{"vertex_ai/claude-3-5-sonnet-v2@20241022", "claude-3-5-sonnet"},
	{"publishers/anthropic/models/claude-haiku-4-5@20251001", "claude-haiku-4-5"},
	{"anthropic--claude-4.6-opus", "claude-opus-4-6"},
	{"anthropic--claude-4-sonnet", "claude-sonnet-4-0"},
	{"sap-ai-core/anthropic--claude-3.7-sonnet", "claude-3-7-sonnet"},
	{"azure/gpt-5.1-codex", "gpt-5.1-codex"},
	{"azure/gpt-5-mini-2025-08-07", "gpt-5-mini"},

	// OpenRouter and other folders.
	{"anthropic/claude-sonnet-4.5", "claude-sonnet-4-5"},
	{"openrouter/anthropic/claude-opus-4.6", "claude-opus-4-6"},
	{"anthropic/claude-3.7-sonnet:thinking", "claude-3-7-sonnet"},
	{"anthropic/claude-3.5-sonnet:beta", "claude-3-5-sonnet"},
	{"anthropic/claude-4.5-sonnet-20250929", "claude-sonnet-4-5"},
	{"openrouter/openai/gpt-5.2-codex", "gpt-5.2-codex"},
	{"openai/gpt-4.1-mini", "gpt-4.1-mini"},
	{"google/gemini-2.5-pro-preview", "gemini-2.5-pro"},
	{"models/gemini-2.5-flash", "gemini-2.5-flash"},
	{"x-ai/grok-4.7", "grok-4.7"},
	{"x-ai/grok-code-fast-1", "grok-code-fast-1"},
	{"moonshotai/kimi-k2.5", "kimi-k2.5"},
	{"z-ai/glm-4.6", "glm-4.6"},
	{"deepseek/deepseek-v4-pro", "deepseek-v4-pro"},
	{"minimax/minimax-m2.7", "MiniMax-M2.7"},
	{"qwen/qwen3.7-max", "qwen3.7-max"},
	{"openai:gpt-5", "gpt-5"},
	{"github_copilot/claude-sonnet-4.5", "claude-sonnet-4-5"},
	{"opencode/gpt-5.1-codex-max", "gpt-5.1-codex-max"},

	// OpenAI, with efforts and dates.
	{"gpt-6.1", "gpt-6.1-sol"},
	{"gpt-6.1-sol", "gpt-6.1-sol"},
	{"gpt-6-1-terra", "gpt-6.1-terra"},
	{"gpt-6-astra-2026-09-03", "gpt-6-astra"},
	{"gpt-6-luna", "gpt-6-luna"},
	{"gpt-5.6", "gpt-5.6-sol"},
	{"gpt-5.6-sol-2026-07-09", "gpt-5.6-sol"},
	{"gpt-5.6-terra-high", "gpt-5.6-terra"},
	{"gpt-5.5", "gpt-5.5"},
	{"gpt-5.5-2026-04-23", "gpt-5.5"},
	{"gpt-5.5-fast", "gpt-5.5"},
	{"gpt-5.5-high-fast", "gpt-5.5"},
	{"gpt-5.4-pro-2026-03-05", "gpt-5.4-pro"},
	{"gpt-5.4-mini", "gpt-5.4-mini"},
	{"gpt-5.3-spark", "gpt-5.3-codex-spark"},
	{"gpt-5.3-codex-spark", "gpt-5.3-codex-spark"},
	{"gpt-5.3-codex-xhigh", "gpt-5.3-codex"},
	{"gpt-5.2", "gpt-5.2"},
	{"gpt-5.2-2025-12-11", "gpt-5.2"},
	{"gpt-5.2-codex-medium", "gpt-5.2-codex"},
	{"gpt-5.1-codex-max", "gpt-5.1-codex-max"},
	{"gpt-5.1-codex-max-high", "gpt-5.1-codex-max"},
	{"gpt-5.1-codex-max-xhigh-fast", "gpt-5.1-codex-max"},
	{"gpt-5.1-codex-mini", "gpt-5.1-codex-mini"},
	{"gpt-5.1-2025-11-13", "gpt-5.1"},
	{"GPT-5.1 Codex (high)", "gpt-5.1-codex"},
	{"gpt-5-codex", "gpt-5-codex"},
	{"gpt-5-codex-low", "gpt-5-codex"},
	{"gpt-5-2025-08-07", "gpt-5"},
	{"gpt-5-minimal", "gpt-5"},
	{"gpt-5-high", "gpt-5"},
	{"gpt-5-chat-latest", "gpt-5"},
	{"gpt-5-nano-2025-08-07", "gpt-5-nano"},
	{"codex-mini-latest", "codex-mini"},
	{"o3-2025-04-16", "o3"},
	{"o3-high", "o3"},
	{"o4-mini-high", "o4-mini"},
	{"o4-mini-2025-04-16", "o4-mini"},
	{"gpt-4.1-2025-04-14", "gpt-4.1"},
	{"gpt-4o-2024-11-20", "gpt-4o"},
	{"gpt-4o-2024-05-13", "gpt-4o-2024-05-13"},
	{"gpt-4o-mini-2024-07-18", "gpt-4o-mini"},

	// Google, xAI, DeepSeek, Moonshot, Z.ai, MiniMax, Alibaba, Mistral.
	{"gemini-3-pro", "gemini-3-pro-preview"},
	{"gemini-3.1-pro-preview-customtools", "gemini-3.1-pro-preview"},
	{"gemini-3.1-pro-low", "gemini-3.1-pro-preview"},
	{"gemini-3-flash", "gemini-3-flash-preview"},
	{"gemini-2.5-pro-preview-06-05", "gemini-2.5-pro"},
	{"gemini-2.5-flash-lite-preview-09-2025", "gemini-2.5-flash-lite"},
	{"gemini-2.0-flash-001", "gemini-2.0-flash"},
	{"grok-4.20", "grok-4.20"},
	{"grok-4-0709", "grok-4"},
	{"grok-4-latest", "grok-4"},
	{"grok-4-fast-reasoning", "grok-4-fast"},
	{"grok-4-1-fast", "grok-4.1-fast"},
	{"grok-code-fast", "grok-code-fast-1"},
	{"deepseek-chat", "deepseek-chat"},
	{"deepseek-v4-flash-thinking", "deepseek-v4-flash"},
	{"k3", "kimi-k3"},
	{"kimi-k2-0905-preview", "kimi-k2-thinking"},
	{"kimi-k2.7-code-highspeed", "kimi-k2.7-code-highspeed"},
	{"GLM-4.6", "glm-4.6"},
	{"glm-5.3-flash", "glm-5.3-flash"},
	{"zai-org/GLM-5.1", "glm-5.1"},
	{"MiniMax-M2.5", "MiniMax-M2.5"},
	{"minimax-m3", "MiniMax-M3"},
	{"qwen3.8-flash", "qwen3.8-flash"},
	{"devstral-2512", "devstral-2512"},
	{"codestral-latest", "codestral"},
	{"mistral-medium-3.5", "mistral-medium-3-5"},

	// Cursor and Copilot.
	{"composer-2.5", "composer-2.5"},
	{"composer-2.5[fast=true]", "composer-2.5-fast"},
	{"composer-2.5[fast=false]", "composer-2.5"},
	{"cursor-grok-4.6-high", "grok-4.6"},
	{"cursor-grok-4.6-high-fast", "grok-4.6"},
	{"claude-4.5-sonnet-thinking", "claude-sonnet-4-5"},
	{"claude-4-sonnet-1m", "claude-sonnet-4-0"},
	{"claude-4.6-opus-high-thinking", "claude-opus-4-6"},
	{"claude-4.5-opus-max-thinking-fast", "claude-opus-4-5"},
	{"gpt-5.1-codex-max-extra-high", "gpt-5.1-codex-max"},
	{"cursor/auto", "cursor-auto"},
	{"claude-3.7-sonnet-thought", "claude-3-7-sonnet"},
	{"copilot/gpt-5-mini", "gpt-5-mini"},
	{"mai-code-1.1-flash", "mai-code-1.1-flash"},

	// What must not be taken for something else.
	{"", ""},
	{"claude", ""},
	{"opus", ""},
	{"claude-opus", ""},
	{"claude-opus-4-9", ""},
	{"claude-opus-4-60", ""},
	{"claude-sonnet-4-50", ""},
	{"claude-sonnet-5-6", ""},
	{"claude-sonnet-6", ""},
	{"claude-opus-5-5-1", ""},
	{"gpt-5.9", ""},
	{"gpt-5.50", ""},
	{"gpt-50", ""},
	{"gpt-5-5-5", ""},
	{"gpt-5-20251399", ""},
	{"gpt-5-2025-02-30", ""},
	{"gpt-4.1-0613", ""},
	{"o3-ultra-mini", ""},
	{"o30", ""},
	{"gemini-2.5", ""},
	{"gemini-2.5-pro-tts", ""},
	{"grok-4.61", ""},
	{"deepseek-v4", ""},
	{"deepseek-r1-0528", ""},
	{"kimi-k2.70-code", ""},
	{"glm-4.60", ""},
	{"auto", ""},
	{"default", ""},
	{"unknown", ""},
	{"codex-auto-review", ""},
	{"qwen3:8b", ""},
	{"ollama/gpt-oss-120b", ""},
	{"lmstudio/openai/gpt-oss-20b", ""},
	{"deepseek/deepseek-chat:free", ""},
	{"moonshotai/kimi-k3:nitro", ""},
	{"anthropic/", ""},
	{"gpt-5 mini turbo deluxe", ""},
	{strings.Repeat("a/", 200) + "gpt-5", ""},
}

func TestSpellings(t *testing.T) {
	if len(spellings) < 150 {
		t.Fatalf("only %d spellings", len(spellings))
	}
	shipped := table(t)
	for _, s := range spellings {
		if got, known := shipped.Lookup(s.name); got != s.model || known != (s.model != "") {
			t.Errorf("%q is %q, wanted %q", s.name, got, s.model)
		}
		// The second answer comes from what is remembered.
		if got, _ := shipped.Lookup(s.name); got != s.model {
			t.Errorf("%q is %q the second time", s.name, got)
		}
	}
}

func TestUnpricedListsNamesOnce(t *testing.T) {
	got := table(t).Unpriced([]string{"z-model", "gpt-5", "a-model", "codex-auto-review", "z-model", "<synthetic>"})
	if fmt.Sprint(got) != "[a-model z-model]" {
		t.Errorf("%v", got)
	}
}

// More names than are remembered, from many goroutines: the answers stay the same.
func TestManyNamesAtOnce(t *testing.T) {
	shipped := table(t)
	var group sync.WaitGroup
	for g := range 4 {
		group.Go(func() {
			for i := range 3000 {
				shipped.Lookup(fmt.Sprintf("name-%d-%d", g, i))
				if got, _ := shipped.Lookup("gpt-5.6"); got != "gpt-5.6-sol" {
					t.Errorf("gpt-5.6 is %q", got)
					return
				}
			}
		})
	}
	group.Wait()
}

// A number behind a name makes it another model.
func FuzzNames(f *testing.F) {
	for _, s := range spellings {
		f.Add(s.name)
	}
	shipped, err := price.Default()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name string) {
		model, known := shipped.Lookup(name)
		if again, _ := shipped.Lookup(name); again != model {
			t.Fatalf("%q is %q, then %q", name, model, again)
		}
		if !known {
			return
		}
		if itself, _ := shipped.Lookup(model); itself != model {
			t.Fatalf("%q is %q, which is %q", name, model, itself)
		}
		for _, number := range []string{"7", ".7", "-7"} {
			trimmed := strings.TrimRight(name, " \t\r\n")
			if longer, _ := shipped.Lookup(trimmed + number); longer == model {
				t.Fatalf("%q and %q are both %q", name, trimmed+number, model)
			}
		}
	})
}

func FuzzTable(f *testing.F) {
	f.Add(smallTable(smallRow(""), `"a":"m"`, strings.Replace(smallRow(""), `"m"`, `"n"`, 1)))
	f.Add(smallTable(smallRow(`,"valid_to":"2026-02-01","cache_write_5m":"1.5"`)+","+smallRow(`,"valid_from":"2026-02-02","tiers":[{"from":100,"input":"1","output":"2"}]`), "", ""))
	f.Add(smallTable(smallRow(`,"windows":[{"start":"01:00","end":"24:00","weekdays_since":"2026-08-23","weekday_offset":"+08:00","input":"1","output":"2"}]`), "", ""))
	f.Fuzz(func(t *testing.T, data []byte) {
		parsed, err := price.Parse(data)
		if err != nil {
			if parsed != nil {
				t.Fatal("a table and an error")
			}
			return
		}
		for _, name := range parsed.Models() {
			if got, _ := parsed.Lookup(name); got == "" {
				t.Fatalf("%q has a price, but is not found", name)
			}
			for _, at := range []string{"", "2026-02-01", "2026-02-02T02:00:00Z"} {
				r := price.Request{Model: name, Tokens: of(100, 20, 3, 4, 50)}
				if at != "" {
					r.Time = day(at)
				}
				cost := parsed.Price(&r)
				if e := parsed.Explain(&r); e.Cost != cost || cost.Priced != (e.Why == "") {
					t.Fatalf("%+v is explained as %+v", cost, e)
				}
				if cost.Priced && (cost.Micros < 0 || !parsed.Has(cost.Row)) {
					t.Fatalf("%+v", cost)
				}
			}
		}
	})
}
