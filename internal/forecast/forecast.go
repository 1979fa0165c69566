package forecast

import (
	"math"
	"sort"
	"time"

	"tokenmeter/internal/usage"
)

// Names of the models, as they are stored and printed.
const (
	Linear        = "linear"
	WorkdayLinear = "workday-linear"
	WeekCurves    = "week-curves"
	Profile       = "profile"
	Shown         = "shown"
)

// Models lists the names in the order of every result.
func Models() []string { return []string{Linear, WorkdayLinear, WeekCurves, Profile, Shown} }

const (
	linear = iota
	workday
	curves
	profile
	shown
	models // how many there are
)

const (
	minute = usage.Millis(60_000)
	hour   = 60 * minute
	day    = 24 * hour
	week   = 7 * day
)

// full is the used % at which a window is exhausted.
const full = 100

// shortest windows, up to this length, are sessions and get their own model.
const longestSession = 6 * hour

// Window is one instance of an allowance window; it is finished once End has passed.
type Window struct {
	Start, End usage.Millis // End is the reset, Start = End - length
	Points     []Point      // figures as they became known, ascending in time; used % may fall (a refund)
	// Touched: a manual reset, a refund, another plan or length. Neither learnt from nor scored.
	Touched bool
}

// Point is a reading of the used %, 0 to 100 or more.
type Point struct {
	At   usage.Millis
	Used float64
}

// Demand is what was used on this machine, by the hour, in list-price dollars (or tokens).
type Demand struct {
	First usage.Millis // begin of the first hour, UTC
	Hours []float64    // NaN = no record of that hour
}

// History is what is known of the windows of one limit.
type History struct {
	Minutes  int64          // length of the windows
	Zone     *time.Location // in which hours of the week are counted; nil = UTC
	Finished []Window       // oldest first
	Demand   Demand         // may be empty
}

// Forecast is the answer of one model at one moment.
type Forecast struct {
	Model string
	// Used % at the reset; may exceed 100. Models without a band repeat P50.
	P10, P50, P90     float64
	RunOutProbability float64      // 0 to 1: reaches 100 before the reset
	RunsOutAt         usage.Millis // median moment; zero = does not by P50, or cannot be said yet
	// The range of that moment: by the P90 path, and by the P10 path. Zero = open.
	RunsOutFrom, RunsOutUntil usage.Millis
	SafePacePerHour           float64 // points an active hour that is left, so that it just lasts
	// Abstained is why no figure is shown, in words a person reads; figures are then not to
	// be shown. Empty = shown.
	Abstained string
}

// Forecaster forecasts the windows of one limit. It is built once and then read only.
type Forecaster struct {
	history History
	length  usage.Millis
	tune    tuning
	past    []past // finished and untouched, oldest first
	hours   series
	skill   skill
	until   usage.Millis // latest reset that was learnt from
}

// New learns from what is finished. Windows that touch, overlap or make no sense cost
// themselves only. What Demand holds after the last reset is used when it is asked for.
func New(h History) *Forecaster { return Learn(h, nil) }

// Learn is New that also hands what Replay would to visit, if that is not nil: to learn from a
// window is to forecast it.
func Learn(h History, visit func(*Evaluation)) *Forecaster {
	f := empty(h)
	for _, w := range finished(h) {
		see := visit
		if len(f.past) < warmUp {
			see = nil
		}
		f.learn(w, see)
	}
	if d := f.hours.demand; len(d.Hours) > 0 {
		f.hours.grow(hourOf(d.First), hourOf(d.First)+int64(len(d.Hours)))
	}
	return f
}

func empty(h History) *Forecaster {
	if h.Zone == nil {
		h.Zone = time.UTC
	}
	f := &Forecaster{history: h, length: usage.Millis(h.Minutes) * minute, tune: tuned()}
	f.hours = newSeries(h)
	return f
}

// finished gives the windows that can be learnt from, by reset.
func finished(h History) []Window {
	length := usage.Millis(h.Minutes) * minute
	windows := make([]Window, 0, len(h.Finished))
	for _, w := range h.Finished {
		if !w.Touched && sane(w, length) {
			windows = append(windows, w)
		}
	}
	sort.SliceStable(windows, func(i, j int) bool { return windows[i].End < windows[j].End })
	return windows
}

// sane says whether the window has a length at all and is where it can be.
func sane(w Window, length usage.Millis) bool {
	return w.Start >= 0 && w.End > w.Start && w.End-w.Start <= max(length, minute)+day && w.End < farthest
}

// farthest is an instant no window reaches: the year 2200.
const farthest = usage.Millis(7_258_118_400_000)

// At gives the forecast of every model for the running window at a moment, in the order of
// Models. Only what was known then is used: points of the window up to now, windows that
// were finished, hours of demand that had ended. A moment outside of the window, or a window
// that makes no sense, abstains.
func (f *Forecaster) At(running Window, now usage.Millis) []Forecast {
	if now < f.until {
		// Something learnt was not known yet: learn again from what was.
		h := f.history
		h.Finished = nil
		for _, w := range f.history.Finished {
			if w.End <= now {
				h.Finished = append(h.Finished, w)
			}
		}
		return New(h).At(running, now)
	}
	var all [models]Forecast
	f.forecast(running, now, &all)
	return append([]Forecast(nil), all[:]...)
}

