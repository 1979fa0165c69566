package platform

import (
	"os"
	"runtime"

	"tokenmeter/internal/agent"
)

// Environment is what the process was started with. Home is "" where the system knows none.
func Environment() agent.Env {
	home, err := os.UserHomeDir()
	if err != nil {
		home = ""
	}
	return agent.Env{OS: runtime.GOOS, Home: home, Variable: os.Getenv, Exists: Exists}
}

// Exists says whether a file or folder is at path, or something that cannot be looked at.
func Exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil || !os.IsNotExist(err)
}
