package network_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tokenmeter/internal/network"
	"tokenmeter/internal/settings"
)

const answer = `{"prices":1}`

func options(t *testing.T) network.Options {
	t.Helper()
	return network.Options{Version: "1.2.3", Ledger: filepath.Join(t.TempDir(), network.LedgerName), Now: time.Now}
}

func client(t *testing.T, o network.Options) *network.Client {
	t.Helper()
	c, err := network.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func request(address string) network.Request {
	return network.Request{
		Permission: network.Permit(address), Purpose: "prices", Types: []string{"application/json", "text/plain"}, Most: 1000, Within: 20 * time.Second,
	}
}

func entries(t *testing.T, path string) []network.Entry {
	t.Helper()
	all, err := network.Ledger(path)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// serve answers as an honest server does, with these bytes.
func serve(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write([]byte(text))
}

func TestServersThatMisbehave(t *testing.T) {
	var strangers atomic.Int64
	stranger := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { strangers.Add(1) }))
	defer stranger.Close()
	var bomb bytes.Buffer
	packer := gzip.NewWriter(&bomb)
	if _, err := packer.Write(make([]byte, 50<<20)); err != nil {
		t.Fatal(err)
	}
	if err := packer.Close(); err != nil {
		t.Fatal(err)
	}
	hijack := func(w http.ResponseWriter, text string) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_, _ = conn.Write([]byte(text))
			conn.Close()
		}
	}
	for _, c := range []struct {
		name   string
		within time.Duration // 0 = long
		etag   string
		serve  http.HandlerFunc
		want   string // part of the error, "" = it succeeds
		hops   int    // entries of the ledger
	}{
		{"none: it is honest", 0, "", func(w http.ResponseWriter, r *http.Request) { serve(w, answer) }, "", 1},
		{"silent", 200 * time.Millisecond, "", func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "no whole answer within 200ms", 1},
		{"endless and slow", 300 * time.Millisecond, "", func(w http.ResponseWriter, r *http.Request) {
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for {
				serve(w, " ")
				w.(http.Flusher).Flush()
				select {
				case <-r.Context().Done():
					return
				case <-tick.C:
				}
			}
		}, "no whole answer within 300ms", 1},
		{"endless and fast", 0, "", func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				serve(w, strings.Repeat(" ", 1<<16))
			}
		}, "larger than 1000 bytes", 1},
		{"huge, and says so", 0, "", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1099511627776")
			serve(w, answer)
		}, "larger than 1000 bytes", 1},
		{"huge headers", 0, "", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X", strings.Repeat("x", 1<<20))
			serve(w, answer)
		}, "exceeded", 1},
		{"page instead of data", 0, "", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte("<html>log in</html>"))
		}, `type "text/html"`, 1},
		{"no type", 0, "", func(w http.ResponseWriter, r *http.Request) {
			hijack(w, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
		}, `type ""`, 1},
		{"cut off", 0, "", func(w http.ResponseWriter, r *http.Request) {
			hijack(w, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{")
		}, "cut off", 1},
		{"cut off in pieces", 0, "", func(w http.ResponseWriter, r *http.Request) {
			hijack(w, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n")
		}, "cut off", 1},
		{"no HTTP", 0, "", func(w http.ResponseWriter, r *http.Request) { hijack(w, "SSH-2.0-x\r\n") }, "malformed", 1},
		{"hangs up", 0, "", func(w http.ResponseWriter, r *http.Request) { hijack(w, "") }, "EOF", 1},
		{"empty", 0, "", func(w http.ResponseWriter, r *http.Request) { serve(w, "") }, "empty", 1},
		{"packed bomb", 0, "", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			serve(w, bomb.String())
		}, "packed as", 1},
		{"error", 0, "", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", http.StatusServiceUnavailable) }, "503 Service Unavailable", 1},
		{"nothing new", 0, `"a"`, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("If-None-Match") == `"a"` {
				w.WriteHeader(http.StatusNotModified)
			}
		}, "", 1},
		{"nothing new, unasked", 0, "", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNotModified) }, "was not asked", 1},
		{"elsewhere", 0, "", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, stranger.URL+"/x?y", http.StatusFound)
		}, "redirects to " + stranger.URL, 1},
		{"same host by another name", 0, "", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://localhost:"+strings.Split(r.Host, ":")[1]+"/x", http.StatusFound)
		}, "redirects to http://localhost", 1},
		{"other protocol", 0, "", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "ftp://"+r.Host+"/x")
			w.WriteHeader(http.StatusFound)
		}, "redirects to ftp://", 1},
		{"to nowhere", 0, "", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusFound) }, "redirects to nowhere", 1},
		{"on the same host", 0, "", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/p.json" {
				http.Redirect(w, r, "/new", http.StatusMovedPermanently)
				return
			}
			serve(w, answer)
		}, "", 2},
		{"in circles", 0, "", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/p.json", http.StatusFound) }, "more than 3 times", 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(c.serve)
			defer server.Close()
			o := options(t)
			r := request(server.URL + "/p.json?secret=1")
			r.ETag = c.etag
			if c.within > 0 {
				r.Within = c.within
			}
			got, err := client(t, network.Plain(o)).Fetch(context.Background(), r)
			log := entries(t, o.Ledger)
			if len(log) != c.hops {
				t.Fatalf("%d entries, want %d: %+v", len(log), c.hops, log)
			}
			last := log[0]
			if !last.Done || last.Host != strings.TrimPrefix(server.URL, "http://") || last.Purpose != "prices" {
				t.Errorf("%+v", last)
			}
			if c.want == "" {
				if err != nil || got.NotModified != (c.etag != "") || !got.NotModified && string(got.Body) != answer {
					t.Errorf("%+v %v", got, err)
				}
				if last.Outcome != "ok" && last.Outcome != "not modified" {
					t.Errorf("%+v", last)
				}
			} else {
				if err == nil || !strings.Contains(err.Error(), c.want) || got.Body != nil {
					t.Errorf("%v, want %q", err, c.want)
				}
				if c.hops == 1 && (!strings.HasPrefix(last.Outcome, "failed: ") || !strings.Contains(last.Outcome, c.want)) {
					t.Errorf("outcome %q", last.Outcome)
				}
			}
			text, readErr := os.ReadFile(o.Ledger)
			if readErr != nil || strings.Contains(string(text), "secret") || err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the query is written down: %s %v", text, err)
			}
		})
	}
	if n := strangers.Load(); n > 0 {
		t.Errorf("another host was reached %d times", n)
	}
}

