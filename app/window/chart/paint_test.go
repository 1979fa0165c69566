package chart

import (
	"image"
	"image/color"
	"math"
	"testing"
)

func TestScalesAreRoundAndHoldTheLargest(t *testing.T) {
	for _, c := range []struct {
		name      string
		largest   int64
		step, top int64
		end       int64
	}{
		{"nothing", 0, 0, 0, 0},
		{"less than nothing", -5, 0, 0, 0},
		{"one", 1, 1, 1, 1},
		{"seven", 7, 2, 8, 8},
		{"a round number", 40_000, 10_000, 40_000, 40_000},
		{"just over it", 40_001, 20_000, 60_000, 50_000},
		{"thousands", 32_111, 10_000, 40_000, 40_000},
		{"millions", 5_170_000, 2_000_000, 6_000_000, 6_000_000},
		{"quarters", 9_100_000, 2_500_000, 10_000_000, 10_000_000},
		{"the largest number", math.MaxInt64, math.MaxInt64 / 4, math.MaxInt64 / 4 * 4, math.MaxInt64 / 4 * 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, end := tickScale(c.largest), endScale(c.largest)
			if got.step != c.step || got.top != c.top || end.top != c.end {
				t.Errorf("%d: step %d to %d, end %d; want step %d to %d, end %d", c.largest, got.step, got.top, end.top, c.step, c.top, c.end)
			}
		})
	}
	for v := int64(1); v < 1<<60; v = v*3 + 1 {
		s := tickScale(v)
		if s.top < v || s.top/s.step < 1 || s.top/s.step > 5 || endScale(v).top < v {
			t.Errorf("%d: %+v", v, s)
		}
	}
}

func inksFor(n int) inks {
	k := inks{grid: color.RGBA{9, 9, 9, 255}, base: color.RGBA{8, 8, 8, 255}, zero: color.RGBA{7, 7, 7, 255}, low: color.RGBA{6, 6, 6, 255}}
	for i := range n {
		k.series = append(k.series, color.RGBA{R: uint8(100 + i), A: 255})
	}
	return k
}

// heights counts the pixels of each series in one column of pixels.
func heights(img *image.RGBA, x int, k inks) []int {
	list := make([]int, len(k.series))
	for y := range img.Rect.Dy() {
		for i, c := range k.series {
			if img.RGBAAt(x, y) == c {
				list[i]++
			}
		}
	}
	return list
}

func TestColumnsAreAsHighAsTheirValues(t *testing.T) {
	for _, c := range []struct {
		name   string
		values []int64
		hidden []bool
		want   []int // pixels of a plot of 100
	}{
		{"one series", []int64{50, 0, 0}, make([]bool, 3), []int{50, 0, 0}},
		{"a line of nothing between two", []int64{50, 50, 0}, make([]bool, 3), []int{50, 49, 0}},
		{"a small one is still seen", []int64{90, 0, 1}, make([]bool, 3), []int{90, 0, 1}},
		{"a tiny one below", []int64{1, 60, 0}, make([]bool, 3), []int{1, 59, 0}},
		{"hidden ones leave no gap", []int64{30, 40, 30}, []bool{false, true, false}, []int{30, 0, 29}},
		{"all hidden", []int64{30, 40, 30}, []bool{true, true, true}, []int{0, 0, 0}},
		{"nothing", []int64{0, 0, 0}, make([]bool, 3), []int{0, 0, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			img, k := picture(nil, 10, 100), inksFor(3)
			paintColumn(img, image.Rect(0, 0, 10, 100), scale{25, 100}, 1, 0, c.values, c.hidden, k.series)
			got := heights(img, 5, k)
			for i := range got {
				if got[i] != c.want[i] {
					t.Fatalf("got %v pixels, want %v", got, c.want)
				}
			}
		})
	}
}

func TestZeroNothingRecordedAndBelowAreDrawnApart(t *testing.T) {
	look := Look{Gap: 1, Below: 30}
	s := Stack{Series: []Series{{Name: "a"}}, Columns: []Column{
		{Values: []int64{0}}, {Values: []int64{0}, Absent: true}, {Values: []int64{10}, Below: 100}, {Values: []int64{0}, Below: 1},
	}}
	const width, height = 234, 200
	g := stackGeometry(width, height, 1, len(s.Columns), look)
	img, k := picture(nil, width, height), inksFor(1)
	paintStack(img, g, look, s, []bool{false}, k)
	count := func(column int, c color.RGBA) int {
		from, to := g.column(column)
		n := 0
		for y := range height {
			for x := from; x < to; x++ {
				if img.RGBAAt(x, y) == c {
					n++
				}
			}
		}
		return n
	}
	if n := count(0, k.zero); n != 2*g.bar {
		t.Errorf("zero is %d pixels, want a stub of two lines", n)
	}
	if n := count(1, k.zero); n <= 2*g.bar || n > 18*g.bar/2 {
		t.Errorf("no record is %d pixels, want a hatched box", n)
	}
	if n := count(2, k.low); n < 29*g.bar {
		t.Errorf("the deepest column below is %d pixels, want all of its room", n)
	}
	if n := count(3, k.low); n == 0 {
		t.Error("a little below the base line is not seen")
	}
}

