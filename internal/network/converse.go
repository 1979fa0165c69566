package network

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/platform"
)

const (
	longestLine = 256 << 10
	// A program that has answered may tidy up before it is ended.
	tidyTime = 2 * time.Second
)

// Conversation is what to talk about with a program that goes out for us.
type Conversation struct {
	Permission Permission // of the program's path
	Purpose    string     // for the ledger: "allowance"
	Called     string     // the program's name in the ledger
	Env        agent.Env
	Dir        string // where it runs
	Arguments  []string
	Most       int64         // bytes of all that it may say
	Within     time.Duration // for all of it, but for the time to tidy up
	// Hear takes a line without its line feed, at first nil, and gives what to say to it. An
	// error ends the conversation.
	Hear func(line []byte) (say []byte, over bool, err error)
}

// Converse starts the permitted program and talks with it until it is over. Then, and with any
// error, the program and all that it has started are ended.
func (c *Client) Converse(ctx context.Context, v Conversation) (err error) {
	if !v.Permission.Granted() {
		return ErrNotPermitted
	}
	fail := func(err error) error { return fmt.Errorf("ask %s: %w", v.Called, err) }
	if !filepath.IsAbs(v.Permission.target) || v.Called == "" || v.Purpose == "" || v.Most <= 0 || v.Within <= 0 {
		return fail(errors.New("program, name, purpose and limits must be given"))
	}
	begun := c.options.Now()
	id, err := c.ledger.begin(begun, v.Called, "", v.Purpose)
	if err != nil {
		return fail(fmt.Errorf("write the network ledger, without which nothing is asked: %w", err))
	}
	var heard, said int64
	defer func() {
		outcome := "ok"
		if err != nil {
			outcome = "failed: " + err.Error()
		}
		if wrote := c.ledger.end(id, begun, c.options.Now().Sub(begun), heard, said, outcome); wrote != nil && err == nil {
			err = fmt.Errorf("write the network ledger: %w", wrote)
		}
		if err != nil {
			err = fail(err)
		}
	}()
	program, err := platform.StartGroup(v.Env, v.Dir, v.Permission.target, v.Arguments...)
	if err != nil {
		return err
	}
	lines, stop := make(chan spoken), make(chan struct{})
	go listen(program.Output, v.Most, lines, stop)
	defer func() {
		program.End()
		close(stop)
	}()
	limit := time.NewTimer(v.Within)
	defer limit.Stop()
	var line []byte
	for {
		say, over, err := v.Hear(line)
		if err != nil {
			return err
		}
		if over {
			program.Input.Close()
			tidy(ctx, lines)
			return nil
		}
		n, _ := program.Input.Write(say) // what it does not take shows in what it says, or does not
		said += int64(n)
		select {
		case next := <-lines:
			heard += next.size
			if next.err != nil {
				return next.err
			}
			line = next.line
		case <-limit.C:
			return fmt.Errorf("it gave no answer within %s: %w", v.Within, context.DeadlineExceeded)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// tidy waits until a program that was told that nothing more comes has closed its output.
func tidy(ctx context.Context, lines <-chan spoken) {
	limit := time.NewTimer(tidyTime)
	defer limit.Stop()
	for {
		select {
		case next := <-lines:
			if next.err != nil {
				return
			}
		case <-limit.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// spoken is a line of a program, or why there is none.
type spoken struct {
	line []byte // never nil
	size int64  // bytes that were read for it
	err  error
}

// listen hands over what a program says, line by line, until that ends, is too much, or nobody
// listens any more.
func listen(output io.Reader, most int64, lines chan<- spoken, stop <-chan struct{}) {
	r := bufio.NewReaderSize(output, longestLine)
	for {
		raw, err := r.ReadSlice('\n')
		most -= int64(len(raw))
		next := spoken{line: append([]byte{}, raw...), size: int64(len(raw))}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			next.err = fmt.Errorf("it says a line of more than %d bytes", longestLine)
		case err != nil: // the end, also of half a line
			next.err = errors.New("it ended without an answer")
		case most < 0:
			next.err = errors.New("it says more than an answer can be")
		}
		next.line = trimmed(next.line)
		select {
		case lines <- next:
		case <-stop:
			return
		}
		if next.err != nil {
			return
		}
	}
}

// trimmed takes the end of the line off.
func trimmed(line []byte) []byte {
	for len(line) > 0 && (line[len(line)-1] == '\n' || line[len(line)-1] == '\r') {
		line = line[:len(line)-1]
	}
	return line
}