func TestOnlyHTTPSWithACertificateThatHolds(t *testing.T) {
	var reached atomic.Int64
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached.Add(1)
		if r.URL.Path == "/down" {
			http.Redirect(w, r, "http://"+r.Host+"/x", http.StatusFound)
			return
		}
		serve(w, answer)
	}))
	server.Config.ErrorLog = nil
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	o := options(t)
	if got, err := client(t, network.Trusting(o, roots)).Fetch(context.Background(), request(server.URL)); err != nil || string(got.Body) != answer {
		t.Errorf("%+v %v", got, err)
	}
	if _, err := client(t, network.Trusting(o, roots)).Fetch(context.Background(), request(server.URL+"/down")); err == nil || !strings.Contains(err.Error(), "redirects to http://") {
		t.Errorf("%v", err)
	}
	before := reached.Load()
	if _, err := client(t, o).Fetch(context.Background(), request(server.URL)); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate that nobody vouches for: %v", err)
	}
	elsewhere := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	if _, err := client(t, network.Trusting(o, roots)).Fetch(context.Background(), request(elsewhere)); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate of another host: %v", err)
	}
	if reached.Load() != before {
		t.Error("a request was sent to a server that is not who it says")
	}
	n := len(entries(t, o.Ledger))
	if _, err := client(t, o).Fetch(context.Background(), request("http://"+server.Listener.Addr().String())); err == nil || !strings.Contains(err.Error(), "not https") {
		t.Errorf("http: %v", err)
	}
	if len(entries(t, o.Ledger)) != n {
		t.Error("http was tried")
	}
}

func TestWhatGoesOut(t *testing.T) {
	var got http.Header
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Clone()
		http.SetCookie(w, &http.Cookie{Name: "id", Value: "1"})
		w.Header().Set("ETag", `"b"`)
		serve(w, answer)
	}))
	defer server.Close()
	c := client(t, network.Plain(options(t)))
	for range 2 {
		r := request(server.URL)
		r.ETag = `"a"`
		result, err := c.Fetch(context.Background(), r)
		if err != nil || result.ETag != `"b"` {
			t.Fatal(result, err)
		}
		want := http.Header{"User-Agent": {"tokenmeter/1.2.3"}, "Accept": {"application/json, text/plain"}, "If-None-Match": {`"a"`}, "Connection": {"close"}}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
}

