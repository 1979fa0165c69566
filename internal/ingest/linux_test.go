package ingest_test

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tokenmeter/internal/health"
)

func TestWhatIsNoFileIsNeverOpened(t *testing.T) {
	m := newMachine(t)
	m.append(shop+"a.jsonl", line(1))
	m.must(unix.Mkfifo(m.path(shop+"pipe.jsonl"), 0o644))
	listener, err := net.Listen("unix", m.path(shop+"socket.jsonl"))
	if err != nil {
		t.Log("no socket:", err)
	} else {
		defer listener.Close()
	}
	if err := unix.Mknod(m.path(shop+"zero.jsonl"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 5))); err != nil {
		t.Log("no device:", err)
	}
	m.must(os.Mkdir(m.path(shop+"folder.jsonl"), 0o755))
	m.must(os.Symlink(m.path(shop+"pipe.jsonl"), m.path(shop+"link-to-pipe.jsonl")))
	m.must(os.Symlink("/dev/zero", m.path(shop+"link-to-device.jsonl")))
	m.must(os.Symlink("/proc/self/mem", m.path(shop+"link-to-memory.jsonl")))
	m.once()
	m.wantRequests("beside strange things", 1)
	stop := m.run()
	m.append(shop+"a.jsonl", line(2))
	m.awaitRequests(2)
	// A pipe in place of a log that is known, and of one that is new.
	m.must(os.Remove(m.path(shop + "a.jsonl")))
	m.must(unix.Mkfifo(m.path(shop+"a.jsonl"), 0o644))
	m.must(unix.Mkfifo(m.path(shop+"b.jsonl"), 0o644))
	m.append(shop+"c.jsonl", line(3))
	m.awaitRequests(3)
	stop()
	for _, f := range m.findings() {
		// The process's memory is a regular file that cannot be read.
		if !strings.HasPrefix(f, string(health.FileUnreadable)+" /proc/") {
			t.Errorf("finding %s", f)
		}
	}
}

func TestASparseFileWithoutLinesCostsNoMemory(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.append(shop+"a.jsonl", line(1))
	m.must(os.Truncate(m.path(shop+"a.jsonl"), 300<<20))
	m.append(shop+"a.jsonl", "\n"+line(2))
	m.once()
	m.wantRequests("after 300 MiB of nothing", 2)
}

// unprivileged is the child of another user, from whom files can be hidden.
func (m *machine) unprivileged(role string) *exec.Cmd {
	m.Helper()
	command := m.child(role)
	if os.Getuid() != 0 {
		return command
	}
	const nobody = 65534
	// The binary and the folders of the test must be within the other's reach.
	top := filepath.Dir(m.home)
	program := filepath.Join(top, "program")
	text, err := os.ReadFile(command.Path)
	m.must(err)
	m.must(os.WriteFile(program, text, 0o755))
	for at := top; at != "/" && at != "/tmp"; at = filepath.Dir(at) {
		m.must(os.Chmod(at, 0o755))
	}
	m.must(filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, nobody, nobody)
	}))
	command.Path, command.Args[0], command.Dir = program, program, top
	command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	return command
}

func TestWhatMayNotBeReadIsAFindingAndIsTriedAgain(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.append(shop+"a.jsonl", line(1))
	m.append(shop+"b.jsonl", line(2))
	m.append(".claude/projects/-hidden/c.jsonl", line(3))
	m.append(".codex/sessions/x", "")
	m.must(os.Chmod(m.path(shop+"b.jsonl"), 0))
	m.must(os.Chmod(m.path(".claude/projects/-hidden"), 0))
	m.must(os.Chmod(m.path(".codex"), 0))
	m.close()
	command := m.unprivileged("meter")
	meter := m.talk(command)
	meter.until("running")
	meter.say("await 1")
	got := meter.until("requests")
	for _, want := range []string{
		"finding " + string(health.FileUnreadable) + " " + m.path(shop+"b.jsonl"),
		"finding " + string(health.FolderUnreadable) + " " + m.path(".claude/projects/-hidden"),
		"finding " + string(health.FolderUnreadable) + " " + m.path(".codex/sessions"),
		"requests 1",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("%q is not in %q", want, got)
		}
	}
	m.must(os.Chmod(m.path(shop+"b.jsonl"), 0o644))
	meter.say("await 2")
	meter.until("requests 2")
	m.must(os.Chmod(m.path(".claude/projects/-hidden"), 0o755))
	meter.say("await 3")
	for _, line := range meter.until("requests 3") {
		if strings.HasPrefix(line, "finding") && !strings.HasSuffix(line, m.path(".codex/sessions")) && !strings.HasSuffix(line, m.path(".codex/archived_sessions")) {
			t.Errorf("still there: %s", line)
		}
	}
	meter.end()
}

