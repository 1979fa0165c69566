package agenttest

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/agent/agenttest/reference"
	"tokenmeter/internal/usage"
)

// toy is an agent whose log is as simple as can be; each fault is a way to read it wrong.
type toy struct{ fault string }

type toyLine struct {
	ID     string
	Time   string
	Output int64
	Text   string
}

func (toy) Info() agent.Info { return agent.Info{ID: "toy", Name: "Toy", Revision: 1} }

func (y toy) Roots(env agent.Env) []agent.Root {
	root := agent.Root{Path: env.Join(env.Home, ".toy"), From: "default"}
	if y.fault == "a root listed twice" {
		return []agent.Root{root, root}
	}
	return []agent.Root{root}
}

func (y toy) Reader(_ agent.Root, name string) agent.Reader {
	if !strings.HasSuffix(name, ".jsonl") {
		return nil
	}
	return agent.Lines(func(_ *agent.File, state []byte) agent.LineParser {
		p := &toyParser{fault: y.fault}
		if len(state) > 0 && state[0] == 1 && y.fault != "forgets its state" {
			p.last = string(state[1:])
		}
		return p
	})
}

// toyParser carries the time of the last line that had one.
type toyParser struct{ fault, last string }

func (p *toyParser) Line(text []byte, at int64, out agent.Sink) {
	if len(bytes.TrimSpace(text)) == 0 {
		return
	}
	var l toyLine
	if json.Unmarshal(text, &l) != nil {
		out.Skip(usage.Skip{Offset: at, Length: int64(len(text)), Reason: usage.ReasonSyntax})
		if p.fault == "loses the line after a bad one" {
			p.last = "broken"
		}
		return
	}
	if p.last == "broken" {
		p.last = ""
		return
	}
	if l.Time != "" {
		p.last = l.Time
	}
	moment, _ := agent.ParseTime([]byte(p.last))
	e := usage.Event{Agent: "toy", Key: usage.NewHash("id").Text(l.ID).Key(), Session: "s", Time: moment, Tokens: usage.Tokens{Output: l.Output}}
	switch p.fault {
	case "counts each line":
		e.Key = usage.NewHash("line").Int(at).Int(int64(len(p.last))).Key()
	case "tells what was said":
		e.Branch = l.Text
	case "counts double":
		e.Output *= 2
	case "keys by the file's length so far":
		e.Key = usage.NewHash("id").Text(l.ID).Int(at).Key()
	}
	out.Event(&e)
}

func (p *toyParser) State() []byte { return append([]byte{1}, p.last...) }

// toyReference knows the case by heart.
func toyReference(map[string]string, string) ([]reference.Request, error) {
	day := time.Date(2031, 4, 2, 0, 0, 0, 0, time.UTC)
	return []reference.Request{
		{Session: "s", Time: day, Output: 9},
		{Session: "s", Time: day, Output: 20},
		{Session: "s", Time: day, Output: 30},
	}, nil
}

// faultVariable tells a second run of this test binary which fault its toy has.
const faultVariable = "AGENTTEST_TOY_FAULT"

// TestToy passes without a fault, and is run again with each by TestFaultsAreFound.
func TestToy(t *testing.T) {
	Run(t, toy{os.Getenv(faultVariable)}, Cases(t, "testdata"), toyReference, Options{Names: []string{"ID", "Time"}, Independent: true})
}

func TestFaultsAreFound(t *testing.T) {
	if os.Getenv(faultVariable) != "" {
		return
	}
	for fault, where := range map[string]string{
		"a root listed twice":              "roots_on_three_systems",
		"forgets its state":                "split_and_restarted",
		"loses the line after a bad one":   "flipped_bits",
		"counts each line":                 "TestToy/toy",
		"tells what was said":              "canary",
		"counts double":                    "TestToy/toy",
		"keys by the file's length so far": "TestToy/toy",
	} {
		t.Run(fault, func(t *testing.T) {
			command := exec.Command(os.Args[0], "-test.run=^TestToy$", "-test.short")
			command.Env = append(slices.Clone(os.Environ()), faultVariable+"="+fault)
			output, err := command.CombinedOutput()
			if err == nil {
				t.Fatal("the suite passes")
			}
			if !strings.Contains(string(output), where) {
				t.Errorf("not found in %s:\n%s", where, output)
			}
		})
	}
}

func TestMarksInCases(t *testing.T) {
	got := string(unmark([]byte("a⟦NUL 3⟧b⟦FF⟧⟦BOM⟧c⟦CR⟧\nd⟦CUT⟧\n")))
	if want := "a\x00\x00\x00b\xff\xef\xbb\xbfc\r\nd"; got != want {
		t.Errorf("want %q, got %q", want, got)
	}
}
