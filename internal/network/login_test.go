package network_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tokenmeter/internal/network"
)

// TestALoginGoesNowhereElse: a request with headers of its own follows no redirect, not even one
// on the same host, and its headers are in no ledger and no error.
func TestALoginGoesNowhereElse(t *testing.T) {
	var others atomic.Int64
	stranger := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { others.Add(1) }))
	defer stranger.Close()
	for _, code := range []int{301, 302, 303, 307, 308} {
		for _, target := range []string{stranger.URL, "/elsewhere", "//" + stranger.Listener.Addr().String() + "/x"} {
			var got http.Header
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/" {
					others.Add(1)
				}
				got = r.Header.Clone()
				w.Header().Set("Location", target)
				w.WriteHeader(code)
			}))
			o := options(t)
			r := request(server.URL + "/")
			r.Headers = map[string]string{"Authorization": "Bearer secret", "User-Agent": "other/1"}
			_, err := client(t, network.Plain(o)).Fetch(context.Background(), r)
			status := &network.StatusError{}
			if !errors.As(err, &status) || status.Code != code || strings.Contains(err.Error(), "secret") {
				t.Errorf("%d to %s: %v", code, target, err)
			}
			if got.Get("Authorization") != "Bearer secret" || got.Get("User-Agent") != "other/1" {
				t.Errorf("sent %v", got)
			}
			if text, err := os.ReadFile(o.Ledger); err != nil || strings.Contains(string(text), "secret") {
				t.Errorf("%s %v", text, err)
			}
			server.Close()
		}
	}
	if n := others.Load(); n > 0 {
		t.Errorf("elsewhere was reached %d times", n)
	}
}

func TestHowLongAServerWantsToBeLeftAlone(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Second)
	for text, want := range map[string]time.Duration{
		"": 0, "0": 0, "1600": 1600 * time.Second, " 60 ": time.Minute, "-5": 0, "soon": 0, "1e3": 0, "99999999999999999999": 0,
		"2000000000": 24 * time.Hour, now.Add(90 * time.Second).Format(http.TimeFormat): 90 * time.Second, now.Add(-time.Hour).Format(http.TimeFormat): 0,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", text)
			w.WriteHeader(http.StatusTooManyRequests)
		}))
		o := network.Plain(options(t))
		o.Now = func() time.Time { return now }
		_, err := client(t, o).Fetch(context.Background(), request(server.URL))
		status := &network.StatusError{}
		if !errors.As(err, &status) || status.Code != 429 || status.Retry != want {
			t.Errorf("%q: %+v %v, want %s", text, status, err, want)
		}
		server.Close()
	}
}
