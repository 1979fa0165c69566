package core

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"tokenmeter/internal/link"
	"tokenmeter/internal/platform"
)

const (
	// enterTime bounds how long a start waits for a meter that is just starting or ending.
	enterTime = 5 * time.Second
	enterPoll = 20 * time.Millisecond
)

// Enter makes this process the meter of the data folder. If another is that already, it is
// asked to show its window, at page if that is not empty, unless o.Hidden, and ErrRunning
// says that it was done; any other error says that no meter runs or that it cannot. A meter that has no tray item, say
// because the session ended in which it was started, is replaced by a start that can have
// one.
func Enter(ctx context.Context, o Options, page string) (*Core, error) {
	ctx, cancel := context.WithTimeout(ctx, enterTime)
	defer cancel()
	for {
		c, err := New(o)
		if !errors.Is(err, ErrRunning) {
			return c, err
		}
		handed, err := handOver(ctx, o, page)
		if handed {
			if err != nil {
				return nil, err
			}
			return nil, ErrRunning
		}
		if !sleep(ctx, enterPoll) {
			return nil, fmt.Errorf("another meter holds the data folder %s and does not answer: %w", o.DataDir, err)
		}
	}
}

// handOver puts it to the running meter. handed is false while it is not there yet, or
// no more.
func handOver(ctx context.Context, o Options, page string) (handed bool, err error) {
	conn, err := link.Dial(ctx, socketPath(o))
	if err != nil {
		return false, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	pong, err := ask(conn, link.Message{Do: link.Ping})
	if err != nil {
		return false, err
	}
	if pong.Headless {
		if host, err := platform.TrayHost(ctx, o.Env); err == nil && host {
			_, err := ask(conn, link.Message{Do: link.Quit}) // the answer is that it closes
			return false, err
		}
	}
	if o.Hidden {
		return true, nil
	}
	answer, err := ask(conn, link.Message{Do: link.Open, Page: page})
	if err != nil {
		return false, err
	}
	if answer.Do == link.Failed {
		return true, errors.New(answer.Text)
	}
	return true, nil
}

func ask(conn *link.Conn, m link.Message) (link.Message, error) {
	if err := conn.Send(m); err != nil {
		return link.Message{}, err
	}
	return conn.Receive()
}

// pong tells who the meter is, and how it is.
func (c *Core) pong() link.Message {
	answer := c.changed()
	answer.Do, answer.Pid, answer.Build, answer.Headless = link.Pong, os.Getpid(), c.o.Version, Tray(c.tray.Load()) == TrayNone
	return answer
}

// Launch starts this executable as a hidden meter of its own and returns when it answers.
func Launch(ctx context.Context, o Options) error {
	ctx, cancel := context.WithTimeout(ctx, enterTime)
	defer cancel()
	process, err := platform.StartSelf("--hidden", "--data-dir", o.DataDir)
	if err != nil {
		return err
	}
	for {
		conn, err := link.Dial(ctx, socketPath(o))
		if err == nil {
			_, err = ask(conn, link.Message{Do: link.Ping})
			conn.Close()
		}
		if err == nil {
			return nil
		}
		select {
		case <-process.Ended():
			if process.Err() != nil {
				return fmt.Errorf("start the meter: it ended at once: %w", process.Err())
			}
		default:
		}
		if !sleep(ctx, enterPoll) {
			return fmt.Errorf("start the meter: it does not answer: %w", err)
		}
	}
}
