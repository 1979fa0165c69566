//go:build linux

package network_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/network"
	"tokenmeter/internal/platform"
)

// The test's program is also the one that is talked with, and one that talks and is killed.
const (
	talker = "talker"
	killed = "killed"
)

func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case talker:
		talk(os.Args[1])
		os.Exit(0)
	case killed:
		converse(os.Args[1])
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// talk plays a program that misbehaves. Whatever it does, it says first which process it is.
func talk(how string) {
	fmt.Println("pid", os.Getpid())
	heard := bufio.NewScanner(os.Stdin)
	forever := func() { select {} }
	switch how {
	case "honest":
		for heard.Scan() {
			fmt.Println("you said " + heard.Text())
		}
	case "stays":
		heard.Scan()
		fmt.Println("you said " + heard.Text())
		forever()
	case "hangs":
		forever()
	case "deaf":
		os.Stdin.Close()
		forever()
	case "mute":
		os.Stdout.Close()
		forever()
	case "half a line":
		fmt.Print("you sa")
	case "half a line and hangs":
		fmt.Print("you sa")
		forever()
	case "one huge line":
		for {
			if _, err := fmt.Print(strings.Repeat("x", 1<<16)); err != nil {
				return
			}
		}
	case "endless":
		for {
			if _, err := fmt.Println(strings.Repeat("x", 1000)); err != nil {
				return
			}
		}
	case "dies":
		os.Exit(3)
	case "complains":
		for range 100 {
			fmt.Fprintln(os.Stderr, strings.Repeat("x", 1<<16))
		}
		heard.Scan()
		fmt.Println("you said " + heard.Text())
	case "forks", "forks and goes":
		child := exec.Command(os.Args[0], "hangs")
		child.Stdout = os.Stdout // which stays open with the child
		if err := child.Start(); err != nil {
			panic(err)
		}
		if how == "forks" {
			forever()
		}
	}
}

func linked(t *testing.T, name string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	return path
}

func conversation(path, how string) network.Conversation {
	return network.Conversation{
		Permission: network.Permit(path), Purpose: "allowance", Called: "talker app-server",
		Env: agent.Env{OS: "linux", Home: filepath.Dir(path), Variable: os.Getenv, Exists: platform.Exists}, Dir: filepath.Dir(path),
		Arguments: []string{how}, Most: 1 << 20, Within: time.Minute,
	}
}

// converse is a process that is killed while it talks; it passes on what it hears.
func converse(folder string) {
	c, err := network.New(network.Options{Version: "1", Ledger: filepath.Join(folder, network.LedgerName), Now: time.Now})
	if err != nil {
		panic(err)
	}
	v := conversation(filepath.Join(folder, talker), "hangs")
	v.Hear = func(line []byte) ([]byte, bool, error) {
		if line != nil {
			fmt.Println(string(line))
		}
		return nil, false, nil
	}
	_ = c.Converse(context.Background(), v)
}

// gone waits until a process has ended.
func gone(t *testing.T, pid int) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for pause := time.NewTicker(5 * time.Millisecond); ; <-pause.C {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("process %d is still there: %s", pid, stat)
			return
		}
	}
}

