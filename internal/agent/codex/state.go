package codex

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"unicode/utf8"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/usage"
)

const stateVersion = 1

// Bounds of what a state holds, in bytes or in number, chosen so that the largest state
// fits agent.MaxState. Longer strings are cut where they are read, so that a restart
// changes nothing.
const (
	maxID       = 64
	maxParents  = 6
	maxProject  = 1024
	maxBranch   = 128
	maxModel    = 96
	maxVersion  = 40
	maxReadings = 6
)

// state is all that the next line needs to know.
type state struct {
	thread  string // identity: the first session_meta's id, else the name's
	parents []string
	root    string // the session a sub-agent works for, if no parent is named
	project string
	branch  string
	version string
	model   string
	service string
	window  int64 // of the model's context
	context int64 // prompt of the newest request

	rows     int          // counter rows so far
	forked   usage.Millis // when the thread began, by its own session_meta
	lastTime usage.Millis // of the newest line that mattered and had one

	begun      bool // the thread's own session_meta was read
	damaged    bool // a line before it could not be read
	sidechain  bool // a sub-agent or a review
	spawned    bool // a sub-agent with a parent thread
	ledger     bool // token_usage_record lines count, token_count lines do not
	based      bool // history_base: nothing is copied
	afterMeta  bool // only session_meta lines so far
	copying    bool // in a copy of an ancestor's history whose end was not seen
	keptTimes  bool // copied lines have their own times
	fromZero   bool // the first row's stream began with it
	oldTask    bool // the running task began before the thread
	turnBefore bool // the line before was a turn_context of a task that may be own
	starts     bool // start is set
	byOrdinal  bool // and the rows have ordinals

	start     int64 // subagent_history_start_ordinal
	stated    int   // leading rows with a smaller ordinal
	inherited int   // leading rows that were copied, once their end was seen

	counter  counter
	readings []reading
}

// encode appends the state in bytes.
func (s *state) encode(b []byte) []byte {
	b = append(b, stateVersion)
	var flags uint64
	for i, f := range s.flags() {
		if *f {
			flags |= 1 << i
		}
	}
	b = binary.AppendUvarint(b, flags)
	for _, text := range s.texts() {
		b = appendText(b, *text)
	}
	b = binary.AppendUvarint(b, uint64(len(s.parents)))
	for _, parent := range s.parents {
		b = appendText(b, parent)
	}
	for _, n := range []int64{s.window, s.context, int64(s.rows), int64(s.forked), int64(s.lastTime), s.start, int64(s.stated), int64(s.inherited)} {
		b = binary.AppendVarint(b, n)
	}
	c := &s.counter
	b = appendVector(b, &c.previous)
	b = binary.AppendUvarint(b, uint64(len(c.heads)))
	for i := range c.heads {
		b = appendVector(b, &c.heads[i])
	}
	b = binary.AppendUvarint(b, uint64(len(c.seen)))
	for i := range c.seen {
		var hash [8]byte
		binary.LittleEndian.PutUint64(hash[:], c.seen[(c.next+i)%len(c.seen)])
		b = append(b, hash[:6]...)
	}
	b = binary.AppendUvarint(b, uint64(len(s.readings)))
	for i := range s.readings {
		r := &s.readings[i]
		b = binary.LittleEndian.AppendUint32(b, r.slot)
		b = binary.LittleEndian.AppendUint64(b, r.value)
		b = binary.AppendVarint(b, int64(r.resets))
		b = binary.AppendVarint(b, int64(r.told))
		b = append(b, r.repeats)
	}
	return b
}

