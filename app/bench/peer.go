//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// peerVersion is the newest version whose program for this system is served, too.
const peerVersion = "20.0.24"

// peerTimes are ccusage's medians on the usual corpus, in seconds, with its sums.
type peerTimes struct {
	wall, cpu float64
	sums      string
}

// ccusage gives the peer's program, which is fetched into the bench's folder the first time.
// It is the native program behind the command, so that it need not wait for node.
func (b *bench) ccusage(ctx context.Context) (string, error) {
	folder := b.path("npm")
	pattern := filepath.Join(folder, "node_modules/@ccusage/*/bin/ccusage")
	found, err := filepath.Glob(pattern)
	if err == nil && len(found) == 0 {
		if _, err := exec.LookPath("npm"); err != nil {
			return "", fmt.Errorf("npm is not here")
		}
		b.say("fetching ccusage %s", peerVersion)
		c := exec.CommandContext(ctx, "npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", folder, "ccusage@"+peerVersion)
		if out, err := c.CombinedOutput(); err != nil {
			return "", fmt.Errorf("npm cannot install ccusage@%s: %w: %s", peerVersion, err, lastLine(string(out)))
		}
		found, err = filepath.Glob(pattern)
	}
	if err != nil || len(found) == 0 {
		return "", fmt.Errorf("ccusage@%s has no program for this system", peerVersion)
	}
	if err := os.Chmod(found[0], 0o755); err != nil {
		return "", fmt.Errorf("make ccusage a program: %w", err)
	}
	return found[0], nil
}

// peerRun is one run of ccusage over a home.
func peerRun(ctx context.Context, program string, h *home) (spent, string, error) {
	c := command(ctx, h.path, program, "daily", "--json", "--offline", "--timezone", "UTC")
	var out bytes.Buffer
	c.Stdout = &out
	s, err := launched(ctx, c)
	if err != nil {
		return s, "", err
	}
	var answer struct {
		Totals struct {
			InputTokens, OutputTokens, CacheCreationTokens, CacheReadTokens int64
		}
	}
	if err := json.Unmarshal(out.Bytes(), &answer); err != nil {
		return s, "", fmt.Errorf("read what ccusage printed: %w", err)
	}
	t := answer.Totals
	return s, fmt.Sprintf("%d input, %d output, %d cache writes, %d cache reads", t.InputTokens, t.OutputTokens, t.CacheCreationTokens, t.CacheReadTokens), nil
}
