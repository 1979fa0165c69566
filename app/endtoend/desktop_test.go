//go:build linux

package endtoend

import (
	"image"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"tokenmeter/app/lab"
	"tokenmeter/internal/view"
)

// soon is what the design promises from a line in a log to tray and menu. The build machine
// is shared, so the promise is for a person; it is measured more closely elsewhere.
const soon = time.Second

// TestDesktop walks one day of a person: logs are there, the meter starts, an agent works,
// the window is opened, used and closed, a second start, and the end.
func TestDesktop(t *testing.T) {
	l := onDesktop(t)
	p := newProgram(t, l)

	begun := time.Now()
	p.write(claudeLog("a1"), claudeReply("a1", 1, begun.Add(-2*time.Hour), 10, 1990, 50_000, 500))
	p.write(codexLog("c1", begun), codexHead("c1", begun)+codexReply("c1", 1, begun.Add(-time.Hour), 9_000, 7_000, 300, 37.5))

	meter, item := p.meter()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the menu at the end: %q", labels(item))
		}
	})
	today := func(fresh int64) func() bool {
		return func() bool { return menuHas(item, "Today", view.Tokens(fresh)) }
	}
	const first = 2_500 + 2_300 // 10 + 1990 + 500, 9000 - 7000 + 300
	until(t, l, 10*time.Second, "today's tokens are in the menu", today(first))
	if menuHas(item, "tok/min") {
		t.Errorf("nothing happened for an hour, but the menu has a live line: %q", labels(item))
	}
	if item.Icon() == "" {
		t.Error("the tray item has no picture")
	}

	// An agent answers.
	icon := item.Icon()
	p.write(claudeLog("a1"), claudeReply("a1", 2, time.Now(), 12, 40_000, 52_500, 2_000))
	until(t, l, soon, "today's line follows Claude", today(first+42_012))
	until(t, l, soon, "the live line is there", func() bool { return menuHas(item, "tok/min", "shop") })
	// A new picture is drawn at most every two seconds, and there was one at the start.
	until(t, l, 2*time.Second+soon, "the icon changes", func() bool { return item.Icon() != icon })
	p.write(codexLog("c1", begun), codexReply("c1", 2, time.Now(), 9_000, 7_000, 300, 37.5))
	until(t, l, soon, "today's line follows Codex", today(first+42_012+2_300))
	if !strings.Contains(item.Tooltip(), view.Tokens(first+42_012+2_300)) && !strings.Contains(item.Tooltip(), "tok/min") {
		t.Errorf("the tooltip says nothing of the tokens: %s", item.Tooltip())
	}
	if !menuHas(item, "Codex", "37") && !menuHas(item, "Codex", "38") {
		t.Errorf("the menu has no line for the Codex allowance: %q", labels(item))
	}

	// The window.
	must(t, item.LeftClick())
	w := p.windowShown(20 * time.Second)
	live := drawn(t, w)
	t.Run("page", func(t *testing.T) {
		must(t, w.Press("ctrl+2"))
		looking(t, w, "the history page is drawn", func(now image.Image) bool {
			return differ(now, live) > 0.02 && hasColours(now, claudeColour, codexColour)
		})
	})

	// Closing it leaves the tray. That the window's process ends after a minute out of
	// sight is seen in TestIdleMeterDoesNothing.
	must(t, w.Press("alt+F4"))
	until(t, l, 10*time.Second, "the window is off the screen", func() bool { return !w.Visible() })
	if meter.Over() {
		t.Fatal("the meter ended with its window")
	}
	icon = item.Icon()
	p.write(codexLog("c1", begun), codexReply("c1", 3, time.Now(), 9_000, 7_000, 300, 87.5))
	until(t, l, soon, "the meter lives on, and its icon changes", func() bool { return item.Icon() != icon })
	until(t, l, soon, "the menu says why", func() bool { return menuHas(item, "Codex", "88") || menuHas(item, "Codex", "87") })
	until(t, l, soon, "today's line follows", today(first+42_012+2*2_300))

	// A second start brings the first one's window up and ends.
	if second := p.start(); true {
		p.ends(second, 10*time.Second)
		if second.Err != nil {
			t.Errorf("the second start: %v", second.Err)
		}
	}
	w = p.windowShown(20 * time.Second)
	if i, ok := l.ItemOf(meter.Process.Pid); !ok || i != item && i.Owner != item.Owner {
		t.Error("the tray item is not the first meter's any more")
	}
	must(t, item.LeftClick())
	until(t, l, 10*time.Second, "a left click hides the window", func() bool { return !w.Visible() })
	must(t, item.LeftClick())
	w = p.windowShown(20 * time.Second)

	// The counters are the sum of what the hand-written lines say, each answer once.
	h := p.history("--by", "agent,model")
	want := counts{InputTokens: 22 + 6_000, CacheCreationTokens: 41_990, CacheReadTokens: 102_500 + 21_000, OutputTokens: 2_500 + 900, Requests: 5}
	want.TotalTokens = want.InputTokens + want.CacheCreationTokens + want.CacheReadTokens + want.OutputTokens
	if h.Totals != want {
		t.Errorf("history: totals %+v, want %+v", h.Totals, want)
	}

	// Quit ends all.
	p.run("quit")
	p.ends(meter, 10*time.Second)
	if meter.Err != nil {
		t.Errorf("the meter after quit: %v", meter.Err)
	}
	for _, pid := range p.processes() {
		p.gone(pid, 5*time.Second)
	}
	if strings.Contains(output(t, meter), "panic") {
		t.Error("the meter panicked")
	}
}

