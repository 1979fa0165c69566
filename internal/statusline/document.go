package statusline

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Names in Claude Code's settings.
const (
	lineKey     = "statusLine"
	typeKey     = "type"
	commandKey  = "command"
	commandType = "command"
	hooksOffKey = "disableAllHooks"
)

// member is a member of an object: where its key, its value and its end are.
type member struct {
	key               string
	at, keyEnd, value int
	end               int
}

// object is a JSON object within a text.
type object struct {
	text    []byte
	open    int // the bracket
	close   int // the other one
	members []member
}

// settingsOf reads a settings file, which has to be strict JSON, an object, and without a key
// twice.
func settingsOf(text []byte) (object, error) {
	inner := bytes.TrimPrefix(text, []byte("\ufeff"))
	if !utf8.Valid(inner) {
		return object{}, errors.New("it is not strict JSON: it is not UTF-8")
	}
	if len(bytes.TrimSpace(inner)) == 0 {
		return object{}, errors.New("it is not strict JSON: it is empty")
	}
	var value json.RawMessage
	if err := json.Unmarshal(inner, &value); err != nil {
		where := ""
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			where = fmt.Sprintf("line %d: ", 1+bytes.Count(inner[:min(int(syntax.Offset), len(inner))], []byte{'\n'}))
		}
		return object{}, fmt.Errorf("it is not strict JSON: %s%w", where, err)
	}
	return objectAt(text, len(text)-len(inner)+space(inner, 0))
}

// objectAt reads the object that begins at an offset of a valid text.
func objectAt(text []byte, at int) (object, error) {
	o := object{text: text, open: at}
	if text[at] != '{' {
		return o, errors.New("it is not an object")
	}
	seen := map[string]bool{}
	for at = space(text, at+1); text[at] != '}'; {
		m := member{at: at}
		m.keyEnd = valueEnd(text, at)
		if err := json.Unmarshal(text[m.at:m.keyEnd], &m.key); err != nil {
			return o, fmt.Errorf("read a key: %w", err)
		}
		if seen[m.key] {
			return o, fmt.Errorf("it is not strict JSON: %q is there twice", m.key)
		}
		seen[m.key] = true
		m.value = space(text, space(text, m.keyEnd)+1)
		m.end = valueEnd(text, m.value)
		o.members = append(o.members, m)
		if at = space(text, m.end); text[at] == ',' {
			at = space(text, at+1)
		}
	}
	o.close = at
	return o, nil
}

// find gives the number of the member with a key, -1 if there is none.
func (o *object) find(key string) int {
	for i, m := range o.members {
		if m.key == key {
			return i
		}
	}
	return -1
}

// raw is the value of the i-th member as it is written.
func (o *object) raw(i int) []byte { return o.text[o.members[i].value:o.members[i].end] }

// textOf is the value of a member that is a text.
func (o *object) textOf(key string) (text string, ok bool) {
	i := o.find(key)
	return text, i >= 0 && o.raw(i)[0] == '"' && json.Unmarshal(o.raw(i), &text) == nil
}

