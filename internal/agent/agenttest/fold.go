package agenttest

import (
	"cmp"
	"maps"
	"slices"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/usage"
)

// Facts is a Sink that keeps all it is told.
type Facts struct {
	Events   []usage.Event
	Threads  []usage.Thread
	Marks    []usage.Mark
	Samples  []usage.Sample
	Sessions []usage.Session
	Bills    []usage.Bill
	Skips    []usage.Skip
	Cursor   agent.Cursor // of the last checkpoint
	Cursors  int          // how many there were
}

// Event implements agent.Sink.
func (f *Facts) Event(e *usage.Event) { f.Events = append(f.Events, *e) }

// Thread implements agent.Sink.
func (f *Facts) Thread(t *usage.Thread) {
	thread := *t
	thread.Parents = slices.Clone(t.Parents)
	f.Threads = append(f.Threads, thread)
}

// Mark implements agent.Sink.
func (f *Facts) Mark(m usage.Mark) { f.Marks = append(f.Marks, m) }

// Sample implements agent.Sink.
func (f *Facts) Sample(s *usage.Sample) { f.Samples = append(f.Samples, *s) }

// Session implements agent.Sink.
func (f *Facts) Session(s *usage.Session) { f.Sessions = append(f.Sessions, *s) }

// Bill implements agent.Sink.
func (f *Facts) Bill(b *usage.Bill) { f.Bills = append(f.Bills, *b) }

// Skip implements agent.Sink.
func (f *Facts) Skip(s usage.Skip) { f.Skips = append(f.Skips, s) }

// Checkpoint implements agent.Sink.
func (f *Facts) Checkpoint(c agent.Cursor) error {
	f.Cursor = agent.Cursor{Offset: c.Offset, State: slices.Clone(c.State)}
	f.Cursors++
	return nil
}

// Folded is what a store holds after it was given facts.
type Folded struct {
	Events   []usage.Event   // one a request, by key
	Sessions []usage.Session // the newest of each, by id
	Samples  []usage.Sample  // each once, oldest first
	Bills    []usage.Bill    // the newest of each session and model
}

// Fold makes of facts what a store must make of them, in memory and from nothing: readings of
// one request are merged, keys that share a twin too, and the rows of a thread that are
// another's go to their owner.
func Fold(source agent.Source, facts *Facts) *Folded {
	inherited := resolve(source, facts)
	marks := map[place]usage.Mark{}
	for _, m := range facts.Marks {
		marks[place{m.Thread, m.Ordinal}] = m
	}
	var events []usage.Event
	for _, e := range facts.Events {
		if e.Thread == "" {
			events = append(events, e)
			continue
		}
		segment, ok := inherited.at(e.Thread, e.Ordinal)
		switch {
		case !ok:
		case segment.Known:
			continue // counted where the owner's own log is read
		default:
			e.Key = usage.RowKey(segment.Owner, marks[place{e.Thread, e.Ordinal}].Row)
			e.Thread, e.Session = segment.Owner, segment.Owner
			e.Time, e.CountedAt, e.ClaimedAt = 0, 0, 0
			e.Flags = e.Flags&^usage.TimeGuessed | usage.Inherited
		}
		events = append(events, e)
	}
	var samples []usage.Sample
	for _, s := range facts.Samples {
		if _, copied := inherited.at(s.Thread, s.Ordinal); s.Thread != "" && copied {
			continue
		}
		s.Thread, s.Ordinal = "", 0
		samples = append(samples, s)
	}
	slices.SortFunc(samples, func(a, b usage.Sample) int {
		return cmp.Or(
			cmp.Compare(a.ObservedAt, b.ObservedAt), cmp.Compare(a.LimitID, b.LimitID),
			cmp.Compare(a.WindowMinutes, b.WindowMinutes), cmp.Compare(a.UsedPercent, b.UsedPercent),
			cmp.Compare(a.ResetsAt, b.ResetsAt), cmp.Compare(a.Plan, b.Plan), cmp.Compare(a.Reached, b.Reached))
	})
	sessions := map[string]usage.Session{}
	for _, s := range facts.Sessions {
		if known, ok := sessions[s.ID]; !ok || s.Time >= known.Time {
			sessions[s.ID] = s
		}
	}
	type bill struct{ session, model string }
	bills := map[bill]usage.Bill{}
	for _, b := range facts.Bills {
		if known, ok := bills[bill{b.Session, b.Model}]; !ok || b.Newer(&known) > 0 {
			bills[bill{b.Session, b.Model}] = b
		}
	}
	return &Folded{
		Events: merge(events),
		Bills: slices.SortedFunc(maps.Values(bills), func(a, b usage.Bill) int {
			return cmp.Or(cmp.Compare(a.Session, b.Session), cmp.Compare(a.Model, b.Model))
		}),
		Samples: slices.Compact(samples),
		Sessions: slices.SortedFunc(maps.Values(sessions), func(a, b usage.Session) int {
			return cmp.Compare(a.ID, b.ID)
		}),
	}
}

