// Package internal_test holds the rules of the house: which room may import which, and
// what no room may do. Each ban has its reason; a new arrow needs one too.
package internal_test

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// arrows lists, for each room, the rooms it may import. A room ending in /… stands for all
// below it. What is not listed is forbidden.
var arrows = map[string][]string{
	"internal/usage":  nil,
	"internal/health": nil,
	"internal/link":   nil,
	// Local days, months and billing cycles: needed by rules and by answers alike.
	"internal/calendar": nil,
	"internal/store":    {"internal/usage"},
	"internal/agent":    {"internal/usage"},
	"internal/agent/*":  {"internal/agent", "internal/usage"},
	"internal/agent/all": {
		"internal/agent", "internal/agent/*", "internal/usage",
	},
	"internal/agent/agenttest": {"internal/agent", "internal/usage", "internal/agent/agenttest/reference"},
	// The reference readers share nothing with what they check.
	"internal/agent/agenttest/reference": nil,
	"internal/meter":                     {"internal/usage"},
	// The shipped table is data of assets; whatever else it needs is handed to it.
	"internal/price":     {"internal/usage", "assets"},
	"internal/allowance": {"internal/usage"},
	"internal/platform":  {"internal/agent"},
	"internal/ingest":    {"internal/agent", "internal/store", "internal/health", "internal/usage", "internal/platform"},
	"internal/report":    {"internal/calendar", "internal/meter", "internal/allowance", "internal/forecast", "internal/store", "internal/health", "internal/usage"},
	"internal/view":      {"internal/report", "internal/store", "internal/health", "internal/usage"},
	// Forecasts are apart from the figures they start from, so that they can be replayed.
	"internal/forecast": {"internal/usage"},
	// Made-up users, on whom forecasts are tried.
	"internal/forecast/synthetic": {"internal/forecast", "internal/usage"},
	// What plans cost and are worth; the shipped table is data of assets, as with prices.
	"internal/plan": {"internal/calendar", "internal/usage", "assets"},
	// Which prices are in force: the table with what the settings lay over it.
	"internal/pricing":  {"internal/price", "internal/settings", "internal/network", "internal/platform", "internal/health", "internal/usage", "assets"},
	"internal/settings": {"internal/usage"},
	// A permission to open a connection is made from the settings and from nothing else.
	"internal/network": {"internal/settings", "internal/platform", "internal/agent"},
	// When vendors are asked; how is their agents' to say, and through which door network's.
	"internal/inquiry": {"internal/agent", "internal/network", "internal/settings", "internal/platform", "internal/health", "internal/usage"},
	"internal/core":    {"internal/inquiry", "internal/pricing", "internal/settings", "internal/network", "internal/ingest", "internal/report", "internal/health", "internal/platform", "internal/link", "internal/store", "internal/agent", "internal/usage"},
	// Made for one agent's own interface and settings file. It starts at each prompt, so
	// neither store nor report is near it.
	"internal/statusline": {"internal/agent", "internal/agent/claude", "internal/platform", "internal/usage"},
	"internal/demo":       {"internal/agent", "internal/usage"},
	"internal/corpus":     {"internal/agent", "internal/usage"},
	"internal/cli":        {"internal/calendar", "internal/inquiry", "internal/network", "internal/pricing", "internal/price", "internal/settings", "internal/report", "internal/view", "internal/store", "internal/ingest", "internal/agent", "internal/platform", "internal/link", "internal/health", "internal/demo", "internal/statusline", "internal/usage"},
	"app":                 {"internal/cli", "internal/core", "internal/platform", "internal/agent", "internal/agent/all", "internal/health", "internal/usage", "app/tray", "assets"},
	"app/tray":            {"internal/view", "internal/core", "internal/link", "internal/platform", "internal/report", "internal/health", "app/tray/icon", "assets"},
	"app/tray/icon":       {"internal/view"},
	"app/window":          {"internal/link", "internal/platform", "internal/report", "internal/view", "internal/store", "internal/agent", "internal/agent/all", "internal/health", "app/window/*", "app/window/page/*", "assets"},
	"app/window/shell":    {"internal/link", "internal/report", "internal/view", "internal/store", "internal/health", "app/window/*", "app/window/page/*", "assets"},
	"app/window/page/*":   {"internal/view", "app/window/chart", "app/window/widget", "app/window/theme", "app/window/page/frame"},
	// Made-up answers for the golden pictures of every page.
	"app/window/page/pagetest": {"app/window/theme", "app/window/widget", "internal/view", "internal/report", "internal/store", "internal/usage", "internal/health"},
	// It measures from outside, but for what the window asks of a store of a million requests.
	"app/bench":    {"internal/corpus", "internal/agent", "internal/agent/all", "internal/agent/*", "internal/report", "internal/store", "internal/view", "internal/usage", "app/lab"},
	"app/endtoend": {"app/lab", "internal/agent", "internal/agent/all", "internal/demo", "internal/usage", "internal/platform"},
	// A desktop to look at the programs from outside.
	"app/lab": nil,
	// Tests of the built meter under faults of the machine.
	"app/fault":         {"internal/agent", "internal/agent/claude", "internal/agent/codex", "internal/usage", "internal/platform"},
	"app/window/widget": {"app/window/theme"},
	"app/window/chart":  {"app/window/theme", "app/window/widget"},
	"app/window/theme":  {"assets"},
	"assets":            nil,
	// Both tables of assets are checked against their schemas by the tests of the rooms that read them.
	"assets/schematest": nil,
}

