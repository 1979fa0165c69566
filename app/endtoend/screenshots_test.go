//go:build linux

package endtoend

import (
	"image"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// TestScreenshots takes the pictures of the README, of the demo, into the folder that
// TOKENMETER_SCREENSHOTS names. Without it the test still shows that the demo comes up.
func TestScreenshots(t *testing.T) {
	l := onDesktop(t)
	p := newProgram(t, l)
	p.variables = append(p.variables, "TMPDIR="+p.home) // so that the demo's home is looked for here
	program := p.start("demo", "--seed", "3")
	tray := p.itemOf(program)
	w := p.windowShown(30 * time.Second)
	drawn(t, w)
	until(t, l, 60*time.Second, "agents are at work", func() bool { return menuHas(tray, "tok/min") })

	must(t, w.Place(40, 60, 1200, 720))
	var live image.Image
	looking(t, w, "the window has its size", func(now image.Image) bool {
		live = now
		return now.Bounds().Dx() == 1200 && now.Bounds().Dy() == 720
	})
	live = looking(t, w, "the charts are drawn", func(now image.Image) bool { return hasColours(now, claudeColour, codexColour) })
	savePicture(t, "live", live)

	must(t, w.Press("ctrl+2"))
	history := looking(t, w, "the history page is drawn", func(now image.Image) bool {
		return differ(now, live) > 0.02 && hasColours(now, claudeColour, codexColour)
	})
	savePicture(t, "history", history)
	must(t, w.Press("alt+F4"))
	until(t, l, 10*time.Second, "the window is off the screen", func() bool { return !w.Visible() })

	// The menu, as the panel draws it: a right click on the item.
	root := l.Root()
	closed := looking(t, root, "the screen is there", func(image.Image) bool { return true })
	x := itemColumn(t, closed)
	if _, err := l.Tool("xdotool", "mousemove", strconv.Itoa(x), "18", "click", "3"); err != nil {
		t.Fatal(err)
	}
	open := looking(t, root, "the menu is open", func(now image.Image) bool {
		return differ(cut(now, menuArea), cut(closed, menuArea)) > 0.2
	})
	open = looking(t, root, "the menu stays as it is", func(now image.Image) bool {
		same := differ(cut(now, menuArea), cut(open, menuArea)) < 0.001
		open = now
		return same
	})
	savePicture(t, "tray-menu", cut(open, menuArea))
	if _, err := l.Tool("xdotool", "key", "Escape"); err != nil {
		t.Fatal(err)
	}

	if err := program.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	p.ends(program, 10*time.Second)
	if program.Err != nil {
		t.Errorf("the demo after an interrupt: %v", program.Err)
	}
	left, err := filepath.Glob(filepath.Join(p.home, "tokenmeter-demo-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("the demo left its home behind: %v %v", left, err)
	}
}

// savePicture writes a picture into the folder of the screenshots, if there is one.
func savePicture(t *testing.T, name string, picture image.Image) {
	t.Helper()
	folder := os.Getenv("TOKENMETER_SCREENSHOTS")
	if folder == "" {
		return
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(filepath.Join(folder, name+".png"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(file, picture); err != nil {
		t.Fatal(err)
	}
}

func cut(picture image.Image, part image.Rectangle) image.Image {
	out := image.NewRGBA(image.Rect(0, 0, part.Dx(), part.Dy()))
	draw.Draw(out, out.Bounds(), picture, part.Min, draw.Src)
	return out
}

// menuArea is where the menu opens: below the tray, at the right end of the panel.
var menuArea = image.Rect(1280-400, 0, 1280, 240)

// itemColumn finds the tray item in a picture of the screen. On the panel everything stands
// apart from its neighbours; the clock is the last thing, the item the one before it.
func itemColumn(t *testing.T, screen image.Image) int {
	t.Helper()
	ground := screen.At(640, 18)
	type span struct{ from, to int }
	var things []span
	for x := range 1280 {
		empty := true
		for y := 3; y < 33; y++ {
			empty = empty && screen.At(x, y) == ground
		}
		switch {
		case empty:
		case len(things) > 0 && x-things[len(things)-1].to < 4:
			things[len(things)-1].to = x
		default:
			things = append(things, span{x, x})
		}
	}
	if len(things) < 2 {
		savePicture(t, "failed-panel", screen)
		t.Fatal("there is no tray item on the panel")
	}
	item := things[len(things)-2]
	return (item.from + item.to) / 2
}
