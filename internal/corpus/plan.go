package corpus

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/usage"
)

// Revision counts the changes after which a plan gives other bytes than before.
const Revision = 1

// Plan says what is written.
type Plan struct {
	Seed   uint64
	Shares []Share
	Files  int           // of all agents together
	Span   time.Duration // from the first line to the last
	Until  time.Time     // of the last line
	// Projects are the absolute working folders; nil = some that no machine has.
	Projects []string
}

// Share is the part of one agent.
type Share struct {
	Source agent.Source // must be an agent.Simulator; its conversations may be agent.Forkers
	Bytes  int64
	Models []string // the most used first
	// CacheWrites: the agent logs what was written to caches.
	CacheWrites bool
}

// bytes is the size of all shares.
func (p *Plan) bytes() (n int64) {
	for _, s := range p.Shares {
		n += s.Bytes
	}
	return n
}

// check says what is wrong with a plan.
func (p *Plan) check() error {
	if len(p.Shares) == 0 || p.Files < 4*len(p.Shares) {
		return fmt.Errorf("plan a corpus: %d files are too few for %d agents, four each are the least", p.Files, len(p.Shares))
	}
	if p.Span < time.Minute || p.Until.IsZero() {
		return errors.New("plan a corpus: it needs a span of at least a minute and an end")
	}
	for _, s := range p.Shares {
		id := s.Source.Info().ID
		if _, ok := s.Source.(agent.Simulator); !ok {
			return fmt.Errorf("plan a corpus: %s cannot be simulated", id)
		}
		if len(s.Models) == 0 {
			return fmt.Errorf("plan a corpus: %s has no models", id)
		}
	}
	if least := int64(p.Files) * smallest; p.bytes() < 2*least {
		return fmt.Errorf("plan a corpus: %d files need at least %d bytes", p.Files, 2*least)
	}
	return nil
}

// Sizes of files, in bytes: where the distribution's curve goes through.
const (
	smallest = 6 << 10
	median   = 100e3
	size95   = 1.5e6
	size99   = 5e6
	largest  = 80e6
)

// sizes are the files' sizes, largest first. The curve is a straight line between its points
// when sizes are drawn as powers; the last hundredth bends so that the sum is right. Where
// that cannot be (other means than that of 3,000 files with 1.25 GiB), all are scaled.
func sizes(files int, total int64) []int64 {
	top := min(largest, float64(total)/16)
	at := func(q, bend float64) float64 {
		between := func(low, high, share float64) float64 { return low * math.Pow(high/low, share) }
		switch {
		case q < 0.5:
			return between(smallest, median, q/0.5)
		case q < 0.95:
			return between(median, size95, (q-0.5)/0.45)
		case q < 0.99:
			return between(size95, size99, (q-0.95)/0.04)
		}
		return between(size99, max(top, size99), math.Pow((q-0.99)/0.01, bend))
	}
	sum := func(bend float64) (s float64) {
		for i := range files {
			s += at(quantile(i, files), bend)
		}
		return s
	}
	low, high := 0.05, 40.0
	for range 40 {
		if middle := math.Sqrt(low * high); sum(middle) > float64(total) {
			low = middle
		} else {
			high = middle
		}
	}
	scale := float64(total) / sum(high)
	list := make([]int64, files)
	for i := range list {
		list[files-1-i] = max(smallest, int64(at(quantile(i, files), high)*scale))
	}
	return list
}

// quantile is where the i-th smallest of n files lies; the last one is the very largest.
func quantile(i, n int) float64 {
	if i == n-1 {
		return 1
	}
	return (float64(i) + 0.5) / float64(n)
}

// planned is one file to be written.
type planned struct {
	share int
	bytes int64
	end   time.Time
	kind  kind
}

type kind int

const (
	root kind = iota
	subAgent
	fork
)

// family is a conversation with those that it started; its files are written one after
// another, the first one's first.
type family struct {
	seed  uint64
	files []planned
}

