package agenttest

import (
	"bytes"
	"fmt"
	"testing"

	"tokenmeter/internal/agent"
)

// Fuzz feeds a source with damaged logs, beginning with those of the cases, and wants the
// same answer whole and in two parts, with any limit of a line's length.
func Fuzz(f *testing.F, source agent.Source, cases []Case) {
	var sample log
	for _, c := range cases {
		for _, l := range logs(f, source, c.Home(f)) {
			f.Add(l.content, uint(len(l.content)/2), uint16(0))
			sample = l
		}
	}
	if source.Reader(sample.root, sample.name) == nil {
		f.Fatal("no case has a log")
	}
	f.Fuzz(func(t *testing.T, content []byte, split uint, limit uint16) {
		l := log{root: sample.root, name: sample.name, content: content}
		at := int(split % uint(len(content)+1))
		// A record that is whole, and goes on all the same, is read as it stands: no
		// agent writes so.
		tail := content[bytes.LastIndexByte(content[:at], '\n')+1 : at]
		if bytes.HasSuffix(bytes.Trim(tail, "\x00\r \t"), []byte("}")) && at < len(content) && content[at] != '\n' {
			t.Skip()
		}
		whole := readLimited(t, source, l, content, agent.Cursor{}, int64(limit))
		first := readLimited(t, source, l, content[:at], agent.Cursor{}, int64(limit))
		rest := readLimited(t, source, l, content, first.Cursor, int64(limit))
		parts := join(first, rest)
		if diff := compare(Fold(source, whole), Fold(source, parts)); diff != "" {
			t.Fatalf("split at %d: %s", at, diff)
		}
		sameSkips(t, whole, parts, fmt.Sprintf("split at %d", at))
	})
}
