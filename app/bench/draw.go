//go:build linux

package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
)

// aFrame is what a display gives a picture, in milliseconds.
const aFrame = 16.0

// drawRows takes the times that the window's own benchmarks state: they paint the largest
// chart and put a new answer into the History page, in memory, as the software renderer does.
func (b *bench) drawRows(ctx context.Context) ([]row, error) {
	const chart, page = "history, its chart painted", "history, the page filled anew"
	if _, err := exec.LookPath("go"); err != nil {
		return []row{left(chart, "go is not here"), left(page, "go is not here")}, nil
	}
	painted, err := b.benchmark(ctx, "./app/window/chart", "BenchmarkYearOfTwelveSeries/1000x300")
	if err != nil {
		return nil, err
	}
	filled, err := b.benchmark(ctx, "./app/window/page/history", "BenchmarkApply")
	if err != nil {
		return nil, err
	}
	rows := []row{timed(chart, "ms", painted, aFrame), timed(page, "ms", filled/2, aFrame)}
	rows[0].Note = "a year of twelve series, 1000 × 300"
	return rows, nil
}

// benchmark runs one of the project's benchmarks and gives the milliseconds of a round.
func (b *bench) benchmark(ctx context.Context, where, name string) (float64, error) {
	c := exec.CommandContext(ctx, "go", "test", "-tags", "sqlite_omit_load_extension,no_emoji", "-run", "^$", "-bench", "^"+name+"$", "-count", "3", where)
	c.Dir = b.source
	out, err := c.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("go test -bench %s %s: %w: %s", name, where, err, lastLine(string(out)))
	}
	var times []float64
	for _, found := range regexp.MustCompile(`(?m)^Benchmark\S+\s+\d+\s+([0-9.]+) ns/op`).FindAllSubmatch(out, -1) {
		n, err := strconv.ParseFloat(string(found[1]), 64)
		if err != nil {
			return 0, fmt.Errorf("read what go test -bench %s printed: %w", name, err)
		}
		times = append(times, n/1e6)
	}
	if len(times) == 0 {
		return 0, fmt.Errorf("go test -bench %s %s printed no time", name, where)
	}
	return median(times), nil
}
