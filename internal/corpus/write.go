package corpus

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/usage"
)

// Write fills home, which holds none of the files yet, and tells what is in it. A file's
// time is that of its last line. When ctx ends, or on an error, a part is left behind.
func Write(ctx context.Context, home string, plan Plan) (Truth, error) {
	if err := plan.check(); err != nil {
		return Truth{}, err
	}
	if plan.Projects == nil {
		plan.Projects = projects
	}
	families, texts := plan.families(), newTexts(plan.Seed)

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var mu sync.Mutex
	var all sync.WaitGroup
	truth := newTruth()
	for range min(runtime.GOMAXPROCS(0), len(families)) {
		all.Go(func() {
			sum := newTruth()
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(families) {
					break
				}
				w := &writer{home: home, plan: &plan, texts: texts, random: rand.New(rand.NewPCG(families[i].seed, 1)), truth: &sum}
				if err := w.family(ctx, &families[i]); err != nil {
					cancel(err)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			truth = truth.Plus(sum)
		})
	}
	all.Wait()
	if err := context.Cause(ctx); err != nil {
		return Truth{}, fmt.Errorf("write a corpus: %w", err)
	}
	return truth, nil
}

// writer writes one family.
type writer struct {
	home   string
	plan   *Plan
	texts  *texts
	random *rand.Rand
	truth  *Truth
}

// talk is a conversation on its way into a file.
type talk struct {
	log     agent.Conversation
	share   *Share
	about   agent.SimulatedConversation
	planned *planned
	start   usage.Millis

	context int64 // tokens
	hour    bool  // uses the cache that lives an hour
	asked   int
	called  bool // the last answer called a tool
	written int64
	last    usage.Millis // time of the last turn
	huge    int64        // where in the file a line of megabytes is due; 0 = nowhere
}

const (
	// aTurn is about what a request adds to a log, in bytes, and pause the time between two.
	aTurn, pause = 8500, 45 * time.Second
	// beyond is how far the last turn of a log goes past the planned end, on average: a long
	// turn is more likely to meet it than a short one.
	beyond = 8000
	// longest is what a conversation takes at most.
	longest = 9 * time.Hour
	// forkCopy is the most, in bytes, that a fork may have to copy.
	forkCopy = 1 << 20
)

// family writes a conversation, its sub-agents and its forks.
func (w *writer) family(ctx context.Context, f *family) error {
	first := &f.files[0]
	parent := w.talk(first, "", w.plan.start(first.end, first.bytes), w.plan.Projects[w.skewed(len(w.plan.Projects))])

	var forks, subAgents []*planned
	for i := range f.files[1:] {
		child := &f.files[i+1]
		if child.kind == fork {
			forks = append(forks, child)
		} else {
			subAgents = append(subAgents, child)
		}
	}
	// The conversation goes on to where each fork leaves it, then to its end.
	var forked []*talk
	out, err := w.create(parent)
	if err != nil {
		return err
	}
	for i, child := range forks {
		where := min(first.bytes*int64(i+1)/int64(len(forks)+2), child.bytes/2, forkCopy)
		if err := w.converse(ctx, parent, out, where); err != nil {
			return err
		}
		if forker, ok := parent.log.(agent.Forker); ok && parent.asked > 0 {
			child.end = parent.planned.end
			t := w.about(child, "", parent.timeAt(parent.written), parent.about.Project)
			t.about.Branch, t.about.Model = parent.about.Branch, parent.about.Model
			t.log = forker.Fork(t.about)
			t.context, t.hour, t.called = parent.context, parent.hour, parent.called
			forked = append(forked, t)
		} else {
			subAgents = append(subAgents, child)
		}
	}
	if err := w.converse(ctx, parent, out, first.bytes); err != nil {
		return err
	}
	if err := out.finish(parent.last); err != nil {
		return err
	}
	for _, t := range forked {
		if err := w.whole(ctx, t); err != nil {
			return err
		}
	}
	for _, child := range subAgents {
		// It runs within its parent's time.
		start := parent.start + usage.Millis(w.random.Float64()*0.7*float64(usage.MillisOf(first.end)-parent.start))
		room := first.end.Sub(start.Time())
		child.end = start.Time().Add(min(room, took(child.bytes)))
		if err := w.whole(ctx, w.talk(child, parent.about.ID, start, parent.about.Project)); err != nil {
			return err
		}
	}
	return nil
}

// took is how long a conversation of so many bytes takes.
func took(bytes int64) time.Duration {
	return min(longest, time.Duration(bytes/aTurn+1)*pause)
}

// start is when a conversation begins that ends at end, within the plan's span.
func (p *Plan) start(end time.Time, bytes int64) usage.Millis {
	start := end.Add(-took(bytes))
	if earliest := p.Until.Add(-p.Span); start.Before(earliest) {
		start = earliest
	}
	return usage.MillisOf(start)
}

// talk starts a conversation of its own.
func (w *writer) talk(file *planned, parent string, start usage.Millis, project string) *talk {
	t := w.about(file, parent, start, project)
	t.log = t.share.Source.(agent.Simulator).Simulate(t.about) // plan.check has looked
	return t
}

// about prepares what is to be known of a conversation before its first line.
func (w *writer) about(file *planned, parent string, start usage.Millis, project string) *talk {
	share := &w.plan.Shares[file.share]
	t := &talk{share: share, planned: file, start: start, hour: w.random.IntN(3) == 0}
	t.about = agent.SimulatedConversation{
		Seed: w.random.Uint64(), ID: w.uuid(), Project: project, Branch: branches[w.skewed(len(branches))],
		Model: share.Models[w.skewed(len(share.Models))], Start: start, Parent: parent,
	}
	if file.bytes > size99 {
		t.huge = file.bytes / 3
	}
	return t
}

// timeAt is the time at which the conversation's file has so many bytes.
func (t *talk) timeAt(written int64) usage.Millis {
	end := usage.MillisOf(t.planned.end)
	share := min(1, float64(written)/float64(t.planned.bytes))
	return t.start + usage.Millis(share*float64(end-t.start))
}

// whole writes a conversation from its start to its end.
func (w *writer) whole(ctx context.Context, t *talk) error {
	out, err := w.create(t)
	if err != nil {
		return err
	}
	if err := w.converse(ctx, t, out, t.planned.bytes); err != nil {
		return err
	}
	return out.finish(t.last)
}

// converse writes turns until the file has so many bytes, or at least one.
func (w *writer) converse(ctx context.Context, t *talk, out *output, until int64) error {
	for t.asked == 0 || t.written+beyond < until {
		if err := ctx.Err(); err != nil {
			out.file.Close()
			return err
		}
		turn := w.turn(t)
		lines, tokens := t.log.Turn(turn)
		if _, err := out.Write(lines); err != nil {
			out.file.Close()
			return err
		}
		t.asked++
		t.last = turn.Time
		t.written += int64(len(lines))
		w.book(t, lines, tokens)
	}
	return nil
}

// book adds a turn to the truth.
func (w *writer) book(t *talk, lines []byte, tokens usage.Tokens) {
	sum, id := Sum{Requests: 1, Tokens: tokens}, t.share.Source.Info().ID
	w.truth.Lines += int64(bytes.Count(lines, []byte{'\n'}))
	w.truth.Bytes += int64(len(lines))
	w.truth.Sizes[id] += int64(len(lines))
	w.truth.Total = w.truth.Total.Plus(sum)
	w.truth.Agents[id] = w.truth.Agents[id].Plus(sum)
	w.truth.Models[t.about.Model] = w.truth.Models[t.about.Model].Plus(sum)
	w.truth.Projects[t.about.Project] = w.truth.Projects[t.about.Project].Plus(sum)
}

// turn makes the next request up: what it says and what it takes.
func (w *writer) turn(t *talk) agent.SimulatedTurn {
	turn := agent.SimulatedTurn{Time: t.timeAt(t.written), Tokens: w.tokens(t)}
	if !t.called {
		turn.Prompt = w.texts.talk(w.random, w.around(220, 1, 20_000))
	} else {
		turn.Result = w.texts.work(w.random, w.around(900, 1, 200_000))
	}
	if t.huge > 0 && t.written > t.huge && t.called {
		turn.Result, t.huge = w.texts.work(w.random, 1<<20+w.random.IntN(1<<20)), 0
	}
	if turn.Tokens.Reasoning > 0 {
		turn.Thought = w.texts.talk(w.random, w.around(500, 0.8, 20_000))
	}
	if w.random.IntN(8) > 0 {
		turn.Tool = tools[w.skewed(len(tools))]
		turn.Call = w.texts.work(w.random, w.around(760, 1, 60_000))
	}
	if turn.Tool == "" || w.random.IntN(3) > 0 {
		turn.Answer = w.texts.talk(w.random, w.around(680, 0.9, 30_000))
	}
	if w.random.IntN(3) == 0 {
		turn.Aside = w.texts.work(w.random, w.around(600, 1, 60_000))
	}
	turn.Limits = limits(turn.Time)
	t.called = turn.Tool != ""
	return turn
}

// limits is an account whose windows fill from their start to their reset.
func limits(at usage.Millis) []usage.Sample {
	var list []usage.Sample
	for _, length := range []time.Duration{5 * time.Hour, 7 * 24 * time.Hour} {
		window := usage.Millis(length / time.Millisecond)
		begun := at / window * window
		list = append(list, usage.Sample{
			WindowMinutes: int64(length / time.Minute), UsedPercent: math.Floor(70 * float64(at-begun) / float64(window)),
			ResetsAt: begun + window, ObservedAt: at, Source: usage.SourceServer, Plan: "plus",
		})
	}
	return list
}

// Tokens of a request: what an agent sends before a word is said, when it sums up, and what
// is left after that.
const (
	basePrompt  = 13_000
	compactAt   = 165_000
	compactedTo = 26_000
)

// tokens is what the next request takes, as the context grows, is cached and grows cold.
func (w *writer) tokens(t *talk) usage.Tokens {
	grown := int64(w.around(1400, 0.9, 40_000))
	cold := t.asked == 0 || w.random.IntN(25) == 0
	if t.context == 0 {
		t.context = basePrompt + w.random.Int64N(6000)
	}
	if t.context+grown > compactAt {
		t.context, cold = compactedTo, true
	}
	var n usage.Tokens
	n.Output = int64(w.around(260, 1, 16_000))
	if w.random.IntN(3) == 0 {
		n.Reasoning = n.Output * int64(10+w.random.IntN(70)) / 100
	}
	cached := t.context
	if cold {
		cached = basePrompt
	}
	switch {
	case !t.share.CacheWrites:
		n.CacheRead = cached / 128 * 128
		n.Input = t.context + grown - n.CacheRead
	case t.hour:
		n.CacheRead, n.CacheWrite1h, n.Input = cached, t.context-cached+grown, 3+w.random.Int64N(12)
	default:
		n.CacheRead, n.CacheWrite5m, n.Input = cached, t.context-cached+grown, 3+w.random.Int64N(12)
	}
	t.context += grown + n.Output
	return n
}

// around draws a number whose middle is median and whose logarithm strays by spread.
func (w *writer) around(median, spread float64, most int) int {
	return 1 + min(int(median*math.Exp(spread*w.random.NormFloat64())), most)
}

// skewed draws a number below n, the small ones much more often.
func (w *writer) skewed(n int) int {
	u := w.random.Float64()
	return int(u * u * float64(n))
}

func (w *writer) uuid() string {
	a, b := w.random.Uint64(), w.random.Uint64()
	return fmt.Sprintf("%08x-%04x-7%03x-8%03x-%012x", a>>32, a>>16&0xffff, a&0xfff, b>>52, b&(1<<48-1))
}

// output is a log that is written.
type output struct {
	*bufio.Writer
	file *os.File
}

// create opens a conversation's log, which must be new.
func (w *writer) create(t *talk) (*output, error) {
	path := filepath.Join(w.home, filepath.FromSlash(t.log.File()))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make a folder for logs: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make a log: %w", err)
	}
	w.truth.Files++
	return &output{bufio.NewWriterSize(file, 256<<10), file}, nil
}

// finish writes what is left and sets the log's time.
func (o *output) finish(at usage.Millis) error {
	err := o.Flush()
	if closed := o.file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Chtimes(o.file.Name(), at.Time(), at.Time())
	}
	if err != nil {
		return fmt.Errorf("write a log: %w", err)
	}
	return nil
}
