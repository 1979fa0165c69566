package agent

import "golang.org/x/sys/cpu"

// canClassify: classify can be called on this processor.
var canClassify = cpu.X86.HasAVX2

// classify fills out for so many blocks of a text.
//
//go:noescape
func classify(out *classes, text *byte, blocks int)
