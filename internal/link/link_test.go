package link_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"tokenmeter/internal/link"
)

// patience is how long a test waits for what must come; it fails then, it never passes by
// waiting.
const patience = time.Minute

func socket(t *testing.T) string {
	t.Helper()
	// The test's own folder may be too deep for a socket where there is no way around that.
	dir, err := os.MkdirTemp("", "link")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return link.SocketPath(filepath.Join(dir, "run"), dir)
}

// serve runs a server until the test ends.
func serve(t *testing.T, path string, handle func(*link.Conn, link.Message)) *link.Server {
	t.Helper()
	s, err := link.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, handle) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return s
}

func dial(t *testing.T, path string) *link.Conn {
	t.Helper()
	c, err := link.Dial(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func raw(t *testing.T, path string) net.Conn {
	t.Helper()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return c
}

// echo answers ping and tells of each subscriber.
func echo(subscribed chan<- *link.Conn) func(*link.Conn, link.Message) {
	return func(c *link.Conn, m link.Message) {
		switch m.Do {
		case link.Ping:
			_ = c.Send(link.Message{Do: link.Pong, Page: m.Page})
		case link.Subscribe:
			subscribed <- c
		}
	}
}

func ping(t *testing.T, c *link.Conn, word string) {
	t.Helper()
	if err := c.Send(link.Message{Do: link.Ping, Page: word}); err != nil {
		t.Fatal(err)
	}
	if m, err := c.Receive(); err != nil || m.Do != link.Pong || m.Page != word {
		t.Fatalf("ping %q: got %+v, %v", word, m, err)
	}
}

func subscribe(t *testing.T, path string, subscribed <-chan *link.Conn) (client, server *link.Conn) {
	t.Helper()
	client = dial(t, path)
	if err := client.Send(link.Message{Do: link.Subscribe, Pid: os.Getpid()}); err != nil {
		t.Fatal(err)
	}
	select {
	case server = <-subscribed:
	case <-time.After(patience):
		t.Fatal("nobody subscribed")
	}
	return client, server
}

func TestOnlySubscribersAreTold(t *testing.T) {
	path := socket(t)
	subscribed := make(chan *link.Conn, 1)
	s := serve(t, path, echo(subscribed))
	window, _ := subscribe(t, path, subscribed)
	terminal := dial(t, path)
	ping(t, terminal, "first")
	s.Broadcast(link.Message{Do: link.Changed, Meter: json.RawMessage(`{"n":1}`)})
	if m, err := window.Receive(); err != nil || m.Do != link.Changed || string(m.Meter) != `{"n":1}` {
		t.Errorf("the window got %+v, %v", m, err)
	}
	ping(t, terminal, "second") // and nothing came before its answer
}

func TestManyPeersAtOnce(t *testing.T) {
	path := socket(t)
	subscribed := make(chan *link.Conn, 64)
	s := serve(t, path, echo(subscribed))
	var peers sync.WaitGroup
	for i := range 24 {
		peers.Go(func() {
			c, err := link.Dial(context.Background(), path)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			if i%2 == 0 {
				_ = c.Send(link.Message{Do: link.Subscribe})
			}
			for k := range 50 {
				word := fmt.Sprint(i, k)
				if err := c.Send(link.Message{Do: link.Ping, Page: word}); err != nil {
					t.Error(err)
					return
				}
				for {
					m, err := c.Receive()
					if err != nil {
						t.Error(err)
						return
					}
					if m.Do == link.Pong {
						if m.Page != word {
							t.Errorf("pong %q, wanted %q", m.Page, word)
						}
						break
					}
				}
			}
		})
	}
	for range 200 {
		s.Broadcast(link.Message{Do: link.Changed})
	}
	peers.Wait()
}

func TestSlowPeerHoldsNobodyAndGetsTheLatestState(t *testing.T) {
	path := socket(t)
	subscribed := make(chan *link.Conn, 2)
	s := serve(t, path, echo(subscribed))
	slow, _ := subscribe(t, path, subscribed)
	quick, _ := subscribe(t, path, subscribed)
	const last = 400
	filling := strings.Repeat("x", 64<<10) // 25 MB in all: far more than a socket holds
	sent := make(chan struct{})
	go func() {
		for n := 1; n <= last; n++ {
			content, _ := json.Marshal([]any{n, filling})
			s.Broadcast(link.Message{Do: link.Changed, Meter: content})
		}
		close(sent)
	}()
	number := func(m link.Message) int {
		var parts []any
		if json.Unmarshal(m.Meter, &parts) != nil || len(parts) != 2 {
			t.Fatalf("torn message %.80s", m.Meter)
		}
		return int(parts[0].(float64))
	}
	select {
	case <-sent:
	case <-time.After(patience):
		t.Fatal("a peer that reads nothing blocks the meter")
	}
	for name, c := range map[string]*link.Conn{"quick": quick, "slow": slow} {
		for n, count := 0, 0; n != last; count++ {
			m, err := c.Receive()
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if got := number(m); got <= n {
				t.Fatalf("%s: state %d after %d", name, got, n)
			} else {
				n = got
			}
			if count == last {
				t.Fatalf("%s: nothing was merged", name)
			}
		}
	}
}

func TestPeerThatTakesNothingIsDropped(t *testing.T) {
	path := socket(t)
	subscribed := make(chan *link.Conn, 1)
	serve(t, path, echo(subscribed))
	_, peer := subscribe(t, path, subscribed)
	page := strings.Repeat("x", 64<<10)
	for range 10_000 {
		if err := peer.Send(link.Message{Do: link.Show, Page: page}); err != nil {
			if !errors.Is(err, link.ErrClosed) {
				t.Errorf("got %v", err)
			}
			select {
			case <-peer.Done():
			case <-time.After(patience):
				t.Error("it was not dropped")
			}
			return
		}
	}
	t.Error("600 MB wait in memory for a peer that takes nothing")
}

func TestBadInputEndsItsConnectionOnly(t *testing.T) {
	path := socket(t)
	subscribed := make(chan *link.Conn, 1)
	serve(t, path, echo(subscribed))
	good := dial(t, path)
	for name, bytes := range map[string]string{
		"not JSON":         "hello\n",
		"an array":         "[1,2]\n",
		"wrong type":       `{"do":7}` + "\n",
		"two on a line":    `{"do":"ping"}{"do":"ping"}` + "\n",
		"empty line":       "\n",
		"NUL bytes":        "\x00\x00\x00\n",
		"too long":         `{"do":"` + strings.Repeat("x", link.MaxLine) + `"}` + "\n",
		"long without end": strings.Repeat("x", link.MaxLine+1),
		"deep nesting":     strings.Repeat("[", 100_000) + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			bad := raw(t, path)
			// The server may close before it has read all of it.
			_, _ = io.WriteString(bad, bytes)
			if n, err := bad.Read(make([]byte, 1)); n != 0 || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("the connection stays open: %d, %v", n, err)
			}
			ping(t, good, name)
		})
	}
}

