package agenttest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/tools/txtar"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/usage"
)

// Case is a home folder and what a right reader makes of it. It is written as a txtar file:
//
//	-- why --        the sums by hand, in words
//	-- env --        lines NAME=value, in which $HOME is the case's home
//	-- want.json --  see Want
//	-- path/in/home.jsonl -- …
//	-- captures/name.jsonl -- what agents handed to this program
//
// Logs whose name ends in .zst are written plain and compressed on the way to the disk.
// What a text file cannot hold is written as marks: ⟦NUL 3⟧ ⟦FF⟧ ⟦BOM⟧ ⟦CR⟧, and ⟦CUT⟧ for
// a line that has no line feed yet (or lost it: ⟦CUT⟧ takes the line feed behind it away).
type Case struct {
	Name  string
	Env   map[string]string
	Files map[string][]byte // by path in the home, slash-separated
	Want  Want
	Why   string
}

// Want is what a case must give. Requests are sums, in any order; what is not listed must
// not be there. Of the sessions only those listed are compared.
type Want struct {
	Requests []Sum                    `json:"requests"`
	Samples  []WantedSample           `json:"samples,omitempty"`
	Sessions map[string]WantedSession `json:"sessions,omitempty"`
	Skips    map[usage.Reason]int     `json:"skips,omitempty"`
	Bills    []WantedBill             `json:"bills,omitempty"`
}

// Sum is what the requests of one model, project, session and day add up to.
type Sum struct {
	Model        string `json:"model"`
	Project      string `json:"project"`
	Session      string `json:"session"`
	Day          string `json:"day"` // UTC; "" = undated
	Requests     int64  `json:"requests"`
	Input        int64  `json:"input,omitempty"`
	CacheRead    int64  `json:"cacheRead,omitempty"`
	CacheWrite5m int64  `json:"cacheWrite5m,omitempty"`
	CacheWrite1h int64  `json:"cacheWrite1h,omitempty"`
	Output       int64  `json:"output,omitempty"`
	Reasoning    int64  `json:"reasoning,omitempty"`
	WebSearches  int64  `json:"webSearches,omitempty"`
	LowerBound   int64  `json:"lowerBound,omitempty"` // requests whose output is at least this
	Sidechain    int64  `json:"sidechain,omitempty"`
	TimeGuessed  int64  `json:"timeGuessed,omitempty"`
	Service      string `json:"service,omitempty"`
	Recorded     int64  `json:"recordedMicros,omitempty"`
}

// WantedSample is an allowance sample.
type WantedSample struct {
	Account       string  `json:"account,omitempty"`
	LimitID       string  `json:"limitId"`
	WindowMinutes int64   `json:"windowMinutes,omitempty"`
	UsedPercent   float64 `json:"usedPercent"`
	ResetsAt      string  `json:"resetsAt,omitempty"`
	ObservedAt    string  `json:"observedAt"`
	Source        string  `json:"source"`
	Plan          string  `json:"plan,omitempty"`
	Reached       string  `json:"reached,omitempty"`
}

// WantedSession is a session as it stands at the end.
type WantedSession struct {
	Project       string `json:"project,omitempty"`
	Branch        string `json:"branch,omitempty"`
	Version       string `json:"version,omitempty"`
	Model         string `json:"model,omitempty"`
	Parent        string `json:"parent,omitempty"`
	ContextTokens int64  `json:"contextTokens,omitempty"`
	ContextWindow int64  `json:"contextWindow,omitempty"`
}

// WantedBill is what the agent says of a session and model at the end.
type WantedBill struct {
	Session      string `json:"session"`
	Model        string `json:"model"`
	Time         string `json:"time,omitempty"`
	Cost         int64  `json:"costMicros"`
	Input        int64  `json:"input,omitempty"`
	CacheRead    int64  `json:"cacheRead,omitempty"`
	CacheWrite5m int64  `json:"cacheWrite5m,omitempty"`
	CacheWrite1h int64  `json:"cacheWrite1h,omitempty"`
	Output       int64  `json:"output,omitempty"`
	Reasoning    int64  `json:"reasoning,omitempty"`
	WebSearches  int64  `json:"webSearches,omitempty"`
}

// FileTime is the modification time of every file of a case.
var FileTime = time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC)

// Cases reads the txtar files of a folder.
func Cases(t testing.TB, folder string) []Case {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(folder, "*.txtar"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no cases in %s: %v", folder, err)
	}
	var cases []Case
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		c := Case{
			Name:  strings.TrimSuffix(filepath.Base(name), ".txtar"),
			Env:   map[string]string{},
			Files: map[string][]byte{},
		}
		for _, file := range archive.Files {
			switch file.Name {
			case "why":
				c.Why = strings.TrimSpace(string(file.Data))
			case "env":
				for line := range strings.Lines(string(file.Data)) {
					if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
						c.Env[name] = value
					}
				}
			case "want.json":
				decoder := json.NewDecoder(bytes.NewReader(file.Data))
				decoder.DisallowUnknownFields()
				if err := decoder.Decode(&c.Want); err != nil {
					t.Fatalf("%s: want.json: %v", name, err)
				}
			default:
				c.Files[file.Name] = unmark(file.Data)
			}
		}
		if c.Why == "" {
			t.Fatalf("%s: a case must say why its sums are right", name)
		}
		cases = append(cases, c)
	}
	return cases
}

