//go:build linux

package fault

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestNothingOpensAConnection watches every socket that the meter and the commands make, with
// no settings and with settings that switch on everything but the network. The home has a login
// of Claude Code, and a codex that leaves a mark when it is started is on the PATH.
func TestNothingOpensAConnection(t *testing.T) {
	traced(t)
	for name, settings := range map[string]string{
		"no settings":       "",
		"refresh not on":    "[prices]\nurl = \"https://127.0.0.1:1/prices.json\"\n[currency]\ncode = \"EUR\"\nrate = \"0.92\"\nfetched = true\n",
		"network not on":    "[prices]\nrefresh = true\nurl = \"https://127.0.0.1:1/prices.json\"\n[network.codex]\nenabled = true\n[network.claude]\nenabled = true\n",
		"no agent is on":    "[network]\nenabled = true\n[network.codex]\nenabled = false\n",
		"settings are torn": "[network]\nenabled = true\n[network.codex]\nenabled = true\n[network.claude]\nenabled = true\n[prices]\nrefresh = true\nurl = \"https://127.0.0.1:1/prices.json\"\n[curr",
	} {
		t.Run(name, func(t *testing.T) {
			folder := workshop(t)
			h := newHome(t, folder, 5, 30)
			data, out := filepath.Join(folder, "data"), filepath.Join(folder, "out")
			h.must(os.MkdirAll(data, 0o700))
			if settings != "" {
				h.must(os.WriteFile(filepath.Join(data, "settings.toml"), []byte(settings), 0o600))
			}
			h.must(os.MkdirAll(filepath.Join(h.path, ".claude"), 0o700))
			h.must(os.WriteFile(filepath.Join(h.path, ".claude", ".credentials.json"), []byte(`{"claudeAiOauth":{"accessToken":"a","expiresAt":9999999999999}}`), 0o600))
			bin, mark := filepath.Join(folder, "bin"), filepath.Join(folder, "started")
			h.must(os.MkdirAll(bin, 0o700))
			h.must(os.WriteFile(filepath.Join(bin, "codex"), []byte("#!/bin/sh\n: > '"+mark+"'\n"), 0o700))
			t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
			watched := func(trace string) []string {
				return []string{"strace", "-f", "-qq", "-e", "signal=none", "-e", "trace=socket,connect,sendto,sendmsg", "-o", filepath.Join(folder, trace)}
			}
			for _, command := range []string{"scan", "status", "doctor", "history"} {
				end, err := run(h.path, "UTC", out, append(watched(command), meter(t), command, "--data-dir", data)...)
				if err == nil {
					err = end.judge()
				}
				if err != nil {
					t.Errorf("%s: %v", command, err)
				}
			}
			p := startMeter(t, folder, h.path, watched("meter")...)
			h.turns(4)
			if _, err := run(h.path, "UTC", out, append(watched("asks"), meter(t), "status", "--data-dir", data)...); err != nil {
				t.Error(err)
			}
			if _, err := run(h.path, "UTC", out, meter(t), "quit", "--data-dir", data); err != nil {
				t.Error(err)
			}
			if _, err := p.wait(); err != nil {
				t.Error(err)
			}
			for _, trace := range []string{"scan", "status", "doctor", "history", "meter", "asks"} {
				text, err := os.ReadFile(filepath.Join(folder, trace))
				if err != nil {
					t.Fatal(err)
				}
				if trace == "meter" && !strings.Contains(string(text), "AF_UNIX") {
					t.Errorf("nothing was traced of the meter:\n%s", text)
				}
				for line := range strings.SplitSeq(string(text), "\n") {
					if strings.Contains(line, "AF_INET") {
						t.Errorf("%s makes a socket that leads out: %s", trace, line)
					}
				}
			}
			if _, err := os.Stat(mark); err == nil {
				t.Error("codex was started")
			}
			if _, err := os.Stat(filepath.Join(data, "network.jsonl")); err == nil {
				t.Error("there is a ledger, although nothing was fetched")
			}
		})
	}
}
