package pricing

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tokenmeter/assets"
	"tokenmeter/internal/health"
	"tokenmeter/internal/network"
	"tokenmeter/internal/price"
	"tokenmeter/internal/settings"
	"tokenmeter/internal/usage"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func request(model string, at string) *usage.Event {
	when, err := time.Parse(time.DateOnly, at)
	if err != nil {
		panic(err)
	}
	return &usage.Event{Model: model, Time: usage.MillisOf(when), Tokens: usage.Tokens{Input: 1_000_000}}
}

func TestWhatTheSettingsSayCounts(t *testing.T) {
	dir := t.TempDir()
	before := Load(dir)
	if before.Cost(request("own", "2026-11-20")).Priced || before.Currency() != (usage.Currency{}) || len(before.Warnings()) > 0 || before.Failed() != nil {
		t.Fatalf("without settings: %+v", before)
	}
	write(t, settings.Path(dir), `
[prices.map]
gateway = "claude-opus-4-8"
nowhere = "no-such-model"
[[prices.override]]
model = "own"
input = 1.25
output = 2
from = 2026-11-01
until = 2026-11-20
[[prices.override]]
model = "claude-opus-4-8"
input = 7
output = 8
from = "2026-11-10"
until = "2026-11-12"
[currency]
code = "EUR"
rate = "0.92"
`)
	p := Load(dir)
	if p.Version() == before.Version() {
		t.Error("the version is the same")
	}
	for _, c := range []struct {
		model, day string
		want       usage.Micros // -1 = no price
	}{
		{"own", "2026-10-31", -1}, {"own", "2026-11-01", 1_250_000}, {"own", "2026-11-20", 1_250_000}, {"own", "2026-11-21", -1},
		{"claude-opus-4-8", "2026-11-09", 5_000_000}, {"claude-opus-4-8", "2026-11-10", 7_000_000}, {"claude-opus-4-8", "2026-11-12", 7_000_000},
		{"claude-opus-4-8", "2026-11-13", 5_000_000}, {"gateway", "2026-11-11", 7_000_000}, {"gateway", "2026-11-13", 5_000_000}, {"nowhere", "2026-11-13", -1},
	} {
		cost := p.Cost(request(c.model, c.day))
		if cost.Priced != (c.want >= 0) || cost.Priced && cost.Micros != c.want {
			t.Errorf("%s on %s costs %+v, want %d", c.model, c.day, cost, c.want)
		}
	}
	if p.Currency() != (usage.Currency{Code: "EUR", Rate: 920_000_000}) {
		t.Errorf("currency %+v", p.Currency())
	}
	board := health.NewBoard(time.Now)
	PutFindings(board, dir, p)
	if list := board.Findings(); len(list) != 1 || !strings.Contains(list[0].Args[0], "no-such-model") {
		t.Errorf("findings %+v", list)
	}
	PutFindings(board, dir, before)
	if list := board.Findings(); len(list) != 0 {
		t.Errorf("still found: %+v", list)
	}
	write(t, settings.Path(dir), "x = [")
	PutFindings(board, dir, Load(dir))
	if list := board.Findings(); len(list) != 1 || list[0].Code != health.SettingsFailed {
		t.Errorf("findings %+v", list)
	}
	cheap := "batch"
	if c := p.As(price.WhatIf{Model: "claude-haiku-4-5", Service: &cheap})(request("nowhere", "2026-11-13")); c.Micros != 500_000 {
		t.Errorf("as another, in a batch: %+v", c)
	}
}

const permitting = "[network]\nenabled = true\n[prices]\nrefresh = true\nurl = \"https://example.org/prices.json\"\n"

// newer is the built-in table with another date and price.
func newer(t *testing.T, date string) []byte {
	t.Helper()
	built, err := price.Default()
	if err != nil {
		t.Fatal(err)
	}
	text := bytes.Replace(assets.Prices, []byte(built.Date()), []byte(date), 1)
	if bytes.Equal(text, assets.Prices) {
		t.Fatal("the table has no date")
	}
	return bytes.Replace(text, []byte("\"base\": {"), []byte("\"exchange\": {\"EUR\": \"0.876543\"}, \"base\": {"), 1)
}

