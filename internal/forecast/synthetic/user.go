package synthetic

import (
	"math"
	"math/rand/v2"
	"time"
	_ "time/tzdata" // users live in zones with and without summer time, on every system

	"tokenmeter/internal/forecast"
	"tokenmeter/internal/usage"
)

// Scenarios lists the kinds of users, in the order in which they are dealt out.
func Scenarios() []string {
	return []string{
		"office", "evenings", "nights", "freelance", "bursts", "drift",
		"regime change", "two machines", "limits doubled", "holidays", "automation", "meter only",
	}
}

// User is one made-up user with the history of both windows.
type User struct {
	Scenario string
	Zone     string
	Weekly   forecast.History // windows of seven days
	Session  forecast.History // windows of five hours, each begun by the first request
}

// Users makes n users of so many weeks each, scenario by scenario. Their windows are all
// finished.
func Users(seed uint64, n, weeks int) []User {
	users := make([]User, n)
	names := Scenarios()
	for i := range users {
		l := newLife(rand.New(rand.NewPCG(seed, uint64(i))), names[i%len(names)], weeks)
		users[i] = l.live()
	}
	return users
}

// life is how one user behaves.
type life struct {
	random   *rand.Rand
	scenario string
	weeks    int
	zone     *time.Location
	start    time.Time // local midnight of the first day

	begin, span float64    // of the working day, local hours
	works       [7]float64 // chance to work on a day, Sunday first
	sticky      float64    // how much yesterday says of today
	sittings    float64    // mean sessions a day
	sitting     float64    // median length of a session, minutes
	uneven      float64    // spread of sessions, log
	weekly      float64    // spread of weeks, log
	trend       float64    // log a week
	elsewhere   float64    // share of sessions on another machine
	robot       float64    // dollars of an hourly job
	target      float64    // points a week without a limit
	changeAt    int        // day of a change; 0 = none
	factor      float64    // of the level after it
	moved       float64    // hours the working day moves then
	limitsAt    int        // day on which the limits double; 0 = never
	away        map[int]bool
	sprints     map[int]bool
	careful     bool    // slows down when much is used early
	persists    float64 // share of requests that are still made, and paid, when exhausted
	catchesUp   float64 // more work after a blocked window
	chained     bool    // the week begins with the first request after the last one
	anchor      float64 // hours after the start at which fixed weeks begin
	sessionsIn  float64 // how many full five-hour windows make a week
}

func newLife(r *rand.Rand, scenario string, weeks int) *life {
	between := func(a, b float64) float64 { return a + (b-a)*r.Float64() }
	zones := []string{"Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC", "America/Los_Angeles", "Europe/London", "Australia/Sydney", "Asia/Tokyo", "America/Sao_Paulo"}
	zone, err := time.LoadLocation(zones[r.IntN(len(zones))])
	if err != nil {
		zone = time.UTC // cannot be: they are compiled in
	}
	months := []time.Month{time.February, time.May, time.September}
	l := &life{
		random: r, scenario: scenario, weeks: weeks, zone: zone,
		start: time.Date(2026, months[r.IntN(len(months))], 1+r.IntN(28), 0, 0, 0, 0, zone),
		begin: between(8, 10.5), span: between(7, 10), sticky: 0,
		sittings: between(3, 7), sitting: between(25, 70), uneven: between(0.4, 0.9),
		weekly: between(0.1, 0.4), target: 100 * math.Exp(0.45*r.NormFloat64()),
		careful: r.Float64() < 0.3, persists: 0, catchesUp: 1,
		chained: r.Float64() < 0.4, anchor: between(0, 168), sessionsIn: between(4, 8),
		away: map[int]bool{}, sprints: map[int]bool{},
	}
	if r.Float64() < 0.25 {
		l.persists = between(0.1, 0.5)
	}
	if r.Float64() < 0.3 {
		l.catchesUp = between(1.1, 1.6)
	}
	workday, weekend := between(0.85, 0.99), between(0.02, 0.35)
	l.works = [7]float64{weekend, workday, workday, workday, workday, workday * between(0.6, 1), weekend}
	days := 7 * weeks
	switch scenario {
	case "evenings":
		l.begin, l.span, l.sittings = between(18, 20), between(3, 5), between(1, 3)
		for d := range l.works {
			l.works[d] = between(0.4, 0.9)
		}
		l.works[0], l.works[6] = between(0.6, 0.95), between(0.6, 0.95)
	case "nights":
		l.begin, l.span = between(21, 23), between(6, 8)
		for d := range l.works {
			l.works[d] = between(0.4, 1)
		}
	case "freelance":
		l.sticky = between(0.4, 0.75)
		for d := range l.works {
			l.works[d] = between(0.45, 0.7)
		}
		l.span = between(8, 13)
	case "bursts":
		for d := between(5, 20); d < float64(days); d += between(12, 30) {
			for i := range 3 + r.IntN(4) {
				l.sprints[int(d)+i] = true
			}
		}
	case "drift":
		l.trend = between(-0.09, 0.11)
		l.weekly = between(0.25, 0.5)
	case "regime change":
		l.changeAt = 7*weeks/3 + r.IntN(7*weeks/3+1)
		l.factor = []float64{0.4, 0.55, 1.8, 2.4}[r.IntN(4)]
		l.moved = between(-4, 4)
	case "two machines":
		l.elsewhere = between(0.35, 0.65)
	case "limits doubled":
		l.limitsAt = 7*weeks/2 + r.IntN(8)
		l.target *= 1.4
	case "holidays":
		for range 2 {
			first, long := r.IntN(days), 4+r.IntN(11)
			for d := first; d < first+long; d++ {
				l.away[d] = true
			}
		}
	case "automation":
		l.robot = between(0.15, 0.8)
	}
	return l
}