func TestTheLimitOfWatchesIsToldAndTheRestIsPolled(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for a poll")
	}
	for _, c := range []struct{ name, limit, file string }{
		{"watches", "8", "max_inotify_watches"},
		{"instances", "0", "max_inotify_instances"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			try := exec.Command("unshare", "-Ur", "sh", "-c", "echo "+c.limit+" > /proc/sys/user/"+c.file)
			if out, err := try.CombinedOutput(); err != nil {
				t.Skipf("a user namespace with limits is not permitted here: %v %s", err, out)
			}
			m := newMachine(t)
			for i := range 12 {
				m.append(".claude/projects/p"+string(rune('a'+i))+"/x.jsonl", line(i+1))
			}
			m.close()
			meter := m.talk(m.child("meter", "unshare", "-Ur", "sh", "-c", `echo `+c.limit+` > /proc/sys/user/`+c.file+`; exec "$@"`, "sh"))
			meter.until("running")
			meter.say("await 12")
			if got := meter.until("requests 12"); !slices.Contains(got, "finding "+string(health.WatchLimit)+" ") {
				t.Errorf("the limit is not told: %q", got)
			}
			// A question finds at once what else only the next poll would.
			for i := range 12 {
				m.append(".claude/projects/p"+string(rune('a'+i))+"/x.jsonl", line(300+i))
				meter.say("catch up")
				meter.until(fmt.Sprint("requests ", 13+i))
			}
			m.append(".claude/projects/old/y.jsonl", line(400))
			meter.say("catch up")
			meter.until("requests 25")
			for i := range 12 {
				m.append(".claude/projects/p"+string(rune('a'+i))+"/x.jsonl", line(100+i))
			}
			m.append(".claude/projects/new/y.jsonl", line(200))
			meter.say("await 38")
			meter.until("requests 38")
			meter.end()
		})
	}
}

func TestAnIdleMeterDoesNotWake(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("watches a process for a while")
	}
	m := newMachine(t)
	for i := range 50 {
		m.append(shop+string(rune('a'+i%26))+string(rune('a'+i/26))+"/x.jsonl", line(i+1))
	}
	m.close()
	meter := m.talk(m.child("meter"))
	meter.until("running")
	meter.say("await 50")
	meter.until("requests 50")
	pid := meter.command.Process.Pid
	pass := func(d time.Duration) {
		timer := time.NewTimer(d)
		<-timer.C
	}
	for tries := 0; ; tries++ { // what the start left to do comes to rest
		before := m.switches(pid)
		pass(time.Second)
		if m.switches(pid) == before {
			break
		}
		if tries == 20 {
			t.Fatal("it does not come to rest")
		}
	}
	// What the runtime still tidies up, or a machine that is busy with other tests, may show in
	// one stretch. A timer would show in each.
	least := -1
	written := m.written(pid)
	for range 3 {
		switches := m.switches(pid)
		pass(10 * time.Second)
		if n := m.switches(pid) - switches; least < 0 || n < least {
			least = n
		}
		if least <= 1 {
			break
		}
	}
	if least > 1 {
		t.Errorf("%d context switches in ten seconds of idleness", least)
	}
	if n := m.written(pid) - written; n > 0 {
		t.Errorf("%d bytes written in idleness", n)
	}
	meter.end()
}

// switches counts how often the threads of a process went to sleep since they began.
func (m *machine) switches(pid int) (n int) {
	m.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	m.must(err)
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		m.must(err)
		for status := range strings.Lines(string(text)) {
			var count int
			if _, err := fmt.Sscanf(status, "voluntary_ctxt_switches: %d", &count); err == nil {
				n += count
			}
		}
	}
	return n
}

// written counts the bytes that a process handed to the system.
func (m *machine) written(pid int) (n int) {
	m.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", pid))
	m.must(err)
	if _, err := fmt.Sscanf(string(text), "rchar: %d\nwchar: %d", new(int), &n); err != nil {
		m.Fatalf("read %q: %v", text, err)
	}
	return n
}

func TestLostEventsAreMadeUpFor(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("/proc/sys/fs/inotify/max_queued_events")
	if err != nil {
		t.Skip(err)
	}
	var queue int
	if _, err := fmt.Sscan(string(text), &queue); err != nil || queue > 100000 {
		t.Skipf("the queue of events is too long to fill: %s", text)
	}
	m := newMachine(t)
	m.append(shop+"a.jsonl", line(1))
	m.append(".claude/projects/-w-moves/b.jsonl", line(2))
	m.append(shop+"x", "x")
	m.append(shop+"y", "y")
	m.close()
	meter := m.talk(m.child("meter"))
	meter.until("running")
	meter.say("await 2")
	meter.until("requests 2")

	m.must(meter.command.Process.Signal(syscall.SIGSTOP))
	x, err := os.OpenFile(m.path(shop+"x"), os.O_WRONLY|os.O_APPEND, 0)
	m.must(err)
	defer x.Close()
	y, err := os.OpenFile(m.path(shop+"y"), os.O_WRONLY|os.O_APPEND, 0)
	m.must(err)
	defer y.Close()
	for range queue { // the kernel merges neighbours that are alike, so two files take turns
		x.WriteString("x")
		y.WriteString("y")
	}
	// What happens now, nobody hears.
	m.must(os.Rename(m.path(".claude/projects/-w-moves"), m.path(".claude/projects/-w-moved")))
	m.append(shop+"a.jsonl", line(3))
	m.append(".claude/projects/-w-new/deep/c.jsonl", line(4))
	m.append(".openclaude/projects/p/d.jsonl", line(5))
	m.must(meter.command.Process.Signal(syscall.SIGCONT))
	meter.say("catch up")
	meter.until("requests 5")

	m.append(".claude/projects/-w-moved/b.jsonl", line(6))
	m.append(".claude/projects/-w-new/deep/c.jsonl", line(7))
	m.append(".openclaude/projects/p/d.jsonl", line(8))
	meter.say("await 8")
	meter.until("requests 8")
	meter.end()
}
