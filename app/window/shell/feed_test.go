package shell_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"tokenmeter/app/window/page/history"
	"tokenmeter/app/window/shell"
	"tokenmeter/internal/health"
	"tokenmeter/internal/link"
	"tokenmeter/internal/report"
	"tokenmeter/internal/store"
	"tokenmeter/internal/usage"
	"tokenmeter/internal/view"
)

// rig is a feed on a real database and a real socket.
type rig struct {
	t        *testing.T
	dir      string
	feed     *shell.Feed
	models   chan shell.Model
	commands chan link.Message
	lost     chan struct{}
	server   *link.Server
	hello    chan link.Message
	opened   int
	mu       sync.Mutex
	clock    time.Time
}

func (r *rig) now() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.clock
}

func (r *rig) database() string { return filepath.Join(r.dir, "tokenmeter.db") }
func (r *rig) socket() string   { return filepath.Join(r.dir, "meter.sock") }

func newRig(t *testing.T) *rig {
	// A short folder, for the path of the socket.
	dir, err := os.MkdirTemp("", "feed")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	r := &rig{
		t: t, dir: dir, models: make(chan shell.Model, 100), commands: make(chan link.Message, 10), lost: make(chan struct{}, 1),
		hello: make(chan link.Message, 10), clock: time.Date(2026, 11, 20, 11, 48, 30, 0, time.UTC),
	}
	agents := []report.Agent{{ID: "one", Name: "One", Slot: 0, Roots: []string{"/logs/one"}}}
	r.feed = shell.NewFeed(shell.FeedOptions{
		Database: r.database(),
		Open: func(ctx context.Context) (shell.Answers, error) {
			r.opened++
			s, err := store.Open(ctx, r.database(), store.Options{ReadOnly: true, Zone: time.UTC})
			if err != nil {
				return nil, err
			}
			t.Cleanup(func() { s.Close() })
			return report.New(report.Options{Store: s, Agents: agents, Clock: r.now, Zone: time.UTC}), nil
		},
		Bare: func() *report.Snapshot {
			return &report.Snapshot{At: r.now(), Zone: time.UTC, Agents: []report.AgentState{{Agent: agents[0], Places: []report.Place{{Path: "/logs/one"}}}}}
		},
		Dial:    func(ctx context.Context) (shell.Line, error) { return link.Dial(ctx, r.socket()) },
		Hello:   link.Message{Do: link.Subscribe, Pid: 7},
		Clock:   r.now,
		Deliver: func(m shell.Model) { r.models <- m },
		Command: func(m link.Message) { r.commands <- m },
		Lost:    func() { r.lost <- struct{}{} },
	})
	return r
}

// run starts the feed, wanting a page, until the test ends.
func (r *rig) run(page string) {
	r.feed.Want(shell.Wish{Visible: true, Page: page, Question: history.First()})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		r.feed.Run(ctx)
		close(done)
	}()
	r.t.Cleanup(func() {
		cancel()
		<-done
	})
}

// serve is a meter: it answers a window that subscribes.
func (r *rig) serve(meter report.Meter) {
	server, err := link.Listen(r.socket())
	if err != nil {
		r.t.Fatal(err)
	}
	r.server = server
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		server.Serve(ctx, func(c *link.Conn, m link.Message) {
			r.hello <- m
			text, _ := json.Marshal(meter)
			_ = c.Send(link.Message{Do: link.Changed, Meter: text})
		})
		close(done)
	}()
	r.t.Cleanup(func() {
		cancel()
		<-done
	})
}

