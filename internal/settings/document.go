package settings

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
)

// place says where in a document something is: `.prices.override[0].model`, names quoted.
type place string

func (p place) name(n string) place { return p + "." + place(strconv.Quote(n)) }
func (p place) at(i int) place      { return p + place(fmt.Sprintf("[%d]", i)) }

// within says that p is q or lies below it.
func (p place) within(q place) bool {
	rest, ok := strings.CutPrefix(string(p), string(q))
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// item is a header, or a value wherever it stands. start and end are those of the whole lines
// of its statement, from and to those of the value itself.
type item struct {
	place      place
	header     bool
	inline     bool // inside of an array or an inline table
	line       int
	start, end int
	from, to   int
	section    place // the table whose header it stands under; "" = the root
}

// document is a text with what the TOML library reads in it and where each value stands.
type document struct {
	text  string
	tree  map[string]any
	items []item
	// sure says that the places are those of the values that the library has read. Without, no
	// line is known and nothing may be changed.
	sure bool
}

func parse(text string) (*document, error) {
	if !utf8.ValidString(text) {
		valid := 0
		for r, n := rune(0), 0; valid < len(text); valid += n {
			if r, n = utf8.DecodeRuneInString(text[valid:]); r == utf8.RuneError && n == 1 {
				break
			}
		}
		return nil, &SyntaxError{Line: lineAt(text, valid), Text: "it is not in UTF-8"}
	}
	d := &document{text: text, tree: map[string]any{}}
	s := scanner{text: text, arrays: map[place]int{}}
	scanned := s.document()
	if errors.Is(scanned, errDeep) {
		return nil, &SyntaxError{Line: lineAt(text, s.at), Text: "values are nested too deeply"}
	}
	if _, err := toml.Decode(text, &d.tree); err != nil {
		var parse toml.ParseError
		if errors.As(err, &parse) {
			return nil, &SyntaxError{Line: max(parse.Position.Line, 0), Text: parse.Message}
		}
		return nil, &SyntaxError{Text: err.Error()}
	}
	d.items = s.items
	d.sure = scanned == nil && d.agrees()
	return d, nil
}

func lineAt(text string, at int) int { return 1 + strings.Count(text[:min(at, len(text))], "\n") }

// agrees says that scanner and library have found the same values at the same places.
func (d *document) agrees() bool {
	var read []place
	leaves("", d.tree, func(p place) { read = append(read, p) })
	var seen []place
	for i := range d.items {
		if it := &d.items[i]; !it.header && strings.IndexByte("[{", d.text[it.from]) < 0 {
			seen = append(seen, it.place)
		}
	}
	slices.Sort(read)
	slices.Sort(seen)
	return slices.Equal(read, seen)
}

func leaves(p place, v any, leaf func(place)) {
	switch v := v.(type) {
	case map[string]any:
		for name, below := range v {
			leaves(p.name(name), below, leaf)
		}
	case []any:
		for i, below := range v {
			leaves(p.at(i), below, leaf)
		}
	case []map[string]any:
		for i, below := range v {
			leaves(p.at(i), below, leaf)
		}
	default:
		leaf(p)
	}
}

// find gives the value at a place, nil where there is none.
func (d *document) find(p place) *item {
	for i := range d.items {
		if it := &d.items[i]; !it.header && it.place == p {
			return it
		}
	}
	return nil
}

// head gives the header of a table, nil where it has none.
func (d *document) head(p place) *item {
	for i := range d.items {
		if it := &d.items[i]; it.header && it.place == p {
			return it
		}
	}
	return nil
}

// line gives the line of what stands at or first below a place, 0 where that is not known.
func (d *document) line(p place) int {
	if !d.sure {
		return 0
	}
	for i := range d.items {
		if d.items[i].place.within(p) {
			return d.items[i].line
		}
	}
	return 0
}

// raw is the text of a value as it stands in the file.
func (d *document) raw(p place) (string, bool) {
	it := d.find(p)
	if it == nil || !d.sure {
		return "", false
	}
	return d.text[it.from:it.to], true
}

// same compares what the library has read. Unlike reflect.DeepEqual it finds a NaN equal to
// itself.
func same(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for name, v := range a {
			if w, ok := b[name]; !ok || !same(v, w) {
				return false
			}
		}
		return true
	case []any, []map[string]any:
		x, y := list(a), list(b)
		return y != nil && slices.EqualFunc(x, y, same)
	case float64:
		b, ok := b.(float64)
		return ok && math.Float64bits(a) == math.Float64bits(b)
	case time.Time:
		b, ok := b.(time.Time)
		return ok && a.Equal(b) && a.Location().String() == b.Location().String()
	default:
		return a == b
	}
}

// list is an array of either kind, not nil; nil for anything else.
func list(v any) []any {
	switch v := v.(type) {
	case []any:
		return append([]any{}, v...)
	case []map[string]any:
		all := make([]any, len(v))
		for i := range v {
			all[i] = v[i]
		}
		return all
	}
	return nil
}

var (
	errDeep  = errors.New("too deep")
	errPlace = errors.New("not TOML")
)

const deepest = 40

// scanner finds where things stand in a text that the TOML library accepts. Of any other it
// finds something or gives up.
type scanner struct {
	text    string
	at      int
	items   []item
	arrays  map[place]int // how many tables an array of tables has
	section place
}

func (s *scanner) peek() byte {
	if s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}

func (s *scanner) blanks() {
	for s.at < len(s.text) && strings.IndexByte(" \t\r", s.text[s.at]) >= 0 {
		s.at++
	}
}

// gaps skips blanks, ends of lines and comments.
func (s *scanner) gaps() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\t', '\r', '\n':
			s.at++
		case '#':
			s.toLineEnd()
		default:
			return
		}
	}
}

