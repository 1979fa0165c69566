package report

import (
	"context"
	"math"
	"slices"
	"time"

	"tokenmeter/internal/allowance"
	"tokenmeter/internal/forecast"
	"tokenmeter/internal/store"
	"tokenmeter/internal/usage"
)

// Window is one allowance window as it is known.
type Window struct {
	Agent         usage.AgentID
	Account       string
	LimitID       string
	WindowMinutes int64
	UsedPercent   *float64 // nil = not known
	// Low and High are the 80 % band of UsedPercent where it is calibrated, else that itself.
	Low, High  float64
	ResetsAt   time.Time
	ObservedAt time.Time // of the reading
	Source     usage.Source
	// Elsewhere is the share of the use, 0 to 1, that nothing on this machine explains; nil =
	// not known.
	Elsewhere *float64
	// Start and Points are the running instance, for a picture of how it went; the last point
	// is the needle. Empty while nothing was read of it.
	Start    time.Time
	Points   []allowance.Point
	Forecast *Forecast // nil: there is nothing to forecast from
}

// Forecast says how a window will end.
type Forecast struct {
	P10, P50, P90     float64 // used percent at the reset, may exceed 100
	RunOutProbability float64
	RunsOutAt         time.Time // zero = it does not, by P50
	// RunsOutFrom and RunsOutUntil are the range of that moment; zero = open.
	RunsOutFrom, RunsOutUntil time.Time
	SafePacePerHour           float64 // points an active hour, so that it just lasts
	Model                     string
	// Abstained is why the figures are not to be shown; "" = they are.
	Abstained string
	Score     Score
}

// Score is how good the forecasts of a window's kind have been.
type Score struct {
	Windows    int     // finished ones that were forecast
	MedianMiss float64 // points
	Inside     float64 // share of them that ended within the band, 0 to 1
}

// Due is a forecast that is to be stored, so that it can be scored when its window is over.
type Due struct {
	store.Forecast
	Since usage.Millis // begin of the twentieth of the window that it stands for
}

const (
	// learnt is how far back windows and demand are learnt from.
	learnt = 26 * 7 * 24 * time.Hour
	// mostWindows are the finished ones that a running one is forecast from.
	mostWindows = 30
	// parts of a window, each of which has one forecast stored.
	parts = 20
)

// windowKey tells windows apart.
type windowKey struct {
	agent          usage.AgentID
	account, limit string
	minutes        int64
}

func keyOf(s *usage.Sample) windowKey {
	return windowKey{s.Agent, s.Account, s.LimitID, s.WindowMinutes}
}

// knowledge is what the past tells of each window. It holds for an hour, or until a window
// that was running is over.
type knowledge struct {
	hour  usage.Millis
	until usage.Millis // reset of the first running window; zero = none
	by    map[windowKey]*known
}

// known is what the past tells of one window.
type known struct {
	forecaster  *forecast.Forecaster
	calibration allowance.Calibration
	calibrated  bool
	score       Score
}

// windows reads the allowance. Forecasts and calibration are left out while the past is
// still being read.
func (r *Report) windows(ctx context.Context, now usage.Millis, reading bool) ([]Window, []Due, error) {
	samples, err := r.o.Store.CurrentSamples(ctx, now)
	if err != nil {
		return nil, nil, err
	}
	current := allowance.Current(samples, now)
	if len(current) == 0 {
		return nil, nil, nil
	}
	var past *knowledge
	if !reading {
		if past, err = r.learn(ctx, now); err != nil {
			return nil, nil, err
		}
	}
	running := map[windowKey]allowance.Instance{}
	for _, group := range allowance.ByWindow(samples) {
		if in, ok := last(allowance.Instances(group, now)); ok && in.End > now {
			running[keyOf(&group[0])] = in
		}
	}
	windows := make([]Window, 0, len(current))
	var due []Due
	for i := range current {
		w, d, err := r.window(ctx, &current[i], running, past, now)
		if err != nil {
			return nil, nil, err
		}
		windows = append(windows, w)
		due = append(due, d...)
	}
	return windows, due, nil
}

func last[T any](list []T) (t T, ok bool) {
	if len(list) == 0 {
		return t, false
	}
	return list[len(list)-1], true
}

