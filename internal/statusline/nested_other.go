//go:build !linux

package statusline

import (
	"os/exec"

	"tokenmeter/internal/agent"
)

// withinVariable marks what the command of a run starts.
const withinVariable = "TOKENMETER_WITHIN_STATUSLINE"

// nested tells whether this run was started by the command of another one, which a command that
// calls us would make endless.
func nested(env agent.Env) bool { return env.Variable(withinVariable) != "" }

func markNested(command *exec.Cmd) { command.Env = append(command.Environ(), withinVariable+"=1") }
