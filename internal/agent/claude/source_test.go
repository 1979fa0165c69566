package claude

import (
	"slices"
	"testing"

	"tokenmeter/internal/agent"
)

func TestRoots(t *testing.T) {
	for _, c := range []struct {
		name      string
		system    string
		variables map[string]string
		exist     []string
		want      []string // path, kind
	}{
		{name: "Linux", system: "linux", want: []string{
			"/home/ada/.claude/projects", kindProjects,
			"/home/ada/.config/claude/projects", kindProjects,
			"/home/ada/.openclaude/projects", kindProjects,
			"/home/ada/.config/Claude/local-agent-mode-sessions", kindDesktop,
			"/home/ada/.config/Claude/claude-code-sessions", kindDesktop,
			"/home/ada/.claude.json", kindAccount,
			"/home/ada/.claude/.claude.json", kindAccount,
			"/home/ada/.config/Claude/plan-usage-history.json", kindHistory,
		}},
		{name: "macOS", system: "darwin", want: []string{
			"/home/ada/.claude/projects", kindProjects,
			"/home/ada/.config/claude/projects", kindProjects,
			"/home/ada/.openclaude/projects", kindProjects,
			"/home/ada/Library/Application Support/Claude/local-agent-mode-sessions", kindDesktop,
			"/home/ada/Library/Application Support/Claude/claude-code-sessions", kindDesktop,
			"/home/ada/.claude.json", kindAccount,
			"/home/ada/.claude/.claude.json", kindAccount,
			"/home/ada/Library/Application Support/Claude/plan-usage-history.json", kindHistory,
		}},
		{name: "Windows, installed and from the store", system: "windows", variables: map[string]string{"APPDATA": `D:\Roaming`}, want: []string{
			`C:\Users\ada\.claude\projects`, kindProjects,
			`C:\Users\ada\.config\claude\projects`, kindProjects,
			`C:\Users\ada\.openclaude\projects`, kindProjects,
			`D:\Roaming\Claude\local-agent-mode-sessions`, kindDesktop,
			`D:\Roaming\Claude\claude-code-sessions`, kindDesktop,
			`C:\Users\ada\AppData\Local\Packages\Claude_pzs8sxrjxfjjc\LocalCache\Roaming\Claude\local-agent-mode-sessions`, kindDesktop,
			`C:\Users\ada\AppData\Local\Packages\Claude_pzs8sxrjxfjjc\LocalCache\Roaming\Claude\claude-code-sessions`, kindDesktop,
			`C:\Users\ada\.claude.json`, kindAccount,
			`C:\Users\ada\.claude\.claude.json`, kindAccount,
			`D:\Roaming\Claude\plan-usage-history.json`, kindHistory,
			`C:\Users\ada\AppData\Local\Packages\Claude_pzs8sxrjxfjjc\LocalCache\Roaming\Claude\plan-usage-history.json`, kindHistory,
		}},
		{name: "folder for settings elsewhere", system: "linux", variables: map[string]string{"XDG_CONFIG_HOME": "/etc/ada"}, want: []string{
			"/home/ada/.claude/projects", kindProjects,
			"/etc/ada/claude/projects", kindProjects,
			"/home/ada/.openclaude/projects", kindProjects,
			"/etc/ada/Claude/local-agent-mode-sessions", kindDesktop,
			"/etc/ada/Claude/claude-code-sessions", kindDesktop,
			"/home/ada/.claude.json", kindAccount,
			"/home/ada/.claude/.claude.json", kindAccount,
			"/etc/ada/Claude/plan-usage-history.json", kindHistory,
		}},
		{name: "a list, with the home's sign, spaces and repeats", system: "linux", exist: []string{"/a", "/a/projects", "/b/projects"},
			variables: map[string]string{"CLAUDE_CONFIG_DIR": "/a, ~/x ,/b/projects,,/a/,/b"}, want: []string{
				"/a/projects", kindProjects,
				"/home/ada/x/projects", kindProjects,
				"/b/projects", kindProjects,
				"/home/ada/.config/Claude/local-agent-mode-sessions", kindDesktop,
				"/home/ada/.config/Claude/claude-code-sessions", kindDesktop,
				"/a/.claude.json", kindAccount,
				"/home/ada/x/.claude.json", kindAccount,
				"/b/.claude.json", kindAccount,
				"/home/ada/.claude.json", kindAccount,
				"/home/ada/.config/Claude/plan-usage-history.json", kindHistory,
			}},
		{name: "a folder with a comma in its name", system: "linux", exist: []string{"/a,b"},
			variables: map[string]string{"CLAUDE_CONFIG_DIR": "/a,b"}, want: []string{
				"/a,b/projects", kindProjects,
				"/home/ada/.config/Claude/local-agent-mode-sessions", kindDesktop,
				"/home/ada/.config/Claude/claude-code-sessions", kindDesktop,
				"/a,b/.claude.json", kindAccount,
				"/home/ada/.claude.json", kindAccount,
				"/home/ada/.config/Claude/plan-usage-history.json", kindHistory,
			}},
		{name: "a configuration folder that is called projects", system: "linux", exist: []string{"/w/projects", "/w/projects/projects"},
			variables: map[string]string{"CLAUDE_CONFIG_DIR": "/w/projects"}, want: []string{
				"/w/projects/projects", kindProjects,
				"/home/ada/.config/Claude/local-agent-mode-sessions", kindDesktop,
				"/home/ada/.config/Claude/claude-code-sessions", kindDesktop,
				"/w/projects/.claude.json", kindAccount,
				"/home/ada/.claude.json", kindAccount,
				"/home/ada/.config/Claude/plan-usage-history.json", kindHistory,
			}},
		{name: "a value that is not there stays, so that it can be told", system: "linux",
			variables: map[string]string{"CLAUDE_CONFIG_DIR": "/gone"}, want: []string{
				"/gone/projects", kindProjects,
				"/home/ada/.config/Claude/local-agent-mode-sessions", kindDesktop,
				"/home/ada/.config/Claude/claude-code-sessions", kindDesktop,
				"/gone/.claude.json", kindAccount,
				"/home/ada/.claude.json", kindAccount,
				"/home/ada/.config/Claude/plan-usage-history.json", kindHistory,
			}},
		{name: "a folder that has the file on the account", system: "linux", exist: []string{"/a", "/a/.claude.json"},
			variables: map[string]string{"CLAUDE_CONFIG_DIR": "/a"}, want: []string{
				"/a/projects", kindProjects,
				"/home/ada/.config/Claude/local-agent-mode-sessions", kindDesktop,
				"/home/ada/.config/Claude/claude-code-sessions", kindDesktop,
				"/a/.claude.json", kindAccount,
				"/home/ada/.config/Claude/plan-usage-history.json", kindHistory,
			}},
		{name: "Windows with a variable", system: "windows", exist: []string{`D:\c`},
			variables: map[string]string{"CLAUDE_CONFIG_DIR": `D:\c`, "APPDATA": `D:\r`, "LOCALAPPDATA": `D:\l`}, want: []string{
				`D:\c\projects`, kindProjects,
				`D:\r\Claude\local-agent-mode-sessions`, kindDesktop,
				`D:\r\Claude\claude-code-sessions`, kindDesktop,
				`D:\l\Packages\Claude_pzs8sxrjxfjjc\LocalCache\Roaming\Claude\local-agent-mode-sessions`, kindDesktop,
				`D:\l\Packages\Claude_pzs8sxrjxfjjc\LocalCache\Roaming\Claude\claude-code-sessions`, kindDesktop,
				`D:\c\.claude.json`, kindAccount,
				`C:\Users\ada\.claude.json`, kindAccount,
				`D:\r\Claude\plan-usage-history.json`, kindHistory,
				`D:\l\Packages\Claude_pzs8sxrjxfjjc\LocalCache\Roaming\Claude\plan-usage-history.json`, kindHistory,
			}},
	} {
		t.Run(c.name, func(t *testing.T) {
			env := agent.Env{
				OS:       c.system,
				Home:     "/home/ada",
				Variable: func(name string) string { return c.variables[name] },
				Exists:   func(path string) bool { return slices.Contains(c.exist, path) },
			}
			if c.system == "windows" {
				env.Home = `C:\Users\ada`
			}
			var got []string
			for _, root := range (Source{}).Roots(env) {
				got = append(got, root.Path, root.Kind)
				if fromVariable := c.variables["CLAUDE_CONFIG_DIR"] != "" && (root.Kind == kindProjects || root.Kind == kindAccount && root.Path != env.Join(env.Home, accountFile)); fromVariable != (root.From == "CLAUDE_CONFIG_DIR") {
					t.Errorf("%s is said to come from %s", root.Path, root.From)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("want %q\ngot  %q", c.want, got)
			}
		})
	}
}

func TestReaderOf(t *testing.T) {
	for name, want := range map[string][2]bool{ // under a projects folder, under Claude Desktop's
		"-w-shop/5d.jsonl":                 {true, false},
		"-w-shop/5d/chat.JSONL":            {true, false},
		"x/projects/-w/5d.jsonl":           {true, true},
		"projects/5d.jsonl":                {true, true},
		"1/2/3/4/5/6/7/projects/a.jsonl":   {true, true},
		"1/2/3/4/5/6/7/8/projects/a.jsonl": {true, false},
		"x/projects.jsonl":                 {true, false},
		"-w-shop/5d.json":                  {false, false},
		"-w-shop/5d.jsonl.bak":             {false, false},
		"projects/agent-1.meta.json":       {false, false},
	} {
		for i, kind := range []string{kindProjects, kindDesktop} {
			if got := (Source{}).Reader(agent.Root{Kind: kind}, name) != nil; got != want[i] {
				t.Errorf("%s in %s: %v", name, kind, got)
			}
		}
	}
}

func TestReaderOfFilesAndCaptures(t *testing.T) {
	for _, c := range []struct {
		kind, name string
		want       bool
	}{
		{kindAccount, ".claude.json", true},
		{kindAccount, ".claude.json.backup", false},
		{kindAccount, "projects/.claude.json", false},
		{kindAccount, "s1.jsonl", false},
		{kindHistory, "plan-usage-history.json", true},
		{kindHistory, "buddy-tokens.json", false},
		{kindCaptures, "2031-04.jsonl", true},
		{kindCaptures, "old/2031-04.jsonl", false},
		{kindCaptures, "2031-04.jsonl.tmp", false},
		{kindProjects, ".claude.json", false},
		{kindDesktop, "plan-usage-history.json", false},
	} {
		if got := (Source{}).Reader(agent.Root{Kind: c.kind}, c.name) != nil; got != c.want {
			t.Errorf("%s of %s: %v", c.name, c.kind, got)
		}
	}
	env := agent.Env{OS: "linux", Home: "/home/ada", Variable: func(string) string { return "" }, Exists: func(string) bool { return false }, Captures: "/home/ada/.local/share/tokenmeter/statusline"}
	roots := (Source{}).Roots(env)
	if last := roots[len(roots)-1]; last.Path != env.Captures || last.Kind != kindCaptures {
		t.Errorf("the captures are not read: %+v", roots)
	}
}
