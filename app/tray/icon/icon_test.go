package icon_test

import (
	"bytes"
	"encoding/binary"
	"flag"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"

	"tokenmeter/app/tray/icon"
	"tokenmeter/internal/view"
)

var update = flag.Bool("update", false, "write the golden sheet anew")

// states are the columns of the sheet.
func states() []view.Ring {
	return []view.Ring{
		{Verdict: view.Calm, Share: .38},
		{Verdict: view.Tight, Share: .62},
		{Verdict: view.Out, Share: .81},
		{Verdict: view.Unknown, Share: .55},
		{Verdict: view.Calm, Share: .38, Live: true},
		{Verdict: view.Calm, Share: .38, Stale: true},
		{Failed: true},
		{Verdict: view.Unknown, Share: .55, Live: true},
		{Verdict: view.Tight, Share: .62, Live: true},
		{Verdict: view.Out, Share: 1, Live: true},
		{Verdict: view.Unknown},
		{Verdict: view.Calm},
	}
}

func sheet() *image.RGBA {
	grounds := map[icon.Panel]color.RGBA{
		icon.Dark: {0x1B, 0x1F, 0x22, 255}, icon.Light: {0xED, 0xEF, 0xF0, 255}, icon.Template: {0xED, 0xEF, 0xF0, 255},
	}
	const cell = 72
	sizes := icon.Sizes()
	m := image.NewRGBA(image.Rect(0, 0, cell*len(states()), cell*len(sizes)*len(grounds)))
	for _, panel := range []icon.Panel{icon.Dark, icon.Light, icon.Template} {
		for row, size := range sizes {
			for column, ring := range states() {
				at := image.Pt(column*cell, (int(panel)*len(sizes)+row)*cell)
				draw.Draw(m, image.Rectangle{at, at.Add(image.Pt(cell, cell))}, image.NewUniform(grounds[panel]), image.Point{}, draw.Src)
				picture := icon.Draw(icon.FaceOf(ring, panel), size)
				to := picture.Bounds().Add(at).Add(image.Pt((cell-size)/2, (cell-size)/2))
				draw.Draw(m, to, picture, image.Point{}, draw.Over)
			}
		}
	}
	return m
}

