package store

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"tokenmeter/internal/usage"
)

// open makes a store in a fresh folder.
func open(t testing.TB, zone *time.Location) *Store {
	t.Helper()
	s, err := Open(context.Background(), filepath.Join(t.TempDir(), "data", "tokenmeter.db"), Options{Zone: zone})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func update(t testing.TB, s *Store, f func(*Tx) error) {
	t.Helper()
	if err := s.Update(context.Background(), f); err != nil {
		t.Fatal(err)
	}
}

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

func at(text string) usage.Millis {
	when, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return usage.MillisOf(when)
}

func TestSmoke(t *testing.T) {
	s := open(t, time.UTC)
	f := &File{Agent: "a", Path: "/x/y", Root: "/x", Name: "y", Offset: 10}
	write(t, s, &Chunk{File: f, Events: []usage.Event{
		{Key: 1, Time: at("2026-11-20T10:00:00Z"), Session: "s", Model: "m", Project: "/p", Tokens: usage.Tokens{Input: 5, Output: 7}},
		{Key: 2, Time: at("2026-11-21T10:00:00Z"), Session: "s", Model: "m", Project: "/p", Tokens: usage.Tokens{Input: 5, Output: 7}},
	}})
	for _, by := range [][]Dimension{nil, {Hour}, {Day}, {Week}, {Month}, {Session}, {Day, Session}, {Project, Model, Agent}} {
		t.Log(by, ask(t, s, Query{By: by}))
		t.Log(by, ask(t, s, Query{By: by, Since: at("2026-11-20T10:00:00Z")}))
	}
	files, err := s.Files(context.Background())
	t.Log(files, err)
	recent, err := s.Recent(context.Background(), at("2026-11-20T11:00:00Z"))
	t.Log(recent, err)
	sessions, err := s.Sessions(context.Background(), at("2026-11-20T11:00:00Z"))
	t.Logf("%+v %v", sessions, err)
	agents, err := s.Agents(context.Background())
	t.Log(agents, err)
	samples, err := s.Samples(context.Background(), 0)
	t.Log(samples, err)
}
