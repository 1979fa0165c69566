package platform

import (
	"os/exec"
	"strconv"
	"syscall"

	"golang.org/x/sys/windows"
)

// PrivateFiles does nothing: the folders of a Windows user are private by their lists.
func PrivateFiles() {}

// detach lets a child outlive the console and the process group of this one.
func detach(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.DETACHED_PROCESS | windows.CREATE_NEW_PROCESS_GROUP}
}

// OwnGroup gives a child that is not started yet a process group of its own, for KillGroup. It
// keeps its terminal, unlike the programs of StartGroup.
func OwnGroup(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP}
}

// KillGroup ends a child and all that it has started.
func KillGroup(command *exec.Cmd) {
	if exec.Command("taskkill", "/T", "/F", "/PID", strconv.Itoa(command.Process.Pid)).Run() != nil {
		_ = command.Process.Kill()
	}
}

const programSuffix = ".exe"

// programSuffixes are what names of programs end with; npm makes files of commands.
var programSuffixes = [...]string{".exe", ".cmd"}
