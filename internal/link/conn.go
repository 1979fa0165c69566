package link

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

const (
	// queueLimit is how many messages other than changed may wait for a peer.
	queueLimit = 64
	// flushTime is how long Close waits for a peer to take what was sent before.
	flushTime = 500 * time.Millisecond
)

// ErrClosed is returned by Send on a connection that has ended.
var ErrClosed = errors.New("the connection has ended")

// Conn is one end of a connection.
type Conn struct {
	socket net.Conn
	lines  *bufio.Scanner
	wake   chan struct{} // capacity one: there is something to write, or closing
	done   chan struct{} // closed when the connection has ended
	idle   chan struct{} // closed when the writer has ended

	mu      sync.Mutex
	queue   [][]byte
	state   []byte // the latest changed, written after the queue
	closing bool
	ended   bool
}

func newConn(socket net.Conn) *Conn {
	c := &Conn{
		socket: socket,
		lines:  bufio.NewScanner(socket),
		wake:   make(chan struct{}, 1),
		done:   make(chan struct{}),
		idle:   make(chan struct{}),
	}
	c.lines.Buffer(make([]byte, 0, 1024), MaxLine)
	go c.write()
	return c
}

// Send queues a message and never waits for the peer. A changed that the peer has not taken
// yet is replaced. ErrClosed: the connection has ended, also because too much was waiting.
func (c *Conn) Send(m Message) error {
	line, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode message %q: %w", m.Do, err)
	}
	line = append(line, '\n')
	if len(line) > MaxLine {
		return fmt.Errorf("send message %q: %d bytes are more than %d", m.Do, len(line), MaxLine)
	}
	return c.send(line, m.Do == Changed)
}

func (c *Conn) send(line []byte, state bool) error {
	c.mu.Lock()
	if c.closing || c.ended {
		c.mu.Unlock()
		return ErrClosed
	}
	full := false
	if state {
		c.state = line
	} else if full = len(c.queue) >= queueLimit; !full {
		c.queue = append(c.queue, line)
	}
	c.mu.Unlock()
	if full {
		c.end()
		return fmt.Errorf("send to a peer that takes nothing: %w", ErrClosed)
	}
	c.poke()
	return nil
}

func (c *Conn) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Receive waits for the next message. io.EOF: the peer is gone. After any error the
// connection is of no more use.
func (c *Conn) Receive() (Message, error) {
	var m Message
	if !c.lines.Scan() {
		err := c.lines.Err()
		if err == nil || errors.Is(err, net.ErrClosed) {
			return m, io.EOF
		}
		return m, fmt.Errorf("receive message: %w", err)
	}
	if err := json.Unmarshal(c.lines.Bytes(), &m); err != nil {
		return Message{}, fmt.Errorf("decode message: %w", err)
	}
	return m, nil
}

// Done is closed when the connection has ended, whichever side did it.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Close ends the connection after what was sent has been taken, or after half a second.
func (c *Conn) Close() error {
	c.mu.Lock()
	c.closing = true
	c.mu.Unlock()
	c.poke()
	timer := time.NewTimer(flushTime)
	defer timer.Stop()
	select {
	case <-c.idle:
	case <-timer.C:
	}
	c.end()
	return nil
}

// end closes the socket; the writer and a waiting Receive end too.
func (c *Conn) end() {
	c.mu.Lock()
	first := !c.ended
	c.ended = true
	c.mu.Unlock()
	if first {
		c.socket.Close()
		close(c.done)
	}
}

// write is the connection's only writer.
func (c *Conn) write() {
	defer close(c.idle)
	for {
		line, more := c.next()
		switch {
		case line != nil:
			if _, err := c.socket.Write(line); err != nil {
				c.end()
				return
			}
		case !more:
			return
		default:
			select {
			case <-c.wake:
			case <-c.done:
				return
			}
		}
	}
}

// next takes the oldest waiting line; more is false when nothing will come any more.
func (c *Conn) next() (line []byte, more bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.ended:
		return nil, false
	case len(c.queue) > 0:
		line, c.queue = c.queue[0], c.queue[1:]
	case c.state != nil:
		line, c.state = c.state, nil
	}
	return line, !c.closing
}
