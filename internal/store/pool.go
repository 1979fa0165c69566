package store

import (
	"context"
	"sync"
)

// maxReaders bounds the connections that answer at the same time; others wait.
const maxReaders = 4

// pool hands out reading connections. One is kept open when nobody reads: a second page
// cache would only cost memory.
type pool struct {
	dsn    string
	slots  chan struct{}
	moved  func() error // asked before each answer; nil = it cannot be
	failed func(error)  // told of errors; nil = nobody

	mutex  sync.Mutex
	idle   *connection
	closed bool
}

func newPool(dsn string) *pool {
	return &pool{dsn: dsn, slots: make(chan struct{}, maxReaders)}
}

// read runs f on one snapshot of the database.
func (p *pool) read(ctx context.Context, f func(*connection) error) (err error) {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-p.slots }()
	if p.moved != nil {
		if err := p.moved(); err != nil {
			return err
		}
	}
	defer func() {
		if err != nil && p.failed != nil {
			p.failed(err)
		}
	}()
	c, err := p.get()
	if err != nil {
		return err
	}
	c.ctx = ctx
	good := false
	defer func() {
		c.ctx = nil
		p.put(c, good)
	}()
	if err := c.begin("BEGIN"); err != nil {
		return err
	}
	if err := f(c); err != nil {
		// The statement that failed is reset, so this ends the snapshot.
		good = c.script("ROLLBACK") == nil
		return err
	}
	err = c.script("COMMIT")
	good = err == nil
	return err
}

func (p *pool) get() (*connection, error) {
	p.mutex.Lock()
	c, closed := p.idle, p.closed
	p.idle = nil
	p.mutex.Unlock()
	switch {
	case closed:
		return nil, ErrClosed
	case c != nil:
		return c, nil
	}
	return connect(p.dsn)
}

func (p *pool) put(c *connection, good bool) {
	p.mutex.Lock()
	keep := good && !p.closed && p.idle == nil
	if keep {
		p.idle = c
	}
	p.mutex.Unlock()
	if !keep {
		c.close()
	}
}

// close waits for the readers to end.
func (p *pool) close() error {
	p.mutex.Lock()
	closed, c := p.closed, p.idle
	p.closed, p.idle = true, nil
	p.mutex.Unlock()
	if closed {
		return nil
	}
	for range maxReaders {
		p.slots <- struct{}{}
	}
	if c != nil {
		return c.close()
	}
	return nil
}
