package ingest_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/agent/claude"
	"tokenmeter/internal/agent/codex"
	"tokenmeter/internal/health"
	"tokenmeter/internal/ingest"
)

// strange is something that is no log, put where one or a folder of them is expected.
type strange struct {
	name string
	put  func(m *machine, path string)
}

func stranges() []strange {
	device := func(m *machine, path string) {
		if unix.Mknod(path, unix.S_IFCHR|0o666, int(unix.Mkdev(1, 5))) != nil {
			m.must(os.Symlink("/dev/zero", path)) // only root may make one
		}
	}
	return []strange{
		{"pipe", func(m *machine, path string) { m.must(unix.Mkfifo(path, 0o644)) }},
		{"device", device},
		{"terminal", func(m *machine, path string) { m.must(os.Symlink("/dev/ptmx", path)) }},
		{"socket", func(m *machine, path string) {
			short := filepath.Join(m.home, fmt.Sprint(len(path), ".s"))
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: short, Net: "unix"})
			m.must(err)
			l.SetUnlinkOnClose(false)
			m.must(os.Rename(short, path))
			m.Cleanup(func() { l.Close() })
		}},
		{"link to nothing", func(m *machine, path string) { m.must(os.Symlink("nowhere", path)) }},
		{"link to itself", func(m *machine, path string) { m.must(os.Symlink(filepath.Base(path), path)) }},
		{"two links in a ring", func(m *machine, path string) {
			m.must(os.Symlink(filepath.Base(path)+".b", path))
			m.must(os.Symlink(filepath.Base(path), path+".b"))
		}},
		{"link to its own folder", func(m *machine, path string) { m.must(os.Symlink(".", path)) }},
		{"link to the folder above", func(m *machine, path string) { m.must(os.Symlink("..", path)) }},
		{"link to the whole disk", func(m *machine, path string) { m.must(os.Symlink("/", path)) }},
		{"link to a pipe", func(m *machine, path string) {
			m.must(unix.Mkfifo(path+".target", 0o644))
			m.must(os.Symlink(path+".target", path))
		}},
		{"an empty folder", func(m *machine, path string) { m.must(os.Mkdir(path, 0o755)) }},
	}
}

func TestWhatIsNoLogIsPassedOver(t *testing.T) {
	places := []struct{ name, path string }{
		{"a log", shop + "x.jsonl"},
		{"a folder", ".claude/projects/-w-x"},
		{"a root", ".openclaude/projects"},
	}
	for _, s := range stranges() {
		for _, place := range places {
			t.Run(s.name+" for "+place.name, func(t *testing.T) {
				t.Parallel()
				m := newMachine(t)
				m.append(shop+"a.jsonl", line(1))
				m.append(".openclaude/settings.json", "{}")
				s.put(m, m.path(place.path))
				m.once()
				m.wantRequests("it was there", 1)
				m.must(os.Remove(m.path(place.path)))
				os.Remove(m.path(place.path + ".b"))
				os.Remove(m.path(place.path + ".target"))

				// It comes while the meter runs, first anew, then in place of what was read.
				stop := m.run()
				s.put(m, m.path(place.path))
				m.append(shop+"a.jsonl", line(2))
				m.awaitRequests(2)
				m.must(os.Remove(m.path(place.path)))
				os.Remove(m.path(place.path + ".b"))
				os.Remove(m.path(place.path + ".target"))
				log := place.path
				if place.name != "a log" {
					log += "/p/y.jsonl"
				}
				m.append(log, line(3))
				m.awaitRequests(3)
				m.must(os.RemoveAll(m.path(place.path)))
				s.put(m, m.path(place.path))
				m.append(shop+"a.jsonl", line(4))
				m.awaitRequests(4)
				stop()
				m.restart()
				m.once()
				m.wantRequests("with a restart", 4)
				if place.name == "a root" && strings.HasPrefix(s.name, "link to itself") || s.name == "two links in a ring" {
					return // a root in a ring cannot be entered, which is told
				}
				if got := m.findings(); len(got) > 0 {
					t.Errorf("findings %q", got)
				}
			})
		}
	}
}

