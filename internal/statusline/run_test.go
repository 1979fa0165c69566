package statusline

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tokenmeter/internal/agent"
)

// programVariable makes the test binary the program, installVariable makes it install.
const (
	programVariable = "STATUSLINE_TEST_DATA_DIR"
	installVariable = "STATUSLINE_TEST_INSTALL"
)

func TestMain(m *testing.M) {
	if dir, ok := os.LookupEnv(programVariable); ok && os.Getenv(installVariable) != "" {
		env := agent.Env{OS: "linux", Home: os.Getenv("HOME"), Variable: func(string) string { return "" }}
		p, err := PlanInstall(Place{Env: env, DataDir: dir, Command: ours})
		if err == nil {
			err = p.Apply(context.Background(), noon)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	} else if ok {
		os.Exit(Run(context.Background(), Options{
			Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, DataDir: dir,
			Env: agent.Env{OS: "linux", Home: os.Getenv("HOME"), Variable: os.Getenv}, Clock: time.Now,
			Line: func(r Reading, last *Captures, now time.Time) string {
				if f := last.FiveHour(r, now); f != nil {
					return fmt.Sprint("5 h ", f.Used)
				}
				return "nothing"
			},
		}))
	}
	os.Exit(m.Run())
}

// machine is a home with a data folder in which we are installed.
type machine struct {
	t          *testing.T
	home, data string
}

func newMachine(t *testing.T, former string) *machine {
	t.Helper()
	m := &machine{t, t.TempDir(), filepath.Join(t.TempDir(), "data")}
	if former == "" {
		return m
	}
	if err := os.Mkdir(filepath.Join(m.home, ".claude"), 0o700); err != nil {
		t.Fatal(err)
	}
	m.write(m.settings(), fmt.Sprintf(`{"statusLine":{"type":"command","command":%s}}`, literal(former)))
	p, err := PlanInstall(m.place())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Apply(t.Context(), noon); err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *machine) settings() string { return filepath.Join(m.home, ".claude", "settings.json") }

func (m *machine) place() Place {
	return Place{Env: agent.Env{OS: "linux", Home: m.home, Variable: func(string) string { return "" }}, DataDir: m.data, Command: ours}
}

func (m *machine) write(path, text string) {
	m.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		m.t.Fatal(err)
	}
}

// command is a run that is not started yet.
func (m *machine) command(stdin io.Reader) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		m.t.Fatal(err)
	}
	c := exec.Command(self, Folder)
	c.Env = append(os.Environ(), "HOME="+m.home, programVariable+"="+m.data, "CLAUDE_CONFIG_DIR=")
	c.Dir, c.Stdin = m.home, stdin
	return c
}

func (m *machine) run(stdin string) (stdout string, code int) {
	m.t.Helper()
	c := m.command(strings.NewReader(stdin))
	out, err := c.Output()
	if err != nil && c.ProcessState == nil {
		m.t.Fatal(err)
	}
	return string(out), c.ProcessState.ExitCode()
}

// captured is what was kept.
func (m *machine) captured() string {
	files, _ := filepath.Glob(filepath.Join(m.data, Folder, "*.jsonl"))
	var all []byte
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			m.t.Fatal(err)
		}
		all = append(all, text...)
	}
	return string(all)
}

func told(session string, used float64) string {
	return fmt.Sprintf(`{"session_id":%q,"cwd":"/canary","transcript_path":"/canary","prompt":"canary","rate_limits":{"five_hour":{"used_percentage":%v,"resets_at":%d}}}`,
		session, used, time.Now().Add(time.Hour).Unix())
}

func TestThereIsAlwaysALine(t *testing.T) {
	large := told("a", 62)
	large = large[:len(large)-1] + `,"more":"` + strings.Repeat("x", 3<<20) + `"}`
	for name, c := range map[string]struct{ stdin, want string }{
		"nothing":       {"", "nothing\n"},
		"garbage":       {"\x00\xff{{{[[", "nothing\n"},
		"a good one":    {told("a", 62), "5 h 62\n"},
		"three million": {large, "5 h 62\n"},
		"no JSON, much": {strings.Repeat("[", 2<<20), "nothing\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if out, code := newMachine(t, "").run(c.stdin); out != c.want || code != 0 {
				t.Errorf("%q, %d", out, code)
			}
		})
	}
}

