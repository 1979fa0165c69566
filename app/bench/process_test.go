//go:build linux

package main

import (
	"context"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tokenmeter/internal/corpus"
)

func TestAProcessIsLookedAt(t *testing.T) {
	begun, err := exactTime(os.Getpid())
	if err != nil || begun <= 0 {
		t.Fatalf("own time %v, %v", begun, err)
	}
	path := filepath.Join(t.TempDir(), "file")
	handed, _, err := written(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, make([]byte, 100_000), 0o600); err != nil {
		t.Fatal(err)
	}
	after, _, err := written(os.Getpid())
	if err != nil || after-handed < 100_000 {
		t.Errorf("100,000 bytes were written, %d are told of, %v", after-handed, err)
	}
	if n, err := wakeUps(os.Getpid()); err != nil || n <= 0 {
		t.Errorf("%d wake-ups, %v", n, err)
	}
	if n, err := resident(os.Getpid()); err != nil || n < 1<<20 {
		t.Errorf("%d bytes resident, %v", n, err)
	}
	if _, err := cpuTime(os.Getpid()); err != nil {
		t.Error(err)
	}
	if _, err := exactTime(1 << 30); err == nil {
		t.Error("a process that is not there was looked at")
	}
}

func TestWhatAChildTakesAndSays(t *testing.T) {
	ctx := context.Background()
	s, err := runs(command(ctx, t.TempDir(), "sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done"))
	if err != nil || s.CPU <= 0 || s.Wall < s.CPU/2 || s.Memory <= 0 {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := runs(command(ctx, t.TempDir(), "sh", "-c", "echo first >&2; echo the reason >&2; exit 3")); err == nil || !strings.Contains(err.Error(), "the reason") {
		t.Errorf("a failure gives %v", err)
	}
	out, err := prints(command(ctx, t.TempDir(), "sh", "-c", `echo "$CLAUDE_CONFIG_DIR$XDG_CONFIG_HOME$TZ"`))
	if err != nil || string(out) != "UTC\n" {
		t.Errorf("the environment leads elsewhere: %q, %v", out, err)
	}
}

// TestTheLauncherDoesNotLendItsMemory: a process that has much starts one that has little.
func TestTheLauncherDoesNotLendItsMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the bench")
	}
	program := filepath.Join(t.TempDir(), "bench")
	if out, err := exec.Command("go", "build", "-tags", "sqlite_omit_load_extension,no_emoji", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ballast := make([]byte, 200<<20)
	for i := 0; i < len(ballast); i += 4096 {
		ballast[i] = 1
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	launcher := exec.Command(program, launchCommand, "true")
	launcher.ExtraFiles = []*os.File{write}
	if err := launcher.Run(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	text := make([]byte, 1000)
	n, err := read.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	_, memory, _ := strings.Cut(string(text[:n]), `"Memory":`)
	memory, _, _ = strings.Cut(memory, "}")
	if len(memory) == 0 || len(memory) > len("99999999") || ballast[0] != 1 {
		t.Errorf("true took %s bytes: %s", memory, text[:n])
	}
}

func TestProcessesThatEnd(t *testing.T) {
	r, err := starts(command(context.Background(), t.TempDir(), "sh", "-c", "exit 4"))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.pause(context.Background(), time.Minute); err == nil || !strings.Contains(err.Error(), "exit status 4") {
		t.Errorf("an early end gives %v", err)
	}
	r, err = starts(command(context.Background(), t.TempDir(), "sleep", "100"))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.settles(context.Background(), time.Minute); err != nil {
		t.Error(err)
	}
	if err := r.stop(); err == nil || !strings.Contains(err.Error(), "terminated") {
		t.Errorf("the end by a signal gives %v", err)
	}
}

func TestTodayIsNeverShort(t *testing.T) {
	for hour := range 24 {
		now := time.Date(2026, 11, 24, hour, 40, 0, 0, time.UTC)
		name, midnight := zoneAtNoon(now)
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Skip("no time zone data: ", err)
		}
		local := now.In(zone)
		if want := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, zone); !midnight.Equal(want) {
			t.Errorf("at %v midnight in %s is %v, not %v", now, name, want, midnight)
		}
		if h := now.Sub(midnight).Hours(); h < 11 || h > 14 {
			t.Errorf("at %v today is %.1f hours long", now, h)
		}
	}
}

func TestAKeptCorpusIsKnownAgain(t *testing.T) {
	b := &bench{options: options{folder: t.TempDir()}, errs: &strings.Builder{}, begun: time.Now(), made: map[string]*home{}}
	ctx := context.Background()
	const tiny = 0.004
	first, err := b.home(ctx, "home", tiny)
	if err != nil {
		t.Fatal(err)
	}
	again := func() (*home, bool) {
		b.made = map[string]*home{}
		said := &strings.Builder{}
		b.errs = said
		h, err := b.home(ctx, "home", tiny)
		if err != nil {
			t.Fatal(err)
		}
		return h, strings.Contains(said.String(), "writing")
	}
	h, wrote := again()
	if wrote || h.truth.Total != first.truth.Total || h.truth.Bytes == 0 {
		t.Errorf("written again %v: %+v, first %+v", wrote, h.truth.Total, first.truth.Total)
	}

	// What an earlier run added is taken away, and a corpus that is cut is written anew.
	day := planOf(9, 8, 1<<20, 1<<20)
	day.Until, day.Span = corpusEnd.Add(48*time.Hour), 10*time.Hour
	if _, err := corpus.Write(ctx, h.path, day); err != nil {
		t.Fatal(err)
	}
	if h, wrote = again(); wrote {
		t.Error("added logs spoil the corpus")
	}
	if files, _, err := h.measure(); err != nil || files != first.truth.Files {
		t.Errorf("%d files are left of %d, %v", files, first.truth.Files, err)
	}
	if err := h.removeAfter(corpusEnd.Add(-10 * 24 * time.Hour)); err != nil {
		t.Fatal(err)
	}
	if h, wrote = again(); !wrote || h.truth.Bytes != first.truth.Bytes {
		t.Errorf("a corpus without its newest logs: written again %v", wrote)
	}
}

func TestWhatIsDrawn(t *testing.T) {
	black := picture(func(int) [3]byte { return [3]byte{} })
	noise := picture(func(i int) [3]byte { return [3]byte{byte(i), byte(i / 3), 7} })
	page := picture(func(i int) [3]byte {
		if i%9 == 0 {
			return [3]byte{0x8f, 0xa6, 0xff}
		}
		return [3]byte{byte(i), byte(i / 3), 7}
	})
	if drawn(black) || drawn(noise) || !drawn(page) {
		t.Errorf("black %v, without the accent %v, a page %v", drawn(black), drawn(noise), drawn(page))
	}
}

func picture(colour func(i int) [3]byte) *image.RGBA {
	p := image.NewRGBA(image.Rect(0, 0, 20, 20))
	for i := range 400 {
		c := colour(i)
		copy(p.Pix[4*i:], []byte{c[0], c[1], c[2], 255})
	}
	return p
}