// write stores requests of a session, each of some output tokens, at the rig's time.
func (r *rig) write(outputs ...int64) {
	r.t.Helper()
	ctx := context.Background()
	s, err := store.Open(ctx, r.database(), store.Options{Zone: time.UTC})
	if err != nil {
		r.t.Fatal(err)
	}
	defer s.Close()
	chunk := &store.Chunk{File: &store.File{Agent: "one", Path: "/logs/one/a", Root: "/logs/one", Name: "a"}}
	for i, n := range outputs {
		at := usage.MillisOf(r.now())
		chunk.Events = append(chunk.Events, usage.Event{
			Agent: "one", Key: usage.Key(usage.NewHash("test").Int(int64(i)).Int(int64(at))), Time: at, CountedAt: at, Session: "s", Project: "/w/shop", Model: "m",
			Tokens: usage.Tokens{Output: n},
		})
	}
	if err := s.Update(ctx, func(tx *store.Tx) error { return tx.Write(chunk) }); err != nil {
		r.t.Fatal(err)
	}
}

// await waits for a model that fits.
func (r *rig) await(what string, fits func(shell.Model) bool) shell.Model {
	r.t.Helper()
	timeout := time.NewTimer(10 * time.Second)
	defer timeout.Stop()
	for {
		select {
		case m := <-r.models:
			if fits(m) {
				return m
			}
		case <-timeout.C:
			r.t.Fatalf("never shown: %s", what)
		}
	}
}

// quiet wants no model for a while.
func (r *rig) quiet(d time.Duration) {
	r.t.Helper()
	timeout := time.NewTimer(d)
	defer timeout.Stop()
	select {
	case m := <-r.models:
		r.t.Fatalf("a model that nothing called for: %+v", m)
	case <-timeout.C:
	}
}

func today(fresh string) func(shell.Model) bool {
	return func(m shell.Model) bool { return m.Live != nil && m.Live.Today.Fresh.Value == fresh }
}

func TestWhatIsStoredIsShownAndFollowed(t *testing.T) {
	r := newRig(t)
	r.write(1200, 300)
	r.serve(report.Meter{})
	r.run(shell.LivePage)
	if m := <-r.hello; m.Do != link.Subscribe || m.Pid != 7 {
		t.Errorf("said %+v", m)
	}
	m := r.await("what is stored", today("1.50k"))
	if len(m.Live.Sessions) != 1 || m.Live.Sessions[0].Project != "shop" {
		t.Errorf("sessions %+v", m.Live.Sessions)
	}
	r.mu.Lock()
	r.clock = r.clock.Add(time.Second)
	r.mu.Unlock()
	r.write(500)
	r.server.Broadcast(link.Message{Do: link.Changed})
	r.await("what came after", today("2.00k"))
	if !r.feed.Connected() || r.opened != 1 {
		t.Errorf("connected %v, opened %d times", r.feed.Connected(), r.opened)
	}
}

func TestOnlyThePageThatIsShownIsMade(t *testing.T) {
	r := newRig(t)
	r.write(1200)
	r.serve(report.Meter{})
	r.run(shell.HistoryPage)
	m := r.await("the history", func(m shell.Model) bool {
		return m.History != nil && len(m.History.Rows) == 1 && len(m.History.Chart.Columns) == 30
	})
	if m.Live != nil || m.History.Split != "Agent" {
		t.Errorf("model %+v", m)
	}
	r.feed.Want(shell.Wish{Visible: true, Page: shell.HistoryPage, Question: history.Question{Days: 7, Split: history.ByProject}})
	m = r.await("another question's answer", func(m shell.Model) bool { return m.History != nil && len(m.History.Chart.Columns) == 7 })
	if m.History.Split != "Project" || m.History.Rows[0].Name != "shop" {
		t.Errorf("rows %+v", m.History.Rows)
	}
	r.feed.Want(shell.Wish{Visible: true, Page: shell.LivePage})
	r.await("the live page", today("1.20k"))
}

func TestHiddenNothingIsAsked(t *testing.T) {
	r := newRig(t)
	r.write(1200)
	r.serve(report.Meter{})
	r.run(shell.LivePage)
	<-r.hello // the page may be there before the line is
	r.await("the page", today("1.20k"))
	r.feed.Want(shell.Wish{Page: shell.LivePage})
	for range 2 { // what was under way
		select {
		case <-r.models:
		case <-time.After(300 * time.Millisecond):
		}
	}
	r.server.Broadcast(link.Message{Do: link.Changed})
	r.quiet(1500 * time.Millisecond) // longer than ages are kept for
	r.feed.Want(shell.Wish{Visible: true, Page: shell.LivePage})
	r.await("the page again", today("1.20k"))
}