// reasons says why an arrow is missing from the table, for the message of a failure.
var reasons = []struct{ from, to, why string }{
	{"internal/agent", "internal/store", "readers turn lines into facts; who keeps them is not theirs to know"},
	{"internal/agent", "internal/price", "readers never see prices, or a changed price would need a new reading"},
	{"internal/meter", "internal/store", "rules are pure functions; replay and backtest need no database"},
	{"internal/price", "internal/store", "rules are pure functions; who stores a price hands it the request"},
	{"internal/allowance", "internal/store", "rules are pure functions; replay and backtest need no database"},
	{"internal/forecast", "internal/store", "rules are pure functions; replay and backtest need no database"},
	{"internal/plan", "internal/store", "rules are pure functions; who asks hands them what was used"},
	{"internal/settings", "internal/network", "the file says what is allowed; who acts on it asks"},
	{"internal/core", "internal/view", "core wires and wakes; words are made where they are shown"},
	{"app/window/page", "internal/store", "pages apply a view model and raise callbacks, they never query"},
	{"app/window/chart", "internal/", "charts know nothing of tokens"},
	{"app/window/widget", "internal/", "widgets know nothing of tokens"},
	{"internal/", "app", "facts flow up: nothing below may know the programs"},
	{"internal/cli", "internal/core", "the terminal asks report; the meter is handed to it by main"},
}

type listed struct {
	ImportPath   string
	Dir          string
	Name         string
	GoFiles      []string
	CgoFiles     []string
	TestGoFiles  []string
	XTestGoFiles []string
	Imports      []string
	Error        *struct{ Err string }
}

const module = "tokenmeter"

// packages lists the project's packages on this system.
func packages(t *testing.T) []listed {
	t.Helper()
	command := exec.Command("go", "list", "-e", "-json", "./...")
	command.Dir = ".."
	out, err := command.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("list packages: %v\n%s", err, exit.Stderr)
		}
		t.Fatalf("list packages: %v", err)
	}
	var list []listed
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p listed
		if err := decoder.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("read the list of packages: %v", err)
		}
		if len(p.GoFiles)+len(p.CgoFiles) > 0 {
			list = append(list, p)
		}
	}
	if len(list) < 15 {
		t.Fatalf("only %d packages found, the test looks at nothing", len(list))
	}
	return list
}

func room(path string) string { return strings.TrimPrefix(path, module+"/") }

// allowed gives the row of the table for a room: its own, or that of its parent's /*.
func allowed(name string) ([]string, bool) {
	if row, ok := arrows[name]; ok {
		return row, true
	}
	row, ok := arrows[filepath.ToSlash(filepath.Dir(name))+"/*"]
	return row, ok
}

func permits(row []string, target string) bool {
	return slices.Contains(row, target) || slices.Contains(row, filepath.ToSlash(filepath.Dir(target))+"/*")
}

func TestArrowsRunOneWay(t *testing.T) {
	for _, p := range packages(t) {
		name := room(p.ImportPath)
		row, known := allowed(name)
		if !known {
			t.Errorf("%s is a room without a row in the table: say what it may import, and why it exists", name)
			continue
		}
		for _, i := range p.Imports {
			if !strings.HasPrefix(i, module+"/") || permits(row, room(i)) {
				continue
			}
			why := "the table does not allow it"
			for _, r := range reasons {
				if strings.HasPrefix(name, r.from) && strings.HasPrefix(room(i), r.to) {
					why = r.why
					break
				}
			}
			t.Errorf("%s imports %s: %s", name, room(i), why)
		}
	}
}

