//go:build !linux

package main

import (
	"context"
	"errors"
	"io"
)

const launchCommand = "launch"

func launch([]string) error { return errUsage }

// measure looks at processes through /proc, which only Linux has.
func measure(context.Context, []string, io.Writer, io.Writer) error {
	return errors.New("measure: only Linux tells what the bench wants to know of a process")
}
