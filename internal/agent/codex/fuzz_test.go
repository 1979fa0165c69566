package codex

import (
	"bytes"
	"fmt"
	"testing"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/agent/agenttest"
	"tokenmeter/internal/usage"
)

// states are those which a rollout's reader passes through, and the largest there can be.
func states() [][]byte {
	p := newParser(&agent.File{Name: "rollout-x.jsonl"}, nil)
	list := [][]byte{p.State()}
	for n, line := range bytes.Split(rollout(20_000), []byte("\n")) {
		p.Line(line, int64(n), &nowhere{})
		if n%8 == 0 {
			list = append(list, p.State())
		}
	}
	largest := longest()
	return append(list, largest.encode(nil))
}

// FuzzState goes on from any state. One that this reader would not have written is refused,
// and counts for none; another is written again as it was, and what comes of it is sane.
func FuzzState(f *testing.F) {
	for _, state := range states() {
		f.Add(state)
		f.Add(state[:len(state)/2])
	}
	f.Add([]byte{stateVersion + 1})
	f.Add(bytes.Repeat([]byte{stateVersion}, 200))
	f.Add(bytes.Repeat([]byte{0xff}, 200))
	more := rollout(6000)
	f.Fuzz(func(t *testing.T, from []byte) {
		var s state
		if s.decode(from) {
			if again := s.encode(nil); !bytes.Equal(again, from) {
				t.Fatalf("the state %x was taken for %x", from, again)
			}
			if len(from) > agent.MaxState {
				t.Fatalf("a state of %d bytes was taken", len(from))
			}
		}
		facts := &agenttest.Facts{}
		p := newParser(&agent.File{Name: "rollout-x.jsonl"}, from)
		for line := range bytes.Lines(more) {
			p.Line(bytes.TrimSuffix(line, []byte("\n")), 0, facts)
		}
		if state := p.State(); len(state) > agent.MaxState {
			t.Fatalf("a state of %d bytes", len(state))
		}
		for _, e := range facts.Events {
			if e.Total() <= 0 || e.Total() > 4*agent.MaxCount || e.Ordinal < 0 || e.Time < 0 {
				t.Fatalf("%+v", e)
			}
		}
		for _, m := range facts.Marks {
			if m.Ordinal < 0 {
				t.Fatalf("%+v", m)
			}
		}
	})
}

// FuzzResolve makes a family of threads of any bytes, circles and lies included, and wants
// segments that cover leading rows, in any order of the kin.
func FuzzResolve(f *testing.F) {
	f.Add([]byte("a child of a parent of a grandparent"))
	f.Add([]byte{1, 0, 1, 2, 3, 3, 5, 5, 5, 2, 1, 0, 1, 4, 5, 5, 5, 5})
	f.Fuzz(func(t *testing.T, family []byte) {
		next := func() int {
			if len(family) == 0 {
				return 0
			}
			n := int(family[0])
			family = family[1:]
			return n
		}
		kin := make([]usage.Kin, 2+next()%6)
		for i := range kin {
			k := &kin[i]
			k.ID = fmt.Sprint("t", i)
			for range next() % 4 {
				k.Parents = append(k.Parents, fmt.Sprint("t", next()%8))
			}
			k.Exact, k.Inherited = next()%2 == 0, next()%6-1
			for range next() % 6 {
				k.Prints = append(k.Prints, uint64(next()%3))
			}
		}
		child := kin[0]
		segments := Source{}.Resolve(child, kin[1:])
		rows := 0
		for i, s := range segments {
			if s.Rows <= 0 || s.Owner == "" || s.Owner == child.ID || i > 0 && s.Owner == segments[i-1].Owner && s.Known == segments[i-1].Known {
				t.Fatalf("%+v of %+v", segments, kin)
			}
			rows += s.Rows
		}
		if rows > len(child.Prints) {
			t.Fatalf("%d of %d rows are others': %+v", rows, len(child.Prints), segments)
		}
		turned := make([]usage.Kin, 0, len(kin))
		for i := len(kin) - 1; i > 0; i-- {
			turned = append(turned, kin[i])
		}
		if other := (Source{}).Resolve(child, turned); fmt.Sprint(other) != fmt.Sprint(segments) {
			t.Fatalf("%+v, in another order %+v", segments, other)
		}
	})
}
