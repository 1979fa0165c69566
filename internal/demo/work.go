package demo

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/usage"
)

// The days off, counted back from today: a long weekend somewhere in the history.
const holidayFrom, holidayTo = 36, 33

// planDay notes the conversations of one day, which lies ago days before today.
func (h *Home) planDay(day time.Time, ago int) {
	weekend := day.Weekday() == time.Saturday || day.Weekday() == time.Sunday
	idle := h.random.Float64() < 0.06 || ago <= holidayFrom && ago >= holidayTo
	count := 8 + h.random.IntN(7)
	if weekend {
		idle = idle || h.random.Float64() < 0.6
		count = 1 + h.random.IntN(3)
	}
	if idle {
		return
	}
	// People find more and more to do with an agent.
	busier := 1 - 0.5*float64(ago)/float64(max(h.options.Days, 1))
	for range max(1, int(float64(count)*busier+h.random.Float64())) {
		minute := 8*60 + 40 + h.random.IntN(9*60)
		switch {
		case weekend:
			minute = 11*60 + h.random.IntN(11*60)
		case minute >= 12*60+15 && minute < 13*60:
			minute += 50 // after lunch
		case h.random.Float64() < 0.08:
			minute = 20*60 + h.random.IntN(150)
		}
		at := time.Date(day.Year(), day.Month(), day.Day(), 0, minute, h.random.IntN(60), 0, h.options.Zone)
		// The last hour belongs to those who work on while one watches.
		if at.Before(h.begun.Add(-70 * time.Minute)) {
			h.due.add(at, func(now time.Time) error { return h.begin(now, -1) })
		}
	}
}

// begin starts a conversation, on one of the seats or, with -1, as part of a planned day.
func (h *Home) begin(now time.Time, seat int) error {
	var ready []*worker
	for i := range h.scenario.Agents {
		if w := &h.scenario.Agents[i]; !w.full(now) {
			ready = append(ready, w)
		}
	}
	if len(ready) == 0 {
		h.due.add(now.Add(10*time.Minute), func(now time.Time) error { return h.begin(now, seat) })
		return nil
	}
	w := *pick(h.random, ready, func(w **worker) float64 { return (*w).Weight })
	if seat >= 0 && !h.live {
		w = ready[seat%len(ready)] // so that each agent is seen at work
	}
	local := now.In(h.options.Zone)
	leisure := seat < 0 && (local.Weekday() == time.Saturday || local.Weekday() == time.Sunday || local.Hour() >= 20)
	c := &conversation{
		worker: w,
		model: *pick(h.random, w.Models, func(m *model) float64 {
			if ago := h.begun.Sub(now).Hours() / 24; ago < float64(m.UntilDaysAgo) || m.SinceDaysAgo > 0 && ago > float64(m.SinceDaysAgo) {
				return 0
			}
			return m.Weight
		}),
		project: pick(h.random, h.scenario.Projects, func(p *project) float64 {
			if p.Leisure != leisure {
				return p.Weight / 20
			}
			return p.Weight
		}),
		seat: seat,
		hour: h.random.Float64() < 0.6,
		left: min(4+int(around(h.random, 20, 0.7)), 140),
	}
	c.branch = c.project.Branches[h.random.IntN(len(c.project.Branches))]
	if h.random.Float64() < w.SubAgents {
		c.subAt = 1 + h.random.IntN(c.left)
	}
	if h.random.Float64() < w.Forks {
		c.forkAt = 1 + h.random.IntN(c.left)
	}
	c.id = h.uuid()
	c.log = w.simulator.Simulate(h.simulated(c, now, ""))
	return h.ask(c, now)
}

// simulated tells a simulator what c is.
func (h *Home) simulated(c *conversation, now time.Time, parent string) agent.SimulatedConversation {
	return agent.SimulatedConversation{
		Seed: h.random.Uint64(), ID: c.id, Project: filepath.Join(h.path, filepath.FromSlash(c.project.Path)),
		Branch: c.branch, Model: c.model.Name, Start: usage.MillisOf(now), Parent: parent,
	}
}

