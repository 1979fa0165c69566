//go:build !linux && !windows

package platform

import (
	"os/exec"
	"syscall"
)

type group struct{}

func (group) prepare(command *exec.Cmd) { detach(command) }

func (group) started(*exec.Cmd) {}

func (group) kill(command *exec.Cmd) { _ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
