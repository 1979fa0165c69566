package link

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"
)

// maxAddress is what every system takes as the path of a socket, in bytes.
const maxAddress = 103

// dialTime bounds Dial where its context has no earlier end.
const dialTime = 2 * time.Second

// ErrInUse is returned by Listen when another meter answers at the path.
var ErrInUse = errors.New("another meter answers there")

// SocketPath is where the meter of a data folder listens. runtimeDir may be the data folder
// itself; the name tells data folders apart that share a runtime folder.
func SocketPath(runtimeDir, dataDir string) string {
	if absolute, err := filepath.Abs(dataDir); err == nil {
		dataDir = absolute
	}
	sum := sha256.Sum256([]byte(filepath.Clean(dataDir)))
	return filepath.Join(runtimeDir, "meter-"+hex.EncodeToString(sum[:6])+".sock")
}

// Dial connects to the meter at path. An error means that no meter answers.
func Dial(ctx context.Context, path string) (*Conn, error) {
	address, release, err := shorten(path)
	if err != nil {
		return nil, fmt.Errorf("connect to the meter: %w", err)
	}
	defer release()
	dialer := net.Dialer{Timeout: dialTime}
	socket, err := dialer.DialContext(ctx, "unix", address)
	if err != nil {
		return nil, fmt.Errorf("connect to the meter at %s: %w", path, err)
	}
	return newConn(socket), nil
}

// Listen opens the socket at path, and its folder (0700) if it is missing. The socket of a
// meter that is gone is replaced; ErrInUse: one that is not. Two calls at the same moment
// for the same path must be kept apart by the caller, who holds the data folder's lock.
func Listen(path string) (*Server, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make folder of the socket: %w", err)
	}
	address, release, err := shorten(path)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	defer release()
	listener, err := bind(address)
	if err != nil {
		if stale := removeStale(path, address); stale != nil {
			return nil, fmt.Errorf("listen at %s: %w", path, stale)
		}
		if listener, err = bind(address); err != nil {
			return nil, fmt.Errorf("listen at %s: %w", path, err)
		}
	}
	if err := os.Chmod(path, 0o600); err != nil {
		listener.Close()
		return nil, fmt.Errorf("protect socket: %w", err)
	}
	own, err := os.Lstat(path)
	if err != nil {
		listener.Close()
		return nil, fmt.Errorf("look at socket: %w", err)
	}
	return newServer(listener, path, own), nil
}

func bind(address string) (*net.UnixListener, error) {
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: address, Net: "unix"})
	if err != nil {
		return nil, err
	}
	// Close would remove whatever is at the path by then; Server.Close looks first.
	listener.SetUnlinkOnClose(false)
	return listener, nil
}

// removeStale removes the socket at path if it is one and nobody answers there.
func removeStale(path, address string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if !isSocket(info) {
		return errors.New("something that is not a socket is there")
	}
	socket, err := net.DialTimeout("unix", address, dialTime)
	if err == nil {
		socket.Close()
		return ErrInUse
	}
	if !refused(err) {
		return fmt.Errorf("%w (%w)", ErrInUse, err)
	}
	return os.Remove(path)
}
