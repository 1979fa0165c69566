// Package store keeps what the logs told in one SQLite file: events, their sums by quarter
// of an hour and by local day, sessions, allowance samples, what agents say themselves that a session has cost, and how far
// each log was read.
//
// It owns the schema and its migrations, and is the only room that knows SQL. It never
// reads a log, never prices, never looks at a clock, and holds no text of a conversation.
//
// One connection writes, in immediate transactions; a small pool of read-only connections
// answers questions, each answer from one snapshot. Update serves one goroutine at a time
// (others wait); all methods of Store may be called from any goroutine, those of Tx only
// from inside the function that Update runs. Several processes may have the file open at
// once; what the writer remembers is dropped when another process has written.
//
// A file's facts and its cursor are written in one transaction, so that a kill at any
// moment loses nothing and counts nothing twice. Nothing is written when nothing changed.
//
// A damaged database is set aside and made anew from what it and its newest good backup
// still tell, by whoever opens it with Options.Repair; see damage.go for the steps, each of
// which may be a process's last. Backups are whole copies, checked before they count.
//
// Tested by real SQLite files: random orders and repetitions against a fold with
// usage.Merge, lineage in all orders of arrival, processes that share and that are killed,
// every page zeroed in turn.
package store
