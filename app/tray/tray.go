package tray

import (
	"context"
	"fmt"
	"io"

	"tokenmeter/app/tray/icon"
	"tokenmeter/internal/core"
	"tokenmeter/internal/health"
	"tokenmeter/internal/platform"
)

// Options are what the item needs of the world. Everything must be set.
type Options struct {
	// BusAddress is where the session bus is; "" = there is none. Only where there are any.
	BusAddress string
	// Watch is platform.Watch on this process's environment.
	Watch  func(context.Context, platform.Watching) error
	Stderr io.Writer // for sentences that a person should see once
}

// tray is the item and its surroundings.
type tray struct {
	o      Options
	core   *core.Core
	panels chan icon.Panel // capacity one, the latest
	said   map[health.Code]bool
}

// Run runs the core with a tray item, or without one where there can be none, until ctx ends
// or someone quits. It returns what the core returns.
func Run(ctx context.Context, c *core.Core, o Options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- c.Run(ctx)
		cancel()
	}()
	t := &tray{o: o, core: c, panels: make(chan icon.Panel, 1), said: map[health.Code]bool{}}
	t.run(ctx)
	return <-ended
}

// lacks notes that the desktop has no place for the item, and says so the first time.
func (t *tray) lacks(code health.Code) {
	t.core.SetFinding(code, health.Info, "")
	if t.said[code] {
		return
	}
	t.said[code] = true
	words := health.Explain(health.Finding{Code: code})
	fmt.Fprintf(t.o.Stderr, "%s. %s %s\n", words.Title, words.Text, words.Action)
}

// setPanel tells the drawing goroutine what the icon lies on.
func (t *tray) setPanel(p icon.Panel) {
	select {
	case <-t.panels:
	default:
	}
	t.panels <- p
}

// open brings up the window at a page; what keeps it from coming is a finding already.
func (t *tray) open(page string) func() {
	return func() { t.complain(t.core.OpenWindow(page)) }
}

func (t *tray) toggle() { t.complain(t.core.ToggleWindow()) }

func (t *tray) complain(err error) {
	if err != nil {
		fmt.Fprintln(t.o.Stderr, "The window cannot be shown:", err)
	}
}