// decode reads what encode wrote; false: it is something else, also if encode would have
// written it in other bytes.
func (s *state) decode(b []byte) bool {
	if len(b) == 0 || len(b) > agent.MaxState || b[0] != stateVersion {
		return false
	}
	d := decoder{rest: b[1:]}
	flags := d.uvarint()
	for i, f := range s.flags() {
		*f = flags&(1<<i) != 0
	}
	for _, text := range s.texts() {
		*text = d.text()
	}
	for range d.count(maxParents) {
		s.parents = append(s.parents, d.text())
	}
	s.window, s.context, s.rows = d.varint(), d.varint(), int(d.varint())
	s.forked, s.lastTime = usage.Millis(d.varint()), usage.Millis(d.varint())
	s.start, s.stated, s.inherited = d.varint(), int(d.varint()), int(d.varint())
	c := &s.counter
	c.previous = d.vector()
	c.heads = make([]vector, 0, maxHeads)
	for range d.count(maxHeads) {
		c.heads = append(c.heads, d.vector())
	}
	c.seen = make([]uint64, 0, maxSeen)
	for range d.count(maxSeen) {
		var hash [8]byte
		copy(hash[:6], d.bytes(6))
		c.seen = append(c.seen, binary.LittleEndian.Uint64(hash[:]))
	}
	for range d.count(maxReadings) {
		r := reading{slot: uint32(d.fixed(4)), value: d.fixed(8), resets: usage.Millis(d.varint()), told: usage.Millis(d.varint())}
		r.repeats = uint8(d.fixed(1))
		s.readings = append(s.readings, r)
	}
	return !d.failed && len(d.rest) == 0 && s.sane() && bytes.Equal(s.encode(make([]byte, 0, len(b))), b)
}

// sane reports whether the figures are such as lines can lead to.
func (s *state) sane() bool {
	for _, n := range [...]int64{s.window, s.context, int64(s.rows), int64(s.forked), int64(s.lastTime), s.start, int64(s.stated), int64(s.inherited)} {
		if n < 0 {
			return false
		}
	}
	possible := func(v *vector) bool {
		for _, n := range v {
			if n < 0 || n > agent.MaxCount {
				return false
			}
		}
		return true
	}
	for i := range s.counter.heads {
		if !possible(&s.counter.heads[i]) {
			return false
		}
	}
	return possible(&s.counter.previous) && max(s.window, s.context) <= agent.MaxCount &&
		max(s.rows, s.stated, s.inherited) <= math.MaxInt32
}

func (s *state) flags() []*bool {
	return []*bool{
		&s.begun, &s.damaged, &s.sidechain, &s.spawned, &s.ledger, &s.based, &s.afterMeta, &s.copying,
		&s.keptTimes, &s.fromZero, &s.oldTask, &s.turnBefore, &s.starts, &s.byOrdinal, &s.counter.begun,
	}
}

func (s *state) texts() []*string {
	return []*string{&s.thread, &s.root, &s.project, &s.branch, &s.version, &s.model, &s.service}
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

func appendVector(b []byte, v *vector) []byte {
	for _, n := range v {
		b = binary.AppendUvarint(b, uint64(n))
	}
	return b
}

// decoder reads from the front; after a fault it gives zeros.
type decoder struct {
	rest   []byte
	failed bool
}

func (d *decoder) bytes(n int) []byte {
	if n > len(d.rest) {
		d.failed, d.rest = true, nil
		return nil
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

func (d *decoder) uvarint() uint64 {
	n, size := binary.Uvarint(d.rest)
	if size <= 0 {
		d.failed, d.rest = true, nil
		return 0
	}
	d.rest = d.rest[size:]
	return n
}

func (d *decoder) varint() int64 {
	n, size := binary.Varint(d.rest)
	if size <= 0 {
		d.failed, d.rest = true, nil
		return 0
	}
	d.rest = d.rest[size:]
	return n
}

func (d *decoder) fixed(size int) uint64 {
	var b [8]byte
	copy(b[:], d.bytes(size))
	return binary.LittleEndian.Uint64(b[:])
}

// count is a length that must not exceed most.
func (d *decoder) count(most int) int {
	n := d.uvarint()
	if n > uint64(most) {
		d.failed, d.rest = true, nil
		return 0
	}
	return int(n)
}

func (d *decoder) text() string { return string(d.bytes(d.count(math.MaxUint16))) }

func (d *decoder) vector() vector {
	var v vector
	for i := range v {
		v[i] = int64(d.uvarint())
	}
	return v
}

// bounded is b as a string of at most most bytes, cut between characters.
func bounded(b []byte, most int) string {
	if len(b) > most {
		b = b[:most]
		for len(b) > 0 && !utf8.Valid(b) && most-len(b) < utf8.UTFMax {
			b = b[:len(b)-1]
		}
	}
	return string(b)
}

// withParent appends a parent that is not in the list yet. The list is never changed in
// place, because sinks may keep it.
func withParent(parents []string, thread, parent string) []string {
	if parent == "" || parent == thread || len(parents) == maxParents || slices.Contains(parents, parent) {
		return parents
	}
	return append(slices.Clip(parents), parent)
}
