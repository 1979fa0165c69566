// Package price puts a list price on one request.
//
// It owns the table of dated prices (the data is assets/prices/prices.json), the rules by
// which the facts of a request choose a price, the spelling of models' names, and the
// prices and mappings that a person enters. It never guesses: what no row covers has no
// price, and Explain says why. It never reads a clock, a file, the database or the network.
//
// # The formula
//
//	tokens = input·Pi + cache reads·Pr + 5-minute writes·P5 + 1-hour writes·P1 + output·Po
//	cost   = tokens × the factors of all services + searches × Ps
//
// The counters are disjoint and reasoning is a part of output, so nothing is billed twice.
// Prices are whole numbers of 10⁻¹² dollars a token, products have 128 bits, and the cost is
// rounded to a micro-dollar once, half to even. No float is involved.
//
// # The rules, and where they come from
//
// The letters at each row name the lists that show its figures; the table gives their titles
// and dates. The rules are those of the vendors' own pages, read from July to November 2026,
// some of them as quoted in the comments of @pydantic/genai-prices 0.1.8.
//
//   - Time. The row is the one that is valid at the request's own moment. Days are those of UTC,
//     or of the vendor where the row says so (Z.ai: the promotion of GLM-5.3-Flash ended at
//     midnight, UTC+8). A request older than the first row of its model has no price; one
//     without a date has a price only if its model has had one price in all its life.
//   - Long context. When the prompt (input, reads and writes) passes a threshold, every class of
//     that request takes the higher rate, not only what lies above. "Passes" means more than
//     the threshold (platform.claude.com, about-claude/pricing, long context;
//     ai.google.dev/gemini-api/docs/pricing; developers.openai.com/api/docs/models, where the
//     models differ by one token; MiniMax), at xAI the threshold itself (docs.x.ai/docs/models).
//   - Cache writes. Anthropic: 1.25 times input for five minutes, twice input for an hour
//     (build-with-claude/prompt-caching). OpenAI: from GPT-5.6 on 1.25 times input for half an hour,
//     GPT-6.1 also 2.5 times for twelve; before, no surcharge, so a write costs what input costs.
//     The row holds the price; none of these factors is applied here. Reads likewise.
//   - Time of day. DeepSeek's V4 models cost double from 01:00 to 04:00 and from 06:00 to 10:00 UTC,
//     since 17 August 2026 on all days, since 23 August on working days of Beijing
//     (github.com/pydantic/genai-prices, issue 582).
//   - Services multiply every class of tokens, and each other, but not searches: fast (Claude Opus:
//     six-fold for 4.6 and 4.7, double since; OpenAI: double, GPT-5.5 two and a half), priority
//     (OpenAI double, Google 1.8; Anthropic's was paid in advance, so 1), flex and batch (half),
//     a region that was asked for (1.1). OpenAI does not sell fast and priority for prompts above
//     the threshold; such a request is billed as a standard one. A service that the table does
//     not know for a model leaves the request without a price.
//   - Bedrock's regional profiles cost 1.1 times the global ones from Claude Sonnet 4.5 on, before
//     that the same (price lists of LiteLLM and genai-prices). A full id that has a row of its own
//     takes that row.
//   - Searches cost 10 dollars a thousand at Anthropic and OpenAI.
//   - Any class that was used and has no price leaves the request without one. What costs nothing
//     is marked free.
//
// A Table does not change and may be used from any goroutine. Tested by requests computed by
// hand, by a list of spellings seen in the wild, and by fuzzing names and tables.
package price
