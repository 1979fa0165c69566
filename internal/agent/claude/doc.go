// Package claude reads the transcripts of Claude Code, of Claude Desktop's local agent
// mode, and of OpenClaude, which writes the same.
//
// It owns the meaning of a transcript line: one line is one content block of a response, so
// lines with one message id are one request; forks, resumes and sub-agents copy lines into
// other files; and some versions wrote a placeholder for the output. The facts were taken
// from the logs of versions 0.2 to 2.1.330. It never opens a file, prices, or keeps text.
//
// A Source is a value and may be used from any goroutine; each Read has its own parser.
// Tested by agenttest with the cases in testdata, against the reference reader.
package claude