func TestNoStateOfTheDataFolderIsInTheWay(t *testing.T) {
	for name, damage := range map[string]func(m *machine) string{
		"missing": func(*machine) string { return "" },
		"a file":  func(m *machine) string { m.write(m.data, "x"); return "" },
		"ours a file": func(m *machine) string {
			os.Mkdir(m.data, 0o700)
			m.write(filepath.Join(m.data, Folder), "x")
			return ""
		},
		"read-only":        func(m *machine) string { os.Mkdir(m.data, 0o500); return "" },
		"the file a pipe":  func(m *machine) string { m.month(func(p string) { syscall.Mkfifo(p, 0o600) }); return "" },
		"a folder":         func(m *machine) string { m.month(func(p string) { os.Mkdir(p, 0o700) }); return "" },
		"a link to a pipe": func(m *machine) string { m.month(func(p string) { os.Symlink("/dev/zero", p) }); return "" },
		"noise": func(m *machine) string {
			m.month(func(p string) { m.write(p, strings.Repeat("\x00\xff\n{", 50_000)) })
			return ""
		},
		"records of noise": func(m *machine) string {
			os.MkdirAll(filepath.Join(m.data, Folder), 0o700)
			m.write(filepath.Join(m.data, Folder, recordsName), `{"version":1,"installs":[{"former":7`)
			return ""
		},
		"full": func(*machine) string { return "ulimit -f 0; " },
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t, "")
			limit := damage(m)
			c := m.command(strings.NewReader(told("a", 62)))
			c.Args = []string{"sh", "-c", limit + `exec "$0" ` + Folder, c.Path}
			c.Path = "/bin/sh"
			out, err := c.Output()
			if string(out) != "5 h 62\n" || err != nil {
				t.Errorf("%q, %v", out, err)
			}
		})
	}
}

// month does something with the path of this month's file.
func (m *machine) month(f func(path string)) {
	os.MkdirAll(filepath.Join(m.data, Folder), 0o700)
	f(monthFile(filepath.Join(m.data, Folder), time.Now()))
}

func TestTheCommandBeforeUs(t *testing.T) {
	large := `{"session_id":"a","rate_limits":{"five_hour":{"used_percentage":62}},"more":"` + strings.Repeat("x", 3<<20) + `"}`
	for name, c := range map[string]struct {
		command, stdin, want string
		code                 int
	}{
		"passes all of the input on": {"cat", large, large, 0},
		"has its own exit code":      {"cat >/dev/null; echo a; exit 3", told("a", 62), "a\n", 3},
		"reads no input":             {"exec <&-; echo a", large, "a\n", 0},
		"prints nothing":             {"cat >/dev/null", told("a", 62), "", 0},
		"prints a megabyte":          {"head -c 1000000 /dev/zero | tr '\\0' x", told("a", 62), strings.Repeat("x", 1_000_000), 0},
		"is not there":               {"/no/such/command", told("a", 62), "", 127},
		"is killed":                  {"echo a; kill -9 $$", told("a", 62), "a\n", 128 + 9},
		"ends before its child":      {"(sleep 0.2; echo late) & echo now; exit 4", told("a", 62), "now\nlate\n", 4},
		"is in the same folder":      {`[ "$PWD" = "$HOME" ] && echo "$HOME" | grep -c .`, told("a", 62), "1\n", 0},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t, c.command)
			out, code := m.run(c.stdin)
			if out != c.want || code != c.code {
				t.Errorf("%.100q of %d bytes, exit code %d", out, len(out), code)
			}
			if kept := m.captured(); !strings.Contains(kept, `"five_hour":[62`) || strings.Count(kept, "\n") != 1 || strings.Contains(kept, "canary") {
				t.Errorf("kept %q", kept)
			}
		})
	}
}

