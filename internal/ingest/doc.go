// Package ingest brings what the agents wrote into the store: it finds their log files,
// watches them, hands what is new to the agents' readers, and writes what these return,
// with the place where reading goes on, in one transaction.
//
// It owns the identity of files (size, time, inode, hash of the bytes before the cursor),
// the cursors, the order of reading (newest first) and the watches. It never interprets a
// line, opens no file that is not a regular one, keeps no text of a log, and changes
// nothing outside the store.
//
// Once and Run are called by one goroutine, one at a time; it becomes the writer. Two more
// goroutines read, and one drains the events of the file system. Progress may be asked
// from anywhere. Only one process may ingest at a time: see TryLock.
//
// Tested from the outside, with real folders, a real store and the real readers.
package ingest
