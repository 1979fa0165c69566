package price_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"tokenmeter/internal/price"
	"tokenmeter/internal/usage"
)

// day reads a day, or a moment, of UTC.
func day(text string) usage.Millis {
	for _, layout := range []string{time.DateOnly, time.RFC3339Nano} {
		if at, err := time.Parse(layout, text); err == nil {
			return usage.MillisOf(at)
		}
	}
	panic("not a moment: " + text)
}

// of gives the counters of a request in the order of the columns below.
func of(input, read, write5m, write1h, output int64) usage.Tokens {
	return usage.Tokens{Input: input, CacheRead: read, CacheWrite5m: write5m, CacheWrite1h: write1h, Output: output}
}

// Dollars for a million tokens are micro-dollars for one, so every sum can be done by hand:
// tokens times the list price. It stands at the end of each line.
func TestRequestsComputedByHand(t *testing.T) {
	const (
		now    = "2026-11-01"
		before = "T23:59:59.999Z" // the last moment of a day
	)
	shipped := table(t)
	for _, c := range []struct {
		name     string
		model    string
		at       string // "" = undated
		service  string
		tokens   usage.Tokens
		searches int64
		want     usage.Micros
	}{
		// Anthropic: classes, fast, region, batch, searches.
		{"every class once", "claude-opus-5-5", now, "", of(1000, 2000, 400, 300, 500), 0, 18800},                          // 1000·4 + 2000·.2 + 400·5 + 300·8 + 500·20
		{"fast doubles", "claude-opus-5-5", now, "fast", of(1000, 2000, 400, 300, 500), 0, 37600},                          // 18800·2
		{"the United States cost a tenth more", "claude-opus-5-5", now, "geo:us", of(1000, 2000, 400, 300, 500), 0, 20680}, // 18800·1.1
		{"factors multiply", "claude-opus-5-5", now, "fast+geo:us", of(1000, 2000, 400, 300, 500), 0, 41360},               // 18800·2·1.1
		{"batch is half", "claude-opus-5-5", now, "batch", of(1000, 2000, 400, 300, 500), 0, 9400},                         // 18800·.5
		{"priority was paid in advance", "claude-opus-5-5", now, "priority", of(1000, 2000, 400, 300, 500), 0, 18800},
		{"searches are not multiplied", "claude-opus-5-5", now, "fast", of(1000, 2000, 400, 300, 500), 3, 67600}, // 37600 + 3·10000
		{"only searches", "claude-opus-5-5", now, "batch", of(0, 0, 0, 0, 0), 1, 10000},
		{"an hour's write is not a short one", "claude-opus-4-1", now, "", of(0, 0, 0, 1000, 0), 0, 30000},  // 1000·30
		{"reads at a fortieth", "claude-fable-5-1", now, "", of(0, 1_000_000, 0, 0, 0), 0, 250000},          // 10⁶·.25
		{"reads at a tenth", "claude-fable-5", now, "", of(0, 1_000_000, 0, 0, 0), 0, 1_000_000},            // 10⁶·1
		{"a rounded list price", "claude-3-haiku-20240307", now, "", of(100, 0, 1000, 0, 0), 0, 325},        // 100·.25 + 1000·.3
		{"an old dated name", "claude-sonnet-4-20250514", "2025-07-01", "", of(10, 0, 1000, 0, 0), 0, 3780}, // 10·3 + 1000·3.75
		{"fast six-fold", "claude-opus-4-6", now, "fast", of(1000, 0, 0, 0, 1000), 0, 180000},               // 6·(1000·5 + 1000·25)
		{"fast six-fold of the next", "claude-opus-4-7", now, "fast", of(1000, 0, 0, 0, 1000), 0, 180000},
		{"fast two-fold", "claude-opus-4-8", now, "fast", of(1000, 0, 0, 0, 1000), 0, 60000}, // 2·30000
		{"fast by the name", "claude-opus-4-6-fast", now, "", of(1000, 0, 0, 0, 1000), 0, 180000},
		{"fast by both is fast once", "claude-opus-4-6-fast", now, "fast", of(1000, 0, 0, 0, 1000), 0, 180000},

		// Anthropic: long context, and the days on which prices changed.
		{"Opus 4.6 long, last day of the surcharge", "claude-opus-4-6", "2026-03-12" + before, "", of(200_001, 0, 0, 0, 1000), 0, 2_037_510}, // 200001·10 + 1000·37.5
		{"Opus 4.6 long, first day without", "claude-opus-4-6", "2026-03-13", "", of(200_001, 0, 0, 0, 1000), 0, 1_025_005},                  // 200001·5 + 1000·25
		{"Opus 4.6 just at the threshold", "claude-opus-4-6", "2026-03-12", "", of(200_000, 0, 0, 0, 1000), 0, 1_025_000},                    // 200000·5 + 1000·25
		{"the whole prompt counts", "claude-opus-4-6", "2026-02-01", "", of(1, 150_000, 30_000, 20_000, 100), 0, 928_760},                    // 1·10 + 150000·1 + 30000·12.5 + 20000·20 + 100·37.5
		{"Opus 4.6 long and fast", "claude-opus-4-6", "2026-02-10", "fast", of(200_001, 0, 0, 0, 1000), 0, 12_225_060},                       // 6·2037510
		{"Sonnet 4.6 long, before", "claude-sonnet-4-6", "2026-03-12", "", of(250_000, 0, 0, 0, 2000), 0, 1_545_000},                         // 250000·6 + 2000·22.5
		{"Sonnet 4.6 long, after", "claude-sonnet-4-6", "2026-03-13", "", of(250_000, 0, 0, 0, 2000), 0, 780_000},                            // 250000·3 + 2000·15
		{"Sonnet 4.5 long writes double too", "claude-sonnet-4-5", now, "", of(0, 0, 0, 200_001, 10), 0, 2_400_237},                          // 200001·12 + 10·22.5
		{"Sonnet 4.5 at the threshold", "claude-sonnet-4-5", now, "", of(0, 200_000, 0, 0, 10), 0, 60_150},                                   // 200000·.3 + 10·15
		{"Sonnet 5, its first moment", "claude-sonnet-5", "2026-06-30", "", of(1000, 0, 0, 0, 100), 0, 3000},                                 // 1000·2 + 100·10
		{"Sonnet 5, the rise that was cancelled", "claude-sonnet-5", "2026-09-02", "", of(1000, 0, 0, 0, 100), 0, 3000},
		{"Sonnet 5.5 reads, before", "claude-sonnet-5-5", "2026-10-06" + before, "", of(0, 1_000_000, 0, 0, 0), 0, 200_000}, // 10⁶·.2
		{"Sonnet 5.5 reads, after", "claude-sonnet-5-5", "2026-10-07", "", of(0, 1_000_000, 0, 0, 0), 0, 100_000},           // 10⁶·.1
		{"Haiku 5.5 at the threshold", "claude-haiku-5-5", "2026-10-07", "", of(100_000, 0, 0, 0, 100), 0, 10_050},          // 100000·.1 + 100·.5
		{"Haiku 5.5 above, a half to the even below", "claude-haiku-5-5", now, "", of(100_001, 0, 0, 0, 100), 0, 50_250},    // 100001·.5 + 100·2.5 = 50250.5
		{"Haiku 5.5 above, a half to the even above", "claude-haiku-5-5", now, "", of(100_003, 0, 0, 0, 100), 0, 50_252},    // 100003·.5 + 100·2.5 = 50251.5
		{"Haiku 5.5 above, writes five-fold", "claude-haiku-5-5", now, "", of(0, 0, 100_000, 8, 2), 0, 62_513},              // 100000·.625 + 8·1 + 2·2.5

		// Bedrock.
		{"Bedrock in Europe", "eu.anthropic.claude-sonnet-4-5-20250929-v1:0", now, "", of(1000, 0, 0, 0, 100), 0, 4950},    // 1.1·(1000·3 + 100·15)
		{"Bedrock anywhere", "global.anthropic.claude-sonnet-4-5-20250929-v1:0", now, "", of(1000, 0, 0, 0, 100), 0, 4500}, // 1000·3 + 100·15
		{"Bedrock in Europe, older", "eu.anthropic.claude-opus-4-1-20250805-v1:0", now, "", of(0, 0, 0, 1000, 0), 0, 30000},

		// Rounding, once and half to even.
		{"two tenths", "claude-opus-5-5", now, "", of(0, 1, 0, 0, 0), 0, 0},                         // .2
		{"six tenths", "claude-opus-5-5", now, "", of(0, 3, 0, 0, 0), 0, 1},                         // .6
		{"a half to nothing", "claude-opus-5", now, "", of(0, 1, 0, 0, 0), 0, 0},                    // .5
		{"one and a half to two", "claude-opus-5", now, "", of(0, 3, 0, 0, 0), 0, 2},                // 1.5
		{"two and a half to two", "claude-opus-5", now, "", of(0, 5, 0, 0, 0), 0, 2},                // 2.5
		{"two halves are one", "claude-opus-5", now, "batch", of(1, 5, 0, 0, 0), 0, 4},              // (1·5 + 5·.5)·.5 = 3.75
		{"halves after the factor", "claude-opus-5", now, "geo:us", of(1, 0, 0, 0, 0), 0, 6},        // 5.5
		{"halves after the factor, down", "claude-opus-5", now, "geo:us", of(3, 0, 0, 0, 0), 0, 16}, // 16.5

		// OpenAI.
		{"GPT-6.1 Sol, every class", "gpt-6.1-sol", "2026-09-29", "", of(1000, 1000, 100, 100, 100), 0, 3850}, // 1000·2 + 1000·.1 + 100·2.5 + 100·5 + 100·10
		{"GPT-6.1 is Sol", "gpt-6.1", "2026-09-29", "", of(1000, 1000, 100, 100, 100), 0, 3850},
		{"GPT-6.1 Terra at the threshold", "gpt-6.1-terra", "2026-10-26", "", of(272_000, 0, 0, 0, 1000), 0, 277_000}, // 272000·1 + 1000·5
		{"GPT-6.1 Terra above", "gpt-6.1-terra", now, "", of(272_001, 0, 0, 0, 1000), 0, 551_502},                     // 272001·2 + 1000·7.5
		{"reads bring a prompt above", "gpt-6.1-terra", now, "", of(1, 272_000, 0, 0, 0), 0, 27_202},                  // 1·2 + 272000·.1
		{"priority doubles", "gpt-6.1-terra", now, "priority", of(1000, 0, 0, 0, 100), 0, 3000},                       // 2·(1000·1 + 100·5)
		{"priority is not sold above", "gpt-6.1-terra", now, "priority", of(272_001, 0, 0, 0, 1000), 0, 551_502},
		{"fast is not sold above", "gpt-6.1-terra", now, "fast", of(272_001, 0, 0, 0, 1000), 0, 551_502},
		{"flex is, at half", "gpt-6.1-terra", now, "flex", of(272_001, 0, 0, 0, 1000), 0, 275_751},               // 551502·.5
		{"GPT-5.6 Sol, last day", "gpt-5.6-sol", "2026-08-20" + before, "", of(1000, 100, 100, 0, 100), 0, 8675}, // 1000·5 + 100·.5 + 100·6.25 + 100·30
		{"GPT-5.6 Sol, first day", "gpt-5.6-sol", "2026-08-21", "", of(1000, 100, 100, 0, 100), 0, 6540},         // 1000·4 + 100·.4 + 100·5 + 100·20
		{"GPT-5.6 is Sol", "gpt-5.6", "2026-08-21", "", of(1000, 100, 100, 0, 100), 0, 6540},
		{"GPT-5.6 Terra, last day", "gpt-5.6-terra", "2026-07-29" + before, "", of(1000, 0, 0, 0, 100), 0, 4000}, // 1000·2.5 + 100·15
		{"GPT-5.6 Terra, first day", "gpt-5.6-terra", "2026-07-30", "", of(1000, 0, 0, 0, 100), 0, 3200},         // 1000·2 + 100·12
		{"GPT-5.6 Luna, last day", "gpt-5.6-luna", "2026-07-29" + before, "", of(1000, 0, 0, 0, 100), 0, 1600},   // 1000·1 + 100·6
		{"GPT-5.6 Luna, first day", "gpt-5.6-luna", "2026-07-30", "", of(1000, 0, 0, 0, 100), 0, 320},            // 1000·.2 + 100·1.2
		{"GPT-5.5 fast is two and a half", "gpt-5.5", now, "fast", of(1000, 0, 0, 0, 100), 0, 20_000},            // 2.5·(1000·5 + 100·30)
		{"GPT-5.5 writes without a surcharge", "gpt-5.5", now, "", of(0, 0, 100, 0, 0), 0, 500},                  // 100·5
		{"GPT-5.4 long", "gpt-5.4", now, "", of(300_000, 0, 0, 0, 1000), 0, 1_522_500},                           // 300000·5 + 1000·22.5
		{"o3, last day", "o3", "2025-06-09" + before, "", of(1000, 0, 0, 0, 100), 0, 14_000},                     // 1000·10 + 100·40
		{"o3, first day", "o3-2025-04-16", "2025-06-10", "", of(1000, 0, 0, 0, 100), 0, 2800},                    // 1000·2 + 100·8
		{"GPT-5 with searches", "gpt-5", now, "", of(1000, 0, 0, 0, 0), 2, 21_250},                               // 1000·1.25 + 2·10000
		{"GPT-5 batch", "gpt-5-codex", now, "batch", of(1000, 0, 0, 0, 100), 0, 1125},                            // .5·(1000·1.25 + 100·10)
		{"a snapshot with a price of its own", "gpt-4o-2024-05-13", now, "", of(1000, 0, 0, 0, 100), 0, 6500},    // 1000·5 + 100·15
		{"a snapshot without", "gpt-4o-2024-11-20", now, "", of(1000, 0, 0, 0, 100), 0, 3500},                    // 1000·2.5 + 100·10
		{"undated, one price for ever", "gpt-5", "", "", of(1000, 0, 0, 0, 0), 0, 1250},                          // 1000·1.25

		// Google.
		{"Gemini at the threshold", "gemini-2.5-pro", now, "", of(200_000, 0, 0, 0, 100), 0, 251_000},              // 200000·1.25 + 100·10
		{"Gemini above, a half to the even", "gemini-2.5-pro", now, "", of(200_001, 0, 0, 0, 100), 0, 501_502},     // 200001·2.5 + 100·15 = 501502.5
		{"Gemini Flash, last day", "gemini-3.8-flash", "2026-12-31" + before, "", of(1000, 0, 0, 0, 100), 0, 1125}, // 1000·.75 + 100·3.75
		{"Gemini Flash, first day", "gemini-3.8-flash", "2027-01-01", "", of(1000, 0, 0, 0, 100), 0, 2250},         // 1000·1.5 + 100·7.5
		{"Gemini priority", "gemini-3-flash-preview", now, "priority", of(1000, 0, 0, 0, 100), 0, 1440},            // 1.8·(1000·.5 + 100·3)
		{"Gemini flex", "gemini-3-flash-preview", now, "flex", of(1000, 0, 0, 0, 100), 0, 400},                     // .5·800

		// xAI: the threshold itself is long.
		{"Grok one below", "grok-4.7", now, "", of(199_999, 0, 0, 0, 100), 0, 400_598},        // 199999·2 + 100·6
		{"Grok at the threshold", "grok-4.7", now, "", of(200_000, 0, 0, 0, 100), 0, 801_200}, // 200000·4 + 100·12
		// The half price of its first week was Cursor's; the vendor's list did not have it.
		{"Grok 4.6 in its first week", "grok-4.6", "2026-08-12", "", of(1000, 0, 0, 0, 100), 0, 2600}, // 1000·2 + 100·6

		// DeepSeek: time of day. 17 August 2026 was a Monday.
		{"V4 Flash, last moment", "deepseek-v4-flash", "2026-08-16" + before, "", of(1_000_000, 0, 0, 0, 0), 0, 140_000}, // 10⁶·.14
		{"no peak before the change", "deepseek-v4-flash", "2026-08-14T02:00:00Z", "", of(1_000_000, 0, 0, 0, 0), 0, 140_000},
		{"V4 Flash, first moment", "deepseek-v4-flash", "2026-08-17", "", of(1_000_000, 0, 0, 0, 0), 0, 220_000},    // 10⁶·.22
		{"the peak begins", "deepseek-v4-flash", "2026-08-17T01:00:00Z", "", of(1_000_000, 0, 0, 0, 0), 0, 440_000}, // 10⁶·.44
		{"the peak's last moment", "deepseek-v4-flash", "2026-08-17T03:59:59.999Z", "", of(1_000_000, 0, 0, 0, 0), 0, 440_000},
		{"the peak is over", "deepseek-v4-flash", "2026-08-17T04:00:00Z", "", of(1_000_000, 0, 0, 0, 0), 0, 220_000},
		{"the second peak", "deepseek-v4-flash", "2026-08-17T09:59:59.999Z", "", of(1_000_000, 0, 0, 0, 0), 0, 440_000},
		{"the second peak is over", "deepseek-v4-flash", "2026-08-17T10:00:00Z", "", of(1_000_000, 0, 0, 0, 0), 0, 220_000},
		{"a Saturday before weekends were spared", "deepseek-v4-flash", "2026-08-22T02:00:00Z", "", of(1_000_000, 0, 0, 0, 0), 0, 440_000},
		{"the first Sunday", "deepseek-v4-flash", "2026-08-23T02:00:00Z", "", of(1_000_000, 0, 0, 0, 0), 0, 220_000},
		{"the Monday after", "deepseek-v4-flash", "2026-08-24T02:00:00Z", "", of(1_000_000, 0, 0, 0, 0), 0, 440_000},
		{"a Friday", "deepseek-v4-flash", "2026-08-28T09:00:00Z", "", of(1_000_000, 0, 0, 0, 0), 0, 440_000},
		{"a Saturday", "deepseek-v4-flash", "2026-08-29T09:00:00Z", "", of(1_000_000, 0, 0, 0, 0), 0, 220_000},
		{"V4 Pro at peak, every class", "deepseek-v4-pro", "2026-11-02T07:00:00Z", "", of(1000, 1000, 0, 0, 1000), 0, 5324}, // 1000·1.32 + 1000·.044 + 1000·3.96
		{"four places after the point", "deepseek-v4-pro", "2026-08-01", "", of(0, 1000, 0, 0, 0), 0, 4},                    // 1000·.003625 = 3.625

		// The others.
		{"MiniMax at the threshold", "MiniMax-M3", now, "", of(512_000, 0, 0, 0, 0), 0, 153_600},                                     // 512000·.3
		{"MiniMax above", "MiniMax-M3", now, "", of(512_001, 0, 0, 0, 0), 0, 307_201},                                                // 512001·.6 = 307200.6
		{"MiniMax writes", "MiniMax-M2.7", now, "", of(0, 0, 1000, 0, 0), 0, 375},                                                    // 1000·.375
		{"GLM Flash, last moment in Beijing", "glm-5.3-flash", "2026-09-09T15:59:59.999Z", "", of(1_000_000, 0, 0, 0, 0), 0, 75_000}, // 10⁶·.075
		{"GLM Flash, first moment in Beijing", "glm-5.3-flash", "2026-09-09T16:00:00Z", "", of(1_000_000, 0, 0, 0, 0), 0, 150_000},   // 10⁶·.15
		{"Kimi", "k3", now, "", of(1000, 1000, 0, 0, 100), 0, 4800},                                                                  // 1000·3 + 1000·.3 + 100·15
		{"Qwen writes", "qwen3.8-max", now, "", of(0, 0, 1000, 0, 100), 0, 3100},                                                     // 1000·2.5 + 100·6
		{"Composer", "composer-2.5", now, "", of(1000, 0, 0, 0, 100), 0, 750},                                                        // 1000·.5 + 100·2.5
		{"Composer fast has prices of its own", "composer-2.5-fast", now, "", of(1000, 0, 0, 0, 100), 0, 4500},                       // 1000·3 + 100·15
		{"Cursor chooses", "cursor/auto", now, "", of(1000, 0, 0, 0, 100), 0, 1850},                                                  // 1000·1.25 + 100·6
		{"open weights", "openai/gpt-oss-120b", now, "", of(1000, 0, 0, 0, 1000), 0, 750},                                            // 1000·.15 + 1000·.6
		{"a message of the agent itself", "<synthetic>", now, "", of(0, 0, 0, 0, 0), 0, 0},
		{"more than 64 bits on the way", "claude-opus-5-5", now, "fast", of(0, 1_000_000_000_000, 0, 0, 0), 0, 400_000_000_000}, // 10¹²·.2·2
	} {
		t.Run(c.name, func(t *testing.T) {
			r := price.Request{Model: c.model, Service: c.service, Tokens: c.tokens, WebSearches: c.searches}
			if c.at != "" {
				r.Time = day(c.at)
			}
			got := shipped.Price(&r)
			if !got.Priced || got.Micros != c.want {
				t.Errorf("%d (priced %t), wanted %d; %+v", got.Micros, got.Priced, c.want, shipped.Explain(&r))
			}
			if got.Priced && !shipped.Has(got.Row) {
				t.Errorf("the row %q is not in the table", got.Row)
			}
			if e := shipped.Explain(&r); e.Cost != got || e.Why != "" {
				t.Errorf("explained as %+v, priced as %+v", e.Cost, got)
			}
		})
	}
}

