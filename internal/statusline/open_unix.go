//go:build !windows

package statusline

import "syscall"

// noWait keeps the opening of a pipe from waiting for its other end, and follows no link.
const noWait = syscall.O_NONBLOCK | syscall.O_NOFOLLOW
