//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// importRows reads the whole corpus for the first time, in turn with the programs that it is
// compared with: what disturbs one round disturbs all of them.
func (b *bench) importRows(ctx context.Context) ([]row, error) {
	h, err := b.usual(ctx)
	if err != nil {
		return nil, err
	}
	if err := h.warm(ctx); err != nil {
		return nil, err
	}
	peer, noPeer := b.ccusage(ctx)
	var cat, grep, other, own series
	var data, peerSums string
	for round := range b.rounds {
		b.say("import, round %d of %d", round+1, b.rounds)
		if err := cat.add(runs(command(ctx, h.path, "sh", "-c", "find . -type f -print0 | xargs -0 cat >/dev/null"))); err != nil {
			return nil, err
		}
		// With its output on /dev/null grep would stop at each file's first match.
		if err := grep.add(runs(command(ctx, h.path, "sh", "-c", `grep -rc '"usage"' . | cat >/dev/null`))); err != nil {
			return nil, err
		}
		if noPeer == nil {
			s, sums, err := peerRun(ctx, peer, h)
			if err := other.add(s, err); err != nil {
				return nil, err
			}
			peerSums = sums
		}
		if data, err = b.fresh("import"); err != nil {
			return nil, err
		}
		if err := own.add(launched(ctx, b.tokenmeter(ctx, h.path, data, "scan"))); err != nil {
			return nil, err
		}
	}
	own.tell(b, "tokenmeter")
	other.tell(b, "ccusage")
	grep.tell(b, "grep")

	var rows []row
	wall, cpu := median(own.wall), median(own.cpu)
	catWall, grepCPU := median(cat.wall), median(grep.cpu)
	if noPeer == nil {
		b.peer = &peerTimes{wall: median(other.wall), cpu: median(other.cpu), sums: peerSums}
		rows = append(rows,
			compared("import, wall", "s", wall, b.peer.wall, "ccusage", 0.35),
			compared("import, CPU", "s", cpu, b.peer.cpu, "ccusage", 0.35))
		rows[0].Peer, rows[1].Peer = &b.peer.wall, &b.peer.cpu
	} else {
		rows = append(rows, figure("import, wall", "s", wall), figure("import, CPU", "s", cpu))
		rows[0].Verdict, rows[0].Note = skipped, "no ratio to ccusage: "+noPeer.Error()
		rows[1].Verdict, rows[1].Note = skipped, rows[0].Note
	}
	rows[0].Floor, rows[1].Floor = &catWall, &grepCPU
	against := compared("import, CPU against grep", "s", cpu, grepCPU, "grep", 3)
	against.Floor = &grepCPU
	rows = append(rows, against, limited("import, peak memory", "MB", percentile(own.memory, 1), 100))

	off, err := b.differences(ctx, h, data)
	if err != nil {
		return rows, err
	}
	exact := limited("import, sums that are not exact", "", float64(off), 0)
	if noPeer == nil {
		t := countsOf(h.truth.Total)
		exact.Note = fmt.Sprintf("in the logs %d input, %d output, %d cache writes, %d cache reads; ccusage says %s",
			t.InputTokens, t.OutputTokens, t.CacheCreationTokens, t.CacheReadTokens, peerSums)
	}
	bytes, err := databaseBytes(data)
	if err != nil {
		return rows, err
	}
	return append(rows, exact, limited("database, bytes a request", "B", float64(bytes)/float64(h.truth.Total.Requests), 110)), nil
}

// series are the runs of one program.
type series struct{ wall, cpu, memory []float64 }

func (s *series) add(t spent, err error) error {
	if err != nil {
		return err
	}
	s.wall = append(s.wall, t.Wall.Seconds())
	s.cpu = append(s.cpu, t.CPU.Seconds())
	s.memory = append(s.memory, float64(t.Memory)/1e6)
	return nil
}

func (s *series) tell(b *bench, name string) {
	if len(s.wall) > 0 {
		b.say("%s: wall %.2f s, CPU %.2f s, memory %.0f MB (medians of %d)", name, median(s.wall), median(s.cpu), median(s.memory), len(s.wall))
	}
}

// databaseBytes are those of all files of the database.
func databaseBytes(data string) (int64, error) {
	paths, err := filepath.Glob(filepath.Join(data, "tokenmeter.db*"))
	if err != nil || len(paths) == 0 {
		return 0, fmt.Errorf("there is no database in %s", data)
	}
	var sum int64
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return 0, fmt.Errorf("look at the database: %w", err)
		}
		sum += info.Size()
	}
	return sum, nil
}
