// Package core is the life of the running meter: it starts the rooms, keeps them going, wakes
// who listens, and ends them in order. It only wires. It decides nothing about tokens, makes
// no words, and asks the store nothing but through report.
//
// It owns the locks of the data folder, the socket, the store while it is open, the window's
// process, and the latest Snapshot. A Core lives once: New or Enter, then Run; its other
// methods may be called from any goroutine, before and during Run. What listeners get is
// "something changed", on a channel of capacity one: they ask Current for the state.
//
// Goroutines while running: Run itself makes the snapshots, one at a time; one opens the
// store and ingests, with two beside it that reprice and inquire; one takes connections and one more for each of them. When nothing flows
// nothing ticks: the one timer is set to the moment at which the snapshot becomes untrue by
// itself, and at least half a minute away.
//
// Tested by core_test.go with a real store, real readers and real log files in a temporary
// home, and with processes of its own that are killed.
package core