func TestProgramsThatMisbehave(t *testing.T) {
	path := linked(t, talker)
	for _, c := range []struct {
		name   string
		within time.Duration // 0 = long
		want   string        // part of the error, "" = it succeeds
		pids   int
	}{
		{"honest", 0, "", 1},
		{"stays", 0, "", 1},
		{"complains", 0, "", 1},
		{"hangs", 300 * time.Millisecond, "no answer within 300ms", 1},
		{"deaf", 300 * time.Millisecond, "no answer within 300ms", 1},
		{"mute", 0, "ended without an answer", 1},
		{"half a line", 0, "ended without an answer", 1},
		{"half a line and hangs", 300 * time.Millisecond, "no answer within 300ms", 1},
		{"one huge line", 0, "a line of more than", 1},
		{"endless", 0, "more than an answer can be", 1},
		{"dies", 0, "ended without an answer", 1},
		{"forks", time.Second, "no answer within 1s", 2},
		{"forks and goes", time.Second, "no answer within 1s", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := options(t)
			v := conversation(path, c.name)
			if c.within > 0 {
				v.Within = c.within
			}
			var pids []int
			answered := false
			v.Hear = func(line []byte) ([]byte, bool, error) {
				if line == nil {
					return []byte("hello\n"), false, nil
				}
				if text, ok := strings.CutPrefix(string(line), "pid "); ok {
					pid, err := strconv.Atoi(text)
					if err != nil {
						t.Error(err)
					}
					pids = append(pids, pid)
				}
				answered = string(line) == "you said hello"
				return nil, answered, nil
			}
			err := client(t, o).Converse(context.Background(), v)
			if c.want == "" && (err != nil || !answered) || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%v, answered %v, want %q", err, answered, c.want)
			}
			// Under load a program may be ended before it has said a word.
			if len(pids) > c.pids || len(pids) == 0 && c.within == 0 {
				t.Errorf("processes %v, want %d", pids, c.pids)
			}
			for _, pid := range pids {
				gone(t, pid)
			}
			all := entries(t, o.Ledger)
			if len(all) != 1 || !all[0].Done || all[0].Host != "talker app-server" || all[0].Purpose != "allowance" || all[0].Sent == 0 && c.name != "dies" && c.name != "deaf" {
				t.Fatalf("%+v", all)
			}
			if ok := all[0].Outcome == "ok"; ok != (c.want == "") || c.want == "" && all[0].Bytes < int64(len("pid 1\nyou said hello\n")) {
				t.Errorf("%+v", all[0])
			}
		})
	}
}

func TestConversationsThatDoNotBegin(t *testing.T) {
	never := func([]byte) ([]byte, bool, error) {
		t.Error("something was heard")
		return nil, true, nil
	}
	t.Run("without permission", func(t *testing.T) {
		o := options(t)
		v := conversation(linked(t, talker), "honest")
		v.Permission, v.Hear = network.Permission{}, never
		if err := client(t, o).Converse(context.Background(), v); !errors.Is(err, network.ErrNotPermitted) {
			t.Errorf("%v", err)
		}
		if len(entries(t, o.Ledger)) > 0 {
			t.Error("it is in the ledger")
		}
	})
	t.Run("a program that is not there", func(t *testing.T) {
		o := options(t)
		v := conversation(filepath.Join(t.TempDir(), "none"), "honest")
		v.Hear = never
		if err := client(t, o).Converse(context.Background(), v); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%v", err)
		}
		if all := entries(t, o.Ledger); len(all) != 1 || !strings.HasPrefix(all[0].Outcome, "failed: ") {
			t.Errorf("%+v", all)
		}
	})
	t.Run("no ledger", func(t *testing.T) {
		o := options(t)
		if err := os.Mkdir(o.Ledger, 0o700); err != nil {
			t.Fatal(err)
		}
		v := conversation(linked(t, talker), "honest")
		v.Hear = never
		if err := client(t, o).Converse(context.Background(), v); err == nil || !strings.Contains(err.Error(), "nothing is asked") {
			t.Errorf("%v", err)
		}
	})
	t.Run("a name that is no path", func(t *testing.T) {
		v := conversation(linked(t, talker), "honest")
		v.Permission, v.Hear = network.Permit("https://example.org"), never
		if err := client(t, options(t)).Converse(context.Background(), v); err == nil {
			t.Error("it began")
		}
	})
}

func TestGivingUpEndsTheProgram(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	v := conversation(linked(t, talker), "hangs")
	pid := 0
	v.Hear = func(line []byte) ([]byte, bool, error) {
		if line != nil {
			pid, _ = strconv.Atoi(strings.TrimPrefix(string(line), "pid "))
			cancel()
		}
		return nil, false, nil
	}
	if err := client(t, options(t)).Converse(ctx, v); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	gone(t, pid)
}

// TestAKilledMeterLeavesNoProgram kills the process that talks, with no chance to tidy up.
func TestAKilledMeterLeavesNoProgram(t *testing.T) {
	meter := linked(t, killed)
	folder := filepath.Dir(linked(t, talker))
	command := exec.Command(meter, folder)
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(line, "pid ")))
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = command.Wait()
	gone(t, pid)
}
