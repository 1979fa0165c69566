package demo_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/agent/all"
	"tokenmeter/internal/demo"
	"tokenmeter/internal/health"
	"tokenmeter/internal/ingest"
	"tokenmeter/internal/store"
	"tokenmeter/internal/usage"
)

var noon = time.Date(2026, 11, 20, 12, 30, 0, 0, time.UTC)

func generate(t *testing.T, home string, o demo.Options) *demo.Home {
	t.Helper()
	o.Sources = all.Sources()
	h, err := demo.New(home, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Generate(context.Background()); err != nil {
		t.Fatal(err)
	}
	return h
}

// read takes a home in the whole way, from files to sums, by the given dimensions.
func read(t *testing.T, home string, clock func() time.Time, by ...store.Dimension) []store.Row {
	t.Helper()
	ctx := context.Background()
	s, err := store.Open(ctx, filepath.Join(t.TempDir(), "tokenmeter.db"), store.Options{Zone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	in := ingest.New(ingest.Options{
		Store: s, Sources: all.Sources(), Clock: clock, Health: health.NewBoard(clock), Changed: func() {},
		Env: agent.Env{OS: "linux", Home: home, Variable: func(string) string { return "" }, Exists: func(path string) bool {
			_, err := os.Stat(path)
			return err == nil
		}},
	})
	if err := in.Once(ctx); err != nil {
		t.Fatal(err)
	}
	rows, err := s.History(ctx, store.Query{By: by, Zone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	home := t.TempDir()
	clock := func() time.Time { return noon }
	h := generate(t, home, demo.Options{Seed: 5, Clock: clock, Days: 20})
	compareSums(t, h, read(t, home, clock, store.Agent))
}

// compareSums wants what was read to be what was written, to the token.
func compareSums(t *testing.T, h *demo.Home, rows []store.Row) {
	t.Helper()
	want := h.Sums()
	if len(want) != len(all.Sources()) {
		t.Errorf("%d agents were simulated, there are %d", len(want), len(all.Sources()))
	}
	for _, row := range rows {
		w := want[row.Agent]
		if row.Tokens != w.Tokens || row.Requests != w.Requests {
			t.Errorf("%s: read %d requests, %+v\nwritten %d requests, %+v", row.Agent, row.Requests, row.Tokens, w.Requests, w.Tokens)
		}
		delete(want, row.Agent)
	}
	if len(want) > 0 {
		t.Errorf("nothing was read of %v", want)
	}
}

func TestHistoryIsBelievable(t *testing.T) {
	home := t.TempDir()
	clock := func() time.Time { return noon }
	generate(t, home, demo.Options{Seed: 1, Clock: clock, Days: 90})

	days := read(t, home, clock, store.Day)
	var requests, weekend int64
	for _, d := range days {
		if d.Start == 0 || d.Start.Time().After(noon) {
			t.Errorf("requests at an impossible time: %v", d.Start.Time())
		}
		requests += d.Requests
		if day := d.Start.Time().Weekday(); day == time.Saturday || day == time.Sunday {
			weekend += d.Requests
		}
	}
	if n := len(days); n < 50 || n > 85 {
		t.Errorf("work on %d of 90 days, want working days with days off", n)
	}
	if n := requests / int64(len(days)); n < 60 || n > 600 {
		t.Errorf("%d requests on a day of work", n)
	}
	if weekend*6 > requests {
		t.Errorf("%d of %d requests on weekends", weekend, requests)
	}
	models := read(t, home, clock, store.Model)
	if len(models) < 6 {
		t.Errorf("only %d models", len(models))
	}
	// The worktree counts for its repository, so the scenario's six folders are five.
	projects := read(t, home, clock, store.Project)
	if len(projects) != 5 {
		t.Errorf("%d projects, want 5: %v", len(projects), projects)
	}
	for _, p := range projects {
		if !strings.HasPrefix(p.Project, home) {
			t.Errorf("the project %s is not in the demo's home", p.Project)
		}
	}
}

func TestSomethingHappensInTheLastHourAtAnyTime(t *testing.T) {
	for _, now := range []time.Time{noon, time.Date(2026, 11, 22, 3, 10, 0, 0, time.UTC)} {
		home := t.TempDir()
		clock := func() time.Time { return now }
		generate(t, home, demo.Options{Seed: 2, Clock: clock, Days: 3})
		agents := map[usage.AgentID]bool{}
		for _, row := range read(t, home, clock, store.Hour, store.Agent) {
			if row.Start.Time().After(now.Add(-2 * time.Hour)) {
				agents[row.Agent] = true
			}
		}
		if len(agents) != len(all.Sources()) {
			t.Errorf("at %v only %v were at work", now, agents)
		}
	}
}

func TestTheSameSeedGivesTheSameBytes(t *testing.T) {
	home := filepath.Join(t.TempDir(), "home") // the path is in the logs, so it must be equal too
	hash := func(seed uint64) string {
		if err := os.RemoveAll(home); err != nil {
			t.Fatal(err)
		}
		generate(t, home, demo.Options{Seed: seed, Clock: func() time.Time { return noon }, Days: 10})
		sum := sha256.New()
		for _, path := range files(t, home) {
			content, err := os.ReadFile(filepath.Join(home, path))
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(sum, "%s %d ", path, len(content))
			sum.Write(content)
		}
		return fmt.Sprintf("%x", sum.Sum(nil))
	}
	first, second, other := hash(7), hash(7), hash(8)
	if first != second {
		t.Error("the same seed gave other bytes")
	}
	if first == other {
		t.Error("another seed gave the same bytes")
	}
}

func files(t *testing.T, home string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(home, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			name, _ := filepath.Rel(home, path)
			list = append(list, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(list)
	return list
}

func TestLogsHaveTheTimeOfTheirLastLine(t *testing.T) {
	home := t.TempDir()
	generate(t, home, demo.Options{Seed: 3, Clock: func() time.Time { return noon }, Days: 10})
	old := 0
	for _, name := range files(t, home) {
		if !strings.HasSuffix(name, ".jsonl") {
			continue
		}
		info, err := os.Stat(filepath.Join(home, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.ModTime().After(noon) {
			t.Errorf("%s was changed at %v, after the end of the history", name, info.ModTime())
		}
		if info.ModTime().Before(noon.AddDate(0, 0, -2)) {
			old++
		}
	}
	if old == 0 {
		t.Error("no log is older than two days")
	}
}

func TestConversationsGoOn(t *testing.T) {
	home := t.TempDir()
	var h *demo.Home
	var end time.Time
	synctest.Test(t, func(t *testing.T) {
		h = generate(t, home, demo.Options{Seed: 4, Clock: time.Now, Days: 0, Pace: 10 * time.Second})
		before := requests(h)
		begun := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
		defer cancel()
		if err := h.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took != 10*time.Minute {
			t.Errorf("it ran for %v", took)
		}
		// Three conversations, one request in ten seconds each, with breaks between two
		// conversations.
		if n := requests(h) - before; n < 90 || n > 260 {
			t.Errorf("%d requests in ten minutes", n)
		}
		end = time.Now()
	})
	compareSums(t, h, read(t, home, func() time.Time { return end }, store.Agent))
}

func requests(h *demo.Home) (n int64) {
	for _, c := range h.Sums() {
		n += c.Requests
	}
	return n
}

func TestNobodyToSimulate(t *testing.T) {
	if _, err := demo.New(t.TempDir(), demo.Options{Clock: time.Now}); err == nil {
		t.Error("a demo without agents was made")
	}
}

func BenchmarkGenerate(b *testing.B) {
	for b.Loop() {
		h, err := demo.New(b.TempDir(), demo.Options{Seed: 1, Clock: func() time.Time { return noon }, Days: 90, Sources: all.Sources()})
		if err != nil {
			b.Fatal(err)
		}
		if err := h.Generate(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}