func TestTerminationSignal(t *testing.T) {
	p := newProgram(t, onDesktop(t))
	p.write(claudeLog("a1"), claudeReply("a1", 1, time.Now(), 10, 1990, 0, 500))
	meter, item := p.meter()
	must(t, item.LeftClick())
	p.windowShown(20 * time.Second)
	if err := meter.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.ends(meter, 5*time.Second)
	if meter.Err != nil {
		t.Errorf("after SIGTERM: %v, want exit code 0", meter.Err)
	}
	for _, pid := range p.processes() {
		p.gone(pid, 5*time.Second)
	}
}

func TestQuitFromTheMenu(t *testing.T) {
	p := newProgram(t, onDesktop(t))
	meter, item := p.meter()
	until(t, p.lab, 10*time.Second, "the menu is there", func() bool { return menuHas(item, "Quit") })
	must(t, item.Choose("Quit"))
	p.ends(meter, 5*time.Second)
	if meter.Err != nil {
		t.Errorf("after Quit: %v, want exit code 0", meter.Err)
	}
}

// menuHas reports whether one line of the menu holds all the words.
func menuHas(i lab.Item, words ...string) bool {
lines:
	for _, label := range labels(i) {
		for _, word := range words {
			if !strings.Contains(label, word) {
				continue lines
			}
		}
		return true
	}
	return false
}

func labels(i lab.Item) []string {
	var list []string
	for _, e := range i.Menu() {
		list = append(list, e.Label)
	}
	return list
}

func output(t *testing.T, c *lab.Child) string {
	t.Helper()
	text, err := os.ReadFile(c.Log)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The colours of the window's accent and of the agents in its charts, on a dark ground.
var accentColour, claudeColour, codexColour = [3]int{0x8f, 0xa6, 0xff}, [3]int{0xdd, 0x7f, 0x49}, [3]int{0x9a, 0xad, 0xbd}

// drawn waits until the window shows a page: many colours, and the accent among them.
func drawn(t *testing.T, w lab.Window) image.Image {
	t.Helper()
	return looking(t, w, "the window is drawn", func(now image.Image) bool { return hasColours(now, accentColour) })
}

// hasColours reports whether a picture has many colours, and something near to each of
// those wanted.
func hasColours(picture image.Image, wanted ...[3]int) bool {
	colours := map[[3]int]bool{}
	bounds := picture.Bounds()
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			r, g, b, _ := picture.At(x, y).RGBA()
			colours[[3]int{int(r >> 8), int(g >> 8), int(b >> 8)}] = true
		}
	}
	found := 0
	for _, want := range wanted {
		for c := range colours {
			if abs(c[0]-want[0])+abs(c[1]-want[1])+abs(c[2]-want[2]) < 12 {
				found++
				break
			}
		}
	}
	return len(colours) > 40 && found == len(wanted)
}

func abs(n int) int { return max(n, -n) }

// looking takes pictures of the window until one is right. Nothing tells when a program
// has drawn, so this looks again and again.
func looking(t *testing.T, w lab.Window, what string, right func(image.Image) bool) image.Image {
	t.Helper()
	begun := time.Now()
	for {
		picture, err := w.Picture()
		if err == nil && right(picture) {
			t.Logf("%s: after %v", what, time.Since(begun).Round(time.Millisecond))
			return picture
		}
		if time.Since(begun) > 15*time.Second {
			if picture != nil {
				savePicture(t, "failed-"+strings.ReplaceAll(t.Name(), "/", "-"), picture)
			}
			t.Fatalf("%s: not within 15 s (%v)", what, err)
		}
	}
}

// differ is the share of pixels in which two pictures differ.
func differ(a, b image.Image) float64 {
	if a.Bounds() != b.Bounds() {
		return 1
	}
	bounds := a.Bounds()
	different := 0
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			ar, ag, ab, _ := a.At(x, y).RGBA()
			br, bg, bb, _ := b.At(x, y).RGBA()
			if ar != br || ag != bg || ab != bb {
				different++
			}
		}
	}
	return float64(different) / float64(bounds.Dx()*bounds.Dy())
}
