package agent

import "strings"

// Join joins parts of a path in the manner of the system that Env describes, which in tests
// is not always the one that runs.
func (e Env) Join(parts ...string) string {
	separator := "/"
	if e.OS == "windows" {
		separator = `\`
	}
	var joined strings.Builder
	for _, part := range parts {
		if part == "" {
			continue
		}
		if joined.Len() > 0 {
			joined.WriteString(separator)
			part = strings.TrimLeft(part, `/`+separator)
		}
		joined.WriteString(strings.TrimRight(part, "/"+separator))
	}
	return joined.String()
}

// Absolute completes a path that a person wrote into a variable: "~" is the home folder,
// and what is relative is meant from there.
func (e Env) Absolute(path string) string {
	windows := e.OS == "windows"
	switch {
	case path == "~":
		return e.Home
	case strings.HasPrefix(path, "~/"), windows && strings.HasPrefix(path, `~\`):
		return e.Join(e.Home, path[2:])
	case strings.HasPrefix(path, "/"), windows && (strings.HasPrefix(path, `\`) || len(path) > 1 && path[1] == ':'):
		return path
	}
	return e.Join(e.Home, path)
}

// ConfigHome is the folder for settings by the rules of freedesktop.org, which some agents
// follow on every system.
func (e Env) ConfigHome() string {
	if dir := e.Variable("XDG_CONFIG_HOME"); strings.HasPrefix(dir, "/") {
		return dir
	}
	return e.Join(e.Home, ".config")
}