// toLineEnd goes to the next line feed, or the end.
func (s *scanner) toLineEnd() {
	if n := strings.IndexByte(s.text[s.at:], '\n'); n >= 0 {
		s.at += n
	} else {
		s.at = len(s.text)
	}
}

func (s *scanner) document() error {
	if strings.HasPrefix(s.text, "\ufeff") {
		s.at = len("\ufeff")
	}
	for {
		s.gaps()
		if s.at >= len(s.text) {
			return nil
		}
		first, before := len(s.items), s.at
		start := strings.LastIndexByte(s.text[:s.at], '\n') + 1
		if start == 0 && strings.HasPrefix(s.text, "\ufeff") {
			start = len("\ufeff")
		}
		var err error
		if s.peek() == '[' {
			err = s.header()
		} else {
			err = s.pair(s.section, false, 0)
		}
		if err != nil {
			return err
		}
		if s.blanks(); s.at < len(s.text) && s.peek() != '\n' && s.peek() != '#' {
			return errPlace
		}
		s.toLineEnd()
		if s.at < len(s.text) {
			s.at++
		}
		for i := first; i < len(s.items); i++ {
			s.items[i].start, s.items[i].end, s.items[i].section = start, s.at, s.section
		}
		if s.at <= before {
			return errPlace
		}
	}
}

func (s *scanner) header() error {
	from := s.at
	s.at++
	array := s.peek() == '['
	if array {
		s.at++
	}
	names, err := s.key()
	if err != nil {
		return err
	}
	end := "]"
	if array {
		end = "]]"
	}
	if !strings.HasPrefix(s.text[s.at:], end) {
		return errPlace
	}
	s.at += len(end)
	p := place("")
	for i, n := range names {
		p = p.name(n)
		if count := s.arrays[p]; array && i == len(names)-1 {
			s.arrays[p]++
			p = p.at(count)
		} else if count > 0 {
			p = p.at(count - 1)
		}
	}
	s.section = p
	s.items = append(s.items, item{place: p, header: true, line: lineAt(s.text, from), from: from, to: s.at})
	return nil
}

// pair reads a key and its value.
func (s *scanner) pair(p place, inline bool, depth int) error {
	line := lineAt(s.text, s.at)
	names, err := s.key()
	if err != nil {
		return err
	}
	for _, n := range names {
		p = p.name(n)
	}
	if s.peek() != '=' {
		return errPlace
	}
	s.at++
	s.blanks()
	return s.value(p, inline, line, depth)
}

// key reads a dotted key and the blanks after it.
func (s *scanner) key() ([]string, error) {
	var names []string
	for {
		s.blanks()
		from := s.at
		switch c := s.peek(); c {
		case '"', '\'':
			if err := s.quoted(string(c)); err != nil {
				return nil, err
			}
			var word struct{ Word string }
			if _, err := toml.Decode("word="+s.text[from:s.at], &word); err != nil {
				return nil, errPlace
			}
			names = append(names, word.Word)
		default:
			for s.at < len(s.text) && strings.IndexByte(".=]# \t\r\n\"'[{},", s.text[s.at]) < 0 {
				s.at++
			}
			if s.at == from {
				return nil, errPlace
			}
			names = append(names, s.text[from:s.at])
		}
		if s.blanks(); s.peek() != '.' {
			return names, nil
		}
		if len(names) >= deepest {
			return nil, errDeep
		}
		s.at++
	}
}

// quoted reads a string with these quotes around it.
func (s *scanner) quoted(quotes string) error {
	s.at += len(quotes)
	for s.at < len(s.text) {
		switch {
		case quotes[0] == '"' && s.text[s.at] == '\\':
			s.at += 2
		case strings.HasPrefix(s.text[s.at:], quotes):
			s.at += len(quotes)
			// A string of several lines may end with two quotes of its own.
			for n := 0; len(quotes) == 3 && n < 2 && s.peek() == quotes[0]; n++ {
				s.at++
			}
			return nil
		default:
			s.at++
		}
	}
	s.at = len(s.text)
	return errPlace
}

func (s *scanner) value(p place, inline bool, line, depth int) error {
	if depth > deepest {
		return errDeep
	}
	me := len(s.items)
	s.items = append(s.items, item{place: p, inline: inline, line: line, from: s.at})
	var err error
	switch c := s.peek(); c {
	case '"', '\'':
		quotes := string(c)
		if strings.HasPrefix(s.text[s.at:], strings.Repeat(quotes, 3)) {
			quotes = strings.Repeat(quotes, 3)
		}
		err = s.quoted(quotes)
	case '[', '{':
		err = s.nested(p, c, depth)
	default:
		n := strings.IndexAny(s.text[s.at:], ",]}#\n")
		if n < 0 {
			n = len(s.text) - s.at
		}
		n = len(strings.TrimRight(s.text[s.at:s.at+n], " \t\r"))
		if n == 0 {
			return errPlace
		}
		s.at += n
	}
	s.items[me].to = s.at
	return err
}

// nested reads an array or an inline table.
func (s *scanner) nested(p place, open byte, depth int) error {
	s.at++
	for i := 0; ; i++ {
		if s.gaps(); s.peek() == ']' || s.peek() == '}' {
			s.at++
			return nil
		}
		var err error
		if open == '{' {
			err = s.pair(p, true, depth+1)
		} else {
			err = s.value(p.at(i), true, lineAt(s.text, s.at), depth+1)
		}
		if err != nil {
			return err
		}
		if s.gaps(); s.peek() == ',' {
			s.at++
		} else if s.peek() != ']' && s.peek() != '}' {
			return errPlace
		}
	}
}
