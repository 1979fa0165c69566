// Package settings is what a person has chosen: settings.toml in the data folder.
//
// It owns the file: what its keys mean, what they are without it, and how single values are
// changed so that every comment, space and unknown key of the file survives. It never applies
// a setting; others read Settings and do. It never opens a connection, reads a clock or the
// environment.
//
// Nothing in the file stops the program. A value that cannot be used is a Warning with its line
// and what is allowed, and only that value is replaced by what is usual; an unknown key is
// kept and reported; a file that is no TOML is an error with its line, is never written to,
// and the usual settings hold meanwhile. Amounts are whole numbers, read from the digits in the
// file; no float is involved.
//
// Edit changes the bytes of the values it was asked to change and no others, decodes the file
// before and after to see that nothing else became different, and refuses otherwise. It holds
// a lock against other writers, notices that the file is no longer the one that was loaded, and
// replaces it in one step.
//
// All functions may be used from any goroutine and any process. Tested by tables, by two
// writers at once, and by fuzzing: the scanner that finds the bytes of a value must see what
// the TOML library sees, and an edit must keep all else.
package settings