func TestNothingWithoutPermission(t *testing.T) {
	path := settings.Path(t.TempDir())
	for _, text := range []string{"", "[prices]\nurl = \"https://127.0.0.1:1/\"\n", "[network]\nenabled = true\n[prices]\nrefresh = true\n", "[prices]\nrefresh = true\nurl = \"https://127.0.0.1:1/\"\n", "[network]\nenabled = \"true\"\n[prices]\nrefresh = true\nurl = \"https://127.0.0.1:1/\"\n[network.a]\nenabled = true\n",
		"[network.a]\nenabled = true\n", "[network]\nenabled = true\n[network.a]\n[network.b]\nenabled = true\n", "[network]\nenabled = true\na = true\n",
		"[network]\nenabled = true\n[network.a]\nenabled = 1\n", "[network]\nenabled = true\n[network.a]\nenabled = true\nprogram = \"./a\"\n", "[network]\nenabled = true\n[prices]\nrefresh = true\nurl = \"http://127.0.0.1:1/\"\n", "[prices\nrefresh = true\nurl = \"https://127.0.0.1:1/\"\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s, _, _ := settings.Load(path)
		o := options(t)
		r := request("")
		if r.Permission = network.ForPrices(&s); r.Permission.Granted() {
			t.Errorf("%q permits", text)
		}
		if network.ForAllowance(&s, "a", "https://127.0.0.1:1/").Granted() {
			t.Errorf("%q permits to ask", text)
		}
		if _, err := client(t, o).Fetch(context.Background(), r); !errors.Is(err, network.ErrNotPermitted) {
			t.Errorf("%q: %v", text, err)
		}
		if left, err := os.ReadDir(filepath.Dir(o.Ledger)); err != nil || len(left) > 0 {
			t.Errorf("%q: something was written: %v %v", text, left, err)
		}
	}
	s := settings.Default()
	s.Network.Enabled, s.Prices.Refresh, s.Prices.URL = true, true, "https://example.org/p.json"
	s.Network.Inquiries = map[string]settings.Inquiry{"a": {Enabled: true}}
	if !network.ForPrices(&s).Granted() || !network.ForAllowance(&s, "a", "https://example.org").Granted() {
		t.Error("does not permit what the settings allow")
	}
	if network.ForAllowance(&s, "b", "https://example.org").Granted() {
		t.Error("permits to ask for another agent")
	}
}

// net/http reads the environment once in a process, so this takes a process of its own.
func TestTheProxyOfTheEnvironmentIsUsed(t *testing.T) {
	const child = "TOKENMETER_TEST_PROXY"
	if os.Getenv(child) != "" {
		if _, err := client(t, options(t)).Fetch(context.Background(), request("https://prices.invalid/x")); err == nil {
			t.Error("a proxy that hangs up gave an answer")
		}
		return
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	asked := make(chan string, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		first := make([]byte, 100)
		n, _ := conn.Read(first)
		asked <- string(first[:n])
	}()
	command := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	command.Env = append(os.Environ(), child+"=1", "HTTPS_PROXY=http://"+listener.Addr().String(), "NO_PROXY=")
	if out, err := command.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	select {
	case line := <-asked:
		if !strings.HasPrefix(line, "CONNECT prices.invalid:443 ") {
			t.Errorf("%q", line)
		}
	default:
		t.Error("the proxy was not asked")
	}
}

func TestNothingIsSentThatCannotBeWrittenDown(t *testing.T) {
	var reached atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { reached.Add(1) }))
	defer server.Close()
	for _, c := range []struct {
		name string
		make func(path string) error
	}{
		{"a folder in its place", func(path string) error { return os.Mkdir(path, 0o700) }},
		{"no folder around it", func(path string) error { return os.Remove(filepath.Dir(path)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := options(t)
			if err := c.make(o.Ledger); err != nil {
				t.Fatal(err)
			}
			if _, err := client(t, network.Plain(o)).Fetch(context.Background(), request(server.URL)); err == nil || !strings.Contains(err.Error(), "nothing is sent") {
				t.Errorf("%v", err)
			}
		})
	}
	if reached.Load() > 0 {
		t.Error("something was sent")
	}
}

// TestTheEntryIsThereBeforeTheConnection has the server look into the ledger.
func TestTheEntryIsThereBeforeTheConnection(t *testing.T) {
	o := options(t)
	seen := make(chan []network.Entry, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		all, _ := network.Ledger(o.Ledger)
		seen <- all
		serve(w, answer)
	}))
	defer server.Close()
	if _, err := client(t, network.Plain(o)).Fetch(context.Background(), request(server.URL+"/a%20b")); err != nil {
		t.Fatal(err)
	}
	if all := <-seen; len(all) != 1 || all[0].Done || all[0].Path != "/a%20b" {
		t.Errorf("%+v", all)
	}
	if all := entries(t, o.Ledger); len(all) != 1 || !all[0].Done || all[0].Bytes != int64(len(answer)) || all[0].Outcome != "ok" {
		t.Errorf("%+v", all)
	}
	if info, err := os.Stat(o.Ledger); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
}

func TestCallerWhoGivesUp(t *testing.T) {
	inside := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(inside)
		<-r.Context().Done()
	}))
	defer server.Close()
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-inside
		cancel()
	}()
	o := options(t)
	if _, err := client(t, network.Plain(o)).Fetch(ctx, request(server.URL)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if all := entries(t, o.Ledger); len(all) != 1 || !all[0].Done {
		t.Errorf("%+v", all)
	}
}

