//go:build linux

package fault

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestCallsOfTheMeter has system calls of the running meter fail, and the meter killed in
// them, while lines arrive and commands ask. It is a share of them: each takes a second.
func TestCallsOfTheMeter(t *testing.T) {
	traced(t)
	folder := workshop(t)
	counted := filepath.Join(folder, "count")
	trace := filepath.Join(folder, "trace")
	if _, err := live(t, counted, trace, watch(trace)...); err != nil {
		t.Fatalf("without any fault: %v", err)
	}
	all := pointsIn(t, trace, counted, filepath.Join(counted, "home"))
	const share = 48
	var list []point
	for i := range share {
		p := all[i*len(all)/share]
		if i%2 == 1 {
			kinds := faults[p.call]
			p.fault = kinds[i/2%len(kinds)]
		}
		list = append(list, p)
	}
	var fired atomic.Int64
	next := make(chan int)
	var workers sync.WaitGroup
	for range atOnce {
		workers.Go(func() {
			for i := range next {
				p, place := list[i], filepath.Join(folder, fmt.Sprint(i))
				trace := place + ".trace"
				end, err := live(t, place, trace, p.strace(place, trace)...)
				if err != nil {
					t.Errorf("%v, in %s: %v", p, place, err)
					continue // what it left stays
				}
				came, err := p.fired(end, trace)
				if err != nil {
					t.Error(err)
				}
				if came {
					fired.Add(1)
				}
				os.Remove(trace)
				if err := os.RemoveAll(place); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range list {
		if t.Failed() {
			break
		}
		next <- i
	}
	close(next)
	workers.Wait()
	t.Logf("%d of %d faults came to pass", fired.Load(), len(list))
	if fired.Load() < share/2 && !t.Failed() {
		t.Errorf("only %d of %d faults came to pass", fired.Load(), len(list))
	}
}

// live runs a meter on a home of its own in folder, has lines written and asks for history
// until it is killed or told to quit, and then looks whether all is right.
func live(t *testing.T, folder, trace string, strace ...string) (ending, error) {
	h := newHome(t, folder, 11, 30)
	data, out := filepath.Join(folder, "data"), filepath.Join(folder, "out")
	p, err := start(h.path, "UTC", filepath.Join(folder, "meter"), append(strace, meter(t), "--hidden", "--data-dir", data)...)
	if err != nil {
		return ending{}, err
	}
	defer func() {
		p.kill()
		<-p.ended
	}()
	p.answers(data)
	for range 3 {
		if p.over() {
			break
		}
		h.turns(4)
		if err := honestHistory(t, h, data, out); err != nil {
			return ending{}, err
		}
	}
	end, err := run(h.path, "UTC", out, meter(t), "quit", "--data-dir", data)
	if err == nil {
		err = end.judge()
	}
	if err != nil {
		return ending{}, fmt.Errorf("quit: %w", err)
	}
	if end.code != 0 && !p.over() { // as where it could not make its socket
		p.kill()
	}
	last, err := p.wait()
	if err == nil && last.code != -1 {
		err = last.judge()
	}
	if err != nil {
		return last, fmt.Errorf("the meter: %w", err)
	}
	print := h.sum()
	s := &state{name: "live", home: h, zone: "UTC", want: expected(t, h.all, time.UTC)}
	if err := s.afterwards(meter(t), folder, true); err != nil {
		return last, err
	}
	if h.sum() != print {
		return last, fmt.Errorf("a log was changed")
	}
	return last, nil
}

// honestHistory asks beside a meter that suffers: the figures are right, or the command
// says that they may not be.
func honestHistory(t *testing.T, h *home, data, out string) error {
	end, err := run(h.path, "UTC", out, meter(t), "history", "--by", "agent,model,project,day", "--json", "--data-dir", data)
	if err == nil {
		err = end.judge()
	}
	if err != nil || end.code != 0 || strings.Contains(end.errors, "warning: ") {
		return err
	}
	got, err := historyIn(end.out)
	if err != nil {
		return err
	}
	if d := got.differs(expected(t, h.all, time.UTC)); d != "" {
		return fmt.Errorf("exit code 0 without a warning, and history differs from the reference:\n%s", d)
	}
	return nil
}