func TestOneLogUnderTwoNamesCountsOnce(t *testing.T) {
	m := newMachine(t)
	m.append(shop+"a.jsonl", lines(1, 3))
	m.append("outside/b.jsonl", line(4))
	m.must(os.Link(m.path(shop+"a.jsonl"), m.path(shop+"hard.jsonl")))
	m.must(os.MkdirAll(m.path(".claude/projects/-w-other"), 0o755))
	m.must(os.Link(m.path(shop+"a.jsonl"), m.path(".claude/projects/-w-other/hard.jsonl")))
	m.must(os.Symlink(m.path("outside/b.jsonl"), m.path(shop+"soft.jsonl")))
	stop := m.run()
	m.awaitRequests(4)
	m.append(shop+"hard.jsonl", line(5))
	m.awaitRequests(5)
	stop()
	m.restart()
	m.once()
	m.wantRequests("with names that share a file", 5)
}

func TestNamesThatAreOdd(t *testing.T) {
	m := newMachine(t)
	names := []string{
		"new\nline.jsonl", "bell\a\x1b[31m.jsonl", "invalid\xff\xfe.jsonl", strings.Repeat("a", 249) + ".jsonl", " .jsonl", "-rf.jsonl", "a'b\"c\\d.jsonl", "\u202eevil.jsonl",
	}
	for n, name := range names {
		m.append(shop+name, line(n+1))
	}
	m.append(".claude/projects/-new\nfolder\xff/x.jsonl", line(len(names)+1))
	m.append(shop+"folder.jsonl/x.jsonl", line(len(names)+2))
	total := int64(len(names) + 2)
	stop := m.run()
	m.awaitRequests(total)
	for n, name := range names {
		m.append(shop+name, line(100+n))
		total++
		m.awaitRequests(total)
	}
	stop()
	for _, name := range names {
		if f := m.fileOf(shop + name); f == nil || f.Offset == 0 {
			t.Errorf("%q is not stored by its name", name)
		}
		m.age(shop+name, time.Hour)
	}
	m.restart()
	m.once()
	m.wantRequests("again", total)
	m.wantReference("again")
}

// dig makes a folder that lies so deep that its path cannot be used, and runs f in it.
func dig(m *machine, top string, levels int, name string, f func(folder int)) {
	m.Helper()
	at, err := unix.Open(top, unix.O_DIRECTORY|unix.O_PATH, 0)
	m.must(err)
	for range levels {
		m.must(unix.Mkdirat(at, name, 0o755))
		next, err := unix.Openat(at, name, unix.O_DIRECTORY|unix.O_PATH, 0)
		m.must(err)
		unix.Close(at)
		at = next
	}
	f(at)
	unix.Close(at)
}

func TestFoldersNestedWithoutEnd(t *testing.T) {
	m := newMachine(t)
	m.append(shop+"a.jsonl", line(1))
	write := func(text string) func(int) {
		return func(folder int) {
			fd, err := unix.Openat(folder, "deep.jsonl", unix.O_CREAT|unix.O_WRONLY|unix.O_APPEND, 0o644)
			m.must(err)
			file := os.NewFile(uintptr(fd), "deep.jsonl")
			defer file.Close()
			_, err = file.WriteString(text)
			m.must(err)
		}
	}
	dig(m, m.path(shop), 500, "d", write(line(2)))
	m.once()
	m.wantRequests("500 folders deep", 2)
	m.wantFinding(health.FolderTooDeep, m.path(".claude/projects"), false)
	dig(m, m.path(shop), 500, "longer-name", write(line(3)))
	stop := m.run()
	m.await("a finding", func() bool {
		return slices.Contains(m.findings(), string(health.FolderTooDeep)+" "+m.path(".claude/projects"))
	})
	m.append(shop+"a.jsonl", line(4))
	m.awaitRequests(3)
	stop()
	if got := m.findings(); len(got) != 1 {
		t.Errorf("findings %.300q", got)
	}
	m.must(os.RemoveAll(m.path(shop + "longer-name")))
	m.once()
	m.wantFinding(health.FolderTooDeep, m.path(".claude/projects"), false)
}

// meddler is Claude, with something done at the first reading of certain logs and with what
// is read of others.
type meddler struct {
	claude.Source
	gate    string // names with this prefix wait for act
	act     *sync.Once
	do      func()
	content func(name string, from io.Reader) io.Reader
}

func (s meddler) Reader(root agent.Root, name string) agent.Reader {
	r := s.Source.Reader(root, name)
	if r == nil {
		return nil
	}
	return meddling{s, r}
}

type meddling struct {
	meddler
	agent.Reader
}

func (r meddling) Read(ctx context.Context, f *agent.File, from agent.Cursor, out agent.Sink) error {
	if r.gate != "" && strings.HasPrefix(filepath.Base(f.Name), r.gate) {
		r.act.Do(r.do)
	}
	if r.content != nil {
		f.Content = r.content(filepath.Base(f.Name), f.Content)
	}
	return r.Reader.Read(ctx, f, from, out)
}

