package view

import (
	"cmp"
	"slices"
)

// MaxSeries is how many colours a chart may have, "Other" not counted.
const MaxSeries = 6

// otherSlot is the palette slot of what has no colour of its own.
const otherSlot = -1

// stackKey is a candidate for a series.
type stackKey struct {
	id, name string
	slot     int
	total    int64 // decides who gets a colour
	value    int64 // for the legend
}

// stack is the series of a chart, in the order in which they are stacked from below.
type stack struct {
	series []Series
	index  map[string]int
}

// newStack gives the largest keys a series of their own, in the order of their slots, and
// puts the rest into "Other" on top.
func newStack(keys []stackKey) stack {
	bySize := slices.Clone(keys)
	slices.SortStableFunc(bySize, func(a, b stackKey) int { return -cmp.Compare(a.total, b.total) })
	own := bySize
	var rest []stackKey
	if len(bySize) > MaxSeries {
		own, rest = bySize[:MaxSeries], bySize[MaxSeries:]
	}
	slices.SortStableFunc(own, func(a, b stackKey) int { return cmp.Compare(uint(a.slot), uint(b.slot)) })
	s := stack{index: make(map[string]int, len(keys))}
	for i, k := range own {
		s.index[k.id] = i
		s.series = append(s.series, Series{ID: k.id, Name: k.name, Slot: k.slot, Value: Tokens(k.value)})
	}
	if len(rest) > 0 {
		var value int64
		for _, k := range rest {
			s.index[k.id] = len(own)
			value += k.value
		}
		s.series = append(s.series, Series{ID: "other", Name: "Other", Slot: otherSlot, Value: Tokens(value)})
	}
	return s
}

// of finds the series of a key.
func (s stack) of(id string) (int, bool) {
	i, ok := s.index[id]
	return i, ok
}

// column adds the read-out to a column whose values are set.
func (s stack) column(c Column) Column {
	var total int64
	for _, v := range c.Values {
		total += v
	}
	c.Total = Tokens(total)
	for i := len(c.Values) - 1; i >= 0; i-- {
		if v := c.Values[i]; v != 0 {
			c.Parts = append(c.Parts, Part{Series: i, Name: s.series[i].Name, Share: share(v, total), Value: Tokens(v)})
		}
	}
	if c.Below > 0 {
		c.Note = "Cache reads, apart " + Tokens(c.Below)
	}
	if c.NoRecord {
		c.Total, c.Note = Dash, "No record of this day"
	}
	return c
}
