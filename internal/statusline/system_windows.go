package statusline

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"tokenmeter/internal/agent"
)

// noWait is not needed: there are no pipes in folders.
const noWait = 0

// shell is how Claude Code runs a command line: in the bash of Git. The bash that Windows itself
// has on the path belongs to another system.
func shell(env agent.Env, line string) (*exec.Cmd, error) {
	bash := env.Variable("CLAUDE_CODE_GIT_BASH_PATH")
	if bash == "" {
		git, err := exec.LookPath("git")
		if err != nil {
			return nil, errors.New("git is not on PATH, and so neither is its bash")
		}
		bash = filepath.Join(filepath.Dir(filepath.Dir(git)), "bin", "bash.exe")
	}
	return exec.Command(bash, "-c", line), nil
}

func signalOf(*exec.ExitError) int { return 0 }

// keepOwner does nothing: a new file takes its owner and list from the folder.
func keepOwner(*os.File, fs.FileInfo) error { return nil }

// hasOtherNames does not ask.
func hasOtherNames(fs.FileInfo) bool { return false }

// syncFolder does nothing: a renaming is journalled.
func syncFolder(string) {}
