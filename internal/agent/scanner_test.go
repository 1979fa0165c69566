package agent

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// numeral is what a number means to a reader of counters.
type numeral struct {
	whole   int64
	isWhole bool
	float   float64
	isFloat bool
}

// treeOf reads a text with a Scanner, asking for each value what it is.
func treeOf(text []byte) (any, error) {
	var s Scanner
	s.Reset(text)
	tree := value(&s)
	if !s.End() {
		return nil, s.Err()
	}
	return tree, nil
}

// value reads a value through a copy of the scanner, so that every method sees it.
func value(s *Scanner) any {
	before := *s
	before.buf = nil
	look := before
	raw := look.Raw()
	if look.Err() != nil || len(raw) == 0 {
		s.Skip()
		return nil
	}
	try := func(method func(*Scanner)) {
		other := before
		method(&other)
		if other.at != look.at || other.err != nil {
			panic(fmt.Sprintf("%q: a method stopped at %d (%v), Raw at %d", s.text, other.at, other.err, look.at))
		}
	}
	var isText, isBool, isNull, truth bool
	var text string
	var n numeral
	try(func(s *Scanner) { b, ok := s.Text(); text, isText = string(b), ok })
	try(func(s *Scanner) { truth, isBool = s.Bool() })
	try(func(s *Scanner) { isNull = s.Null() })
	try(func(s *Scanner) { n.whole, n.isWhole = s.Int() })
	try(func(s *Scanner) { n.float, n.isFloat = s.Float() })
	if raw[0] != '{' && raw[0] != '[' {
		s.Skip()
		switch {
		case isText:
			return text
		case isBool:
			return truth
		case isNull:
			return nil
		}
		return n
	}
	object, list := map[string]any{}, []any{}
	if s.Object() {
		for {
			key, more := s.Key()
			if !more {
				return object
			}
			name := string(key)
			object[name] = value(s)
		}
	}
	if raw[0] == '{' {
		return nil // nested too deep
	}
	*s = before // Object has skipped it
	if !s.Array() {
		return nil
	}
	for s.More() {
		list = append(list, value(s))
	}
	return list
}

// wanted reads a text with json.Decoder tokens.
func wanted(text []byte) (any, error) {
	if !json.Valid(text) {
		return nil, errors.New("not JSON")
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	return wantedValue(decoder, 0)
}

func wantedValue(decoder *json.Decoder, depth int) (any, error) {
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case json.Number:
		return wantedNumber(string(token)), nil
	case json.Delim:
		if depth >= MaxDepth {
			return nil, errors.New("too deep")
		}
		object, list := map[string]any{}, []any{}
		for decoder.More() {
			name := ""
			if token == '{' {
				key, err := decoder.Token()
				if err != nil {
					return nil, err
				}
				name = key.(string)
			}
			value, err := wantedValue(decoder, depth+1)
			if err != nil {
				return nil, err
			}
			object[name] = value
			list = append(list, value)
		}
		if _, err := decoder.Token(); err != nil {
			return nil, err
		}
		if token == '{' {
			return object, nil
		}
		return list, nil
	}
	return token, nil
}

func wantedNumber(text string) (n numeral) {
	float, err := strconv.ParseFloat(text, 64)
	if n.isFloat = err == nil; n.isFloat {
		n.float = float
	}
	if strings.HasPrefix(text, "-") {
		return n
	}
	_, exponent, _ := strings.Cut(strings.ToLower(text), "e")
	if e, err := strconv.Atoi(exponent); exponent != "" && (err != nil || e > 5000 || e < -5000) {
		// Too large to work out: only its size matters.
		zero := !strings.ContainsAny(strings.ToLower(text)[:strings.IndexByte(strings.ToLower(text), 'e')], "123456789")
		switch {
		case zero:
			n.isWhole = true
		case !strings.HasPrefix(exponent, "-"):
			n.whole, n.isWhole = math.MaxInt64, true
		}
		return n
	}
	exact, ok := new(big.Rat).SetString(text)
	if !ok || !exact.IsInt() {
		return n
	}
	n.whole, n.isWhole = math.MaxInt64, true
	if exact.Num().IsInt64() {
		n.whole = exact.Num().Int64()
	}
	return n
}

