package store

import (
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
)

// What SQLite itself refuses to read, this file reads page by page, as the format is
// published (sqlite.org/fileformat2.html): a damaged page costs its own rows, and no more.
// Nothing here writes, and nothing trusts a number that comes from the file.

const (
	defaultPageSize = 4096
	firstHeader     = 100 // bytes before the b-tree on page 1
	maxDepth        = 20  // of a b-tree
	maxPayload      = 1 << 20
	maxFields       = 64

	pageIndexInner = 0x02
	pageTableInner = 0x05
	pageIndexLeaf  = 0x0A
	pageTableLeaf  = 0x0D
)

// pages gives the pages of a database file as they were after the last transaction that
// its write-ahead log holds in full.
type pages struct {
	file   *os.File
	log    *os.File         // nil = none
	frames map[uint32]int64 // where in the log the newest content of a page begins
	size   int              // of a page
	usable int              // of it, for content
	count  uint32
}

// openPages opens a database file, or what is left of it, and the log beside it.
func openPages(path string) (*pages, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, err
	}
	p := &pages{file: file, size: defaultPageSize, frames: map[uint32]int64{}}
	var header [firstHeader]byte
	if n, _ := file.ReadAt(header[:], 0); n == len(header) && string(header[:16]) == "SQLite format 3\x00" {
		if size := int(binary.BigEndian.Uint16(header[16:])); size >= 512 && size&(size-1) == 0 {
			p.size = size
		} else if size == 1 {
			p.size = 1 << 16
		}
	}
	p.usable = p.size
	p.count = uint32(min(info.Size()/int64(p.size), math.MaxUint32-1))
	if p.log, err = os.Open(path + "-wal"); err != nil {
		p.log = nil
		if !errors.Is(err, fs.ErrNotExist) {
			file.Close()
			return nil, err
		}
		return p, nil
	}
	if err := p.readLog(); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *pages) close() {
	p.file.Close()
	if p.log != nil {
		p.log.Close()
	}
}

// readLog finds the frames of all transactions in the log that are whole.
func (p *pages) readLog() error {
	const headerSize, frameHeader = 32, 24
	var header [headerSize]byte
	if n, err := p.log.ReadAt(header[:], 0); n < len(header) {
		return onlyEnd(err)
	}
	var order binary.ByteOrder = binary.LittleEndian
	switch binary.BigEndian.Uint32(header[:]) {
	case 0x377f0682:
	case 0x377f0683:
		order = binary.BigEndian
	default:
		return nil
	}
	a, b := logSum(order, 0, 0, header[:24])
	if int(binary.BigEndian.Uint32(header[8:])) != p.size || a != binary.BigEndian.Uint32(header[24:]) || b != binary.BigEndian.Uint32(header[28:]) {
		return nil
	}
	frame := make([]byte, frameHeader+p.size)
	open := map[uint32]int64{}
	for at := int64(headerSize); ; at += int64(len(frame)) {
		if n, err := p.log.ReadAt(frame, at); n < len(frame) {
			return onlyEnd(err)
		}
		if string(frame[8:16]) != string(header[16:24]) {
			return nil // left over from before the log began anew
		}
		a, b = logSum(order, a, b, frame[:8])
		a, b = logSum(order, a, b, frame[frameHeader:])
		if a != binary.BigEndian.Uint32(frame[16:]) || b != binary.BigEndian.Uint32(frame[20:]) {
			return nil
		}
		open[binary.BigEndian.Uint32(frame)] = at + frameHeader
		after := binary.BigEndian.Uint32(frame[4:])
		if after == 0 {
			continue
		}
		for n, content := range open { // a commit
			p.frames[n] = content
		}
		clear(open)
		p.count = after
	}
}