func (m *machine) meddle(s meddler) {
	m.ingest = ingest.New(ingest.Options{
		Store: m.store, Sources: []agent.Source{s, codex.Source{}}, Env: m.env(), Clock: time.Now, Health: m.board,
		Changed: func() { wake(m.changes) },
	})
}

func TestWhatHappensBetweenListingAndReading(t *testing.T) {
	cases := []strange{
		{"deleted", func(*machine, string) {}},
		{"replaced by another file", func(m *machine, path string) { m.append(path, line(3), line(4)) }},
		{"replaced by a link to another file", func(m *machine, path string) {
			m.append("outside.jsonl", line(3), line(4))
			m.must(os.Symlink(m.path("outside.jsonl"), path))
		}},
		{"emptied", func(m *machine, path string) { m.append(path, "") }},
		{"its folder deleted", func(m *machine, path string) { m.must(os.RemoveAll(filepath.Dir(path))) }},
	}
	for _, c := range append(cases, stranges()...) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t)
			// Both readers are held in the newest two while the victim waits in the queue.
			m.append(shop+"gate-1.jsonl", line(1))
			m.append(shop+"gate-2.jsonl", line(2))
			victim := ".claude/projects/-w-victim/v.jsonl"
			m.append(victim, lines(3, 4))
			m.append(shop+"last.jsonl", line(5))
			m.age(victim, time.Hour)
			m.age(shop+"last.jsonl", 2*time.Hour)
			m.meddle(meddler{gate: "gate", act: &sync.Once{}, do: func() {
				m.must(os.Remove(m.path(victim)))
				c.put(m, m.path(victim))
			}})
			m.once()
			if got := m.sums()[claudeID].Requests; got != 3 && got != 5 {
				t.Errorf("%d requests", got)
			}
			m.once() // what is there now is seen at the next look
			want := int64(3)
			if strings.HasPrefix(c.name, "replaced") {
				want = 5
			}
			m.wantRequests("at the next look", want)
			if got := m.findings(); len(got) > 0 {
				t.Errorf("findings %q", got)
			}
		})
	}
}

// during calls f once, after the first bytes were read.
type during struct {
	io.Reader
	f func()
}

func (d *during) Read(p []byte) (int, error) {
	n, err := d.Reader.Read(p[:min(len(p), 4096)])
	if n > 0 {
		d.f()
	}
	return n, err
}

func TestWhatHappensWhileReading(t *testing.T) {
	half := int64(len(lines(1, 1000))) / 2
	for _, c := range []struct {
		name string
		do   func(m *machine, log string)
		want int64
	}{
		{"emptied", func(m *machine, log string) { m.must(os.Truncate(m.path(log), 0)) }, -1},
		{"cut in the middle of a line", func(m *machine, log string) { m.must(os.Truncate(m.path(log), half)) }, -1},
		{"emptied and written anew", func(m *machine, log string) {
			m.must(os.Truncate(m.path(log), 0))
			m.append(log, lines(2001, 4000))
		}, -1},
		{"deleted", func(m *machine, log string) { m.must(os.Remove(m.path(log))) }, 1000},
		{"replaced", func(m *machine, log string) { m.replace(log, lines(1001, 1500)) }, 1500},
		{"replaced by a pipe", func(m *machine, log string) {
			m.must(os.Remove(m.path(log)))
			m.must(unix.Mkfifo(m.path(log), 0o644))
		}, 1000},
		{"its folder renamed", func(m *machine, _ string) {
			m.must(os.Rename(m.path(shop), m.path(".claude/projects/-w-renamed")))
		}, 1000},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t)
			log := shop + "a.jsonl"
			m.append(log, lines(1, 1000))
			var once sync.Once
			m.meddle(meddler{content: func(_ string, from io.Reader) io.Reader {
				return &during{from, func() { once.Do(func() { c.do(m, log) }) }}
			}})
			m.once()
			m.once()
			got := m.sums()[claudeID].Requests
			if c.want >= 0 && got != c.want {
				t.Errorf("%d requests, want %d", got, c.want)
			}
			// Whatever was missed of the old content, the present one is counted in full.
			m.append(log+".new.jsonl", lines(5001, 5003))
			m.once()
			m.wantAllOf(m.sums()[claudeID].Requests)
			if found := m.findings(); len(found) > 0 && !strings.HasPrefix(found[0], string(health.LinesSkipped)) {
				t.Errorf("findings %q", found)
			}
		})
	}
}

