package store

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"tokenmeter/internal/usage"
)

func load(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return zone
}

// openAt opens the store at path, to be closed with the test at the latest.
func openAt(t testing.TB, path string, o Options) *Store {
	t.Helper()
	s, err := Open(context.Background(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// open makes a store in a fresh folder.
func open(t testing.TB, zone *time.Location) *Store {
	t.Helper()
	return openAt(t, filepath.Join(t.TempDir(), "data", "tokenmeter.db"), Options{Zone: zone})
}

// raw is a way round the store to its file.
func raw(t testing.TB, s *Store) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+s.path+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func update(t testing.TB, s *Store, f func(*Tx) error) {
	t.Helper()
	if err := s.Update(context.Background(), f); err != nil {
		t.Fatal(err)
	}
}

// write stores chunks in one transaction.
func write(t testing.TB, s *Store, chunks ...*Chunk) {
	t.Helper()
	update(t, s, func(tx *Tx) error {
		for _, c := range chunks {
			if err := tx.Write(c); err != nil {
				return err
			}
		}
		return nil
	})
}

func ask(t testing.TB, s *Store, q Query) []Row {
	t.Helper()
	rows, err := s.History(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// soaking says that `make soak` runs: what is a fair sample else is then done in full.
func soaking() bool { return os.Getenv("TOKENMETER_SOAK") != "" }

// total is the sum of everything stored.
func total(t testing.TB, s *Store) usage.Counts {
	t.Helper()
	var sum usage.Counts
	for _, r := range ask(t, s, Query{}) {
		sum = sum.Plus(r.Counts)
	}
	return sum
}

func at(text string) usage.Millis {
	when, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return usage.MillisOf(when)
}

// events reads all events back, by their stored key, with the paths of their files.
func events(t testing.TB, s *Store) (found map[int64]usage.Event, paths map[int64]string) {
	t.Helper()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	w := s.writer
	rows, err := raw(t, s).Query("SELECT event.key, coalesce(path, '') FROM event JOIN strand ON strand.id=event.strand LEFT JOIN file ON file.id=strand.file")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	found, paths = map[int64]usage.Event{}, map[int64]string{}
	for rows.Next() {
		var key int64
		var path string
		if err := rows.Scan(&key, &path); err != nil {
			t.Fatal(err)
		}
		r, err := w.load(key)
		if err != nil || r == nil {
			t.Fatalf("event %d: %v, %v", key, r, err)
		}
		e, err := w.event(r)
		if err != nil {
			t.Fatal(err)
		}
		found[key], paths[key] = e, path
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return found, paths
}

// checkSums computes every roll-up anew from the events and compares it with the stored one.
func checkSums(t testing.TB, s *Store) {
	t.Helper()
	all, _ := events(t, s)
	db := raw(t, s)
	defer db.Close()
	type place struct {
		when                  int64
		agent, model, project string
	}
	type life struct {
		usage.Counts
		first, last int64
	}
	strandOf := map[int64]int64{}
	pairs, err := db.Query("SELECT key, strand FROM event")
	if err != nil {
		t.Fatal(err)
	}
	defer pairs.Close()
	for pairs.Next() {
		var key, id int64
		if err := pairs.Scan(&key, &id); err != nil {
			t.Fatal(err)
		}
		strandOf[key] = id
	}
	if err := pairs.Err(); err != nil {
		t.Fatal(err)
	}
	want := map[string]map[place]usage.Counts{"roll": {}, "day": {}, "strand": {}, "agent": {}}
	bounds := map[place]life{}
	for key, e := range all {
		c := usage.CountsOf(&e)
		add := func(table string, p place) { want[table][p] = want[table][p].Plus(c) }
		p := place{agent: string(e.Agent), model: e.Model, project: e.Project}
		p.when = undated
		if e.Time != 0 {
			p.when = floorDiv(int64(e.Time), quarter)
		}
		add("roll", p)
		if e.Time != 0 {
			local := e.Time.Time().In(s.zone.Load())
			_, offset := local.Zone()
			p.when = floorDiv(local.Unix()+int64(offset), 86400)
		}
		add("day", p)
		add("agent", place{agent: string(e.Agent)})
		p = place{when: strandOf[key]}
		add("strand", p)
		b, ok := bounds[p]
		if !ok {
			b.first, b.last = int64(e.Time), int64(e.Time)
		}
		b.first, b.last = min(b.first, int64(e.Time)), max(b.last, int64(e.Time))
		bounds[p] = b
	}
	got := map[string]map[place]usage.Counts{"roll": {}, "day": {}, "strand": {}, "agent": {}}
	scan := func(table, query string) {
		rows, err := db.Query(query)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var p place
			var c usage.Counts
			if err := rows.Scan(&p.when, &p.agent, &p.model, &p.project, &c.Requests, &c.Input, &c.CacheRead, &c.CacheWrite5m,
				&c.CacheWrite1h, &c.Output, &c.Reasoning, &c.Cost, &c.PricedRequests, &c.UnpricedTokens); err != nil {
				t.Fatal(err)
			}
			got[table][p] = c
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
	const named = ", agent.name, coalesce(m.s, ''), coalesce(p.s, ''), "
	const joins = " JOIN agent ON agent.id=agent LEFT JOIN str m ON m.id=model LEFT JOIN str p ON p.id=project"
	scan("roll", "SELECT q"+named+sumColumns+" FROM roll"+joins)
	scan("day", "SELECT d"+named+sumColumns+" FROM day"+joins)
	scan("strand", "SELECT id, '', '', '', "+sumColumns+" FROM strand")
	for table := range want {
		if table == "agent" {
			continue
		}
		for p, c := range want[table] {
			if got[table][p] != c {
				t.Fatalf("%s %+v holds %+v, its events are %+v", table, p, got[table][p], c)
			}
		}
		if len(got[table]) != len(want[table]) {
			t.Fatalf("%s has %d rows, its events make %d", table, len(got[table]), len(want[table]))
		}
	}
	for p, b := range bounds {
		var first, last int64
		err := db.QueryRow("SELECT iif(day=?2, 0, day*86400000+first), iif(day=?2, 0, day*86400000+last) FROM strand WHERE id=?1", p.when, int64(undated)).Scan(&first, &last)
		if err != nil || first != b.first || last != b.last {
			t.Fatalf("strand %d goes from %d to %d (%v), its events from %d to %d", p.when, first, last, err, b.first, b.last)
		}
	}
	agents, err := s.Agents(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range agents {
		if n := want["agent"][place{agent: string(a.Agent)}].Requests; a.Events != n {
			t.Fatalf("agent %s has %d events, not %d", a.Agent, a.Events, n)
		}
	}
	var check string
	if err := db.QueryRow("PRAGMA quick_check").Scan(&check); err != nil || check != "ok" {
		t.Fatalf("quick_check: %s, %v", check, err)
	}
}

// tables dumps all that is stored, ids and all, to compare two states.
func tables(t testing.TB, s *Store) []string {
	t.Helper()
	db := raw(t, s)
	defer db.Close()
	var found []string
	names, err := db.Query("SELECT name FROM sqlite_schema WHERE type='table' ORDER BY name")
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for names.Next() {
		var name string
		if err := names.Scan(&name); err != nil {
			t.Fatal(err)
		}
		list = append(list, name)
	}
	names.Close()
	for _, name := range list {
		rows, err := db.Query("SELECT * FROM " + name)
		if err != nil {
			t.Fatal(err)
		}
		columns, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			values := make([]any, len(columns))
			targets := make([]any, len(columns))
			for i := range values {
				targets[i] = &values[i]
			}
			if err := rows.Scan(targets...); err != nil {
				t.Fatal(err)
			}
			found = append(found, fmt.Sprint(name, values))
		}
		rows.Close()
	}
	slices.Sort(found)
	return found
}
