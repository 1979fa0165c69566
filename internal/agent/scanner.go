package agent

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxDepth is how deep objects and arrays may nest in a log line.
const MaxDepth = 1000

// The faults a Scanner can notice. It skips without validating, so a text without a fault
// may still not be JSON: see Valid.
var (
	errScanEnd    = errors.New("unexpected end of the text")
	errScanDepth  = errors.New("nested too deep")
	errScanSyntax = errors.New("unexpected byte")
)

// Scanner reads one JSON text from front to back without allocating. It is made for lines
// of which a few fields matter: what is skipped is not validated, only its extent is
// found. A text that yields something worth keeping is to be checked with Valid.
//
// Every value method (Object, Array, Skip, Raw, Int, Float, Text, Bool, Null) consumes
// exactly one value, whatever its type. An object that was entered must be read to its end
// (until Key is false), an array too (until More is false). A caller that overwrites what
// it found earlier under the same key gets JSON's usual meaning of duplicate keys: the
// last one wins.
//
// After the first fault every method returns its zero value; Err tells.
type Scanner struct {
	text  []byte
	at    int
	depth int
	err   error
	buf   []byte // room for decoded strings

	quotes  []uint64 // of all strings, which are in order (see quotesOf); nil = unknown
	room    []uint64 // for quotes
	checked span     // a value that RawChecked found to be valid
}

// Reset begins a new text. The text must not change while it is read.
func (s *Scanner) Reset(text []byte) {
	s.text, s.at, s.depth, s.err, s.checked, s.quotes = text, 0, 0, nil, span{}, nil
	if canClassify && len(text) >= shortestMarked && len(text) <= longestMarked {
		var ok bool
		if s.room, ok = quotesOf(text, s.room); ok {
			s.quotes = s.room
		}
	}
}

// Err is the first fault, nil if there was none.
func (s *Scanner) Err() error { return s.err }

// End reports whether the text was read to its end without a fault; only white space may
// follow the value.
func (s *Scanner) End() bool {
	if s.err == nil {
		s.space()
		if s.at < len(s.text) {
			s.err = errScanSyntax
		}
	}
	return s.err == nil
}

// Object enters an object. If the value is something else, it is skipped and the answer is
// false.
func (s *Scanner) Object() bool { return s.enter('{') }

// Array enters an array. If the value is something else, it is skipped and the answer is
// false.
func (s *Scanner) Array() bool { return s.enter('[') }

func (s *Scanner) enter(opening byte) bool {
	if s.peek() != opening {
		s.Skip()
		return false
	}
	if s.depth++; s.depth > MaxDepth {
		s.err = errScanDepth
		return false
	}
	s.at++
	return true
}

// Key gives the next member's key, decoded; its value must be consumed next. False: the
// object has ended. The key is valid until the next call.
func (s *Scanner) Key() ([]byte, bool) {
	switch s.next() {
	case '}':
		s.at++
		s.depth--
		return nil, false
	case '"':
	default:
		s.fail()
		return nil, false
	}
	start := s.at + 1
	s.skipString()
	if s.err != nil {
		return nil, false
	}
	raw := s.text[start : s.at-1]
	if s.peek() != ':' {
		s.fail()
		return nil, false
	}
	s.at++
	return s.decoded(raw), true
}

// More reports whether the array has another element, which must be consumed next.
func (s *Scanner) More() bool {
	switch s.next() {
	case ']':
		s.at++
		s.depth--
		return false
	case '}', ',', ':', 0:
		s.fail()
		return false
	}
	return true
}

// Skip consumes a value.
func (s *Scanner) Skip() {
	switch c := s.peek(); {
	case c == '"':
		s.skipString()
	case c == '{' || c == '[':
		s.skipContainer()
	default:
		s.skipScalar()
	}
}

// Raw consumes a value and gives its bytes.
func (s *Scanner) Raw() []byte {
	s.space()
	start := s.at
	s.Skip()
	if s.err != nil {
		return nil
	}
	return s.text[start:s.at]
}

// RawChecked is Raw for a large value of a text that will probably be asked to be Valid: it
// is validated while its extent is found, and Valid need not look at it again.
func (s *Scanner) RawChecked() []byte {
	switch s.peek() {
	case '{', '[', '"':
	default: // where it ends is a matter of its own
		return s.Raw()
	}
	end, ok := validValue(s.text, s.at, s.depth, span{}, s.quotes)
	if !ok {
		return s.Raw()
	}
	s.checked = span{s.at, end}
	s.at = end
	return s.text[s.checked.start:end]
}

// Valid is Valid of the whole text, wherever the scanner stands in it.
func (s *Scanner) Valid() error { return validBut(s.text, s.checked, s.quotes) }

// Null consumes a value and reports whether it was null.
func (s *Scanner) Null() bool { return string(s.scalar()) == "null" }

