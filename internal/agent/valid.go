package agent

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// Words of eight bytes that are all one, or all the high bit, to compare eight at a time.
const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// SyntaxError says where a text stops being JSON.
type SyntaxError struct {
	Offset int // of the first byte that cannot be, the length of the text if it ends early
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("not JSON at byte %d", e.Offset)
}

// Valid checks that a text is one JSON value, as strictly as encoding/json does (which lets
// pass what is not UTF-8, and lone surrogates), and not nested deeper than MaxDepth. The
// error is a *SyntaxError.
func Valid(text []byte) error { return validBut(text, span{}, nil) }

// span is a part of a text, from start to before end.
type span struct{ start, end int }

// validBut is Valid for a text of which one value was checked before, and perhaps the
// strings (see quotesOf).
func validBut(text []byte, checked span, quotes []uint64) error {
	end, ok := validValue(text, 0, 0, checked, quotes)
	if ok {
		end = skipSpace(text, end)
		ok = end == len(text)
	}
	if !ok {
		return &SyntaxError{Offset: end}
	}
	return nil
}

// validValue checks the value at i, inside of so many brackets. It gives the offset behind
// it, or where it fails. checked is a value inside that need not be looked at again; quotes,
// if not nil, say that all strings are valid, and where they end.
func validValue(text []byte, i, inside int, checked span, quotes []uint64) (end int, ok bool) {
	// One bit an open bracket: set for an object. Small enough for the stack.
	var objects [MaxDepth/64 + 1]uint64
	depth := inside
value:
	i = skipSpace(text, i)
	if i >= len(text) {
		return len(text), false
	}
	if i == checked.start && i < checked.end {
		i = checked.end
		goto after
	}
	switch c := text[i]; c {
	case '{':
		if depth++; depth > MaxDepth {
			return i, false
		}
		objects[depth>>6] |= 1 << (depth & 63)
		i = skipSpace(text, i+1)
		if i < len(text) && text[i] == '}' {
			i++
			goto closed
		}
		goto key
	case '[':
		if depth++; depth > MaxDepth {
			return i, false
		}
		objects[depth>>6] &^= 1 << (depth & 63)
		i = skipSpace(text, i+1)
		if i < len(text) && text[i] == ']' {
			i++
			goto closed
		}
		goto value
	case '"':
		if quotes != nil {
			i = nextQuote(quotes, i+1)
			goto after
		}
		i, ok = validString(text, i)
	case 't':
		i, ok = validWord(text, i, "true")
	case 'f':
		i, ok = validWord(text, i, "false")
	case 'n':
		i, ok = validWord(text, i, "null")
	default:
		i, ok = validNumber(text, i)
	}
	if !ok {
		return i, false
	}
	goto after
closed:
	depth--
after:
	if depth == inside {
		return i, true
	}
	i = skipSpace(text, i)
	if i >= len(text) {
		return len(text), false
	}
	if objects[depth>>6]&(1<<(depth&63)) != 0 {
		switch text[i] {
		case ',':
			i++
			goto key
		case '}':
			i++
			goto closed
		}
		return i, false
	}
	switch text[i] {
	case ',':
		i++
		goto value
	case ']':
		i++
		goto closed
	}
	return i, false
key:
	i = skipSpace(text, i)
	if i >= len(text) || text[i] != '"' {
		return i, false
	}
	if quotes != nil {
		i = nextQuote(quotes, i+1)
	} else if i, ok = validString(text, i); !ok {
		return i, false
	}
	i = skipSpace(text, i)
	if i >= len(text) || text[i] != ':' {
		return i, false
	}
	i++
	goto value
}

func skipSpace(text []byte, i int) int {
	for i < len(text) && isSpace(text[i]) {
		i++
	}
	return i
}

func validWord(text []byte, i int, word string) (int, bool) {
	for k := range len(word) {
		if i+k >= len(text) || text[i+k] != word[k] {
			return i + k, false
		}
	}
	return i + len(word), true
}

func validNumber(text []byte, i int) (int, bool) {
	if i < len(text) && text[i] == '-' {
		i++
	}
	digits := func() bool {
		start := i
		for i < len(text) && text[i] >= '0' && text[i] <= '9' {
			i++
		}
		return i > start
	}
	if i < len(text) && text[i] == '0' {
		i++
	} else if !digits() {
		return i, false
	}
	if i < len(text) && text[i] == '.' {
		if i++; !digits() {
			return i, false
		}
	}
	if i < len(text) && text[i]|0x20 == 'e' {
		i++
		if i < len(text) && (text[i] == '+' || text[i] == '-') {
			i++
		}
		if !digits() {
			return i, false
		}
	}
	return i, true
}

// validString checks the string whose opening quote is at i, eight bytes a step where
// nothing special is among them.
func validString(text []byte, i int) (int, bool) {
	i++
	for i+8 <= len(text) {
		word := binary.LittleEndian.Uint64(text[i:])
		quote := word ^ ones*'"'
		slash := word ^ ones*'\\'
		// The high bit of a byte that is a quote, a backslash or below a space. Above the
		// first such byte there may be others by a carry, never below it.
		special := ((quote - ones) &^ quote) | ((slash - ones) &^ slash) | ((word - ones*0x20) &^ word)
		if special &= highs; special == 0 {
			i += 8
			continue
		}
		i += bits.TrailingZeros64(special) / 8
		for text[i] == '\\' {
			if i+1 < len(text) && escapes[text[i+1]] {
				if i += 2; i >= len(text) {
					return len(text), false
				}
				continue
			}
			var ok bool
			if i, ok = validCodePoint(text, i); !ok {
				return i, false
			}
			if i >= len(text) {
				return len(text), false
			}
		}
		if c := text[i]; c == '"' {
			return i + 1, true
		} else if c < 0x20 {
			return i, false
		}
	}
	return validStringEnd(text, i)
}

// validStringEnd goes on at i, inside a string, byte by byte.
func validStringEnd(text []byte, i int) (int, bool) {
	for i < len(text) {
		switch c := text[i]; {
		case c == '"':
			return i + 1, true
		case c < 0x20:
			return i, false
		case c != '\\':
			i++
		case i+1 < len(text) && escapes[text[i+1]]:
			i += 2
		default:
			var ok bool
			if i, ok = validCodePoint(text, i); !ok {
				return i, false
			}
		}
	}
	return len(text), false
}

// escapes are the bytes that may follow a backslash, but for u.
var escapes = [256]bool{'"': true, '\\': true, '/': true, 'b': true, 'f': true, 'n': true, 'r': true, 't': true}

// validCodePoint checks the escape whose backslash is at i to be \u with four digits.
func validCodePoint(text []byte, i int) (int, bool) {
	i++
	if i >= len(text) {
		return len(text), false
	}
	if text[i] != 'u' {
		return i, false
	}
	for k := i + 1; k < i+5; k++ {
		if k >= len(text) || !isHex(text[k]) {
			return min(k, len(text)), false
		}
	}
	return i + 5, true
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
}
