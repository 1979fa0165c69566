package agenttest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"testing"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/agent/agenttest/reference"
	"tokenmeter/internal/usage"
)

// compareReference compares, request for request, with what the reference finds in a home: model,
// project, session, moment and every counter. A last line without line feed is given one,
// because the reference knows no growing files.
func (h *fuzzHome) compareReference(t *testing.T, home []log) string {
	ended := slices.Clone(home)
	var facts []*Facts
	for i := range ended {
		l := &ended[i]
		if n := len(l.content); n > 0 && l.content[n-1] != '\n' {
			l.content = append(slices.Clone(l.content), '\n')
		}
		facts = append(facts, readLimited(t, h.source, *l, l.content, agent.Cursor{}, 0))
	}
	h.write(t, ended)
	requests, err := h.second(nil, h.env.Home)
	if err != nil {
		t.Fatalf("reference: %v", err)
	}
	all := join(facts...)
	if slices.ContainsFunc(all.Events, func(e usage.Event) bool { return e.Flags&usage.TimeGuessed != 0 }) && flawed(ended) {
		return ""
	}
	var want, got []string
	for _, r := range requests {
		counters := [6]int64{r.Input, r.CacheRead, r.CacheWrite5m, r.CacheWrite1h, r.Output, r.Reasoning}
		if counters == [6]int64{} {
			continue
		}
		at := int64(0)
		if !r.Undated {
			at = r.Time.UnixMilli()
		}
		want = append(want, fmt.Sprintf("model %q project %q session %q at %d: %v", r.Model, r.Project, r.Session, at, counters))
	}
	for _, e := range Fold(h.source, all).Events {
		counters := [6]int64{e.Input, e.CacheRead, e.CacheWrite5m, e.CacheWrite1h, e.Output, e.Reasoning}
		got = append(got, fmt.Sprintf("model %q project %q session %q at %d: %v", e.Model, reference.Repository(e.Project), e.Session, int64(e.Time), counters))
	}
	slices.Sort(want)
	slices.Sort(got)
	return compareLists("request of the reference", want, got)
}

// flawed reports whether a line is no JSON. A request without a time may then get that
// line's from a reader, which does not validate a line without counters, and never from the
// reference.
func flawed(home []log) bool {
	for _, l := range home {
		for line := range bytes.Lines(l.content) {
			line = bytes.TrimPrefix(bytes.ReplaceAll(line, []byte{0}, nil), []byte("\xef\xbb\xbf"))
			if len(bytes.TrimSpace(line)) > 0 && !json.Valid(line) {
				return true
			}
		}
	}
	return false
}

// shortened quotes a line, without the middle of what is long and dull.
func shortened(line []byte) string {
	return fmt.Sprintf("%+q", regexp.MustCompile(`a{60,}|\[{20,}|\]{20,}`).ReplaceAllFunc(line, func(run []byte) []byte {
		return fmt.Appendf(nil, "⟨%c %d times⟩", run[0], len(run))
	}))
}