// Bool consumes a value; ok if it was true or false.
func (s *Scanner) Bool() (value, ok bool) {
	raw := s.scalar()
	value = string(raw) == "true"
	return value, value || string(raw) == "false"
}

// Int consumes a value; ok if it was a number without minus sign whose value is whole
// (12, 12.0, 1.2e1). What is greater than an int64 becomes the greatest int64. Everything
// else, strings of digits too, gives 0.
func (s *Scanner) Int() (value int64, ok bool) {
	raw := s.scalar()
	if len(raw) == 0 || len(raw) > 18 {
		return wholeNumber(raw)
	}
	for _, c := range raw {
		if c < '0' || c > '9' {
			return wholeNumber(raw)
		}
		value = value*10 + int64(c-'0')
	}
	return value, true
}

// Float consumes a value; ok if it was a number that a float64 can hold.
func (s *Scanner) Float() (value float64, ok bool) {
	raw := s.scalar()
	if len(raw) == 0 || raw[0] != '-' && (raw[0] < '0' || raw[0] > '9') {
		return 0, false
	}
	value, err := strconv.ParseFloat(string(raw), 64)
	if err != nil {
		return 0, false
	}
	return value, true
}

// Text consumes a value; ok if it was a string, which is given decoded, with U+FFFD for
// what is not UTF-8 (as encoding/json does). It is valid until the next call.
func (s *Scanner) Text() (text []byte, ok bool) {
	if s.peek() != '"' {
		s.Skip()
		return nil, false
	}
	start := s.at + 1
	s.skipString()
	if s.err != nil {
		return nil, false
	}
	return s.decoded(s.text[start : s.at-1]), true
}

// scalar consumes a value and gives its bytes if it was a number, true, false or null.
func (s *Scanner) scalar() []byte {
	switch s.peek() {
	case '"', '{', '[':
		s.Skip()
		return nil
	}
	start := s.at
	s.skipScalar()
	if s.err != nil {
		return nil
	}
	return s.text[start:s.at]
}

func (s *Scanner) fail() {
	if s.err != nil {
		return
	}
	if s.at >= len(s.text) {
		s.err = errScanEnd
	} else {
		s.err = errScanSyntax
	}
}

