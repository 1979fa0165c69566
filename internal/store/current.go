package store

import (
	"cmp"
	"context"
	"database/sql/driver"
	"fmt"
	"math"
	"slices"

	"tokenmeter/internal/usage"
)

// Samples lists allowance samples observed since a moment, oldest first. Of a run of equal
// readings the first and the last are listed; readings in copied rows are not.
func (s *Store) Samples(ctx context.Context, since usage.Millis) ([]usage.Sample, error) {
	return s.samples(ctx, func(c *connection, l *sampleList) error {
		l.until = math.MaxInt64
		return l.read(c, int64(since), math.MaxInt64, "")
	})
}

// CurrentSamples lists those samples, oldest first, that can say something of the allowance
// windows at a moment: of each window that was ever seen, what was read within its length
// and two days before then; or, if that is nothing, before its last reading. So the answer
// stays small however many years are stored. What was read later than usage.ClockTolerance
// after that moment is left out, for a clock ran ahead then.
func (s *Store) CurrentSamples(ctx context.Context, now usage.Millis) ([]usage.Sample, error) {
	return s.samples(ctx, func(c *connection, l *sampleList) error {
		windows := map[sampleWindow]bool{} // whether it has been read
		lengths := map[int64]bool{}
		err := c.each("SELECT DISTINCT agent, account, limits, minutes FROM series", func(v []driver.Value) error {
			w := sampleWindow{integer(v[0]), integer(v[1]), integer(v[2]), integer(v[3])}
			windows[w], lengths[w.minutes] = false, true
			return nil
		})
		if err != nil {
			return err
		}
		l.windows, l.until = windows, int64(now+usage.ClockTolerance)
		for minutes := range lengths {
			if err := l.read(c, int64(now)-samplesReach(minutes), math.MaxInt64, " AND minutes=?3", minutes); err != nil {
				return err
			}
		}
		for w, read := range windows {
			if read {
				continue
			}
			last, err := c.number(`
				SELECT max(CASE WHEN last<=?5 THEN last ELSE first END) FROM series CROSS JOIN sample ON sample.series=series.id
				WHERE agent=?1 AND account=?2 AND limits=?3 AND minutes=?4 AND used>=0 AND first<=?5
					AND begin=(SELECT max(begin) FROM sample WHERE sample.series=series.id AND first<=?5)
					AND (thread=0 OR finish>=`+copiedRows+")", w.agent, w.account, w.limit, w.minutes, l.until)
			if err != nil {
				return err
			}
			err = l.read(c, last-samplesReach(w.minutes), math.MaxInt64, " AND series.agent=?3 AND account=?4 AND limits=?5 AND minutes=?6", w.agent, w.account, w.limit, w.minutes)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// samplesReach is how far back, in milliseconds, readings of a window of some minutes matter. One
// of no known length has no bound.
func samplesReach(minutes int64) int64 {
	if minutes <= 0 || minutes > math.MaxInt32 {
		return math.MaxInt64 / 4
	}
	return minutes*60_000 + 2*dayLength
}

// copiedRows are how many rows of a thread are copies of another's.
const copiedRows = "coalesce((SELECT sum(rows) FROM segment WHERE segment.thread=series.thread), 0)"

// sampleWindow tells windows apart, by the ids of their names.
type sampleWindow struct{ agent, account, limit, minutes int64 }

// sampleList gathers samples.
type sampleList struct {
	agents  map[int64]usage.AgentID
	found   []*usage.Sample
	waiting names
	until   int64                 // samples observed later are left out
	windows map[sampleWindow]bool // where not nil, those of which something was found
}

// samples runs fill and puts in order what it gathered.
func (s *Store) samples(ctx context.Context, fill func(*connection, *sampleList) error) ([]usage.Sample, error) {
	var l sampleList
	err := s.readers.read(ctx, func(c *connection) (err error) {
		if l.agents, err = agentNames(c); err != nil {
			return err
		}
		if err := fill(c, &l); err != nil {
			return err
		}
		return l.waiting.fill(c)
	})
	if err != nil {
		return nil, fmt.Errorf("list samples: %w", explain(err))
	}
	slices.SortStableFunc(l.found, func(a, b *usage.Sample) int { return cmp.Compare(a.ObservedAt, b.ObservedAt) })
	return values(l.found), nil
}

// read adds the samples of runs that ended within [since, until], observed since then, that
// meet a condition. The arguments of that are numbered from ?3.
func (l *sampleList) read(c *connection, since, until int64, condition string, args ...driver.Value) error {
	return c.each(`
		SELECT series.agent, minutes, begin, finish, first, last, used, resets, `+copiedRows+`,
			coalesce(thread.name, 0), account, limits, source, plan, reached
		FROM sample INDEXED BY sample_last CROSS JOIN series ON series.id=sample.series LEFT JOIN thread ON thread.id=series.thread
		WHERE last>=?1 AND last<=?2`+condition+` ORDER BY last, series, begin`, func(v []driver.Value) error {
		begin, finish, copied := integer(v[2]), integer(v[3]), integer(v[8])
		first, last := integer(v[4]), integer(v[5])
		if integer(v[9]) == 0 {
			begin, finish = 0, 0 // positions are times there
		}
		add := func(at, ordinal int64) {
			if at > l.until {
				return
			}
			sample := &usage.Sample{
				Agent: l.agents[integer(v[0])], WindowMinutes: integer(v[1]), UsedPercent: real(v[6]), ResetsAt: usage.Millis(integer(v[7])),
				ObservedAt: usage.Millis(at), Ordinal: int(ordinal),
			}
			for i, place := range []*string{&sample.Thread, &sample.Account, &sample.LimitID, (*string)(&sample.Source), &sample.Plan, &sample.Reached} {
				l.waiting.add(v[9+i], place)
			}
			l.found = append(l.found, sample)
			if l.windows != nil {
				l.windows[sampleWindow{integer(v[0]), integer(v[10]), integer(v[11]), integer(v[1])}] = true
			}
		}
		if first >= since && begin >= copied {
			add(first, begin)
		}
		if finish >= copied && (finish != begin || first < since) {
			add(last, finish)
		}
		return nil
	}, append([]driver.Value{since, until}, args...)...)
}
