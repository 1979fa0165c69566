// Package statusline is the command that Claude Code runs to fill its status line. Claude Code
// hands it JSON on standard input; the package keeps the numbers of it that nobody else writes
// down, says what the line can show, runs the command that was there before, and puts itself
// into Claude Code's settings and takes itself out again.
//
// It never opens the database, never needs the meter, and never lets a fault of its own folder,
// of the settings or of the input reach the caller: what cannot be kept is not kept. Prompts,
// folders, paths and session ids are not kept. Everything may be used from any goroutine and
// by any number of processes at once. Tested by tables, by fuzzing, and by processes that hang,
// fork, write much, read nothing, or run fifty at a time.
//
// # The captures
//
// They lie in the data folder, in statusline/<YYYY-MM>.jsonl (month of the capture in UTC; the
// folder 0700, a file 0600), and are only appended to; who reads them may remember a byte
// offset. A line is one JSON object, written with its line feed in one call:
//
//	{"t":1795188492000,"session":"9f86d081884c7d65","five_hour":[62.5,1795198800000],"seven_day":[18,1795600000000],"model_scoped":[{"name":"Opus","used":12,"resets":1795600000000}],"cost":1230000}
//
//	t             when it was captured, milliseconds since the epoch; always there
//	session       the first 16 hex digits of the SHA-256 of Claude Code's session_id
//	five_hour     [used percent, moment of the reset in milliseconds since the epoch]
//	seven_day     the same of the window of seven days
//	model_scoped  windows of seven days of one model each: the name as Claude Code shows it, used
//	              percent, moment of the reset
//	cost          of the session so far as Claude Code sees it, in millionths of a US dollar
//
// What is not known is absent: a member, "resets", or the second element of a pair. A percentage is
// 0 or more and may exceed 100; its digits are those that were handed over. A moment is never 0.
//
// A line says what a session was told at its last answer, which is old news where the session was
// idle since: sessions that run side by side take turns with new and old figures of one window. A
// line is left out where the last one of the same session says the same of all windows
// and is younger than five minutes, so a cost may be that old. Order by t is not promised
// between processes. An empty line means nothing, and a line that is no JSON object was torn
// by a crash or a full disk: it costs only itself, for what comes after it begins a new line.
// Files are never removed and never rewritten.
package statusline