func TestWhatWouldLookTheSameIsNotShownAgain(t *testing.T) {
	for _, page := range []string{shell.LivePage, shell.HistoryPage} {
		t.Run(page, func(t *testing.T) {
			r := newRig(t)
			r.write(1200)
			r.serve(report.Meter{})
			r.run(page)
			<-r.hello
			r.await("the page", func(m shell.Model) bool { return m.Live != nil || m.History != nil })
			for range 2 { // what was under way, as the line came up
				select {
				case <-r.models:
				case <-time.After(300 * time.Millisecond):
				}
			}
			r.server.Broadcast(link.Message{Do: link.Changed})
			r.quiet(1500 * time.Millisecond) // longer than ages are kept for
		})
	}
}

func TestTenModelsASecondAtMost(t *testing.T) {
	r := newRig(t)
	r.write(1200)
	r.serve(report.Meter{})
	r.run(shell.LivePage)
	<-r.hello
	r.await("the page", today("1.20k"))
	stop := time.NewTimer(time.Second)
	defer stop.Stop()
	poke := time.NewTicker(5 * time.Millisecond)
	defer poke.Stop()
	n := 0
	for done := false; !done; {
		select {
		case <-poke.C:
			r.mu.Lock()
			r.clock = r.clock.Add(time.Second) // ages are told in seconds
			r.mu.Unlock()
			r.server.Broadcast(link.Message{Do: link.Changed})
		case <-r.models:
			n++
		case <-stop.C:
			done = true
		}
	}
	if n < 2 || n > 12 {
		t.Errorf("%d models in a second of news", n)
	}
}

func TestMetersOrdersAndEndAreTaken(t *testing.T) {
	r := newRig(t)
	r.write(1)
	r.serve(report.Meter{})
	r.run(shell.LivePage)
	<-r.hello // an order that comes before the line is lost
	r.await("the page", today("1"))
	for _, m := range []link.Message{{Do: link.Show, Page: "history"}, {Do: link.Toggle}, {Do: link.Hide}, {Do: link.Quit}} {
		r.server.Broadcast(m)
		if got := <-r.commands; got.Do != m.Do || got.Page != m.Page {
			t.Errorf("sent %+v, taken %+v", m, got)
		}
	}
	r.server.Close()
	select {
	case <-r.lost:
	case <-time.After(5 * time.Second):
		t.Error("the meter's end is not noticed")
	}
	if r.feed.Connected() {
		t.Error("still called connected")
	}
}

func has(banners []view.Banner, kind view.BannerKind) bool {
	for _, b := range banners {
		if b.Kind == kind {
			return true
		}
	}
	return false
}

func TestWithoutAMeterStoredFiguresAreShownWithAWarning(t *testing.T) {
	r := newRig(t)
	r.write(1200)
	r.run(shell.LivePage)
	m := r.await("the figures", today("1.20k"))
	if !has(m.Live.Banners, view.BannerStale) || r.feed.Connected() {
		t.Errorf("banners %+v", m.Live.Banners)
	}
	r.serve(report.Meter{}) // it is found when it comes
	r.await("no more warning", func(m shell.Model) bool { return m.Live != nil && !has(m.Live.Banners, view.BannerStale) })
}