func TestSheetLooksAsDrawn(t *testing.T) {
	golden := filepath.Join("testdata", "sheet.png")
	got := sheet()
	if *update {
		var b bytes.Buffer
		if err := png.Encode(&b, got); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.Open(golden)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	want, err := png.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	if want.Bounds() != got.Bounds() {
		t.Fatalf("the sheet is %v, wanted %v", got.Bounds(), want.Bounds())
	}
	for y := range got.Bounds().Dy() {
		for x := range got.Bounds().Dx() {
			if a, b := color.RGBAModel.Convert(want.At(x, y)), got.At(x, y); a != b {
				failed := filepath.Join(t.ArtifactDir(), "sheet.png")
				if out, err := os.Create(failed); err == nil {
					_ = png.Encode(out, got)
					out.Close()
				}
				t.Fatalf("pixel %d,%d is %v, wanted %v; what was drawn is in %s (go test -artifacts)", x, y, b, a, failed)
			}
		}
	}
}

func TestShareIsCutIntoSteps(t *testing.T) {
	for name, c := range map[string]struct{ share, want float64 }{
		"nothing":         {0, 0},
		"a trace shows":   {1e-9, 1.0 / icon.Steps},
		"half a step up":  {1.5 / icon.Steps, 2.0 / icon.Steps},
		"just below full": {.99, 1},
		"above full":      {3, 1},
		"negative":        {-1, 0},
		"not a number":    {math.NaN(), 0},
		"infinite":        {math.Inf(1), 1},
	} {
		t.Run(name, func(t *testing.T) {
			if got := icon.FaceOf(view.Ring{Verdict: view.Calm, Share: c.share}, icon.Dark).Ring.Share; got != c.want {
				t.Errorf("share %v is drawn as %v, wanted %v", c.share, got, c.want)
			}
		})
	}
}

func TestEqualFacesAreExactlyThoseThatLookAlike(t *testing.T) {
	seen := map[string]icon.Face{}
	for _, verdict := range []view.Verdict{view.Unknown, view.Calm, view.Tight, view.Out} {
		for step := range icon.Steps + 1 {
			for flags := range 8 {
				face := icon.FaceOf(view.Ring{
					Verdict: verdict, Share: float64(step) / icon.Steps,
					Live: flags&1 != 0, Stale: flags&2 != 0, Failed: flags&4 != 0,
				}, icon.Light)
				pixels := string(icon.Draw(face, 64).Pix)
				if other, ok := seen[pixels]; ok && other != face && verdict != view.Unknown {
					t.Errorf("%+v and %+v look alike", other, face)
				}
				seen[pixels] = face
			}
		}
	}
}

func TestPictureStaysInsideAndIsNeverEmpty(t *testing.T) {
	for _, size := range []int{1, 16, 20, 22, 24, 32, 40, 48, 64, 512} {
		for _, ring := range states() {
			m := icon.Draw(icon.FaceOf(ring, icon.Dark), size)
			drawn := false
			for i := 0; i < len(m.Pix); i += 4 {
				a := m.Pix[i+3]
				drawn = drawn || a > 0
				if m.Pix[i] > a || m.Pix[i+1] > a || m.Pix[i+2] > a {
					t.Fatalf("size %d, %+v: pixel %d is not premultiplied", size, ring, i/4)
				}
			}
			if !drawn {
				t.Errorf("size %d, %+v: nothing is drawn", size, ring)
			}
			if w := m.Bounds().Dx(); size >= 16 && w > size {
				t.Errorf("asked for %d, got %d", size, w)
			}
		}
	}
}

func TestIconFileHoldsEachPicture(t *testing.T) {
	var pictures []image.Image
	for _, size := range []int{16, 32, 48} {
		pictures = append(pictures, icon.Draw(icon.FaceOf(view.Ring{Verdict: view.Tight, Share: .5}, icon.Dark), size))
	}
	content, err := icon.ICO(pictures...)
	if err != nil {
		t.Fatal(err)
	}
	little := binary.LittleEndian
	if little.Uint16(content) != 0 || little.Uint16(content[2:]) != 1 || little.Uint16(content[4:]) != 3 {
		t.Fatalf("head is % x", content[:6])
	}
	for i, m := range pictures {
		entry := content[6+16*i:]
		offset, length := little.Uint32(entry[12:]), little.Uint32(entry[8:])
		got, err := png.Decode(bytes.NewReader(content[offset : offset+length]))
		if err != nil {
			t.Fatal(err)
		}
		if got.Bounds() != m.Bounds() || int(entry[0]) != m.Bounds().Dx() {
			t.Errorf("picture %d is %v, wanted %v", i, got.Bounds(), m.Bounds())
		}
	}
	if _, err := icon.ICO(image.NewRGBA(image.Rect(0, 0, 257, 1))); err == nil {
		t.Error("a picture that is too wide was taken")
	}
}

func BenchmarkDraw(b *testing.B) {
	face := icon.FaceOf(view.Ring{Verdict: view.Out, Share: .8, Live: true}, icon.Dark)
	for b.Loop() {
		if _, err := icon.PNG(icon.Draw(face, 48)); err != nil {
			b.Fatal(err)
		}
	}
}

// TestUnsureIsSeenOnEveryPanel: where the desktop does not tell, the panel may be light or
// dark, and each colour has to stand out from both (3:1, as for graphics in WCAG 2.1).
func TestUnsureIsSeenOnEveryPanel(t *testing.T) {
	luminance := func(r, g, b uint8) float64 {
		linear := func(c uint8) float64 {
			v := float64(c) / 255
			if v <= .03928 {
				return v / 12.92
			}
			return math.Pow((v+.055)/1.055, 2.4)
		}
		return .2126*linear(r) + .7152*linear(g) + .0722*linear(b)
	}
	for _, ring := range []view.Ring{{Share: 1}, {Verdict: view.Calm, Share: 1}, {Verdict: view.Tight, Share: 1}, {Verdict: view.Out, Share: 1}} {
		m := icon.Draw(icon.FaceOf(ring, icon.Unsure), 48)
		best := 0.0
		for i := 0; i < len(m.Pix); i += 4 {
			if m.Pix[i+3] != 255 {
				continue
			}
			own := luminance(m.Pix[i], m.Pix[i+1], m.Pix[i+2])
			best = max(best, min((luminance(0xF6, 0xF5, 0xF4)+.05)/(own+.05), (own+.05)/(luminance(0x24, 0x24, 0x24)+.05)))
		}
		if best < 3 {
			t.Errorf("verdict %d: contrast %.2f, want 3", ring.Verdict, best)
		}
	}
}