func TestNoPriceIsGuessed(t *testing.T) {
	shipped := table(t)
	one := of(1, 0, 0, 0, 1)
	for _, c := range []struct {
		name    string
		request price.Request
		why     price.Why
		missing string
	}{
		{"a model of next year", price.Request{Model: "claude-opus-7", Time: day("2026-11-01"), Tokens: one}, price.WhyModel, ""},
		{"no model", price.Request{Time: day("2026-11-01"), Tokens: one}, price.WhyModel, ""},
		{"before the first price", price.Request{Model: "claude-sonnet-5", Time: day("2026-06-29T23:59:59.999Z"), Tokens: one}, price.WhyDate, ""},
		{"Haiku 5.5 before it was there", price.Request{Model: "claude-haiku-5-5", Time: day("2026-10-06"), Tokens: one}, price.WhyDate, ""},
		{"undated, two prices", price.Request{Model: "o3", Tokens: one}, price.WhyUndated, ""},
		{"undated as merged rows say it", price.Request{Model: "o3", Time: usage.Undated, Tokens: one}, price.WhyUndated, ""},
		{"a write that is not offered", price.Request{Model: "gpt-5.6-sol", Time: day("2026-11-01"), Tokens: of(0, 0, 0, 1, 0)}, price.WhyClass, "cache writes for an hour"},
		{"a read without a price", price.Request{Model: "gpt-5.5-pro", Time: day("2026-11-01"), Tokens: of(0, 1, 0, 0, 0)}, price.WhyClass, "cache reads"},
		{"writes at Google", price.Request{Model: "gemini-2.5-pro", Time: day("2026-11-01"), Tokens: of(0, 0, 1, 0, 0)}, price.WhyClass, "cache writes"},
		{"searches at Google", price.Request{Model: "gemini-2.5-pro", Time: day("2026-11-01"), WebSearches: 1}, price.WhyClass, "web searches"},
		{"a service that nobody knows", price.Request{Model: "claude-opus-5-5", Service: "turbo", Time: day("2026-11-01"), Tokens: one}, price.WhyService, "turbo"},
		{"fast where it is not offered", price.Request{Model: "claude-sonnet-5", Service: "fast", Time: day("2026-11-01"), Tokens: one}, price.WhyService, "fast"},
		{"a region that nobody knows", price.Request{Model: "claude-opus-5-5", Service: "geo:mars", Time: day("2026-11-01"), Tokens: one}, price.WhyService, "mars"},
		{"a label without its session", price.Request{Model: "codex-auto-review", Time: day("2026-11-01"), Tokens: one}, price.WhySession, ""},
		{"a label for a label", price.Request{Model: "codex-auto-review", SessionModel: "CODEX-auto-review", Time: day("2026-11-01"), Tokens: one}, price.WhySession, ""},
		{"a negative counter", price.Request{Model: "gpt-5", Time: day("2026-11-01"), Tokens: of(-1, 0, 0, 0, 0)}, price.WhyCounters, ""},
		{"a prompt beyond counting", price.Request{Model: "gpt-5", Time: day("2026-11-01"), Tokens: of(math.MaxInt64, math.MaxInt64, 0, 0, 0)}, price.WhyCounters, ""},
		{"a cheap prompt beyond counting", price.Request{Model: "deepseek-v4-flash", Time: day("2026-08-01"), Tokens: of(1<<62, 1<<62, 0, 0, 0)}, price.WhyCounters, ""},
		{"money beyond counting", price.Request{Model: "gpt-5.5-pro", Time: day("2026-11-01"), Tokens: of(0, 0, 0, 0, math.MaxInt64)}, price.WhyCounters, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := shipped.Price(&c.request); got != (usage.Cost{}) {
				t.Errorf("priced: %+v", got)
			}
			if e := shipped.Explain(&c.request); e.Why != c.why || e.Missing != c.missing {
				t.Errorf("because %q, %q; wanted %q, %q", e.Why, e.Missing, c.why, c.missing)
			}
		})
	}
}

