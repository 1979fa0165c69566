package statusline

import (
	"slices"
	"time"

	"tokenmeter/internal/usage"
)

// Figure is what is known of a window now.
type Figure struct {
	Window
	// Passed: its reset is over and nothing was heard since.
	Passed bool
}

const (
	// slack is how far apart two moments of one reset are told.
	slack = 2 * 60_000
	// remembered is how long after its reset a captured window is worth a word.
	remembered = 24 * 60 * 60_000
)

// FiveHour is what is known of the window of five hours when a session has just been told r; nil:
// nothing.
func (c *Captures) FiveHour(r Reading, now time.Time) *Figure {
	return c.figure(r.Session, r.FiveHour, now, func(r *Reading) *Window { return r.FiveHour })
}

// SevenDay is FiveHour of the window of seven days.
func (c *Captures) SevenDay(r Reading, now time.Time) *Figure {
	return c.figure(r.Session, r.SevenDay, now, func(r *Reading) *Window { return r.SevenDay })
}

func (c *Captures) figure(session string, told *Window, now time.Time, of func(*Reading) *Window) *Figure {
	at := usage.Millis(now.UnixMilli())
	if told != nil && (told.Resets == 0 || told.Resets > at) {
		return &Figure{Window: c.newer(session, *told, of)}
	}
	var open, passed *Window
	for i := range c.list {
		w := of(&c.list[i].Reading)
		switch {
		case w == nil || w.Resets == 0:
		case w.Resets > at:
			if open == nil || w.Resets > open.Resets+slack || w.Resets >= open.Resets-slack && w.Used > open.Used {
				open = w
			}
		case w.Resets > at-remembered:
			passed = w
		}
	}
	switch {
	case open != nil:
		return &Figure{Window: *open}
	case told != nil:
		return &Figure{*told, true}
	case passed != nil:
		return &Figure{*passed, true}
	}
	return nil
}

// newer is what another session was told of the same window since this one was first told what
// it says now: an idle session goes on saying what was true at its last answer.
func (c *Captures) newer(session string, told Window, of func(*Reading) *Window) Window {
	best, since := told, told
	for i := range slices.Backward(c.list) {
		line := &c.list[i]
		w := of(&line.Reading)
		switch {
		case w == nil:
		case line.Session != session:
			if w.Used > since.Used && w.Resets <= told.Resets+slack && w.Resets >= told.Resets-slack {
				since = *w
			}
		case *w == told:
			best = since
		default:
			return best
		}
	}
	return best
}
