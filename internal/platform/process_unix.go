//go:build !windows

package platform

import (
	"os/exec"
	"syscall"
)

// PrivateFiles makes every file that this process creates from now on private to its user.
func PrivateFiles() { syscall.Umask(0o077) }

// detach lets a child outlive the terminal and the process group of this one.
func detach(command *exec.Cmd) { command.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

// OwnGroup gives a child that is not started yet a process group of its own, for KillGroup. It
// keeps its terminal, unlike the programs of StartGroup.
func OwnGroup(command *exec.Cmd) { command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// KillGroup ends a child and all that it has started.
func KillGroup(command *exec.Cmd) { _ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }

const programSuffix = ""

// programSuffixes are what names of programs end with.
var programSuffixes = [...]string{""}