func (s *Scanner) space() {
	for s.at < len(s.text) && isSpace(s.text[s.at]) {
		s.at++
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// peek skips white space and gives the byte that follows; 0 at the end or after a fault.
func (s *Scanner) peek() byte {
	if s.err != nil {
		return 0
	}
	if s.at < len(s.text) {
		if c := s.text[s.at]; c > ' ' {
			return c
		}
	}
	s.space()
	if s.at >= len(s.text) {
		return 0
	}
	return s.text[s.at]
}

// next is peek behind a comma, if there is one.
func (s *Scanner) next() byte {
	c := s.peek()
	if c != ',' {
		return c
	}
	s.at++
	return s.peek()
}

// skipString consumes a string whose opening quote is next.
func (s *Scanner) skipString() {
	if s.quotes != nil {
		s.at = nextQuote(s.quotes, s.at+1)
		return
	}
	if s.at = stringEnd(s.text, s.at); s.at < 0 {
		s.at, s.err = len(s.text), errScanEnd
	}
}

// stringEnd gives the offset behind the string whose opening quote is at start, -1 if the
// string has no end.
func stringEnd(text []byte, start int) int {
	at := start + 1
	for {
		n := bytes.IndexByte(text[at:], '"')
		if n < 0 {
			return -1
		}
		// The quote is part of the string if an odd number of backslashes is before it.
		quote := at + n
		run := quote
		for text[run-1] == '\\' && run-1 > start {
			run--
		}
		at = quote + 1
		if (quote-run)&1 == 0 {
			return at
		}
	}
}

// skipScalar consumes a number or a word. It takes letters, digits and signs only, so that
// a record glued on without a line feed is noticed.
func (s *Scanner) skipScalar() {
	start := s.at
	for s.at < len(s.text) && isScalar[s.text[s.at]] {
		s.at++
	}
	if s.at == start {
		s.fail()
	}
}

var isScalar = [256]bool{
	'+': true, '-': true, '.': true,
	'0': true, '1': true, '2': true, '3': true, '4': true, '5': true, '6': true, '7': true, '8': true, '9': true,
	'E': true, 'a': true, 'e': true, 'f': true, 'l': true, 'n': true, 'r': true, 's': true, 't': true, 'u': true,
}

// skipContainer consumes an object or array whose opening bracket is next.
func (s *Scanner) skipContainer() {
	if s.err != nil {
		return
	}
	text, at, depth := s.text, s.at, s.depth
	for at < len(text) {
		switch text[at] {
		case '"':
			if s.quotes != nil {
				at = nextQuote(s.quotes, at+1)
			} else if at = stringEnd(text, at); at < 0 {
				s.at, s.err = len(text), errScanEnd
				return
			}
			continue
		case '{', '[':
			if depth++; depth > MaxDepth {
				s.at, s.err = at, errScanDepth
				return
			}
		case '}', ']':
			if depth--; depth == s.depth {
				s.at = at + 1
				return
			}
		}
		at++
	}
	s.at, s.err = len(text), errScanEnd
}

// decoded is the inside of a string as it is meant; mostly that is the raw text.
func (s *Scanner) decoded(raw []byte) []byte {
	if plain(raw) || bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw) {
		return raw
	}
	return s.decode(raw)
}

// plain reports whether a text is ASCII without a backslash, as keys and ids are; it looks
// at eight bytes a step.
func plain(text []byte) bool {
	for ; len(text) >= 8; text = text[8:] {
		word := binary.LittleEndian.Uint64(text)
		slash := word ^ ones*'\\'
		if (word|(slash-ones)&^slash)&highs != 0 {
			return false
		}
	}
	for _, c := range text {
		if c >= utf8.RuneSelf || c == '\\' {
			return false
		}
	}
	return true
}

// decode resolves the escapes of a string's inside, into a buffer used again and again.
func (s *Scanner) decode(raw []byte) []byte {
	out := s.buf[:0]
	for i := 0; i < len(raw); {
		c := raw[i]
		switch {
		case c == '\\' && i+1 < len(raw):
			i++
			switch c = raw[i]; c {
			case 'b':
				c = '\b'
			case 'f':
				c = '\f'
			case 'n':
				c = '\n'
			case 'r':
				c = '\r'
			case 't':
				c = '\t'
			case 'u':
				r := hexRune(raw[i+1:])
				i += 5
				if utf16.IsSurrogate(r) {
					second := rune(-1)
					if i+1 < len(raw) && raw[i] == '\\' && raw[i+1] == 'u' {
						second = hexRune(raw[i+2:])
					}
					if r = utf16.DecodeRune(r, second); r != utf8.RuneError {
						i += 6
					}
				}
				out = utf8.AppendRune(out, r)
				continue
			}
			out = append(out, c)
			i++
		case c < utf8.RuneSelf:
			out = append(out, c)
			i++
		default:
			r, size := utf8.DecodeRune(raw[i:])
			out = utf8.AppendRune(out, r)
			i += size
		}
	}
	s.buf = out
	return out
}

// hexRune reads four hexadecimal digits; U+FFFD if they are not there.
func hexRune(b []byte) rune {
	if len(b) < 4 {
		return utf8.RuneError
	}
	var r rune
	for _, c := range b[:4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return utf8.RuneError
		}
		r = r<<4 | rune(c)
	}
	return r
}

// wholeNumber is Int for the rarer forms: fractions, exponents, numbers of many digits.
func wholeNumber(raw []byte) (int64, bool) {
	if len(raw) == 0 || raw[0] < '0' || raw[0] > '9' {
		return 0, false
	}
	mantissa, exponent := raw, 0
	if e := bytes.IndexAny(raw, "eE"); e >= 0 {
		mantissa = raw[:e]
		digits := raw[e+1:]
		sign := 1
		if len(digits) > 0 && (digits[0] == '+' || digits[0] == '-') {
			if digits[0] == '-' {
				sign = -1
			}
			digits = digits[1:]
		}
		if len(digits) == 0 {
			return 0, false
		}
		for _, c := range digits {
			if c < '0' || c > '9' {
				return 0, false
			}
			// A billion is beyond any number of digits that fits a line.
			exponent = min(exponent*10+int(c-'0'), 1_000_000_000)
		}
		exponent *= sign
	}
	whole, fraction, _ := bytes.Cut(mantissa, []byte("."))
	digitCount := len(whole) + len(fraction)
	digit := func(i int) byte {
		if i < len(whole) {
			return whole[i]
		}
		return fraction[i-len(whole)]
	}
	point := len(whole) + exponent // the digits before it are whole
	var value int64
	overflow := false
	for i := range digitCount {
		c := digit(i)
		if c < '0' || c > '9' {
			return 0, false
		}
		if i >= point {
			if c != '0' {
				return 0, false
			}
			continue
		}
		value, overflow = timesTen(value, int64(c-'0'), overflow)
	}
	for i := digitCount; i < point && value != 0 && !overflow; i++ {
		value, overflow = timesTen(value, 0, overflow)
	}
	if overflow {
		return math.MaxInt64, true
	}
	return value, true
}

func timesTen(value, plus int64, overflow bool) (int64, bool) {
	if overflow || value > (math.MaxInt64-plus)/10 {
		return math.MaxInt64, true
	}
	return value*10 + plus, false
}
