package settings_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"tokenmeter/internal/settings"
	"tokenmeter/internal/usage"
)

func rate(t *testing.T, text string) usage.Rate {
	t.Helper()
	r, err := usage.ParseRate(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := settings.Path(t.TempDir())
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func content(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

const full = `version = 1
[network]
enabled = true
[network.a]
enabled = true
program = "/opt/a"
[network.b]
[prices]
refresh = true
url = "https://example.org/p.json"
[[prices.override]]
model = "m"
from = 2026-01-01
until = "2026-06-30"
input = 3
output = 15.25
cache_read = "0.003625"
cache_write_5m = 3.750000
cache_write_1h = 6.0
note = "ours"
[[prices.override]]
model = "free"
input = 0
output = 0.0
free = true
[prices.map]
"my model" = "claude-opus-4-8"
[currency]
code = "EUR"
rate = 0.92
fetched = true
`

func TestAllOfItIsRead(t *testing.T) {
	s, warnings, err := settings.Load(write(t, full))
	if err != nil || len(warnings) > 0 {
		t.Fatal(warnings, err)
	}
	read, short, long := rate(t, "0.003625"), rate(t, "3.75"), rate(t, "6")
	want := settings.Prices{
		Refresh: true, URL: "https://example.org/p.json",
		Overrides: []settings.Override{
			{Model: "m", From: "2026-01-01", Until: "2026-06-30", Input: 3_000_000, Output: 15_250_000, CacheRead: &read, CacheWrite5m: &short, CacheWrite1h: &long, Note: "ours"},
			{Model: "free", Free: true},
		},
		Map: map[string]string{"my model": "claude-opus-4-8"},
	}
	if !reflect.DeepEqual(s.Prices, want) {
		t.Errorf("%+v, want %+v", s.Prices, want)
	}
	network := settings.Network{Enabled: true, Inquiries: map[string]settings.Inquiry{"a": {Enabled: true, Program: "/opt/a"}, "b": {}}}
	if !reflect.DeepEqual(s.Network, network) {
		t.Errorf("%+v, want %+v", s.Network, network)
	}
	if s.Currency != (settings.Currency{Code: "EUR", Rate: 920_000_000, Fetched: true}) {
		t.Errorf("%+v", s.Currency)
	}
}

func TestWhatCannotBeUsedIsSaidAndCostsNothingElse(t *testing.T) {
	const price = "[[prices.override]]\nmodel=\"m\"\ninput=1\noutput=2\n"
	for _, c := range []struct{ name, text, warning string }{
		{"network is a switch", "network = true\n", "line 1: network must be a table, [network]"},
		{"network is a word", "[network]\nenabled = \"yes\"\n", "line 2: network.enabled must be true or false"},
		{"unknown key of the network", "[network]\nproxy = \"x\"\n", "line 2: network.proxy is not known here"},
		{"unknown key of an agent", "[network.a]\nevery = 5\n", "line 2: network.a.every is not known here"},
		{"agent is a word", "[network.a]\nenabled = \"on\"\n", "line 2: network.a.enabled must be true or false"},
		{"program that may be any", "[network.a]\nenabled = true\nprogram = \"a\"\n", "line 3: network.a.program must be the full path of a program"},
		{"refresh is a word", "[prices]\nrefresh = \"yes\"\n", "line 2: prices.refresh must be true or false"},
		{"refresh without address", "[prices]\nrefresh = true\n", "line 2: prices.refresh is on, but"},
		{"http", "[prices]\nurl = \"http://example.org\"\n", "line 2: prices.url must be an address that begins with https://"},
		{"address with a password", "[prices]\nurl = \"https://a:b@example.org\"\n", "line 2: prices.url must"},
		{"address is a number", "[prices]\nurl = 7\n", "line 2: prices.url must be an address that begins with https://, in quotes"},
		{"unknown key", "colour = \"red\"\n", "line 1: colour is not known here"},
		{"unknown key in a price", price + "\n\"od d\" = 1\n", "line 6: prices.override.\"od d\" is not known here"},
		{"unknown table", "[currency]\n[window.size]\n", "line 2: window is not known"},
		{"version is newer", "version = 2\n", "line 1: version is 2, from a newer"},
		{"version is a text", "version = \"1\"\n", "line 1: version must be 1"},
		{"prices is no table", "prices = 3\n", "line 1: prices must be a table, [prices]"},
		{"override is no list", "prices.override = 3\n", "line 1: prices.override must be tables"},
		{"override of numbers", "prices.override = [3]\n", "line 1: prices.override must be a table under"},
		{"no model", "[[prices.override]]\ninput=1\noutput=2\n", "line 1: prices.override.model is missing"},
		{"no output", "[[prices.override]]\nmodel=\"m\"\ninput=1\n", "line 1: prices.override.output is missing"},
		{"rate with an exponent", price + "cache_read = 1e-3\n", "line 5: prices.override.cache_read must be a number like 2.5"},
		{"rate too exact", price + "cache_read = 0.1234567\n", "not \"0.1234567\""},
		{"rate below zero", price + "cache_read = -1\n", "line 5: prices.override.cache_read must be"},
		{"rate not a number", price + "cache_read = nan\n", "not \"nan\""},
		{"rate too high", price + "cache_read = 1000001\n", "up to 1000000"},
		{"rate is a list", price + "cache_read = [1]\n", "line 5: prices.override.cache_read must be a number"},
		{"zero that is not marked", price + "cache_read = 0\n", "add free = true"},
		{"day that is none", price + "from = \"2026-02-30\"\n", "line 5: prices.override.from must be a day like"},
		{"a time", price + "from = 2026-02-03T00:00:00Z\n", "line 5: prices.override.from must be a day like"},
		{"ends before it begins", price + "from = 2026-02-03\nuntil = 2026-02-02\n", "line 6: prices.override.until is before from"},
		{"twice from one day", price + price, "line 5: prices.override has a second price of \"m\""},
		{"mapping to nothing", "[prices.map]\na = \"\"\n", "line 2: prices.map.a must name a model on both sides"},
		{"mapping to a number", "[prices.map]\na = 1\n", "line 2: prices.map.a must be the name of a model, in quotes"},
		{"currency in small letters", "[currency]\ncode = \"eur\"\nrate = \"1\"\n", "line 2: currency.code must be three capital letters"},
		{"currency without rate", "[currency]\ncode = \"EUR\"\n", "line 2: currency.code is \"EUR\", but there is no rate"},
		{"rate of nothing", "[currency]\ncode = \"EUR\"\nrate = \"0\"\n", "line 3: currency.rate must be"},
		{"rate with a comma", "[currency]\ncode = \"EUR\"\nrate = \"0,92\"\n", "not \"0,92\"; amounts are shown in USD"},
		{"dollars that are none", "[currency]\ncode = \"USD\"\nrate = \"0.92\"\n", "line 3: currency.rate must be \"1\" for USD"},
		{"fetched rate without refresh", "[currency]\ncode = \"EUR\"\nrate = \"0.92\"\nfetched = true\n", "line 4: currency.fetched needs prices.refresh"},
	} {
		t.Run(c.name, func(t *testing.T) {
			// What stands beside it must hold.
			text := c.text
			if !strings.Contains(text, "prices.map") && !strings.Contains(text, "prices = ") {
				text += "[prices.map]\nbeside = \"m\"\n"
			}
			s, warnings, err := settings.Load(write(t, text))
			if err != nil {
				t.Fatal(err)
			}
			var all []string
			for _, w := range warnings {
				all = append(all, w.String())
			}
			if !strings.Contains(strings.Join(all, "\n"), c.warning) {
				t.Errorf("%q, want %q", all, c.warning)
			}
			if strings.Contains(text, "beside") && s.Prices.Map["beside"] != "m" {
				t.Errorf("lost what stands beside it: %+v", s)
			}
			if s.Currency.Code != "USD" && c.name != "fetched rate without refresh" {
				t.Errorf("%+v", s.Currency)
			}
		})
	}
}

func TestNoFileAndFilesThatAreNoTOML(t *testing.T) {
	for _, c := range []struct {
		name, text string
		line       int
	}{
		{"half a line", "version = 1\n[prices]\nrefresh =\n", 3},
		{"key twice", "a = 1\na = 2\n", 2},
		{"not UTF-8", "a = 1\nb = \"\xff\"\n", 2},
		{"nested too deeply", "a = " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000), 1},
		{"a picture", "\x89PNG\r\n\x1a\n\x00\x00", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := write(t, c.text)
			s, _, err := settings.Load(path)
			var syntax *settings.SyntaxError
			if !errors.As(err, &syntax) || syntax.Line != c.line {
				t.Errorf("%v, want a syntax error in line %d", err, c.line)
			}
			if !reflect.DeepEqual(s.Currency, settings.Default().Currency) {
				t.Errorf("not the usual settings: %+v", s)
			}
			if _, _, err := settings.Edit(context.Background(), path, &s, settings.SetRefresh(false)); err == nil {
				t.Error("was changed")
			}
			if content(t, path) != c.text {
				t.Error("was written to")
			}
		})
	}
	t.Run("too large", func(t *testing.T) {
		path := write(t, strings.Repeat("#\n", 40_000))
		if _, _, err := settings.Load(path); err == nil {
			t.Error("was read")
		}
	})
	t.Run("a folder", func(t *testing.T) {
		if _, _, err := settings.Load(t.TempDir()); err == nil {
			t.Error("was read")
		}
	})
	t.Run("none", func(t *testing.T) {
		path := settings.Path(t.TempDir())
		s, warnings, err := settings.Load(path)
		if err != nil || len(warnings) > 0 || s.Prices.Refresh || s.Changed(path) {
			t.Errorf("%+v %v %v", s, warnings, err)
		}
	})
}

func override(model string) settings.Override {
	r := usage.Rate(300_000)
	return settings.Override{Model: model, Input: 3_000_000, Output: 15_500_000, CacheRead: &r, Note: "a \"note\"\nof two lines"}
}

func TestEditKeepsAllElse(t *testing.T) {
	for _, c := range []struct {
		name, before string
		change       settings.Change
		after        string // "" = refused
	}{
		{"value with a comment", "[prices]  # ours\n\trefresh   =  false   # never\nurl='https://a.b/c' \nother = { x = 1 }", settings.SetRefresh(true),
			"[prices]  # ours\n\trefresh   =  true   # never\nurl='https://a.b/c' \nother = { x = 1 }"},
		{"network", "# x\n[prices]\nrefresh = true\n", settings.SetNetwork(true), "# x\n[prices]\nrefresh = true\n\n[network]\nenabled = true\n"},
		{"network off while more is on", "[network]\nenabled = true # ours\n[network.a]\nenabled = true\n", settings.SetNetwork(false), "[network]\nenabled = false # ours\n[network.a]\nenabled = true\n"},
		{"agent", "[network]\n[network.a]\nprogram = \"/a\" # b\n", settings.SetInquiry("a", true), "[network]\n[network.a]\nprogram = \"/a\" # b\nenabled = true\n"},
		{"agent without a name", "", settings.SetInquiry("", true), ""},
		{"key that is missing", "[prices]\n  url = \"https://a.b\" # x\n\n# end\n[prices.map]\n", settings.SetRefresh(true),
			"[prices]\n  url = \"https://a.b\" # x\n  refresh = true\n\n# end\n[prices.map]\n"},
		{"empty table", "[prices]\n[currency]", settings.SetRefresh(false), "[prices]\nrefresh = false\n[currency]"},
		{"no table", "x = 1", settings.SetRefresh(false), "x = 1\n\n[prices]\nrefresh = false\n"},
		{"only tables below", "[prices.map]\na = \"b\"\n", settings.SetRefresh(false), "[prices.map]\na = \"b\"\n\n[prices]\nrefresh = false\n"},
		{"dotted keys", "prices.url = \"https://a.b\"\n[x]\ny = 1\n", settings.SetRefresh(true),
			"prices.url = \"https://a.b\"\nprices.refresh = true\n[x]\ny = 1\n"},
		{"value in an inline table", "prices = { url = \"https://a.b\", refresh = false } # x\n", settings.SetRefresh(true),
			"prices = { url = \"https://a.b\", refresh = true } # x\n"},
		{"key for an inline table", "prices = { url = \"https://a.b\" }\n", settings.SetRefresh(true), ""},
		{"carriage returns", "[prices]\r\nurl = \"https://a.b\"\r\n", settings.SetRefresh(true), "[prices]\r\nurl = \"https://a.b\"\r\nrefresh = true\r\n"},
		{"byte order mark", "\ufeff[prices]\nrefresh = false\n", settings.SetRefresh(false), "\ufeff[prices]\nrefresh = false\n"},
		{"value of several lines", "[prices]\nurl = \"\"\"\nhttps://a.b\"\"\" # x\nrefresh = false\n", settings.SetURL("https://c.d"),
			"[prices]\nurl = \"https://c.d\" # x\nrefresh = false\n"},
		{"an address that is none", "[prices]\n", settings.SetURL("http://c.d"), ""},
		{"a text that looks like a table", "x = '''\n[prices]\n'''\n", settings.SetRefresh(false), "x = '''\n[prices]\n'''\n\n[prices]\nrefresh = false\n"},
		{"first price", "x = 1\n", settings.PutOverride(override("a")),
			"x = 1\n\n[[prices.override]]\nmodel = \"a\"\ninput = 3\noutput = 15.5\ncache_read = 0.3\nnote = \"a \\\"note\\\"\\u000Aof two lines\"\n"},
		{"price in place of another", "[[prices.override]]\n# old\nmodel = \"a\" # who\ninput = 1 # in\ncache_write_1h = 5\noutput = 1\nmine = 4\n", settings.PutOverride(override("a")),
			"[[prices.override]]\n# old\nmodel = \"a\" # who\ninput = 3 # in\noutput = 15.5\nmine = 4\ncache_read = 0.3\nnote = \"a \\\"note\\\"\\u000Aof two lines\"\n"},
		{"price in brackets", "prices.override = [ # x\n {model=\"b\",input=1,output=1}, # y\n]\n", settings.PutOverride(settings.Override{Model: "a", From: "2026-01-01", Input: 1_000_000, Output: 2_000_000}),
			"prices.override = [ # x\n {model=\"b\",input=1,output=1}, { model = \"a\", from = 2026-01-01, input = 1, output = 2 }, # y\n]\n"},
		{"price that is none", "", settings.PutOverride(settings.Override{Model: "a"}), ""},
		{"price of no model", "", settings.PutOverride(settings.Override{Input: 1, Output: 1}), ""},
		{"day that is none", "", settings.PutOverride(settings.Override{Model: "a", From: "x = 1", Input: 1, Output: 1}), ""},
		{"price goes", "# a\n[[prices.override]]\nmodel=\"a\"\n# b\ninput=1\noutput=1\n# c\n[[prices.override]]\nmodel=\"b\"\ninput=1\noutput=1\n", settings.RemoveOverride("a", ""),
			"# a\n# b\n# c\n[[prices.override]]\nmodel=\"b\"\ninput=1\noutput=1\n"},
		{"last price goes", "[prices]\n[[prices.override]]\nmodel=\"a\"\ninput=1\noutput=1\n", settings.RemoveOverride("a", ""), "[prices]\n"},
		{"only price goes", "[[prices.override]]\nmodel=\"a\"\ninput=1\noutput=1\n# x", settings.RemoveOverride("a", ""), "# x"},
		{"price of another day goes", "[[prices.override]]\nmodel=\"a\"\ninput=1\noutput=1\n", settings.RemoveOverride("a", "2026-01-01"), ""},
		{"mapping", "[prices.map]\n\"a b\" = \"x\"\n", settings.PutMapping("a.b", "y"), "[prices.map]\n\"a b\" = \"x\"\n\"a.b\" = \"y\"\n"},
		{"mapping in place of another", "[prices.map]\n'a b' = \"x\" # z\n", settings.PutMapping("a b", "y"), "[prices.map]\n'a b' = \"y\" # z\n"},
		{"mapping goes", "[prices.map]\na = \"x\" # y\n# z\nb = \"y\"\n", settings.RemoveMapping("a"), "[prices.map]\n# z\nb = \"y\"\n"},
		{"mapping that is not there goes", "[prices.map]\n", settings.RemoveMapping("a"), ""},
		{"mapping to no name", "", settings.PutMapping("a", ""), ""},
		{"currency", "", settings.SetCurrency("EUR", "0.92", false), "\n[currency]\ncode = \"EUR\"\nrate = \"0.92\"\nfetched = false\n"},
		{"currency that is none", "", settings.SetCurrency("EURO", "0.92", false), ""},
		{"rate that is none", "", settings.SetCurrency("EUR", "-1", false), ""},
		{"newer version", "version = 2\n[prices]\n", settings.SetRefresh(false), ""},
		{"fault elsewhere stays", "[prices]\nurl = 7\n", settings.PutMapping("a", "b"), "[prices]\nurl = 7\n\n[prices.map]\na = \"b\"\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := write(t, c.before)
			before, _, err := settings.Load(path)
			if err != nil {
				t.Fatal(err)
			}
			_, _, err = settings.Edit(context.Background(), path, &before, c.change)
			want := c.after
			if (err != nil) != (want == "") {
				t.Errorf("error %v", err)
			}
			if want == "" {
				want = c.before
			}
			if got := content(t, path); got != want {
				t.Errorf("%q\nwant\n%q (%v)", got, want, err)
			}
			left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".settings-*"))
			if err != nil || len(left) > 0 {
				t.Errorf("left behind: %v %v", left, err)
			}
		})
	}
}

