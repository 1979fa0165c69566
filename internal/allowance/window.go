package allowance

import (
	"cmp"
	"math"
	"slices"

	"tokenmeter/internal/usage"
)

// SameReset is how far two stated resets may lie apart and still mean one window, in
// milliseconds.
const SameReset = usage.Millis(2 * 60_000)

// minute and day in milliseconds.
const (
	minute = usage.Millis(60_000)
	day    = 24 * 60 * minute
)

// Window is one allowance window as it is known at a moment.
type Window struct {
	Agent         usage.AgentID
	Account       string
	LimitID       string
	WindowMinutes int64
	UsedPercent   float64
	ResetsAt      usage.Millis // zero = not known
	ObservedAt    usage.Millis // of the reading that holds
	Source        usage.Source
}

type key struct {
	agent   usage.AgentID
	account string
	limit   string
	minutes int64
}

// Current gives one entry for each window that was ever seen, by agent, account, limit and
// length. Samples may come in any order.
//
// The running window of a key is the one with the latest reset, for an old reading may
// carry a new time (a copied log) but never a new reset. Within it the highest reading
// holds, and a lower one only once a second, later one confirms it. When the reset has
// passed without news, nothing is used: derived. A reading of a clock that ran ahead by more
// than usage.ClockTolerance is not believed before its time.
func Current(samples []usage.Sample, now usage.Millis) []Window {
	samples = slices.DeleteFunc(slices.Clone(samples), func(s usage.Sample) bool { return s.ObservedAt > now+usage.ClockTolerance })
	home := homeAccounts(samples)
	groups := map[key][]usage.Sample{}
	for _, s := range samples {
		if math.IsNaN(s.UsedPercent) || math.IsInf(s.UsedPercent, 0) || s.UsedPercent < 0 {
			continue
		}
		if s.Account == "" {
			s.Account = home[s.Agent]
		}
		if s.WindowMinutes > 0 && s.ResetsAt > s.ObservedAt+usage.Millis(s.WindowMinutes)*minute+day {
			s.ResetsAt = 0 // no window resets later than its own length from now
		}
		k := key{s.Agent, s.Account, s.LimitID, s.WindowMinutes}
		groups[k] = append(groups[k], s)
	}
	windows := make([]Window, 0, len(groups))
	for k, group := range groups {
		w := current(group, now)
		w.Agent, w.Account, w.LimitID, w.WindowMinutes = k.agent, k.account, k.limit, k.minutes
		windows = append(windows, w)
	}
	slices.SortFunc(windows, func(a, b Window) int {
		return cmp.Or(
			cmp.Compare(a.Agent, b.Agent), cmp.Compare(a.Account, b.Account),
			cmp.Compare(a.LimitID, b.LimitID), cmp.Compare(a.WindowMinutes, b.WindowMinutes),
		)
	})
	return windows
}

// homeAccounts names the account that samples without one belong to: an agent's only one.
func homeAccounts(samples []usage.Sample) map[usage.AgentID]string {
	home := map[usage.AgentID]string{}
	several := map[usage.AgentID]bool{}
	for _, s := range samples {
		if s.Account == "" {
			continue
		}
		if known, ok := home[s.Agent]; ok && known != s.Account {
			several[s.Agent] = true
		}
		home[s.Agent] = s.Account
	}
	for agent := range several {
		delete(home, agent)
	}
	return home
}

// current judges the samples of one key; there is at least one.
func current(samples []usage.Sample, now usage.Millis) Window {
	members, reset := running(samples)
	held := hold(members)
	w := Window{UsedPercent: held.UsedPercent, ResetsAt: held.ResetsAt, ObservedAt: held.ObservedAt, Source: held.Source}
	if w.ResetsAt == 0 {
		w.ResetsAt = reset
	}
	end := w.ResetsAt
	if end == 0 && held.WindowMinutes > 0 {
		// A window without a stated reset is over one length after its last reading.
		end = members[len(members)-1].ObservedAt + usage.Millis(held.WindowMinutes)*minute
	}
	if end != 0 && end <= now {
		w.UsedPercent, w.ResetsAt, w.Source = 0, 0, usage.SourceDerived
	}
	return w
}

// running picks the samples of the newest window, in the order of their observation, and
// its reset, zero if none of them states one.
func running(samples []usage.Sample) (members []usage.Sample, reset usage.Millis) {
	byReset := slices.Clone(samples)
	slices.SortFunc(byReset, func(a, b usage.Sample) int { return -cmp.Compare(a.ResetsAt, b.ResetsAt) })
	reset = byReset[0].ResetsAt
	length := usage.Millis(byReset[0].WindowMinutes) * minute
	var unstated []usage.Sample
	edge := reset // the earliest reset that still belongs to the window
	for _, s := range byReset {
		switch {
		case s.ResetsAt == 0:
			unstated = append(unstated, s)
		case edge-s.ResetsAt <= SameReset:
			edge = s.ResetsAt
			members = append(members, s)
		}
	}
	var later []usage.Sample // observed when the window with the latest reset was over
	for _, s := range unstated {
		switch {
		case reset == 0 || s.ObservedAt >= reset:
			later = append(later, s)
		case length == 0 || s.ObservedAt >= edge-length:
			members = append(members, s)
		}
	}
	if len(later) > 0 {
		members, reset = newest(later, length), 0
	}
	slices.SortStableFunc(members, func(a, b usage.Sample) int {
		return cmp.Or(cmp.Compare(a.ObservedAt, b.ObservedAt), cmp.Compare(a.UsedPercent, b.UsedPercent), cmp.Compare(a.Source, b.Source))
	})
	return members, reset
}

// newest keeps the samples that lie within one window's length of the last one.
func newest(samples []usage.Sample, length usage.Millis) []usage.Sample {
	last := slices.MaxFunc(samples, func(a, b usage.Sample) int { return cmp.Compare(a.ObservedAt, b.ObservedAt) })
	return slices.DeleteFunc(samples, func(s usage.Sample) bool {
		return length != 0 && s.ObservedAt <= last.ObservedAt-length
	})
}

// hold finds the reading that holds among those of one window, oldest first.
func hold(members []usage.Sample) usage.Sample {
	held := members[0]
	var lower *usage.Sample // not confirmed yet
	for i := 1; i < len(members); i++ {
		s := members[i]
		switch {
		case s.UsedPercent >= held.UsedPercent:
			held, lower = s, nil
		case lower == nil:
			lower = &members[i]
		case s.ObservedAt <= lower.ObservedAt:
			// The same moment twice confirms nothing.
		case s.UsedPercent >= lower.UsedPercent:
			held, lower = s, nil
		default:
			held, lower = *lower, &members[i]
		}
	}
	return held
}
