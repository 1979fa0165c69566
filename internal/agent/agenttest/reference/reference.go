// Package reference reads agents' logs slowly and simply: the second opinion that the
// tests compare every figure with. One file of code an agent, json.Decoder tokens, no
// cleverness. It shares no rule and no code with the readers it checks, knows nothing of
// cursors, and holds all it reads in memory. Only tests may use it; it keeps no state.
package reference

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Request is one billed request as the reference understands it.
type Request struct {
	Agent, Model, Project, Session string
	Time                           time.Time // zero where Undated

	Input, CacheRead, CacheWrite5m, CacheWrite1h, Output, Reasoning int64

	Undated bool // inherited from a log that is not here
}

// Repository gives the project that a working folder belongs to: the folder as written,
// or if it lies in a linked git worktree, the folder of the main repository.
func Repository(folder string) string {
	if _, err := os.Stat(folder); err != nil || !filepath.IsAbs(folder) {
		return folder
	}
	for at := filepath.Clean(folder); ; at = filepath.Dir(at) {
		mark := filepath.Join(at, ".git")
		info, err := os.Lstat(mark)
		if err != nil {
			if at == filepath.Dir(at) {
				return folder
			}
			continue
		}
		if !info.Mode().IsRegular() {
			return folder
		}
		content, err := os.ReadFile(mark)
		if err != nil {
			return folder
		}
		gitDir, isLink := strings.CutPrefix(strings.TrimSpace(string(content)), "gitdir: ")
		if !filepath.IsAbs(gitDir) {
			gitDir = filepath.Join(at, gitDir)
		}
		worktrees := filepath.Dir(gitDir)
		common := filepath.Dir(worktrees)
		if !isLink || filepath.Base(worktrees) != "worktrees" || filepath.Base(common) != ".git" {
			return folder
		}
		return filepath.Dir(common)
	}
}

