package claude

import (
	"strings"

	"tokenmeter/internal/agent"
)

// SettingsFile is the settings of the user, whether or not it exists; "" where no home folder
// is known.
func SettingsFile(env agent.Env) string {
	if dir := strings.TrimSpace(env.Variable("CLAUDE_CONFIG_DIR")); dir != "" {
		if first, _, several := strings.Cut(dir, ","); several && !env.Exists(env.Absolute(dir)) {
			dir = strings.TrimSpace(first)
		}
		return env.Join(env.Absolute(dir), "settings.json")
	}
	if env.Home == "" {
		return ""
	}
	return env.Join(env.Home, ".claude", "settings.json")
}

// ManagedSettings lists the files in which an administrator may settle for all users what their
// own settings then cannot change, and the folders of more such files, whether or not they exist.
func ManagedSettings(env agent.Env) (files, folders []string) {
	dirs := []string{"/etc/claude-code"}
	switch env.OS {
	case "darwin":
		dirs = []string{"/Library/Application Support/ClaudeCode"}
	case "windows":
		dirs = []string{`C:\Program Files\ClaudeCode`, `C:\ProgramData\ClaudeCode`}
	}
	for _, dir := range dirs {
		files = append(files, env.Join(dir, "managed-settings.json"))
		folders = append(folders, env.Join(dir, "managed-settings.d"))
	}
	return files, folders
}

// ProjectSettings lists the settings of the project in a folder, which go before the user's,
// whether or not they exist.
func ProjectSettings(env agent.Env, dir string) []string {
	return []string{env.Join(dir, ".claude", "settings.local.json"), env.Join(dir, ".claude", "settings.json")}
}
