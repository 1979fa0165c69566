// Package corpus writes whole homes full of agents' logs, for the benchmark and for tests
// that want much to read: so many files of so many bytes, spread over so many days, with the
// sizes, the mix of lines and the copies that real homes have, and the exact sums that a
// right reader must find in them.
//
// The lines are those of the agents' own agent.Simulator; this room decides how many there
// are and what they say. Their text is made of word lists of its own and of a seed. It
// writes only below the home that it is given, reads nothing, and knows no agent: the
// sources are handed in. Write may be called from any goroutine, for different homes at
// once; its memory does not grow with the corpus. The same plan gives the same bytes.
//
// Tested by corpus_test.go, which takes a corpus in by ingest and compares the sums.
package corpus
