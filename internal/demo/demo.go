package demo

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/usage"
)

// Options say what is simulated.
type Options struct {
	Seed    uint64
	Clock   func() time.Time
	Zone    *time.Location // of the people, for their working hours; nil = UTC
	Days    int            // of history before today
	Pace    time.Duration  // mean time between two requests of a live conversation; 0 = 20 s
	Sources []agent.Source // those that can be simulated and are in the scenario take part
}

const (
	// seats is how many conversations go on at a time while one watches.
	seats = 3
	// kept is how many conversations are held in memory before their lines are written.
	kept = 32
)

// Home is a home folder in which people work with agents.
type Home struct {
	path     string
	options  Options
	scenario *scenario
	random   *rand.Rand
	begun    time.Time // the "now" of Generate
	live     bool      // Run runs

	due  agenda
	open []*conversation // those with lines that are not on disk
	sums map[usage.AgentID]usage.Counts
}

// New prepares a home at path; nothing is written yet.
func New(path string, o Options) (*Home, error) {
	s, err := load(o.Sources)
	if err != nil {
		return nil, err
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.Pace <= 0 {
		o.Pace = 20 * time.Second
	}
	return &Home{
		path: path, options: o, scenario: s,
		random: rand.New(rand.NewPCG(o.Seed, 0x746f6b656e)),
		sums:   map[usage.AgentID]usage.Counts{},
	}, nil
}

// Sums are the requests and tokens written so far, per agent, as a right reader counts
// them. Not to be called while Generate or Run runs.
func (h *Home) Sums() map[usage.AgentID]usage.Counts { return maps.Clone(h.sums) }

// Generate writes the days before now, and the last hour whatever the time of day, with
// conversations that Run goes on with. It is called once, before Run.
func (h *Home) Generate(ctx context.Context) error {
	h.begun = h.options.Clock()
	if err := h.makeProjects(); err != nil {
		return err
	}
	today := h.begun.In(h.options.Zone)
	for ago := h.options.Days; ago >= 0; ago-- {
		h.planDay(today.AddDate(0, 0, -ago), ago)
	}
	for seat := range seats {
		begin := h.begun.Add(-time.Duration(65-20*seat) * time.Minute)
		h.due.add(begin, func(now time.Time) error { return h.begin(now, seat) })
	}
	for len(h.due.entries) > 0 && !h.due.entries[0].at.After(h.begun) {
		if err := ctx.Err(); err != nil {
			return err
		}
		next := h.due.next()
		if err := next.do(next.at); err != nil {
			return err
		}
		if len(h.open) >= kept {
			if err := h.flush(); err != nil {
				return err
			}
		}
	}
	return h.flush()
}

// Run goes on with the conversations, as the clock has it, until ctx ends; then it returns
// nil.
func (h *Home) Run(ctx context.Context) error {
	h.live = true
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		timer.Reset(max(0, h.due.entries[0].at.Sub(h.options.Clock())))
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		if err := h.due.next().do(h.options.Clock()); err != nil {
			return err
		}
		if err := h.flush(); err != nil {
			return err
		}
	}
}

// flush puts all that is not on disk there.
func (h *Home) flush() error {
	for _, c := range h.open {
		if err := h.write(c); err != nil {
			return err
		}
	}
	h.open = h.open[:0]
	return nil
}

// write appends c's new lines to its log. A log of the past gets the time of its last line.
func (h *Home) write(c *conversation) error {
	if c.unwritten.Len() == 0 {
		return nil
	}
	path := filepath.Join(h.path, filepath.FromSlash(c.log.File()))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make a folder for logs: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open a log: %w", err)
	}
	_, err = file.Write(c.unwritten.Bytes())
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil && !h.live {
		err = os.Chtimes(path, c.last, c.last)
	}
	if err != nil {
		return fmt.Errorf("write a log: %w", err)
	}
	c.unwritten.Reset()
	return nil
}
