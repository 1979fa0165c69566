package cli

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"tokenmeter/internal/ingest"
	"tokenmeter/internal/view"
)

// The pace of the progress bar, and how long a reading must last to get one.
const (
	barAfter = 300 * time.Millisecond
	barEvery = 100 * time.Millisecond
	barWidth = 24
)

// drawProgress draws a bar until end is called, which wipes it out.
func drawProgress(w io.Writer, progress func() ingest.Progress) (end func()) {
	stop := make(chan struct{})
	var drawn sync.WaitGroup
	drawn.Go(func() {
		timer := time.NewTimer(barAfter)
		defer timer.Stop()
		width := 0
		for {
			select {
			case <-stop:
				if width > 0 {
					fmt.Fprint(w, "\r", strings.Repeat(" ", width), "\r")
				}
				return
			case <-timer.C:
				line := progressLine(progress())
				fmt.Fprint(w, "\r", line, strings.Repeat(" ", max(0, width-len([]rune(line)))))
				width = max(width, len([]rune(line)))
				timer.Reset(barEvery)
			}
		}
	})
	return func() {
		close(stop)
		drawn.Wait()
	}
}

// progressLine is one state of the bar.
func progressLine(p ingest.Progress) string {
	done := 0
	if p.Bytes > 0 {
		done = int(min(p.BytesDone, p.Bytes) * barWidth / p.Bytes)
	}
	return fmt.Sprintf("Reading %s%s %s of %s, %s of %s files",
		strings.Repeat("█", done), strings.Repeat("░", barWidth-done),
		view.Bytes(p.BytesDone), view.Bytes(p.Bytes), view.Exact(int64(p.FilesDone)), view.Exact(int64(p.Files)))
}
