package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tokenmeter/internal/usage"
)

// How much the writer remembers before it starts afresh.
const (
	maxStrings = 1 << 15
	maxStrands = 1 << 14
)

// writer is the one connection that writes, with what it remembers of the tables. All of
// that is dropped when a transaction fails or another process has written.
type writer struct {
	conn    *connection
	pricing *Pricing // nil = events keep the cost they come with
	zone    *time.Location
	zoneID  string
	bulk    bool
	buffer  []row // for Tx.rows, kept during an import

	seen       int64 // PRAGMA data_version when the memory below was right
	agents     map[usage.AgentID]int64
	agentNames map[int64]usage.AgentID
	strings    map[string]int64
	strands    map[strandKey]*strand
	strandIDs  map[int64]*strand
	recent     *strand // of the last event; the next one mostly shares it
	lastStrand int64   // highest id given out, 0 = not looked up
	redirects  bool    // the table redirect has rows
}

func newWriter(ctx context.Context, c *connection, zone *time.Location, pricing *Pricing) (*writer, error) {
	w := &writer{conn: c, pricing: pricing}
	if err := w.setZone(ctx, zone); err != nil {
		return nil, err
	}
	return w, nil
}

// setZone changes whose days the table day holds.
func (w *writer) setZone(ctx context.Context, zone *time.Location) error {
	w.zone, w.zoneID = zone, zoneID(zone)
	w.forget()
	stored, err := w.storedZone()
	if err != nil || stored == w.zoneID {
		return err
	}
	// An empty transaction is enough: each begins by looking at the zone.
	return w.update(ctx, func(*Tx) error { return nil })
}

func (w *writer) close() error { return w.conn.close() }

func (w *writer) forget() {
	w.seen = -1
	w.agents = map[usage.AgentID]int64{}
	w.agentNames = map[int64]usage.AgentID{}
	w.strings = map[string]int64{"": 0}
	w.forgetStrands()
	w.lastStrand = 0
}

func (w *writer) forgetStrands() {
	w.strands = map[strandKey]*strand{}
	w.strandIDs = map[int64]*strand{}
	w.recent = nil
}

func (w *writer) importing(on bool) error {
	if on == w.bulk {
		return nil
	}
	w.bulk = on
	cache, checkpoint := cacheIdle, checkpointIdle
	if on {
		cache, checkpoint = cacheImport, checkpointImport
	}
	err := w.conn.script(fmt.Sprintf("PRAGMA cache_size=-%d; PRAGMA wal_autocheckpoint=%d", cache, checkpoint))
	if err != nil || on {
		return err
	}
	w.forget()
	w.buffer = nil
	// The pragma answers with a row that says "busy" where a reader is in the way. Then a
	// later commit does the work.
	if _, err := w.conn.first("PRAGMA wal_checkpoint(TRUNCATE)"); err != nil && !errors.Is(explain(err), ErrLocked) {
		return err
	}
	return w.conn.script("PRAGMA shrink_memory")
}

func (w *writer) update(ctx context.Context, f func(*Tx) error) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := w.conn.begin("BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	done := false
	defer func() {
		if !done { // a panic in f passes here, too
			w.conn.script("ROLLBACK")
			w.forget()
		}
	}()
	if err := w.refresh(); err != nil {
		return err
	}
	t := newTx(ctx, w)
	if err := f(t); err != nil {
		return err
	}
	if err := t.finish(); err != nil {
		return err
	}
	if err := w.conn.script("COMMIT"); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	done = true
	if w.bulk {
		w.buffer = t.rows
	}
	if len(w.strings) > maxStrings {
		w.strings = map[string]int64{"": 0}
	}
	if len(w.strands) > maxStrands {
		w.forgetStrands()
	}
	return nil
}

// refresh makes the memory fit the database, at the start of a transaction.
func (w *writer) refresh() error {
	version, err := w.conn.number("PRAGMA data_version")
	if err != nil {
		return err
	}
	if version == w.seen {
		return nil
	}
	w.forget()
	stored, err := w.storedZone()
	if err != nil {
		return err
	}
	if stored != w.zoneID {
		if err := w.rebuildDays(); err != nil {
			return fmt.Errorf("rebuild days: %w", err)
		}
	}
	if err := w.notePricing(); err != nil {
		return err
	}
	redirects, err := w.conn.number("SELECT EXISTS (SELECT 1 FROM redirect)")
	if err != nil {
		return err
	}
	w.redirects = redirects != 0
	w.seen = version
	return nil
}

