package statusline

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

const ours = `"/opt/tokenmeter" statusline`

// written is our command as it stands in JSON.
const written = `"\"/opt/tokenmeter\" statusline"`

func TestOnlyTheMemberChanges(t *testing.T) {
	const compact = `"statusLine":{"type":"command","command":` + written + `}`
	for name, c := range map[string]struct{ before, after string }{
		"two spaces":           {"{\n  \"a\": 1\n}\n", "{\n  \"a\": 1,\n  \"statusLine\": {\n    \"type\": \"command\",\n    \"command\": " + written + "\n  }\n}\n"},
		"tabs, CRLF, no end":   {"{\r\n\t\"a\": {\r\n\t\t\"b\": []\r\n\t}\r\n}", "{\r\n\t\"a\": {\r\n\t\t\"b\": []\r\n\t},\r\n\t\"statusLine\": {\r\n\t\t\"type\": \"command\",\r\n\t\t\"command\": " + written + "\r\n\t}\r\n}"},
		"compact":              {`{"a":1,"b":"}\""}`, `{"a":1,"b":"}\"",` + compact + `}`},
		"one line":             {`{"a": 1}`, `{"a": 1, "statusLine": {"type": "command", "command": ` + written + `}}`},
		"one line, wide":       {`{ "a" : 1, "b" : 2 }`, `{ "a" : 1, "b" : 2, "statusLine" : {"type" : "command", "command" : ` + written + `} }`},
		"a blank line between": {"{\n  \"a\": 1,\n\n  \"b\": 2\n\n}", "{\n  \"a\": 1,\n\n  \"b\": 2,\n  \"statusLine\": {\n    \"type\": \"command\",\n    \"command\": " + written + "\n  }\n\n}"},
		"not indented":         {"{\n\"a\":1\n}", "{\n\"a\":1,\n\"statusLine\":{\n\"type\":\"command\",\n\"command\":" + written + "\n}\n}"},
		"empty":                {"{}", "{\n  \"statusLine\": {\n    \"type\": \"command\",\n    \"command\": " + written + "\n  }\n}"},
		"empty on two lines":   {"{\r\n}\r\n", "{\r\n  \"statusLine\": {\r\n    \"type\": \"command\",\r\n    \"command\": " + written + "\r\n  }\r\n}\r\n"},
		"a byte order mark":    {"\ufeff{\"a\":1}", "\ufeff{\"a\":1," + compact + "}"},
		"a key broken in two":  {"{\"a\"\n:\n1}", "{\"a\"\n:\n1, \"statusLine\": {\"type\": \"command\", \"command\": " + written + "}}"},
		"another command":      {`{"statusLine" : { "command":"a\u0020b" ,"type":"command","padding":0},"z":1}`, `{"statusLine" : { "command":` + written + ` ,"type":"command","padding":0},"z":1}`},
		"escaped keys":         {`{"status\u004cine":{"typ\u0065":"command","\u0063ommand":"x"}}`, `{"status\u004cine":{"typ\u0065":"command","\u0063ommand":` + written + `}}`},
		"the key in a value":   {`{"a":"statusLine","b":{"statusLine":1}}`, `{"a":"statusLine","b":{"statusLine":1},` + compact + `}`},
	} {
		t.Run(name, func(t *testing.T) {
			after, back := thereAndBack(t, []byte(c.before))
			if string(after) != c.after {
				t.Errorf("%q\nwant %q", after, c.after)
			}
			if string(back) != c.before {
				t.Errorf("uninstalled %q\nwant %q", back, c.before)
			}
		})
	}
}

// thereAndBack installs and uninstalls.
func thereAndBack(t *testing.T, before []byte) (after, back []byte) {
	t.Helper()
	line, err := statusLineOf(before)
	if err != nil {
		t.Fatal(err)
	}
	put := ""
	if line.number < 0 {
		after, put = line.added(ours)
	} else {
		after = line.with(literal(ours))
	}
	now, err := statusLineOf(after)
	if err != nil || now.command != ours {
		t.Fatalf("%q runs %q: %v", after, now.command, err)
	}
	if put != "" {
		return after, now.removed(put)
	}
	return after, now.with(string(before[line.from:line.to]))
}

func TestWhatIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"nothing":                {"", "empty"},
		"white space":            {" \n", "empty"},
		"a comment":              {"{\n\n// x\n}", "line 3"},
		"a trailing comma":       {`{"a":1,}`, "not strict JSON"},
		"single quotes":          {`{'a':1}`, "not strict JSON"},
		"two texts":              {`{}{}`, "not strict JSON"},
		"not UTF-8":              {"{\"a\":\"\xff\"}", "UTF-8"},
		"UTF-16":                 {"\xff\xfe{\x00}\x00", "UTF-8"},
		"a list":                 {`[]`, "not an object"},
		"null":                   {`null`, "not an object"},
		"a key twice":            {`{"a":1,"a":2}`, `"a" is there twice`},
		"our key twice":          {`{"statusLine":{"type":"command","command":"a"},"status\u004cine":1}`, "twice"},
		"a command twice":        {`{"statusLine":{"type":"command","command":"a","command":"b"}}`, "twice"},
		"a status line of words": {`{"statusLine":"x"}`, "statusLine: it is not an object"},
		"none on purpose":        {`{"statusLine":null}`, "statusLine: it is not an object"},
		"another type":           {`{"statusLine":{"type":"static","command":"a"}}`, "type"},
		"no type":                {`{"statusLine":{"command":"a"}}`, "type"},
		"no command":             {`{"statusLine":{"type":"command"}}`, "command is not a text"},
		"a command of parts":     {`{"statusLine":{"type":"command","command":["a"]}}`, "command is not a text"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := statusLineOf([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

func TestOnlyTheMemberIsTakenBackOfAChangedFile(t *testing.T) {
	const member = `"statusLine": {"type": "command", "command": "x"}`
	for name, c := range map[string]struct{ text, want string }{
		"alone":  {"{\n  " + member + "\n}\n", "{\n}\n"},
		"first":  {"{\n  " + member + ",\n  \"b\": 2\n}", "{\n  \"b\": 2\n}"},
		"middle": {"{\n  \"a\": 1,\n  " + member + ",\n  \"b\": 2\n}", "{\n  \"a\": 1,\n  \"b\": 2\n}"},
		"last":   {"{\n  \"a\": 1,\n  " + member + "\n}", "{\n  \"a\": 1\n}"},
	} {
		t.Run(name, func(t *testing.T) {
			line, err := statusLineOf([]byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			if got := string(line.removed("\n  something else")); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func FuzzEdit(f *testing.F) {
	for _, text := range []string{
		"{\n  \"a\": [1, {\"b\": \"}\"}]\n}\n", "{\r\n\t\"a\" :1\r\n}", `{}`, "{ \n}", `{"a":-1.5e3,"b":true}`,
		`{"statusLine":{"type":"command","command":"a\u0020b","padding":0},"z":null}`, "\ufeff{\"a\" \n: \"\\\"\"}",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, before []byte) {
		line, err := statusLineOf(before)
		if err != nil {
			return
		}
		after, back := thereAndBack(t, before)
		if !bytes.Equal(back, before) {
			t.Errorf("%q comes back as %q", before, back)
		}
		is, was := decoded(t, after), decoded(t, before)
		if line.number >= 0 {
			was[lineKey].(map[string]any)[commandKey] = ours
		} else {
			was[lineKey] = map[string]any{typeKey: commandType, commandKey: ours}
		}
		if !reflect.DeepEqual(is, was) {
			t.Errorf("%q becomes %q", before, after)
		}
		now, err := statusLineOf(after)
		if err != nil {
			t.Fatal(err)
		}
		gone := decoded(t, now.removed(""))
		delete(was, lineKey)
		if !reflect.DeepEqual(gone, was) {
			t.Errorf("%q without the member is %q", after, now.removed(""))
		}
	})
}

func decoded(t *testing.T, text []byte) (tree map[string]any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	d.UseNumber()
	if err := d.Decode(&tree); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return tree
}

func TestWhatIsOurs(t *testing.T) {
	for line, want := range map[string]bool{
		ours:                           true,
		`tokenmeter statusline`:        true,
		`'/a b/tokenmeter' statusline`: true,
		`"C:/Program Files/Tokenmeter/tokenmeter.exe" statusline`: true,
		`"/a/tokenmeter" statusline --data-dir "/x y"`:            true,
		`/a/tokenmeter  statusline `:                              true,
		`"/a/tokenmeter" statusline | cat`:                        false,
		`"/a/tokenmeter" statusline; x`:                           false,
		`"/a/tokenmeter" statusline --data-dir`:                   false,
		`"/a/tokenmeter" status`:                                  false,
		`"/a/tokenmeter"`:                                         false,
		`/a/other statusline`:                                     false,
		`"/a/$HOME/tokenmeter" statusline`:                        false,
		`"/a/tokenmeter`:                                          false,
		`x=1 tokenmeter statusline`:                               false,
		"":                                                        false,
		CommandLine("/a \"b\"/$x`y\\/tokenmeter", "/data dir/with\"$"): true,
	} {
		if got := isOurs(line); got != want {
			t.Errorf("%s: %v", line, got)
		}
	}
	if got := CommandLine("/opt/tokenmeter", ""); got != ours {
		t.Errorf("%s", got)
	}
}
