// Package report answers questions about what is stored: the Snapshot of this moment, sums
// for History, local days.
//
// It owns how the rules of meter and allowance meet the store's rows; the meter, the window
// and the terminal ask the same code and so say the same. It never writes, never reads a
// log, and takes time and zone only from Options. A Report may be used from several
// goroutines. Tested against a real store on a temporary folder.
package report