const selectZone = "SELECT value FROM meta WHERE name='zone'"

func (w *writer) storedZone() (string, error) {
	v, err := w.conn.first(selectZone)
	if err != nil || v == nil {
		return "", err
	}
	return text(v[0]), nil
}

// rebuildDays fills the table day anew, for this writer's zone.
func (w *writer) rebuildDays() error {
	if _, _, err := w.conn.exec("DELETE FROM day"); err != nil {
		return err
	}
	const fill = "INSERT INTO day (d, agent, model, project, " + sumColumns + ") "
	if _, _, err := w.conn.exec(fill+"SELECT q, agent, model, project, "+sumColumns+" FROM roll WHERE q=?", int64(undated)); err != nil {
		return err
	}
	for from := int64(firstQuarter); ; {
		v, err := w.conn.first("SELECT min(q) FROM roll WHERE q>=?", from)
		if err != nil {
			return err
		}
		if v[0] == nil {
			break
		}
		s := spanAt(w.zone, integer(v[0]))
		_, _, err = w.conn.exec(fill+"SELECT "+localDay("q", "?3")+", agent, model, project, "+sums+" FROM roll WHERE q>=?1 AND q<?2"+
			" GROUP BY 1, 2, 3, 4 ON CONFLICT DO UPDATE SET "+addSums, s.lo, s.hi, s.offset)
		if err != nil {
			return err
		}
		from = s.hi
	}
	_, _, err := w.conn.exec("INSERT INTO meta (name, value) VALUES ('zone', ?) ON CONFLICT DO UPDATE SET value=excluded.value", w.zoneID)
	return err
}

// agent returns the id of an agent, giving it one if need be.
func (w *writer) agent(name usage.AgentID) (int64, error) {
	if id, ok := w.agents[name]; ok {
		return id, nil
	}
	v, err := w.conn.first("SELECT id FROM agent WHERE name=?", string(name))
	if err != nil {
		return 0, err
	}
	var id int64
	if v != nil {
		id = integer(v[0])
	} else if _, id, err = w.conn.exec("INSERT INTO agent (name, events) VALUES (?, 0)", string(name)); err != nil {
		return 0, err
	}
	w.agents[name], w.agentNames[id] = id, name
	return id, nil
}

func (w *writer) agentName(id int64) (usage.AgentID, error) {
	if name, ok := w.agentNames[id]; ok {
		return name, nil
	}
	v, err := w.conn.first("SELECT name FROM agent WHERE id=?", id)
	if err != nil {
		return "", err
	}
	if v == nil {
		return "", fmt.Errorf("agent %d: %w", id, ErrDamaged)
	}
	name := usage.AgentID(text(v[0]))
	w.agents[name], w.agentNames[id] = id, name
	return name, nil
}

// str returns the id of a string, storing it if need be.
func (w *writer) str(s string) (int64, error) {
	if id, ok := w.strings[s]; ok {
		return id, nil
	}
	v, err := w.conn.first("SELECT id FROM str WHERE s=?", s)
	if err != nil {
		return 0, err
	}
	var id int64
	if v != nil {
		id = integer(v[0])
	} else if _, id, err = w.conn.exec("INSERT INTO str (s) VALUES (?)", s); err != nil {
		return 0, err
	}
	w.strings[s] = id
	return id, nil
}

// name is the string behind an id.
func (w *writer) name(id int64) (string, error) {
	if id == 0 {
		return "", nil
	}
	v, err := w.conn.first("SELECT s FROM str WHERE id=?", id)
	if err != nil {
		return "", err
	}
	if v == nil {
		return "", fmt.Errorf("string %d: %w", id, ErrDamaged)
	}
	return text(v[0]), nil
}

