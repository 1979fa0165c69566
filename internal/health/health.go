// Package health keeps the findings about this machine: what is wrong, since when, and
// what a person can do about it. Rooms Set and Clear a finding by code and subject; absent
// means well. Tray, window and doctor read the same board, and take the words from the one
// catalogue (Explain). It does no I/O. A Board may be used from any goroutine.
package health

import (
	"slices"
	"sort"
	"sync"
	"time"
)

// Code names a kind of finding; the catalogue has its words.
type Code string

// Severity orders findings.
type Severity int

// The severities, mild first.
const (
	Info Severity = iota
	Warning
	Error
)

// String is the severity as scripts read it.
func (s Severity) String() string {
	switch s {
	case Info:
		return "info"
	case Warning:
		return "warning"
	}
	return "error"
}

// Finding is one thing that is not as it should be.
type Finding struct {
	Code     Code
	Severity Severity
	Subject  string   // what it is about: a folder, an agent, a file
	Args     []string // for the words of the catalogue
	Since    time.Time
}

// Hides says that figures may be too low because of it.
func (f Finding) Hides() bool {
	switch f.Code {
	case HomeMissing, FolderUnreadable, FileUnreadable, FormatUnknown,
		DatabaseDamaged, DatabaseNewer, DatabaseForeign, DatabaseLocked, DatabaseReadOnly, DatabaseFailed, DiskFull:
		return f.Severity > Info
	}
	return false
}

// Board is the set of present findings.
type Board struct {
	mu       sync.Mutex
	findings map[[2]string]Finding
	clock    func() time.Time
	changed  func()
}

// NewBoard makes an empty board.
func NewBoard(clock func() time.Time) *Board {
	return &Board{findings: map[[2]string]Finding{}, clock: clock, changed: func() {}}
}

// OnChange names a function that is called after each change of the board, by whoever made
// the change; it must not block. There is one; a second call replaces it.
func (b *Board) OnChange(changed func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.changed = changed
}

// Set notes a finding; one that stands already keeps its Since.
func (b *Board) Set(code Code, severity Severity, subject string, args ...string) {
	key := [2]string{string(code), subject}
	b.mu.Lock()
	old, stands := b.findings[key]
	if stands && old.Severity == severity && slices.Equal(old.Args, args) {
		b.mu.Unlock()
		return
	}
	since := old.Since
	if !stands {
		since = b.clock()
	}
	b.findings[key] = Finding{Code: code, Severity: severity, Subject: subject, Args: args, Since: since}
	changed := b.changed
	b.mu.Unlock()
	changed()
}

// Clear removes a finding, if it stands.
func (b *Board) Clear(code Code, subject string) {
	key := [2]string{string(code), subject}
	b.mu.Lock()
	_, stands := b.findings[key]
	delete(b.findings, key)
	changed := b.changed
	b.mu.Unlock()
	if stands {
		changed()
	}
}

// Findings lists what stands, worst first, then by code and subject.
func (b *Board) Findings() []Finding {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]Finding, 0, len(b.findings))
	for _, f := range b.findings {
		list = append(list, f)
	}
	sort.Slice(list, func(i, j int) bool {
		if list[i].Severity != list[j].Severity {
			return list[i].Severity > list[j].Severity
		}
		if list[i].Code != list[j].Code {
			return list[i].Code < list[j].Code
		}
		return list[i].Subject < list[j].Subject
	})
	return list
}
