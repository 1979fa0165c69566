package agent

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"tokenmeter/internal/usage"
)

// A state of a document reader: its version, a hash of what was found, and what the taker
// remembers.
const (
	documentVersion = 1
	documentHead    = 1 + 8
)

// longestMember bounds the name of a member that is looked for, in bytes.
const longestMember = 128

// Members are the wanted members of a document.
type Members struct {
	File   *File
	Values map[string][]byte // each valid JSON; what is absent is not there
	Memory []byte            // what was returned for the version of the file before this one
}

// Document makes a Reader for files that hold one JSON object and are replaced as a whole.
// Of the object only the members with the given names are kept in memory, and only those up
// to most bytes each; all other text is passed over. take is called when one of them is not
// as it was; what it returns is handed to it with the next version, at most MaxState less
// nine bytes. A document that is damaged tells nothing but that, one that is half written
// nothing at all.
func Document(names []string, most int64, take func(m Members, out Sink) []byte) Reader {
	return documentReader{names, most, take}
}

type documentReader struct {
	names []string
	most  int64
	take  func(m Members, out Sink) []byte
}

func (r documentReader) Read(ctx context.Context, f *File, from Cursor, out Sink) error {
	most := r.most
	if f.Limit > 0 {
		most = min(most, f.Limit)
	}
	d := documentScan{names: r.names, most: most, values: map[string][]byte{}}
	size, err := d.run(ctx, f)
	if err != nil {
		return err
	}
	state := from.State
	if len(state) < documentHead || state[0] != documentVersion {
		state = nil
	}
	if d.long {
		out.Skip(usage.Skip{Length: size, Reason: usage.ReasonTooLong})
	}
	for _, value := range d.values {
		d.broken = d.broken || Valid(value) != nil
	}
	switch {
	case d.broken:
		out.Skip(usage.Skip{Length: size, Reason: usage.ReasonSyntax})
	case d.ended: // else it is just being written
		hash := usage.NewHash("document")
		for _, name := range r.names {
			hash = hash.Bytes(d.values[name])
		}
		now := binary.BigEndian.AppendUint64([]byte{documentVersion}, hash.Sum())
		if bytes.HasPrefix(state, now) {
			break
		}
		var memory []byte
		if state != nil {
			memory = state[documentHead:]
		}
		memory = r.take(Members{File: f, Values: d.values, Memory: memory}, out)
		state = append(now, memory[:min(len(memory), MaxState-documentHead)]...)
	}
	return out.Checkpoint(Cursor{State: state})
}

// documentScan walks through an object piece by piece. Of what it passes over only the
// extent is found, as the Scanner does.
type documentScan struct {
	names  []string
	most   int64
	values map[string][]byte

	depth    int
	text     bool // inside a string
	escaped  bool // behind a backslash
	valued   bool // at depth 1: behind the colon
	keyed    bool // at depth 1: inside or behind the name
	ended    bool // the object is closed
	broken   bool
	long     bool   // a wanted value was too long
	key      []byte // the name, with its quotes
	wanted   string // whose value is being kept; "" = none
	value    []byte
	exceeded bool
}

func (d *documentScan) run(ctx context.Context, f *File) (size int64, err error) {
	buffer := lineBuffers.Get().(*[]byte)
	defer lineBuffers.Put(buffer)
	for idle := 0; idle < 100; idle++ {
		if err := ctx.Err(); err != nil {
			return size, err
		}
		n, err := f.Content.Read((*buffer)[:min(len(*buffer), lineBuffer)])
		if n > 0 {
			idle = 0
			size += int64(n)
			d.piece((*buffer)[:n])
		}
		if errors.Is(err, io.EOF) || d.broken {
			return size, nil
		}
		if err != nil {
			return size, fmt.Errorf("read %s: %w", f.Path, err)
		}
	}
	return size, io.ErrNoProgress
}

func (d *documentScan) piece(piece []byte) {
	kept := 0 // up to where the value was kept
	for i := 0; i < len(piece) && !d.broken; i++ {
		c := piece[i]
		switch {
		case d.escaped:
			d.escaped = false
			d.name(c)
		case d.text:
			if !d.keyed || d.valued { // nobody wants to know what is in it
				quote := bytes.IndexByte(piece[i:], '"')
				if quote < 0 {
					quote = len(piece) - i
				}
				if slash := bytes.IndexByte(piece[i:i+quote], '\\'); slash >= 0 {
					i += slash
				} else if i += quote; i == len(piece) {
					break
				}
				c = piece[i]
			} else {
				d.name(c)
			}
			d.escaped, d.text = c == '\\', c != '"'
		case c == '"':
			d.text = true
			if d.depth == 1 && !d.valued {
				d.broken = d.keyed
				d.keyed, d.key = true, append(d.key[:0], c)
			}
			d.broken = d.broken || d.depth == 0
		case c == '{' || c == '[':
			d.broken = d.ended || d.depth == 0 && c != '{' || d.depth == 1 && !d.valued || d.depth >= MaxDepth
			d.depth++
		case c == '}' || c == ']':
			if d.depth--; d.depth <= 0 {
				d.keep(piece[kept:i])
				d.broken = d.depth < 0 || c != '}' || d.keyed && !d.valued
				d.close()
				d.ended = true
			}
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
		case d.depth == 0 && !d.ended && (c == 0xef || c == 0xbb || c == 0xbf): // of a byte order mark
		case d.depth == 0 || d.depth == 1 && !d.valued && c != ':' && c != ',':
			d.broken = true
		case d.depth > 1:
		case c == ':':
			d.broken = !d.keyed || d.valued
			d.open()
			kept = i + 1
		case c == ',':
			d.keep(piece[kept:i])
			d.broken = !d.valued
			d.close()
		}
	}
	d.keep(piece[min(kept, len(piece)):])
}

// name takes a byte of a member's name.
func (d *documentScan) name(c byte) {
	if d.depth == 1 && d.keyed && !d.valued && len(d.key) <= longestMember {
		d.key = append(d.key, c)
	}
}

// open begins a member's value.
func (d *documentScan) open() {
	d.valued = true
	var s Scanner
	s.Reset(d.key)
	if name, ok := s.Text(); ok && s.End() && slices.Contains(d.names, string(name)) {
		d.wanted, d.value, d.exceeded = string(name), nil, false
	}
}

// keep takes a piece of a member's value.
func (d *documentScan) keep(piece []byte) {
	switch {
	case d.wanted == "" || d.exceeded:
	case int64(len(d.value)+len(piece)) > d.most:
		d.exceeded, d.long, d.value = true, true, nil
	default:
		d.value = append(d.value, piece...)
	}
}

// close ends a member. Of two with one name the last one counts.
func (d *documentScan) close() {
	if d.wanted != "" {
		delete(d.values, d.wanted)
		if !d.exceeded {
			d.values[d.wanted] = bytes.TrimSpace(d.value)
		}
	}
	d.keyed, d.valued, d.wanted, d.value = false, false, "", nil
}
