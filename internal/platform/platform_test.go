package platform_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/platform"
)

// env is an environment of a home with variables.
func env(system, home string, variables map[string]string) agent.Env {
	return agent.Env{
		OS: system, Home: home, Exists: platform.Exists,
		Variable: func(name string) string { return variables[name] },
	}
}

func TestDataDir(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		env    agent.Env
		chosen string
		want   string // "" = an error
	}{
		"chosen wins":            {env("linux", "/h", map[string]string{"TOKENMETER_DATA_DIR": "/v"}), "/c", "/c"},
		"chosen becomes whole":   {env("linux", "/h", nil), "some/where", filepath.Join(here, "some/where")},
		"variable":               {env("linux", "/h", map[string]string{"TOKENMETER_DATA_DIR": "/v/"}), "", "/v"},
		"XDG":                    {env("linux", "/h", map[string]string{"XDG_DATA_HOME": "/x"}), "", "/x/tokenmeter"},
		"XDG must be whole":      {env("linux", "/h", map[string]string{"XDG_DATA_HOME": "x"}), "", "/h/.local/share/tokenmeter"},
		"home":                   {env("linux", "/h", nil), "", "/h/.local/share/tokenmeter"},
		"other Unix":             {env("freebsd", "/h", nil), "", "/h/.local/share/tokenmeter"},
		"macOS":                  {env("darwin", "/h", map[string]string{"XDG_DATA_HOME": "/x"}), "", "/h/Library/Application Support/Tokenmeter"},
		"Windows":                {env("windows", "/h", map[string]string{"LOCALAPPDATA": "/l"}), "", "/l/Tokenmeter"},
		"Windows, no variable":   {env("windows", "/h", nil), "", "/h/AppData/Local/Tokenmeter"},
		"no home":                {env("linux", "", nil), "", ""},
		"no home on macOS":       {env("darwin", "", nil), "", ""},
		"no home but a variable": {env("linux", "", map[string]string{"TOKENMETER_DATA_DIR": "/v"}), "", "/v"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := platform.DataDir(c.env, c.chosen)
			if (err != nil) != (c.want == "") || filepath.ToSlash(got) != filepath.ToSlash(c.want) {
				t.Errorf("got %q, %v, wanted %q", got, err, c.want)
			}
		})
	}
}

func TestRuntimeDir(t *testing.T) {
	run := t.TempDir()
	file := filepath.Join(run, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ variable, want string }{
		"there":     {run, filepath.Join(run, "tokenmeter")},
		"not set":   {"", "/data"},
		"not there": {filepath.Join(run, "gone"), "/data"},
		"a file":    {file, "/data"},
		"not whole": {"run", "/data"},
	} {
		t.Run(name, func(t *testing.T) {
			e := env("linux", "/h", map[string]string{"XDG_RUNTIME_DIR": c.variable})
			if got := platform.RuntimeDir(e, "/data"); got != c.want {
				t.Errorf("got %s, wanted %s", got, c.want)
			}
		})
	}
}

func TestDataFolderIsPrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no modes")
	}
	for name, c := range map[string]struct {
		before os.FileMode // 0 = not there
		file   string
		want   os.FileMode
	}{
		"made":                     {0, "", 0o700},
		"empty and open":           {0o755, "", 0o700},
		"ours and open":            {0o755, platform.DatabaseName, 0o700},
		"of other use, left alone": {0o755, "letters.txt", 0o755},
		"private already":          {0o700, "letters.txt", 0o700},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "a", "b")
			if c.before != 0 {
				if err := os.MkdirAll(dir, c.before); err != nil {
					t.Fatal(err)
				}
				if err := os.Chmod(dir, c.before); err != nil {
					t.Fatal(err)
				}
			}
			if c.file != "" {
				if err := os.WriteFile(filepath.Join(dir, c.file), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := platform.MakeDataDir(dir); err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(dir)
			if err != nil || info.Mode().Perm() != c.want {
				t.Errorf("mode %v, %v, wanted %o", info.Mode(), err, c.want)
			}
		})
	}
}

func TestDataFolderThatCannotBeMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := platform.MakeDataDir(filepath.Join(file, "data")); err == nil {
		t.Error("a folder inside a file was made")
	}
}

func TestLockIsHeldOnce(t *testing.T) {
	dir := t.TempDir()
	release, err := platform.TakeLock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := platform.TakeLock(dir); !errors.Is(err, platform.ErrLocked) {
		t.Fatalf("a second one: %v", err)
	}
	if info, err := os.Stat(filepath.Join(dir, platform.LockName)); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("lock file: %v, %v", info, err)
	}
	release()
	again, err := platform.TakeLock(dir)
	if err != nil {
		t.Fatalf("after the release: %v", err)
	}
	again()
	if _, err := platform.TakeLock(filepath.Join(dir, "gone")); err == nil || errors.Is(err, platform.ErrLocked) {
		t.Errorf("in a folder that is not there: %v", err)
	}
}