// Cases that no model of the shipped table has.
func TestRowsThatEndAndWindowsOfOtherZones(t *testing.T) {
	const window = `,"windows":[{"start":"20:00","end":"24:00","weekdays_since":"2026-08-23","weekday_offset":"+08:00","input":"3","output":"4"}]`
	parsed, err := price.Parse(smallTable(smallRow(`,"valid_to":"2026-02-01"`)+","+strings.Replace(smallRow(window), `"m"`, `"w"`, 1), "", ""))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, model, at string
		want            usage.Micros
		why             price.Why
	}{
		{"the last moment", "m", "2026-02-01T23:59:59.999Z", 1000, ""},
		{"a moment later", "m", "2026-02-02", 0, price.WhyDate},
		{"undated, with a price by the hour", "w", "", 0, price.WhyUndated},
		{"Thursday evening is Friday there", "w", "2026-08-27T20:00:00Z", 3000, ""},
		{"Friday evening is Saturday there", "w", "2026-08-28T20:00:00Z", 1000, ""},
		{"Saturday evening is Sunday there", "w", "2026-08-29T20:00:00Z", 1000, ""},
		{"Sunday evening is Monday there", "w", "2026-08-30T20:00:00Z", 3000, ""},
		{"the last minute of the day", "w", "2026-08-27T23:59:59.999Z", 3000, ""},
		{"the next day", "w", "2026-08-28T00:00:00Z", 1000, ""},
	} {
		r := price.Request{Model: c.model, Tokens: of(1000, 0, 0, 0, 0)}
		if c.at != "" {
			r.Time = day(c.at)
		}
		if e := parsed.Explain(&r); e.Cost.Micros != c.want || e.Why != c.why {
			t.Errorf("%s: %d because %q, wanted %d because %q", c.name, e.Cost.Micros, e.Why, c.want, c.why)
		}
	}
}

