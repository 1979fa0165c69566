package core_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"tokenmeter/internal/link"
	"tokenmeter/internal/network"
	"tokenmeter/internal/report"
	"tokenmeter/internal/settings"
	"tokenmeter/internal/usage"
)

// playCodex is an app-server that knows its limits.
func playCodex() int {
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		if strings.Contains(in.Text(), `"initialize"`) {
			fmt.Println(`{"id":1,"result":{}}`)
		}
		if strings.Contains(in.Text(), "rateLimits/read") {
			fmt.Println(`{"id":2,"result":{"rateLimits":{"primary":{"usedPercent":37,"windowDurationMins":10080,"resetsAt":null}}}}`)
		}
	}
	return 0
}

// TestTheCurrentAllowanceIsAskedOnceSwitchedOn: by default codex is not even started; once the
// settings say so its answer is a window like any other, and everyone is told.
func TestTheCurrentAllowanceIsAskedOnceSwitchedOn(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no links here")
	}
	h := newHouse(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(h.home, "bin", codexProgram)); err != nil {
		t.Fatal(err)
	}
	log := h.log(0)
	log.turn(usage.Tokens{Input: 5})
	c, _ := h.start()
	s := until(t, c, "the logs", func(s *report.Snapshot) bool { return s.Today.Counts.Requests == 1 && !s.Reading.Running })
	if len(s.Windows) > 0 || s.Online.Prices || s.Online.Asks != nil {
		t.Errorf("%+v, %+v", s.Windows, s.Online)
	}
	ledger := filepath.Join(h.data, network.LedgerName)
	if _, err := os.Stat(ledger); err == nil {
		t.Fatal("something went out by default")
	}
	if err := os.WriteFile(settings.Path(h.data), []byte("[network]\nenabled = true\n[network.codex]\nenabled = true\n"), 0o600); err != nil {
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
	s = until(t, c, "what codex says", func(s *report.Snapshot) bool {
		return len(s.Windows) == 1 && s.Windows[0].UsedPercent != nil && *s.Windows[0].UsedPercent == 37 && s.Windows[0].WindowMinutes == 10080
	})
	if len(s.Online.Asks) != 1 || s.Online.Asks[0] != "Codex" {
		t.Errorf("%+v", s.Online)
	}
	if all, err := network.Ledger(ledger); err != nil || len(all) != 1 || all[0].Outcome != "ok" || all[0].Host != "codex app-server" {
		t.Errorf("%+v %v", all, err)
	}
}
