package codex

import "tokenmeter/internal/usage"

// vector holds the counters of one usage object as they are logged: input with both caches
// in it, output with reasoning in it. total_tokens is left out: it is an estimate after a
// compaction, and some writers add reasoning to it a second time.
type vector [5]int64

const (
	inInput = iota
	inCached
	inCacheWrite
	inOutput
	inReasoning
)

func (v *vector) zero() bool { return *v == vector{} }

func (v *vector) minus(w *vector) vector {
	var d vector
	for i := range v {
		d[i] = v[i] - w[i]
	}
	return d
}

// within reports whether 0 <= v <= w in every counter.
func (v *vector) within(w *vector) bool {
	for i := range v {
		if v[i] < 0 || v[i] > w[i] {
			return false
		}
	}
	return true
}

// tokens makes disjoint counters of v.
func (v *vector) tokens() usage.Tokens {
	var t usage.Tokens
	input := max(v[inInput], 0)
	t.CacheRead = min(max(v[inCached], 0), input)
	t.CacheWrite5m = min(max(v[inCacheWrite], 0), input-t.CacheRead)
	t.Input = input - t.CacheRead - t.CacheWrite5m
	t.Output = max(v[inOutput], 0)
	t.Reasoning = min(max(v[inReasoning], 0), t.Output)
	return t
}

func (v *vector) hash(h usage.Hash) usage.Hash {
	for _, n := range v {
		h = h.Int(n)
	}
	return h
}

const (
	maxHeads = 32
	maxSeen  = 136
	seenMask = 1<<48 - 1
)

// counter finds out what each row of counters adds. A row has the total of its stream and
// the last request; streams interleave in one file, start again from zero, and are logged
// again whenever an allowance moves.
type counter struct {
	heads    []vector // the total of each stream, the one that moved last at the end
	previous vector   // the total of the row before
	begun    bool     // there was a row before
	seen     []uint64 // hashes of the newest totals: a ring, next is its oldest
	next     int
}

// add gives what a row adds; hash identifies its total. hasTotal and hasLast say which of
// the two the row has.
func (c *counter) add(total, last *vector, hasTotal, hasLast bool, hash uint64) vector {
	if !hasTotal {
		return *last
	}
	if total.zero() { // the context overflowed: all counters were set to zero
		c.previous, c.begun = *total, true
		return vector{}
	}
	previous, begun := c.previous, c.begun
	c.previous, c.begun = *total, true
	if c.known(total, hash) {
		return vector{}
	}
	c.remember(hash)
	if !hasLast {
		if head := c.nearest(total); head >= 0 {
			added := total.minus(&c.heads[head])
			c.advance(head, total)
			return added
		}
		c.advance(-1, total)
		return *total
	}
	base := total.minus(last)
	if head := c.head(&base); head >= 0 {
		c.advance(head, total)
		return *last
	}
	if !base.zero() && begun {
		if moved := total.minus(&previous); moved.within(last) {
			c.advance(c.head(&previous), total)
			return moved
		}
	}
	c.advance(-1, total)
	return *last
}

// head finds the stream that stands at v, -1 if none does.
func (c *counter) head(v *vector) int {
	for i := len(c.heads) - 1; i >= 0; i-- {
		if c.heads[i] == *v {
			return i
		}
	}
	return -1
}

// nearest finds the stream that can have moved to total with the smallest step.
func (c *counter) nearest(total *vector) int {
	best, least := -1, int64(0)
	for i := len(c.heads) - 1; i >= 0; i-- {
		step := total.minus(&c.heads[i])
		if !step.within(total) {
			continue
		}
		var sum int64
		for _, n := range step {
			sum += n
		}
		if best < 0 || sum < least {
			best, least = i, sum
		}
	}
	return best
}

// advance moves a stream to total; -1 begins a new one, for which the stream that has not
// moved for longest may have to go.
func (c *counter) advance(head int, total *vector) {
	if head < 0 && len(c.heads) == maxHeads {
		head = 0
	}
	if head >= 0 {
		c.heads = append(c.heads[:head], c.heads[head+1:]...)
	}
	c.heads = append(c.heads, *total)
}

func (c *counter) known(total *vector, hash uint64) bool {
	hash &= seenMask
	for _, h := range c.seen {
		if h == hash {
			return true
		}
	}
	return c.head(total) >= 0
}

func (c *counter) remember(hash uint64) {
	hash &= seenMask
	if len(c.seen) < maxSeen {
		c.seen = append(c.seen, hash)
		return
	}
	c.seen[c.next] = hash
	c.next = (c.next + 1) % maxSeen
}
