package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"tokenmeter/internal/store"
)

// TestNothingIsWrittenToOrToldByAFileThatWentAway: neither by who writes nor by who reads,
// and what is at the path then is not touched.
func TestNothingIsWrittenToOrToldByAFileThatWentAway(t *testing.T) {
	for name, take := range map[string]func(path string) error{
		"removed":    os.Remove,
		"moved away": func(path string) error { return os.Rename(path, path+".old") },
		"replaced": func(path string) error {
			if err := os.WriteFile(path+".new", []byte("another"), 0o600); err != nil {
				return err
			}
			return os.Rename(path+".new", path)
		},
		"with its folder": func(path string) error { return os.RemoveAll(filepath.Dir(path)) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "data", "t.db")
			writing, err := store.Open(t.Context(), path, store.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer writing.Close()
			reading, err := store.Open(t.Context(), path, store.Options{ReadOnly: true})
			if err != nil {
				t.Fatal(err)
			}
			defer reading.Close()
			use := func(s *store.Store) error {
				_, err := s.Files(t.Context())
				return err
			}
			write := func() error { return writing.Update(t.Context(), func(*store.Tx) error { return nil }) }
			for _, err := range []error{write(), use(writing), use(reading), writing.Moved(), reading.Moved()} {
				if err != nil {
					t.Fatalf("before: %v", err)
				}
			}
			if err := take(path); err != nil {
				t.Fatal(err)
			}
			for _, err := range []error{write(), use(writing), use(reading), writing.Moved(), reading.Moved(), writing.Importing(t.Context(), true)} {
				if !errors.Is(err, store.ErrMoved) {
					t.Errorf("afterwards: %v, want %v", err, store.ErrMoved)
				}
			}
			before, _ := os.ReadFile(path)
			for _, s := range []*store.Store{writing, reading} {
				if err := s.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			}
			if after, _ := os.ReadFile(path); string(before) != string(after) {
				t.Errorf("what is there now was changed from %q to %q", before, after)
			}
		})
	}
}
