package shell

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzState reads any text as what the window remembers: it opens in a size that fits, and
// what was read can be saved and read again.
func FuzzState(f *testing.F) {
	for _, text := range []string{
		"version = 1\nwidth = 900.0\nheight = 600.0\npage = \"history\"\n", "version = 1\nwidth = nan\nheight = inf\n", "version = 2\n", "version = \"1\"", "version = 1\nwidth = -1e30\n",
		"version = 1\npage = \"\\u0000\"\n", "[version]\n", "\xff", "version = 1\nwidth = 1e39\n", "a.a.a.a = {b = [[[]]]}\nversion = 1\n",
	} {
		f.Add([]byte(text))
	}
	path := filepath.Join(f.TempDir(), "window.toml")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		s := LoadState(path)
		if s.Version != stateVersion || !(s.Width >= leastWidth && s.Width <= 1<<14) || !(s.Height >= leastHeight && s.Height <= 1<<14) {
			t.Fatalf("%q: %+v", text, s)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := SaveState(path, s); err != nil {
			t.Fatal(err)
		}
		if again := LoadState(path); again != s {
			t.Fatalf("%q: %+v, saved and read again %+v", text, s, again)
		}
	})
}
