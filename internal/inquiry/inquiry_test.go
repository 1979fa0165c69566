//go:build linux

package inquiry_test

import (
	"bufio"
	"context"
	"encoding/pem"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/agent/claude"
	"tokenmeter/internal/agent/codex"
	"tokenmeter/internal/health"
	"tokenmeter/internal/inquiry"
	"tokenmeter/internal/network"
	"tokenmeter/internal/platform"
	"tokenmeter/internal/settings"
	"tokenmeter/internal/usage"
)

// TestMain has the system's authorities be those of the tests' servers, and plays codex.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "codex" {
		playCodex()
		os.Exit(0)
	}
	server := httptest.NewTLSServer(nil)
	file, err := os.CreateTemp("", "roots")
	if err == nil {
		err = pem.Encode(file, &pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	}
	if err != nil {
		panic(err)
	}
	file.Close()
	server.Close()
	os.Setenv("SSL_CERT_FILE", file.Name())
	code := m.Run()
	os.Remove(file.Name())
	os.Exit(code)
}

// playCodex answers as the file beside it says, after it has noted how it was started.
func playCodex() {
	folder := filepath.Dir(os.Args[0])
	_ = os.WriteFile(filepath.Join(folder, "started"), []byte(strings.Join(os.Args[1:], " ")), 0o600)
	script, _ := os.ReadFile(filepath.Join(folder, "answer"))
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		switch {
		case strings.Contains(in.Text(), `"initialize"`):
			fmt.Println(`{"method":"account/updated","params":{"email":"someone@example.org"}}`)
			fmt.Println(`{"id":1,"result":{"userAgent":"codex"}}`)
		case strings.Contains(in.Text(), "rateLimits/read"):
			fmt.Println(`{"method":"account/rateLimits/updated","params":{"rateLimits":{"primary":null}}}`)
			fmt.Print(string(script))
			if !strings.HasSuffix(string(script), "\n") {
				os.Exit(1) // dies in half a line
			}
		}
	}
}

const secret = "sk-ant-oat01-never-written-down"

// at is Claude whose vendor is another server; only tests can say so.
type at struct {
	claude.Source
	address string
}

func (a at) Inquiry(env agent.Env) agent.Inquiry {
	q := a.Source.Inquiry(env)
	q.Web.Address = a.address
	return q
}

type house struct {
	t     *testing.T
	home  string
	data  string
	now   time.Time
	used  time.Time
	board *health.Board
	o     inquiry.Options
	desk  *inquiry.Desk
	s     settings.Settings
}

