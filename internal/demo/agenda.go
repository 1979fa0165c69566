package demo

import (
	"container/heap"
	"time"
)

// agenda is what is going to happen, soonest first; what falls on one instant happens in
// the order in which it was noted.
type agenda struct {
	entries []entry
	noted   int
}

type entry struct {
	at    time.Time
	order int
	do    func(now time.Time) error
}

func (a *agenda) add(at time.Time, do func(now time.Time) error) {
	a.noted++
	heap.Push(a, entry{at: at, order: a.noted, do: do})
}

// next takes the soonest entry off. The agenda must not be empty.
func (a *agenda) next() entry { return heap.Pop(a).(entry) }

// Len, Less, Swap, Push and Pop are for package heap.
func (a *agenda) Len() int { return len(a.entries) }

func (a *agenda) Less(i, j int) bool {
	if !a.entries[i].at.Equal(a.entries[j].at) {
		return a.entries[i].at.Before(a.entries[j].at)
	}
	return a.entries[i].order < a.entries[j].order
}

func (a *agenda) Swap(i, j int) { a.entries[i], a.entries[j] = a.entries[j], a.entries[i] }

func (a *agenda) Push(x any) { a.entries = append(a.entries, x.(entry)) }

func (a *agenda) Pop() any {
	last := a.entries[len(a.entries)-1]
	a.entries = a.entries[:len(a.entries)-1]
	return last
}
