package codex

import (
	"strings"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/usage"
)

const id usage.AgentID = "codex"

// Source is Codex.
type Source struct{}

// Info implements agent.Source.
func (Source) Info() agent.Info {
	return agent.Info{
		ID: id, Name: "Codex", Slot: 1, Revision: 1,
		Records: []string{
			"every answered request with its input, cache reads, cache writes, output and reasoning",
			"model, folder, branch and version, service tier, context size",
			"the account's allowance windows as the server stated them",
		},
		Missing: []string{
			"streams that were cut or failed",
			"cost",
			"dates of requests that were copied from a conversation whose log is gone",
		},
	}
}

// Kinds of roots.
const (
	kindSessions = "sessions"
	kindArchive  = "archive"
)

// Roots implements agent.Source: two folders of each Codex home. $CODEX_HOME, a comma
// list, replaces the default even if nothing is there, so that a mistake shows.
func (Source) Roots(env agent.Env) []agent.Root {
	var roots []agent.Root
	add := func(home, from string) {
		roots = append(roots,
			agent.Root{Path: env.Join(home, "sessions"), Kind: kindSessions, From: from},
			agent.Root{Path: env.Join(home, "archived_sessions"), Kind: kindArchive, From: from})
	}
	seen := make(map[string]bool)
	for _, home := range strings.Split(env.Variable("CODEX_HOME"), ",") {
		home = strings.TrimSpace(home)
		if home == "~" || strings.HasPrefix(home, "~/") || env.OS == "windows" && strings.HasPrefix(home, `~\`) {
			home = env.Home + home[1:]
		}
		if home != "" && !seen[home] {
			seen[home] = true
			add(home, "CODEX_HOME")
		}
	}
	if len(roots) == 0 {
		add(env.Join(env.Home, ".codex"), "default")
	}
	return roots
}

// Reader implements agent.Source. The folders below a root do not matter: newer versions
// sort by date, older ones and the archive do not.
func (Source) Reader(_ agent.Root, name string) agent.Reader {
	if stem(name) == "" {
		return nil
	}
	return agent.Lines(func(f *agent.File, state []byte) agent.LineParser { return newParser(f, state) })
}

// stem is what stands between "rollout-" and the ending of a file's name; "" if the file
// is no rollout.
func stem(name string) string {
	base := name[strings.LastIndexByte(name, '/')+1:]
	rest, found := strings.CutPrefix(base, "rollout-")
	if !found {
		return ""
	}
	rest = strings.TrimSuffix(rest, ".zst")
	rest, found = strings.CutSuffix(rest, ".jsonl")
	if !found {
		return ""
	}
	return rest
}

// threadInName is the id of the thread as the file's name tells it, fallback its whole
// stem; stated: it was a UUID.
func threadInName(name string) (thread string, stated bool) {
	rest := stem(name)
	if len(rest) >= 36 {
		tail := rest[len(rest)-36:]
		if isUUID(tail) {
			return strings.ToLower(tail), true
		}
	}
	return bounded([]byte(rest), maxID), false
}

func isUUID(s string) bool {
	for i := range len(s) {
		c := s[i]
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if !(c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f') {
				return false
			}
		}
	}
	return len(s) == 36
}