func space(text []byte, at int) int {
	for at < len(text) && isSpace(text[at]) {
		at++
	}
	return at
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// valueEnd gives the end of the value that begins at an offset of a valid text.
func valueEnd(text []byte, at int) int {
	depth := 0
	for {
		switch text[at] {
		case '"':
			for at++; text[at] != '"'; at++ {
				if text[at] == '\\' {
					at++
				}
			}
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		default:
			if depth == 0 { // a number or a word
				for at < len(text) && isWord(text[at]) {
					at++
				}
				return at
			}
		}
		if at++; depth == 0 {
			return at
		}
	}
}

// statusLine is the member that is ours to change.
type statusLine struct {
	object       // the settings
	number   int // of the member, -1 if there is none
	command  string
	from, to int // where the command is written
}

// statusLineOf finds it, and refuses what another kind of program, or a newer one, has put there.
func statusLineOf(text []byte) (statusLine, error) {
	settings, err := settingsOf(text)
	if err != nil {
		return statusLine{}, err
	}
	line := statusLine{object: settings, number: settings.find(lineKey)}
	if line.number < 0 {
		return line, nil
	}
	inner, err := objectAt(text, settings.members[line.number].value)
	if err != nil {
		return line, fmt.Errorf("%s: %w", lineKey, err)
	}
	if kind, ok := inner.textOf(typeKey); !ok || kind != commandType {
		return line, fmt.Errorf("%s: its %s is not %q", lineKey, typeKey, commandType)
	}
	command, ok := inner.textOf(commandKey)
	if !ok {
		return line, fmt.Errorf("%s: its %s is not a text", lineKey, commandKey)
	}
	m := inner.members[inner.find(commandKey)]
	line.command, line.from, line.to = command, m.value, m.end
	return line, nil
}

// literal is a text as it is written in JSON.
func literal(text string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(text) // text always can be
	return string(bytes.TrimSuffix(b.Bytes(), []byte{'\n'}))
}

// with is the text with the command replaced as it is to be written.
func (l *statusLine) with(written string) []byte { return splice(l.text, l.from, l.to, written) }

// added is the text with the member put in last, indented like its siblings, and what was put in.
func (l *statusLine) added(command string) (text []byte, put string) {
	if len(l.members) == 0 {
		end := "\n"
		if bytes.Contains(l.text, []byte("\r\n")) {
			end = "\r\n"
		}
		put = end + indented(command, end, "  ", ": ")
		if !bytes.Contains(l.text[l.open:l.close], []byte{'\n'}) {
			put += end
		}
		return splice(l.text, l.open+1, l.open+1, put), put
	}
	last := l.members[len(l.members)-1]
	before := last.at
	for isSpace(l.text[before-1]) {
		before--
	}
	gap := string(l.text[before:last.at])
	colon := string(l.text[last.keyEnd:last.value])
	if strings.ContainsAny(colon, "\r\n") {
		colon = ": "
	}
	if line := strings.LastIndexByte(gap, '\n'); line >= 0 {
		end := "\n"
		if line > 0 && gap[line-1] == '\r' {
			end = "\r\n"
		}
		put = "," + end + indented(command, end, gap[line+1:], colon)
	} else {
		if len(l.members) == 1 {
			// What is behind the bracket is no example for what is behind a comma.
			_, gap, _ = strings.Cut(colon, ":")
		}
		put = "," + gap + `"` + lineKey + `"` + colon + `{"` + typeKey + `"` + colon + `"` + commandType + `",` + gap +
			`"` + commandKey + `"` + colon + literal(command) + "}"
	}
	return splice(l.text, last.end, last.end, put), put
}

// indented is the member on lines of its own.
func indented(command, end, indent, colon string) string {
	inner := end + indent + indent
	return indent + `"` + lineKey + `"` + colon + "{" + inner + `"` + typeKey + `"` + colon + `"` + commandType + `",` +
		inner + `"` + commandKey + `"` + colon + literal(command) + end + indent + "}"
}

// removed is the text without the member. put is what was put in, if it is known.
func (l *statusLine) removed(put string) []byte {
	m := l.members[l.number]
	from, to := m.at, m.end
	switch {
	case l.number > 0:
		from = l.members[l.number-1].end // with the comma before
	case len(l.members) > 1:
		to = l.members[1].at // with the comma behind
	case put != "" && bytes.HasPrefix(l.text[l.open+1:], []byte(put)):
		from, to = l.open+1, l.open+1+len(put)
	default:
		from = l.open + 1
	}
	return splice(l.text, from, to, "")
}

// splice is the text with a part replaced.
func splice(text []byte, from, to int, with string) []byte {
	out := make([]byte, 0, len(text)+len(with))
	out = append(append(out, text[:from]...), with...)
	return append(out, text[to:]...)
}