func TestCornersAreRoundAndTheRestIsFull(t *testing.T) {
	c := color.RGBA{200, 0, 0, 255}
	img := picture(nil, 20, 20)
	fillTop(img, image.Rect(2, 2, 18, 18), 4, false, c)
	if img.RGBAAt(2, 2).A > 40 || img.RGBAAt(17, 2).A > 40 {
		t.Error("upper corners are not round")
	}
	for _, p := range []image.Point{{2, 17}, {17, 17}, {10, 2}, {2, 10}} {
		if img.RGBAAt(p.X, p.Y) != c {
			t.Errorf("pixel %v is %v", p, img.RGBAAt(p.X, p.Y))
		}
	}
	if img.RGBAAt(1, 10).A != 0 || img.RGBAAt(18, 10).A != 0 {
		t.Error("colour outside the rectangle")
	}
}

func TestDrawingOutsideThePictureDoesNothing(t *testing.T) {
	img := picture(nil, 10, 10)
	c := color.RGBA{1, 2, 3, 255}
	fill(img, image.Rect(-5, -5, 50, 50), c)
	fill(img, image.Rect(20, 20, 30, 30), c)
	fillTop(img, image.Rect(-3, -3, 40, 40), 9, true, c)
	hatch(img, image.Rect(-3, -3, 40, 40), 5, 1, c)
	blend(img, 100, 100, c, 1)
	paintDay(img, 1, DayData{So: []int64{5}, Now: 2}, dayInks{})
}

func TestALineHasNoGapsAtItsJoints(t *testing.T) {
	img := picture(nil, 40, 40)
	pen := newInk(img)
	pen.path([]point{{5, 20}, {20, 20}, {35, 20}}, 4)
	pen.pour(img, color.RGBA{255, 255, 255, 255})
	for x := 6; x < 34; x++ {
		if img.RGBAAt(x, 20).A != 255 {
			t.Errorf("a hole at %d", x)
		}
	}
}

func TestABufferIsUsedAgain(t *testing.T) {
	first := picture(nil, 30, 20)
	fill(first, first.Rect, color.RGBA{1, 1, 1, 255})
	second := picture(first, 30, 20)
	if second != first || second.Pix[0] != 0 {
		t.Error("the buffer is not reused, or not cleared")
	}
	if picture(first, 31, 20) == first {
		t.Error("a buffer of another size is reused")
	}
}

func yearOfTwelve() (Stack, Look, inks) {
	s := Stack{Series: make([]Series, 12)}
	for i := range 365 {
		c := Column{Values: make([]int64, 12), Below: int64(i * 1000)}
		for j := range c.Values {
			c.Values[j] = int64((i*j)%97) * 1000
		}
		s.Columns = append(s.Columns, c)
	}
	return s, Look{Gap: 3, Radius: 2, Below: 30}, inksFor(12)
}

// A frame has 16 ms; the first figure is a large chart, the second the same at 2×.
func BenchmarkYearOfTwelveSeries(b *testing.B) {
	s, look, k := yearOfTwelve()
	for _, c := range []struct {
		name          string
		width, height int
		pixels        float64
	}{{"1000x300", 1000, 300, 1}, {"2000x600", 2000, 600, 2}} {
		b.Run(c.name, func(b *testing.B) {
			g := stackGeometry(c.width, c.height, c.pixels, len(s.Columns), look)
			hidden := make([]bool, 12)
			img := picture(nil, c.width, c.height)
			b.ReportAllocs()
			for b.Loop() {
				img = picture(img, c.width, c.height)
				paintStack(img, g, look, s, hidden, k)
			}
		})
	}
}

func TestPaintingAgainAllocatesNothing(t *testing.T) {
	s, look, k := yearOfTwelve()
	g := stackGeometry(1000, 300, 1, len(s.Columns), look)
	hidden, img := make([]bool, 12), picture(nil, 1000, 300)
	if n := testing.AllocsPerRun(5, func() {
		img = picture(img, 1000, 300)
		paintStack(img, g, look, s, hidden, k)
	}); n > 0 {
		t.Errorf("%v allocations a picture", n)
	}
}
