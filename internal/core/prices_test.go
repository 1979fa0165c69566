package core_test

import (
	"os"
	"path/filepath"
	"testing"

	"tokenmeter/internal/health"
	"tokenmeter/internal/link"
	"tokenmeter/internal/network"
	"tokenmeter/internal/report"
	"tokenmeter/internal/settings"
	"tokenmeter/internal/usage"
)

// TestTheMeterFollowsTheSettings: a price that is entered counts at once, for what is stored
// and for what comes; what is wrong is a finding; nobody opens a connection.
func TestTheMeterFollowsTheSettings(t *testing.T) {
	h := newHouse(t)
	log := h.log(0)
	log.turn(usage.Tokens{Input: 1_000_000, Output: 100})
	c, _ := h.start()
	settle := func(text string, what string, fits func(*report.Snapshot) bool) *report.Snapshot {
		t.Helper()
		if text != "" {
			if err := os.WriteFile(settings.Path(h.data), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			conn, err := link.Dial(t.Context(), link.SocketPath(h.data, h.data))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := conn.Send(link.Message{Do: link.CatchUp}); err != nil {
				t.Fatal(err)
			}
		}
		return until(t, c, what, fits)
	}
	settle("", "tokens without a price", func(s *report.Snapshot) bool { return s.Today.Counts.UnpricedTokens == 1_000_100 })
	s := settle("[prices.map]\na-model = \"claude-opus-4-8\"\n", "the price of another model", func(s *report.Snapshot) bool {
		return s.Today.Counts.Cost == 5_002_500 && s.Today.Counts.UnpricedTokens == 0 && s.Repricing.Done && s.Repricing.Changed == 1
	})
	if s.Repricing.Told || s.Repricing.From == "" {
		t.Errorf("repricing %+v", s.Repricing)
	}
	settle("[[prices.override]]\nmodel = \"a-model\"\ninput = 2\noutput = 10\n[currency]\ncode = \"EUR\"\nrate = \"0.92\"\n", "a price of one's own", func(s *report.Snapshot) bool {
		return s.Today.Counts.Cost == 2_001_000 && s.Currency == usage.Currency{Code: "EUR", Rate: 920_000_000}
	})
	log.turn(usage.Tokens{Input: 1_000_000, Output: 100})
	settle("", "the same for what comes", func(s *report.Snapshot) bool { return s.Today.Counts.Cost == 4_002_000 })
	settle("[prices\n", "a finding", func(s *report.Snapshot) bool {
		return has(s, health.SettingsFailed) && s.Today.Counts.UnpricedTokens == 2_000_200
	})
	settle("version = 1\n", "none", func(s *report.Snapshot) bool { return !has(s, health.SettingsFailed) })
	if _, err := os.Stat(filepath.Join(h.data, network.LedgerName)); err == nil {
		t.Error("something went out")
	}
}
