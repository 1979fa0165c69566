//go:build linux

package fault

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestSoak plays random faults on random homes, several in a row, so that recoveries fail
// and are killed too, for as long as TOKENMETER_SOAK says. What fails is kept, with the
// seed that leads there again: TOKENMETER_SEED begins with that one.
func TestSoak(t *testing.T) {
	length, err := time.ParseDuration(os.Getenv("TOKENMETER_SOAK"))
	if err != nil {
		t.Skip("TOKENMETER_SOAK does not say for how long, as 10m; `make soak` does")
	}
	traced(t)
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("TOKENMETER_SEED"); text != "" {
		if _, err := fmt.Sscan(text, &seed); err != nil {
			t.Fatalf("TOKENMETER_SEED: %v", err)
		}
	}
	fired, runs := 0, 0
	for begun := time.Now(); time.Since(begun) < length && !t.Failed(); seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			f, r := soak(t, seed, begun.Add(length))
			fired += f
			runs += r
		})
	}
	t.Logf("%d faults in %d runs came to pass", fired, runs)
	if fired == 0 && !t.Failed() {
		t.Error("no fault came to pass")
	}
}

// soak plays one seed's homes, a hundred runs from each of their states.
func soak(t *testing.T, seed uint64, end time.Time) (fired, runs int) {
	t.Logf("seed %d", seed)
	folder := workshop(t)
	random := rand.New(rand.NewPCG(seed, 0x50a4))
	for _, s := range states(t, folder, seed, 20+random.IntN(300)) {
		points := s.points(t, filepath.Join(folder, "count"))
		for range 100 {
			if time.Now().After(end) {
				return fired, runs
			}
			var list []point
			var words []string
			for range 1 + random.IntN(4) {
				p := points[random.IntN(len(points))]
				if kinds := faults[p.call]; random.IntN(2) == 0 {
					p.fault = kinds[random.IntN(len(kinds))]
				}
				switch p.call {
				case "pwrite64", "pread64", "fsync": // the database's
					if random.IntN(3) == 0 {
						p.path = "" // whichever file of it
					}
				}
				if random.IntN(4) == 0 {
					p.n = 1 + random.IntN(2*p.n)
				}
				list = append(list, p)
				words = append(words, p.String())
			}
			place := filepath.Join(folder, "run")
			n, err := s.suffer(meter(t), place, list...)
			if err == nil {
				err = s.afterwards(meter(t), place, true, list...)
			}
			if err != nil {
				t.Fatalf("seed %d, %s, %s:\n%v", seed, s.name, strings.Join(words, ", then "), err)
			}
			fired += n
			runs++
			if err := os.RemoveAll(place); err != nil {
				t.Fatal(err)
			}
		}
		s.untouched(t)
	}
	return fired, runs
}
