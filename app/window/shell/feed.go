package shell

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"reflect"
	"sync"
	"time"

	"tokenmeter/app/window/page/history"
	"tokenmeter/internal/health"
	"tokenmeter/internal/link"
	"tokenmeter/internal/report"
	"tokenmeter/internal/store"
	"tokenmeter/internal/view"
)

const (
	// redrawTime is the least time between two models.
	redrawTime = 100 * time.Millisecond
	// agesTime is how often ages are brought up to date while something is live.
	agesTime = time.Second
	// minutesTime is the same while nothing is: the last hour moves on.
	minutesTime = 20 * time.Second
	// retryTime is how long to wait before the meter, or the database, is looked for again.
	retryTime = 3 * time.Second
)

// Answers are the questions that the window asks; *report.Report answers them.
type Answers interface {
	Snapshot(context.Context, report.Meter) (*report.Snapshot, error)
	Days(context.Context, report.Range) (*report.DaysAnswer, error)
}

// Line is a connection to the meter; *link.Conn is one.
type Line interface {
	Send(link.Message) error
	Receive() (link.Message, error)
	Close() error
}

// FeedOptions configure NewFeed. Everything is needed.
type FeedOptions struct {
	Database string                                 // its path, for the words of a finding
	Open     func(context.Context) (Answers, error) // opens what is stored; fs.ErrNotExist: nothing is yet
	Bare     func() *report.Snapshot                // what is known of this machine without a store
	Dial     func(context.Context) (Line, error)
	Hello    link.Message // what the meter is told first
	Clock    func() time.Time
	Deliver  func(Model)        // takes a model; must not block
	Command  func(link.Message) // the meter's show, toggle, hide, quit; must not block
	Lost     func()             // the meter is gone; must not block
}

// Feed brings what there is to show.
type Feed struct {
	o    FeedOptions
	wake chan struct{} // capacity one: something has changed

	mu        sync.Mutex
	wish      Wish
	meter     report.Meter
	connected bool
	line      Line // to the meter, nil = none

	// Used by Run's goroutine only.
	answers Answers
	news    store.Repricing // told on the page that is shown, and standing there until it is left
	shown   Model           // what was delivered last
	shownTo Wish            // and what for
}

// NewFeed makes a feed that is not running yet.
func NewFeed(o FeedOptions) *Feed {
	return &Feed{o: o, wake: make(chan struct{}, 1), wish: Wish{Page: LivePage, Question: history.First()}}
}

// Want says what is to be shown. It may be called from any goroutine and never blocks.
func (f *Feed) Want(w Wish) {
	f.mu.Lock()
	changed := f.wish != w
	f.wish = w
	f.mu.Unlock()
	if changed {
		f.poke()
	}
}

// Connected reports whether a meter is connected.
func (f *Feed) Connected() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.connected
}

func (f *Feed) poke() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Run works until ctx ends.
func (f *Feed) Run(ctx context.Context) {
	done := make(chan struct{})
	go func() {
		f.listen(ctx)
		close(done)
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			<-done
			return
		case <-f.wake:
		case <-timer.C:
		}
		f.mu.Lock()
		wish, meter, connected := f.wish, f.meter, f.connected
		f.mu.Unlock()
		timer.Stop()
		if !wish.Visible {
			f.shown = Model{} // it will be drawn anew
			continue
		}
		again := f.serve(ctx, wish, meter, connected)
		if !rest(ctx, redrawTime) {
			continue
		}
		timer.Reset(again)
	}
}

// rest waits; false: ctx ended before.
func rest(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// listen keeps the line to the meter and takes its messages.
func (f *Feed) listen(ctx context.Context) {
	for {
		if line, err := f.o.Dial(ctx); err == nil {
			if f.hear(ctx, line) {
				f.o.Lost()
				return
			}
		}
		if !rest(ctx, retryTime) {
			return
		}
	}
}

// hear takes messages until the line ends; it reports whether the meter ever spoke.
func (f *Feed) hear(ctx context.Context, line Line) (spoke bool) {
	stop := context.AfterFunc(ctx, func() { line.Close() })
	defer stop()
	defer line.Close()
	if line.Send(f.o.Hello) != nil {
		return false
	}
	f.mu.Lock()
	f.line = line
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		f.line = nil
		f.mu.Unlock()
	}()
	for {
		m, err := line.Receive()
		if err != nil {
			f.set(func() { f.connected = false })
			return spoke && ctx.Err() == nil
		}
		spoke = true
		switch m.Do {
		case link.Changed:
			var meter report.Meter
			if len(m.Meter) > 0 && json.Unmarshal(m.Meter, &meter) != nil {
				meter = report.Meter{}
			}
			f.set(func() { f.meter, f.connected = meter, true })
		case link.Show, link.Toggle, link.Hide, link.Quit:
			f.set(func() { f.connected = true })
			f.o.Command(m)
		}
	}
}