func TestUnknownWordsAndMembersAreIgnored(t *testing.T) {
	path := socket(t)
	serve(t, path, echo(nil))
	c := raw(t, path)
	if _, err := io.WriteString(c, `{"do":"sing","song":1}`+"\n"+`{"do":"ping","page":"p","new":{"a":[]}}`+"\n"); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 256)
	n, err := c.Read(answer)
	if err != nil || strings.TrimSpace(string(answer[:n])) != `{"do":"pong","page":"p"}` {
		t.Errorf("got %q, %v", answer[:n], err)
	}
}

func TestHalfALineIsNoMessage(t *testing.T) {
	path := socket(t)
	handled := make(chan link.Message, 4)
	serve(t, path, func(_ *link.Conn, m link.Message) { handled <- m })
	c := raw(t, path)
	for _, part := range []string{`{"do":"o`, `pen","pa`, `ge":"history"}`, "\n"} {
		if _, err := io.WriteString(c, part); err != nil {
			t.Fatal(err)
		}
	}
	if m := <-handled; m.Do != link.Open || m.Page != "history" {
		t.Errorf("got %+v", m)
	}
}

func TestSocketIsPrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no modes")
	}
	path := socket(t)
	serve(t, path, echo(nil))
	for at, want := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700} {
		info, err := os.Stat(at)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, wanted %o", at, got, want)
		}
	}
}

func TestStaleSocketIsReplaced(t *testing.T) {
	path := socket(t)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close()
	serve(t, path, echo(nil))
	ping(t, dial(t, path), "alive")
}

func TestLiveSocketIsLeftAlone(t *testing.T) {
	path := socket(t)
	serve(t, path, echo(nil))
	if _, err := link.Listen(path); !errors.Is(err, link.ErrInUse) {
		t.Fatalf("a second server: %v", err)
	}
	ping(t, dial(t, path), "still the first")
}

func TestServerThatDoesNotAnswerIsLeftAlone(t *testing.T) {
	path := socket(t)
	s, err := link.Listen(path) // it listens, but nobody serves: a stopped process
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := link.Listen(path); !errors.Is(err, link.ErrInUse) {
		t.Fatalf("got %v", err)
	}
}

func TestForeignFileIsLeftAlone(t *testing.T) {
	path := socket(t)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := link.Listen(path); err == nil {
		s.Close()
		t.Error("it listens at a file")
	}
	if content, err := os.ReadFile(path); err != nil || string(content) != "precious" {
		t.Errorf("the file holds %q, %v", content, err)
	}
}

func TestCloseRemovesOnlyItsOwnSocket(t *testing.T) {
	path := socket(t)
	first, err := link.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil { // as someone who tidies up
		t.Fatal(err)
	}
	serve(t, path, echo(nil))
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	ping(t, dial(t, path), "the second lives")
}

