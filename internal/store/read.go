package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"

	"tokenmeter/internal/usage"
)

// Files lists all files ever read, in the order of their ids.
func (s *Store) Files(ctx context.Context) ([]File, error) {
	var files []File
	err := s.read(ctx, func(tx *sql.Tx) error {
		agents, err := agentNames(ctx, tx)
		if err != nil {
			return err
		}
		skips, err := fileSkips(ctx, tx)
		if err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, "SELECT file.id, agent, path, coalesce(str.s, ''), name, device, inode, size, modified, offset, state, tail, revision, seen, gone"+
			" FROM file LEFT JOIN str ON str.id=root ORDER BY file.id")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var f File
			var agent, device, inode int64
			err := rows.Scan(&f.ID, &agent, &f.Path, &f.Root, &f.Name, &device, &inode, &f.Size, &f.Modified, &f.Offset, &f.State, &f.Tail, &f.Revision, &f.Seen, &f.Gone)
			if err != nil {
				return err
			}
			f.Agent, f.Device, f.Inode, f.Skipped = agents[agent], uint64(device), uint64(inode), skips[f.ID]
			files = append(files, f)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("list files: %w", explain(err))
	}
	return files, nil
}

func fileSkips(ctx context.Context, tx *sql.Tx) (map[int64]map[usage.Reason]int64, error) {
	rows, err := tx.QueryContext(ctx, "SELECT file, reason, n FROM skip")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	skips := map[int64]map[usage.Reason]int64{}
	for rows.Next() {
		var file, n int64
		var reason usage.Reason
		if err := rows.Scan(&file, &reason, &n); err != nil {
			return nil, err
		}
		if skips[file] == nil {
			skips[file] = map[usage.Reason]int64{}
		}
		skips[file][reason] = n
	}
	return skips, rows.Err()
}