func TestNewFileIsExplainedAndClosedToOthers(t *testing.T) {
	path := settings.Path(t.TempDir())
	s, _, err := settings.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	next, warnings, err := settings.Edit(context.Background(), path, &s, settings.SetURL("https://example.org/p.json"), settings.SetRefresh(true), settings.PutOverride(override("a")), settings.PutMapping("x y", "a"), settings.SetCurrency("EUR", "0.92", true))
	if err != nil || len(warnings) > 0 {
		t.Fatal(warnings, err)
	}
	if !next.Prices.Refresh || len(next.Prices.Overrides) != 1 || next.Prices.Map["x y"] != "a" || !next.Currency.Fetched {
		t.Errorf("%+v", next)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v, want mode 0600", info.Mode(), err)
	}
	if text := content(t, path); strings.Count(text, "#") < 15 {
		t.Errorf("no explanations:\n%s", text)
	}
	if !s.Changed(path) || next.Changed(path) {
		t.Errorf("changed: %v, %v, want true, false", s.Changed(path), next.Changed(path))
	}
	// The very file must be what a person finds who writes all of it by hand.
	again, _, err := settings.Load(path)
	if err != nil || !reflect.DeepEqual(again.Prices, next.Prices) {
		t.Errorf("%+v %v", again, err)
	}
}