func TestCloseSendsWhatWaits(t *testing.T) {
	path := socket(t)
	subscribed := make(chan *link.Conn, 1)
	s, err := link.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(context.Background(), echo(subscribed)) }()
	window, _ := subscribe(t, path, subscribed)
	s.Broadcast(link.Message{Do: link.Quit})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if m, err := window.Receive(); err != nil || m.Do != link.Quit {
		t.Errorf("got %+v, %v", m, err)
	}
	if _, err := window.Receive(); err != io.EOF {
		t.Errorf("after the end: %v, wanted EOF", err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("the socket is still there: %v", err)
	}
	if _, err := link.Dial(t.Context(), path); err == nil {
		t.Error("an ended server answers")
	}
}

func TestPeerThatGoesEndsItsConn(t *testing.T) {
	path := socket(t)
	subscribed := make(chan *link.Conn, 1)
	serve(t, path, echo(subscribed))
	window, server := subscribe(t, path, subscribed)
	window.Close()
	select {
	case <-server.Done():
	case <-time.After(patience):
		t.Fatal("the end was not noticed")
	}
	if err := server.Send(link.Message{Do: link.Show}); !errors.Is(err, link.ErrClosed) {
		t.Errorf("send to a peer that is gone: %v", err)
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	path := socket(t)
	serve(t, path, echo(nil))
	var refused net.Conn
	for range 200 {
		c := raw(t, path)
		if _, err := io.WriteString(c, `{"do":"ping"}`+"\n"); err != nil {
			refused = c
			break
		}
		if _, err := c.Read(make([]byte, 64)); err != nil {
			refused = c
			break
		}
	}
	if refused == nil {
		t.Error("200 connections were taken")
	}
}

func TestMessageThatIsTooLongIsNotSent(t *testing.T) {
	path := socket(t)
	serve(t, path, echo(nil))
	c := dial(t, path)
	if err := c.Send(link.Message{Do: link.Open, Page: strings.Repeat("x", link.MaxLine)}); err == nil {
		t.Error("it was taken")
	}
	ping(t, c, "still good")
}

func TestSocketPathTellsDataFoldersApart(t *testing.T) {
	a, b := link.SocketPath("/run/u", "/home/u/a"), link.SocketPath("/run/u", "/home/u/b")
	if a == b || filepath.Dir(a) != filepath.Clean("/run/u") {
		t.Errorf("got %s and %s", a, b)
	}
	if again := link.SocketPath("/run/u", "/home/u/x/../a/"); again != a {
		t.Errorf("one folder, two sockets: %s and %s", a, again)
	}
}

func TestFolderMayLieDeep(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("other systems refuse long paths, in words")
	}
	deep := filepath.Join(t.TempDir(), strings.Repeat("long/", 60))
	path := link.SocketPath(deep, deep)
	s := serve(t, path, echo(nil))
	ping(t, dial(t, path), "deep down")
	if _, err := link.Listen(path); !errors.Is(err, link.ErrInUse) {
		t.Errorf("a second server: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("the socket is still there: %v", err)
	}
}

func FuzzReceive(f *testing.F) {
	for _, seed := range []string{`{"do":"open","page":"live"}`, `{"do":1}`, "\x00", `{"meter":{"a":[1,2]}}`} {
		f.Add([]byte(seed))
	}
	dir, err := os.MkdirTemp("", "link")
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { os.RemoveAll(dir) })
	path := link.SocketPath(dir, dir)
	s, err := link.Listen(path)
	if err != nil {
		f.Fatal(err)
	}
	go func() { _ = s.Serve(context.Background(), echo(make(chan *link.Conn, 1<<20))) }()
	f.Cleanup(func() { s.Close() })
	f.Fuzz(func(t *testing.T, input []byte) {
		bad, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = bad.Write(append(input, '\n'))
		bad.Close()
		ping(t, dial(t, path), "well")
	})
}

func TestASocketThatWentAwayIsMadeAnewAndConnectionsGoOn(t *testing.T) {
	path := socket(t)
	s := serve(t, path, echo(nil))
	before := dial(t, path)
	ping(t, before, "before")
	if err := s.Restore(); err != nil {
		t.Fatal(err)
	}
	ping(t, dial(t, path), "while nothing is missing")
	if err := os.RemoveAll(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	if c, err := link.Dial(t.Context(), path); err == nil {
		c.Close()
		t.Fatal("somebody answers where no socket is")
	}
	for range 2 { // the second finds it there
		if err := s.Restore(); err != nil {
			t.Fatal(err)
		}
		ping(t, dial(t, path), "at the new one")
		ping(t, before, "over the old connection")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("after the end the socket is there: %v", err)
	}
	if err := s.Restore(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("a server that ended made a socket: %v", err)
	}
}
