package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestStillLeavesNoTrace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokenmeter.db")
	berlin := load("Europe/Berlin")
	still := func(zone *time.Location) (*Store, error) {
		return Open(context.Background(), path, Options{ReadOnly: true, Still: true, Zone: zone})
	}
	if _, err := still(berlin); err == nil {
		t.Fatal("a missing database was opened")
	}
	s := openAt(t, path, Options{Zone: berlin})
	write(t, s, corpusChunk(0))
	if _, err := still(berlin); err == nil {
		t.Error("opened while another has it open, whose log may hold more")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := still(load("Asia/Kathmandu")); !errors.Is(err, ErrOlder) {
		t.Errorf("days of another zone: %v", err)
	}
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	quiet, err := still(berlin)
	if err != nil {
		t.Fatal(err)
	}
	agents, err := quiet.Agents(context.Background())
	if err != nil || len(agents) != 1 || agents[0].Events != corpusFile {
		t.Errorf("agents %+v, %v", agents, err)
	}
	if err := quiet.Update(context.Background(), func(*Tx) error { return nil }); !errors.Is(err, ErrReadOnly) {
		t.Errorf("written: %v", err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("beside the database: %v, %v", entries, err)
	}
	if err := quiet.Close(); err != nil {
		t.Error(err)
	}
	if after, err := os.Stat(path); err != nil || !after.ModTime().Equal(before.ModTime()) || after.Size() != before.Size() {
		t.Errorf("the file changed: %v, %v", after, err)
	}
}
