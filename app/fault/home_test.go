//go:build linux

package fault

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/agent/claude"
	"tokenmeter/internal/agent/codex"
	"tokenmeter/internal/usage"
)

// home is a home folder with logs of both agents. Whatever is written goes to a second
// folder as well, where nothing is ever removed or replaced: what the meter counted once
// stays, and the reference readers know only what is there.
type home struct {
	t      testing.TB
	path   string
	all    string
	random *rand.Rand
	talks  []*talk
	now    time.Time // of the next turn
	names  int
	halves map[string]string // by file: the rest of a line whose beginning is written
}

// talk is a conversation with its log.
type talk struct {
	agent.Conversation
	codex    bool
	id       string
	compress bool   // the log is compressed as a whole
	plain    []byte // of a compressed log
	gone     bool
}

// newHome makes a home with the conversations of a few days, of about so many requests.
func newHome(t testing.TB, folder string, seed uint64, requests int) *home {
	h := &home{
		t: t, path: filepath.Join(folder, "home"), all: filepath.Join(folder, "all"),
		random: rand.New(rand.NewPCG(seed, 0xfa017)), halves: map[string]string{},
		now: time.Date(2026, 3, 20, 21, 40, 0, 0, time.UTC),
	}
	for _, at := range []string{h.path, h.all} {
		h.must(os.MkdirAll(at, 0o700))
	}
	h.begin(false, "")
	h.begin(false, h.talks[0].id) // its sub-agent
	h.begin(false, "")
	h.begin(false, "")
	h.begin(true, "")
	h.begin(true, h.talks[4].id)
	h.begin(true, "").compress = true
	h.turns(requests / 2)
	h.fork(h.talks[0])
	h.fork(h.fork(h.talks[4]))
	h.turns(requests - requests/2)
	h.append(h.talks[2].File(), "{\"type\":\"assistant\",\"message\":{\"usage\":\x00\n")
	h.half(h.talks[3])
	h.half(h.talks[5])
	return h
}

func (h *home) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *home) about(parent string, isCodex bool) agent.SimulatedConversation {
	h.names++
	model := []string{"claude-opus-5-5", "claude-haiku-5"}[h.random.IntN(2)]
	if isCodex {
		model = []string{"gpt-5.6-sol", "gpt-5.6-codex"}[h.random.IntN(2)]
	}
	return agent.SimulatedConversation{
		Seed: h.random.Uint64(), ID: fmt.Sprintf("0199aaaa-%04x-7000-8000-%012x", h.names, h.random.Int64N(1<<48)),
		Project: "/w/" + []string{"shop", "api", "site"}[h.random.IntN(3)], Branch: "main", Model: model,
		Start: usage.MillisOf(h.now), Parent: parent,
	}
}

// begin starts a conversation, as a sub-agent of parent if that is not empty.
func (h *home) begin(isCodex bool, parent string) *talk {
	about := h.about(parent, isCodex)
	var c agent.Conversation
	if isCodex {
		c = codex.Source{}.Simulate(about)
	} else {
		c = claude.Source{}.Simulate(about)
	}
	h.talks = append(h.talks, &talk{Conversation: c, codex: isCodex, id: about.ID})
	return h.talks[len(h.talks)-1]
}

// fork goes on from a conversation in another log.
func (h *home) fork(of *talk) *talk {
	about := h.about("", of.codex)
	forker, ok := of.Conversation.(agent.Forker)
	if !ok {
		h.t.Fatal("the conversations of this agent cannot be forked")
	}
	h.talks = append(h.talks, &talk{Conversation: forker.Fork(about), codex: of.codex, id: about.ID})
	h.turn(h.talks[len(h.talks)-1])
	return h.talks[len(h.talks)-1]
}

// turns has so many requests made, each in a conversation picked at random.
func (h *home) turns(requests int) {
	for range requests {
		h.turn(h.talks[h.random.IntN(len(h.talks))])
	}
}