func (r *Report) window(ctx context.Context, c *allowance.Window, running map[windowKey]allowance.Instance, past *knowledge, now usage.Millis) (Window, []Due, error) {
	used := c.UsedPercent
	w := Window{
		Agent: c.Agent, Account: c.Account, LimitID: c.LimitID, WindowMinutes: c.WindowMinutes,
		UsedPercent: &used, Low: used, High: used, ResetsAt: local(c.ResetsAt, r.o.Zone), ObservedAt: local(c.ObservedAt, r.o.Zone), Source: c.Source,
	}
	key := windowKey{c.Agent, c.Account, c.LimitID, c.WindowMinutes}
	in, runs := running[key]
	if past == nil || past.by[key] == nil || !runs || c.ResetsAt == 0 {
		return w, nil, nil
	}
	k := past.by[key]
	w.Start, w.Points = local(in.Start, r.o.Zone), slices.Clone(in.Points)
	if k.calibrated && used < exhausted {
		w.Elsewhere = &k.calibration.Elsewhere
		cost, _, err := r.o.Store.CostAfter(ctx, c.Agent, c.ObservedAt)
		if err != nil {
			return w, nil, err
		}
		if cost > 0 {
			used, w.Low, w.High = k.calibration.Estimate(used, cost)
			w.Source = usage.SourceCalibrated
			w.Points = append(w.Points, allowance.Point{At: now, Used: used})
		}
	}
	in.Points = w.Points
	all := k.forecaster.At(windowOf(in), now)
	shown, _ := last(all)
	w.Forecast = &Forecast{
		P10: shown.P10, P50: shown.P50, P90: shown.P90, RunOutProbability: shown.RunOutProbability,
		RunsOutAt: local(shown.RunsOutAt, r.o.Zone), RunsOutFrom: local(shown.RunsOutFrom, r.o.Zone), RunsOutUntil: local(shown.RunsOutUntil, r.o.Zone),
		SafePacePerHour: shown.SafePacePerHour, Model: k.forecaster.Chosen(), Abstained: shown.Abstained, Score: k.score,
	}
	part := (in.End - in.Start) / parts
	if part <= 0 || used >= exhausted || r.handedOut(key, in.Start+(now-in.Start)/part*part) {
		return w, nil, nil
	}
	var due []Due
	for _, f := range all {
		if f.Abstained != "" {
			continue
		}
		due = append(due, Due{store.Forecast{
			Agent: c.Agent, Account: c.Account, LimitID: c.LimitID, WindowMinutes: c.WindowMinutes, At: now, Model: f.Model,
			ResetsAt: in.End, P10: f.P10, P50: f.P50, P90: f.P90, RunOut: f.RunOutProbability,
		}, in.Start + (now-in.Start)/part*part})
	}
	return w, due, nil
}

// handedOut reports whether the forecasts of a part of a window were due before.
func (r *Report) handedOut(key windowKey, part usage.Millis) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.handed == nil {
		r.handed = map[windowKey]usage.Millis{}
	}
	before := r.handed[key] == part
	r.handed[key] = part
	return before
}

// exhausted is the used percentage at which nothing is left.
const exhausted = 100

func windowOf(in allowance.Instance) forecast.Window {
	w := forecast.Window{Start: in.Start, End: in.End, Touched: in.Touched, Points: make([]forecast.Point, len(in.Points))}
	for i, p := range in.Points {
		w.Points[i] = forecast.Point{At: p.At, Used: p.Used}
		w.Start = min(w.Start, p.At) // who states the reset may round it
	}
	return w
}

// learn looks at the past once an hour, and whenever a window is over.
func (r *Report) learn(ctx context.Context, now usage.Millis) (*knowledge, error) {
	const hour = usage.Millis(3_600_000)
	r.mu.Lock()
	k := r.past
	r.mu.Unlock()
	if k != nil && k.hour == now/hour && (k.until == 0 || now < k.until) {
		return k, nil
	}
	since := now - usage.Millis(learnt.Milliseconds())
	samples, err := r.o.Store.Samples(ctx, since)
	if err != nil {
		return nil, err
	}
	quarters, err := r.o.Store.Quarters(ctx, since)
	if err != nil {
		return nil, err
	}
	kept, err := r.o.Store.Forecasts(ctx, since)
	if err != nil {
		return nil, err
	}
	k = &knowledge{hour: now / hour, by: map[windowKey]*known{}}
	for key, h := range r.histories(samples, quarters, now) {
		one := &known{}
		one.calibration, one.calibrated = allowance.Calibrate(h.rises())
		// What is older adds little to the newest windows, and takes its time.
		h.Finished = h.Finished[max(0, len(h.Finished)-mostWindows):]
		one.forecaster, one.score = h.learn(key, kept)
		k.by[key] = one
		if h.running != nil && (k.until == 0 || h.running.End < k.until) {
			k.until = h.running.End
		}
	}
	r.mu.Lock()
	r.past = k
	r.mu.Unlock()
	return k, nil
}

