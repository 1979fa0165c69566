package agent

import (
	"math/bits"
	"slices"
)

// The strings of a line are found all at once, 64 bytes a step, before the line is taken
// apart: what is inside of strings is most of a log, and dense with escapes. The method is
// that of Langdale and Lemire, "Parsing Gigabytes of JSON per Second" (2019), section 3.1.
const (
	blockSize = 64
	// batchBlocks is how many blocks are classified in one call.
	batchBlocks = 32
	// shortestMarked and longestMarked bound the texts whose strings are found like that. A
	// shorter one is not worth it, for a longer one the room is kept small.
	shortestMarked = 2 * blockSize
	longestMarked  = 2 << 20
)

// classes says what the bytes of a block are, a bit for each, the first byte lowest.
type classes struct {
	quote     uint64
	backslash uint64
	control   uint64 // below a space
	escapable uint64 // may follow a backslash, but for u
}

// quotesOf gives the quotes at which strings of the text begin and end, a bit for each
// byte, in room if it is large enough. ok: each string ends, holds no control character and
// only escapes that JSON knows, and no backslash is outside of strings. So if the rest of the text
// is JSON, all of it is. Without ok nothing is known of the text.
func quotesOf(text []byte, room []uint64) (quotes []uint64, ok bool) {
	n := (len(text) + blockSize - 1) / blockSize
	quotes = slices.Grow(room[:0], n)[:n]
	var batch [batchBlocks]classes
	var escaped, inside, flawed uint64 // the first two: of the byte before the block, in bit 0 and in all bits
	for done := 0; done < n; {
		count := min(batchBlocks, len(text)/blockSize-done)
		if count > 0 {
			classify(&batch[0], &text[done*blockSize], count)
		} else {
			var last [blockSize]byte
			for i := copy(last[:], text[done*blockSize:]); i < blockSize; i++ {
				last[i] = ' '
			}
			count = 1
			classify(&batch[0], &last[0], 1)
		}
		for i := range batch[:count] {
			c := &batch[i]
			quote := c.quote
			var behind uint64 // bytes that a backslash escapes
			if c.backslash|escaped != 0 {
				behind, escaped = escapedBytes(c.backslash, escaped)
				quote &^= behind
			}
			within := withinQuotes(quote) ^ inside
			inside = uint64(int64(within) >> 63)
			flawed |= c.control&within | c.backslash&^within
			for odd := behind &^ c.escapable; odd != 0; odd &= odd - 1 {
				at := (done+i)*blockSize + bits.TrailingZeros64(odd)
				if _, ok := validCodePoint(text, at-1); !ok {
					return quotes, false
				}
			}
			quotes[done+i] = quote
		}
		if flawed != 0 {
			return quotes, false
		}
		done += count
	}
	return quotes, inside == 0
}

// escapedBytes gives the bytes behind an odd number of backslashes. before and after: the
// first byte of the block, and of the next one, is such a byte.
func escapedBytes(backslash, before uint64) (escaped, after uint64) {
	const even = 0x5555555555555555
	backslash &^= before
	follows := backslash<<1 | before
	sum, after := bits.Add64(backslash&^even&^follows, backslash, 0)
	return (even ^ sum<<1) & follows, after
}

// withinQuotes has a bit for each byte from an opening quote to before its closing one.
func withinQuotes(quote uint64) uint64 {
	quote ^= quote << 1
	quote ^= quote << 2
	quote ^= quote << 4
	quote ^= quote << 8
	quote ^= quote << 16
	return quote ^ quote<<32
}

// nextQuote gives the offset behind the first quote at or after at, which is there.
func nextQuote(quotes []uint64, at int) int {
	word := at / 64
	rest := quotes[word] >> (at & 63)
	if rest != 0 {
		return at + bits.TrailingZeros64(rest) + 1
	}
	for {
		word++
		if quotes[word] != 0 {
			return word*64 + bits.TrailingZeros64(quotes[word]) + 1
		}
	}
}