// wantAllOf checks that so many requests hold at least those of the home as it is.
func (m *machine) wantAllOf(got int64) {
	m.Helper()
	if want := m.reference()[claudeID].Requests; got < want {
		m.Errorf("%d requests are stored, the logs hold %d", got, want)
	}
	fresh := newMachine(m.TB)
	fresh.home = m.home
	fresh.close()
	fresh.start()
	fresh.once()
	fresh.wantReference("read by a new meter")
}

func TestAWriterThatNeverStopsHoldsNobodyUp(t *testing.T) {
	m := newMachine(t)
	m.append(shop+"endless.jsonl", lines(1, 100))
	for n := range 5 {
		m.append(fmt.Sprintf("%sb%d.jsonl", shop, n), line(100001+n))
		m.age(fmt.Sprintf("%sb%d.jsonl", shop, n), time.Hour)
	}
	var n atomic.Int64
	n.Store(100)
	m.meddle(meddler{content: func(name string, from io.Reader) io.Reader {
		if name != "endless.jsonl" {
			return from
		}
		// Each read is answered by more than was read.
		return &during{from, func() {
			if first := int(n.Add(20)); first < 50000 {
				m.append(shop+"endless.jsonl", lines(first-19, first))
			}
		}}
	}})
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := m.ingest.Once(ctx); err != nil {
		t.Fatalf("reading does not end: %v", err)
	}
	m.wantRequests("as far as the log went when it was looked at", 105)
	m.once()
	if got := m.sums()[claudeID].Requests; got <= 105 || got >= 50000 {
		t.Errorf("the next look ended with %d requests", got)
	}
	stop := m.run() // where the writer's events keep coming
	m.append(shop+"b0.jsonl", line(200000))
	m.await("another log's line", func() bool { f := m.fileOf(shop + "b0.jsonl"); return f != nil && f.Offset > int64(len(line(100001))) })
	stop()
}

func TestACopyTruncatedOrRenamedLogGoesOn(t *testing.T) {
	m := newMachine(t)
	log := shop + "a.jsonl"
	m.append(log, lines(1, 10))
	stop := m.run()
	m.awaitRequests(10)
	text, err := os.ReadFile(m.path(log))
	m.must(err)
	m.append(shop+"a.jsonl.1", string(text)) // copytruncate
	m.must(os.Truncate(m.path(log), 0))
	m.append(log, lines(11, 12))
	m.awaitRequests(12)
	m.must(os.Rename(m.path(log), m.path(shop+"a-1.jsonl"))) // rotated
	m.append(log, line(13))
	m.awaitRequests(13)
	m.append(shop+"a-1.jsonl", line(14)) // its writer still has it open
	m.awaitRequests(14)
	// The same size, the same time, other bytes.
	info, err := os.Stat(m.path(log))
	m.must(err)
	m.must(os.WriteFile(m.path(log+".new"), []byte(line(15)), 0o644))
	m.must(os.Chtimes(m.path(log+".new"), info.ModTime(), info.ModTime()))
	m.must(os.Rename(m.path(log+".new"), m.path(log)))
	m.awaitRequests(15)
	stop()
}

// measured runs a process that reads what there is, and gives the most memory it used, in
// bytes, and the processor's time.
func (m *machine) measured() (memory int64, cpu time.Duration) {
	m.Helper()
	command := m.child("once")
	out, err := command.Output()
	if err != nil {
		m.Fatalf("%v\n%s", err, out)
	}
	_, text, found := strings.Cut(string(out), "\nmemory ")
	if _, err := fmt.Sscan(text, &memory); !found || err != nil {
		m.Fatalf("no figure of memory: %s", out)
	}
	m.Logf("%d MB of memory, %v of the processor", memory/1e6, command.ProcessState.UserTime()+command.ProcessState.SystemTime())
	return memory, command.ProcessState.UserTime() + command.ProcessState.SystemTime()
}

// long is a usage line of a length, with its line feed.
func long(n int, length int64) string {
	whole := line(n)
	return strings.Replace(whole, "a few words", strings.Repeat("x", int(length)-len(whole)+1+len("a few words")), 1)
}