const (
	// Of the files that follow another one of their agent, so many belong to it.
	childShare = 0.32
	forkShare  = 0.15 // of those, so many are forks, the others sub-agents
	// mostChildren is the size of a family, without its first.
	mostChildren = 9
	// leastParent is the size, in bytes, below which a conversation starts no others;
	// leastFork is that of a fork.
	leastParent, leastFork = 40 << 10, 30 << 10
	// day is what people work of 24 hours.
	day = 14 * time.Hour
)

// families lays the corpus out: sizes, whose files they are, when, and what belongs together.
// They are in the order of their ends.
func (p *Plan) families() []family {
	random := rand.New(rand.NewPCG(p.Seed, 0x636f72707573))
	files := make([]planned, 0, p.Files)
	left := make([]int64, len(p.Shares))
	for i, s := range p.Shares {
		left[i] = s.Bytes
	}
	for _, size := range sizes(p.Files, p.bytes()) {
		most := 0 // the share that lacks most of what it is to have
		for i, s := range p.Shares {
			if float64(left[i])/float64(s.Bytes) > float64(left[most])/float64(p.Shares[most].Bytes) {
				most = i
			}
		}
		left[most] -= size
		files = append(files, planned{share: most, bytes: size})
	}
	random.Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
	for i := range files {
		files[i].end = p.endOf(float64(i+1) / float64(len(files)))
	}

	var list []family
	open := map[int]int{} // share → its family that may still get children
	for i, file := range files {
		at, known := open[file.share]
		if known && i < len(files)-len(p.Shares)*4 && random.Float64() < childShare && len(list[at].files) <= mostChildren {
			parent := &list[at]
			file.kind = subAgent
			if random.Float64() < forkShare && file.bytes >= leastFork {
				file.kind = fork
			}
			parent.files = append(parent.files, file)
			continue
		}
		list = append(list, family{seed: random.Uint64(), files: []planned{file}})
		if file.bytes >= leastParent {
			open[file.share] = len(list) - 1
		}
	}
	slices.SortStableFunc(list, func(a, b family) int { return cmp.Compare(a.files[0].end.UnixNano(), b.files[0].end.UnixNano()) })
	return list
}

// endOf is the time at which a share of all files has ended. Nights are left out where the
// span has several days.
func (p *Plan) endOf(share float64) time.Time {
	before := time.Duration((1 - share) * float64(p.Span))
	if p.Span > 48*time.Hour {
		nights := before.Truncate(24 * time.Hour)
		before = nights + time.Duration(float64(before-nights)*float64(day)/float64(24*time.Hour))
	}
	return p.Until.Add(-before).Truncate(time.Millisecond)
}

// Truth is what a right reader finds in a corpus.
type Truth struct {
	Files    int
	Lines    int64
	Bytes    int64
	Total    Sum
	Agents   map[usage.AgentID]Sum
	Models   map[string]Sum
	Projects map[string]Sum
	// Sizes are those of each agent's files together, in bytes.
	Sizes map[usage.AgentID]int64
}

// Sum is a number of requests and their tokens.
type Sum struct {
	Requests int64
	Tokens   usage.Tokens
}

// Plus returns the sum of s and t.
func (s Sum) Plus(t Sum) Sum {
	return Sum{Requests: s.Requests + t.Requests, Tokens: s.Tokens.Add(t.Tokens)}
}

func newTruth() Truth {
	return Truth{Agents: map[usage.AgentID]Sum{}, Models: map[string]Sum{}, Projects: map[string]Sum{}, Sizes: map[usage.AgentID]int64{}}
}

// Plus returns the truth of both corpora in one home.
func (t Truth) Plus(u Truth) Truth {
	sum := newTruth()
	for _, part := range []Truth{t, u} {
		sum.Files, sum.Lines, sum.Bytes = sum.Files+part.Files, sum.Lines+part.Lines, sum.Bytes+part.Bytes
		sum.Total = sum.Total.Plus(part.Total)
		join(sum.Agents, part.Agents)
		join(sum.Models, part.Models)
		join(sum.Projects, part.Projects)
		for id, n := range part.Sizes {
			sum.Sizes[id] += n
		}
	}
	return sum
}

func join[K comparable](to, from map[K]Sum) {
	for key, sum := range from {
		to[key] = to[key].Plus(sum)
	}
}