func at(n int) time.Time { return time.Unix(1_800_000_000+int64(n), 0).UTC() }

func TestLedgerStaysReadable(t *testing.T) {
	path := filepath.Join(t.TempDir(), network.LedgerName)
	put := func(n int) {
		t.Helper()
		e := network.Entry{Time: at(n), Host: fmt.Sprint("host", n), Path: "/" + strings.Repeat("x", 1000), Purpose: "prices", Bytes: 5, Duration: time.Second, Outcome: "ok"}
		id, err := network.Begin(path, e)
		if err == nil {
			err = network.End(path, id, e)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	put(1)
	tear := func(text string) {
		t.Helper()
		file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err == nil {
			_, err = file.WriteString(text)
			file.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	tear(`{"id":"torn","time":"2026-`)
	put(2)
	tear("\x00\x00\x00\n[1]\n{}\n{\"id\":\"x\",\"outcome\":\"ok\"}\n")
	put(3)
	var hosts []string
	for _, e := range entries(t, path) {
		hosts = append(hosts, e.Host)
		if !e.Done || e.Bytes != 5 || e.Duration != time.Second || len(e.Path) > 400 {
			t.Errorf("%+v", e)
		}
	}
	if strings.Join(hosts, " ") != "host3 host2 host1" {
		t.Errorf("%v, want all, newest first", hosts)
	}
	for n := 4; n < 700; n++ {
		put(n)
	}
	info, err := os.Stat(path)
	if err != nil || info.Size() > network.LargestLedger {
		t.Errorf("%d bytes, more than %d (%v)", info.Size(), network.LargestLedger, err)
	}
	all := entries(t, path)
	if len(all) < 100 || all[0].Host != "host699" || all[len(all)-1].Host == "host1" {
		t.Errorf("%d entries, the first is %+v", len(all), all[0])
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 2 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestLedgerOfSeveralWriters(t *testing.T) {
	path := filepath.Join(t.TempDir(), network.LedgerName)
	var all sync.WaitGroup
	for w := range 4 {
		all.Go(func() {
			for n := range 20 {
				e := network.Entry{Time: at(n), Host: fmt.Sprint(w, ".", n), Purpose: "p", Outcome: "ok"}
				id, err := network.Begin(path, e)
				if err == nil {
					err = network.End(path, id, e)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	got := entries(t, path)
	for _, e := range got {
		if !e.Done {
			t.Errorf("%+v", e)
		}
	}
	if len(got) != 80 {
		t.Errorf("%d entries, want 80", len(got))
	}
}

func TestNext(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	ago := func(h float64) time.Time { return now.Add(-time.Duration(h * float64(time.Hour))) }
	for _, c := range []struct {
		name             string
		attempt, success time.Time
		wait             time.Duration // after the attempt, without what is spread; -1 = now
	}{
		{"never tried", time.Time{}, time.Time{}, -1},
		{"just done", ago(0), ago(0), 24 * time.Hour},
		{"done the day before yesterday", ago(48), ago(48), 24 * time.Hour},
		{"the success was written later than the attempt", ago(1), ago(0.9), 24 * time.Hour},
		{"never succeeded", ago(1), time.Time{}, 24 * time.Hour},
		{"failed once", ago(1), ago(26), 25 * time.Hour},
		{"failed by hand at once", ago(1), ago(1.5), 24 * time.Hour},
		{"failed twice", ago(1), ago(51), 50 * time.Hour},
		{"failed for a month", ago(1), ago(720), 96 * time.Hour},
		{"the clock was set back", now.Add(time.Hour), ago(5), -1},
		{"success in the future", ago(1), now.Add(time.Hour), 24 * time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			for seed := range uint64(50) {
				got := network.Next(network.Past{Attempt: c.attempt, Success: c.success, Seed: seed}, now)
				if c.wait < 0 {
					if !got.Equal(now) {
						t.Errorf("%v, want now", got)
					}
					continue
				}
				if more := got.Sub(c.attempt.Add(c.wait)); more < 0 || more >= 2*time.Hour {
					t.Errorf("seed %d: %v after the attempt, want %v to two hours more", seed, got.Sub(c.attempt), c.wait)
				}
			}
		})
	}
	// A crowd that was switched on at one moment comes spread over the two hours.
	quarters := map[int]int{}
	for seed := range uint64(800) {
		more := network.Next(network.Past{Attempt: now, Success: now, Seed: seed}, now).Sub(now) - 24*time.Hour
		quarters[int(more/(15*time.Minute))]++
	}
	for q := range 8 {
		if quarters[q] < 60 || quarters[q] > 140 {
			t.Errorf("%d of 800 in quarter %d", quarters[q], q)
		}
	}
}