func TestForeignPackagesStayInTheirRooms(t *testing.T) {
	rules := []struct {
		path  *regexp.Regexp
		rooms *regexp.Regexp
		why   string
	}{
		{regexp.MustCompile(`^fyne\.io/fyne/`), regexp.MustCompile(`^app/window(/|$)`),
			"the meter links no Fyne: it idles at nothing and runs on a server"},
		{regexp.MustCompile(`^fyne\.io/fyne/v2/app$`), regexp.MustCompile(`^app/window$`),
			"only the program itself pulls in OpenGL, so that tests need none"},
		{regexp.MustCompile(`^(database/sql.*|github\.com/mattn/go-sqlite3)$`), regexp.MustCompile(`^internal/store$`),
			"SQL has one home"},
		{regexp.MustCompile(`^net$`), regexp.MustCompile(`^internal/(network|link|platform)$`),
			"one door out, one line between the programs"},
		{regexp.MustCompile(`^(net/(http|rpc|smtp|textproto|httptest).*|crypto/tls|golang\.org/x/net/.*)$`), regexp.MustCompile(`^internal/network$`),
			"nothing leaves the machine but through network"},
		{regexp.MustCompile(`^fyne\.io/systray$`), regexp.MustCompile(`^app/tray$`), "one tray item"},
		{regexp.MustCompile(`^github\.com/fsnotify/fsnotify$`), regexp.MustCompile(`^internal/ingest$`), "one watcher"},
		{regexp.MustCompile(`^(unsafe|plugin)$`), regexp.MustCompile(`^internal/platform$`), "the edges of the system have one room"},
	}
	for _, p := range packages(t) {
		for _, i := range p.Imports {
			for _, r := range rules {
				if r.path.MatchString(i) && !r.rooms.MatchString(room(p.ImportPath)) {
					t.Errorf("%s imports %s: %s", room(p.ImportPath), i, r.why)
				}
			}
		}
	}
}

// sources calls f for each hand-written file that is not a test.
func sources(t *testing.T, f func(p listed, path string, set *token.FileSet, file *ast.File)) {
	t.Helper()
	for _, p := range packages(t) {
		for _, name := range slices.Concat(p.GoFiles, p.CgoFiles) {
			path := filepath.Join(p.Dir, name)
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, path, nil, parser.ParseComments)
			if err != nil {
				t.Errorf("parse %s: %v", path, err)
				continue
			}
			f(p, path, set, file)
		}
	}
}

func TestRoomsTakeClockAndEnvironmentAsArguments(t *testing.T) {
	banned := map[string]string{
		"time.Now": "pass a clock", "time.Since": "pass a clock", "time.Until": "pass a clock",
		"time.Sleep": "wait for an event", "time.Tick": "a ticker that nothing stops",
		"os.Getenv": "pass the environment", "os.LookupEnv": "pass the environment", "os.Environ": "pass the environment",
		"os.UserHomeDir": "pass the environment", "os.UserConfigDir": "pass the environment", "os.UserCacheDir": "pass the environment",
		"os.TempDir": "pass the environment",
	}
	sources(t, func(p listed, path string, set *token.FileSet, file *ast.File) {
		if p.Name == "main" || room(p.ImportPath) == "internal/platform" {
			return
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := s.X.(*ast.Ident); ok {
					if why, ok := banned[x.Name+"."+s.Sel.Name]; ok {
						t.Errorf("%s: %s.%s: %s", set.Position(s.Pos()), x.Name, s.Sel.Name, why)
					}
				}
			}
			return true
		})
	})
}

func TestAgentIdsStayInTheirFolders(t *testing.T) {
	entries, err := os.ReadDir("agent")
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, e := range entries {
		if e.IsDir() && e.Name() != "all" && e.Name() != "agenttest" {
			ids = append(ids, e.Name())
		}
	}
	if len(ids) < 2 {
		t.Fatalf("only %v found", ids)
	}
	sources(t, func(p listed, path string, set *token.FileSet, file *ast.File) {
		name := room(p.ImportPath)
		if strings.HasPrefix(name, "internal/agent/") || name == "assets" || strings.HasSuffix(name, "test") {
			return
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				if text, err := strconv.Unquote(l.Value); err == nil && slices.Contains(ids, text) {
					t.Errorf("%s: %s names an agent; names and colours come from its Info", set.Position(l.Pos()), l.Value)
				}
			}
			return true
		})
	})
}

