package codex

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"tokenmeter/internal/usage"
)

// kin makes a thread of prints that are written as letters, a row each.
func kin(id, rows string, inherited int, exact bool, parents ...string) usage.Kin {
	k := usage.Kin{Thread: usage.Thread{ID: id, Parents: parents, Inherited: inherited, Exact: exact}}
	for _, r := range rows {
		k.Prints = append(k.Prints, uint64(r))
	}
	return k
}

func own(id string, rows string, parents ...string) usage.Kin {
	return kin(id, rows, 0, false, parents...)
}

func TestResolve(t *testing.T) {
	known := func(owner string, rows int) usage.Segment {
		return usage.Segment{Owner: owner, Rows: rows, Known: true}
	}
	gone := func(owner string, rows int) usage.Segment { return usage.Segment{Owner: owner, Rows: rows} }
	cases := []struct {
		name  string
		child usage.Kin
		kin   []usage.Kin
		want  []usage.Segment
	}{
		{"no parent, but the same rows as another thread", own("c", "abc"), []usage.Kin{own("p", "abc")}, nil},
		{"copied rows stay with the child", own("c", "abx", "p"), []usage.Kin{own("p", "abcd")}, []usage.Segment{known("p", 2)}},
		{"child that has not diverged", own("c", "abc", "p"), []usage.Kin{own("p", "abcd")}, []usage.Segment{known("p", 3)}},
		{"parent that was read in part", kin("c", "abcx", 3, false, "p"), []usage.Kin{own("p", "a")}, []usage.Segment{known("p", 1), gone("p", 2)}},
		{"repeated rows counted as one", own("c", "aabbx", "p"), []usage.Kin{own("p", "aabbc")}, []usage.Segment{known("p", 4)}},
		{"border seen too early", kin("c", "abcx", 1, false, "p"), []usage.Kin{own("p", "abcd")}, []usage.Segment{known("p", 3)}},
		{"border not seen and the parent here", kin("c", "abcx", 4, false, "p"), []usage.Kin{own("p", "abd")}, []usage.Segment{known("p", 2)}},
		{"border not seen and the parent missing", kin("c", "abcx", 4, false, "p"), nil, []usage.Segment{gone("p", 4)}},
		{"independent sub-agent of a parent that is here", own("c", "xyz", "p"), []usage.Kin{own("p", "abc")}, nil},
		{"independent sub-agent of a missing parent", own("c", "xyz", "p"), nil, nil},
		{"fork of a fork given to the middle", own("c", "abxu", "b", "a"), []usage.Kin{own("a", "abc"), own("b", "abxy", "a")},
			[]usage.Segment{known("a", 2), known("b", 1)}},
		{"fork of a fork that names only the middle", own("c", "abxu", "b"), []usage.Kin{own("a", "abc"), own("b", "abxy", "a")},
			[]usage.Segment{known("a", 2), known("b", 1)}},
		{"fork of a fork below the first border", own("c", "au", "b", "a"), []usage.Kin{own("a", "abc"), own("b", "abxy", "a")},
			[]usage.Segment{known("a", 1)}},
		{"missing middle parent", kin("c", "abxu", 3, false, "b", "a"), []usage.Kin{own("a", "abc")},
			[]usage.Segment{known("a", 2), gone("b", 1)}},
		{"missing grandparent of a parent that is here", own("c", "abxu", "b", "a"), []usage.Kin{kin("b", "abxy", 2, false, "a")},
			[]usage.Segment{gone("a", 2), known("b", 1)}},
		{"siblings of a missing parent", own("c", "abx", "p"), []usage.Kin{own("d", "abcy", "p")}, []usage.Segment{gone("p", 2)}},
		{"sibling that forked earlier than the border", kin("c", "abcx", 3, false, "p"), []usage.Kin{own("d", "ay", "p")}, []usage.Segment{gone("p", 3)}},
		{"sibling that forked later than a wrong border", kin("c", "abcx", 1, false, "p"), []usage.Kin{own("d", "abcy", "p")}, []usage.Segment{gone("p", 3)}},
		{"own child taken for a sibling", kin("c", "abx", 1, false, "p"), []usage.Kin{own("d", "abxy", "c", "p")}, []usage.Segment{gone("p", 1)}},
		{"own grandchild taken for a sibling", kin("c", "abx", 1, false, "p"), []usage.Kin{own("e", "abxy", "d", "p"), own("d", "abxz", "c")}, []usage.Segment{gone("p", 1)}},
		{"cousins share the grandparent only", kin("c", "abx", 2, false, "p", "g"), []usage.Kin{kin("d", "ay", 1, false, "q", "g")},
			[]usage.Segment{gone("g", 1), gone("p", 1)}},
		{"siblings of a parent that is here share more than it", own("c", "abx", "p"), []usage.Kin{own("d", "abx", "p"), own("p", "abc")}, []usage.Segment{known("p", 2)}},
		{"stated start beyond the match", kin("c", "abx", 2, true, "p"), []usage.Kin{own("p", "ac")}, []usage.Segment{known("p", 1), gone("p", 1)}},
		{"stated start before the match", kin("c", "abx", 1, true, "p"), []usage.Kin{own("p", "abx")}, []usage.Segment{known("p", 1)}},
		{"base fork that looks like a copy", kin("c", "ab", 0, true, "p"), []usage.Kin{own("p", "ab")}, nil},
		{"sibling states that it copied less", own("c", "abx", "p"), []usage.Kin{kin("d", "abx", 1, true, "p")}, []usage.Segment{gone("p", 1)}},
		{"thread that names itself", own("c", "ab", "c"), []usage.Kin{}, nil},
		{"child without rows", own("c", "", "p"), []usage.Kin{own("p", "ab")}, nil},
		{"circle, the older owns", own("c", "ab", "b"), []usage.Kin{own("b", "ab", "c")}, []usage.Segment{known("b", 2)}},
		{"circle, seen from the older", own("b", "ab", "c"), []usage.Kin{own("c", "ab", "b")}, nil},
		{"circle of three", own("a", "ab", "b"), []usage.Kin{own("b", "ab", "c"), own("c", "ab", "a")}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := Source{}.Resolve(c.child, c.kin)
			if !slices.Equal(got, c.want) {
				t.Errorf("want %+v, got %+v", c.want, got)
			}
			slices.Reverse(c.kin)
			if again := (Source{}).Resolve(c.child, c.kin); !slices.Equal(got, again) {
				t.Errorf("the order of kin matters: %+v, then %+v", got, again)
			}
		})
	}
}

