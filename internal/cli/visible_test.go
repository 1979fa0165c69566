package cli

import (
	"bytes"
	"strings"
	"testing"

	"tokenmeter/internal/health"
)

func TestNamesCannotSteerTheTerminal(t *testing.T) {
	for text, want := range map[string]string{
		"/w/shöp 店":       "/w/shöp 店",
		"a\x1b[31mred":    "a�[31mred",
		"two\nlines\r\t":  "two�lines��",
		"title\x1b]0;x\a": "title�]0;x�",
		"back\u202ewards": "back�wards",
		"c1\u009b31m":     "c1�31m",
		"no\xffutf8":      "no�utf8",
	} {
		if got := visible(text); got != want {
			t.Errorf("%q is shown as %q, want %q", text, got, want)
		}
	}
	var table table
	table.left = 1
	table.add("/w/\x1b[2Jshop", "1")
	var out bytes.Buffer
	table.print(&out, "")
	found := findingsOf([]health.Finding{{Code: health.FileUnreadable, Subject: "/logs/\x1b[2J\n.jsonl"}})
	printDoctor(&out, doctorDocument{Findings: found}, nil, "")
	if strings.ContainsAny(strings.ReplaceAll(out.String(), "\n", ""), "\x1b\r\a") || !strings.Contains(out.String(), "/logs/�[2J�.jsonl") {
		t.Errorf("printed %q", out.String())
	}
}