func newHouse(t *testing.T, address string) *house {
	t.Helper()
	h := &house{t: t, home: t.TempDir(), data: t.TempDir(), now: time.Now().Truncate(time.Second)}
	h.used = h.now.Add(-time.Minute)
	clock := func() time.Time { return h.now }
	client, err := network.New(network.Options{Version: "1.2.3", Ledger: filepath.Join(h.data, network.LedgerName), Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	h.board = health.NewBoard(clock)
	h.o = inquiry.Options{
		DataDir: h.data, Sources: []agent.Source{at{claude.Source{}, address}, codex.Source{}}, Version: "1.2.3", Clock: clock, Seed: 7, Client: client, Board: h.board,
		Env: agent.Env{OS: "linux", Home: h.home, Exists: platform.Exists, Variable: func(name string) string {
			return map[string]string{"PATH": filepath.Join(h.home, "bin"), "ANTHROPIC_BASE_URL": "https://example.org"}[name]
		}},
	}
	h.desk = inquiry.New(h.o)
	h.s = settings.Default()
	h.s.Network = settings.Network{Enabled: true, Inquiries: map[string]settings.Inquiry{"claude": {Enabled: address != ""}, "codex": {Enabled: address == ""}}}
	return h
}

func (h *house) login(token string, expires time.Time) {
	h.t.Helper()
	folder := filepath.Join(h.home, ".claude")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		h.t.Fatal(err)
	}
	text := fmt.Sprintf(`{"mcpOAuth":{},"claudeAiOauth":{"accessToken":%q,"refreshToken":"never-%s","expiresAt":%d,"scopes":["user:inference","user:profile"]}}`, token, token, expires.UnixMilli())
	if err := os.WriteFile(filepath.Join(folder, ".credentials.json"), []byte(text), 0o400|0o200); err != nil {
		h.t.Fatal(err)
	}
}

// codex puts a program of that name on the path.
func (h *house) codex(answer string) {
	h.t.Helper()
	self, err := os.Executable()
	bin := filepath.Join(h.home, "bin")
	if err == nil {
		err = os.MkdirAll(bin, 0o700)
	}
	if err == nil {
		os.Remove(filepath.Join(bin, "codex"))
		err = os.Symlink(self, filepath.Join(bin, "codex"))
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(bin, "answer"), []byte(answer), 0o600)
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) round() ([]usage.Sample, time.Time) {
	return h.desk.Round(context.Background(), &h.s, func(usage.AgentID) time.Time { return h.used })
}

// later goes on to d after now, at which something was used.
func (h *house) later(d time.Duration) {
	h.now = h.now.Add(d)
	h.used = h.now.Add(-time.Second)
}

func (h *house) has(code health.Code) bool {
	for _, f := range h.board.Findings() {
		if f.Code == code {
			return true
		}
	}
	return false
}

func short(samples []usage.Sample) string {
	var list []string
	for _, s := range samples {
		list = append(list, fmt.Sprintf("%s %d %g %d %s", s.LimitID, s.WindowMinutes, s.UsedPercent, s.ResetsAt/1000, s.Source))
	}
	return strings.Join(list, ", ")
}

func TestWhatClaudesServerAnswers(t *testing.T) {
	const limits = `{"five_hour":{"utilization":99,"resets_at":null},"limits":[
		{"kind":"session","percent":12.5,"resets_at":"2031-05-01T14:00:00.5+00:00","is_active":false},{"kind":"weekly_all","percent":40,"resets_at":null},
		{"kind":"weekly_scoped","percent":3,"scope":{"model":{"id":"claude-fable-5","display_name":"Fable"},"surface":null}},
		{"kind":"yearly","percent":1},{"kind":"session"},null,7],"spend":{"used":1}}`
	for _, c := range []struct {
		name, body string
		code       int
		retry      string
		want       string
		twice      bool // believed the second time
		login      bool // a finding
		wait       time.Duration
	}{
		{name: "list", body: limits, want: "claude 300 12.5 1935410400 server, claude 10080 40 0 server, claude:fable 10080 3 0 server"},
		{name: "members", body: `{"five_hour":{"utilization":7,"resets_at":"2031-05-01T14:00:00Z"},"seven_day":null,"seven_day_opus":{"utilization":2,"resets_at":null},"seven_day_omelette":{"utilization":9},"limits":[]}`,
			want: "claude 300 7 1935410400 server, claude:opus 10080 2 0 server"},
		{name: "nothing used", body: `{"five_hour":{"utilization":0,"resets_at":null},"seven_day":{"utilization":0}}`, want: "claude 300 0 0 server, claude 10080 0 0 server", twice: true},
		{name: "blank", body: `{}`, twice: true},
		{name: "no JSON", body: `{"five_hour":`},
		{name: "a list instead", body: `[]`},
		{name: "a large one", body: `{"x":"` + strings.Repeat("x", 300<<10) + `"}`},
		{name: "refused", code: 401, login: true},
		{name: "forbidden", code: 403, login: true},
		{name: "too often, at once again", code: 429, retry: "0"},
		{name: "too often, much later", code: 429, retry: "1600", wait: 1600 * time.Second},
		{name: "broken", code: 500},
		{name: "elsewhere", code: 302},
	} {
		t.Run(c.name, func(t *testing.T) {
			asked := 0
			server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked++
				want := map[string]string{"Authorization": "Bearer " + secret, "Anthropic-Beta": "oauth-2025-04-20", "Accept": "application/json"}
				for name, value := range want {
					if got := r.Header.Get(name); got != value {
						t.Errorf("%s is %q", name, got)
					}
				}
				if !strings.HasPrefix(r.Header.Get("User-Agent"), "claude-code/") || r.URL.Path != "/api/oauth/usage" || r.Method != http.MethodGet {
					t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
				}
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("Retry-After", c.retry)
				w.Header().Set("Location", "/api/oauth/usage")
				if c.code != 0 {
					w.WriteHeader(c.code)
				}
				_, _ = w.Write([]byte(c.body))
			}))
			defer server.Close()
			h := newHouse(t, server.URL+"/api/oauth/usage")
			h.login(secret, h.now.Add(time.Hour))
			got, next := h.round()
			if c.twice {
				if got != nil || next.IsZero() {
					t.Errorf("believed at once: %s, next %s", short(got), next)
				}
				h.now = next // although nothing was used
				got, _ = h.round()
			}
			if short(got) != c.want {
				t.Errorf("got  %s\nwant %s", short(got), c.want)
			}
			if c.login != h.has(health.LoginNeeded) {
				t.Errorf("%+v", h.board.Findings())
			}
			times := asked
			h.later(4*time.Minute + 59*time.Second)
			if h.round(); asked != times {
				t.Error("asked again within five minutes")
			}
			if _, next = h.round(); c.wait > 0 && next.Sub(h.now)+299*time.Second < c.wait || c.code != 0 && next.Sub(h.now) < 5*time.Minute {
				t.Errorf("next in %s", next.Sub(h.now))
			}
			h.now = next
			if _, err := os.Stat(filepath.Join(h.data, inquiry.StateName)); err != nil {
				t.Error(err)
			}
			// A restart forgets nothing.
			h.desk = inquiry.New(h.o)
			h.now = next.Add(-time.Second)
			if h.round(); asked != times {
				t.Error("asked again after a restart")
			}
			untold(t, h.data)
		})
	}
}