// request is a row as it truly was: made once, by one thread.
type request struct {
	owner  string
	tokens int64
}

// truth is a thread of an invented family: the requests that its log holds.
type truth struct {
	id      string
	line    []string // of ancestors
	parents []string // those that the log names
	rows    []request
	copied  int
	marked  bool // the log shows where the copy ends
	stated  bool // the log states it
	gone    bool // the log will never be read
}

// TestFamilies invents families of forks, reads their logs in any order and in pieces, and
// wants each request counted once, with its date if any log of its owner is here.
func TestFamilies(t *testing.T) {
	for seed := range uint64(3000) {
		random := rand.New(rand.NewPCG(seed, 7))
		family := invent(random)
		read := make(map[string]int) // rows read of each log
		for {
			var left []*truth
			for _, thread := range family {
				if !thread.gone && read[thread.id] < len(thread.rows) {
					left = append(left, thread)
				}
			}
			if len(left) == 0 {
				break
			}
			next := left[random.IntN(len(left))]
			read[next.id] += 1 + random.IntN(len(next.rows)-read[next.id])
			settle(family, read) // must not fail on any half-read family
		}
		want, got := make(map[request]string), settle(family, read)
		for _, thread := range family {
			if thread.gone {
				continue
			}
			for _, row := range thread.rows {
				want[row] = "once"
			}
		}
		for row := range want {
			if got[row].times != 1 {
				t.Fatalf("family %d: request %+v counts %d times\n%s", seed, row, got[row].times, describe(family))
			}
			for _, thread := range family {
				if thread.id == row.owner && !thread.gone && !got[row].dated {
					t.Fatalf("family %d: request %+v lost its date\n%s", seed, row, describe(family))
				}
			}
		}
		if len(got) != len(want) {
			t.Fatalf("family %d: %d requests instead of %d", seed, len(got), len(want))
		}
	}
}

// invent makes a family. All threads descend from one another; a fork copies a leading part
// of what its parent's log held at the time.
func invent(random *rand.Rand) []*truth {
	var family []*truth
	next := int64(1)
	for n := range 2 + random.IntN(8) {
		thread := &truth{id: fmt.Sprintf("t%02d", n)}
		if n > 0 && random.IntN(5) > 0 {
			parent := family[random.IntN(n)]
			thread.line = append([]string{parent.id}, parent.line...)
			thread.parents = thread.line
			if random.IntN(4) > 0 { // else a sub-agent of its own
				thread.copied = random.IntN(len(parent.rows) + 1)
				thread.rows = slices.Clone(parent.rows[:thread.copied])
			}
			thread.marked = random.IntN(2) == 0
			thread.stated = random.IntN(4) == 0
			if !parent.gone && random.IntN(3) == 0 { // enough, the parent's log names the others
				thread.parents = thread.line[:1]
			}
		}
		for range random.IntN(5) {
			thread.rows = append(thread.rows, request{thread.id, next})
			next++
		}
		thread.gone = random.IntN(4) == 0
		family = append(family, thread)
	}
	return family
}

type counted struct {
	times int
	dated bool
}

// settle does what a store does with the logs as far as they were read.
func settle(family []*truth, read map[string]int) map[request]counted {
	threads := make(map[string]usage.Kin)
	for _, thread := range family {
		if thread.gone || read[thread.id] == 0 {
			continue
		}
		rows := thread.rows[:read[thread.id]]
		k := usage.Kin{Thread: usage.Thread{ID: thread.id, Parents: thread.parents, Exact: thread.stated}}
		if thread.marked || thread.stated {
			k.Inherited = min(thread.copied, len(rows))
		}
		for _, row := range rows {
			k.Prints = append(k.Prints, uint64(row.tokens))
		}
		threads[thread.id] = k
	}
	type key struct {
		owner string
		row   request
	}
	kept := make(map[key]bool) // whether dated
	for _, thread := range family {
		child, here := threads[thread.id]
		if !here {
			continue
		}
		var others []usage.Kin
		for id, k := range threads {
			if id != thread.id {
				others = append(others, k)
			}
		}
		segments := Source{}.Resolve(child, others)
		for i, row := range thread.rows[:read[thread.id]] {
			owner, dated := thread.id, true
			at := i
			for _, s := range segments {
				if at < s.Rows {
					owner, dated = s.Owner, false
					if s.Known {
						owner = ""
					}
					break
				}
				at -= s.Rows
			}
			if owner != "" {
				k := key{owner, row}
				kept[k] = kept[k] || dated
			}
		}
	}
	all := make(map[request]counted)
	for k, dated := range kept {
		c := all[k.row]
		all[k.row] = counted{c.times + 1, c.dated || dated}
	}
	return all
}

func describe(family []*truth) (text string) {
	for _, thread := range family {
		text += fmt.Sprintf("%+v\n", *thread)
	}
	return text
}