var marks = regexp.MustCompile(`⟦(NUL|FF|BOM|CR|CUT)(?: (\d+))?⟧`)

// unmark puts the bytes for the marks.
func unmark(data []byte) []byte {
	data = regexp.MustCompile(`⟦CUT⟧\n`).ReplaceAll(data, nil)
	return marks.ReplaceAllFunc(data, func(mark []byte) []byte {
		match := marks.FindSubmatch(mark)
		n := 1
		if len(match[2]) > 0 {
			n, _ = strconv.Atoi(string(match[2]))
		}
		bytesOf := map[string]string{"NUL": "\x00", "FF": "\xff", "BOM": "\xef\xbb\xbf", "CR": "\r"}
		return bytes.Repeat([]byte(bytesOf[string(match[1])]), n)
	})
}

// Home writes a case's files into a folder of their own and gives the environment in which
// they are found.
func (c Case) Home(t testing.TB) agent.Env {
	t.Helper()
	home := t.TempDir()
	for name, content := range c.Files {
		path := filepath.Join(home, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, ".zst") {
			content = compress(t, content)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, FileTime, FileTime); err != nil {
			t.Fatal(err)
		}
	}
	return agent.Env{
		OS:       runtime.GOOS,
		Home:     home,
		Variable: func(name string) string { return c.Variables(home)[name] },
		Exists: func(path string) bool {
			_, err := os.Stat(path)
			return err == nil
		},
		Captures: filepath.Join(home, "captures"),
	}
}

// Variables is the case's environment for a home folder.
func (c Case) Variables(home string) map[string]string {
	variables := maps.Clone(c.Env)
	for name, value := range variables {
		variables[name] = strings.ReplaceAll(value, "$HOME", home)
	}
	return variables
}

func compress(t testing.TB, content []byte) []byte {
	t.Helper()
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer encoder.Close()
	return encoder.EncodeAll(content, nil)
}

func decompress(t testing.TB, content []byte) []byte {
	t.Helper()
	decoder, err := zstd.NewReader(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	defer decoder.Close()
	plain, err := io.ReadAll(decoder)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

// log is a file that a source reads.
type log struct {
	root    agent.Root
	name    string
	content []byte
}

// logs finds all files of a source, each once.
func logs(t testing.TB, source agent.Source, env agent.Env) []log {
	t.Helper()
	var found []log
	seen := map[string]bool{}
	for _, root := range source.Roots(env) {
		err := filepath.WalkDir(root.Path, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() || seen[path] {
				return nil // a root that is not there
			}
			relative, err := filepath.Rel(root.Path, path)
			if err != nil {
				return err
			}
			name := filepath.ToSlash(relative)
			if name == "." { // the root is the file
				name = filepath.Base(root.Path)
			}
			if source.Reader(root, name) == nil {
				return nil
			}
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if strings.HasSuffix(name, ".zst") {
				content = decompress(t, content)
			}
			seen[path] = true
			found = append(found, log{root, name, content})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// Sums adds up what was folded.
func (f *Folded) Sums() []Sum {
	type group struct{ model, project, session, day, service string }
	sums := map[group]*Sum{}
	for i := range f.Events {
		e := &f.Events[i]
		day := ""
		if e.Time != 0 {
			day = e.Time.Time().Format(time.DateOnly)
		}
		g := group{e.Model, e.Project, e.Session, day, e.Service}
		s := sums[g]
		if s == nil {
			s = &Sum{Model: e.Model, Project: e.Project, Session: e.Session, Day: day, Service: e.Service}
			sums[g] = s
		}
		s.Requests++
		s.Input += e.Input
		s.CacheRead += e.CacheRead
		s.CacheWrite5m += e.CacheWrite5m
		s.CacheWrite1h += e.CacheWrite1h
		s.Output += e.Output
		s.Reasoning += e.Reasoning
		s.WebSearches += int64(e.WebSearches)
		if e.Recorded != nil {
			s.Recorded += int64(*e.Recorded)
		}
		for flag, n := range map[usage.Flags]*int64{usage.LowerBound: &s.LowerBound, usage.Sidechain: &s.Sidechain, usage.TimeGuessed: &s.TimeGuessed} {
			if e.Flags&flag != 0 {
				*n++
			}
		}
	}
	list := make([]Sum, 0, len(sums))
	for _, s := range sums {
		list = append(list, *s)
	}
	return sortSums(list)
}

func sortSums(sums []Sum) []Sum {
	sorted := slices.Clone(sums)
	slices.SortFunc(sorted, func(a, b Sum) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return sorted
}

func stamp(m usage.Millis) string {
	if m == 0 {
		return ""
	}
	return m.Time().Format(time.RFC3339)
}

func (f *Folded) wantedBills() (bills []WantedBill) {
	for _, b := range f.Bills {
		bills = append(bills, WantedBill{b.Session, b.Model, stamp(b.Time), int64(b.Cost), b.Input, b.CacheRead, b.CacheWrite5m, b.CacheWrite1h, b.Output, b.Reasoning, b.WebSearches})
	}
	return bills
}

func (f *Folded) wantedSamples() (samples []WantedSample) {
	for _, s := range f.Samples {
		samples = append(samples, WantedSample{s.Account, s.LimitID, s.WindowMinutes, s.UsedPercent, stamp(s.ResetsAt), stamp(s.ObservedAt), string(s.Source), s.Plan, s.Reached})
	}
	return samples
}
