// Package plan knows what plans cost, what they promise in money, and what they were worth.
//
// It owns the dated table of plans (the data is assets/plans/plans.json), what a person's own
// entries lay over it, and the sums of a billing cycle: the list price of what was used under a
// plan, how many times its fee that is, and what a point of an allowance window is worth. It
// never guesses: a label of the logs that may mean two plans means none, a plan that the table
// does not have has no price until one is entered, and a limit is only what the vendor publishes
// in money or credits. It never reads a clock, a file, the database or the network.
//
// What is said of value is the list price, which nobody paid, and what this machine saw, which
// may be a part only. Requests that a key paid for are bills and no value. The logs tell who
// paid in these cases only:
//
//   - A model named as Amazon Bedrock (us.anthropic.claude-…-v1:0) or Google Vertex
//     (claude-…@20250929) name it was bought there.
//   - Codex writes the limits of the plan with each turn; with an API key it has none to write.
//     So a session with limits ran under the plan, and one without them is not decided: some
//     versions wrote none for teams, either.
//   - Claude Code writes nothing about it. All that it used counts, unless the person names the
//     projects that a key pays for.
//
// Amounts are whole micro-dollars, ratios whole thousandths. Every function is pure and may be
// called from any goroutine. Tested by tables, by the shipped table's invariants, and by the
// property that cycles fill time without gap or overlap.
package plan
