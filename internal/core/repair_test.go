package core_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"tokenmeter/internal/health"
	"tokenmeter/internal/platform"
	"tokenmeter/internal/report"
	"tokenmeter/internal/usage"
)

// A meter finds its database damaged, before it starts or while it runs, and goes on with
// the right figures by itself; what it had counted of a log that is gone stays.
func TestDamagedDatabaseIsRepairedByTheMeter(t *testing.T) {
	const page = 4096
	for name, c := range map[string]struct {
		running bool
		saved   bool // what only the file told
		spoil   func(content []byte) []byte
	}{
		"no database at all": {false, false, func([]byte) []byte { return bytes.Repeat([]byte("garbage "), 20_000) }},
		"its first page":     {false, true, func(c []byte) []byte { clear(c[:page]); return c }},
		"cut off":            {false, false, func(c []byte) []byte { return c[:3*page] }},
		// The last pages are those of samples: the tables before them stay.
		"while it runs, some of it": {true, true, func(c []byte) []byte { clear(c[14*page : 16*page]); return c }},
		"while it runs, all of it": {true, false, func(c []byte) []byte {
			for i := range c[page:] {
				c[page+i] = byte(i * i >> 3)
			}
			return c
		}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			path := filepath.Join(h.data, platform.DatabaseName)
			there, gone := h.log(0), h.log(1)
			there.turn(usage.Tokens{Input: 3, Output: 4})
			gone.turn(usage.Tokens{Input: 50, Output: 60})
			meter, end := h.start()
			until(t, meter, "all is counted", fresh(there.fresh+gone.fresh))
			if err := os.Remove(filepath.Join(h.home, filepath.FromSlash(gone.talk.File()))); err != nil {
				t.Fatal(err)
			}
			if !c.running {
				end()
			}
			change(t, path, "PRAGMA wal_checkpoint(TRUNCATE)")
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if c.running {
				change(t, path, "PRAGMA user_version = 1") // what it remembers of the file is void
			}
			content = c.spoil(content)
			file, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			if err := file.Truncate(int64(len(content))); err != nil {
				t.Fatal(err)
			}
			if _, err := file.WriteAt(content, 0); err != nil {
				t.Fatal(err)
			}
			if !c.running {
				meter, _ = h.start()
			}
			there.turn(usage.Tokens{Input: 5, Output: 6})
			want := there.fresh
			if c.saved {
				want += gone.fresh
			}
			s := until(t, meter, "it is repaired", func(s *report.Snapshot) bool {
				return has(s, health.DatabaseRepaired) && fresh(want)(s) && !s.Reading.Running
			})
			if len(s.Findings) != 1 || !s.StaleSince.IsZero() {
				t.Errorf("findings %+v, stale since %v", s.Findings, s.StaleSince)
			}
			there.turn(usage.Tokens{Input: 7, Output: 8})
			until(t, meter, "it goes on", fresh(want+15))
			if moved, err := filepath.Glob(filepath.Join(h.data, "tokenmeter.damaged-*.db")); err != nil || len(moved) != 1 {
				t.Errorf("set aside: %v, %v", moved, err)
			}
		})
	}
}