func TestALabelIsPricedAsItsSession(t *testing.T) {
	got := table(t).Price(&price.Request{Model: "codex-auto-review", SessionModel: "gpt-5.6-sol", Time: day("2026-11-01"), Tokens: of(1000, 0, 0, 0, 0)})
	if !got.Priced || got.Micros != 4000 {
		t.Errorf("%+v, wanted 4000", got)
	}
}

func TestWhatIfChangesOnlyTheQuestion(t *testing.T) {
	shipped := table(t)
	standard := ""
	asked := price.Request{
		Model: "claude-opus-4-6", Service: "fast", Time: day("2026-02-01"), Tokens: of(1000, 1000, 0, 1000, 100), WebSearches: 1,
	}
	kept := asked
	for _, c := range []struct {
		name    string
		whatIf  price.WhatIf
		want    usage.Micros
		adapted bool
	}{
		{"nothing", price.WhatIf{}, 118_000, false},                                                                                    // 6·(1000·5 + 1000·.5 + 1000·10 + 100·25) + 10000
		{"the standard tier", price.WhatIf{Service: &standard}, 28_000, false},                                                         // 18000 + 10000
		{"another model of the vendor", price.WhatIf{Model: "claude-opus-5-5", Service: &standard}, 24_200, false},                     // 1000·4 + 1000·.2 + 1000·8 + 100·20 + 10000
		{"a model without long writes", price.WhatIf{Model: "gpt-5.6-sol", Time: day("2026-11-01"), Service: &standard}, 21_400, true}, // 1000·4 + 1000·.4 + 1000·5 + 100·20 + 10000
		{"a model without fast or searches", price.WhatIf{Model: "kimi-k3"}, 7800, true},                                               // 1000·3 + 1000·.3 + 1000·3 + 100·15
		{"another day", price.WhatIf{Model: "o3", Time: day("2025-06-09"), Service: &standard}, 34_500, false},                         // 1000·10 + 1000·.5 + 1000·10 + 100·40 + 10000
	} {
		t.Run(c.name, func(t *testing.T) {
			r := asked.As(c.whatIf)
			e := shipped.Explain(&r)
			if !e.Cost.Priced || e.Cost.Micros != c.want || e.Adapted != c.adapted {
				t.Errorf("%+v, wanted %d, adapted %t", e, c.want, c.adapted)
			}
			if asked != kept {
				t.Errorf("the request itself became %+v", asked)
			}
		})
	}
}

