package platform

import (
	"os/exec"
	"syscall"

	"golang.org/x/sys/windows"
)

// PrivateFiles does nothing: the folders of a Windows user are private by their lists.
func PrivateFiles() {}

// detach lets a child outlive the console and the process group of this one.
func detach(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.DETACHED_PROCESS | windows.CREATE_NEW_PROCESS_GROUP}
}

const programSuffix = ".exe"

// programSuffixes are what names of programs end with; npm makes files of commands.
var programSuffixes = [...]string{".exe", ".cmd"}
