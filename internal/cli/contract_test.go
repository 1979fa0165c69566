package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/store"
	"tokenmeter/internal/usage"
)

// fields lists the members of a document as it would be printed, "a.b" for one inside
// another and "[]" for a list, with their JSON types.
func fields(t reflect.Type, prefix string) []string {
	switch t.Kind() {
	case reflect.Pointer:
		list := fields(t.Elem(), prefix)
		for i := range list {
			if strings.HasPrefix(list[i], prefix+" ") {
				list[i] += " or null"
			}
		}
		return list
	case reflect.Slice, reflect.Array:
		return fields(t.Elem(), prefix+"[]")
	case reflect.Map:
		return []string{prefix + " object"}
	case reflect.Struct:
		var list []string
		if prefix != "" && t.NumField() == 0 {
			return []string{prefix + " object"}
		}
		for i := range t.NumField() {
			f := t.Field(i)
			name := f.Tag.Get("json")
			switch {
			case name == "" && f.Anonymous:
				list = append(list, fields(f.Type, prefix)...)
				continue
			case name == "":
				list = append(list, prefix+"."+f.Name+" WITHOUT A NAME")
				continue
			case strings.Contains(name, ","):
				list = append(list, prefix+"."+name+" MAY BE LEFT OUT")
				continue
			}
			if prefix != "" {
				name = prefix + "." + name
			}
			list = append(list, fields(f.Type, name)...)
		}
		return list
	case reflect.String:
		return []string{prefix + " text"}
	case reflect.Bool:
		return []string{prefix + " bool"}
	}
	return []string{prefix + " number"}
}