func TestBeforeAnythingIsStoredItSaysWhereItLooked(t *testing.T) {
	r := newRig(t)
	r.serve(report.Meter{})
	r.run(shell.LivePage)
	m := r.await("the empty page", func(m shell.Model) bool {
		return m.Live != nil && m.Live.Empty != nil && !has(m.Live.Banners, view.BannerStale)
	})
	if len(m.Live.Empty.Places) != 1 || m.Live.Empty.Places[0].Path != "/logs/one" || has(m.Live.Banners, view.BannerError) {
		t.Errorf("%+v", m.Live.Empty)
	}
	if _, err := os.Stat(r.database()); !os.IsNotExist(err) {
		t.Errorf("the window made a database: %v", err)
	}
	r.write(1200)
	r.server.Broadcast(link.Message{Do: link.Changed})
	r.await("the first figures", today("1.20k"))
}

func TestMetersFindingsAndProgressAreShown(t *testing.T) {
	r := newRig(t)
	r.serve(report.Meter{
		Reading:  report.Progress{Running: true, Files: 10, FilesDone: 3, Bytes: 100 << 20, BytesDone: 30 << 20, FirstStart: true},
		Findings: []health.Finding{{Code: health.DiskFull, Severity: health.Error, Subject: "/d", Since: r.now()}},
	})
	r.run(shell.LivePage)
	m := r.await("both banners", func(m shell.Model) bool {
		return m.Live != nil && has(m.Live.Banners, view.BannerError) && has(m.Live.Banners, view.BannerReading)
	})
	if m.Live.Empty != nil {
		t.Error("called empty while it is being read")
	}
}

func TestADatabaseThatCannotBeReadIsSaidInWords(t *testing.T) {
	for name, text := range map[string]string{"damaged": "SQLite format 3\x00 but then nonsense", "not ours": "hello, this is a text of somebody else"} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			if err := os.WriteFile(r.database(), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			r.run(shell.LivePage)
			m := r.await("the error", func(m shell.Model) bool { return m.Live != nil && has(m.Live.Banners, view.BannerError) })
			if b := m.Live.Banners[0]; b.Title == "" || b.Remedy == "" {
				t.Errorf("%+v", b)
			}
			if left, err := os.ReadFile(r.database()); err != nil || string(left) != text {
				t.Error("the window changed the file")
			}
		})
	}
}

// TestAChangeOfPricesIsToldOnce: on the page that shows costs, until it is left, whatever the
// meter says meanwhile.
func TestAChangeOfPricesIsToldOnce(t *testing.T) {
	r := newRig(t)
	r.write(1200)
	news := report.Meter{Repricing: store.Repricing{Version: "b", From: "a", Changed: 3, Before: 9_000_000, After: 8_000_000, Last: 9, Next: 10, Done: true}}
	r.serve(news)
	r.run(shell.LivePage)
	<-r.hello
	r.await("the live page", func(m shell.Model) bool { return m.Live != nil })
	r.feed.Want(shell.Wish{Visible: true, Page: shell.HistoryPage, Question: history.First()})
	told := func(m shell.Model) bool {
		return m.History != nil && len(m.History.Banners) == 1 && m.History.Banners[0].Text == "3 requests cost $8.00 at list price, not $9.00."
	}
	r.await("the news", told)
	select {
	case m := <-r.hello:
		if m.Do != link.Told {
			t.Errorf("the meter heard %+v", m)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the meter does not hear of it")
	}
	news.Repricing.Told = true
	text, err := json.Marshal(news)
	if err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	r.clock = r.clock.Add(time.Second)
	r.mu.Unlock()
	r.write(300)
	r.server.Broadcast(link.Message{Do: link.Changed, Meter: text})
	r.await("the news, beside new figures", func(m shell.Model) bool { return told(m) && m.History.Tiles[0].Value == "1.50k" })
	r.feed.Want(shell.Wish{Visible: true, Page: shell.LivePage, Question: history.First()})
	r.await("the live page", func(m shell.Model) bool { return m.Live != nil })
	r.feed.Want(shell.Wish{Visible: true, Page: shell.HistoryPage, Question: history.First()})
	m := r.await("the history page", func(m shell.Model) bool { return m.History != nil })
	if len(m.History.Banners) != 0 {
		t.Errorf("it is told again: %+v", m.History.Banners)
	}
}
