// Package codex reads the rollouts of OpenAI's Codex (command line, desktop, editor): files
// rollout-*.jsonl and rollout-*.jsonl.zst under $CODEX_HOME.
//
// It owns what a rollout's lines mean: which token counts are new, which rows are copies of
// another conversation, what they say of allowances. It opens no file, keeps nothing
// between calls and does not read Codex's databases or the output of `codex exec --json`.
// Readers of different files may run at the same time.
//
// A conversation ("thread") logs cumulative counters. A file may begin with a copy of its
// parent's rows; the reader cannot see the parent, so it reports every row as the thread's
// own together with a Mark, and Resolve, which sees all marks of a family, says afterwards
// whose rows they are.
//
// Formats: Codex 0.40 to 0.169. Tested by agenttest with the cases in testdata, by a
// property test over families of forks, and by a fuzz test against the reference reader.
package codex
