package forecast

import (
	"math"
	"time"

	"tokenmeter/internal/usage"
)

// bins of the hour of the week, Monday 00:00 first.
const bins = 168

// series is what was used in each hour of the past, in points of the window.
type series struct {
	first  int64 // number of the first hour since the epoch
	bin    []uint8
	rise   []float64 // points
	seen   []float64 // share of the hour in which a rise would have been seen
	window []int32   // index of the window in which it was seen; -1 = none
	demand Demand
	zone   *time.Location
}

// rise is what was used in one hour of a window.
type rise struct {
	hour   int64
	points float64
	seen   float64 // share of the hour that is inside the window and before exhaustion
}

func hourOf(m usage.Millis) int64 { return int64(m / hour) }

func newSeries(h History) series {
	s := series{zone: h.Zone, demand: h.Demand, first: -1}
	s.demand.First = usage.Millis(hourOf(h.Demand.First)) * hour
	if h.Demand.First < 0 || h.Demand.First >= farthest {
		s.demand = Demand{}
	}
	return s
}

// dollars gives the demand of an hour that had ended at now, NaN = not known.
func (s *series) dollars(hourNumber int64, now usage.Millis) float64 {
	i := hourNumber - hourOf(s.demand.First)
	if i < 0 || i >= int64(len(s.demand.Hours)) || usage.Millis(hourNumber+1)*hour > now {
		return math.NaN()
	}
	d := s.demand.Hours[i]
	if d < 0 || math.IsInf(d, 0) {
		return math.NaN()
	}
	return d
}

// grow makes room for hours up to and without end.
func (s *series) grow(from, end int64) {
	if s.first < 0 {
		s.first = from
		if d := hourOf(s.demand.First); len(s.demand.Hours) > 0 && d < from {
			s.first = max(d, from-memory)
		}
	}
	old := s.first + int64(len(s.bin))
	if end <= old {
		return
	}
	if old < end-2*memory { // a gap of years is not walked through
		s.first, old = end-2*memory, end-2*memory
		s.bin, s.rise, s.seen, s.window = s.bin[:0], s.rise[:0], s.seen[:0], s.window[:0]
	}
	n := int(end - old)
	s.bin = append(s.bin, make([]uint8, n)...)
	s.rise = append(s.rise, make([]float64, n)...)
	s.seen = append(s.seen, make([]float64, n)...)
	s.window = append(s.window, make([]int32, n)...)
	fillBins(s.bin[old-s.first:], old, s.zone)
	for i := old - s.first; i < end-s.first; i++ {
		s.window[i] = -1
	}
}

// fillBins writes the hour of the week of each hour from first on, in the zone: by the
// middle of the hour, as some zones are half an hour off.
func fillBins(bin []uint8, first int64, zone *time.Location) {
	for i := 0; i < len(bin); {
		at := time.Unix((first+int64(i))*3600+1800, 0).In(zone)
		_, offset := at.Zone()
		_, until := at.ZoneBounds()
		n := len(bin)
		if !until.IsZero() {
			// Hours whose middle lies before the change.
			n = min(n, int((until.Unix()-1800+3599)/3600-first))
		}
		for n = max(n, i+1); i < n; i++ {
			local := first*3600 + int64(i)*3600 + 1800 + int64(offset)
			days := local / 86400
			// 1970-01-01 was a Thursday; Monday is 0.
			bin[i] = uint8((days+3)%7*24 + local%86400/3600)
		}
	}
}

// spread shares the rises of a window out over its hours, up to now. Where demand of this
// machine is known it says when; else a rise belongs to the hour in which it was read, for
// readings come with requests.
func (s *series) spread(w Window, points []Point, now, exhausted usage.Millis) []rise {
	from, end := hourOf(w.Start), hourOf(min(now, w.End)-1)+1
	if end <= from {
		return nil
	}
	rises := make([]rise, end-from)
	until := min(now, w.End)
	if exhausted != 0 {
		until = min(until, exhausted)
	}
	for i := range rises {
		h := from + int64(i)
		begin, stop := usage.Millis(h)*hour, usage.Millis(h+1)*hour
		seen := float64(min(stop, until)-max(begin, w.Start)) / float64(hour)
		rises[i] = rise{hour: h, seen: max(0, seen)}
	}
	at, used := w.Start, 0.0
	for _, p := range points {
		if d := p.Used - used; d > 0 {
			s.share(rises, at, p.At, d, now)
		}
		at, used = p.At, p.Used
		if exhausted != 0 && p.At >= exhausted {
			break
		}
	}
	return rises
}

// share gives d points to the hours in (from, to].
func (s *series) share(rises []rise, from, to usage.Millis, d float64, now usage.Millis) {
	base := rises[0].hour
	a, b := max(0, hourOf(from)-base), min(int64(len(rises))-1, hourOf(to)-base)
	if b > a {
		sum := 0.0
		for i := a; i <= b; i++ {
			sum += s.weight(base+i, from, to, now)
		}
		if sum > 0 {
			for i := a; i <= b; i++ {
				rises[i].points += d * s.weight(base+i, from, to, now) / sum
			}
			return
		}
	}
	rises[max(0, b)].points += d
}

// weight is the demand of the part of an hour that lies in (from, to].
func (s *series) weight(h int64, from, to, now usage.Millis) float64 {
	x := s.dollars(h, now)
	if math.IsNaN(x) {
		return 0
	}
	begin, stop := max(usage.Millis(h)*hour, from), min(usage.Millis(h+1)*hour, to)
	return x * float64(max(0, stop-begin)) / float64(hour)
}

// add puts the hours of a finished window into the past.
func (s *series) add(rises []rise, index int) {
	if len(rises) == 0 {
		return
	}
	s.grow(rises[0].hour, rises[len(rises)-1].hour+1)
	for _, r := range rises {
		i := r.hour - s.first
		if i < 0 {
			continue
		}
		s.rise[i] += r.points
		s.seen[i] = min(1, s.seen[i]+r.seen)
		s.window[i] = int32(index)
	}
}
