package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"tokenmeter/internal/agent/claude"
	"tokenmeter/internal/agent/codex"
	"tokenmeter/internal/corpus"
)

// The corpus that all rows are measured on, in files and bytes.
const (
	corpusFiles = 3000
	claudeBytes = 1 << 30
	codexBytes  = 256 << 20
)

// corpusEnd is when its last line was written. It does not move, so that runs on two days
// read the same bytes.
var corpusEnd = time.Date(2026, 11, 20, 18, 0, 0, 0, time.UTC)

// planOf is a corpus of 90 days.
func planOf(seed uint64, files int, claudes, codexes int64) corpus.Plan {
	return corpus.Plan{
		Seed: seed, Files: files, Span: 90 * 24 * time.Hour, Until: corpusEnd,
		Shares: []corpus.Share{
			{Source: claude.Source{}, Bytes: claudes, CacheWrites: true, Models: []string{"claude-opus-4-8", "claude-sonnet-4-6", "claude-haiku-4-5"}},
			{Source: codex.Source{}, Bytes: codexes, Models: []string{"gpt-5.6-sol", "gpt-5.6"}},
		},
	}
}

// writeCorpus is the command "corpus": it fills a folder and prints what is in it as JSON.
func writeCorpus(ctx context.Context, args []string, out, errs io.Writer) error {
	flags := flag.NewFlagSet("bench corpus", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.Usage = func() {
		fmt.Fprintln(errs, "usage: bench corpus DIR [flags]")
		flags.PrintDefaults()
	}
	seed := flags.Uint64("seed", 1, "the same seed and sizes give the same bytes")
	files := flags.Int("files", corpusFiles, "number of files")
	claudes := flags.Int64(string(claude.Source{}.Info().ID), claudeBytes, "bytes of Claude Code's logs")
	codexes := flags.Int64(string(codex.Source{}.Info().ID), codexBytes, "bytes of Codex's logs")
	until := flags.String("until", corpusEnd.Format(time.RFC3339), "time of the last line")
	days := flags.Int("days", 90, "days from the first line to the last")

	// The folder may stand before or behind the flags.
	folder := ""
	if len(args) > 0 && args[0] != "" && args[0][0] != '-' {
		folder, args = args[0], args[1:]
	}
	if err := flags.Parse(args); err != nil {
		return errUsage
	}
	if folder == "" {
		folder = flags.Arg(0)
	}
	if folder == "" {
		flags.Usage()
		return errUsage
	}
	plan := planOf(*seed, *files, *claudes, *codexes)
	end, err := time.Parse(time.RFC3339, *until)
	if err != nil {
		return fmt.Errorf("read --until: %w", err)
	}
	plan.Until, plan.Span = end, time.Duration(*days)*24*time.Hour
	begun := time.Now()
	truth, err := corpus.Write(ctx, folder, plan)
	if err != nil {
		return err
	}
	fmt.Fprintf(errs, "%d files, %d lines, %d bytes in %.1f s\n", truth.Files, truth.Lines, truth.Bytes, time.Since(begun).Seconds())
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(truth)
}

// errUsage is a wrong command line; what is wrong was said.
var errUsage = errors.New("wrong usage")