// strandOf returns the strand of an event of a file, making one if need be.
func (w *writer) strandOf(e *usage.Event, agent, file int64) (*strand, error) {
	day := int64(undated)
	if e.Time != 0 {
		day = floorDiv(int64(e.Time), dayLength)
	}
	if s := w.recent; s != nil && s.agent == agent && s.file == file && s.day == day && s.flags == e.Flags && s.claim == e.Claim &&
		s.shared.Session == e.Session && s.shared.Model == e.Model && s.shared.Project == e.Project &&
		s.shared.Branch == e.Branch && s.shared.Version == e.Version && s.shared.Service == e.Service {
		return s, nil
	}
	key := strandKey{agent: agent, day: day, file: file, flags: e.Flags, claim: e.Claim}
	for _, part := range []struct {
		id *int64
		s  string
	}{
		{&key.session, e.Session}, {&key.model, e.Model}, {&key.project, e.Project},
		{&key.branch, e.Branch}, {&key.version, e.Version}, {&key.service, e.Service},
	} {
		id, err := w.str(part.s)
		if err != nil {
			return nil, err
		}
		*part.id = id
	}
	s, ok := w.strands[key]
	if !ok {
		name, err := w.agentName(agent)
		if err != nil {
			return nil, err
		}
		s = &strand{strandKey: key, shared: usage.Event{
			Agent: name, Session: e.Session, Model: e.Model, Project: e.Project, Branch: e.Branch,
			Version: e.Version, Service: e.Service, Flags: e.Flags, Claim: e.Claim,
		}}
		if err := w.identify(s); err != nil {
			return nil, err
		}
		w.strands[key], w.strandIDs[s.id] = s, s
	}
	w.recent = s
	return s, nil
}

// identify gives a strand its id. A new one is written when the transaction ends, with its
// sums, and only if events came to it.
func (w *writer) identify(s *strand) error {
	v, err := w.conn.first("SELECT id FROM strand WHERE agent=? AND day=? AND session=? AND file=? AND model=? AND project=?"+
		" AND branch=? AND version=? AND service=? AND flags=? AND claim=?",
		s.agent, s.day, s.session, s.file, s.model, s.project, s.branch, s.version, s.service, int64(s.flags), int64(s.claim))
	if err != nil {
		return err
	}
	if v != nil {
		s.id = integer(v[0])
		return nil
	}
	if w.lastStrand == 0 {
		if w.lastStrand, err = w.conn.number("SELECT coalesce(max(id), 0) FROM strand"); err != nil {
			return err
		}
	}
	w.lastStrand++
	s.id, s.created = w.lastStrand, true
	return nil
}

const selectStrand = `SELECT agent, day, session, file, model, project, branch, version, service, flags, claim FROM strand WHERE id=?`

func (w *writer) strandByID(id int64) (*strand, error) {
	if s, ok := w.strandIDs[id]; ok {
		return s, nil
	}
	v, err := w.conn.first(selectStrand, id)
	if err != nil {
		return nil, err
	}
	if v == nil {
		return nil, fmt.Errorf("strand %d: %w", id, ErrDamaged)
	}
	s := &strand{id: id, strandKey: strandKey{
		agent: integer(v[0]), day: integer(v[1]), session: integer(v[2]), file: integer(v[3]), model: integer(v[4]), project: integer(v[5]),
		branch: integer(v[6]), version: integer(v[7]), service: integer(v[8]), flags: usage.Flags(integer(v[9])), claim: uint8(integer(v[10])),
	}}
	s.shared.Flags, s.shared.Claim = s.flags, s.claim
	if s.shared.Agent, err = w.agentName(s.agent); err != nil {
		return nil, err
	}
	for _, part := range []struct {
		id int64
		s  *string
	}{
		{s.session, &s.shared.Session}, {s.model, &s.shared.Model}, {s.project, &s.shared.Project},
		{s.branch, &s.shared.Branch}, {s.version, &s.shared.Version}, {s.service, &s.shared.Service},
	} {
		if *part.s, err = w.name(part.id); err != nil {
			return nil, err
		}
	}
	w.strands[s.strandKey], w.strandIDs[id] = s, s
	return s, nil
}