// parse makes a tree of one JSON text: map[string]any, []any, string, json.Number, bool or
// nil. Of members with one name the last counts.
func parse(text []byte) (any, error) {
	if !json.Valid(text) {
		return nil, errors.New("not JSON")
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	return parseValue(decoder, 0)
}

func parseValue(decoder *json.Decoder, depth int) (any, error) {
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	opening, isBracket := token.(json.Delim)
	if !isBracket {
		return token, nil
	}
	if depth == 1000 {
		return nil, errors.New("nested too deep")
	}
	object, list := map[string]any{}, []any{}
	for decoder.More() {
		name := ""
		if opening == '{' {
			key, err := decoder.Token()
			if err != nil {
				return nil, err
			}
			name = key.(string)
		}
		value, err := parseValue(decoder, depth+1)
		if err != nil {
			return nil, err
		}
		object[name] = value
		list = append(list, value)
	}
	if _, err := decoder.Token(); err != nil {
		return nil, err
	}
	if opening == '{' {
		return object, nil
	}
	return list, nil
}

// member gives what a path of names leads to, nil if it leads nowhere.
func member(tree any, names ...string) any {
	for _, name := range names {
		object, _ := tree.(map[string]any)
		tree = object[name]
	}
	return tree
}

// text gives the string at a path, "" if there is none.
func text(tree any, names ...string) string {
	s, _ := member(tree, names...).(string)
	return s
}

// count gives the token counter at a path: a whole number, not negative, and not beyond
// what a request can use. Everything else is 0.
func count(tree any, names ...string) int64 {
	const most = 1<<40 - 1
	number, _ := member(tree, names...).(json.Number)
	if len(number) > 400 {
		return 0
	}
	value, ok := new(big.Float).SetPrec(2000).SetString(string(number))
	if !ok || value.Sign() < 0 || !value.IsInt() || value.Cmp(big.NewFloat(most)) > 0 {
		return 0
	}
	n, _ := value.Int64()
	return n
}

// stamp is a time as text: date, time, fraction, offset.
var stamp = regexp.MustCompile(`^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d):(\d\d)(?:[.,](\d+))?(?:[Zz]|([+-](?:[01]\d|2[0-3])):?([0-5]\d))?$`)

// moment reads a time as text or number; zero if it is none, or not after the epoch.
func moment(value any) time.Time {
	switch value := value.(type) {
	case string:
		part := stamp.FindStringSubmatch(value)
		if part == nil {
			return time.Time{}
		}
		leap := time.Duration(0)
		if part[3] == "60" && strings.HasSuffix(part[2], "59") {
			part[3], leap = "59", time.Second
		}
		if part[5] == "" {
			part[5], part[6] = "+00", "00"
		}
		at, err := time.Parse(time.RFC3339, part[1]+"T"+part[2]+":"+part[3]+part[5]+":"+part[6])
		if err != nil {
			return time.Time{}
		}
		thousandths, _ := strconv.Atoi((part[4] + "000")[:3])
		at = at.Add(leap + time.Duration(thousandths)*time.Millisecond).UTC()
		if at.UnixMilli() <= 0 {
			return time.Time{}
		}
		return at
	case json.Number:
		n, _ := value.Float64()
		switch {
		case n <= 0:
		case n < 1e11:
			return time.UnixMilli(int64(n * 1000)).UTC()
		case n < 1e14:
			return time.UnixMilli(int64(n)).UTC()
		case n < 1e17:
			return time.UnixMilli(int64(n / 1000)).UTC()
		}
	}
	return time.Time{}
}

// lines splits a log at its line feeds and strips what is not part of a line's text.
func lines(content []byte) (list []struct {
	text []byte
	at   int
}) {
	at := 0
	for _, raw := range bytes.SplitAfter(content, []byte("\n")) {
		line := bytes.TrimSuffix(raw, []byte("\n"))
		if len(line) <= 64<<20 {
			line = bytes.ReplaceAll(line, []byte{0}, nil)
			line = bytes.TrimSuffix(line, []byte("\r"))
			line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
			list = append(list, struct {
				text []byte
				at   int
			}{line, at})
		}
		at += len(raw)
	}
	return list
}

// record is what stands on a line, and where in it.
type record struct {
	tree any
	at   int
}

// records gives the records on a line: one, or if the line is damaged, those that can be
// found in it and are records by the judgement of isRecord. From the front: an object that is
// whole is taken as it is, and one that is not is lost up to where it stops making sense, a
// little before which the next may have begun. At the end of the line the last object that
// is whole there may stand behind one that was cut.
func records(line []byte, isRecord func(any) bool) (found []record) {
	if tree, err := parse(line); err == nil {
		return []record{{tree, 0}}
	}
	for at := 0; ; {
		next := bytes.Index(line[at:], []byte(`{"`))
		if next < 0 {
			return found
		}
		at += next
		tree, end, err := parseFront(line[at:])
		switch {
		case err == nil:
			if isRecord(tree) {
				found = append(found, record{tree, at})
			}
			at += end
		case at+end < len(line):
			at += max(end-2, 1)
		default:
			for last := at + 1; last < len(line); last++ {
				tree, end, err := parseFront(line[last:])
				if _, object := tree.(map[string]any); err == nil && object && len(bytes.TrimSpace(line[last+end:])) == 0 {
					if isRecord(tree) {
						found = append(found, record{tree, last})
					}
					break
				}
			}
			return found
		}
	}
}

// parseFront is parse for the value that a text begins with. end is the offset behind it, or
// of the byte that cannot be; the length of the text if it ends too early.
func parseFront(text []byte) (tree any, end int, err error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	var raw json.RawMessage
	if err := decoder.Decode(&raw); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return nil, int(syntax.Offset) - 1, err
		}
		return nil, len(text), err
	}
	tree, err = parse(raw)
	if err != nil { // where the bracket is that is one too many
		depth, quoted := 0, false
		for at := 0; at < len(text); at++ {
			switch c := text[at]; {
			case quoted && c == '\\':
				at++
			case c == '"':
				quoted = !quoted
			case !quoted && (c == '{' || c == '['):
				if depth++; depth > 1000 {
					return nil, at, err
				}
			case !quoted && (c == '}' || c == ']'):
				depth--
			}
		}
	}
	return tree, int(decoder.InputOffset()), err
}
