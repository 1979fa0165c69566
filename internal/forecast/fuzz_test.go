package forecast_test

import (
	"encoding/binary"
	"math"
	"testing"
	"time"

	"tokenmeter/internal/forecast"
	"tokenmeter/internal/usage"
)

// FuzzAt feeds any figures at any times: a forecast is in order or abstains.
func FuzzAt(f *testing.F) {
	f.Add([]byte{}, int64(0), int64(10080))
	f.Add([]byte("a week of readings that nobody would believe"), int64(400_000_000), int64(10080))
	f.Add([]byte("\x00\xff\x00\xff\x00\xff\x00\xff\x10\x20\x30\x40"), int64(4_000_000), int64(300))
	zone, err := time.LoadLocation("Australia/Lord_Howe")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte, after, minutes int64) {
		if minutes > 1<<20 || len(data) > 1<<12 {
			return
		}
		const base = usage.Millis(1_770_000_000_000)
		length := usage.Millis(minutes) * minute
		h := forecast.History{Minutes: minutes, Zone: zone, Demand: forecast.Demand{First: base - 2*week}}
		start := base
		var running forecast.Window
		for i := 0; len(data) >= 4; i++ {
			w := forecast.Window{Start: start, End: start + length}
			for range min(12, len(data)/4) {
				x := binary.LittleEndian.Uint32(data)
				data = data[4:]
				used := float64(x>>24) - 20
				if x%31 == 0 {
					used = math.Float64frombits(uint64(x) << 32)
				}
				w.Points = append(w.Points, forecast.Point{At: start + usage.Millis(x%0xffff)*length/0xf000, Used: used})
				h.Demand.Hours = append(h.Demand.Hours, used)
			}
			start += length
			running = w
			h.Finished = append(h.Finished, w)
		}
		for _, x := range forecast.New(h).At(running, base+usage.Millis(after)) {
			check(t, "fuzz", x)
		}
		running.Start, running.End = running.Start+length, running.End+length
		for _, x := range forecast.New(h).At(running, running.Start+usage.Millis(after%max(1, int64(length)))) {
			check(t, "fuzz", x)
		}
		forecast.Backtest(h)
	})
}
