//go:build linux

package main

import (
	"context"
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
)

// binaryRows looks at the meter's program.
func (b *bench) binaryRows(ctx context.Context) ([]row, error) {
	path := filepath.Join(b.build, "tokenmeter")
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("look at the program: %w", err)
	}
	file, err := elf.Open(path)
	if err != nil {
		return nil, fmt.Errorf("look at the program: %w", err)
	}
	defer file.Close()
	libraries, err := file.ImportedLibraries()
	if err != nil {
		return nil, fmt.Errorf("look at the program: %w", err)
	}
	needs := len(libraries)
	for _, part := range file.Progs {
		if part.Type == elf.PT_INTERP {
			needs++
		}
	}
	var times []float64
	for range 41 {
		s, err := runs(command(ctx, b.folder, path, "--version"))
		if err != nil {
			return nil, err
		}
		times = append(times, milliseconds(s.Wall))
	}
	return []row{
		limited("binary, libraries that it needs", "", float64(needs), 0),
		limited("binary, size", "MB", float64(info.Size())/1e6, 15),
		timed("binary, --version", "ms", median(times[1:]), 10),
	}, nil
}