func (f *Feed) set(change func()) {
	f.mu.Lock()
	change()
	f.mu.Unlock()
	f.poke()
}

// serve makes the model of the page that is shown and says when it will be out of date.
func (f *Feed) serve(ctx context.Context, wish Wish, meter report.Meter, connected bool) (again time.Duration) {
	snapshot, days, err := f.ask(ctx, wish, meter)
	if ctx.Err() != nil {
		return retryTime
	}
	again = minutesTime
	if err != nil {
		snapshot, days, again = f.o.Bare(), &report.DaysAnswer{}, retryTime
		snapshot.Reading, snapshot.Findings = meter.Reading, meter.Findings
		if !errors.Is(err, fs.ErrNotExist) {
			snapshot.Findings = append([]health.Finding{f.finding(err)}, snapshot.Findings...)
		}
	}
	if !connected {
		again = min(again, retryTime)
		if snapshot.StaleSince.IsZero() && (err == nil || errors.Is(err, fs.ErrNotExist)) {
			snapshot.StaleSince = newest(snapshot)
		}
	}
	if snapshot.Now.Live || meter.Reading.Running {
		again = agesTime
	}
	if wish.Page != HistoryPage {
		f.news = store.Repricing{}
	}
	if wish.Page == HistoryPage {
		f.tell(snapshot)
		page := view.HistoryPage(days, snapshot)
		f.deliver(wish, Model{History: &page})
		return again
	}
	page := view.LivePage(snapshot)
	f.deliver(wish, Model{Live: &page})
	return again
}

// tell sees to it that what the last change of prices did is said once: the meter hears that
// it was, and here it stands until the page is left.
func (f *Feed) tell(s *report.Snapshot) {
	if view.Repriced(s.Repricing, s.Currency) == "" {
		if s.Repricing.Version == f.news.Version && s.Repricing.Done {
			s.Repricing = f.news
		}
		return
	}
	if f.news == s.Repricing {
		return
	}
	f.mu.Lock()
	line := f.line
	f.mu.Unlock()
	if line != nil && line.Send(link.Message{Do: link.Told}) == nil {
		f.news = s.Repricing
	}
}

// deliver hands a model over unless a person could not tell it from what is shown, so that
// nothing is drawn again in vain.
func (f *Feed) deliver(wish Wish, m Model) {
	if wish == f.shownTo && reflect.DeepEqual(m, f.shown) {
		return
	}
	f.shown, f.shownTo = m, wish
	f.o.Deliver(m)
}

// ask asks what the wanted page needs. An error closes nothing: the next call tries anew.
func (f *Feed) ask(ctx context.Context, wish Wish, meter report.Meter) (*report.Snapshot, *report.DaysAnswer, error) {
	if f.answers == nil {
		answers, err := f.o.Open(ctx)
		if err != nil {
			return nil, nil, err
		}
		f.answers = answers
	}
	snapshot, err := f.answers.Snapshot(ctx, meter)
	if err != nil {
		return nil, nil, err
	}
	if wish.Page != HistoryPage {
		return snapshot, nil, nil
	}
	days, err := f.answers.Days(ctx, report.Range{Days: wish.Question.Days, Split: dimension(wish.Question.Split)})
	return snapshot, days, err
}

func dimension(s history.Split) store.Dimension {
	switch s {
	case history.ByModel:
		return store.Model
	case history.ByProject:
		return store.Project
	}
	return store.Agent
}

// finding says why what is stored cannot be read.
func (f *Feed) finding(err error) health.Finding {
	found := health.Finding{Code: health.DatabaseFailed, Severity: health.Error, Subject: f.o.Database, Args: []string{err.Error()}, Since: f.o.Clock()}
	switch {
	case errors.Is(err, store.ErrDamaged):
		found.Code, found.Args = health.DatabaseDamaged, nil
	case errors.Is(err, store.ErrNewer):
		found.Code, found.Args = health.DatabaseNewer, nil
	case errors.Is(err, store.ErrForeign):
		found.Code, found.Args = health.DatabaseForeign, nil
	}
	return found
}

// newest is when anything was last counted, or now if nothing ever was.
func newest(s *report.Snapshot) time.Time {
	var last time.Time
	for _, a := range s.Agents {
		if a.Last.After(last) {
			last = a.Last
		}
	}
	if last.IsZero() {
		return s.At
	}
	return last
}
