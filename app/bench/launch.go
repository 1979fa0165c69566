//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
)

// launchCommand is the word by which the bench starts itself as a launcher.
const launchCommand = "launch"

// launched is runs by way of a small process. The kernel counts the memory of whoever
// starts a program as the program's own until it has more, and the bench may be large.
func launched(ctx context.Context, c *exec.Cmd) (spent, error) {
	self, err := os.Executable()
	if err != nil {
		return spent{}, fmt.Errorf("find the bench itself: %w", err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		return spent{}, fmt.Errorf("make a pipe: %w", err)
	}
	defer read.Close()
	launcher := exec.CommandContext(ctx, self, append([]string{launchCommand}, c.Args...)...)
	launcher.Dir, launcher.Env, launcher.Stdout, launcher.Stderr = c.Dir, c.Env, c.Stdout, c.Stderr
	launcher.ExtraFiles = []*os.File{write}
	_, err = runs(launcher)
	write.Close()
	if err != nil {
		return spent{}, err
	}
	var s spent
	if err := json.NewDecoder(read).Decode(&s); err != nil {
		return s, fmt.Errorf("hear what %s took: %w", c.Args[0], err)
	}
	return s, nil
}

// launch is the launcher: it runs a command and tells on descriptor 3 what that took.
func launch(args []string) error {
	if len(args) == 0 {
		return errUsage
	}
	c := exec.Command(args[0], args[1:]...)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	s, err := runs(c)
	if err != nil {
		return err
	}
	out := os.NewFile(3, "report")
	if out == nil {
		return errors.New("nobody listens to the launcher")
	}
	return json.NewEncoder(out).Encode(s)
}
