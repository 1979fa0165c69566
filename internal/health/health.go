// Package health keeps the findings about this machine: what is wrong, since when, and
// what a person can do about it. Rooms Set and Clear a finding by code and subject; absent
// means well. Tray, window and doctor read the same board. It does no I/O. A Board may be
// used from any goroutine.
package health

import (
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

// Finding is one thing that is not as it should be.
type Finding struct {
	Code     Code
	Severity Severity
	Subject  string   // what it is about: a folder, an agent, a file
	Args     []string // for the words of the catalogue
	Since    time.Time
}

// Board is the set of present findings.
type Board struct {
	mu       sync.Mutex
	findings map[[2]string]Finding
	clock    func() time.Time
}

// NewBoard makes an empty board.
func NewBoard(clock func() time.Time) *Board {
	return &Board{findings: map[[2]string]Finding{}, clock: clock}
}

// Set notes a finding; one that stands already keeps its Since.
func (b *Board) Set(code Code, severity Severity, subject string, args ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := [2]string{string(code), subject}
	since := b.clock()
	if old, ok := b.findings[key]; ok {
		since = old.Since
	}
	b.findings[key] = Finding{Code: code, Severity: severity, Subject: subject, Args: args, Since: since}
}

// Clear removes a finding, if it stands.
func (b *Board) Clear(code Code, subject string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.findings, [2]string{string(code), subject})
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
