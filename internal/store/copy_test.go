package store

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// copiesVariable tells a process of the test where it may make copies.
const copiesVariable = "TOKENMETER_TEST_COPIES"

// playReader tells how many requests a database holds that it may only read.
func playReader(path, copies string) int {
	if file, err := os.Create(path + "-shm"); err == nil {
		file.Close()
		fmt.Print("writable")
		return 0
	}
	if copies == "none" {
		copies = ""
	}
	s, err := Open(context.Background(), path, Options{ReadOnly: true, Copies: copies})
	if err != nil {
		fmt.Print("error: ", err)
		return 0
	}
	rows, err := s.History(context.Background(), Query{})
	if err == nil {
		fmt.Print(rows[0].Requests)
		err = s.Close()
	}
	if err != nil {
		fmt.Print("error: ", err)
	}
	return 0
}

// sealed runs the reader where nobody, not even root, may write to the database's folder.
func sealed(t *testing.T, path, copies string) string {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	folder := filepath.Dir(path)
	command := exec.Command(self)
	if os.Geteuid() == 0 {
		command = exec.Command("unshare", "-rm", "sh", "-c", `mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && exec "$2"`, "sh", folder, self)
	} else {
		must(t, os.Chmod(folder, 0o500))
		defer os.Chmod(folder, 0o700)
	}
	command.Env = append(os.Environ(), copiesVariable+"="+copies, pathVariable+"="+path)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Skipf("a folder cannot be sealed here: %v %s", err, &stderr)
	}
	if string(out) == "writable" {
		t.Fatal("the folder is not sealed")
	}
	return string(out)
}

func TestReadOnlyFolder(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes are another thing there")
	}
	living := filepath.Join(t.TempDir(), "tokenmeter.db")
	s := openAt(t, living, Options{})
	write(t, s, grow("log", nil, 0, 30).chunk(0, 30))
	// The files of a writer that is killed are those that lie there while it lives.
	left := func(t *testing.T, suffixes ...string) string {
		path := filepath.Join(t.TempDir(), "data", "tokenmeter.db")
		must(t, os.Mkdir(filepath.Dir(path), 0o700))
		for _, suffix := range suffixes {
			content, err := os.ReadFile(living + suffix)
			must(t, err)
			must(t, os.WriteFile(path+suffix, content, 0o600))
		}
		return path
	}
	closed := func(t *testing.T) string {
		path := left(t, "", "-wal")
		must(t, openAt(t, path, Options{}).Close())
		return path
	}
	for name, c := range map[string]struct {
		make func(t *testing.T) string
		want string
	}{
		"closed cleanly":               {closed, "20"},
		"a writer was killed":          {func(t *testing.T) string { return left(t, "", "-wal") }, "20"},
		"killed, shared memory stayed": {func(t *testing.T) string { return left(t, "", "-wal", "-shm") }, "20"},
	} {
		t.Run(name, func(t *testing.T) {
			path := c.make(t)
			copies := filepath.Join(t.TempDir(), "cache", "tokenmeter")
			// One that a killed reader left long ago, and one that may be in use.
			for name, age := range map[string]time.Duration{"read-old": 48 * time.Hour, "read-young": time.Minute} {
				folder := filepath.Join(copies, name)
				must(t, os.MkdirAll(folder, 0o700))
				at := time.Now().Add(-age)
				must(t, os.Chtimes(folder, at, at))
			}
			if got := sealed(t, path, copies); got != c.want {
				t.Errorf("got %q", got)
			}
			var names []string
			found, err := os.ReadDir(copies)
			must(t, err)
			for _, e := range found {
				names = append(names, e.Name())
			}
			if name == "a writer was killed" && strings.Join(names, " ") != "read-young" {
				t.Errorf("copies left: %v", names)
			}
		})
	}
	t.Run("killed, and there is no place for a copy", func(t *testing.T) {
		if got := sealed(t, left(t, "", "-wal"), "none"); !strings.HasPrefix(got, "error: open database") {
			t.Errorf("got %q", got)
		}
	})
}