func TestLongestLinesAtOnce(t *testing.T) {
	m := newMachine(t)
	for n := range 2 {
		m.append(fmt.Sprintf("%s%d.jsonl", shop, n), line(10+n), long(20+n, agent.DefaultLimit), line(30+n))
		m.append(fmt.Sprintf("%sover-%d.jsonl", shop, n), line(40+n), long(50+n, agent.DefaultLimit+1), line(60+n))
	}
	m.close()
	memory, _ := m.measured()
	if limit := int64(200_000_000); memory > limit && !raced {
		t.Errorf("reading took %d MB of memory", memory/1e6)
	}
	m.start()
	m.once()
	m.wantRequests("64 MiB lines in, those of a byte more out", 10)
	m.wantFinding(health.LinesSkipped, claude.Source{}.Info().Name, true)
	for _, f := range m.board.Findings() {
		if words := health.Explain(f); !strings.Contains(words.Title, ": 2") {
			t.Errorf("doctor says %q", words.Title)
		}
	}
}

func TestASparseFileOf30GiBIsPassedOver(t *testing.T) {
	m := newMachine(t)
	sparse := shop + "sparse.jsonl"
	m.append(sparse, line(1))
	if err := os.Truncate(m.path(sparse), 30<<30); err != nil {
		t.Skip("no sparse files here:", err)
	}
	for n := range 20 {
		m.append(fmt.Sprintf("%s%d.jsonl", shop, n), line(10+n))
	}
	m.close()
	memory, cpu := m.measured()
	if memory > 200_000_000 && !raced {
		t.Errorf("reading took %d MB of memory", memory/1e6)
	}
	if cpu > 5*time.Second && !raced {
		t.Errorf("reading took %v of the processor", cpu)
	}
	m.start()
	m.wantRequests("beside 30 GiB of nothing", 21)
	before := m.ingest.Progress().Bytes
	m.once()
	if read := m.ingest.Progress().Bytes - before; read > 1<<20 {
		t.Errorf("after a restart %d bytes are read again", read)
	}
	m.append(sparse, "\n"+line(2))
	m.once()
	m.wantRequests("what comes after it", 22)
}

func TestACompressedBombIsCapped(t *testing.T) {
	if testing.Short() {
		t.Skip("unpacks 4 GiB")
	}
	t.Parallel()
	m := newMachine(t)
	name, text := conversation(thread, 1, 5)
	m.append(name, text)
	bomb, _ := conversation("0199aaaa-0000-7000-8000-000000000002", 2, 1)
	m.append(bomb+".zst", "")
	file, err := os.Create(m.path(bomb + ".zst"))
	m.must(err)
	packer, err := zstd.NewWriter(file, zstd.WithEncoderConcurrency(1))
	m.must(err)
	chunk := make([]byte, 4<<20)
	for range 10_000_000_000 / len(chunk) {
		if _, err := packer.Write(chunk); err != nil {
			t.Fatal(err)
		}
	}
	m.must(packer.Close())
	m.must(file.Close())
	m.age(bomb+".zst", time.Hour)
	zipped, _ := conversation("0199aaaa-0000-7000-8000-000000000003", 3, 1)
	m.append(zipped+".zst", "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03not what its name says")
	m.close()
	memory, _ := m.measured()
	if memory > 200_000_000 && !raced {
		t.Errorf("reading took %d MB of memory", memory/1e6)
	}
	m.start()
	begun := time.Now()
	m.once()
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("it was unpacked again, in %v", took)
	}
	if got := m.sums()[codexID].Requests; got != 5 {
		t.Errorf("%d requests beside a bomb", got)
	}
	m.wantFinding(health.FileIncomplete, m.path(bomb+".zst"), true)
	m.wantFinding(health.FileIncomplete, m.path(zipped+".zst"), true)
}

func TestOneInstanceOfEventsIsEnough(t *testing.T) {
	t.Parallel()
	try := exec.Command("unshare", "-Ur", "sh", "-c", "echo 1 > /proc/sys/user/max_inotify_instances")
	if out, err := try.CombinedOutput(); err != nil {
		t.Skipf("a user namespace with limits is not permitted here: %v %s", err, out)
	}
	m := newMachine(t)
	m.append(shop+"a.jsonl", line(1))
	m.close()
	meter := m.talk(m.child("meter", "unshare", "-Ur", "sh", "-c", `echo 1 > /proc/sys/user/max_inotify_instances; exec "$@"`, "sh"))
	meter.until("running")
	m.append(".claude/projects/-new/deep/er/b.jsonl", line(2))
	meter.say("await 2")
	if got := meter.until("requests 2"); slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, "finding") }) {
		t.Errorf("%q", got)
	}
	meter.end()
}
