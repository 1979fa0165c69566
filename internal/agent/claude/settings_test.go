package claude_test

import (
	"testing"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/agent/claude"
)

func TestSettingsFile(t *testing.T) {
	for name, c := range map[string]struct{ system, home, variable, want string }{
		"default":            {"linux", "/h", "", "/h/.claude/settings.json"},
		"the variable":       {"linux", "/h", "/c/", "/c/settings.json"},
		"from the home":      {"linux", "/h", "~/c", "/h/c/settings.json"},
		"the first of two":   {"linux", "/h", "/a, /b", "/a/settings.json"},
		"blanks":             {"linux", "/h", "  ", "/h/.claude/settings.json"},
		"no home":            {"linux", "", "", ""},
		"the variable alone": {"linux", "", "/c", "/c/settings.json"},
		"Windows":            {"windows", `C:\h`, "", `C:\h\.claude\settings.json`},
	} {
		env := agent.Env{
			OS: c.system, Home: c.home, Exists: func(string) bool { return false },
			Variable: func(n string) string { return map[string]string{"CLAUDE_CONFIG_DIR": c.variable}[n] },
		}
		if got := claude.SettingsFile(env); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