func TestAChangeInTheMeantimeIsNoticed(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(path string) error
	}{
		{"other content of the same size", func(path string) error { return os.WriteFile(path, []byte("x = 2\n"), 0o600) }},
		{"gone", os.Remove},
		{"in place of it a new one", func(path string) error {
			if err := os.WriteFile(path+"~", []byte("y = 1\n"), 0o600); err != nil {
				return err
			}
			return os.Rename(path+"~", path)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := write(t, "x = 1\n")
			s, _, err := settings.Load(path)
			if err != nil || s.Changed(path) {
				t.Fatal(s.Changed(path), err)
			}
			if err := c.do(path); err != nil {
				t.Fatal(err)
			}
			before, _ := os.ReadFile(path)
			if !s.Changed(path) {
				t.Error("not seen")
			}
			if _, _, err := settings.Edit(context.Background(), path, &s, settings.SetRefresh(false)); !errors.Is(err, settings.ErrStale) {
				t.Errorf("%v, want that it is stale", err)
			}
			if after, _ := os.ReadFile(path); string(after) != string(before) {
				t.Errorf("%q became %q", before, after)
			}
		})
	}
}

func TestALinkStaysALink(t *testing.T) {
	target := write(t, "[prices]\n")
	path := settings.Path(t.TempDir())
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
	s, _, err := settings.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := settings.Edit(context.Background(), path, &s, settings.SetRefresh(false)); err != nil {
		t.Fatal(err)
	}
	if content(t, target) != "[prices]\nrefresh = false\n" {
		t.Errorf("%q", content(t, target))
	}
	if info, err := os.Lstat(path); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("%v %v, want a link", info.Mode(), err)
	}
}

