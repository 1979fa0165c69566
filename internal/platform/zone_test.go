package platform_test

import (
	"archive/zip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/platform"
)

// zoneText is a zone's file as systems keep it, from the tables that come with Go.
func zoneText(t *testing.T, name string) []byte {
	t.Helper()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatalf("find the zone tables of Go: %v", err)
	}
	tables, err := zip.OpenReader(filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip"))
	if err != nil {
		t.Skipf("no zone tables here: %v", err)
	}
	defer tables.Close()
	file, err := tables.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	text, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestZoneFollowsTheMachine(t *testing.T) {
	folder := t.TempDir()
	tables := map[string]string{}
	for _, name := range []string{"Europe/Berlin", "Asia/Tokyo", "Australia/Lord_Howe"} {
		tables[name] = filepath.Join(folder, filepath.Base(name))
		if err := os.WriteFile(tables[name], zoneText(t, name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(folder, "localtime")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	link := func(name string) func() {
		return func() {
			must(os.Symlink(tables[name], path+".new"))
			must(os.Rename(path+".new", path))
		}
	}
	link("Europe/Berlin")()
	start := time.FixedZone("Local", 3600)
	now := platform.ZoneOf(path, start)
	if now() != start {
		t.Fatal("the zone of the start is not kept while nothing changes")
	}
	summer := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	for _, step := range []struct {
		name   string
		change func()
		offset int // in July, in seconds
		same   bool
	}{
		{"the link points elsewhere", link("Asia/Tokyo"), 9 * 3600, false},
		{"nothing happens", func() {}, 9 * 3600, true},
		{"a copy takes the link's place", func() {
			must(os.WriteFile(path+".new", zoneText(t, "Australia/Lord_Howe"), 0o644))
			must(os.Rename(path+".new", path))
		}, 10*3600 + 1800, false},
		{"the link is gone for a moment", func() { must(os.Remove(path)) }, 10*3600 + 1800, true},
		{"the same zone is back under another file", func() {
			must(os.WriteFile(path, zoneText(t, "Australia/Lord_Howe"), 0o644))
		}, 10*3600 + 1800, true},
		{"the file is damaged", func() { must(os.WriteFile(path, []byte("TZif2 no more"), 0o644)) }, 10*3600 + 1800, true},
		{"a folder in its place", func() {
			must(os.Remove(path))
			must(os.Mkdir(path, 0o755))
		}, 10*3600 + 1800, true},
		{"home again", func() {
			must(os.Remove(path))
			link("Europe/Berlin")()
		}, 2 * 3600, false},
	} {
		before := now()
		step.change()
		after := now()
		if _, offset := summer.In(after).Zone(); offset != step.offset {
			t.Errorf("%s: %d seconds from UTC, want %d", step.name, offset, step.offset)
		}
		if (after == before) != step.same {
			t.Errorf("%s: the same zone: %v, want %v", step.name, after == before, step.same)
		}
	}
}

func TestZoneOfTheProcessStays(t *testing.T) {
	for _, env := range []agent.Env{
		{OS: "windows", Variable: func(string) string { return "" }},
		{OS: "linux", Variable: func(name string) string { return map[string]string{"TZ": "Asia/Tokyo"}[name] }},
	} {
		zone := platform.Zone(env)
		for range 2 {
			if zone() != time.Local {
				t.Errorf("%s: not the zone of the process", env.OS)
			}
		}
	}
}
