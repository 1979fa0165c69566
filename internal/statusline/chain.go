package statusline

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"sync/atomic"
	"time"

	"tokenmeter/internal/platform"
)

// rest is how long what a killed command has written may take to be passed on.
const rest = 100 * time.Millisecond

// counting counts what goes through it.
type counting struct {
	io.Writer
	bytes atomic.Int64
}

func (c *counting) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.bytes.Add(int64(n))
	return n, err
}

// chain runs the command that filled the line before us, in the same folder and environment, on
// the same input, and passes on what it prints. When ctx is done it is killed with all that it
// started, and the exit code is 0. said is false if it could not be started or was killed in
// silence; in is nil if the input is untouched.
func (o *Options) chain(ctx context.Context, line string) (in *input, code int, said bool) {
	command, err := shell(o.Env, line)
	if err != nil {
		return nil, 0, false
	}
	platform.OwnGroup(command)
	markNested(command)
	command.Stderr = o.Stderr
	command.WaitDelay = rest
	stdin, err := command.StdinPipe()
	if err != nil {
		return nil, 0, false
	}
	output, theirs, err := os.Pipe()
	if err != nil {
		return nil, 0, false
	}
	command.Stdout = theirs
	err = command.Start()
	_ = theirs.Close()
	if err != nil {
		_ = output.Close()
		return nil, 0, false
	}

	in = read(o.Stdin, stdin)
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		in.wait(ctx, in.enough)
		now := o.Clock()
		last := o.last(now)
		o.keep(&last, now, in.reading())
	}()
	printed := counting{Writer: o.Stdout}
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = io.Copy(&printed, output)
		_ = output.Close() // where nobody reads on, the command is told so
	}()
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()

	// What it leaves running may hold the output open, as it might without us.
	code, alive := 0, true
	wait := func(limit <-chan struct{}) (whole bool) {
		if alive {
			select {
			case err := <-ended:
				code, alive = exitCode(err), false
			case <-limit:
				return false
			}
		}
		select {
		case <-copied:
			return true
		case <-limit:
			return false
		}
	}
	killed := false
	if !wait(ctx.Done()) {
		killed = alive
		platform.KillGroup(command)
		last, stop := context.WithTimeout(context.Background(), rest)
		defer stop()
		wait(last.Done())
	}
	<-kept
	if killed {
		return in, 0, printed.bytes.Load() > 0
	}
	return in, code, true
}

// exitCode is what a shell would say of how a command ended.
func exitCode(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil || errors.Is(err, exec.ErrWaitDelay):
		return 0
	case !errors.As(err, &exit):
		return 1
	case exit.ExitCode() < 0: // by a signal
		return 128 + signalOf(exit)
	}
	return exit.ExitCode()
}