var scannerTexts = []string{
	`{}`, `[]`, `0`, `""`, `null`, `true`, `false`, ` { "a" : [ 1 , 2 ] } `, "\t[\r\n]\n",
	`{"a":1,"a":2}`, `{"a":{"b":1},"a":5}`, `{"":0}`, `{"a":"b\\","c":"\\\"","d":"\\\\"}`,
	`"\u0041\n\t\b\f\r\/\\\""`, `"\ud83d\ude00"`, `"\ud83d"`, `"\ud83dx"`, `"\ud83d\u0041"`, `"\ude00\ud83d"`, `"\ud83d\ud83d\ude00"`,
	"\"a\xffb\"", "\"\xe2\x28\xa1\"", "{\"k\xff\":1}", `{"\u006b":1}`, "\"\u2028\"",
	`12.0`, `1e3`, `1.5e1`, `1.25e1`, `100e-2`, `105e-2`, `-1`, `-0`, `0e99999`, `0.0`, `1E+2`, `5e-1`,
	`9223372036854775807`, `9223372036854775808`, `92233720368547758070e-1`, `1e19`, `1e400`, `1e99999999999999999999`, `1e-99999999999999999999`, `0.000000000000000000000000001e27`,
	`[1,[2,[3,{"x":[{}]}]]]`, `{"usage":{"input_tokens":7},"text":"{\"usage\":{}}"}`,
	strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth),
	strings.Repeat("[", MaxDepth+1) + strings.Repeat("]", MaxDepth+1),
	strings.Repeat(`{"a":`, MaxDepth) + "1" + strings.Repeat("}", MaxDepth),
	// Not JSON.
	``, ` `, `{`, `[`, `"`, `"\"`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `[1`, `[1,`, `}`, `]`, `{"a" 1}`, `{a:1}`, `[1 2]`,
	`{"type":"us{"type":"x"}`, `{"a":1}{"b":2}`, `{"a":12{"b":2}}`, `{"a":1} x`, `nul`, `truefalse`, `01`, `1.`, `.5`, `+1`, `1e`, `--1`,
	`"\q"`, `"\u12"`, `"\u12G4"`, "\"\x00\"", "\"\n\"", `[1,]`, `{"a":1,}`, `{,}`, `[,1]`, `{"a":}`, `{1:2}`,
	"{\"a\":1}\x00\x00", "\xef\xbb\xbf{}",
}

func checkScanner(t *testing.T, text []byte) {
	want, wantErr := wanted(text)
	if got := Valid(text); (got == nil) != (wantErr == nil) {
		t.Fatalf("Valid: %v, encoding/json: %v", got, wantErr)
	}
	got, err := treeOf(text)
	var s Scanner
	s.Reset(text)
	s.Skip()
	s.End()
	if wantErr != nil {
		return // the scanner may pass over what does not matter to it
	}
	if err != nil || s.Err() != nil {
		t.Fatalf("read: %v, skip: %v", err, s.Err())
	}
	if !reflect.DeepEqual(want, got) {
		t.Fatalf("want %#v, got %#v", want, got)
	}
}

func TestScanner(t *testing.T) {
	for _, text := range scannerTexts {
		name := text
		if len(name) > 40 {
			name = fmt.Sprintf("%s and %d more", name[:40], len(name)-40)
		}
		t.Run(name, func(t *testing.T) {
			checkScanner(t, []byte(text))
			checkScanner(t, padded(text))
		})
	}
}

func FuzzScanner(f *testing.F) {
	for _, text := range scannerTexts {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		checkScanner(t, text)
		checkChecked(t, text)
		checkScanner(t, padded(string(text)))
		checkChecked(t, padded(string(text)))
	})
}

// Damage that a scanner must notice although it does not validate, or a record glued to
// another would be lost in silence.
func TestScannerNoticesGluedRecords(t *testing.T) {
	record := `{"type":"assistant","message":{"usage":{"output_tokens":5}}}`
	for _, stub := range []string{
		`{`, `{"a`, `{"a"`, `{"a":`, `{"a":1`, `{"a":12`, `{"a":tr`, `{"a":"text`, `{"a":"text"`, `{"a":{"b":[1,2`, `{"a":[{"b":"c`, `{"a":1,`, `{"a":1}`,
	} {
		var s Scanner
		s.Reset([]byte(stub + record))
		s.Skip()
		if s.End() {
			t.Errorf("%s: not noticed", stub)
		}
	}
}

