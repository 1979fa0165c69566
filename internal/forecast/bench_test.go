package forecast_test

import (
	"testing"

	"tokenmeter/internal/forecast"
	"tokenmeter/internal/forecast/synthetic"
)

// longUser has eighteen months behind him.
func longUser() synthetic.User { return synthetic.Users(9, 1, 78)[0] }

func BenchmarkBuildWeekly(b *testing.B) {
	h := synthetic.Users(9, 1, 14)[0].Weekly
	for b.Loop() {
		forecast.New(h)
	}
}

func BenchmarkBuildSession(b *testing.B) {
	h := synthetic.Users(9, 1, 14)[0].Session
	for b.Loop() {
		forecast.New(h)
	}
}

func BenchmarkOneWeekly(b *testing.B) { one(b, longUser().Weekly) }

func BenchmarkOneSession(b *testing.B) { one(b, longUser().Session) }

func one(b *testing.B, h forecast.History) {
	running := h.Finished[len(h.Finished)-1]
	h.Finished = h.Finished[:len(h.Finished)-1]
	f := forecast.New(h)
	now := (running.Start + running.End) / 2
	for b.Loop() {
		f.At(running, now)
	}
}

func BenchmarkBacktestWeekly(b *testing.B) {
	h := longUser().Weekly
	for b.Loop() {
		forecast.Backtest(h)
	}
}

func BenchmarkBacktestSession(b *testing.B) {
	h := longUser().Session
	for b.Loop() {
		forecast.Backtest(h)
	}
}
