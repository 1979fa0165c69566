package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"

	"github.com/spf13/cobra"

	"tokenmeter/internal/store"
)

// The exit codes.
const (
	ExitDone   = 0
	ExitFailed = 1 // with a sentence on standard error
	ExitUsage  = 2 // wrong usage or an unknown command
)

// usageError is a command line that cannot be understood.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// hinted is an error with what to do about it.
type hinted struct {
	error
	hint string
}

func (e hinted) Unwrap() error { return e.error }

// wrongUsage makes a usageError.
func wrongUsage(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// withHint adds what to do.
func withHint(err error, hint string) error { return hinted{err, hint} }

// Run runs one command line (without the program's name) and returns the exit code.
func Run(ctx context.Context, args []string, c Context) int {
	out := &output{w: bufio.NewWriterSize(c.Stdout, 64<<10)}
	c.Stdout = out
	root, err := runOnce(ctx, args, c, out)
	if errors.Is(err, store.ErrDamaged) && out.w.Buffered() == 0 && out.err == nil {
		// It was found out by a question; opening the database again repairs it.
		root, err = runOnce(ctx, args, c, out)
	}
	if flushed := out.Flush(); err == nil {
		err = flushed
	}
	return conclude(err, out, c.Stderr, root)
}

func runOnce(ctx context.Context, args []string, c Context, out *output) (*cobra.Command, error) {
	root := newRoot(&c)
	root.SetArgs(args)
	root.SetIn(c.Stdin)
	root.SetOut(out)
	root.SetErr(c.Stderr)
	return root, root.ExecuteContext(ctx)
}

// conclude says what went wrong, if anything, and gives the exit code.
func conclude(err error, out *output, stderr io.Writer, root *cobra.Command) int {
	var passed exitCode
	switch {
	case err == nil, out.reader == gone:
		return ExitDone // whoever read the output has had enough
	case errors.As(err, &passed):
		return int(passed)
	case errors.Is(err, context.Canceled):
		err = errors.New("interrupted")
	}
	code := ExitFailed
	hint := ""
	var usage usageError
	if errors.As(err, &usage) {
		code = ExitUsage
		hint = fmt.Sprintf("see `%s --help`", root.Name())
	}
	var h hinted
	if errors.As(err, &h) {
		hint = h.hint
	}
	fmt.Fprintln(stderr, "error:", err)
	if hint != "" {
		fmt.Fprintln(stderr, "hint:", hint)
	}
	return code
}

// reader is the state of whoever reads the output.
type reader int

const (
	there reader = iota
	gone
)

// output remembers the first error, so that commands need not look at each write.
type output struct {
	w      *bufio.Writer
	err    error
	reader reader
}

func (o *output) Write(p []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.w.Write(p)
	return n, o.note(err)
}

// Flush sends what is buffered.
func (o *output) Flush() error {
	if o.err != nil {
		return o.err
	}
	return o.note(o.w.Flush())
}

func (o *output) note(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe) {
		o.reader = gone
	}
	o.err = fmt.Errorf("write output: %w", err)
	return o.err
}