func TestScannerStopsAtAFault(t *testing.T) {
	var s Scanner
	s.Reset([]byte(`{"a" 1}`))
	if !s.Object() {
		t.Fatal("no object")
	}
	if _, more := s.Key(); more || s.Err() == nil {
		t.Fatal("the missing colon went unnoticed")
	}
	if _, ok := s.Int(); ok {
		t.Error("a number after the fault")
	}
	if _, ok := s.Text(); ok || s.Raw() != nil || s.Object() || s.Array() || s.More() || s.Null() {
		t.Error("a value after the fault")
	}
	if _, ok := s.Float(); ok {
		t.Error("a float after the fault")
	}
}

func TestCountIsBounded(t *testing.T) {
	for text, want := range map[string]int64{`7`: 7, `-7`: 0, `"7"`: 0, `1.5`: 0, `null`: 0, `{}`: 0, `1099511627775`: MaxCount, `1099511627776`: 0,
		`9223372036854775807`: 0, `9223372036854775808`: 0, `18446744073709551617`: 0, `1e30`: 0} {
		var s Scanner
		s.Reset([]byte(text))
		if got := s.Count(); got != want {
			t.Errorf("%s: want %d, got %d", text, want, got)
		}
	}
}

func TestSyntaxErrorSaysWhere(t *testing.T) {
	for text, want := range map[string]int{`{"a":1}x`: 7, `{"a" 1}`: 5, `[1,`: 3, "\"a\nb\"": 2, `"\q"`: 2, `{"a":tru}`: 8, `12345678"`: 8, "\"0123456789\x01\"": 11} {
		var fault *SyntaxError
		if err := Valid([]byte(text)); !errors.As(err, &fault) || fault.Offset != want {
			t.Errorf("%s: want a fault at %d, got %v", text, want, err)
		}
	}
}

// TestCheckedOnceIsChecked: a text of which a value was validated on the way is as valid as
// without that, whichever value it was and however the scanner came to it.
func TestCheckedOnceIsChecked(t *testing.T) {
	for _, text := range append(scannerTexts,
		`{"m":{"content":[{"t":"a\q"}],"usage":{"n":1}}}`, `{"m":{"content":"a" "usage":1}}`, `{"m":{"content":[1,]}}`,
		strings.Repeat(`{"a":`, MaxDepth)+`[1]`+strings.Repeat("}", MaxDepth),
		strings.Repeat(`{"a":`, MaxDepth-1)+`[1]`+strings.Repeat("}", MaxDepth-1),
	) {
		checkChecked(t, []byte(text))
		checkChecked(t, padded(text))
	}
}

// padded is the same JSON, long enough that its strings are found beforehand.
func padded(text string) []byte {
	return []byte(strings.Repeat(" ", shortestMarked-5) + text + "     ")
}

// checkChecked enters an object's first members, and has one value of each object checked.
func checkChecked(t *testing.T, text []byte) {
	for deep := range 4 {
		var checking, plain Scanner
		checking.Reset(text)
		plain.Reset(text)
		for range deep {
			in, also := checking.Object(), plain.Object()
			if !in || !also {
				break
			}
			_, a := checking.Key()
			_, b := plain.Key()
			if a != b {
				t.Fatalf("%q: the scanners differ", text)
			}
			if !a {
				break
			}
		}
		got, want := checking.RawChecked(), plain.Raw()
		if !bytes.Equal(got, want) || (checking.Err() == nil) != (plain.Err() == nil) {
			t.Fatalf("%.200q: RawChecked gives %.200q, %v, but Raw %.200q, %v", text, got, checking.Err(), want, plain.Err())
		}
		if once, whole := checking.Valid(), Valid(text); (once == nil) != (whole == nil) {
			t.Fatalf("%.200q, %d deep: valid with a part checked: %v, at once: %v", text, deep, once, whole)
		}
	}
}
