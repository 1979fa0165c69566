package core

import (
	"context"
	"errors"
	"sync"
	"time"

	"tokenmeter/internal/health"
	"tokenmeter/internal/link"
	"tokenmeter/internal/platform"
)

const (
	// windowEndTime is how long the window may take to end before it is killed.
	windowEndTime = 1500 * time.Millisecond
	// missedTime: a window that ends this soon after it was asked to show had already
	// decided to end, and the wish starts a new one.
	missedTime = time.Second
)

// window is what is known of the window program.
type window struct {
	mu      sync.Mutex
	conn    *link.Conn        // to the window that subscribed; nil = none
	process *platform.Process // started here last and not ended; nil = none
	rising  bool              // process has not subscribed yet
	page    string            // wished for since it was started, to be shown when it subscribes
	asked   time.Time         // when it was last asked to show, over conn
	askedAt string            // at which page
	ending  bool              // the meter ends: start no more
}

// OpenWindow shows the window, at page if it is not empty, and starts its program if need
// be. The error says in words why that is not possible.
func (c *Core) OpenWindow(page string) error {
	return c.askWindow(link.Message{Do: link.Show, Page: page})
}

// ToggleWindow hides the window if it is shown, else does what OpenWindow does.
func (c *Core) ToggleWindow() error {
	return c.askWindow(link.Message{Do: link.Toggle})
}

func (c *Core) askWindow(m link.Message) error {
	w := &c.window
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ending {
		return errors.New("the meter is ending")
	}
	if w.conn != nil && w.conn.Send(m) == nil {
		w.asked, w.askedAt = c.o.Clock(), m.Page
		return nil
	}
	if w.process != nil && w.rising {
		if m.Page != "" {
			w.page = m.Page
		}
		return nil
	}
	return c.startWindow(m.Page)
}

// startWindow is called with the lock held.
func (c *Core) startWindow(page string) error {
	if err := platform.Display(context.Background(), c.o.Env); err != nil {
		c.SetFinding(health.NoDisplay, health.Info, "")
		return err
	}
	path, err := platform.WindowProgram(c.o.Env)
	if err != nil {
		c.SetFinding(health.WindowMissing, health.Warning, c.o.Env.Variable("PATH"))
		return err
	}
	arguments := []string{"--data-dir", c.o.DataDir}
	if page != "" {
		arguments = append(arguments, "--page", page)
	}
	process, err := platform.StartWindow(c.o.Env, path, arguments...)
	if err != nil {
		c.SetFinding(health.WindowFailed, health.Warning, path, err.Error())
		return err
	}
	c.window.process, c.window.rising, c.window.page = process, true, ""
	go c.awaitWindow(process, path)
	return nil
}

// awaitWindow notes the end of a window program that was started here.
func (c *Core) awaitWindow(process *platform.Process, path string) {
	err := process.Err()
	w := &c.window
	w.mu.Lock()
	if w.process == process {
		w.process = nil
	}
	conn, ending := w.conn, w.ending
	w.mu.Unlock()
	switch {
	case ending:
	case err == nil:
		c.endAfterWindow(conn)
	case len(platform.MissingLibraries(c.o.Env)) > 0:
		c.SetFinding(health.NoOpenGL, health.Warning, "")
	default:
		c.SetFinding(health.WindowFailed, health.Warning, path, err.Error())
	}
}

// endAfterWindow ends the meter with its last window where nothing else would be seen of it.
func (c *Core) endAfterWindow(last *link.Conn) {
	if last != nil {
		<-last.Done()
	}
	w := &c.window
	w.mu.Lock()
	gone := w.process == nil && (w.conn == nil || w.conn == last)
	w.mu.Unlock()
	if gone && c.endsWithWindow() {
		c.Quit()
	}
}

// welcomeWindow makes a connection the one to the window. A second window is sent away, and
// the first comes up instead.
func (c *Core) welcomeWindow(conn *link.Conn) {
	w := &c.window
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.ending:
		_ = conn.Send(link.Message{Do: link.Quit})
		return
	case w.conn == conn:
		return
	case w.conn != nil && w.conn.Send(link.Message{Do: link.Show}) == nil:
		_ = conn.Send(link.Message{Do: link.Quit})
		return
	}
	w.conn, w.rising = conn, false
	for _, code := range []health.Code{health.NoDisplay, health.NoOpenGL} {
		c.board.Clear(code, "")
	}
	for _, f := range c.board.Findings() {
		if f.Code == health.WindowMissing || f.Code == health.WindowFailed {
			c.board.Clear(f.Code, f.Subject)
		}
	}
	_ = conn.Send(c.changed())
	if w.page != "" {
		_ = conn.Send(link.Message{Do: link.Show, Page: w.page})
		w.page = ""
	}
	go c.missWindow(conn)
}

// missWindow waits for the end of a connection to the window.
func (c *Core) missWindow(conn *link.Conn) {
	<-conn.Done()
	w := &c.window
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.conn != conn {
		return
	}
	w.conn = nil
	missed := !w.asked.IsZero() && c.o.Clock().Sub(w.asked) < missedTime
	w.asked = time.Time{}
	if missed && !w.ending {
		_ = c.startWindow(w.askedAt)
	}
}

// endWindow tells the window to end and waits for it.
func (c *Core) endWindow() {
	w := &c.window
	w.mu.Lock()
	w.ending = true
	conn, process := w.conn, w.process
	w.mu.Unlock()
	c.broadcast(link.Message{Do: link.Quit})
	var ended <-chan struct{}
	switch {
	case process != nil:
		ended = process.Ended()
	case conn != nil:
		ended = conn.Done()
	default:
		return
	}
	within(windowEndTime, func() { <-ended })
	if process != nil {
		process.Kill() // which does nothing to one that has ended
		within(windowEndTime/4, func() { <-ended })
	}
}