// writer enters prices until all are in, loading again whenever another was faster.
func writer(path, name string, count int) error {
	for i := range count {
		for {
			s, _, err := settings.Load(path)
			if err != nil {
				return err
			}
			_, _, err = settings.Edit(context.Background(), path, &s, settings.PutOverride(override(fmt.Sprint(name, i))))
			if err == nil {
				break
			}
			if !errors.Is(err, settings.ErrStale) {
				return err
			}
		}
	}
	return nil
}

const writerVariable = "TOKENMETER_TEST_SETTINGS_WRITER"

func TestMain(m *testing.M) {
	if path := os.Getenv(writerVariable); path != "" {
		if err := writer(path, "process", 20); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestWritersLoseNothing has another process and two goroutines write at once.
func TestWritersLoseNothing(t *testing.T) {
	path := write(t, "# ours\n")
	other := exec.Command(os.Args[0])
	other.Env = append(os.Environ(), writerVariable+"="+path)
	var said strings.Builder
	other.Stderr = &said
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for _, name := range []string{"a", "b"} {
		all.Go(func() {
			if err := writer(path, name, 20); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if err := other.Wait(); err != nil {
		t.Fatal(err, said.String())
	}
	s, warnings, err := settings.Load(path)
	if err != nil || len(warnings) > 0 || len(s.Prices.Overrides) != 60 {
		t.Errorf("%d prices, want 60: %v %v", len(s.Prices.Overrides), warnings, err)
	}
}

func TestAmounts(t *testing.T) {
	for _, c := range []struct{ text, rate, exchange string }{
		{"0", "0", ""}, {"1", "1", "1"}, {"007.50", "7.5", "7.5"}, {"0.000001", "0.000001", "0.000001"},
		{"0.000000001", "", "0.000000001"}, {"0.0000000001", "", ""}, {"1000000", "1000000", "1000000"}, {"1000000000", "", "1000000000"},
		{"1000000.000001", "", "1000000.000001"}, {"99999999999999999999", "", ""}, {"", "", ""}, {".5", "", ""}, {"5.", "", ""},
		{"+1", "", ""}, {"-1", "", ""}, {"1e3", "", ""}, {"1_000", "", ""}, {"1,5", "", ""}, {"١", "", ""}, {" 1", "", ""}, {"1.5.5", "", ""},
		{"2.50000000000000000000", "2.5", "2.5"},
	} {
		got := ""
		if r, err := usage.ParseRate(c.text); err == nil {
			got = r.String()
		}
		if got != c.rate {
			t.Errorf("rate %q: %q, want %q", c.text, got, c.rate)
		}
		got = ""
		if r, err := usage.ParseExchange(c.text); err == nil {
			got = r.String()
		}
		if got != c.exchange {
			t.Errorf("exchange %q: %q, want %q", c.text, got, c.exchange)
		}
	}
}