// untold looks for the login in all that was written.
func untold(t *testing.T, folder string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), "never") || strings.Contains(string(text), "someone@") {
			t.Errorf("%s: %s", path, text)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestALoginIsOnlyShown: it is shown three times to a server that refuses it, never when it has
// expired, and its file is never written.
func TestALoginIsOnlyShown(t *testing.T) {
	asked, code := 0, 401
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_, _ = w.Write([]byte(`{"five_hour":{"utilization":7}}`))
	}))
	defer server.Close()
	if q := (claude.Source{}).Inquiry(newHouse(t, "x").o.Env); q.Web.Address != "https://api.anthropic.com/api/oauth/usage" {
		t.Errorf("a variable leads the login to %s", q.Web.Address)
	}
	h := newHouse(t, server.URL)
	path := filepath.Join(h.home, ".claude", ".credentials.json")
	h.round() // no file
	if asked != 0 || !h.has(health.LoginNeeded) {
		t.Errorf("asked %d times without a login: %+v", asked, h.board.Findings())
	}
	h.later(time.Hour)
	h.login(secret, h.now.Add(-time.Second))
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		h.later(2 * time.Hour)
		h.round()
	}
	if asked != 0 || !h.has(health.LoginNeeded) {
		t.Errorf("asked %d times with a login that has expired: %+v", asked, h.board.Findings())
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("%s became %s: %v", before, after, err)
	}
	h.login(secret+"2", h.now.Add(100*time.Hour))
	for range 6 {
		h.later(2 * time.Hour)
		h.round()
	}
	if asked != 3 {
		t.Errorf("asked %d times, want 3", asked)
	}
	code = 200
	h.login(secret+"33", h.now.Add(100*time.Hour))
	h.later(2 * time.Hour)
	if got, _ := h.round(); len(got) != 1 || asked != 4 || h.has(health.LoginNeeded) {
		t.Errorf("after a new login: %s, asked %d times, %+v", short(got), asked, h.board.Findings())
	}
	h.now = h.now.Add(24 * time.Hour)
	if _, next := h.round(); asked != 4 || !next.IsZero() {
		t.Errorf("asked although nothing was used, next %s", next)
	}
	untold(t, h.data)
}

func TestWhatCodexAnswers(t *testing.T) {
	for _, c := range []struct{ name, answer, want, trouble string }{
		{"both slots", `{"id":2,"result":{"rateLimits":{"planType":"pro","primary":{"usedPercent":12,"windowDurationMins":300,"resetsAt":1935496800},"secondary":{"usedPercent":40,"windowDurationMins":10080,"resetsAt":1935900000},"credits":{"balance":"1"}}}}` + "\n",
			"codex 300 12 1935496800 server, codex 10080 40 1935900000 server", ""},
		{"limits by id, week first", `{"id":2,"result":{"rateLimits":{"limitId":"codex","primary":{"usedPercent":1,"windowDurationMins":10080}},"rateLimitsByLimitId":{"codex_x":{"primary":{"usedPercent":5,"windowDurationMins":300}},"codex":{"limitId":"codex","primary":{"usedPercent":2,"windowDurationMins":10080,"resetsAt":null},"secondary":null}}}}` + "\n",
			"codex 10080 2 0 server, codex_x 300 5 0 server", ""},
		{"an error", `{"id":2,"error":{"code":-32600,"message":"someone@example.org has no plan"}}` + "\n", "", "error -32600"},
		{"garbage", "Error: update codex\n", "", "not JSON"},
		{"another form", `{"id":2,"result":{"limits":[]}}` + "\n", "", "form that is not known"},
		{"half a line", `{"id":2,"resu`, "", "ended without an answer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t, "")
			h.codex(c.answer)
			got, _ := h.round()
			if short(got) != c.want {
				t.Errorf("got  %s\nwant %s", short(got), c.want)
			}
			all, err := network.Ledger(filepath.Join(h.data, network.LedgerName))
			if err != nil || len(all) != 1 || all[0].Host != "codex app-server" || all[0].Purpose != "allowance" || all[0].Bytes == 0 || all[0].Sent == 0 ||
				!strings.Contains(all[0].Outcome, c.trouble) || (all[0].Outcome == "ok") != (c.trouble == "") {
				t.Errorf("%+v %v", all, err)
			}
			if how, err := os.ReadFile(filepath.Join(h.home, "bin", "started")); err != nil || string(how) != "-s read-only -a never app-server" {
				t.Errorf("started with %q: %v", how, err)
			}
			untold(t, h.data)
		})
	}
}

