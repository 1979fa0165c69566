package store

import (
	"context"
	"database/sql/driver"
	"fmt"
	"strings"

	"tokenmeter/internal/usage"
)

// Files lists all files ever read, in the order of their ids.
func (s *Store) Files(ctx context.Context) ([]File, error) {
	var files []File
	roots := map[string]string{} // one copy of each, for there may be many thousand files
	err := s.readers.read(ctx, func(c *connection) error {
		agents, err := agentNames(c)
		if err != nil {
			return err
		}
		skips := map[int64]map[usage.Reason]int64{}
		err = c.each("SELECT file, reason, n FROM skip", func(v []driver.Value) error {
			file := integer(v[0])
			if skips[file] == nil {
				skips[file] = map[usage.Reason]int64{}
			}
			skips[file][usage.Reason(text(v[1]))] = integer(v[2])
			return nil
		})
		if err != nil {
			return err
		}
		return c.each("SELECT file.id, agent, path, coalesce(str.s, ''), name, device, inode, size, modified, offset, state, tail, revision, seen, gone"+
			" FROM file LEFT JOIN str ON str.id=root ORDER BY file.id", func(v []driver.Value) error {
			id, path := integer(v[0]), text(v[2])
			root, known := roots[text(v[3])]
			if !known {
				root = text(v[3])
				roots[root] = root
			}
			name := text(v[4])
			if strings.HasSuffix(path, name) {
				name = path[len(path)-len(name):]
			}
			files = append(files, File{
				ID: id, Agent: agents[integer(v[1])], Path: path, Root: root, Name: name,
				Device: uint64(integer(v[5])), Inode: uint64(integer(v[6])), Size: integer(v[7]), Modified: integer(v[8]),
				Offset: integer(v[9]), State: blob(v[10]), Tail: blob(v[11]), Revision: int(integer(v[12])),
				Seen: usage.Millis(integer(v[13])), Gone: integer(v[14]) != 0, Skipped: skips[id],
			})
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list files: %w", explain(err))
	}
	return files, nil
}

// named is a place in an answer that waits for the string behind an id.
type named struct {
	id int64
	s  *string
}

// names gathers such places, to fetch all their strings at once.
type names []named

func (n *names) add(id driver.Value, s *string) { *n = append(*n, named{integer(id), s}) }

func (n names) fill(c *connection) error {
	ids := map[int64]bool{}
	for _, place := range n {
		ids[place.id] = true
	}
	found, err := stringsOf(c, ids)
	for _, place := range n {
		*place.s = found[place.id]
	}
	return err
}

// Recent lists the dated requests since a moment, oldest first.
func (s *Store) Recent(ctx context.Context, since usage.Millis) ([]Recent, error) {
	var found []*Recent
	err := s.readers.read(ctx, func(c *connection) error {
		agents, err := agentNames(c)
		if err != nil {
			return err
		}
		var waiting names
		err = c.each("SELECT strand.day*86400000+ts AS at, agent, session, model, project, 1, event.input, event.cread, event.cw5, event.cw1, event.output,"+
			" event.reason, event.cost, event.price IS NOT NULL, iif(event.price IS NULL, event.input+event.cread+event.cw5+event.cw1+event.output, 0)"+
			" FROM strand CROSS JOIN event ON event.strand=strand.id"+
			" WHERE agent IN (SELECT id FROM agent) AND strand.day>=?2 AND strand.day*86400000+last>=?1 AND at>=?1 ORDER BY at, key", func(v []driver.Value) error {
			r := &Recent{Time: usage.Millis(integer(v[0])), Agent: agents[integer(v[1])], Counts: countsOf(v[5:])}
			waiting.add(v[2], &r.Session)
			waiting.add(v[3], &r.Model)
			waiting.add(v[4], &r.Project)
			found = append(found, r)
			return nil
		}, int64(since), floorDiv(int64(since), dayLength))
		if err != nil {
			return err
		}
		return waiting.fill(c)
	})
	if err != nil {
		return nil, fmt.Errorf("list recent requests: %w", explain(err))
	}
	return values(found), nil
}

func values[T any](pointers []*T) []T {
	list := make([]T, len(pointers))
	for i, p := range pointers {
		list[i] = *p
	}
	return list
}

// Sessions lists the sessions in which something happened since a moment, newest first,
// with the sums of their whole life. What no line told of a session (project, branch,
// version, model) is taken from its newest requests.
func (s *Store) Sessions(ctx context.Context, since usage.Millis) ([]SessionSum, error) {
	var found []*SessionSum
	err := s.readers.read(ctx, func(c *connection) error {
		agents, err := agentNames(c)
		if err != nil {
			return err
		}
		var waiting names
		// The bare columns of a query with max() are those of the row with the maximum.
		err = c.each(`
			WITH active AS (
				SELECT DISTINCT agent, session FROM strand
				WHERE agent IN (SELECT id FROM agent) AND day>=?2 AND day*86400000+last>=?1
			), life AS (
				SELECT s.agent, s.session, min(iif(s.day=?3, NULL, s.day*86400000+s.first)) AS first, max(s.day*86400000+s.last) AS last,
					s.project, s.branch, s.version, s.model,
					sum(n) AS n, sum(input) AS input, sum(cread) AS cread, sum(cw5) AS cw5, sum(cw1) AS cw1, sum(output) AS output,
					sum(reason) AS reason, sum(cost) AS cost, sum(priced) AS priced, sum(unpriced) AS unpriced
				FROM active CROSS JOIN strand s ON s.session=active.session AND s.agent=active.agent
				GROUP BY s.agent, s.session
			)
			SELECT life.agent, first, last, coalesce(t.context_tokens, 0), coalesce(t.context_window, 0), coalesce(t.time, life.last),
				life.session, coalesce(nullif(t.project, 0), life.project), coalesce(nullif(t.branch, 0), life.branch),
				coalesce(nullif(t.version, 0), life.version), coalesce(nullif(t.model, 0), life.model), coalesce(t.parent, 0),
				n, input, cread, cw5, cw1, output, reason, cost, priced, unpriced
			FROM life LEFT JOIN session t ON t.agent=life.agent AND t.id=life.session
			ORDER BY last DESC, life.agent, life.session`, func(v []driver.Value) error {
			sum := &SessionSum{First: usage.Millis(integer(v[1])), Last: usage.Millis(integer(v[2])), Counts: countsOf(v[12:])}
			sum.Agent, sum.ContextTokens, sum.ContextWindow, sum.Time = agents[integer(v[0])], integer(v[3]), integer(v[4]), usage.Millis(integer(v[5]))
			for i, place := range []*string{&sum.ID, &sum.Project, &sum.Branch, &sum.Version, &sum.Model, &sum.Parent} {
				waiting.add(v[6+i], place)
			}
			found = append(found, sum)
			return nil
		}, int64(since), floorDiv(int64(since), dayLength), int64(undated))
		if err != nil {
			return err
		}
		return waiting.fill(c)
	})
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", explain(err))
	}
	return values(found), nil
}

// Agents sums up what is stored, per agent, in the order of their names.
func (s *Store) Agents(ctx context.Context) ([]AgentSum, error) {
	var found []AgentSum
	err := s.readers.read(ctx, func(c *connection) error {
		places := map[int64]int{}
		// first and last look at one day each, found by the index of strand.
		err := c.each(`
			SELECT id, name, events,
				(SELECT count(*) FROM file WHERE file.agent=agent.id),
				(SELECT min(day*86400000+first) FROM strand WHERE strand.agent=agent.id AND day=
					(SELECT min(day) FROM strand WHERE strand.agent=agent.id AND day>?1)),
				(SELECT max(day*86400000+last) FROM strand WHERE strand.agent=agent.id AND day=
					(SELECT max(day) FROM strand WHERE strand.agent=agent.id AND day>?1))
			FROM agent ORDER BY name`, func(v []driver.Value) error {
			places[integer(v[0])] = len(found)
			found = append(found, AgentSum{
				Agent: usage.AgentID(text(v[1])), Events: integer(v[2]), Files: integer(v[3]),
				First: usage.Millis(integer(v[4])), Last: usage.Millis(integer(v[5])), Skipped: map[usage.Reason]int64{},
			})
			return nil
		}, int64(undated))
		if err != nil {
			return err
		}
		return c.each("SELECT agent, reason, sum(n) FROM skip JOIN file ON file.id=skip.file GROUP BY 1, 2", func(v []driver.Value) error {
			if i, ok := places[integer(v[0])]; ok {
				found[i].Skipped[usage.Reason(text(v[1]))] = integer(v[2])
			}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("sum up agents: %w", explain(err))
	}
	return found, nil
}
