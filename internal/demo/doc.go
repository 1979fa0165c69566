// Package demo simulates people at work with coding agents: days of history, then
// conversations that go on while one watches. It writes the agents' own log files through
// their agent.Simulator and nothing else, so what it shows has come the whole way that real
// logs come: files, ingest, store, report.
//
// It never touches the store, never reads a log, and writes only under the home folder that
// it is given. A Home belongs to one goroutine: Generate first, then Run. The same options
// and the same path give the same bytes.
//
// Tested by demo_test.go, which reads what was written back and compares it with the sums
// kept while writing, and by the end-to-end test in app/endtoend.
package demo
