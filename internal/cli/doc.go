// Package cli is the commands of `tokenmeter`: thin, they ask report and print what view
// made of the answer.
//
// It owns flags, exit codes, the JSON and CSV that scripts rely on, and the layout of text
// tables. It never interprets a log, waits for input only
// where it stands on a terminal or is what the status line is handed, and takes machine, clock and
// streams only from Context. Run may be called by several goroutines, each with its own
// Context. Tested by testdata/script with real files, a real store and the real readers.
package cli
