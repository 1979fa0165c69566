// Package chart draws stacked columns over time and a day against a usual day.
//
// A chart owns its geometry, its pixels and its read-out. It is given names, numbers,
// colours of the theme and a function that puts a number into words; it knows nothing of
// tokens. The picture is one raster in the pixels of the screen, drawn again only when the
// data, the size or the theme changed; pointer and keyboard move a few objects under and
// over it. Axis words are Fyne texts. Every chart can say itself as a table.
//
// The functions in paint.go and the paint functions of the charts are pure and know no
// Fyne; the widgets are used on Fyne's goroutine only.
//
// Tested by paint_test.go (pixels by hand, speed), chart_test.go (pointer, keyboard,
// legend, table) and pictures in testdata.
package chart