func TestRefresh(t *testing.T) {
	dir := t.TempDir()
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	asked := 0
	var answer network.Result
	var fault error
	fetch := func(_ context.Context, r network.Request) (network.Result, error) {
		if !r.Permission.Granted() || r.Most != price.MaxTableBytes || r.Within <= 0 {
			t.Errorf("asked for %+v", r)
		}
		asked++
		if r.ETag != "" && r.ETag == answer.ETag {
			return network.Result{NotModified: true}, nil
		}
		return answer, fault
	}
	step := func(wantAsked int, wantChanged, wantError bool) time.Time {
		t.Helper()
		before := asked
		changed, next, err := Load(dir).Refresh(t.Context(), dir, 7, now, fetch)
		if asked-before != wantAsked || changed != wantChanged || (err != nil) != wantError {
			t.Errorf("asked %d times, changed %v, %v", asked-before, changed, err)
		}
		if !next.IsZero() && !next.After(now) {
			t.Errorf("next at %v, now is %v", next, now)
		}
		return next
	}
	built := Load(dir).Version()

	// Nothing is asked without permission.
	if next := step(0, false, false); !next.IsZero() {
		t.Errorf("next at %v", next)
	}
	write(t, settings.Path(dir), permitting)

	// What is no table is not taken, and not asked for again within a day.
	answer = network.Result{Body: []byte(`{"rows": 3}`), ETag: `"bad"`}
	next := step(1, false, true)
	step(0, false, false)
	if _, err := os.Stat(filepath.Join(dir, TableName)); err == nil {
		t.Error("it was kept")
	}

	// A good one is, and counts.
	now = next
	answer = network.Result{Body: newer(t, "2027-01-01"), ETag: `"one"`}
	next = step(1, true, false)
	fetched := Load(dir)
	if fetched.Version() == built || fetched.Table().Date() != "2027-01-01" {
		t.Errorf("in force: %s of %s", fetched.Version(), fetched.Table().Date())
	}
	if next.Sub(now) < 24*time.Hour {
		t.Errorf("asked again after %v", next.Sub(now))
	}

	// The rate that came with it counts only where the user wants that.
	if c := fetched.Currency(); c != (usage.Currency{}) {
		t.Errorf("currency %+v", c)
	}
	for text, want := range map[string]usage.Currency{
		"fetched = true":  {Code: "EUR", Rate: 876_543_000, Fetched: true},
		"fetched = false": {Code: "EUR", Rate: 920_000_000},
	} {
		write(t, settings.Path(dir), permitting+"[currency]\ncode = \"EUR\"\nrate = \"0.92\"\n"+text+"\n")
		if c := Load(dir).Currency(); c != want {
			t.Errorf("%s: %+v", text, c)
		}
	}
	write(t, settings.Path(dir), permitting)

	// The same again is not loaded twice; a fault leaves it in force.
	now = next
	next = step(1, false, false)
	now = next
	answer, fault = network.Result{ETag: `"two"`}, errors.New("the line is down")
	step(1, false, true)
	if Load(dir).Version() != fetched.Version() {
		t.Error("the last good one is lost")
	}

	// An older one than the built-in does not count, and neither does one that was damaged.
	write(t, filepath.Join(dir, TableName), string(newer(t, "2020-01-01")))
	if Load(dir).Version() != built {
		t.Error("an older table counts")
	}
	write(t, filepath.Join(dir, TableName), "{")
	if p := Load(dir); p.Version() != built || len(p.Warnings()) != 1 {
		t.Errorf("a damaged table: %s, %v", p.Version(), p.Warnings())
	}

	// Switched off, it does not count either.
	write(t, filepath.Join(dir, TableName), string(newer(t, "2027-01-01")))
	write(t, settings.Path(dir), "")
	if Load(dir).Version() != built {
		t.Error("a fetched table counts although that is switched off")
	}
}
