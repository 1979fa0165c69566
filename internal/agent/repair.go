package agent

import "bytes"

// Repair looks for whole objects in a line that is not JSON: a record followed by another
// on the same line, a record glued to the stub of one that was cut off, or junk around a
// record. It calls each for every object found, in order, with its offset in the line. The
// caller must check that an object has the keys of a record: what is found may be a part
// of a damaged one. The time taken is linear in the length of the line.
func Repair(line []byte, each func(object []byte, at int)) {
	for at := 0; ; {
		start := bytes.Index(line[at:], []byte(`{"`))
		if start < 0 {
			return
		}
		at += start
		end, ok := validValue(line[at:], 0, 0, span{}, nil)
		switch {
		case ok:
			each(line[at:at+end], at)
			at += end
		case at+end >= len(line):
			// The text ends too early. If brackets were left open before a whole record,
			// that record is the object that ends the line.
			if last := lastObject(line[at:]); last > 0 {
				each(bytes.TrimRight(line[at+last:], " \t\r\n"), at+last)
			}
			return
		default:
			// A stub that was cut inside a string swallows the `{"` of the record behind
			// it, and the fault shows at the first letter of the key.
			at += max(end-2, 1)
		}
	}
}

// lastObject gives the start of the object that closes with the last byte of a text that
// is JSON so far but has brackets left open; 0 if there is none.
func lastObject(text []byte) int {
	var open []int
	last, closed := 0, -1
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			end, ok := validString(text, i)
			if !ok {
				return 0
			}
			i = end - 1
		case '{', '[':
			open = append(open, i)
		case '}', ']':
			if len(open) == 0 {
				return 0
			}
			last, closed = open[len(open)-1], i
			open = open[:len(open)-1]
		}
	}
	if closed < 0 || closed != len(bytes.TrimRight(text, " \t\r\n"))-1 || text[closed] != '}' {
		return 0
	}
	return last
}
