package claude

import (
	"path"
	"slices"
	"strings"
	"time"

	"tokenmeter/internal/agent"
)

// ID is the agent's short name.
const ID = "claude"

// The kinds of roots.
const (
	// kindProjects is a `projects` folder: every transcript below it counts.
	kindProjects = "projects"
	// kindDesktop is a folder in which Claude Desktop makes a `.claude/projects` of its own
	// for each session, some levels down: only what lies in a `projects` folder counts.
	kindDesktop = "desktop"
	// kindAccount is Claude Code's file on the account, kindHistory Claude Desktop's on the
	// allowance: the root is the file itself.
	kindAccount = "account"
	kindHistory = "history"
	// kindCaptures is the folder with what Claude Code handed to the status line.
	kindCaptures = "captures"
)

// desktopDepth is how far down a `projects` folder of Claude Desktop may lie.
const desktopDepth = 8

// desktopPackage is the family name of Claude Desktop as installed from the Microsoft Store.
const desktopPackage = "Claude_pzs8sxrjxfjjc"

// Source is Claude. Zone tells the zone of the machine, for limit messages that name a time
// of day and no zone; nil: such a time is not used.
type Source struct {
	Zone func() *time.Location
}

// Info implements agent.Source.
func (Source) Info() agent.Info {
	return agent.Info{
		ID:       ID,
		Name:     "Claude",
		Slot:     0,
		Revision: 2,
		Records: []string{
			"input, cache reads, cache writes of five minutes and of an hour, output and its reasoning part, for each request",
			"sub-agents, advisor models and web searches",
			"session, folder, branch, version, model and context size",
			"how much of the allowance was used when Claude Code, Claude Desktop or the status line noted it",
			"the moment a limit was reached",
		},
		Missing: []string{
			"how much of the allowance is used now: without the status line, what is noted may be days old",
			"requests that were cut before their first block was complete, and those of /compact",
			"the full output of a response that was interrupted",
			"the full output of many responses of the versions 2.1.7 to 2.1.96",
		},
	}
}

// Roots implements agent.Source. CLAUDE_CONFIG_DIR replaces the usual folders; a value that
// is no folder stays in the list, so that it can be told. The folders of Claude Desktop, which
// does not know the variable, are always there.
func (Source) Roots(env agent.Env) []agent.Root {
	var roots []agent.Root
	add := func(dir, kind, from string) {
		same := func(r agent.Root) bool { return r.Path == dir }
		if !slices.ContainsFunc(roots, same) {
			aside := kind == kindAccount || kind == kindHistory || kind == kindCaptures
			roots = append(roots, agent.Root{Path: dir, Kind: kind, From: from, Aside: aside})
		}
	}
	var accounts []agent.Root
	account := func(dir, from string) {
		accounts = append(accounts, agent.Root{Path: env.Join(dir, accountFile), Kind: kindAccount, From: from})
	}
	if value := strings.TrimSpace(env.Variable("CLAUDE_CONFIG_DIR")); value != "" {
		dirs := []string{value}
		if !env.Exists(env.Absolute(value)) {
			dirs = strings.Split(value, ",")
		}
		for _, dir := range dirs {
			if dir = strings.TrimSpace(dir); dir != "" {
				projects := projectsOf(env, env.Absolute(dir))
				add(projects, kindProjects, "CLAUDE_CONFIG_DIR")
				account(strings.TrimRight(strings.TrimSuffix(projects, "projects"), `/\`), "CLAUDE_CONFIG_DIR")
			}
		}
		// Who has no such file there is known by the usual one.
		if !slices.ContainsFunc(accounts, func(r agent.Root) bool { return env.Exists(r.Path) }) {
			account(env.Home, "default")
		}
	} else {
		account(env.Home, "default")
		account(env.Join(env.Home, ".claude"), "default")
		add(env.Join(env.Home, ".claude", "projects"), kindProjects, "default")
		add(env.Join(env.ConfigHome(), "claude", "projects"), kindProjects, "default")
		add(env.Join(env.Home, ".openclaude", "projects"), kindProjects, "default")
	}
	for _, dir := range desktopFolders(env) {
		for _, sub := range []string{"local-agent-mode-sessions", "claude-code-sessions"} {
			add(env.Join(dir, sub), kindDesktop, "Claude Desktop")
		}
	}
	for _, r := range accounts {
		add(r.Path, r.Kind, r.From)
	}
	for _, dir := range desktopFolders(env) {
		add(env.Join(dir, historyFile), kindHistory, "Claude Desktop")
	}
	if env.Captures != "" {
		add(env.Captures, kindCaptures, "status line")
	}
	return roots
}

// projectsOf gives the `projects` folder of a folder that may be the configuration folder
// or the `projects` folder itself.
func projectsOf(env agent.Env, dir string) string {
	dir = env.Join(dir)
	inner := env.Join(dir, "projects")
	if base := dir[strings.LastIndexAny(dir, `/\`)+1:]; base == "projects" && !env.Exists(inner) {
		return dir
	}
	return inner
}

func desktopFolders(env agent.Env) []string {
	switch env.OS {
	case "darwin":
		return []string{env.Join(env.Home, "Library", "Application Support", "Claude")}
	case "windows":
		roaming, local := env.Variable("APPDATA"), env.Variable("LOCALAPPDATA")
		if roaming == "" {
			roaming = env.Join(env.Home, "AppData", "Roaming")
		}
		if local == "" {
			local = env.Join(env.Home, "AppData", "Local")
		}
		return []string{
			env.Join(roaming, "Claude"),
			env.Join(local, "Packages", desktopPackage, "LocalCache", "Roaming", "Claude"),
		}
	}
	return []string{env.Join(env.ConfigHome(), "Claude")}
}

// Reader implements agent.Source.
func (s Source) Reader(root agent.Root, name string) agent.Reader {
	switch {
	case root.Kind == kindAccount && name == accountFile:
		return accountReader
	case root.Kind == kindHistory && name == historyFile:
		return historyReader
	case root.Kind == kindCaptures && path.Ext(name) == ".jsonl" && path.Base(name) == name:
		return captureReader
	case root.Kind == kindAccount, root.Kind == kindHistory, root.Kind == kindCaptures:
		return nil
	}
	if !strings.EqualFold(path.Ext(name), ".jsonl") {
		return nil
	}
	if root.Kind == kindDesktop {
		folders := strings.Split(path.Dir(name), "/")
		if at := slices.Index(folders, "projects"); at < 0 || at >= desktopDepth {
			return nil
		}
	}
	return agent.Lines(func(f *agent.File, state []byte) agent.LineParser {
		var zone *time.Location
		if s.Zone != nil {
			zone = s.Zone()
		}
		return newParser(f, state, zone)
	})
}
