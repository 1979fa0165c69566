package network_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"tokenmeter/internal/network"
)

// FuzzLedger hands any bytes to the reader as a ledger, and writes after them. What is written
// must be found, whatever stands before it.
func FuzzLedger(f *testing.F) {
	for _, text := range []string{
		"", "\n", "{", `{"id":"a","time":"2026-01-01T00:00:00Z","host":"h"}`, "{\"id\":\"a\",\"host\":\"h\"}\n{\"id\":\"a\",\"outcome\":\"ok\",\"bytes\":-1,\"duration_ms\":9223372036854775807}\n",
		"{\"id\":\"a\",\"host\":\"h\"}\n{\"id\":\"a\",\"host\":\"h\"}\n{\"id\":\"a\",\"outcome\":\"ok\"}\n{\"id\":\"a\",\"outcome\":\"ok\"}", "\x00\xff\nnull\n[]\n1\n",
	} {
		f.Add([]byte(text))
	}
	path := filepath.Join(f.TempDir(), network.LedgerName)
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		before, err := network.Ledger(path)
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range before {
			if e.Host == "" || e.Bytes < 0 || e.Duration < 0 || e.Done != (e.Outcome != "") || i > 0 && e.Time.UnixNano() > before[i-1].Time.UnixNano() {
				t.Errorf("%q: %+v", text, before)
			}
		}
		mine := network.Entry{Time: time.Unix(1_800_000_000, 0).UTC(), Host: "mine", Path: "/", Purpose: "prices", Done: true, Bytes: 3, Duration: time.Second, Outcome: "ok"}
		id, err := network.Begin(path, mine)
		if err != nil {
			t.Fatal(err)
		}
		if err := network.End(path, id, mine); err != nil {
			t.Fatal(err)
		}
		after, err := network.Ledger(path)
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, e := range after {
			if e == mine {
				found++
			}
		}
		if found == 0 || len(text) < network.LargestLedger/4 && len(after) < len(before)+1 {
			t.Errorf("%q: %+v became %+v", text, before, after)
		}
	})
}
