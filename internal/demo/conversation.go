package demo

import (
	"bytes"
	"time"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/usage"
)

const (
	// cacheLife is how long a model's cache of the conversation lives without a request.
	cacheLife = 5 * time.Minute
	// basePrompt is what an agent sends before a word is said, in tokens.
	basePrompt = 13_000
	// compactAt is the share of the context window at which an agent sums up what was
	// said, compactTo what is left after that.
	compactAt, compactTo = 0.82, 0.14
)

// conversation is one log file that grows.
type conversation struct {
	worker  *worker
	model   model
	project *project
	branch  string
	id      string
	log     agent.Conversation
	seat    int  // -1 = none
	sub     bool // a sub-agent's
	hour    bool // uses the cache that lives an hour

	left          int // requests still to come
	asked         int // requests so far
	subAt, forkAt int // the request after which a sub-agent or a fork starts; 0 = none
	context       int64
	last          time.Time
	tool          string // that the last answer called; "" = it was the end of a turn

	unwritten bytes.Buffer
}

// shape decides what the next request takes, as the context grows, is cached, grows cold
// and is summed up.
func (h *Home) shape(c *conversation, now time.Time) usage.Tokens {
	grown := 120 + min(int64(around(h.random, 2100, 0.9)), 60_000)
	life := cacheLife
	if c.hour {
		life = time.Hour
	}
	cold := c.asked == 0 || now.Sub(c.last) > life
	if c.context == 0 {
		c.context = basePrompt + int64(h.random.IntN(6000))
	}
	if float64(c.context+grown) > compactAt*float64(c.model.Window) {
		c.context, cold = int64(compactTo*float64(c.model.Window)), true
	}

	var t usage.Tokens
	t.Output = 12 + min(int64(around(h.random, 260, 1)), 16_000)
	if c.model.Reasoning > 0 {
		t.Reasoning = min(int64(float64(t.Output)*around(h.random, c.model.Reasoning, 0.4)), t.Output*9/10)
	}
	cached := c.context
	if cold {
		cached = basePrompt // the agent's own prompt is the same in every conversation
	}
	if c.worker.CacheWrites {
		t.Input = 3 + int64(h.random.IntN(12))
		t.CacheRead = cached
		if c.hour {
			t.CacheWrite1h = c.context - cached + grown
		} else {
			t.CacheWrite5m = c.context - cached + grown
		}
	} else {
		t.CacheRead = cached / 128 * 128
		t.Input = c.context + grown - t.CacheRead
	}
	c.context += grown + t.Output
	return t
}
