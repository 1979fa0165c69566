//go:build linux

package fault

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

// atOnce is how many runs go on at a time.
const atOnce = 2

// TestEveryCallOfAScan fails each system call of a scan in turn, and has the process killed
// in each, from every state.
func TestEveryCallOfAScan(t *testing.T) {
	traced(t)
	folder := workshop(t)
	var kills, failures atomic.Int64
	for _, s := range states(t, folder, 1, 120) {
		t.Run(s.name, func(t *testing.T) {
			points := s.points(t, filepath.Join(folder, "count"))
			killed := endure(t, s, filepath.Join(folder, s.name, "kills"), points)
			failed := endure(t, s, filepath.Join(folder, s.name, "errors"), errorsOf(points))
			t.Logf("%d of %d kills and %d of %d errors came to pass", killed, len(points), failed, len(errorsOf(points)))
			kills.Add(killed)
			failures.Add(failed)
			s.untouched(t)
		})
	}
	t.Logf("%d kills and %d errors came to pass", kills.Load(), failures.Load())
	if !t.Failed() && (kills.Load() < 1000 || failures.Load() < 300) {
		t.Errorf("%d kills and %d errors came to pass, want at least 1000 and 300", kills.Load(), failures.Load())
	}
}

// endure plays points, each in a folder of its own, and says how many came to pass. After
// some failures it stops, so that they can be read.
func endure(t *testing.T, s *state, folder string, points []point) int64 {
	t.Helper()
	const most = 5
	program := meter(t)
	var fired, failures atomic.Int64
	next := make(chan int)
	var workers sync.WaitGroup
	for range atOnce {
		workers.Go(func() {
			for i := range next {
				p := points[i]
				place := filepath.Join(folder, fmt.Sprint(i))
				n, err := s.suffer(program, place, p)
				if err == nil && n > 0 {
					err = s.afterwards(program, place, i%4 == 0, p)
				}
				fired.Add(int64(n))
				if err != nil {
					failures.Add(1)
					t.Errorf("%v, in %s: %v", p, place, err)
					continue
				}
				if err := os.RemoveAll(place); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range points {
		if failures.Load() >= most {
			break
		}
		next <- i
	}
	close(next)
	workers.Wait()
	return fired.Load()
}