// onlyEnd is nil where a file merely ended.
func onlyEnd(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

func logSum(order binary.ByteOrder, a, b uint32, data []byte) (uint32, uint32) {
	for i := 0; i+8 <= len(data); i += 8 {
		a += order.Uint32(data[i:]) + b
		b += order.Uint32(data[i+4:]) + a
	}
	return a, b
}

// read fills page with the content of page n; false if it cannot be had.
func (p *pages) read(n uint32, page []byte) bool {
	if n == 0 || n > p.count {
		return false
	}
	if at, ok := p.frames[n]; ok {
		_, err := p.log.ReadAt(page, at)
		return err == nil
	}
	_, err := p.file.ReadAt(page, int64(n-1)*int64(p.size))
	return err == nil
}

// field is one value of a record; text and blob are valid during the call they come with.
type field struct {
	kind  kind
	n     int64
	real  float64
	bytes []byte
}

// float is the figure in a column of reals, where a whole one is stored as an integer.
func (f field) float() float64 {
	if f.kind == isInteger {
		return float64(f.n)
	}
	return f.real
}

type kind uint8

const (
	isNull kind = iota
	isInteger
	isReal
	isText
	isBlob
)

// record is one row of a table, or one entry of an index (rowid 0).
type record struct {
	rowid  int64
	fields []field
}

// varint reads a variable-length integer; size 0 = there is none.
func varint(b []byte) (value int64, size int) {
	var v uint64
	for i := range min(len(b), 9) {
		if i == 8 {
			return int64(v<<8 | uint64(b[8])), 9
		}
		v = v<<7 | uint64(b[i]&0x7f)
		if b[i] < 0x80 {
			return int64(v), i + 1
		}
	}
	return 0, 0
}

// decode fills fields with the values of a record; nil if that is none.
func decode(payload []byte, fields []field) []field {
	headerSize, at := varint(payload)
	if at == 0 || headerSize < int64(at) || headerSize > int64(len(payload)) {
		return nil
	}
	fields = fields[:0]
	body := payload[headerSize:]
	header := payload[at:headerSize]
	for len(header) > 0 {
		serial, size := varint(header)
		if size == 0 || serial < 0 || len(fields) == maxFields {
			return nil
		}
		header = header[size:]
		var f field
		length := 0
		switch {
		case serial == 0:
		case serial <= 6:
			f.kind = isInteger
			length = int(serial)
			if serial == 5 {
				length = 6
			} else if serial == 6 {
				length = 8
			}
			if length > len(body) {
				return nil
			}
			f.n = int64(int8(body[0]))
			for _, b := range body[1:length] {
				f.n = f.n<<8 | int64(b)
			}
		case serial == 7:
			f.kind, length = isReal, 8
			if length > len(body) {
				return nil
			}
			f.real = math.Float64frombits(binary.BigEndian.Uint64(body))
		case serial == 8, serial == 9:
			f.kind, f.n = isInteger, serial-8
		case serial >= 12:
			if (serial-12)/2 > int64(len(body)) {
				return nil
			}
			length = int((serial - 12) / 2)
			f.kind, f.bytes = isBlob, body[:length]
			if serial%2 == 1 {
				f.kind = isText
			}
		default:
			return nil
		}
		body = body[length:]
		fields = append(fields, f)
	}
	if len(body) > 0 {
		return nil
	}
	return fields
}

// tree walks one b-tree.
type tree struct {
	pages *pages
	index bool // of records without a rowid
	// take gets every record that could be read, in order. It returns false for one that is
	// not of this tree: that counts as damage.
	take func(record) bool
	// stop ends the walk early.
	stop func() bool

	seen   bitmap
	broken bool // something could not be read

	gaps []gap // of the rowids
	open bool  // something is missing after last
	last int64

	levels [maxDepth][]byte
	fields []field
	spill  []byte
}

// gap is a run of rowids between two that were read, without these.
type gap struct{ after, before int64 }

type bitmap []uint64

func newBitmap(n uint32) bitmap { return make(bitmap, n/64+1) }

func (b bitmap) has(n uint32) bool { return b[n/64]&(1<<(n%64)) != 0 }
func (b bitmap) add(n uint32)      { b[n/64] |= 1 << (n % 64) }

// walk reads the whole tree; then broken and gaps say what is missing.
func (t *tree) walk(root uint32) {
	t.last = math.MinInt64
	t.seen = newBitmap(t.pages.count)
	t.descend(root, 0)
	if t.open {
		t.gaps = append(t.gaps, gap{t.last, math.MaxInt64})
		t.open = false
	}
}

func (t *tree) damage() { t.broken, t.open = true, true }

func (t *tree) descend(n uint32, depth int) {
	if depth == maxDepth || n == 0 || n > t.pages.count || t.seen.has(n) {
		t.damage()
		return
	}
	t.seen.add(n)
	if t.levels[depth] == nil {
		t.levels[depth] = make([]byte, t.pages.size)
	}
	page := t.levels[depth]
	if !t.pages.read(n, page) {
		t.damage()
		return
	}
	inner, leaf := byte(pageTableInner), byte(pageTableLeaf)
	if t.index {
		inner, leaf = pageIndexInner, pageIndexLeaf
	}
	switch page[headerOf(n)] {
	case leaf:
		t.cells(n, page, func(cell int) bool { return t.cell(page, cell) })
	case inner:
		t.cells(n, page, func(cell int) bool {
			if cell+4 > t.pages.usable {
				return false
			}
			child := binary.BigEndian.Uint32(page[cell:])
			t.descend(child, depth+1)
			return !t.index || t.cell(page, cell+4)
		})
		if !t.stopped() {
			t.descend(binary.BigEndian.Uint32(page[headerOf(n)+8:]), depth+1)
		}
	default:
		t.damage()
	}
}

func (t *tree) stopped() bool { return t.stop != nil && t.stop() }

func headerOf(n uint32) int {
	if n == 1 {
		return firstHeader
	}
	return 0
}

// cells calls f with the place of each cell of a page; false from f means that it is bad.
func (t *tree) cells(n uint32, page []byte, f func(cell int) bool) {
	header := headerOf(n)
	list := header + 8
	if kind := page[header]; kind == pageIndexInner || kind == pageTableInner {
		list += 4
	}
	count := int(binary.BigEndian.Uint16(page[header+3:]))
	if list+2*count > t.pages.usable {
		t.damage()
		count = max((t.pages.usable-list)/2, 0)
	}
	for i := range count {
		if t.stopped() {
			return
		}
		cell := int(binary.BigEndian.Uint16(page[list+2*i:]))
		if cell < list+2*count || cell >= t.pages.usable || !f(cell) {
			t.damage()
		}
	}
}

// cell reads the record of a cell and hands it on; false if it is none.
func (t *tree) cell(page []byte, at int) bool {
	usable := t.pages.usable
	payload, size := varint(page[at:usable])
	if size == 0 || payload < 1 || payload > maxPayload {
		return false
	}
	at += size
	var rowid int64
	limit := (usable-12)*64/255 - 23
	if !t.index {
		if rowid, size = varint(page[at:usable]); size == 0 || rowid <= t.last {
			return false
		}
		at += size
		limit = usable - 35
	}
	length := int(payload)
	var content []byte
	if length <= limit {
		if at+length > usable {
			return false
		}
		content = page[at : at+length]
	} else {
		least := (usable-12)*32/255 - 23
		local := least + (length-least)%(usable-4)
		if local > limit {
			local = least
		}
		if at+local+4 > usable {
			return false
		}
		t.spill = append(t.spill[:0], page[at:at+local]...)
		if !t.overflow(binary.BigEndian.Uint32(page[at+local:]), length) {
			return false
		}
		content = t.spill
	}
	t.fields = decode(content, t.fields)
	if t.fields == nil || !t.take(record{rowid, t.fields}) {
		return false
	}
	if !t.index {
		if t.open {
			t.gaps = append(t.gaps, gap{t.last, rowid})
		}
		t.last = rowid
	}
	t.open = false
	return true
}

// overflow adds the rest of a long record to spill, up to length.
func (t *tree) overflow(n uint32, length int) bool {
	page := make([]byte, t.pages.size)
	for len(t.spill) < length {
		if !t.pages.read(n, page) {
			return false
		}
		t.seen.add(n)
		t.spill = append(t.spill, page[4:min(t.pages.usable, 4+length-len(t.spill))]...)
		n = binary.BigEndian.Uint32(page)
	}
	return true
}

// loose reads a page that no tree leads to any more.
func (t *tree) loose(n uint32, page []byte) {
	t.last = math.MinInt64
	t.cells(n, page, func(cell int) bool { return t.cell(page, cell) })
}

// free marks the pages of the list of free ones.
func (p *pages) free(seen bitmap) {
	page := make([]byte, p.size)
	if !p.read(1, page) {
		return
	}
	trunk := binary.BigEndian.Uint32(page[32:])
	for trunk != 0 && trunk <= p.count && !seen.has(trunk) && p.read(trunk, page) {
		seen.add(trunk)
		count := int(binary.BigEndian.Uint32(page[4:]))
		for i := range min(max(count, 0), (p.usable-8)/4) {
			if n := binary.BigEndian.Uint32(page[8+4*i:]); n != 0 && n <= p.count {
				seen.add(n)
			}
		}
		trunk = binary.BigEndian.Uint32(page)
	}
}

// roots reads where the trees of tables and indexes begin, by name.
func (p *pages) roots() map[string]uint32 {
	found := map[string]uint32{}
	t := &tree{pages: p, take: func(r record) bool {
		if len(r.fields) != 5 || r.fields[1].kind != isText || r.fields[3].kind != isInteger {
			return false
		}
		found[string(r.fields[1].bytes)] = uint32(r.fields[3].n)
		return true
	}}
	if p.count > 0 {
		t.walk(1)
	}
	return found
}

// version is that of the schema as the header has it; 0 = it cannot be read.
func (p *pages) version() uint32 {
	const at = 60
	page := make([]byte, p.size)
	if !p.read(1, page) {
		return 0
	}
	return binary.BigEndian.Uint32(page[at:])
}

// reached are all pages that trees lead to, and the free ones.
func (p *pages) reached(roots map[string]uint32) bitmap {
	reached := newBitmap(p.count)
	p.free(reached)
	page := make([]byte, p.size)
	for _, root := range roots {
		if !p.read(root, page) {
			continue
		}
		t := &tree{pages: p, take: func(record) bool { return true }}
		kind := page[headerOf(root)]
		t.index = kind == pageIndexInner || kind == pageIndexLeaf
		t.walk(root)
		for i := range reached {
			reached[i] |= t.seen[i]
		}
	}
	return reached
}
