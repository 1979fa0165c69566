package statusline

import (
	"context"
	"io"
	"sync"
)

// MostInput is how much of the input is looked at, in bytes. What is more is passed on to the
// command before us, and else read and forgotten.
const MostInput = 1 << 20

// input reads all that Claude Code writes, whoever wants to see it.
type input struct {
	mutex sync.Mutex
	text  []byte

	enough chan struct{} // closed when no more is looked at
	ended  chan struct{} // closed when all was read
}

// read takes in everything that from has, and writes it to the command before us, if there is one,
// until that one has had enough.
func read(from io.Reader, command io.WriteCloser) *input {
	in := &input{enough: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		defer close(in.ended)
		buffer := make([]byte, 32<<10)
		looking := true
		for {
			n, err := from.Read(buffer)
			if looking {
				in.mutex.Lock()
				in.text = append(in.text, buffer[:min(n, MostInput-len(in.text))]...)
				looking = err == nil && len(in.text) < MostInput
				in.mutex.Unlock()
				if !looking {
					close(in.enough)
				}
			}
			if command != nil && n > 0 {
				if _, err := command.Write(buffer[:n]); err != nil {
					_ = command.Close()
					command = nil
				}
			}
			if err != nil {
				break
			}
		}
		if command != nil {
			_ = command.Close()
		}
	}()
	return in
}

// reading is what can be made of what has come so far.
func (in *input) reading() Reading {
	in.mutex.Lock()
	text := in.text
	in.mutex.Unlock()
	return Parse(text)
}

// wait waits for enough or ended, until ctx is done.
func (in *input) wait(ctx context.Context, what <-chan struct{}) {
	select {
	case <-what:
	case <-ctx.Done():
	}
}
