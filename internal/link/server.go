package link

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"os"
	"sync"
	"time"
)

const (
	// connLimit bounds the connections at one time.
	connLimit = 64
	// acceptPause is the wait after the system had no descriptor for a connection.
	acceptPause = 200 * time.Millisecond
)

// Server is the meter's end.
type Server struct {
	path    string
	serving sync.WaitGroup

	mu       sync.Mutex
	listener *net.UnixListener
	own      fs.FileInfo    // the socket that was made at path
	conns    map[*Conn]bool // true = subscribed
	closed   bool
}

func newServer(listener *net.UnixListener, path string, own fs.FileInfo) *Server {
	return &Server{listener: listener, path: path, own: own, conns: map[*Conn]bool{}}
}

// Serve takes connections and hands each message to handle until ctx ends or Close. It
// returns when the last call of handle has returned.
func (s *Server) Serve(ctx context.Context, handle func(*Conn, Message)) error {
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	defer s.serving.Wait()
	for {
		listener := s.current()
		socket, err := listener.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			if s.current() != listener {
				continue
			}
			return nil
		}
		if err != nil {
			timer := time.NewTimer(acceptPause)
			select {
			case <-timer.C:
				continue
			case <-ctx.Done():
				timer.Stop()
				return nil
			}
		}
		c := newConn(socket)
		if !s.add(c) {
			c.end()
			continue
		}
		s.serving.Add(1)
		go func() {
			defer s.serving.Done()
			s.receive(c, handle)
		}()
	}
}

func (s *Server) current() *net.UnixListener {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.listener
}

// Restore makes the socket anew if it was removed, as with its folder. Connections go on.
// The caller holds the data folder's lock, as for Listen.
func (s *Server) Restore() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := os.Lstat(s.path); s.closed || !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	fresh, err := Listen(s.path)
	if err != nil {
		return err
	}
	old := s.listener
	s.listener, s.own = fresh.listener, fresh.own
	return old.Close()
}

func (s *Server) add(c *Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.conns) >= connLimit {
		return false
	}
	s.conns[c] = false
	return true
}

func (s *Server) receive(c *Conn, handle func(*Conn, Message)) {
	defer func() {
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
		c.Close()
	}()
	for {
		m, err := c.Receive()
		if err != nil {
			return
		}
		if m.Do == Subscribe {
			s.mu.Lock()
			s.conns[c] = true
			s.mu.Unlock()
		}
		handle(c, m)
	}
}

// Broadcast sends m to all that subscribed and waits for none of them.
func (s *Server) Broadcast(m Message) {
	line, err := json.Marshal(m)
	if err != nil || len(line) >= MaxLine {
		return
	}
	line = append(line, '\n')
	s.mu.Lock()
	defer s.mu.Unlock()
	for c, subscribed := range s.conns {
		if subscribed {
			c.send(line, m.Do == Changed)
		}
	}
}

// Close ends listening, lets every connection take what was sent to it (half a second at
// most), ends them, and removes the socket if it is still this server's.
func (s *Server) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	listener, own := s.listener, s.own
	conns := make([]*Conn, 0, len(s.conns))
	for c := range s.conns {
		conns = append(conns, c)
	}
	s.mu.Unlock()
	if at, err := os.Lstat(s.path); err == nil && os.SameFile(at, own) {
		os.Remove(s.path)
	}
	err := listener.Close()
	var closing sync.WaitGroup
	for _, c := range conns {
		closing.Add(1)
		go func() {
			defer closing.Done()
			c.Close()
		}()
	}
	closing.Wait()
	return err
}
