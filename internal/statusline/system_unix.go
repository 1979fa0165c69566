//go:build !windows

package statusline

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"syscall"

	"tokenmeter/internal/agent"
)

// noWait keeps the opening of a pipe from waiting for its other end, and follows no link.
const noWait = syscall.O_NONBLOCK | syscall.O_NOFOLLOW

// shell is how Claude Code runs a command line.
func shell(_ agent.Env, line string) (*exec.Cmd, error) { return exec.Command("sh", "-c", line), nil }

func signalOf(exit *exec.ExitError) int {
	status, _ := exit.Sys().(syscall.WaitStatus)
	return int(status.Signal())
}

// keepOwner gives a file the owner and group of another one.
func keepOwner(file *os.File, like fs.FileInfo) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	is, ok := info.Sys().(*syscall.Stat_t)
	wanted, ok2 := like.Sys().(*syscall.Stat_t)
	if !ok || !ok2 {
		return errors.New("its owner cannot be told")
	}
	if is.Uid == wanted.Uid && is.Gid == wanted.Gid {
		return nil
	}
	if err := file.Chown(int(wanted.Uid), int(wanted.Gid)); err != nil {
		return fmt.Errorf("keep its owner: %w", err)
	}
	return nil
}

// hasOtherNames tells whether a file lies in more than one place, which replacing it would part.
func hasOtherNames(info fs.FileInfo) bool {
	is, ok := info.Sys().(*syscall.Stat_t)
	return ok && is.Nlink > 1
}

// syncFolder makes a renaming in a folder reach the disk.
func syncFolder(path string) {
	if dir, err := os.Open(path); err == nil {
		_ = dir.Sync() // some file systems cannot
		_ = dir.Close()
	}
}