// history is what is known of the past of one window.
type history struct {
	forecast.History
	instances []allowance.Instance // finished
	running   *allowance.Instance
	spent     *spending
}

// histories splits samples into windows, each with what its agent used meanwhile.
func (r *Report) histories(samples []usage.Sample, quarters []store.Spent, now usage.Millis) map[windowKey]*history {
	spent := map[usage.AgentID]*spending{}
	for _, q := range quarters {
		s := spent[q.Agent]
		if s == nil {
			s = &spending{first: q.Start}
			spent[q.Agent] = s
		}
		s.add(q)
	}
	histories := map[windowKey]*history{}
	for _, group := range allowance.ByWindow(samples) {
		key := keyOf(&group[0])
		if key.minutes <= 0 {
			continue
		}
		h := &history{spent: spent[key.agent]}
		h.Minutes, h.Zone = key.minutes, r.o.Zone
		for _, in := range allowance.Instances(group, now) {
			if in.End > now {
				h.running = &in
				continue
			}
			h.instances = append(h.instances, in)
			h.Finished = append(h.Finished, windowOf(in))
		}
		if h.spent != nil {
			h.Demand = h.spent.demand(now)
		}
		histories[key] = h
	}
	return histories
}

// rises are what the window did between readings, and what was used meanwhile on this
// machine; each spans enough for whole points to tell something.
func (h *history) rises() []allowance.Rise {
	const (
		enough = 3 // points
		atMost = usage.Millis(6 * 3_600_000)
		least  = usage.Millis(30 * 60_000)
	)
	if h.spent == nil {
		return nil
	}
	instances := h.instances
	if h.running != nil {
		instances = append(instances[:len(instances):len(instances)], *h.running)
	}
	var rises []allowance.Rise
	for _, in := range instances {
		if in.Touched || len(in.Points) < 2 {
			continue
		}
		from := in.Points[0]
		for i, p := range in.Points[1:] {
			span := p.At - from.At
			ends := i == len(in.Points)-2 || p.Used >= exhausted
			if !ends && (span < least || p.Used-from.Used < enough && span < atMost) {
				continue
			}
			if points := p.Used - from.Used; points >= 0 {
				rises = append(rises, allowance.Rise{Until: p.At, Points: points, Cost: h.spent.between(from.At, p.At)})
			}
			from = p
			if p.Used >= exhausted {
				break
			}
		}
	}
	return rises
}

// spending is what an agent used by quarter of an hour.
type spending struct {
	first usage.Millis
	sums  []usage.Micros // of all quarters before; one more than there are quarters
	fresh []int64
	// Whether prices are known for most of it; if not, tokens stand for dollars.
	priced, unpriced int64
}

const quarter = usage.Millis(15 * 60_000)

func (s *spending) add(q store.Spent) {
	if len(s.sums) == 0 {
		s.sums, s.fresh = []usage.Micros{0}, []int64{0}
	}
	for s.first+usage.Millis(len(s.sums)-1)*quarter < q.Start {
		s.sums, s.fresh = append(s.sums, s.sums[len(s.sums)-1]), append(s.fresh, s.fresh[len(s.fresh)-1])
	}
	s.sums, s.fresh = append(s.sums, s.sums[len(s.sums)-1]+q.Cost), append(s.fresh, s.fresh[len(s.fresh)-1]+q.Fresh)
	if q.Cost > 0 {
		s.priced++
	} else {
		s.unpriced++
	}
}

// until is what was used up to a moment; within a quarter it is taken to be even.
func (s *spending) until(at usage.Millis) usage.Micros {
	n := usage.Millis(len(s.sums) - 1)
	switch {
	case n < 0 || at <= s.first:
		return 0
	case at >= s.first+n*quarter:
		return s.sums[n]
	}
	i := (at - s.first) / quarter
	share := float64((at-s.first)%quarter) / float64(quarter)
	return s.sums[i] + usage.Micros(math.Round(share*float64(s.sums[i+1]-s.sums[i])))
}

func (s *spending) between(from, until usage.Millis) usage.Micros {
	return s.until(until) - s.until(from)
}

