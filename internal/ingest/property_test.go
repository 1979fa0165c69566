package ingest_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"tokenmeter/internal/usage"
)

// TestAnyOrderOfWritesAndLooksEndsAlike writes logs byte by byte in random pieces, with
// looks, restarts, archiving, truncation, replacement and deletion between, and compares
// the end with one look at everything that was ever whole.
func TestAnyOrderOfWritesAndLooksEndsAlike(t *testing.T) {
	seeds := 30
	if testing.Short() {
		seeds = 6
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(uint64(seed), 7))
			name, text := conversation(thread, uint64(seed), 15)
			logs := []struct{ name, text string }{
				{shop + "a.jsonl", lines(1, 30)},
				{shop + "b.jsonl", lines(20, 50)}, // some of them copies
				{shop + "c/subagents/agent-1.jsonl", lines(60, 70)},
				{name, text},
			}
			want := func() map[usage.AgentID]usage.Counts {
				whole := newMachine(t)
				for _, log := range logs {
					whole.append(log.name, log.text)
				}
				whole.once()
				whole.wantReference("whole")
				return whole.sums()
			}()

			m := newMachine(t)
			written := make([]int, len(logs))
			for step := 0; ; step++ {
				i := random.IntN(len(logs))
				kind := random.IntN(12)
				if step > 100 && kind >= 5 {
					kind = 11 // or it would never end
				}
				switch rest := len(logs[i].text) - written[i]; kind {
				default:
					n := min(rest, 1+random.IntN(1+len(logs[i].text)/8))
					m.append(logs[i].name, logs[i].text[written[i]:written[i]+n])
					written[i] += n
				case 0, 1, 2, 3:
					m.once()
				case 4:
					m.restart()
				case 5: // the whole log written anew, as far as it goes
					if written[i] > 0 {
						m.replace(logs[i].name, logs[i].text[:written[i]])
					}
				case 6: // cut short, and written again
					if written[i] > 0 {
						m.must(os.Truncate(m.path(logs[i].name), int64(written[i]/2)))
						written[i] /= 2
					}
				case 7: // old enough to be trusted
					if written[i] > 0 {
						m.age(logs[i].name, time.Hour)
					}
				case 8: // deleted once it was seen, and begun again
					if written[i] > 0 && random.IntN(3) == 0 {
						m.once()
						m.must(os.Remove(m.path(logs[i].name)))
						written[i] = 0
					}
				}
				left := 0
				for i := range logs {
					left += len(logs[i].text) - written[i]
				}
				if left == 0 {
					break
				}
			}
			m.once()
			m.wantSums("in pieces", want)
			m.wantReference("in pieces")
		})
	}
}