func TestExplainNamesWhatThePriceIsMadeOf(t *testing.T) {
	e := table(t).Explain(&price.Request{
		Model: "us.anthropic.claude-sonnet-4-5-20250929-v1:0", Service: "batch", Time: day("2026-01-01"),
		Tokens: of(200_001, 0, 0, 0, 10), WebSearches: 2,
	})
	if e.Model != "claude-sonnet-4-5" || e.Vendor != "Anthropic" || e.Threshold != 200_000 || e.Inclusive || e.CheckedOn == "" || len(e.Sources) != 4 {
		t.Errorf("%+v", e)
	}
	if len(e.Lines) != 2 || e.Lines[0] != (price.Line{Class: price.ClassInput, Tokens: 200_001, Rate: 6_000_000}) || e.Lines[1].Rate.String() != "22.5" {
		t.Errorf("lines %+v", e.Lines)
	}
	if len(e.Services) != 2 || e.Services[0].Factor.String() != "0.5" || e.Services[1] != (price.ServiceFactor{Name: "regional", Factor: 1100}) {
		t.Errorf("services %+v", e.Services)
	}
	if e.Searches != 2 || e.Search.String() != "10" {
		t.Errorf("searches %d at %s", e.Searches, e.Search)
	}
	if e.Cost.Micros != 680_127 { // (200001·6 + 10·22.5)·.5·1.1 + 2·10000 = 680127.05
		t.Errorf("cost %d", e.Cost.Micros)
	}
}