// merge makes one event of all that share a key or a twin.
func merge(events []usage.Event) []usage.Event {
	leader := map[usage.Key]usage.Key{}
	var find func(k usage.Key) usage.Key
	find = func(k usage.Key) usage.Key {
		up, ok := leader[k]
		if !ok || up == k {
			return k
		}
		top := find(up)
		leader[k] = top
		return top
	}
	twins := map[usage.Key]usage.Key{}
	for _, e := range events {
		if e.Twin == 0 {
			continue
		}
		other, ok := twins[e.Twin]
		if !ok {
			twins[e.Twin] = e.Key
			continue
		}
		a, b := find(other), find(e.Key)
		leader[max(a, b)] = min(a, b)
	}
	merged := map[usage.Key]usage.Event{}
	for _, e := range events {
		key := find(e.Key)
		known, ok := merged[key]
		if !ok {
			known = e // merged with itself, all its times are filled in
		}
		e = usage.Merge(known, e)
		e.Key = key
		merged[key] = e
	}
	return slices.SortedFunc(maps.Values(merged), func(a, b usage.Event) int {
		return cmp.Compare(a.Key, b.Key)
	})
}

// place is a row of a thread.
type place struct {
	thread  string
	ordinal int
}

// lineage holds, for each thread, the runs of rows that are not its own.
type lineage map[string][]usage.Segment

func (l lineage) at(thread string, ordinal int) (usage.Segment, bool) {
	for _, segment := range l[thread] {
		if ordinal < segment.Rows {
			return segment, true
		}
		ordinal -= segment.Rows
	}
	return usage.Segment{}, false
}

// resolve asks the source whose the rows of each thread are.
func resolve(source agent.Source, facts *Facts) lineage {
	resolver, ok := source.(agent.Lineage)
	if !ok {
		return nil
	}
	threads := map[string]usage.Thread{}
	for _, t := range facts.Threads {
		known, ok := threads[t.ID]
		if !ok || tellsMore(t, known) {
			threads[t.ID] = t
		}
	}
	prints := map[string]map[int]uint64{}
	for _, m := range facts.Marks {
		if prints[m.Thread] == nil {
			prints[m.Thread] = map[int]uint64{}
		}
		prints[m.Thread][m.Ordinal] = m.Print
	}
	kinOf := func(id string) usage.Kin {
		thread := threads[id]
		thread.ID = id
		kin := usage.Kin{Thread: thread}
		for ordinal := 0; ; ordinal++ {
			print, ok := prints[id][ordinal]
			if !ok {
				return kin
			}
			kin.Prints = append(kin.Prints, print)
		}
	}
	ancestors := func(id string) map[string]bool {
		found := map[string]bool{}
		queue := slices.Clone(threads[id].Parents)
		for len(queue) > 0 {
			next := queue[0]
			queue = queue[1:]
			if !found[next] && next != id {
				found[next] = true
				queue = append(queue, threads[next].Parents...)
			}
		}
		return found
	}
	segments := lineage{}
	for id := range threads {
		mine := ancestors(id)
		if len(mine) == 0 {
			continue
		}
		var kin []usage.Kin
		for other := range threads {
			related := mine[other]
			for shared := range ancestors(other) {
				related = related || mine[shared]
			}
			if related && other != id {
				kin = append(kin, kinOf(other))
			}
		}
		segments[id] = resolver.Resolve(kinOf(id), kin)
	}
	return segments
}

// tellsMore reports whether a says more of a thread than b, both read from some log of it.
func tellsMore(a, b usage.Thread) bool {
	exact := func(t usage.Thread) int {
		if t.Exact {
			return 1
		}
		return 0
	}
	return cmp.Or(
		cmp.Compare(exact(a), exact(b)),
		cmp.Compare(a.Inherited, b.Inherited),
		cmp.Compare(len(a.Parents), len(b.Parents))) > 0
}
