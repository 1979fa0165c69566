package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tokenmeter/internal/usage"
)

// The corpus of the benchmarks: a year of two agents, five models, sixty projects and
// three hundred events a file, in the shape of real logs.
const (
	corpusEvents = 1_000_000
	corpusFile   = 300
)

// corpusChunk is the n-th file of the corpus, newest first. Every fourth is of the agent
// whose logs are threads.
func corpusChunk(n int) *Chunk {
	r := rand.New(rand.NewPCG(uint64(n), 1))
	files := corpusEvents / corpusFile
	start := at("2026-11-20T00:00:00Z") - usage.Millis(n)*365*dayLength/usage.Millis(files)
	name := fmt.Sprintf("%08x-5b1c-4c7e-9d3a-%012x", r.Uint32(), r.Uint64()>>16)
	threads := n%4 == 0
	c := &Chunk{File: &File{
		Agent: "first", Root: "/home/someone/.first/projects", Name: fmt.Sprintf("-w-project-%d/%s.jsonl", n%60, name),
		Device: 64769, Inode: uint64(5000000 + n), Size: 400_000, Modified: int64(start) * 1_000_000, Offset: 400_000,
		Tail: make([]byte, 8), State: make([]byte, 40), Revision: 1, Seen: start + 1000,
	}}
	if threads {
		c.File.Agent = "second"
		c.Threads = []usage.Thread{{ID: name}}
	}
	c.File.Path = filepath.Join(c.File.Root, c.File.Name)
	when := start
	model := fmt.Sprint("model-", n%5)
	used, resets := 10.0, start+5*3600*1000
	for i := range corpusFile {
		when += usage.Millis(r.IntN(90_000))
		if r.IntN(40) == 0 {
			model = fmt.Sprint("model-", r.IntN(5))
		}
		e := usage.Event{
			Key: usage.Key(r.Uint64()), Time: when, Session: name, Project: fmt.Sprint("/w/project-", n%60), Branch: "main", Version: "2.1.130", Model: model,
			Tokens: usage.Tokens{Input: int64(r.IntN(300)), CacheRead: int64(r.IntN(150_000)), CacheWrite5m: int64(r.IntN(9000)), Output: int64(r.IntN(3000)), Reasoning: int64(r.IntN(300))},
			Offset: int64(i) * 1300,
		}
		if threads {
			row := r.Uint64()
			e.Thread, e.Ordinal, e.Key = name, i, usage.RowKey(name, row)
			c.Marks = append(c.Marks, usage.Mark{Thread: name, Ordinal: i, Print: r.Uint64(), Row: row, Time: when})
			if r.IntN(12) == 0 {
				used++
			}
			for _, minutes := range []int64{300, 10080} {
				c.Samples = append(c.Samples, usage.Sample{LimitID: "main", WindowMinutes: minutes, UsedPercent: used, ResetsAt: resets, ObservedAt: when, Source: usage.SourceServer, Plan: "plus", Thread: name, Ordinal: i})
			}
		} else if r.IntN(3) == 0 {
			e.CountedAt = when + usage.Millis(r.IntN(20_000)) // counted by a later line
		}
		c.Events = append(c.Events, e)
	}
	c.Sessions = []usage.Session{{ID: name, Project: c.Events[0].Project, Branch: "main", Version: "2.1.130", Model: model, ContextTokens: 90_000, Time: when}}
	return c
}

// fill writes the corpus as an import does.
func fill(tb testing.TB, s *Store, events int) {
	if err := s.Importing(context.Background(), true); err != nil {
		tb.Fatal(err)
	}
	const files = (32 << 10) / corpusFile
	for n := 0; n < events/corpusFile; n += files {
		update(tb, s, func(tx *Tx) error {
			for i := n; i < min(n+files, events/corpusFile); i++ {
				if err := tx.Write(corpusChunk(i)); err != nil {
					return err
				}
			}
			families, err := tx.Unsettled("second")
			if err != nil || len(families) > 0 {
				return fmt.Errorf("%d families: %w", len(families), err)
			}
			return nil
		})
	}
	if err := s.Importing(context.Background(), false); err != nil {
		tb.Fatal(err)
	}
}

func BenchmarkImport(b *testing.B) {
	for b.Loop() {
		s := open(b, load("Europe/Berlin"))
		fill(b, s, corpusEvents)
		info, err := os.Stat(s.path)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(info.Size())/corpusEvents, "B/event")
		s.Close()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/corpusEvents, "ns/event")
}

func BenchmarkHistory(b *testing.B) {
	zone := load("Europe/Berlin")
	path := filepath.Join(b.TempDir(), "tokenmeter.db")
	s := openAt(b, path, Options{Zone: zone})
	fill(b, s, corpusEvents)
	now := at("2026-11-20T15:00:00Z")
	ago := func(days int) usage.Millis {
		local := now.Time().In(zone)
		return usage.MillisOf(time.Date(local.Year(), local.Month(), local.Day()-days, 0, 0, 0, 0, zone))
	}
	for _, bench := range []struct {
		name string
		q    Query
	}{
		{"year by day, agent, model", Query{By: []Dimension{Day, Agent, Model}, Since: ago(365), Zone: zone}},
		{"year by day, project", Query{By: []Dimension{Day, Project}, Since: ago(365), Zone: zone}},
		{"all by month, model", Query{By: []Dimension{Month, Model}, Zone: zone}},
		{"all by week, agent", Query{By: []Dimension{Week, Agent}, Zone: zone}},
		{"all by agent, model", Query{By: []Dimension{Agent, Model}, Zone: zone}},
		{"90 days by day, project", Query{By: []Dimension{Day, Project}, Since: ago(90), Zone: zone}},
		{"30 days by day, model", Query{By: []Dimension{Day, Model}, Since: ago(30), Zone: zone}},
		{"24 hours by hour, agent", Query{By: []Dimension{Hour, Agent}, Since: now - dayLength, Zone: zone}},
		{"30 days by hour", Query{By: []Dimension{Hour}, Since: ago(30), Zone: zone}},
		{"year by day, other zone", Query{By: []Dimension{Day, Agent}, Since: ago(365), Zone: load("Asia/Kathmandu")}},
		{"all by session", Query{By: []Dimension{Session}, Zone: zone}},
		{"30 days by session", Query{By: []Dimension{Session}, Since: ago(30), Zone: zone}},
		{"90 days by day, session", Query{By: []Dimension{Day, Session}, Since: ago(90), Zone: zone}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			rows := 0
			for b.Loop() {
				rows = len(ask(b, s, bench.q))
			}
			b.ReportMetric(float64(rows), "rows")
		})
	}
	b.Run("recent", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Recent(context.Background(), now-3600*1000*15); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("sessions", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Sessions(context.Background(), now-3600*1000*15); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("agents", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Agents(context.Background()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("samples of a week", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Samples(context.Background(), ago(7)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("append", func(b *testing.B) {
		i := 0
		for b.Loop() {
			i++
			c := corpusChunk(0)
			e := c.Events[0]
			e.Key, e.Time = usage.Key(i), now+usage.Millis(i)
			c.File.Offset += int64(i)
			write(b, s, &Chunk{File: c.File, Events: []usage.Event{e}})
		}
	})
}