func TestTheEnvironmentOfTheCommandStays(t *testing.T) {
	m := newMachine(t, "env")
	c := m.command(nil)
	direct := exec.Command("sh", "-c", "env")
	direct.Env, direct.Dir = c.Env, c.Dir
	want, err := direct.Output()
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Output()
	if err != nil || string(got) != string(want) {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

func TestAHangingCommandIsKilledWithItsChildren(t *testing.T) {
	for name, c := range map[string]struct{ command, want string }{
		"in silence":             {`echo $$ >>"$HOME/pids"; sleep 300 & echo $! >>"$HOME/pids"; wait`, "5 h 62\n"},
		"after a word":           {`echo a; echo $$ >>"$HOME/pids"; sleep 300 & echo $! >>"$HOME/pids"; wait`, "a\n"},
		"deaf":                   {`trap '' TERM INT HUP; echo a; echo $$ >>"$HOME/pids"; while :; do sleep 1; done`, "a\n"},
		"with a child left over": {`sleep 300 & echo $! >>"$HOME/pids"; echo a`, "a\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t, c.command)
			start := time.Now()
			out, code := m.run(told("a", 62))
			if took := time.Since(start); took < Limit || took > Limit+4*time.Second {
				t.Errorf("killed after %v", took)
			}
			if out != c.want || code != 0 {
				t.Errorf("%q, %d", out, code)
			}
			pids, err := os.ReadFile(filepath.Join(m.home, "pids"))
			if err != nil {
				t.Fatal(err)
			}
			for field := range strings.FieldsSeq(string(pids)) {
				pid, _ := strconv.Atoi(field)
				gone(t, pid)
			}
		})
	}
}

// gone waits until a process that was killed is no more.
func gone(t *testing.T, pid int) {
	t.Helper()
	limit := time.NewTimer(10 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || bytes.Contains(stat, []byte(") Z ")) {
			return
		}
		select {
		case <-tick.C:
		case <-limit.C:
			t.Errorf("process %d lives", pid)
			return
		}
	}
}

func TestACommandThatRunsUsEnds(t *testing.T) {
	m := newMachine(t, `cat >in; "$SELF" statusline <in; echo outer`)
	c := m.command(strings.NewReader(told("a", 62)))
	c.Env = append(c.Env, "SELF="+c.Path)
	if out, err := c.Output(); string(out) != "5 h 62\nouter\n" || err != nil {
		t.Errorf("%q, %v", out, err)
	}
}

func TestInputThatDoesNotEnd(t *testing.T) {
	for _, former := range []string{"", "echo a"} {
		t.Run("before us "+former, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t, former)
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			if _, err := io.WriteString(w, told("a", 62)); err != nil {
				t.Fatal(err)
			}
			out, err := m.command(r).Output()
			if want := map[string]string{"": "5 h 62\n", "echo a": "a\n"}[former]; string(out) != want || err != nil {
				t.Errorf("%q, %v", out, err)
			}
			if kept := m.captured(); !strings.Contains(kept, `"five_hour":[62`) {
				t.Errorf("kept %q", kept)
			}
		})
	}
}

func TestFiftyAtOnceKeepWholeLines(t *testing.T) {
	m := newMachine(t, "")
	var group sync.WaitGroup
	for i := range 50 {
		group.Go(func() {
			if out, code := m.run(told(fmt.Sprint("s", i), float64(i))); code != 0 || !strings.HasPrefix(out, "5 h ") {
				t.Errorf("%q, %d", out, code)
			}
		})
	}
	group.Wait()
	seen := map[float64]bool{}
	for line := range strings.Lines(m.captured()) {
		c, ok := parseCapture([]byte(line))
		if !ok || c.FiveHour == nil {
			t.Fatalf("%q", line)
		}
		seen[c.FiveHour.Used] = true
	}
	if len(seen) != 50 {
		t.Errorf("%d of 50 are kept", len(seen))
	}
}