func TestNothingIsAskedUnlessSwitchedOn(t *testing.T) {
	for name, off := range map[string]func(*settings.Network){
		"the network":   func(n *settings.Network) { n.Enabled = false },
		"the agent":     func(n *settings.Network) { n.Inquiries["codex"] = settings.Inquiry{} },
		"all that is":   func(n *settings.Network) { *n = settings.Network{} },
		"only another":  func(n *settings.Network) { n.Inquiries = map[string]settings.Inquiry{"gemini": {Enabled: true}} },
		"network alone": func(n *settings.Network) { n.Inquiries = nil },
	} {
		h := newHouse(t, "")
		h.codex("")
		h.login(secret, h.now.Add(time.Hour))
		off(&h.s.Network)
		if got, next := h.round(); got != nil || !next.IsZero() {
			t.Errorf("%s is off: %s, next %s", name, short(got), next)
		}
		if left, err := os.ReadDir(h.data); err != nil || len(left) > 0 {
			t.Errorf("%s is off, and something was written: %v %v", name, left, err)
		}
		if _, err := os.Stat(filepath.Join(h.home, "bin", "started")); err == nil {
			t.Errorf("%s is off, and codex was started", name)
		}
	}
}

func TestNext(t *testing.T) {
	now := time.Date(2031, 5, 1, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	for _, c := range []struct {
		name     string
		past     inquiry.Past
		used     time.Time
		from, to time.Duration // after now; both 0 = at once, from < 0 = never
	}{
		{"never asked", inquiry.Past{}, time.Time{}, 0, 0},
		{"nothing used since", inquiry.Past{Attempt: ago(time.Hour)}, ago(2 * time.Hour), -1, 0},
		{"used since", inquiry.Past{Attempt: now}, now.Add(1), 5 * time.Minute, 6 * time.Minute},
		{"failed", inquiry.Past{Attempt: now, Failures: 1}, time.Time{}, 10 * time.Minute, 11 * time.Minute},
		{"failed often", inquiry.Past{Attempt: now, Failures: 90}, now.Add(1), 59 * time.Minute, time.Hour},
		{"failed often while idle", inquiry.Past{Attempt: now, Failures: 4}, time.Time{}, -1, 0},
		{"left alone", inquiry.Past{Attempt: now, Failures: 1, Until: now.Add(1600 * time.Second)}, now.Add(1), 1600 * time.Second, 1600 * time.Second},
		{"left alone for years", inquiry.Past{Attempt: now, Until: now.Add(90000 * time.Hour)}, now.Add(1), 5 * time.Minute, 6 * time.Minute},
		{"refused", inquiry.Past{Attempt: now, Failures: 3, Refusals: 3}, now.Add(1), -1, 0},
		{"to be confirmed", inquiry.Past{Attempt: now, Unused: 1}, time.Time{}, 5 * time.Minute, 6 * time.Minute},
		{"confirmed", inquiry.Past{Attempt: now, Unused: 2}, time.Time{}, -1, 0},
		{"the clock was set back", inquiry.Past{Attempt: now.Add(time.Hour)}, time.Time{}, 0, 0},
	} {
		for seed := range uint64(50) {
			got := inquiry.Next(c.past, c.used, now, seed)
			if got.IsZero() != (c.from < 0) || c.from >= 0 && (got.Sub(now) < c.from || got.Sub(now) > c.to) {
				t.Errorf("%s: %s", c.name, got)
			}
		}
	}
}
