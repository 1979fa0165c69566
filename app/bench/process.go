//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// spent is what a process and those that it waited for took.
type spent struct {
	Wall, CPU time.Duration
	Memory    int64 // the largest of them at its peak, resident, in bytes; see launched
}

// command is a command with a home, without a desktop and with nothing of this machine's
// environment that could lead it elsewhere.
func command(ctx context.Context, home string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, args[0], args[1:]...)
	c.Dir = home
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TZ=UTC", "LANG=C.UTF-8"}
	return c
}

// tokenmeter is the meter's program with a home and a data folder.
func (b *bench) tokenmeter(ctx context.Context, home, data string, args ...string) *exec.Cmd {
	return command(ctx, home, append([]string{filepath.Join(b.build, "tokenmeter"), "--data-dir", data}, args...)...)
}

// runs runs a command to its end. Its output is dropped unless it goes somewhere.
func runs(c *exec.Cmd) (spent, error) {
	var errs bytes.Buffer
	if c.Stderr == nil {
		c.Stderr = &errs
	}
	begun := time.Now()
	err := c.Run()
	s := spent{Wall: time.Since(begun)}
	if err != nil {
		return s, fmt.Errorf("run %s: %w: %s", strings.Join(c.Args, " "), err, lastLine(errs.String()))
	}
	s.CPU = c.ProcessState.UserTime() + c.ProcessState.SystemTime()
	if usage, ok := c.ProcessState.SysUsage().(*syscall.Rusage); ok {
		s.Memory = usage.Maxrss << 10
	}
	return s, nil
}

// prints runs a command and gives what it printed.
func prints(c *exec.Cmd) ([]byte, error) {
	var out bytes.Buffer
	c.Stdout = &out
	_, err := runs(c)
	return out.Bytes(), err
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

func (b *bench) version(ctx context.Context) string {
	out, err := prints(command(ctx, b.folder, filepath.Join(b.build, "tokenmeter"), "--version"))
	if err != nil {
		return "unknown version"
	}
	return strings.TrimSpace(string(out))
}

// load is the machine's load over the last minute.
func load() float64 {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	n, _ := strconv.ParseFloat(strings.Fields(string(text))[0], 64)
	return n
}

// running is a process that goes on while something is measured.
type running struct {
	*exec.Cmd
	ended chan error // gets what Wait said
}

func starts(c *exec.Cmd) (*running, error) {
	var errs bytes.Buffer
	c.Stderr = &errs
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Args[0], err)
	}
	r := &running{c, make(chan error, 1)}
	go func() {
		if err := c.Wait(); err != nil {
			r.ended <- fmt.Errorf("%s: %w: %s", strings.Join(c.Args, " "), err, lastLine(errs.String()))
		}
		close(r.ended)
	}()
	return r, nil
}

// stop asks the process to end, and makes it after a while.
func (r *running) stop() error {
	_ = r.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-r.ended:
		return err
	case <-time.After(10 * time.Second):
		_ = r.Process.Kill()
		<-r.ended
		return fmt.Errorf("%s did not end within 10 s of SIGTERM", r.Args[0])
	}
}

// pause waits, unless ctx or the process ends.
func (r *running) pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case err := <-r.ended:
		return errors.Join(errors.New("the process ended early"), err)
	}
}

// settles waits until a process has used no CPU time to speak of for two seconds.
func (r *running) settles(ctx context.Context, within time.Duration) error {
	quiet := 0
	last, err := cpuTime(r.Process.Pid)
	if err != nil {
		return err
	}
	for begun := time.Now(); quiet < 8; {
		if err := r.pause(ctx, 250*time.Millisecond); err != nil {
			return err
		}
		if time.Since(begun) > within {
			return fmt.Errorf("process %d is still busy after %v", r.Process.Pid, within)
		}
		now, err := cpuTime(r.Process.Pid)
		if err != nil {
			return err
		}
		quiet++
		if now-last > 0 {
			quiet = 0
		}
		last = now
	}
	return nil
}

// cpuTime is what a process has used, to a hundredth of a second.
func cpuTime(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("look at a process: %w", err)
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	words := strings.Fields(rest)
	if len(words) < 13 {
		return 0, fmt.Errorf("look at a process: /proc/%d/stat has %d fields", pid, len(words))
	}
	user, _ := strconv.ParseInt(words[11], 10, 64)
	system, _ := strconv.ParseInt(words[12], 10, 64)
	return time.Duration(user+system) * (time.Second / 100), nil // USER_HZ is 100 everywhere
}

// exactTime is what all threads of a process have run, to a nanosecond.
func exactTime(pid int) (time.Duration, error) {
	var sum time.Duration
	err := threads(pid, "schedstat", func(text string) {
		n, _ := strconv.ParseInt(strings.Fields(text + " 0")[0], 10, 64)
		sum += time.Duration(n)
	})
	return sum, err
}

// wakeUps is how often the threads of a process were given a core.
func wakeUps(pid int) (int64, error) {
	var sum int64
	err := threads(pid, "status", func(text string) {
		sum += field(text, "voluntary_ctxt_switches:") + field(text, "nonvoluntary_ctxt_switches:")
	})
	return sum, err
}

func threads(pid int, name string, f func(text string)) error {
	paths, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/%s", pid, name))
	if err == nil && len(paths) == 0 {
		err = fmt.Errorf("process %d is not there", pid)
	}
	if err != nil {
		return fmt.Errorf("look at threads: %w", err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // the thread has ended
		}
		if err != nil {
			return fmt.Errorf("look at threads: %w", err)
		}
		f(string(text))
	}
	return nil
}

// written is how many bytes a process handed to write calls, and how many went to a disk.
func written(pid int) (handed, disk int64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", pid))
	if err != nil {
		return 0, 0, fmt.Errorf("look at a process: %w", err)
	}
	return field(string(text), "wchar:"), field(string(text), "write_bytes:"), nil
}

// resident is the memory of a process, in bytes.
func resident(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("look at a process: %w", err)
	}
	return field(string(text), "VmRSS:") << 10, nil
}

// field finds a number in lines of "name number".
func field(text, name string) int64 {
	for line := range strings.Lines(text) {
		if words := strings.Fields(line); len(words) > 1 && words[0] == name {
			n, _ := strconv.ParseInt(words[1], 10, 64)
			return n
		}
	}
	return 0
}
