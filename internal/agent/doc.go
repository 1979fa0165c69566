// Package agent is the contract between the readers, one package per agent, and the rooms
// that call them, with the mechanisms that readers share: line splitting and a JSON
// scanner that allocates nothing.
//
// A reader is a value without state. It opens no file, prices nothing, stores nothing, and
// reads neither clock nor environment; all of that is handed to it or done with what it
// returns. Readers of different files may run at the same time; a Sink is used by one
// goroutine only.
package agent