// request is one billed request.
type request struct {
	at     time.Time
	cost   float64 // dollars
	remote bool    // made on another machine
}

// requests makes up all that would be asked without a limit.
func (l *life) requests() []request {
	r := l.random
	var all []request
	level, worked := 0.0, true
	for d := range 7 * l.weeks {
		noon := l.start.AddDate(0, 0, d)
		if d%7 == 0 {
			level = 0.6*level + l.weekly*r.NormFloat64()
		}
		if l.robot > 0 {
			for h := range 24 {
				at := noon.Add(time.Duration(h)*time.Hour + 7*time.Minute)
				all = append(all, request{at: at, cost: l.robot * math.Exp(0.3*r.NormFloat64())})
			}
		}
		chance := l.works[int(noon.Weekday())]
		if l.sticky > 0 {
			yesterday := 0.0
			if worked {
				yesterday = 1
			}
			chance = l.sticky*yesterday + (1-l.sticky)*chance
		}
		if l.sprints[d] {
			chance = 0.97
		}
		worked = r.Float64() < chance && !l.away[d]
		if !worked {
			continue
		}
		factor := math.Exp(level + l.trend*float64(d)/7 + 0.3*r.NormFloat64())
		if l.sprints[d] {
			factor *= 2.5
		}
		begin := l.begin
		if l.changeAt > 0 && d >= l.changeAt {
			factor *= l.factor
			begin += l.moved
		}
		all = l.day(all, noon, begin, factor)
	}
	sortRequests(all)
	return all
}

// day adds the sessions of one day. A stronger day has more and heavier ones.
func (l *life) day(all []request, midnight time.Time, begin, factor float64) []request {
	r := l.random
	n := poisson(r, l.sittings*math.Sqrt(factor))
	year, month, date := midnight.Date()
	for range n {
		// People begin after they came, after lunch, and sometimes late.
		x := r.Float64()
		if r.Float64() < 0.25 {
			x = 0.05 + 0.1*r.Float64()
		}
		hours := begin + l.span*x + 0.5*r.NormFloat64()
		at := time.Date(year, month, date, 0, int(hours*60), r.IntN(60), 0, l.zone)
		long := l.sitting * math.Exp(0.7*r.NormFloat64())
		if long > 300 {
			long = 300
		}
		pace := math.Sqrt(factor) * math.Exp(l.uneven*r.NormFloat64())
		remote := r.Float64() < l.elsewhere
		for t := 0.0; t < long; {
			cost := 0.1 * pace * math.Exp(0.9*r.NormFloat64())
			all = append(all, request{at.Add(time.Duration(t * float64(time.Minute))), cost, remote})
			t += 0.5 + 3*r.ExpFloat64()
		}
	}
	return all
}

func poisson(r *rand.Rand, mean float64) int {
	n, p, limit := 0, 1.0, math.Exp(-mean)
	for {
		p *= r.Float64()
		if p < limit || n > 40 {
			return n
		}
		n++
	}
}

// millis of a time.
func millis(t time.Time) usage.Millis { return usage.MillisOf(t) }
