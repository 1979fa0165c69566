package health_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"tokenmeter/internal/health"
)

// stepping is a clock that moves one second at each look.
func stepping() func() time.Time {
	at := time.Date(2031, 4, 2, 8, 0, 0, 0, time.UTC)
	return func() time.Time { at = at.Add(time.Second); return at }
}

func TestEveryCodeHasTitleTextAndAction(t *testing.T) {
	if len(health.Codes()) == 0 {
		t.Fatal("the catalogue is empty")
	}
	for _, code := range health.Codes() {
		board := health.NewBoard(stepping())
		board.Set(code, health.Warning, "the-subject", "first", "second")
		findings := board.Findings()
		if len(findings) != 1 {
			t.Fatalf("%s: %d findings", code, len(findings))
		}
		e := health.Explain(findings[0])
		for part, words := range map[string]string{"title": e.Title, "text": e.Text, "action": e.Action} {
			if len(words) < 10 {
				t.Errorf("%s: %s %q says nothing", code, part, words)
			}
			if strings.Contains(words, string(code)) {
				t.Errorf("%s: %s shows the code's name: %q", code, part, words)
			}
			if strings.ContainsAny(words, "{}") {
				t.Errorf("%s: %s has an unfilled place: %q", code, part, words)
			}
		}
		if strings.HasSuffix(e.Title, ".") || !strings.HasSuffix(e.Text, ".") || !strings.HasSuffix(e.Action, ".") {
			t.Errorf("%s: a title has no full stop, text and action end with one: %+v", code, e)
		}
		board.Clear(code, "the-subject")
		if len(board.Findings()) != 0 {
			t.Errorf("%s: not cleared", code)
		}
	}
}

// Every constant of type Code, here and in any other room, is in the catalogue: a room that
// invents a code without words fails.
func TestEveryCodeUsedIsInTheCatalogue(t *testing.T) {
	known := map[string]bool{}
	for _, code := range health.Codes() {
		if known[string(code)] {
			t.Errorf("%s stands twice", code)
		}
		known[string(code)] = true
	}
	root := filepath.Join("..", "..")
	declared := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && strings.HasPrefix(d.Name(), ".") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil // the compiler says so
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec: // X Code = "x", X health.Code = "x"
				if !namesCode(n.Type, file.Name.Name == "health") {
					return true
				}
				for _, value := range n.Values {
					declared++
					checkCode(t, known, path, value)
				}
			case *ast.CallExpr: // health.Code("x"), board.Set("x", …)
				if namesCode(n.Fun, file.Name.Name == "health") && len(n.Args) == 1 {
					checkCode(t, known, path, n.Args[0])
				}
				if sel, ok := n.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Set" && len(n.Args) >= 3 && isHealthSeverity(n.Args[1]) {
					checkCode(t, known, path, n.Args[0])
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if declared < len(known) {
		t.Errorf("found %d declarations of %d codes: the search is broken", declared, len(known))
	}
}

func namesCode(n ast.Expr, inside bool) bool {
	switch n := n.(type) {
	case *ast.Ident:
		return inside && n.Name == "Code"
	case *ast.SelectorExpr:
		x, ok := n.X.(*ast.Ident)
		return ok && x.Name == "health" && n.Sel.Name == "Code"
	}
	return false
}

func isHealthSeverity(n ast.Expr) bool {
	sel, ok := n.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	x, ok := sel.X.(*ast.Ident)
	return ok && x.Name == "health"
}

func checkCode(t *testing.T, known map[string]bool, path string, value ast.Expr) {
	t.Helper()
	literal, ok := value.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return
	}
	text, err := strconv.Unquote(literal.Value)
	if err != nil || !known[text] {
		t.Errorf("%s: code %s has no words in the catalogue", path, literal.Value)
	}
}

func TestAnUnknownCodeStillGetsWords(t *testing.T) {
	e := health.Explain(health.Finding{Code: "from-the-future"})
	if e.Title == "" || e.Text == "" || e.Action == "" {
		t.Errorf("%+v", e)
	}
}

func TestMissingArgumentsLeaveNoPlaceholder(t *testing.T) {
	for _, code := range health.Codes() {
		e := health.Explain(health.Finding{Code: code})
		if strings.ContainsAny(e.Title+e.Text+e.Action, "{}") {
			t.Errorf("%s: %+v", code, e)
		}
	}
}

func TestSinceStaysWhileAFindingStands(t *testing.T) {
	board := health.NewBoard(stepping())
	board.Set(health.WatchLimit, health.Info, "", "3")
	first := board.Findings()[0].Since
	board.Set(health.WatchLimit, health.Warning, "", "4")
	again := board.Findings()[0]
	if !again.Since.Equal(first) || again.Severity != health.Warning || !reflect.DeepEqual(again.Args, []string{"4"}) {
		t.Errorf("%+v, want since %v", again, first)
	}
	board.Clear(health.WatchLimit, "")
	board.Set(health.WatchLimit, health.Info, "", "3")
	if later := board.Findings()[0].Since; !later.After(first) {
		t.Errorf("a new episode began at %v", later)
	}
}

func TestOrderIsWorstFirst(t *testing.T) {
	board := health.NewBoard(stepping())
	board.Set(health.FileUnreadable, health.Warning, "b")
	board.Set(health.FileUnreadable, health.Warning, "a")
	board.Set(health.LinesSkipped, health.Info, "x")
	board.Set(health.DiskFull, health.Error, "d")
	var got []string
	for _, f := range board.Findings() {
		got = append(got, string(f.Code)+" "+f.Subject)
	}
	want := []string{"disk-full d", "file-unreadable a", "file-unreadable b", "lines-skipped x"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestOnChangeIsCalledForChangesOnly(t *testing.T) {
	board := health.NewBoard(stepping())
	calls := 0
	board.OnChange(func() { calls++; board.Findings() }) // may look at the board
	steps := []struct {
		name string
		do   func()
		want int
	}{
		{"new", func() { board.Set(health.DiskFull, health.Error, "d", "1") }, 1},
		{"the same again", func() { board.Set(health.DiskFull, health.Error, "d", "1") }, 1},
		{"other arguments", func() { board.Set(health.DiskFull, health.Error, "d", "2") }, 2},
		{"clear what does not stand", func() { board.Clear(health.DiskFull, "e") }, 2},
		{"clear", func() { board.Clear(health.DiskFull, "d") }, 3},
		{"clear again", func() { board.Clear(health.DiskFull, "d") }, 3},
	}
	for _, step := range steps {
		step.do()
		if calls != step.want {
			t.Errorf("%s: %d calls, want %d", step.name, calls, step.want)
		}
	}
}

func TestAFindingSurvivesJSON(t *testing.T) {
	board := health.NewBoard(stepping())
	board.Set(health.HomeMissing, health.Warning, "CODEX_HOME", "/nowhere")
	want := board.Findings()
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got []health.Finding
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) || health.Explain(got[0]) != health.Explain(want[0]) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
