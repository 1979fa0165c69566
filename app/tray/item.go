package tray

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"

	"fyne.io/systray"

	"tokenmeter/app/tray/icon"
	"tokenmeter/internal/health"
	"tokenmeter/internal/report"
	"tokenmeter/internal/view"
)

const (
	// A text change costs the desktop a new menu, an icon change a new picture.
	textPause = 200 * time.Millisecond
	iconPause = 2 * time.Second
	// mostWindows is how many allowance windows the menu shows.
	mostWindows = 8
	// labelLength bounds a line of the menu, in characters.
	labelLength = 100
	// appName is the item's stable name, by which desktops remember it.
	appName = "tokenmeter"
)

// item is the tray item and what it shows now.
type item struct {
	problem line
	windows [mostWindows]line
	live    line
	today   line
	network line
	title   string
	tooltip string
	face    icon.Face
	drawn   bool // face is shown
}

// line is a line of the menu that changes.
type line struct {
	item   *systray.MenuItem
	text   string
	hidden bool
}

// content is everything that the item is to show.
type content struct {
	view.Tray
	problem string
}

// contentOf puts a snapshot into words.
func contentOf(s *report.Snapshot) content {
	c := content{Tray: view.TrayItem(s)}
	if len(s.Findings) > 0 && s.Findings[0].Severity == health.Error { // worst first
		c.problem = health.Explain(s.Findings[0]).Title
		c.Tooltip = c.problem + "\n" + c.Today
	}
	return c
}

// buildMenu adds the menu's lines. Lines that have nothing to say yet are hidden.
func (t *tray) buildMenu(i *item) {
	add := func(page string) line {
		entry := systray.AddMenuItem("", "")
		entry.Hide()
		onClick(entry, t.open(page))
		return line{item: entry, hidden: true}
	}
	i.problem = add("live")
	for n := range i.windows {
		i.windows[n] = add("live")
	}
	i.live, i.today, i.network = add("live"), add("live"), add("live")
	systray.AddSeparator()
	onClick(systray.AddMenuItem("Open Tokenmeter", ""), t.open(""))
	onClick(systray.AddMenuItem("History", ""), t.open("history"))
	systray.AddSeparator()
	onClick(systray.AddMenuItem("Quit", ""), t.core.Quit)
}

// onClick calls f for each click; one that comes while f runs is dropped.
func onClick(entry *systray.MenuItem, f func()) {
	go func() {
		for range entry.ClickedCh {
			f()
		}
	}()
}

// follow shows each new snapshot until ctx ends.
func (t *tray) follow(ctx context.Context, i *item, panel icon.Panel) {
	changed, cancel := t.core.Subscribe()
	defer cancel()
	texts, pictures := newGate(textPause), newGate(iconPause)
	defer texts.timer.Stop()
	defer pictures.timer.Stop()
	for {
		c := contentOf(t.core.Current())
		if texts.open && i.showTexts(c) {
			texts.shut()
		}
		if face := icon.FaceOf(c.Ring, panel); pictures.open && i.showPicture(face) {
			pictures.shut()
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case panel = <-t.panels:
		case <-texts.timer.C:
			texts.open = true
		case <-pictures.timer.C:
			pictures.open = true
		}
	}
}

// gate lets something through at once, and then not again for a while.
type gate struct {
	open  bool
	pause time.Duration
	timer *time.Timer
}

func newGate(pause time.Duration) *gate {
	timer := time.NewTimer(pause)
	timer.Stop()
	return &gate{open: true, pause: pause, timer: timer}
}

func (g *gate) shut() {
	g.open = false
	g.timer.Reset(g.pause)
}

// showTexts changes what differs and says whether anything did.
func (i *item) showTexts(c content) bool {
	did := i.showName(c)
	did = i.problem.show(c.problem) || did
	for n := range i.windows {
		text := ""
		if n < len(c.Windows) {
			text = c.Windows[n]
		}
		did = i.windows[n].show(text) || did
	}
	did = i.live.show(c.Live) || did
	did = i.today.show(c.Today) || did
	return i.network.show(c.Network) || did
}

// show sets a line's text, or hides it if there is none.
func (l *line) show(text string) bool {
	text = escapeLabel(oneLine(text))
	did := false
	if text != "" && text != l.text {
		l.text, did = text, true
		l.item.SetTitle(text)
	}
	if hidden := text == ""; hidden != l.hidden {
		l.hidden, did = hidden, true
		if hidden {
			l.item.Hide()
		} else {
			l.item.Show()
		}
	}
	return did
}

// oneLine keeps what came from a log from breaking a menu: no control characters, no
// changes of direction, no endless text.
func oneLine(text string) string {
	runes := []rune(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r):
			return ' '
		case unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, text))
	if len(runes) > labelLength {
		runes = append(slices.Clip(runes[:labelLength-1]), '…')
	}
	return strings.TrimSpace(string(runes))
}