// forecast fills the forecasts of all models. Whatever was learnt ended before now.
func (f *Forecaster) forecast(running Window, now usage.Millis, all *[models]Forecast) view {
	for i, name := range Models() {
		all[i] = Forecast{Model: name}
	}
	if !sane(running, f.length) || now < running.Start || now >= running.End {
		for i := range all {
			all[i].Abstained = "this window is not running"
		}
		return view{}
	}
	v := f.look(running, now)
	if v.used >= full {
		for i := range all {
			all[i].P10, all[i].P50, all[i].P90, all[i].RunOutProbability = v.used, v.used, v.used, 1
			all[i].RunsOutAt, all[i].RunsOutFrom, all[i].RunsOutUntil = v.fullAt, v.fullAt, v.fullAt
		}
	} else {
		all[linear] = f.linear(&v)
		all[workday] = f.workdayLinear(&v)
		all[curves] = f.weekCurves(&v)
		var pace float64
		if f.short() {
			all[profile] = f.session(&v)
			// Who is in a session means to go on.
			pace = (full - v.used) / max(0.25, float64(v.window.End-v.now)/float64(hour))
		} else {
			sh := f.profileShape(&v)
			all[profile] = f.profile(&v, &sh)
			pace = f.safePace(&v, &sh)
		}
		for i := range all {
			all[i].SafePacePerHour = pace
		}
	}
	best := f.skill.best()
	all[shown] = all[best]
	all[shown].Model = Shown
	all[shown].Abstained = f.abstains(&v, &all[shown])
	if all[shown].Abstained == "" && f.short() && (now-running.Start < 10*minute || v.used < 5) && v.used < full {
		all[shown].RunsOutAt, all[shown].RunsOutFrom, all[shown].RunsOutUntil = 0, 0, 0
	}
	return v
}

// Chosen names the model that is shown, after what was learnt.
func (f *Forecaster) Chosen() string { return Models()[f.skill.best()] }

func (f *Forecaster) short() bool { return f.length <= longestSession }

// widest is the width of a band, in points that can happen, above which it says nothing.
const widest = 60

// abstains gives the reason for which a forecast is not shown, or nothing.
func (f *Forecaster) abstains(v *view, shown *Forecast) string {
	switch {
	case v.used >= full:
		return ""
	case v.points == 0:
		return "no reading from the server in this window yet"
	case len(f.past) < 2 && v.phase < 0.1:
		return "too early: fewer than two finished windows to compare with"
	case min(full, shown.P90)-min(full, shown.P10) > widest:
		return "too open: it may end anywhere within more than 60 points"
	}
	return ""
}

// view is what is known of the running window at a moment.
type view struct {
	window Window
	now    usage.Millis
	phase  float64 // share of the window that has passed, 0 to 1
	used   float64
	points int
	fullAt usage.Millis // when it was exhausted; zero = it is not
	lastAt usage.Millis // of the last rise; zero = none
	rises  []rise       // of the running window, by hour
	// What the profile expects to be used until the reset, in points, and the spread of its
	// logarithm; both before past misses are taken into account.
	center, spread float64
}

// look reads the running window as it was known at now.
func (f *Forecaster) look(w Window, now usage.Millis) view {
	points := clean(w, now)
	v := view{window: w, now: now, points: len(points)}
	v.phase = float64(now-w.Start) / float64(w.End-w.Start)
	last := 0.0
	for _, p := range points {
		if p.Used > last {
			v.lastAt = p.At
		}
		last = p.Used
	}
	v.used = last
	v.fullAt = fullAt(points)
	if v.used < full {
		v.fullAt = 0 // it was given back
	}
	v.rises = f.hours.spread(w, points, now, v.fullAt)
	return v
}

// clean gives the points that can be believed: numbers, in the window, known at now, in
// order of time.
func clean(w Window, now usage.Millis) []Point {
	ok := true
	for i, p := range w.Points {
		if !believable(p, w) || i > 0 && p.At < w.Points[i-1].At {
			ok = false
			break
		}
	}
	if ok {
		n := sort.Search(len(w.Points), func(i int) bool { return w.Points[i].At > now })
		return w.Points[:n]
	}
	points := make([]Point, 0, len(w.Points))
	for _, p := range w.Points {
		if p.At <= now && believable(p, w) {
			points = append(points, p)
		}
	}
	sort.SliceStable(points, func(i, j int) bool { return points[i].At < points[j].At })
	return points
}

func believable(p Point, w Window) bool {
	return p.At >= w.Start && p.At <= w.End && p.Used >= 0 && !math.IsInf(p.Used, 0)
}

// fullAt is when the points first reach 100, zero = never.
func fullAt(points []Point) usage.Millis {
	for _, p := range points {
		if p.Used >= full {
			return p.At
		}
	}
	return 0
}
