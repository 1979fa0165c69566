package statusline

import (
	"context"
	"io"
	"strings"
	"time"

	"tokenmeter/internal/agent"
)

// Limit is how long one run may take: the command before us is killed then, and input that does
// not end is left.
const Limit = 5 * time.Second

// Options is what a run is told.
type Options struct {
	Stdin          io.Reader // nil: there is none
	Stdout, Stderr io.Writer
	DataDir        string // "" = none is known
	Env            agent.Env
	Clock          func() time.Time
	// Line puts a reading into words, on one line; last are the captures before it.
	Line func(r Reading, last *Captures, now time.Time) string
}

// Run does what Claude Code asks for at each of its prompts, and gives the exit code. An end of
// ctx kills the command before us.
func Run(ctx context.Context, o Options) (code int) {
	ctx, cancel := context.WithTimeout(ctx, Limit)
	defer cancel()
	if o.Stdin == nil {
		o.Stdin = strings.NewReader("")
	}
	var in *input
	if command := chained(o.DataDir, o.Env); command != "" && !nested(o.Env) {
		var said bool
		if in, code, said = o.chain(ctx, command); said {
			in.wait(ctx, in.ended)
			return code
		}
		// It could not be started, or was killed before it had said anything.
	}
	if in == nil {
		in = read(o.Stdin, nil)
		in.wait(ctx, in.enough)
	}
	o.own(in)
	in.wait(ctx, in.ended)
	return 0
}

// own prints a line of our own, and then keeps what it was made of.
func (o *Options) own(in *input) {
	r, now := in.reading(), o.Clock()
	last := o.last(now)
	// A reader that is gone is none of our business.
	_, _ = io.WriteString(o.Stdout, o.Line(r, &last, now)+"\n")
	o.keep(&last, now, r)
}

func (o *Options) last(now time.Time) Captures {
	if o.DataDir == "" {
		return Captures{}
	}
	return Last(o.DataDir, now)
}

// keep keeps what can be kept; a fault of the data folder is none of Claude Code's.
func (o *Options) keep(last *Captures, now time.Time, r Reading) {
	if o.DataDir != "" {
		_ = last.Keep(now, r)
	}
}
