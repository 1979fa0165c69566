package store

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tokenmeter/internal/usage"
)

// askAll asks a store all it can answer. It may fail, in words, and must end.
func askAll(s *Store) error {
	ctx := context.Background()
	_, err := s.History(ctx, Query{By: []Dimension{Day, Session, Project, Model, Agent}})
	keep := func(_ any, e error) {
		if err == nil {
			err = e
		}
	}
	keep(s.Recent(ctx, 0))
	keep(s.Sessions(ctx, 0))
	keep(s.Agents(ctx))
	keep(s.Samples(ctx, 0))
	keep(s.CurrentSamples(ctx, 2_000_000_000_000))
	keep(s.Files(ctx))
	keep(s.Bills(ctx))
	return err
}

// fillAll stores some of everything that the tables can hold.
func fillAll(t testing.TB, s *Store) {
	t.Helper()
	var chunks []*Chunk
	for n := range 3 {
		thread := fmt.Sprint("thread", n)
		c := &Chunk{File: &File{Agent: "a", Path: "/logs/" + thread, Root: "/logs", Name: thread, Size: 10, State: []byte{1, 2}, Tail: []byte{3}, Revision: 1, Skipped: map[usage.Reason]int64{usage.ReasonSyntax: 2}}}
		if n > 0 {
			c.Threads = []usage.Thread{{Agent: "a", ID: thread, Parents: []string{fmt.Sprint("thread", n-1)}, Inherited: 1}}
		}
		for row := range 4 {
			when := usage.Millis(1_932_884_130_000 + int64(n*10+row)*60_000)
			key := usage.RowKey(thread, uint64(row+1))
			c.Events = append(c.Events, usage.Event{Agent: "a", Key: key, Thread: thread, Ordinal: row, Time: when, Session: thread, Project: "/w", Model: "m", Tokens: usage.Tokens{Input: 5, Output: int64(row + 1)}})
			c.Marks = append(c.Marks, usage.Mark{Thread: thread, Ordinal: row, Row: uint64(row + 1), Print: uint64(row + 1), Time: when})
			c.Samples = append(c.Samples, usage.Sample{Agent: "a", LimitID: "l", WindowMinutes: 300, UsedPercent: float64(row), ObservedAt: when, Source: usage.SourceServer, Thread: thread, Ordinal: row})
		}
		c.Sessions = []usage.Session{{Agent: "a", ID: thread, Model: "m", Time: 1_932_884_130_000}}
		c.Bills = []usage.Bill{{Session: thread, Model: "m", Time: 1_932_884_130_000, Cost: 7, Tokens: usage.Tokens{Output: 9}}}
		chunks = append(chunks, c)
	}
	write(t, s, chunks...)
}

// FuzzDamage overwrites bytes of a database, or one cell of a table with any value, and then
// reads and writes it. Nothing panics, hangs or takes memory without bound; what is damaged
// beyond use is said to be.
func FuzzDamage(f *testing.F) {
	made := filepath.Join(f.TempDir(), "made.db")
	s, err := Open(context.Background(), made, Options{Zone: time.UTC})
	if err != nil {
		f.Fatal(err)
	}
	fillAll(f, s)
	if err := s.Close(); err != nil {
		f.Fatal(err)
	}
	whole, err := os.ReadFile(made)
	if err != nil {
		f.Fatal(err)
	}
	for at := range 15 {
		f.Add(uint32(at*997), int64(-1), []byte{0xff, 0x7f}, uint8(0))
		f.Add(uint32(at), int64(1)<<(at+20), []byte("x"), uint8(1+at%3))
	}
	f.Fuzz(func(t *testing.T, at uint32, number int64, bytes []byte, kind uint8) {
		path := filepath.Join(t.TempDir(), "tokenmeter.db")
		content := append([]byte(nil), whole...)
		if kind%4 == 0 {
			copy(content[int(at)%len(content):], bytes)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if kind%4 != 0 {
			damageCell(t, path, int(at), []any{number, string(bytes), bytes}[kind%4-1])
		}
		watchdog := time.AfterFunc(20*time.Second, func() { panic("the store does not answer") })
		defer watchdog.Stop()
		s, err := Open(context.Background(), path, Options{Zone: time.UTC})
		if err != nil {
			return
		}
		defer s.Close()
		_ = askAll(s)
		_ = s.Update(context.Background(), func(tx *Tx) error {
			return tx.Write(&Chunk{File: &File{Agent: "a", Path: "/logs/new", Root: "/logs", Name: "new"}, Threads: []usage.Thread{{Agent: "a", ID: "thread2", Parents: []string{"thread1"}}},
				Events: []usage.Event{{Agent: "a", Key: usage.RowKey("thread1", 2), Thread: "thread1", Ordinal: 1, Time: 1_932_884_130_000, Session: "thread1", Model: "m", Tokens: usage.Tokens{Output: 9}}}})
		})
		_ = s.Update(context.Background(), func(tx *Tx) error {
			families, err := tx.Unsettled("a")
			if err != nil {
				return err
			}
			for _, family := range families {
				if err := tx.Settle("a", family.Child.ID, []usage.Segment{{Owner: "thread0", Rows: 1, Known: true}}); err != nil {
					return err
				}
			}
			return nil
		})
		_ = askAll(s)
	})
}

// damageCell puts a value into a cell of a row of a table, which at chooses.
func damageCell(t *testing.T, path string, at int, value any) {
	db, err := sql.Open("sqlite3", (&url.URL{Scheme: "file", OmitHost: true, Path: path}).String())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	type cell struct{ table, column string }
	var cells []cell
	rows, err := db.Query("SELECT m.name, c.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type='table' ORDER BY 1, c.cid")
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var c cell
		if err := rows.Scan(&c.table, &c.column); err != nil {
			t.Fatal(err)
		}
		cells = append(cells, c)
	}
	if err := rows.Err(); err != nil || len(cells) == 0 {
		t.Fatalf("%d cells, %v", len(cells), err)
	}
	rows.Close()
	c := cells[at%len(cells)]
	var row int
	_ = db.QueryRow(fmt.Sprintf("SELECT count(*) FROM %q", c.table)).Scan(&row)
	if row == 0 {
		return
	}
	row = at / len(cells) % row
	// What a constraint forbids cannot be put there this way.
	var keyed string
	if db.QueryRow(fmt.Sprintf("SELECT rowid FROM %q LIMIT 1 OFFSET ?", c.table), row).Scan(&keyed) == nil {
		_, _ = db.Exec(fmt.Sprintf("UPDATE %q SET %q=? WHERE rowid=?", c.table, c.column), value, keyed)
	} else {
		_, _ = db.Exec(fmt.Sprintf("UPDATE %q SET %q=?", c.table, c.column), value)
	}
}
