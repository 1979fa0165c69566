//go:build !darwin && !windows

package tray_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"tokenmeter/app/tray"
	"tokenmeter/internal/usage"
	"tokenmeter/internal/view"
)

func contains(labels []string, part string) bool {
	return slices.ContainsFunc(labels, func(l string) bool { return strings.Contains(l, part) })
}

func TestItemFollowsTheFigures(t *testing.T) {
	l := newLab(t)
	l.startBus()
	p := l.startPanel()
	l.start()
	s := p.item()
	if id := s.property("Id"); id != "tokenmeter" {
		t.Errorf("its name is %v", id)
	}
	if s.property("ItemIsMenu") != false {
		t.Error("a left click opens the menu")
	}
	eventually(t, "it says that nothing flows", func() bool { return contains(s.labels(), "Today 0 fresh") })
	want := []string{"-", "Open Tokenmeter", "History", "-", "Quit"}
	if labels := s.labels(); len(labels) != len(want)+2 || !slices.Equal(labels[2:], want) {
		t.Errorf("the menu is %q", labels)
	}
	before := s.picture()

	begun := time.Now()
	l.turn(usage.Tokens{Input: 1_234_000, Output: 5})
	today := "Today " + view.Tokens(l.fresh)
	eventually(t, "the menu shows the new line", func() bool { return contains(s.labels(), today) })
	eventually(t, "the icon changes", func() bool { return s.picture() != before })
	if took := time.Since(begun); took > time.Second {
		t.Errorf("it took %v, wanted at most a second", took)
	}
	eventually(t, "tooltip and title follow", func() bool {
		title, _ := s.property("Title").(string)
		return strings.Contains(s.tooltip(), view.Tokens(l.fresh)) && strings.HasPrefix(title, "Tokenmeter ")
	})
	eventually(t, "the live line names the project, with its underscore", func() bool { return contains(s.labels(), "my__shop") })
}

func TestClicks(t *testing.T) {
	l := newLab(t)
	l.startBus()
	p := l.startPanel()
	m := l.start()
	s := p.item()
	eventually(t, "the menu is there", func() bool { return contains(s.labels(), "Quit") })
	s.activate()
	w := l.window()
	l.hears(w, "start")
	l.hears(w, "ready")
	s.activate()
	l.hears(w, "toggle")
	s.click("Open Tokenmeter")
	l.hears(w, "show")
	s.click("History")
	l.hears(w, "show history")
	labels := s.labels()
	s.click(labels[1])
	l.hears(w, "show live")
	s.click("Quit")
	l.hears(w, "quit")
	m.ends()
}

func TestManyLinesTouchTheItemRarely(t *testing.T) {
	l := newLab(t)
	l.startBus()
	p := l.startPanel()
	l.start()
	s := p.item()
	eventually(t, "it is there", func() bool { return contains(s.labels(), "Today 0 fresh") })
	ear := l.connect()
	for _, member := range []string{"NewIcon", "NewToolTip"} {
		if err := ear.AddMatchSignal(dbus.WithMatchInterface("org.kde.StatusNotifierItem"), dbus.WithMatchMember(member)); err != nil {
			t.Fatal(err)
		}
	}
	signals := make(chan *dbus.Signal, 4096)
	ear.Signal(signals)
	begun := time.Now()
	lines := 0
	pause := time.NewTicker(5 * time.Millisecond)
	defer pause.Stop()
	for ; time.Since(begun) < 3*time.Second; lines++ {
		l.turn(usage.Tokens{Input: 40_000, Output: 1})
		<-pause.C
	}
	today := "Today " + view.Tokens(l.fresh)
	eventually(t, "the last line is shown", func() bool { return contains(s.labels(), today) })
	seconds := time.Since(begun).Seconds()
	icons, tips := 0, 0
	for len(signals) > 0 {
		switch sig := <-signals; sig.Name {
		case "org.kde.StatusNotifierItem.NewIcon":
			icons++
		case "org.kde.StatusNotifierItem.NewToolTip":
			tips++
		}
	}
	// One more than fits: the first change comes at once.
	if most := int(seconds/2) + 2; icons > most || icons == 0 {
		t.Errorf("%d icons in %.1f s for %d lines, wanted 1 to %d", icons, seconds, lines, most)
	}
	if most := int(seconds*5) + 2; tips > most || tips < 2 {
		t.Errorf("%d tooltips in %.1f s for %d lines, wanted 2 to %d", tips, seconds, lines, most)
	}
}

