//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"tokenmeter/internal/corpus"
)

// home is a corpus on disk.
type home struct {
	path  string
	truth corpus.Truth
}

// note is kept beside a corpus, to know it again.
type note struct {
	Revision int
	Seed     uint64
	Files    int
	Shares   map[string]int64
	Truth    corpus.Truth
}

func noteOf(p corpus.Plan) note {
	n := note{Revision: corpus.Revision, Seed: p.Seed, Files: p.Files, Shares: map[string]int64{}}
	for _, s := range p.Shares {
		n.Shares[string(s.Source.Info().ID)] = s.Bytes
	}
	return n
}

func (n note) same(m note) bool {
	n.Truth, m.Truth = corpus.Truth{}, corpus.Truth{}
	a, errA := json.Marshal(n)
	b, errB := json.Marshal(m)
	return errA == nil && errB == nil && string(a) == string(b)
}

// Of the home that shows what a first start on much takes.
const largeTimes = 4.8 // × the corpus = 6 GiB

// usual is the corpus that most rows are measured on.
func (b *bench) usual(ctx context.Context) (*home, error) { return b.home(ctx, "home", 1) }

// home gives a corpus of so many times the usual size. One that an earlier run left is taken
// if it is of the same plan and complete.
func (b *bench) home(ctx context.Context, name string, times float64) (*home, error) {
	if b.quick {
		name, times = name+"-quick", times/10
	}
	if h := b.made[name]; h != nil {
		return h, nil
	}
	plan := planOf(1, int(corpusFiles*times), int64(claudeBytes*times), int64(codexBytes*times))
	want, noted := noteOf(plan), b.path(name+".json")
	h := &home{path: b.path(name)}
	var found note
	if text, err := os.ReadFile(noted); err == nil && json.Unmarshal(text, &found) == nil && found.same(want) {
		if err := h.removeAfter(corpusEnd.Add(time.Hour)); err != nil {
			return nil, err
		}
		if files, bytes, err := h.measure(); err == nil && files == found.Truth.Files && bytes == found.Truth.Bytes {
			h.truth = found.Truth
			b.made[name] = h
			return h, nil
		}
	}
	if err := errors.Join(os.RemoveAll(noted), os.RemoveAll(h.path)); err != nil {
		return nil, fmt.Errorf("remove an old corpus: %w", err)
	}
	b.say("writing %d files of %.2f GiB into %s", plan.Files, float64(claudeBytes+codexBytes)*times/(1<<30), h.path)
	truth, err := corpus.Write(ctx, h.path, plan)
	if err != nil {
		return nil, err
	}
	h.truth, want.Truth = truth, truth
	text, err := json.Marshal(want)
	if err == nil {
		err = os.WriteFile(noted, text, 0o600)
	}
	if err != nil {
		return nil, fmt.Errorf("note what a corpus holds: %w", err)
	}
	b.made[name] = h
	return h, nil
}

// each calls f for each log.
func (h *home) each(f func(path string, info fs.FileInfo) error) error {
	return filepath.WalkDir(h.path, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".jsonl" {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		return f(path, info)
	})
}

func (h *home) measure() (files int, bytes int64, err error) {
	err = h.each(func(_ string, info fs.FileInfo) error {
		files++
		bytes += info.Size()
		return nil
	})
	return files, bytes, err
}

// removeAfter removes the logs that are newer, which an earlier run added.
func (h *home) removeAfter(end time.Time) error {
	return h.each(func(path string, info fs.FileInfo) error {
		if info.ModTime().After(end) {
			return os.Remove(path)
		}
		return nil
	})
}

// warm reads all logs once, so that none of what follows waits for a disk.
func (h *home) warm(ctx context.Context) error {
	_, err := runs(command(ctx, h.path, "sh", "-c", "find . -type f -print0 | xargs -0 cat >/dev/null"))
	return err
}

// answer is what history --json prints, as far as it is compared.
type answer struct {
	Rows   []counts
	Totals counts
}

type counts struct {
	Agent, Model, Project string
	InputTokens           int64
	OutputTokens          int64
	CacheCreationTokens   int64
	CacheReadTokens       int64
	ReasoningTokens       int64
	Requests              int64
}

func countsOf(s corpus.Sum) counts {
	return counts{
		InputTokens: s.Tokens.Input, OutputTokens: s.Tokens.Output, CacheCreationTokens: s.Tokens.CacheWrite(),
		CacheReadTokens: s.Tokens.CacheRead, ReasoningTokens: s.Tokens.Reasoning, Requests: s.Requests,
	}
}

// history asks the program for its sums.
func (b *bench) history(ctx context.Context, h *home, data string, args ...string) (*answer, error) {
	out, err := prints(b.tokenmeter(ctx, h.path, data, append([]string{"history", "--json"}, args...)...))
	if err != nil {
		return nil, err
	}
	var a answer
	if err := json.Unmarshal(out, &a); err != nil {
		return nil, fmt.Errorf("read what history --json printed: %w", err)
	}
	return &a, nil
}

// differences counts the sums that are not those of the corpus: in all, and by agent, model
// and project.
func (b *bench) differences(ctx context.Context, h *home, data string) (int, error) {
	off := 0
	for _, by := range []string{"agent", "model", "project"} {
		a, err := b.history(ctx, h, data, "--by", by)
		if err != nil {
			return 0, err
		}
		want := map[string]counts{}
		switch by {
		case "agent":
			for id, sum := range h.truth.Agents {
				want[string(id)] = countsOf(sum)
			}
		case "model":
			for name, sum := range h.truth.Models {
				want[name] = countsOf(sum)
			}
		default:
			for path, sum := range h.truth.Projects {
				want[path] = countsOf(sum)
			}
		}
		for _, got := range a.Rows {
			key := got.Agent + got.Model + got.Project
			got.Agent, got.Model, got.Project = "", "", ""
			if got != want[key] {
				off++
			}
			delete(want, key)
		}
		off += len(want)
		if by == "agent" && a.Totals != countsOf(h.truth.Total) {
			off++
		}
	}
	return off, nil
}
