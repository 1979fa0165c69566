package pricing

import (
	"testing"

	"tokenmeter/internal/usage"
)

func BenchmarkFirstPrice(b *testing.B) {
	e := usage.Event{Model: "claude-opus-4-8", Time: 1_790_000_000_000, Tokens: usage.Tokens{Input: 5, Output: 7}}
	for b.Loop() {
		if c := Load(b.TempDir()).Cost(&e); !c.Priced {
			b.Fatal("no price")
		}
	}
}

func BenchmarkCost(b *testing.B) {
	p := Load(b.TempDir())
	e := usage.Event{Model: "claude-opus-4-8", Time: 1_790_000_000_000, Tokens: usage.Tokens{Input: 5, CacheRead: 100_000, Output: 7}}
	b.ReportAllocs()
	for b.Loop() {
		if c := p.Cost(&e); !c.Priced {
			b.Fatal("no price")
		}
	}
}
