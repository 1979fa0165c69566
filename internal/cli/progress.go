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

// drawProgress draws a line that changes until end is called, which wipes it out.
func drawProgress(w io.Writer, line func() string) (end func()) {
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
				line := line()
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

// progressLine is one state of a reading.
func progressLine(p ingest.Progress) string {
	share := 0.0
	if p.Bytes > 0 {
		share = float64(p.BytesDone) / float64(p.Bytes)
	}
	return fmt.Sprintf("Reading %s %s of %s, %s of %s files", drawn(share),
		view.Bytes(p.BytesDone), view.Bytes(p.Bytes), view.Exact(int64(p.FilesDone)), view.Exact(int64(p.Files)))
}

// drawn is a bar for a share from 0 to 1.
func drawn(share float64) string {
	done := int(min(max(share, 0), 1) * barWidth)
	return strings.Repeat("█", done) + strings.Repeat("░", barWidth-done)
}