func TestTrayHostMayComeLateAndAgain(t *testing.T) {
	l := newLab(t)
	l.startBus()
	m := l.start()
	const sentence = "This desktop shows no tray"
	eventually(t, "it is said", func() bool { return strings.Contains(m.stderr.String(), sentence) })
	for range 2 {
		p := l.startPanel()
		s := p.item()
		eventually(t, "the menu is there", func() bool { return contains(s.labels(), "Quit") })
		p.bus.Close() // the panel crashes
	}
	if n := strings.Count(m.stderr.String(), sentence); n != 1 {
		t.Errorf("it was said %d times:\n%s", n, m.stderr)
	}
	m.terminate()
}

func TestWithoutSessionBusTheMeterGoesOn(t *testing.T) {
	l := newLab(t)
	m := l.start()
	eventually(t, "it is said", func() bool { return strings.Contains(m.stderr.String(), "There is no session bus") })
	if !m.pong().Headless {
		t.Error("it claims to have a tray item")
	}
	m.terminate()
	if n := strings.Count(m.stderr.String(), "\n"); n != 1 {
		t.Errorf("it said %d lines:\n%s", n, m.stderr)
	}
}

func TestSessionBusMayEnd(t *testing.T) {
	l := newLab(t)
	l.startBus()
	p := l.startPanel()
	m := l.start()
	p.item()
	if m.pong().Headless {
		t.Error("it has a tray item and denies it")
	}
	l.stopBus()
	eventually(t, "it is said", func() bool { return strings.Contains(m.stderr.String(), "There is no session bus") })
	if !m.pong().Headless {
		t.Error("it claims to have a tray item still")
	}
	m.terminate()
}

func TestStartWithATrayReplacesAMeterWithout(t *testing.T) {
	l := newLab(t)
	old := l.start()
	eventually(t, "it has no tray", func() bool { return old.pong().Headless })
	l.startBus()
	p := l.startPanel()
	m := l.launch()
	old.ends()
	p.item()
	if m.pong().Headless {
		t.Error("the new one has no tray item either")
	}
	again := l.launch() // and a third changes nothing
	again.ends()
	m.pong()
}

// desktop tells its appearance.
type desktop struct{ scheme uint32 }

func (d desktop) ReadAll([]string) (map[string]map[string]dbus.Variant, *dbus.Error) {
	return map[string]map[string]dbus.Variant{"org.freedesktop.appearance": {"color-scheme": dbus.MakeVariant(d.scheme)}}, nil
}

func TestIconSuitsThePanel(t *testing.T) {
	l := newLab(t)
	l.startBus()
	p := l.startPanel()
	l.start()
	s := p.item()
	unsure := s.picture()
	c := l.connect()
	if err := c.Export(desktop{scheme: 2}, "/org/freedesktop/portal/desktop", "org.freedesktop.portal.Settings"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.RequestName("org.freedesktop.portal.Desktop", dbus.NameFlagDoNotQueue); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the icon is drawn for a light panel", func() bool { return s.picture() != unsure })
	light := s.picture()
	err := c.Emit("/org/freedesktop/portal/desktop", "org.freedesktop.portal.Settings.SettingChanged",
		"org.freedesktop.appearance", "color-scheme", dbus.MakeVariant(uint32(1)))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the icon is drawn for a dark panel", func() bool { return s.picture() != unsure && s.picture() != light })
}

func TestLabelsBearWhatLogsHold(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"key marks":            {"a_b__c", "a__b____c"},
		"line breaks":          {"a\nb\r\tc", "a b  c"},
		"changes of direction": {"a\u202eb\u200fc", "abc"},
		"endless":              {strings.Repeat("ü", 300), strings.Repeat("ü", 99) + "…"},
		"nothing to see":       {" \n\t ", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tray.Label(c.text); got != c.want {
				t.Errorf("got %q, wanted %q", got, c.want)
			}
		})
	}
}