func TestPricingAllocatesNothing(t *testing.T) {
	shipped := table(t)
	r := price.Request{Model: "us.anthropic.claude-opus-4-6-v1", Service: "fast+geo:us", Time: day("2026-02-01"), Tokens: of(1, 250_000, 3, 4, 5), WebSearches: 1}
	if !shipped.Price(&r).Priced {
		t.Fatal("not priced")
	}
	if n := testing.AllocsPerRun(100, func() { shipped.Price(&r) }); n != 0 {
		t.Errorf("%v allocations a request", n)
	}
}

func BenchmarkPrice(b *testing.B) {
	shipped := table(b)
	requests := []price.Request{
		{Model: "claude-opus-5-5", Time: day("2026-11-01"), Tokens: of(10, 80_000, 0, 2000, 500)},
		{Model: "gpt-5.6-sol", Service: "priority", Time: day("2026-08-01"), Tokens: of(1000, 80_000, 0, 0, 500)},
		{Model: "us.anthropic.claude-sonnet-4-5-20250929-v1:0", Time: day("2026-01-01"), Tokens: of(10, 250_000, 0, 2000, 500)},
		{Model: "deepseek-v4-pro", Time: day("2026-11-02T07:00:00Z"), Tokens: of(1000, 80_000, 0, 0, 500)},
		{Model: "some-model-of-mine", Time: day("2026-11-02T07:00:00Z"), Tokens: of(1000, 80_000, 0, 0, 500)},
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		shipped.Price(&requests[i%len(requests)])
	}
}

func BenchmarkDefault(b *testing.B) {
	for b.Loop() {
		if _, err := price.Default(); err != nil {
			b.Fatal(err)
		}
	}
}