func (h *home) turn(t *talk) {
	if t.gone {
		return
	}
	text := h.lines(t)
	if !t.compress {
		h.append(t.File(), text)
		return
	}
	t.plain = append(t.plain, text...)
	var packed bytes.Buffer
	w, err := zstd.NewWriter(&packed)
	h.must(err)
	_, err = w.Write(t.plain)
	h.must(err)
	h.must(w.Close())
	for _, top := range []string{h.path, h.all} {
		h.put(filepath.Join(top, t.File()+".zst"), os.O_TRUNC, packed.String())
	}
}

// lines are those of one request.
func (h *home) lines(t *talk) string {
	h.now = h.now.Add(time.Duration(30+h.random.IntN(1500)) * time.Second)
	tokens := usage.Tokens{Input: h.random.Int64N(900), CacheRead: h.random.Int64N(90_000), Output: 1 + h.random.Int64N(3000), Reasoning: h.random.Int64N(40)}
	if !t.codex {
		tokens.CacheWrite5m, tokens.CacheWrite1h = h.random.Int64N(5000), h.random.Int64N(500)
	}
	text, _ := t.Turn(agent.SimulatedTurn{
		Time: usage.MillisOf(h.now), Tokens: tokens, Prompt: "Tidy the \"shelf\" — again",
		Answer: strings.Repeat("Done so. ", h.random.IntN(30)), Tool: []string{"", "Read"}[h.random.IntN(2)],
		Limits: []usage.Sample{
			{LimitID: "codex", WindowMinutes: 300, UsedPercent: float64(h.random.IntN(100)), ResetsAt: usage.MillisOf(h.now.Add(time.Hour))},
			{LimitID: "codex", WindowMinutes: 10080, UsedPercent: float64(h.random.IntN(100)), ResetsAt: usage.MillisOf(h.now.Add(99 * time.Hour))},
		},
	})
	return string(text)
}

// half writes a request whose last line ends in its middle.
func (h *home) half(t *talk) {
	text := h.lines(t)
	last := strings.LastIndexByte(strings.TrimSuffix(text, "\n"), '\n') + 1
	cut := last + (len(text)-last)/2
	h.append(t.File(), text[:cut])
	h.halves[t.File()] = text[cut:]
}

// append adds text to a log, after the rest of a line that waits.
func (h *home) append(name, text string) {
	text = h.halves[name] + text
	delete(h.halves, name)
	for _, top := range []string{h.path, h.all} {
		h.put(filepath.Join(top, name), os.O_APPEND, text)
	}
}

// put writes to a file, which then has the time of its last request: a file as young as
// this moment would be looked at once more by the next command.
func (h *home) put(path string, how int, text string) {
	h.must(os.MkdirAll(filepath.Dir(path), 0o700))
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|how, 0o600)
	h.must(err)
	_, err = file.WriteString(text)
	h.must(err)
	h.must(file.Close())
	h.must(os.Chtimes(path, h.now, h.now))
}

// change is another day: logs grow, one is replaced by another of its name, one is removed,
// and there are new ones.
func (h *home) change(requests int) {
	removed, replaced := h.talks[2], h.talks[3]
	removed.gone = true
	h.must(os.Remove(filepath.Join(h.path, removed.File())))

	h.append(replaced.File(), "\n")
	path := filepath.Join(h.path, replaced.File())
	h.must(os.Rename(filepath.Join(h.all, replaced.File()), filepath.Join(h.all, filepath.Dir(replaced.File()), "before.jsonl")))
	h.must(os.Rename(path, path+".old"))
	h.append(replaced.File(), h.lines(h.begin(false, ""))) // at another name
	h.must(os.Remove(path + ".old"))

	h.begin(true, "")
	h.fork(h.talks[1])
	h.turns(requests)
	h.half(h.talks[4])
}

// sum is a print of all that the agents have written.
func (h *home) sum() string {
	h.t.Helper()
	sum := sha256.New()
	h.must(filepath.WalkDir(h.path, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && filepath.Dir(path) == h.path && d.Name() != ".claude" && d.Name() != ".codex" {
			return filepath.SkipDir
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(sum, "%q %v\n", path, info.Mode())
		if !info.Mode().IsRegular() {
			return nil
		}
		content, err := os.ReadFile(path)
		fmt.Fprintf(sum, "%d %v\n", len(content), info.ModTime())
		sum.Write(content)
		return err
	}))
	return hex.EncodeToString(sum.Sum(nil))
}