// Recent lists the dated requests since a moment, oldest first.
func (s *Store) Recent(ctx context.Context, since usage.Millis) ([]Recent, error) {
	var found []Recent
	err := s.read(ctx, func(tx *sql.Tx) error {
		agents, err := agentNames(ctx, tx)
		if err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, "SELECT strand.day*86400000+ts AS at, agent, session, model, project, 1, event.input, event.cread, event.cw5, event.cw1, event.output,"+
			" event.reason, event.cost, event.price IS NOT NULL, iif(event.price IS NULL, event.input+event.cread+event.cw5+event.cw1+event.output, 0)"+
			" FROM strand CROSS JOIN event ON event.strand=strand.id"+
			" WHERE agent IN (SELECT id FROM agent) AND strand.day>=?2 AND at>=?1 ORDER BY at, key", int64(since), floorDiv(int64(since), dayLength))
		if err != nil {
			return err
		}
		defer rows.Close()
		type ids struct{ session, model, project int64 }
		var named []ids
		wanted := map[int64]bool{}
		for rows.Next() {
			var r Recent
			var agent int64
			var id ids
			if err := rows.Scan(append([]any{&r.Time, &agent, &id.session, &id.model, &id.project}, countsTargets(&r.Counts)...)...); err != nil {
				return err
			}
			r.Agent = agents[agent]
			found, named = append(found, r), append(named, id)
			wanted[id.session], wanted[id.model], wanted[id.project] = true, true, true
		}
		if err := rows.Err(); err != nil {
			return err
		}
		names, err := stringsOf(ctx, tx, wanted)
		for i, id := range named {
			found[i].Session, found[i].Model, found[i].Project = names[id.session], names[id.model], names[id.project]
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list recent requests: %w", explain(err))
	}
	return found, nil
}

// Sessions lists the sessions in which something happened since a moment, newest first,
// with the sums of their whole life. What no line told of a session (project, branch,
// version, model) is taken from its newest requests.
func (s *Store) Sessions(ctx context.Context, since usage.Millis) ([]SessionSum, error) {
	var found []SessionSum
	err := s.read(ctx, func(tx *sql.Tx) error {
		agents, err := agentNames(ctx, tx)
		if err != nil {
			return err
		}
		// The bare columns of a query with max() are those of the row with the maximum.
		rows, err := tx.QueryContext(ctx, `
			WITH active AS (
				SELECT DISTINCT agent, session FROM strand
				WHERE agent IN (SELECT id FROM agent) AND day>=?2 AND day*86400000+last>=?1
			), life AS (
				SELECT s.agent, s.session, min(s.day*86400000+s.first) FILTER (WHERE s.day<>?3) AS first, max(s.day*86400000+s.last) AS last,
					s.project, s.branch, s.version, s.model,
					sum(n) AS n, sum(input) AS input, sum(cread) AS cread, sum(cw5) AS cw5, sum(cw1) AS cw1, sum(output) AS output,
					sum(reason) AS reason, sum(cost) AS cost, sum(priced) AS priced, sum(unpriced) AS unpriced
				FROM active CROSS JOIN strand s ON s.session=active.session AND s.agent=active.agent
				GROUP BY s.agent, s.session
			)
			SELECT life.agent, life.session, coalesce(nullif(t.project, 0), life.project), coalesce(nullif(t.branch, 0), life.branch),
				coalesce(nullif(t.version, 0), life.version), coalesce(nullif(t.model, 0), life.model), coalesce(t.parent, 0),
				coalesce(t.context_tokens, 0), coalesce(t.context_window, 0), coalesce(t.time, life.last), first, last,
				n, input, cread, cw5, cw1, output, reason, cost, priced, unpriced
			FROM life LEFT JOIN session t ON t.agent=life.agent AND t.id=life.session
			ORDER BY last DESC, life.agent, life.session`, int64(since), floorDiv(int64(since), dayLength), int64(undated))
		if err != nil {
			return err
		}
		defer rows.Close()
		type ids struct{ id, project, branch, version, model, parent int64 }
		var named []ids
		wanted := map[int64]bool{}
		for rows.Next() {
			var sum SessionSum
			var agent int64
			var id ids
			targets := []any{&agent, &id.id, &id.project, &id.branch, &id.version, &id.model, &id.parent, &sum.ContextTokens, &sum.ContextWindow, &sum.Time, &sum.First, &sum.Last}
			if err := rows.Scan(append(targets, countsTargets(&sum.Counts)...)...); err != nil {
				return err
			}
			sum.Agent = agents[agent]
			found, named = append(found, sum), append(named, id)
			for _, n := range []int64{id.id, id.project, id.branch, id.version, id.model, id.parent} {
				wanted[n] = true
			}
		}
		if err := rows.Err(); err != nil {
			return err
		}
		names, err := stringsOf(ctx, tx, wanted)
		for i, id := range named {
			f := &found[i].Session
			f.ID, f.Project, f.Branch, f.Version, f.Model, f.Parent = names[id.id], names[id.project], names[id.branch], names[id.version], names[id.model], names[id.parent]
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", explain(err))
	}
	return found, nil
}

// Samples lists allowance samples observed since a moment, oldest first. Of a run of equal
// readings the first and the last are listed; readings in copied rows are not.
func (s *Store) Samples(ctx context.Context, since usage.Millis) ([]usage.Sample, error) {
	var found []usage.Sample
	err := s.read(ctx, func(tx *sql.Tx) error {
		agents, err := agentNames(ctx, tx)
		if err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, `
			SELECT series.agent, account, limits, source, plan, reached, minutes, coalesce(thread.name, 0), begin, finish, first, last, used, resets,
				coalesce((SELECT sum(rows) FROM segment WHERE segment.thread=series.thread), 0)
			FROM sample JOIN series ON series.id=sample.series LEFT JOIN thread ON thread.id=series.thread
			WHERE last>=? ORDER BY last, series, begin`, int64(since))
		if err != nil {
			return err
		}
		defer rows.Close()
		type ids struct{ account, limit, source, plan, reached, thread int64 }
		var named []ids
		wanted := map[int64]bool{}
		for rows.Next() {
			var sample usage.Sample
			var agent, begin, finish, copied int64
			var first, last usage.Millis
			var id ids
			err := rows.Scan(&agent, &id.account, &id.limit, &id.source, &id.plan, &id.reached, &sample.WindowMinutes, &id.thread,
				&begin, &finish, &first, &last, &sample.UsedPercent, &sample.ResetsAt, &copied)
			if err != nil {
				return err
			}
			if id.thread == 0 {
				begin, finish = 0, 0 // positions are times there
			}
			for _, n := range []int64{id.account, id.limit, id.source, id.plan, id.reached, id.thread} {
				wanted[n] = true
			}
			sample.Agent = agents[agent]
			if first >= since && begin >= copied {
				sample.ObservedAt, sample.Ordinal = first, int(begin)
				found, named = append(found, sample), append(named, id)
			}
			if finish >= copied && (finish != begin || first < since) {
				sample.ObservedAt, sample.Ordinal = last, int(finish)
				found, named = append(found, sample), append(named, id)
			}
		}
		if err := rows.Err(); err != nil {
			return err
		}
		names, err := stringsOf(ctx, tx, wanted)
		for i, id := range named {
			f := &found[i]
			f.Account, f.LimitID, f.Source, f.Plan, f.Reached, f.Thread = names[id.account], names[id.limit], usage.Source(names[id.source]), names[id.plan], names[id.reached], names[id.thread]
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list samples: %w", explain(err))
	}
	slices.SortStableFunc(found, func(a, b usage.Sample) int { return cmp.Compare(a.ObservedAt, b.ObservedAt) })
	return found, nil
}

// Agents sums up what is stored, per agent, in the order of their names.
func (s *Store) Agents(ctx context.Context) ([]AgentSum, error) {
	var found []AgentSum
	err := s.read(ctx, func(tx *sql.Tx) error {
		// first and last look at one day each, found by the index of strand.
		rows, err := tx.QueryContext(ctx, `
			SELECT id, name, events,
				(SELECT count(*) FROM file WHERE file.agent=agent.id),
				coalesce((SELECT min(day*86400000+first) FROM strand WHERE strand.agent=agent.id AND day=
					(SELECT min(day) FROM strand WHERE strand.agent=agent.id AND day>?1)), 0),
				coalesce((SELECT max(day*86400000+last) FROM strand WHERE strand.agent=agent.id AND day=
					(SELECT max(day) FROM strand WHERE strand.agent=agent.id AND day>?1)), 0)
			FROM agent ORDER BY name`, int64(undated))
		if err != nil {
			return err
		}
		defer rows.Close()
		places := map[int64]int{}
		for rows.Next() {
			var id int64
			sum := AgentSum{Skipped: map[usage.Reason]int64{}}
			if err := rows.Scan(&id, &sum.Agent, &sum.Events, &sum.Files, &sum.First, &sum.Last); err != nil {
				return err
			}
			places[id] = len(found)
			found = append(found, sum)
		}
		if err := rows.Err(); err != nil {
			return err
		}
		skips, err := tx.QueryContext(ctx, "SELECT agent, reason, sum(n) FROM skip JOIN file ON file.id=skip.file GROUP BY 1, 2")
		if err != nil {
			return err
		}
		defer skips.Close()
		for skips.Next() {
			var agent, n int64
			var reason usage.Reason
			if err := skips.Scan(&agent, &reason, &n); err != nil {
				return err
			}
			if i, ok := places[agent]; ok {
				found[i].Skipped[reason] = n
			}
		}
		return skips.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("sum up agents: %w", explain(err))
	}
	return found, nil
}
