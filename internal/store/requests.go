package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"

	"tokenmeter/internal/usage"
)

// Requests asks for single requests. Zero values mean all; undated requests are in the
// answer only without a bound.
type Requests struct {
	Since    usage.Millis // to the millisecond, half open
	Until    usage.Millis
	Agents   []usage.AgentID
	Projects []string
	Models   []string
	Session  string
	Limit    int // the newest of them; at least 1
}

// Request is one stored request with the log that it was read from.
type Request struct {
	usage.Event        // Thread, Twin and Key are not given back
	Path        string // of the log that session and project come from; Offset is a byte of it
	Gone        bool   // that log is no longer there
}

// Requests lists single requests, the newest first, undated ones last.
func (s *Store) Requests(ctx context.Context, q Requests) ([]Request, error) {
	if q.Limit < 1 {
		return nil, errors.New("list requests: the limit is at least 1")
	}
	h := &history{query: Query{Agents: q.Agents, Projects: q.Projects, Models: q.Models}}
	var found []*Request
	err := s.readers.read(ctx, func(c *connection) error {
		h.conn = c
		var err error
		if h.agents, err = agentNames(c); err != nil {
			return err
		}
		if err := h.loadFilter(); err != nil {
			return err
		}
		session := ""
		args := []driver.Value{int64(q.Since), int64(q.Until), int64(undated), int64(q.Limit)}
		args = append(args, h.filterArgs...)
		if q.Session != "" {
			session = fmt.Sprintf(" AND session=(SELECT id FROM str WHERE s=?%d)", len(args)+1)
			args = append(args, q.Session)
		}
		var waiting names
		err = c.each("SELECT iif(strand.day=?3, 0, strand.day*86400000+event.ts) AS at, strand.agent, event.offset, event.input, event.cread, event.cw5, event.cw1, event.output,"+
			" event.reason, event.searches, event.recorded, event.cost, event.price, strand.flags, strand.claim,"+
			" session, model, project, branch, strand.version, service, coalesce(file.path, ''), coalesce(file.gone, 1)"+
			" FROM strand CROSS JOIN event ON event.strand=strand.id LEFT JOIN file ON file.id=strand.file"+
			" WHERE strand.agent IN (SELECT id FROM agent) AND (?1=0 OR strand.day>=?1/86400000) AND (?2=0 OR strand.day<=?2/86400000)"+
			" AND (?1=0 OR at>=?1) AND (?2=0 OR at>0 AND at<?2)"+requestFilter(h.filter)+session+
			" ORDER BY at DESC, event.key LIMIT ?4", func(v []driver.Value) error {
			r := &Request{Path: text(v[21]), Gone: integer(v[22]) != 0}
			r.Time, r.Agent, r.Offset = usage.Millis(integer(v[0])), h.agents[integer(v[1])], integer(v[2])
			r.Tokens = usage.Tokens{Input: integer(v[3]), CacheRead: integer(v[4]), CacheWrite5m: integer(v[5]), CacheWrite1h: integer(v[6]),
				Output: integer(v[7]), Reasoning: integer(v[8])}
			r.WebSearches, r.Flags, r.Claim = integer(v[9]), usage.Flags(integer(v[13])), uint8(integer(v[14]))
			if v[10] != nil {
				recorded := usage.Micros(integer(v[10]))
				r.Recorded = &recorded
			}
			if v[12] != nil {
				r.Cost = usage.Cost{Micros: usage.Micros(integer(v[11])), Priced: true}
				waiting.add(v[12], &r.Cost.Row)
			}
			for i, place := range []*string{&r.Session, &r.Model, &r.Project, &r.Branch, &r.Version, &r.Service} {
				waiting.add(v[15+i], place)
			}
			found = append(found, r)
			return nil
		}, args...)
		if err != nil {
			return err
		}
		return waiting.fill(c)
	})
	if err != nil {
		return nil, fmt.Errorf("list requests: %w", explain(err))
	}
	return values(found), nil
}

// requestFilter names the table, for file has an agent too.
func requestFilter(filter string) string {
	const column = " AND agent IN"
	if len(filter) >= len(column) && filter[:len(column)] == column {
		return " AND strand.agent IN" + filter[len(column):]
	}
	return filter
}

// RecordedSum compares what agents wrote down of costs with what the prices say of the same
// requests.
type RecordedSum struct {
	Agent    usage.AgentID
	Model    string
	Requests int64 // with a recorded cost
	Recorded usage.Micros
	Priced   int64        // those of them that have a price too
	Both     usage.Micros // recorded, of those
	List     usage.Micros // by the prices, of those
}

// Recorded sums up the requests of which the agent wrote down a cost, by agent and model.
func (s *Store) Recorded(ctx context.Context) ([]RecordedSum, error) {
	var found []*RecordedSum
	err := s.readers.read(ctx, func(c *connection) error {
		agents, err := agentNames(c)
		if err != nil {
			return err
		}
		var waiting names
		err = c.each("SELECT strand.agent, strand.model, count(*), sum(recorded), sum(price NOTNULL), sum(iif(price NOTNULL, recorded, 0)), sum(iif(price NOTNULL, event.cost, 0))"+
			" FROM event JOIN strand ON strand.id=event.strand WHERE recorded NOTNULL GROUP BY 1, 2 ORDER BY 1, 2", func(v []driver.Value) error {
			r := &RecordedSum{Agent: agents[integer(v[0])], Requests: integer(v[2]), Recorded: usage.Micros(integer(v[3])),
				Priced: integer(v[4]), Both: usage.Micros(integer(v[5])), List: usage.Micros(integer(v[6]))}
			waiting.add(v[1], &r.Model)
			found = append(found, r)
			return nil
		})
		if err != nil {
			return err
		}
		return waiting.fill(c)
	})
	if err != nil {
		return nil, fmt.Errorf("sum up recorded costs: %w", explain(err))
	}
	return values(found), nil
}
