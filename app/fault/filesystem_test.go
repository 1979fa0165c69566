//go:build linux

package fault

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tokenmeter/internal/platform"
)

// mountable says that an unprivileged process may mount in a name space of its own.
func mountable(t *testing.T) {
	t.Helper()
	try := exec.Command("unshare", "-Urm", "sh", "-c", "mount -t tmpfs -o size=1m none /mnt")
	if text, err := try.CombinedOutput(); err != nil {
		t.Skipf("a name space with mounts of its own is not permitted here: %v %s", err, text)
	}
}

// mounted runs a shell script in a namespace in which it may mount, with the variables
// METER, DATA (an empty folder) and OUT.
func mounted(t *testing.T, folder, homeFolder, script string) {
	t.Helper()
	data, out := filepath.Join(folder, "data"), filepath.Join(folder, "out")
	for _, at := range []string{data, out} {
		if err := os.MkdirAll(at, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	end, err := run(homeFolder, "UTC", filepath.Join(folder, "printed"), "unshare", "-Urm", "env",
		"METER="+meter(t), "DATA="+data, "OUT="+out, "sh", "-uc", script)
	if err != nil || end.code != 0 {
		t.Fatalf("%v, exit code %d\n%s\n%s", err, end.code, end.out, end.errors)
	}
}

// left reads what a step of a script left in OUT: NAME, NAME.err and NAME.code.
func left(t *testing.T, folder, name string) ending {
	t.Helper()
	var e ending
	for suffix, to := range map[string]*string{"": &e.out, ".err": &e.errors} {
		text, err := os.ReadFile(filepath.Join(folder, "out", name+suffix))
		if err != nil {
			t.Fatal(err)
		}
		*to = string(text)
	}
	code, err := os.ReadFile(filepath.Join(folder, "out", name+".code"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscan(string(code), &e.code); err != nil {
		t.Fatal(err)
	}
	if err := e.judge(); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	return e
}

const step = `step() { name=$1; shift; "$METER" "$@" --data-dir "$DATA" >"$OUT/$name" 2>"$OUT/$name.err"; echo $? >"$OUT/$name.code"; }; `

// TestDiskThatIsFull scans into a disk that has too little room, at more and more bytes,
// and again once there is enough.
func TestDiskThatIsFull(t *testing.T) {
	mountable(t)
	folder := workshop(t)
	h := newHome(t, folder, 7, 300)
	want := expected(t, h.all, time.UTC)
	full := 0
	for _, kilobytes := range []int{8, 24, 40, 80, 120, 160, 200, 240, 300, 360, 420, 500, 700, 4000} {
		t.Run(fmt.Sprint(kilobytes, " kB"), func(t *testing.T) {
			place := filepath.Join(folder, fmt.Sprint(kilobytes))
			mounted(t, place, h.path, step+fmt.Sprintf(`mount -t tmpfs -o size=%dk,mode=700 none "$DATA"`, kilobytes)+` &&
				step full scan --json; mount -o remount,size=64m "$DATA" && step room scan --json; cp -a "$DATA" "$OUT/"`)
			first, second := left(t, place, "full"), left(t, place, "room")
			got, err := scanned(second.out)
			if err != nil || second.code != 0 || second.errors != "" || fmt.Sprint(got) != fmt.Sprint(want.requests()) {
				t.Errorf("with room again: %v, exit code %d, %v requests of %v\n%s", err, second.code, got, want.requests(), second.errors)
			}
			if err := sound(filepath.Join(place, "out", "data"), want); err != nil {
				t.Error(err)
			}
			if first.code == 0 {
				if got, err := scanned(first.out); err != nil || fmt.Sprint(got) != fmt.Sprint(want.requests()) {
					t.Errorf("exit code 0, and %v requests of %v: %v", got, want.requests(), err)
				}
				return
			}
			full++
			if !strings.Contains(first.errors, "disk is full") && !strings.Contains(first.errors, "no space") {
				t.Errorf("it does not say that the disk is full: %s", first.errors)
			}
			if !strings.Contains(first.errors, "hint: Free some space") {
				t.Errorf("it does not say what to do: %s", first.errors)
			}
		})
	}
	if full < 5 && !t.Failed() {
		t.Errorf("the disk was full %d times, so little was shown", full)
	}
}

// TestDataFolderThatIsReadOnly asks where nothing may be written.
func TestDataFolderThatIsReadOnly(t *testing.T) {
	mountable(t)
	folder := workshop(t)
	h := newHome(t, folder, 8, 60)
	want := expected(t, h.all, time.UTC)
	const seal = `mount --bind "$DATA" "$DATA" && mount -o remount,ro,bind "$DATA" && `
	t.Run("with all that there is", func(t *testing.T) {
		place := filepath.Join(folder, "known")
		mounted(t, place, h.path, step+`step before scan --json;`+seal+`step scan scan --json; step history history --json`)
		end := left(t, place, "scan")
		got, err := scanned(end.out)
		if err != nil || end.code != 0 || end.errors != "" || fmt.Sprint(got) != fmt.Sprint(want.requests()) {
			t.Errorf("%v: exit code %d, %v requests of %v\n%s", err, end.code, got, want.requests(), end.errors)
		}
		var answer struct{ Totals counts }
		if end = left(t, place, "history"); end.code != 0 || json.Unmarshal([]byte(end.out), &answer) != nil {
			t.Errorf("exit code %d\n%s%s", end.code, end.out, end.errors)
		}
		var sum counts
		for _, c := range want {
			sum = sum.plus(c)
		}
		if answer.Totals != sum {
			t.Errorf("history tells %+v, want %+v", answer.Totals, sum)
		}
	})
	t.Run("with less than there is", func(t *testing.T) {
		place := filepath.Join(folder, "grown")
		mounted(t, place, h.path, step+`step before scan --json`)
		h.turns(5)
		mounted(t, place, h.path, step+seal+`step scan scan --json`)
		end := left(t, place, "scan")
		got, err := scanned(end.out)
		if err != nil || end.code != 0 || !strings.Contains(end.errors, "warning: nothing new is taken in") || fmt.Sprint(got) != fmt.Sprint(want.requests()) {
			t.Errorf("%v: exit code %d, %v requests of %v\n%s", err, end.code, got, want.requests(), end.errors)
		}
	})
	t.Run("with nothing", func(t *testing.T) {
		place := filepath.Join(folder, "unknown")
		mounted(t, place, h.path, step+seal+`step scan scan --json`)
		if end := left(t, place, "scan"); end.code != 1 || !strings.Contains(end.errors, "hint: ") {
			t.Errorf("exit code %d\n%s", end.code, end.errors)
		}
	})
}

// TestDataFolderThatGoesAwayUnderTheMeter removes the folder, or only the database, while
// the meter runs. It goes on, tells the right figures at the first question, and is still
// the one meter of the folder.
func TestDataFolderThatGoesAwayUnderTheMeter(t *testing.T) {
	for name, take := range map[string]func(data string) error{
		"the folder":   os.RemoveAll,
		"the database": func(data string) error { return os.Remove(filepath.Join(data, platform.DatabaseName)) },
	} {
		t.Run(name, func(t *testing.T) {
			folder := workshop(t)
			h := newHome(t, folder, 9, 60)
			data := filepath.Join(folder, "data")
			running := startMeter(t, folder, h.path)
			ask := func(when string) {
				t.Helper()
				got, err := history(meter(t), h.path, "UTC", data, filepath.Join(folder, "out"))
				if err != nil {
					t.Fatalf("%s: %v", when, err)
				}
				if d := got.differs(expected(t, h.all, time.UTC)); d != "" {
					t.Errorf("%s: %s", when, d)
				}
			}
			ask("before")
			if err := take(data); err != nil {
				t.Fatal(err)
			}
			ask("after it went away")
			h.turns(5)
			ask("after new lines")
			h.turns(5)
			ask("after more lines")
			if end, err := run(h.path, "UTC", filepath.Join(folder, "out"), meter(t), "quit", "--data-dir", data); err != nil || end.code != 0 {
				t.Fatalf("quit: %v %+v", err, end)
			}
			if end, err := running.wait(); err != nil || end.code != 0 || end.judge() != nil {
				t.Errorf("the meter: %v %+v", err, end)
			}
			if err := sound(data, expected(t, h.all, time.UTC)); err != nil {
				t.Error(err)
			}
		})
	}
}