// The documents that scripts rely on. A new member has to be decided here, and documented.
func TestContract(t *testing.T) {
	sums := []string{
		"inputTokens number", "outputTokens number", "cacheCreationTokens number", "cacheReadTokens number",
		"reasoningTokens number", "totalTokens number", "requests number", "costUSD number or null", "unpricedTokens number",
	}
	under := func(prefix string, names []string) []string {
		var list []string
		for _, n := range names {
			list = append(list, prefix+n)
		}
		return list
	}
	windows := []string{
		"windows[].agent text", "windows[].account text or null", "windows[].limitId text", "windows[].window text or null",
		"windows[].windowMinutes number or null", "windows[].usedPercent number or null", "windows[].resetsAt text or null",
		"windows[].observedAt text or null", "windows[].source text",
		"windows[].forecast.p10 number or null", "windows[].forecast.p50 number or null", "windows[].forecast.p90 number or null",
		"windows[].forecast.runOutProbability number or null", "windows[].forecast.runsOutAt text or null",
		"windows[].forecast.safePacePerHour number or null", "windows[].forecast.model text or null", "windows[].forecast.abstained text or null",
	}
	scanned := []string{
		"agent text", "name text", "found bool", "files number", "requests number", "firstAt text or null", "lastAt text or null",
		"skippedLines number",
	}
	for name, c := range map[string]struct {
		document any
		want     []string
	}{
		"counters": {counters{}, sums},
		"status": {statusDocument{}, slices.Concat(
			[]string{
				"now.freshTokensPerMinute number", "now.cacheReadTokensPerMinute number", "now.costPerHourUSD number or null",
				"now.sessions[].session text", "now.sessions[].agent text", "now.sessions[].project text or null",
				"now.sessions[].branch text or null", "now.sessions[].model text or null", "now.sessions[].working bool",
				"now.sessions[].lastAt text or null", "now.sessions[].contextTokens number or null", "now.sessions[].contextWindow number or null",
			},
			under("now.sessions[].", sums), under("today.", sums),
			windows,
		)},
		"allowance": {allowanceDocument{}, windows},
		"backtest": {backtestDocument{}, []string{
			"windows[].agent text", "windows[].account text or null", "windows[].limitId text", "windows[].windowMinutes number",
			"windows[].finished number", "windows[].skipped number",
			"windows[].models[].model text", "windows[].models[].forecasts number", "windows[].models[].mae number or null",
			"windows[].models[].maeByFifth[] number or null", "windows[].models[].brier number or null",
			"windows[].models[].coverage80 number or null", "windows[].models[].width80 number or null",
			"windows[].models[].etaErrorHours number or null",
			"windows[].alerts.precision number or null", "windows[].alerts.recall number or null",
			"windows[].alerts.leadHours number or null", "windows[].alerts.falsePerWeek number or null",
		}},
		"scan": {scanDocument{}, slices.Concat(
			under("agents[].", scanned), []string{"filesRead number", "bytesRead number", "meterRunning bool"},
		)},
		"doctor": {doctorDocument{}, slices.Concat(
			[]string{
				"version text", "dataFolder text", "database text", "databaseBytes number or null",
				"meter.running bool", "meter.pid number or null", "meter.version text or null",
			},
			under("agents[].", scanned),
			[]string{
				"agents[].skipped object", "agents[].places[].path text", "agents[].places[].there bool", "agents[].places[].from text",
				"prices.version text", "prices.date text", "prices.settings text", "prices.currency text or null",
				"prices.unpriced[].agent text", "prices.unpriced[].model text or null", "prices.unpriced[].requests number",
				"prices.unpriced[].unpricedTokens number", "prices.unpriced[].why text",
				"prices.tests[].agent text", "prices.tests[].model text", "prices.tests[].sessions number", "prices.tests[].requests number", "prices.tests[].oursUSD number",
				"prices.tests[].theirsUSD number", "prices.tests[].offPercent number or null", "prices.tests[].unpriced number", "prices.tests[].unpricedUSD number",
				"network.enabled bool", "network.prices bool", "network.asks[] text", "network.waiting[] text", "network.ledger text",
				"findings[].code text", "findings[].severity text", "findings[].subject text or null", "findings[].since text or null",
				"findings[].title text", "findings[].text text", "findings[].action text",
			},
		)},
	} {
		t.Run(name, func(t *testing.T) {
			got := fields(reflect.TypeOf(c.document), "")
			if !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestRowHasOneKeyPerDimension(t *testing.T) {
	q := question{by: allDimensions(), zone: time.UTC}
	dated := store.Row{Start: 1_795_348_800_000, Agent: "claude", Model: `m"<&>`, Project: "/w", Session: "s"}
	for name, c := range map[string]struct {
		row  store.Row
		want string
	}{
		"dated":   {dated, `{"hour":"2026-11-22T12:00:00Z","day":"2026-11-22","week":"2026-11-16","month":"2026-11","agent":"claude","model":"m\"<&>","project":"/w","session":"s",`},
		"undated": {store.Row{Agent: "codex"}, `{"hour":null,"day":null,"week":null,"month":null,"agent":"codex","model":null,"project":null,"session":null,`},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := marshal(row{names: q.by, values: q.keys(c.row), counters: countersOf(c.row.Counts)})
			if err != nil {
				t.Fatal(err)
			}
			rest := `"inputTokens":0,"outputTokens":0,"cacheCreationTokens":0,"cacheReadTokens":0,"reasoningTokens":0,"totalTokens":0,"requests":0,"costUSD":null,"unpricedTokens":0}`
			if string(b) != c.want+rest {
				t.Errorf("got  %s\nwant %s", b, c.want+rest)
			}
			if !json.Valid(b) {
				t.Error("not JSON")
			}
		})
	}
}

func TestUSD(t *testing.T) {
	for micros, want := range map[usage.Micros]string{
		0: "0", 1: "0.000001", 430_000: "0.43", 12_000_000: "12", 1_500_000: "1.5", -2_500_001: "-2.500001", 999_999: "0.999999",
	} {
		if got := usd(micros).String(); got != want {
			t.Errorf("usd(%d) = %s, want %s", micros, got, want)
		}
	}
	priced := countersOf(usage.Counts{Cost: 430_000, PricedRequests: 1, Requests: 2, UnpricedTokens: 7})
	if b, _ := marshal(priced); !bytes.Contains(b, []byte(`"costUSD":0.43,"unpricedTokens":7`)) {
		t.Errorf("%s", b)
	}
}

func TestWindowWord(t *testing.T) {
	for minutes, want := range map[int64]string{300: "5h", 10080: "7d", 43200: "30d", 60: "60m", 1440: "1440m", 43800: "43800m"} {
		if got := windowWord(minutes); got == nil || *got != want {
			t.Errorf("windowWord(%d) = %v, want %s", minutes, got, want)
		}
	}
	if got := windowWord(0); got != nil {
		t.Errorf("an unknown length has the word %s", *got)
	}
}

func TestParseDate(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 10, 25, 23, 30, 0, 0, time.UTC) // the 26th in Berlin
	for text, want := range map[string][2]string{
		"2026-10-25":                {"2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"}, // a day of 25 hours
		"20261025":                  {"2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"},
		"today":                     {"2026-10-25T23:00:00Z", "2026-10-26T23:00:00Z"},
		"Yesterday":                 {"2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"},
		"2026-10-25T10:00:00Z":      {"2026-10-25T10:00:00Z", "2026-10-25T10:00:00Z"},
		"2026-10-25T10:00:00+02:00": {"2026-10-25T08:00:00Z", "2026-10-25T08:00:00Z"},
		"2026-10-25T10:00:00.5Z":    {"2026-10-25T10:00:00Z", "2026-10-25T10:00:00Z"},
	} {
		first, after, err := parseDate(text, now, berlin)
		got := [2]string{first.UTC().Format(time.RFC3339), after.UTC().Format(time.RFC3339)}
		if err != nil || got != want {
			t.Errorf("%s: %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "2026", "2026-13-01", "2026-02-29", "20260229", "10:00", "tomorrow", "2026-10-25 10:00", "-1"} {
		if first, _, err := parseDate(text, now, berlin); err == nil {
			t.Errorf("%q is understood as %v", text, first)
		}
	}
}

// failing is a standard output that ends after some bytes.
type failing struct {
	left int
	err  error
}

func (f *failing) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, f.err
	}
	return len(p), nil
}

// bare is a Context on an empty home.
func bare(t *testing.T) Context {
	home := t.TempDir()
	return Context{
		Env: agent.Env{
			OS: "linux", Home: home, Variable: func(string) string { return "" },
			Exists: func(path string) bool { _, err := os.Stat(path); return err == nil },
		},
		Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: io.Discard,
		Clock: func() time.Time { return time.Date(2026, 11, 20, 11, 48, 12, 0, time.UTC) }, Zone: time.UTC,
	}
}

func TestOutputThatFails(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		code int
		said string
	}{
		"a reader that has had enough is no error": {&os.PathError{Op: "write", Path: "|1", Err: syscall.EPIPE}, ExitDone, ""},
		"a full disk is": {syscall.ENOSPC, ExitFailed, "error: write output: no space left on device\n"},
	} {
		for _, args := range [][]string{{"history", "--json"}, {"history", "--csv"}, {"history"}, {"status"}, {"status", "--json"}, {"doctor"}, {"scan"}, {"--help"}} {
			t.Run(name+"/"+strings.Join(args, " "), func(t *testing.T) {
				var said bytes.Buffer
				context := bare(t)
				context.Stdout, context.Stderr = &failing{err: c.err}, &said
				if code := Run(t.Context(), args, context); code != c.code || said.String() != c.said {
					t.Errorf("exit code %d, %q, want %d, %q", code, said.String(), c.code, c.said)
				}
			})
		}
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var said bytes.Buffer
	c := bare(t)
	c.Stderr = &said
	if code := Run(ctx, []string{"status"}, c); code != ExitFailed || said.String() != "error: interrupted\n" {
		t.Errorf("exit code %d, %q", code, said.String())
	}
}

// Every command and flag occurs in a script.
func TestScriptsCoverTheCommandTree(t *testing.T) {
	paths, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatal("no scripts", err)
	}
	var lines []string
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(content)) {
			if strings.Contains(line, "tokenmeter") {
				lines = append(lines, line)
			}
		}
	}
	occurs := func(words ...string) bool {
		return slices.ContainsFunc(lines, func(line string) bool {
			for _, w := range words {
				if !strings.Contains(line, w) {
					return false
				}
			}
			return true
		})
	}
	c := bare(t)
	root := newRoot(&c)
	for _, command := range append(root.Commands(), root) {
		if command.Hidden || command.Name() == "help" {
			continue
		}
		name := command.Name()
		if command == root {
			name = ""
		}
		if !occurs("tokenmeter " + name) {
			t.Errorf("no script runs `tokenmeter %s`", name)
		}
		command.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden && f.Name != "help" && !occurs(name, "--"+f.Name) {
				t.Errorf("no script uses `tokenmeter %s --%s`", name, f.Name)
			}
		})
	}
	if !occurs("--" + dataDirFlag) {
		t.Errorf("no script uses --%s", dataDirFlag)
	}
}

// The exit codes are part of the help.
func TestHelpListsTheExitCodes(t *testing.T) {
	for _, code := range []int{ExitDone, ExitFailed, ExitUsage} {
		if !strings.Contains(exitCodes, fmt.Sprintf("\n  %d  ", code)) {
			t.Errorf("the help does not tell of exit code %d", code)
		}
	}
}

func TestHintSurvivesWrapping(t *testing.T) {
	err := fmt.Errorf("outer: %w", withHint(wrongUsage("inner"), "do this"))
	var said bytes.Buffer
	code := conclude(err, &output{}, &said, &cobra.Command{Use: "tokenmeter"})
	if code != ExitUsage || said.String() != "error: outer: inner\nhint: do this\n" {
		t.Errorf("exit code %d, %q", code, said.String())
	}
	if !errors.As(err, new(usageError)) {
		t.Error("the kind is lost")
	}
}
