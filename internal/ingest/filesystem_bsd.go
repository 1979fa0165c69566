//go:build darwin || freebsd || openbsd || netbsd || dragonfly

package ingest

// What watching a folder costs in descriptors: with kqueue, one for the folder and one for
// each file in it. Go raises the soft limit to the hard one at start.
const (
	descriptorsPerFolder = 1
	descriptorsPerFile   = 1
	descriptorBudget     = 2000
)
