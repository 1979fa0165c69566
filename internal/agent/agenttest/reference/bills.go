package reference

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Bill is what a transcript of Claude Code says that a session has used of a model so far.
type Bill struct {
	Session, Model string
	Time           time.Time // of the last dated line before it; zero = none
	Micros         int64

	Input, CacheRead, CacheWrite5m, CacheWrite1h, Output, Reasoning, Searches int64
}

// ClaudeBills reads all that the transcripts under a folder of projects say, line by line. A
// session whose line does not name it is called as its file says.
func ClaudeBills(projects string) (bills []Bill, err error) {
	err = filepath.WalkDir(projects, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(projects, path)
		if err != nil {
			return err
		}
		named, _ := claudeNamed(filepath.ToSlash(name))
		var last time.Time
		for _, line := range lines(content) {
			for _, record := range records(line.text, isClaudeRecord) {
				if at := moment(member(record.tree, "timestamp")); !at.IsZero() {
					last = at
				}
				if !isClaudeBill(record.tree) {
					continue
				}
				session := claudeName(record.tree, "sessionId")
				if session == "" {
					session = named
				}
				for model, used := range member(record.tree, "modelUsage").(map[string]any) {
					b := Bill{
						Session: session, Model: model, Time: last,
						Input: count(used, "inputTokens"), CacheRead: count(used, "cacheReadInputTokens"),
						Output: count(used, "outputTokens"), Searches: count(used, "webSearchRequests"),
						CacheWrite1h: count(used, "cacheCreationEphemeral1hInputTokens"),
					}
					b.CacheWrite5m = max(count(used, "cacheCreationInputTokens")-b.CacheWrite1h, count(used, "cacheCreationEphemeral5mInputTokens"))
					b.Reasoning = min(count(used, "thinkingTokens"), b.Output)
					cost, ok := micros(member(used, "costUSD"))
					b.Micros = cost
					if ok && model != "" && len(model) <= 4096 && b.Input+b.CacheRead+b.CacheWrite5m+b.CacheWrite1h+b.Output+cost > 0 {
						bills = append(bills, b)
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read bills: %w", err)
	}
	return bills, nil
}

func isClaudeBill(tree any) bool {
	_, used := member(tree, "modelUsage").(map[string]any)
	return used && claudeName(tree, "type") == "cost-state"
}

// micros reads dollars as millionths, half to even, up to a billion dollars.
func micros(value any) (int64, bool) {
	number, ok := value.(json.Number)
	if !ok || len(number) > 400 || strings.HasPrefix(string(number), "-") {
		return 0, false
	}
	if f, err := number.Float64(); err != nil || f > 2e9 {
		return 0, false
	} else if f < 1e-300 {
		return 0, true
	}
	exact, ok := new(big.Rat).SetString(string(number))
	if !ok {
		return 0, false
	}
	exact.Mul(exact, big.NewRat(1_000_000, 1))
	text := exact.FloatString(0) // half away from zero
	n, ok := new(big.Int).SetString(text, 10)
	if !ok {
		return 0, false
	}
	if half := new(big.Rat).Sub(new(big.Rat).SetInt(n), exact); half.Cmp(big.NewRat(1, 2)) == 0 && n.Bit(0) == 1 {
		n.Sub(n, big.NewInt(1))
	}
	return n.Int64(), n.Cmp(big.NewInt(1_000_000_000_000_000)) <= 0
}
