package agent

import "tokenmeter/internal/usage"

// record is a Sink that keeps what it is told.
type record struct {
	events  []usage.Event
	skips   []usage.Skip
	cursors []Cursor
	stop    func(Cursor) error
}

func (r *record) Event(e *usage.Event)   { r.events = append(r.events, *e) }
func (r *record) Thread(*usage.Thread)   {}
func (r *record) Mark(usage.Mark)        {}
func (r *record) Sample(*usage.Sample)   {}
func (r *record) Session(*usage.Session) {}
func (r *record) Bill(*usage.Bill)       {}
func (r *record) Skip(s usage.Skip)      { r.skips = append(r.skips, s) }
func (r *record) Checkpoint(c Cursor) error {
	r.cursors = append(r.cursors, c)
	if r.stop != nil {
		return r.stop(c)
	}
	return nil
}
