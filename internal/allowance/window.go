package allowance

import (
	"cmp"
	"maps"
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

// Current gives one entry for each window that exists, by agent, account, limit and length.
// Samples may come in any order.
//
// The running window of a key is the one with the latest reset, for an old reading may
// carry a new time (a copied log) but never a new reset. Within it the highest reading
// holds, and a lower one only once a second, later one confirms it. When the reset has
// passed without news, nothing is used: derived. A reading of a clock that ran ahead by more
// than usage.ClockTolerance is not believed before its time. A window that its server has
// ceased to name is not listed, see vanished.
func Current(samples []usage.Sample, now usage.Millis) []Window {
	samples = slices.DeleteFunc(slices.Clone(samples), func(s usage.Sample) bool { return s.ObservedAt > now+usage.ClockTolerance })
	groups := ByWindow(samples)
	news := latest(groups)
	windows := make([]Window, 0, len(groups))
	for _, group := range groups {
		first := &group[0]
		for i := range group {
			s := &group[i]
			if s.WindowMinutes > 0 && s.ResetsAt > s.ObservedAt+usage.Millis(s.WindowMinutes)*minute+day {
				s.ResetsAt = 0 // no window resets later than its own length from now
			}
		}
		w, end := current(group, now)
		if vanished(group, end, now, news[poolOf(first)]) {
			continue
		}
		w.Agent, w.Account, w.LimitID, w.WindowMinutes = first.Agent, first.Account, first.LimitID, first.WindowMinutes
		windows = append(windows, w)
	}
	return windows
}

// ByWindow sorts samples by the window that they are of: one group for each agent, account,
// limit and length, in this order, with samples in the order in which they came. A sample without an
// account belongs to the agent's only one. What is no figure is left out, and so is what names
// neither a length nor a reset, for that is of no window.
func ByWindow(samples []usage.Sample) [][]usage.Sample {
	type key struct {
		pool
		minutes int64
	}
	home := homeAccounts(samples)
	groups := map[key][]usage.Sample{}
	for _, s := range samples {
		if math.IsNaN(s.UsedPercent) || math.IsInf(s.UsedPercent, 0) || s.UsedPercent < 0 || s.WindowMinutes == 0 && s.ResetsAt == 0 {
			continue
		}
		if s.Account == "" {
			s.Account = home[s.Agent]
		}
		k := key{poolOf(&s), s.WindowMinutes}
		groups[k] = append(groups[k], s)
	}
	return slices.SortedFunc(maps.Values(groups), func(a, b []usage.Sample) int {
		return cmp.Or(
			cmp.Compare(a[0].Agent, b[0].Agent), cmp.Compare(a[0].Account, b[0].Account),
			cmp.Compare(a[0].LimitID, b[0].LimitID), cmp.Compare(a[0].WindowMinutes, b[0].WindowMinutes),
		)
	})
}

// pool is what is limited: it may have windows of several lengths.
type pool struct {
	agent          usage.AgentID
	account, limit string
}

func poolOf(s *usage.Sample) pool { return pool{s.Agent, s.Account, s.LimitID} }

// notice is the newest word of the server on a pool.
type notice struct {
	at   usage.Millis
	plan string
}

// copied reports whether a reading is an old one under a new time: its reset is over.
func copied(s *usage.Sample) bool { return s.ResetsAt != 0 && s.ResetsAt+SameReset < s.ObservedAt }

// latest finds the newest word of the server on each pool, whatever window it names.
func latest(groups [][]usage.Sample) map[pool]notice {
	news := map[pool]notice{}
	for _, group := range groups {
		p := poolOf(&group[0])
		for _, s := range group {
			if s.Source == usage.SourceServer && !copied(&s) && (s.ObservedAt > news[p].at || s.ObservedAt == news[p].at && s.Plan > news[p].plan) {
				news[p] = notice{s.ObservedAt, s.Plan}
			}
		}
	}
	return news
}

// together is how far readings of one answer's windows may lie apart: an agent repeats its
// windows with every answer, and a figure that stands is noted again every five minutes.
const together = 10 * minute

// vanished reports whether a window is there no more: its server goes on to speak of the
// pool and says nothing of it. Plans change, and servers have dropped a length for weeks. An
// open window is let go when the plan is another; without that, when it has been over for
// as long as it lasts, a day at most, as a single answer may leave out what has not begun.
func vanished(group []usage.Sample, end, now usage.Millis, news notice) bool {
	last := slices.MaxFunc(group, func(a, b usage.Sample) int {
		if old, other := copied(&a), copied(&b); old != other {
			if old {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.ObservedAt, b.ObservedAt), cmp.Compare(a.Plan, b.Plan))
	})
	switch {
	case news.at <= last.ObservedAt+together:
		return false
	case news.plan != "" && last.Plan != "" && news.plan != last.Plan:
		return true
	}
	rest := min(usage.Millis(last.WindowMinutes)*minute, day)
	return end != 0 && end <= now && news.at > end+rest
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

// current judges the samples of one key; there is at least one. end is when the window ends
// or has ended; zero = not known.
func current(samples []usage.Sample, now usage.Millis) (w Window, end usage.Millis) {
	members, reset := running(samples)
	held := hold(members)
	w = Window{UsedPercent: held.UsedPercent, ResetsAt: held.ResetsAt, ObservedAt: held.ObservedAt, Source: held.Source}
	if w.ResetsAt == 0 {
		w.ResetsAt = reset
	}
	end = w.ResetsAt
	if end == 0 && held.WindowMinutes > 0 {
		// A window without a stated reset is over one length after its last reading.
		end = members[len(members)-1].ObservedAt + usage.Millis(held.WindowMinutes)*minute
	}
	if end != 0 && end <= now {
		w.UsedPercent, w.ResetsAt, w.Source = 0, 0, usage.SourceDerived
	}
	return w, end
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
