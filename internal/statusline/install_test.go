package statusline

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"tokenmeter/internal/agent/claude"
)

func install(t *testing.T, m *machine) error {
	t.Helper()
	p, err := PlanInstall(m.place())
	if err != nil {
		return err
	}
	return p.Apply(t.Context(), noon)
}

func uninstall(t *testing.T, m *machine) error {
	t.Helper()
	p, err := PlanUninstall(m.place())
	if err != nil {
		return err
	}
	return p.Apply(t.Context(), noon.Add(time.Second))
}

// settled is a machine with settings.
func settled(t *testing.T, text string) *machine {
	t.Helper()
	m := newMachine(t, "")
	if err := os.Mkdir(filepath.Join(m.home, ".claude"), 0o700); err != nil {
		t.Fatal(err)
	}
	m.write(m.settings(), text)
	return m
}

func TestModeStaysAndTheOldBytesAreKept(t *testing.T) {
	const before = "{\r\n\t\"a\": 1\r\n}"
	for _, mode := range []os.FileMode{0o600, 0o644, 0o640, 0o444, 0o664} {
		m := settled(t, before)
		if err := os.Chmod(m.settings(), mode); err != nil {
			t.Fatal(err)
		}
		if err := install(t, m); err != nil {
			t.Fatal(err)
		}
		backups, _ := filepath.Glob(filepath.Join(m.data, Folder, "settings.*.json"))
		if len(backups) != 1 || content(t, backups[0]) != before {
			t.Errorf("copies: %v", backups)
		}
		for _, path := range append(backups, filepath.Join(m.data, Folder, recordsName)) {
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v %v", path, info.Mode(), err)
			}
		}
		if info, err := os.Stat(m.settings()); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%v becomes %v %v", mode, info.Mode(), err)
		}
		if err := uninstall(t, m); err != nil || content(t, m.settings()) != before {
			t.Errorf("uninstalled: %q %v", content(t, m.settings()), err)
		}
		if info, err := os.Stat(m.settings()); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%v comes back as %v %v", mode, info.Mode(), err)
		}
		if left, _ := os.ReadDir(filepath.Dir(m.settings())); len(left) != 1 {
			t.Errorf("left over: %v", left)
		}
	}
}

func TestFilesThatAreNotReplaced(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(m *machine) error
		want    string
	}{
		"a link": {func(m *machine) error {
			real := filepath.Join(m.home, "real.json")
			return errors.Join(os.Rename(m.settings(), real), os.Symlink(real, m.settings()))
		}, "is a link"},
		"a link to nowhere": {func(m *machine) error {
			return errors.Join(os.Remove(m.settings()), os.Symlink("/nowhere/settings.json", m.settings()))
		}, "is a link"},
		"a folder that is a link": {func(m *machine) error {
			real := filepath.Join(m.home, "dotfiles")
			return errors.Join(os.Rename(filepath.Dir(m.settings()), real), os.Symlink(real, filepath.Dir(m.settings())))
		}, "is a link"},
		"two names": {func(m *machine) error { return os.Link(m.settings(), filepath.Join(m.home, "second")) }, "hard link"},
		"a folder":  {func(m *machine) error { return errors.Join(os.Remove(m.settings()), os.Mkdir(m.settings(), 0o700)) }, "not a regular file"},
		"huge":      {func(m *machine) error { return os.Truncate(m.settings(), mostText+1) }, "larger than"},
		"no JSON":   {func(m *machine) error { return os.WriteFile(m.settings(), []byte("{,}"), 0o600) }, "not strict JSON"},
		"odd records": {func(m *machine) error {
			dir, err := makeFolder(m.data)
			return errors.Join(err, os.WriteFile(filepath.Join(dir, recordsName), []byte("{"), 0o600))
		}, recordsName},
	} {
		t.Run(name, func(t *testing.T) {
			m := settled(t, "{}")
			if err := c.prepare(m); err != nil {
				t.Fatal(err)
			}
			before, _ := os.ReadFile(m.settings())
			if err := install(t, m); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
			if after, _ := os.ReadFile(m.settings()); string(after) != string(before) {
				t.Errorf("%q is changed to %q", before, after)
			}
		})
	}
}

func TestManagedSettingsAreRespected(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"a status line":  {`{"statusLine":{"type":"command","command":"x"}}`, "managed"},
		"no hooks":       {`{"disableAllHooks":true}`, "managed"},
		"odd":            {`{`, "may be managed"},
		"something else": {`{"permissions":{}}`, ""},
	} {
		path := filepath.Join(t.TempDir(), "managed-settings.json")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		err := managedBy([]string{filepath.Join(t.TempDir(), "missing"), path})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if files, folders := claude.ManagedSettings(settled(t, "{}").place().Env); len(files) != 1 || len(folders) != 1 {
		t.Errorf("%v %v", files, folders)
	}
}