func TestEveryPackageSaysWhatItOwns(t *testing.T) {
	comments := map[string]int{}
	sources(t, func(p listed, path string, set *token.FileSet, file *ast.File) {
		comments[p.ImportPath] += 0
		if file.Doc != nil && len(strings.TrimSpace(file.Doc.Text())) > 0 {
			comments[p.ImportPath]++
		}
	})
	for path, n := range comments {
		if n != 1 {
			t.Errorf("%s has %d package comments, wanted one", room(path), n)
		}
	}
}

func TestFilesStaySmall(t *testing.T) {
	const most = 700
	sources(t, func(p listed, path string, set *token.FileSet, file *ast.File) {
		if lines := set.File(file.Pos()).LineCount(); lines > most {
			t.Errorf("%s has %d lines, more than %d: a room that wants a wall", path, lines, most)
		}
	})
}

func TestNothingRunsBeforeMain(t *testing.T) {
	sources(t, func(p listed, path string, set *token.FileSet, file *ast.File) {
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s: init runs at every start, --version included", set.Position(f.Pos()))
			}
		}
	})
}

func TestCoreStaysNarrow(t *testing.T) {
	const most = 12
	var methods []string
	sources(t, func(p listed, path string, set *token.FileSet, file *ast.File) {
		if room(p.ImportPath) != "internal/core" {
			return
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv != nil && f.Name.IsExported() {
				methods = append(methods, f.Name.Name)
			}
		}
	})
	if len(methods) == 0 || len(methods) > most {
		t.Errorf("core exports %d methods, wanted 1 to %d: %v", len(methods), most, methods)
	}
}

// TestArchitectureNamesWhatExists keeps ARCHITECTURE.md true: each `room.Name` in it is
// declared in that room, each path in it is there.
func TestArchitectureNamesWhatExists(t *testing.T) {
	text, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	declared := map[string]bool{}
	tests := map[string]bool{}
	for _, p := range packages(t) {
		for _, name := range slices.Concat(p.GoFiles, p.CgoFiles, p.TestGoFiles, p.XTestGoFiles) {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, 0)
			if err != nil {
				t.Errorf("parse %s: %v", name, err)
				continue
			}
			for _, d := range file.Decls {
				switch d := d.(type) {
				case *ast.FuncDecl:
					declared[filepath.Base(p.Dir)+"."+d.Name.Name] = true
					tests[d.Name.Name] = true
				case *ast.GenDecl:
					for _, s := range d.Specs {
						if s, ok := s.(*ast.TypeSpec); ok {
							declared[filepath.Base(p.Dir)+"."+s.Name.Name] = true
						}
					}
				}
			}
		}
	}
	for _, file := range []string{"house_test.go"} {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			if d, ok := d.(*ast.FuncDecl); ok {
				tests[d.Name.Name] = true
			}
		}
	}
	fenced := regexp.MustCompile("(?s)```.*?```")
	text = fenced.ReplaceAll(text, nil)
	quoted := regexp.MustCompile("`([^`\n]+)`").FindAllStringSubmatch(string(text), -1)
	names := 0
	for _, q := range quoted {
		word := q[1]
		switch {
		case regexp.MustCompile(`^[a-z]+\.[A-Z]\w*$`).MatchString(word):
			names++
			if !declared[word] {
				t.Errorf("ARCHITECTURE.md names %s, which is not declared", word)
			}
		case regexp.MustCompile(`^(Test|Fuzz)\w+$`).MatchString(word):
			names++
			if !tests[word] {
				t.Errorf("ARCHITECTURE.md names the test %s, which does not exist", word)
			}
		case strings.HasPrefix(word, "internal/") || strings.HasPrefix(word, "app/") || strings.HasPrefix(word, "assets/"):
			names++
			if _, err := os.Stat(filepath.Join("..", word)); err != nil {
				t.Errorf("ARCHITECTURE.md names %s, which is not there", word)
			}
		}
	}
	if names < 20 {
		t.Errorf("only %d names found in ARCHITECTURE.md", names)
	}
}
