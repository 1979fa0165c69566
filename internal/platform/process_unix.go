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

const programSuffix = ""

// programSuffixes are what names of programs end with.
var programSuffixes = [...]string{""}
