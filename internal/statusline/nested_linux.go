package statusline

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"tokenmeter/internal/agent"
)

// nested tells whether this run was started by the command of another one, which a command that
// calls us would make endless. The environment of the command is to stay as it is, so the
// processes above this one are looked at.
func nested(agent.Env) bool {
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return false
	}
	const generations = 32
	for pid, n := os.Getppid(), 0; pid > 1 && n < generations; n++ {
		process := filepath.Join("/proc", strconv.Itoa(pid))
		if exe, err := os.Readlink(filepath.Join(process, "exe")); err == nil && exe == self {
			arguments, _ := os.ReadFile(filepath.Join(process, "cmdline"))
			if bytes.Contains(arguments, []byte("\x00"+Folder+"\x00")) {
				return true
			}
		}
		// The name before the state may hold anything but ends with the last bracket.
		stat, err := os.ReadFile(filepath.Join(process, "stat"))
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if err != nil || len(fields) < 2 {
			return false
		}
		pid, _ = strconv.Atoi(string(fields[1]))
	}
	return false
}

func markNested(*exec.Cmd) {}