func TestDisplay(t *testing.T) {
	run := t.TempDir()
	listen := func(path string) {
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
	}
	listen(filepath.Join(run, "w:0"))
	listen(filepath.Join(run, "wayland-7"))
	for name, c := range map[string]struct {
		system    string
		variables map[string]string
		want      string // part of the answer; "" = a window can be shown
	}{
		"nothing set":            {"linux", nil, "no display"},
		"X by path":              {"linux", map[string]string{"DISPLAY": filepath.Join(run, "w:0")}, ""},
		"X that is gone":         {"linux", map[string]string{"DISPLAY": ":59001"}, "does not answer"},
		"X over a dead tunnel":   {"linux", map[string]string{"DISPLAY": "localhost:59000.0"}, "does not answer"},
		"X on another machine":   {"linux", map[string]string{"DISPLAY": "far.example:0"}, ""},
		"nonsense":               {"linux", map[string]string{"DISPLAY": "nonsense"}, "not of the form"},
		"nonsense number":        {"linux", map[string]string{"DISPLAY": ":zero"}, "not of the form"},
		"negative number":        {"linux", map[string]string{"DISPLAY": ":-1"}, "not of the form"},
		"Wayland without X":      {"linux", map[string]string{"WAYLAND_DISPLAY": "wayland-7", "XDG_RUNTIME_DIR": run}, "Xwayland"},
		"Wayland by path":        {"linux", map[string]string{"WAYLAND_DISPLAY": filepath.Join(run, "wayland-7")}, "Xwayland"},
		"Wayland that is gone":   {"linux", map[string]string{"WAYLAND_DISPLAY": "wayland-8", "XDG_RUNTIME_DIR": run}, "does not answer"},
		"macOS has always one":   {"darwin", nil, ""},
		"Windows has always one": {"windows", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := platform.Display(t.Context(), env(c.system, "/h", c.variables))
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, wanted %q", err, c.want)
			}
		})
	}
}

func TestWindowProgramOnPath(t *testing.T) {
	dir := t.TempDir()
	name := "tokenmeter-window"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	path := filepath.Join(dir, name)
	e := env(runtime.GOOS, "/h", map[string]string{"PATH": strings.Join([]string{"relative", t.TempDir(), dir}, string(os.PathListSeparator))})
	if _, err := platform.WindowProgram(e); !errors.Is(err, platform.ErrNoWindowProgram) {
		t.Fatalf("nothing is there: %v", err)
	}
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := platform.WindowProgram(e); !errors.Is(err, platform.ErrNoWindowProgram) {
		t.Fatalf("a folder is there: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if got, err := platform.WindowProgram(e); err != nil || got != path {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestMissingLibraries(t *testing.T) {
	if got := platform.MissingLibraries(env("darwin", "/h", nil)); got != nil {
		t.Errorf("macOS misses %v", got)
	}
	if runtime.GOOS != "linux" {
		return
	}
	dir := t.TempDir()
	before := platform.MissingLibraries(env("linux", "/h", nil))
	for _, name := range before {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	after := platform.MissingLibraries(env("linux", "/h", map[string]string{"LD_LIBRARY_PATH": "relative:" + dir}))
	if len(after) != 0 {
		t.Errorf("still missing: %v", after)
	}
}

func TestMissingLibrariesAreThoseInNeitherCacheNorFolder(t *testing.T) {
	dir := t.TempDir()
	cached := filepath.Join(dir, "cached", "libX11.so.6")
	for _, path := range []string{cached, filepath.Join(dir, "libXi.so.6")} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cache := filepath.Join(dir, "ld.so.cache")
	if err := os.WriteFile(cache, []byte("glibc-ld.so.cache1.1\x00\x01\x02libX11.so.6\x00"+cached+"\x00libGL.so.1\x00/gone/libGL.so.1\x00"), 0o644); err != nil {
		t.Fatal(err)
	}
	got := platform.MissingIn(platform.LoaderCache(cache), []string{dir})
	if slices.Contains(got, "libX11.so.6") || slices.Contains(got, "libXi.so.6") || !slices.Contains(got, "libGL.so.1") {
		t.Errorf("missing %v", got)
	}
	if got := platform.LoaderCache(filepath.Join(dir, "none")); got != nil {
		t.Errorf("a cache that is not there lists %v", got)
	}
}

func TestNoBusIsAnError(t *testing.T) {
	for name, variables := range map[string]map[string]string{
		"not set":           nil,
		"only a dream":      {"DBUS_SESSION_BUS_ADDRESS": "autolaunch:"},
		"gone":              {"DBUS_SESSION_BUS_ADDRESS": "unix:path=" + filepath.Join(t.TempDir(), "bus")},
		"nonsense":          {"DBUS_SESSION_BUS_ADDRESS": "nonsense"},
		"empty runtime dir": {"XDG_RUNTIME_DIR": t.TempDir()},
	} {
		t.Run(name, func(t *testing.T) {
			e := env("linux", "/h", variables)
			if err := platform.Watch(t.Context(), e, platform.Watching{}); !errors.Is(err, platform.ErrNoBus) {
				t.Errorf("watch: %v", err)
			}
			if _, err := platform.TrayHost(t.Context(), e); !errors.Is(err, platform.ErrNoBus) {
				t.Errorf("tray host: %v", err)
			}
		})
	}
	if host, err := platform.TrayHost(context.Background(), env("darwin", "/h", nil)); err != nil || !host {
		t.Errorf("macOS: %v, %v", host, err)
	}
}

func TestTheKeyOfTheDisplayIsFoundFromAnotherHome(t *testing.T) {
	home := t.TempDir()
	key := filepath.Join(home, ".Xauthority")
	original := []string{"HOME=" + home}
	if got := platform.KeepAuthority([]string{"HOME=/demo"}, original); len(got) != 1 {
		t.Errorf("without a key: %v", got)
	}
	if err := os.WriteFile(key, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := platform.KeepAuthority([]string{"HOME=/demo"}, original); !slices.Contains(got, "XAUTHORITY="+key) {
		t.Errorf("the key is in the real home, got %v", got)
	}
	if got := platform.KeepAuthority([]string{"XAUTHORITY=/k"}, append(original, "XAUTHORITY=/k")); len(got) != 1 {
		t.Errorf("the variable is set already, got %v", got)
	}
}
