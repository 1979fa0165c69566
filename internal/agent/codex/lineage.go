package codex

import "tokenmeter/internal/usage"

// Resolve says which of a thread's leading rows belong to whom. In this order:
//
//   - what the log states (Exact): so many rows are inherited, no more and no less;
//   - an ancestor whose log was read: the rows that both begin with are inherited, and
//     belong to whomever they belong to in the ancestor's log;
//   - where the file itself shows the end of the copy (Inherited), the rows up to it
//     belong to the nearest parent;
//   - rows that another descendant of the same ancestor begins with too, are that
//     ancestor's.
//
// Rows that match no log that was read have an owner that is not Known, even if some log
// of the owner is here: they count once under the owner's name, and if the owner's log has
// them after all, they are the same requests. Times are never compared: copies carry the
// time of the fork.
func (Source) Resolve(child usage.Kin, kin []usage.Kin) []usage.Segment {
	f := family{
		threads:  make(map[string]*usage.Kin, len(kin)+1),
		resolved: make(map[string][]usage.Segment),
	}
	for i := range kin {
		f.threads[kin[i].ID] = &kin[i]
	}
	f.threads[child.ID] = &child
	return f.segments(&child)
}

type family struct {
	threads  map[string]*usage.Kin
	resolved map[string][]usage.Segment // nil while it is being worked out
}

func (f *family) segments(child *usage.Kin) []usage.Segment {
	if segments, begun := f.resolved[child.ID]; begun {
		return segments
	}
	f.resolved[child.ID] = nil // ends what may be left of a circle
	segments := f.resolve(child)
	f.resolved[child.ID] = segments
	return segments
}

func (f *family) resolve(child *usage.Kin) []usage.Segment {
	limit := len(child.Prints)
	if child.Exact {
		limit = min(limit, child.Inherited)
	}
	parents := f.parents(child)
	if limit == 0 || len(parents) == 0 {
		return nil
	}

	// The ancestor that shares most rows; of equal ones the nearest.
	var ancestor *usage.Kin
	shared := 0
	for _, id := range parents {
		if a := f.threads[id]; a != nil {
			if n := common(child, a, limit); n > shared {
				ancestor, shared = a, n
			}
		}
	}
	var segments []usage.Segment
	if ancestor != nil {
		left := shared
		for _, s := range f.segments(ancestor) {
			n := min(s.Rows, left)
			segments = add(segments, s.Owner, n, s.Known)
			left -= n
		}
		segments = add(segments, ancestor.ID, left, true)
	}

	// Rows beyond it that are copies of what is not here.
	inherited := shared
	border := child.Inherited < len(child.Prints) // the end of the copy was seen, and a row behind it
	if child.Exact || border || f.threads[parents[0]] == nil {
		inherited = max(inherited, min(child.Inherited, limit))
	}
	reach := f.reach(child, parents, limit)
	if !child.Exact {
		for _, n := range reach {
			inherited = max(inherited, n)
		}
	}
	// The farthest ancestor that is shown to have a row owns it.
	for i := len(parents) - 1; i > 0; i-- {
		if n := min(reach[i], inherited); n > shared {
			segments = add(segments, parents[i], n-shared, false)
			shared = n
		}
	}
	return add(segments, parents[0], inherited-shared, false)
}

// parents are the ancestors that the log names. A circle, which only a damaged log can
// make, is cut by age: the ids of threads grow with time.
func (f *family) parents(child *usage.Kin) []string {
	var parents []string
	for _, id := range child.Parents {
		if id == "" || id == child.ID {
			continue
		}
		if a := f.threads[id]; a != nil && id > child.ID && f.descends(a, child.ID, nil) {
			continue
		}
		parents = append(parents, id)
	}
	return parents
}

// descends reports whether a thread names an ancestor, itself or through others.
func (f *family) descends(from *usage.Kin, ancestor string, seen map[string]bool) bool {
	if contains(from.Parents, ancestor) {
		return true
	}
	if seen == nil {
		seen = make(map[string]bool)
	}
	seen[from.ID] = true
	for _, id := range from.Parents {
		if a := f.threads[id]; a != nil && !seen[id] && f.descends(a, ancestor, seen) {
			return true
		}
	}
	return false
}

// reach tells for each ancestor whose log is missing how many rows its nearest relatives,
// the threads that have this ancestor in common with the child but no nearer one, begin
// with as the child does.
func (f *family) reach(child *usage.Kin, parents []string, limit int) []int {
	reach := make([]int, len(parents))
	for _, other := range f.threads {
		if other.ID == child.ID || contains(parents, other.ID) {
			continue
		}
		for i, id := range parents {
			if !contains(other.Parents, id) {
				continue
			}
			if f.threads[id] == nil && !f.descends(other, child.ID, nil) {
				n := limit
				if other.Exact {
					n = min(n, other.Inherited)
				}
				reach[i] = max(reach[i], common(child, other, n))
			}
			break
		}
	}
	return reach
}

// common counts the rows that both threads begin with, at most limit.
func common(child, other *usage.Kin, limit int) int {
	limit = min(limit, len(other.Prints))
	for n := range limit {
		if child.Prints[n] != other.Prints[n] {
			return n
		}
	}
	return limit
}

// add appends a run, or lengthens the last one.
func add(segments []usage.Segment, owner string, rows int, known bool) []usage.Segment {
	if rows <= 0 {
		return segments
	}
	if n := len(segments); n > 0 && segments[n-1].Owner == owner && segments[n-1].Known == known {
		segments[n-1].Rows += rows
		return segments
	}
	return append(segments, usage.Segment{Owner: owner, Rows: rows, Known: known})
}

func contains(ids []string, id string) bool {
	for _, known := range ids {
		if known == id {
			return true
		}
	}
	return false
}