func TestAChangeBySomebodyElseIsNotOverwritten(t *testing.T) {
	m := settled(t, "{}")
	p, err := PlanInstall(m.place())
	if err != nil {
		t.Fatal(err)
	}
	m.write(m.settings(), `{"theirs":1}`)
	if err := p.Apply(t.Context(), noon); err == nil || !strings.Contains(err.Error(), "somebody else") {
		t.Errorf("%v", err)
	}
	if got := content(t, m.settings()); got != `{"theirs":1}` {
		t.Errorf("%q", got)
	}
	if all, err := readRecords(m.data); err != nil || len(all.Installs) != 0 {
		t.Errorf("noted: %+v %v", all, err)
	}
}

func TestAProgramThatMoved(t *testing.T) {
	for name, before := range map[string]string{
		"without a member": "{\n  \"a\": 1\n}\n", "empty": "{}\n", "with a command": `{"statusLine":{"type":"command","command":"\u0061"}}`, "without a file": "",
	} {
		t.Run(name, func(t *testing.T) {
			m := settled(t, before)
			if before == "" {
				if err := os.Remove(m.settings()); err != nil {
					t.Fatal(err)
				}
			}
			if err := install(t, m); err != nil {
				t.Fatal(err)
			}
			moved := m.place()
			moved.Command = `"/opt/new/tokenmeter" statusline`
			p, err := PlanInstall(moved)
			if err != nil || p.Nothing() {
				t.Fatalf("%+v %v", p, err)
			}
			if err := p.Apply(t.Context(), noon); err != nil {
				t.Fatal(err)
			}
			if text := content(t, m.settings()); !strings.Contains(text, `/opt/new/`) || strings.Contains(text, `/opt/tokenmeter`) {
				t.Errorf("%s", text)
			}
			if err := uninstall(t, m); err != nil {
				t.Fatal(err)
			}
			if after, err := os.ReadFile(m.settings()); string(after) != before || (err != nil) != (before == "") {
				t.Errorf("%q %v", after, err)
			}
		})
	}
}

func TestALineThatIsNotOursIsLeftAlone(t *testing.T) {
	m := settled(t, `{"statusLine":{"type":"command","command":"a"}}`)
	if err := install(t, m); err != nil {
		t.Fatal(err)
	}
	const theirs = `{"statusLine":{"type":"command","command":"b"}}`
	m.write(m.settings(), theirs)
	if err := uninstall(t, m); !errors.Is(err, ErrNotOurs) || content(t, m.settings()) != theirs {
		t.Errorf("%v, %q", err, content(t, m.settings()))
	}
	if err := install(t, m); err != nil { // now theirs is the former one
		t.Fatal(err)
	}
	if err := uninstall(t, m); err != nil || content(t, m.settings()) != theirs {
		t.Errorf("%v, %q", err, content(t, m.settings()))
	}
}

func TestSettingsOfAProjectAreMentioned(t *testing.T) {
	m := settled(t, `{"disableAllHooks":true}`)
	project := t.TempDir()
	if err := os.Mkdir(filepath.Join(project, ".claude"), 0o700); err != nil {
		t.Fatal(err)
	}
	m.write(filepath.Join(project, ".claude", "settings.local.json"), `{"statusLine":{}}`)
	m.write(filepath.Join(project, ".claude", "settings.json"), `{}`)
	p, err := PlanInstall(m.place())
	if err != nil {
		t.Fatal(err)
	}
	if notes := p.Notes(project); len(notes) != 2 || !strings.Contains(notes[1], "settings.local.json") {
		t.Errorf("%q", notes)
	}
	if notes := p.Notes(m.home); len(notes) != 1 {
		t.Errorf("the settings themselves are a project's: %q", notes)
	}
}

// TestAKilledInstallLeavesTheOldOrTheNewFile kills it at each call that changes something.
func TestAKilledInstallLeavesTheOldOrTheNewFile(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("strace is not there:", err)
	}
	const before = "{\n  \"statusLine\": {\"type\": \"command\", \"command\": \"echo \\u0061\"}\n}\n"
	kills := 0
	for _, call := range []string{"write", "fchmod", "fsync", "renameat", "mkdirat", "unlinkat"} {
		for n := 1; ; n++ {
			m := settled(t, before)
			c := m.command(nil)
			c.Env = append(c.Env, installVariable+"=1")
			c.Args = append([]string{"strace", "-f", "-qq", "-o", filepath.Join(m.home, "trace"), "-e", "trace=" + call, "-e",
				"inject=" + call + ":signal=KILL:when=" + strconv.Itoa(n)}, c.Path)
			c.Path, _ = exec.LookPath("strace")
			err := c.Run()
			after := content(t, m.settings())
			if after != before && after != strings.Replace(before, `"echo \u0061"`, written, 1) {
				t.Fatalf("killed at %s %d: %q", call, n, after)
			}
			if after != before && chained(m.data, m.place().Env) != "echo a" {
				t.Errorf("killed at %s %d: the command before us is lost", call, n)
			}
			if err == nil {
				break // it makes no n calls
			}
			kills++
			if err := install(t, m); err != nil {
				t.Errorf("again after %s %d: %v", call, n, err)
			}
			if err := uninstall(t, m); err != nil || content(t, m.settings()) != before {
				t.Errorf("killed at %s %d: uninstalled %q %v", call, n, content(t, m.settings()), err)
			}
			if n == 40 {
				break
			}
		}
	}
	if kills < 10 {
		t.Errorf("killed only %d times", kills)
	}
}