// demand is what was used by the hour, up to now: in dollars, or in millions of fresh tokens
// where most of it has no price.
func (s *spending) demand(now usage.Millis) forecast.Demand {
	const hour = 4 * quarter
	d := forecast.Demand{First: s.first / hour * hour}
	at := func(t usage.Millis) float64 {
		if s.unpriced > s.priced {
			i := max(0, min(int((t-s.first)/quarter), len(s.fresh)-1))
			if t <= s.first {
				i = 0
			}
			return float64(s.fresh[i]) / 1e6
		}
		return float64(s.until(t)) / 1e6
	}
	before := 0.0
	for t := d.First + hour; t <= now; t += hour {
		next := at(t)
		d.Hours = append(d.Hours, next-before)
		before = next
	}
	return d
}

// learn makes the forecaster, and tells how good the forecasts were that were shown of the
// windows that have closed: the stored ones, and where none was stored what would have been
// shown.
func (h *history) learn(key windowKey, kept []store.Forecast) (*forecast.Forecaster, Score) {
	const newest = 8 // windows
	type miss struct{ points, inside float64 }
	var misses []miss
	by := map[usage.Millis][]miss{} // by the end of the window
	note := func(end usage.Millis, p10, p50, p90, truth float64) {
		m := miss{points: math.Abs(min(p50, exhausted) - truth)}
		if truth >= min(p10, exhausted)-0.5 && truth <= min(p90, exhausted)+0.5 {
			m.inside = 1
		}
		by[end] = append(by[end], m)
	}
	instances := h.instances[max(0, len(h.instances)-newest):]
	stored := map[usage.Millis]bool{}
	for _, f := range kept {
		if f.Model != forecast.Shown || (windowKey{f.Agent, f.Account, f.LimitID, f.WindowMinutes}) != key {
			continue
		}
		for _, in := range instances {
			if end, ok := last(in.Points); ok && !in.Touched && f.At >= in.Start && f.At < in.End {
				stored[in.End] = true
				note(in.End, f.P10, f.P50, f.P90, min(end.Used, exhausted))
			}
		}
	}
	forecaster := forecast.Learn(h.History, func(e *forecast.Evaluation) {
		if shown := e.Forecasts[len(e.Forecasts)-1]; !stored[e.Window.End] && shown.Abstained == "" &&
			slices.ContainsFunc(instances, func(in allowance.Instance) bool { return in.End == e.Window.End }) {
			note(e.Window.End, shown.P10, shown.P50, shown.P90, e.Truth)
		}
	})
	var s Score
	for _, in := range instances {
		misses = append(misses, by[in.End]...)
		if len(by[in.End]) > 0 {
			s.Windows++
		}
	}
	if len(misses) == 0 {
		return forecaster, Score{}
	}
	slices.SortFunc(misses, func(a, b miss) int {
		switch {
		case a.points < b.points:
			return -1
		case a.points > b.points:
			return 1
		}
		return 0
	})
	for _, m := range misses {
		s.Inside += m.inside / float64(len(misses))
	}
	s.MedianMiss = misses[len(misses)/2].points
	return forecaster, s
}

// WindowBacktest is how good the forecasts of one window would have been.
type WindowBacktest struct {
	Agent         usage.AgentID
	Account       string
	LimitID       string
	WindowMinutes int64
	forecast.Result
}

// Backtest replays the whole stored history of every window that has one.
func (r *Report) Backtest(ctx context.Context) ([]WindowBacktest, error) {
	now := usage.MillisOf(r.o.Clock())
	samples, err := r.o.Store.Samples(ctx, 0)
	if err != nil {
		return nil, err
	}
	quarters, err := r.o.Store.Quarters(ctx, 0)
	if err != nil {
		return nil, err
	}
	histories := r.histories(samples, quarters, now)
	var list []WindowBacktest
	for _, group := range allowance.ByWindow(samples) { // in a fixed order
		key := keyOf(&group[0])
		if h := histories[key]; h != nil && len(h.Finished) > 0 {
			list = append(list, WindowBacktest{key.agent, key.account, key.limit, key.minutes, forecast.Backtest(h.History)})
		}
	}
	return list, nil
}

// KeepForecasts stores the forecasts that are due.
func KeepForecasts(ctx context.Context, s *store.Store, due []Due) error {
	if len(due) == 0 {
		return nil
	}
	return s.Update(ctx, func(tx *store.Tx) error {
		for _, d := range due {
			if err := tx.KeepForecast(d.Forecast, d.Since); err != nil {
				return err
			}
		}
		return nil
	})
}