// ask makes one request in c, and notes what follows from it.
func (h *Home) ask(c *conversation, now time.Time) error {
	tokens := h.shape(c, now)
	turn := agent.SimulatedTurn{
		Time: usage.MillisOf(now), Tokens: tokens,
		Answer: h.scenario.Answers[h.random.IntN(len(h.scenario.Answers))],
		Limits: c.worker.limitsAfter(now, tokens.Fresh()),
	}
	if c.tool == "" { // somebody asks; else the model goes on with what its tool found
		turn.Prompt = h.scenario.Prompts[h.random.IntN(len(h.scenario.Prompts))]
	}
	if c.left > 1 {
		turn.Tool = h.scenario.Tools[h.random.IntN(len(h.scenario.Tools))]
	}
	c.tool = turn.Tool
	lines, counted := c.log.Turn(turn)
	if c.unwritten.Len() == 0 {
		h.open = append(h.open, c)
	}
	c.unwritten.Write(lines)
	h.sums[c.worker.ID] = h.sums[c.worker.ID].Plus(usage.Counts{Tokens: counted, Requests: 1})
	c.asked++
	c.last = now

	if c.asked == c.subAt {
		h.due.add(now.Add(h.pause(4*time.Second)), func(now time.Time) error { return h.beginSub(c, now) })
	}
	if c.asked == c.forkAt {
		h.due.add(now.Add(h.pause(3*time.Minute)), func(now time.Time) error { return h.fork(c, now) })
	}
	if c.left--; c.left > 0 && !c.worker.full(now) {
		h.due.add(now.Add(h.gap(c)), func(now time.Time) error { return h.ask(c, now) })
		return nil
	}
	if c.seat >= 0 { // a seat is never empty for long
		h.due.add(now.Add(h.pause(45*time.Second)), func(now time.Time) error { return h.begin(now, c.seat) })
	}
	return nil
}

// beginSub starts a sub-agent of parent.
func (h *Home) beginSub(parent *conversation, now time.Time) error {
	c := &conversation{
		worker: parent.worker, model: parent.model, project: parent.project, branch: parent.branch,
		id: h.uuid(), seat: -1, sub: true, left: 4 + h.random.IntN(12),
	}
	if parent.worker.SubModel.Name != "" {
		c.model = parent.worker.SubModel
	}
	c.log = c.worker.simulator.Simulate(h.simulated(c, now, parent.id))
	return h.ask(c, now)
}

// fork goes on from parent in a log of its own, where the agent can do that.
func (h *Home) fork(parent *conversation, now time.Time) error {
	forker, ok := parent.log.(agent.Forker)
	if !ok {
		return nil
	}
	c := &conversation{
		worker: parent.worker, model: parent.model, project: parent.project, branch: parent.branch,
		id: h.uuid(), seat: -1, hour: parent.hour, left: 5 + h.random.IntN(20),
		asked: parent.asked, context: parent.context, last: parent.last, tool: parent.tool,
	}
	c.log = forker.Fork(h.simulated(c, now, ""))
	return h.ask(c, now)
}

// gap is the time from one request of c to the next.
func (h *Home) gap(c *conversation) time.Duration {
	switch {
	case c.sub:
		return h.pause(9 * time.Second)
	case c.seat >= 0 && h.live:
		return h.pause(h.options.Pace)
	case c.seat >= 0 && h.begun.Sub(c.last) < 5*time.Minute: // nobody is away when one begins to watch
		return h.pause(25 * time.Second)
	case h.random.Float64() < 0.1: // somebody reads, thinks, or is away
		return h.pause(5 * time.Minute)
	}
	return h.pause(30 * time.Second)
}

// pause draws a time with the given mean; most are shorter, a few are much longer.
func (h *Home) pause(mean time.Duration) time.Duration {
	d := time.Duration(around(h.random, float64(mean)*0.84, 0.6))
	return min(max(d, mean/8), 8*mean).Truncate(time.Millisecond)
}

// uuid makes an id in the form of a random UUID.
func (h *Home) uuid() string {
	a, b := h.random.Uint64(), h.random.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", a>>32, a>>16&0xffff, a&0xfff, 0x8000|b>>50, b&0xffffffffffff)
}

// makeProjects makes the working folders, so that what logs name is really there, each a
// Git repository or a worktree of one as far as a reader of logs looks.
func (h *Home) makeProjects() error {
	for _, p := range h.scenario.Projects {
		folder := filepath.Join(h.path, filepath.FromSlash(p.Path))
		git := filepath.Join(folder, ".git")
		var err error
		if p.WorktreeOf != "" {
			main := filepath.Join(h.path, filepath.FromSlash(p.WorktreeOf), ".git")
			link := filepath.Join(main, "worktrees", filepath.Base(folder))
			err = writeFiles(map[string]string{
				git:                               "gitdir: " + link + "\n",
				filepath.Join(link, "commondir"):  "../..\n",
				filepath.Join(link, "gitdir"):     git + "\n",
				filepath.Join(link, "HEAD"):       "ref: refs/heads/" + p.Branches[0] + "\n",
				filepath.Join(main, "HEAD"):       "ref: refs/heads/main\n",
				filepath.Join(folder, "NOTES.md"): "A worktree of a project that the demo made up.\n",
			})
		} else {
			err = writeFiles(map[string]string{
				filepath.Join(git, "HEAD"):        "ref: refs/heads/" + p.Branches[0] + "\n",
				filepath.Join(folder, "NOTES.md"): "A project that the demo made up.\n",
			})
		}
		if err != nil {
			return fmt.Errorf("make a project: %w", err)
		}
	}
	return nil
}

func writeFiles(files map[string]string) error {
	for path, text := range files {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}
