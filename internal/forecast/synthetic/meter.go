package synthetic

import (
	"math"
	"slices"

	"tokenmeter/internal/forecast"
	"tokenmeter/internal/usage"
)

const (
	minute = usage.Millis(60_000)
	hour   = 60 * minute
	week   = 168 * hour
)

func sortRequests(all []request) {
	slices.SortStableFunc(all, func(a, b request) int { return a.at.Compare(b.at) })
}

// gauge is the provider's meter of one window length.
type gauge struct {
	length   usage.Millis
	chained  bool // else windows follow each other from anchor on
	anchor   usage.Millis
	used     float64
	open     forecast.Window
	running  bool
	read     usage.Millis // when a point was noted last
	shown    float64
	blocked  bool // was exhausted in the window before
	finished []forecast.Window
}

// turn closes the window if it is over at now and opens the one that holds now.
func (g *gauge) turn(now usage.Millis) {
	if g.running && now >= g.open.End {
		g.blocked = g.used >= 100
		g.finished = append(g.finished, g.open)
		g.running = false
	}
	if g.running {
		return
	}
	start := now
	if !g.chained {
		start = g.anchor + (now-g.anchor)/g.length*g.length
	}
	g.open = forecast.Window{Start: start, End: start + g.length}
	g.running, g.used, g.shown, g.read = true, 0, -1, 0
}

// note reads the meter after a request of this machine: whole percents, as servers tell them.
func (g *gauge) note(now usage.Millis) {
	shown := min(100, math.Round(g.used))
	if shown != g.shown || now-g.read >= 20*minute {
		g.open.Points = append(g.open.Points, forecast.Point{At: now, Used: shown})
		g.shown, g.read = shown, now
	}
}

// live lets the requests meet the limits.
func (l *life) live() User {
	all := l.requests()
	total := 0.0
	for _, q := range all {
		total += q.cost
	}
	start := millis(l.start)
	weekly := &gauge{length: week, chained: l.chained, anchor: start - week + usage.Millis(l.anchor*float64(hour))}
	session := &gauge{length: 5 * hour, chained: true}
	points := l.target * float64(l.weeks) / max(total, 1e-9) // a dollar is so many points of the week
	demand := ledger{forecast.Demand{First: start / hour * hour, Hours: make([]float64, l.weeks*168)}}
	end := millis(l.start.AddDate(0, 0, 7*l.weeks))
	for _, q := range all {
		now := millis(q.at)
		if now < start || now >= end {
			continue
		}
		scale := points
		if l.limitsAt > 0 && !q.at.Before(l.start.AddDate(0, 0, l.limitsAt)) {
			scale /= 2
		}
		weekly.turn(now)
		session.turn(now)
		cost := q.cost
		if l.careful && weekly.used > 70 && weekly.open.End-now > week/4 {
			cost *= 0.6
		}
		if weekly.blocked && l.catchesUp > 1 && now-weekly.open.Start < 48*hour {
			cost *= l.catchesUp
		}
		if weekly.used >= 100 || session.used >= 100 {
			// Most wait. Who pays on goes on slower, and the meter stays full.
			if l.random.Float64() >= l.persists {
				continue
			}
			if !q.remote {
				demand.add(now, cost)
				weekly.note(now)
				session.note(now)
			}
			continue
		}
		// Dollars are not quite what a server counts.
		counted := cost * math.Exp(0.25*l.random.NormFloat64())
		weekly.used += counted * scale
		session.used += counted * scale * l.sessionsIn
		if !q.remote {
			demand.add(now, cost)
			weekly.note(now)
			session.note(now)
		}
	}
	// What runs at the end is not finished; it is left out.
	u := User{Scenario: l.scenario, Zone: l.zone.String()}
	u.Weekly = forecast.History{Minutes: int64(week / minute), Zone: l.zone, Finished: seen(weekly.finished)}
	u.Session = forecast.History{Minutes: int64(5 * hour / minute), Zone: l.zone, Finished: seen(session.finished)}
	if l.scenario != "meter only" {
		u.Weekly.Demand, u.Session.Demand = demand.Demand, demand.Demand
	}
	return u
}

// seen leaves out windows that this machine never heard of.
func seen(windows []forecast.Window) []forecast.Window {
	return slices.DeleteFunc(windows, func(w forecast.Window) bool { return len(w.Points) == 0 })
}

// ledger adds up demand by the hour.
type ledger struct{ forecast.Demand }

func (d *ledger) add(at usage.Millis, cost float64) {
	if i := int((at - d.First) / hour); i >= 0 && i < len(d.Hours) {
		d.Hours[i] += cost
	}
}
