package usage

import (
	"math/rand/v2"
	"testing"
)

func micros(n Micros) *Micros { return &n }

func TestMerge(t *testing.T) {
	base := Event{Agent: "a", Key: 1, Time: 100, Session: "s1", Project: "/p", Model: "m"}
	with := func(change func(*Event)) Event {
		e := base
		change(&e)
		return e
	}
	tests := []struct {
		name string
		a, b Event
		want func(t *testing.T, e Event)
	}{
		{"the placeholder is written after the final line",
			with(func(e *Event) { e.Output, e.Time = 400, 100 }),
			with(func(e *Event) { e.Output, e.Time, e.Flags = 1, 200, LowerBound }),
			func(t *testing.T, e Event) {
				if e.Output != 400 || e.Time != 100 || e.Flags&LowerBound != 0 {
					t.Errorf("got output %d at %d, flags %b", e.Output, e.Time, e.Flags)
				}
			}},
		{"counters are never mixed field by field",
			with(func(e *Event) { e.Output, e.Input = 10, 500 }),
			with(func(e *Event) { e.Output, e.Input = 90, 3 }),
			func(t *testing.T, e Event) {
				if e.Output != 90 || e.Input != 3 {
					t.Errorf("got in %d out %d", e.Input, e.Output)
				}
			}},
		{"the sub-agent's copy is larger, the main file owns it",
			with(func(e *Event) { e.Output, e.Session = 5, "main" }),
			with(func(e *Event) { e.Output, e.Session, e.Claim, e.Flags = 50, "side", 2, Sidechain }),
			func(t *testing.T, e Event) {
				if e.Output != 50 || e.Session != "main" || e.Flags&Sidechain != 0 {
					t.Errorf("got out %d session %q flags %b", e.Output, e.Session, e.Flags)
				}
			}},
		{"the copy's date is lost, the original's is not",
			with(func(e *Event) { e.Time, e.Flags, e.Claim = 0, Inherited, 9 }),
			with(func(e *Event) { e.Time = 300 }),
			func(t *testing.T, e Event) {
				if e.Time != 300 || e.Flags&Inherited != 0 {
					t.Errorf("got time %d flags %b", e.Time, e.Flags)
				}
			}},
		{"a thread's row comes again with other counters",
			with(func(e *Event) { e.Thread, e.Ordinal, e.Output = "t", 3, 7 }),
			with(func(e *Event) { e.Thread, e.Ordinal, e.Output = "t", 9, 70 }),
			func(t *testing.T, e Event) {
				if e.Output != 7 {
					t.Errorf("got %d, the first occurrence counts", e.Output)
				}
			}},
		{"an earlier weak copy does not lend its date to the claim",
			with(func(e *Event) { e.Time, e.Session = 10, "late" }),
			with(func(e *Event) { e.Time, e.Session, e.Claim = 5, "weak", 1 }),
			func(t *testing.T, e Event) {
				third := Merge(e, with(func(e *Event) { e.Time, e.Session = 7, "early" }))
				if third.Session != "early" || third.Time != 5 {
					t.Errorf("got session %q at %d", third.Session, third.Time)
				}
			}},
		{"a time of sight gives way to one that was logged",
			with(func(e *Event) { e.Time, e.Flags = 10, TimeSeen }),
			with(func(e *Event) { e.Time = 500 }),
			func(t *testing.T, e Event) {
				if e.Time != 500 || e.Flags&TimeSeen != 0 {
					t.Errorf("got %d, flags %b", e.Time, e.Flags)
				}
			}},
		{"the first of two times of sight holds",
			with(func(e *Event) { e.Time, e.Flags = 10, TimeSeen }),
			with(func(e *Event) { e.Time, e.Flags = 20, TimeSeen }),
			func(t *testing.T, e Event) {
				if e.Time != 10 || e.Flags&TimeSeen == 0 {
					t.Errorf("got %d, flags %b", e.Time, e.Flags)
				}
			}},
		{"two costs were written down",
			with(func(e *Event) { e.Recorded = micros(7) }),
			with(func(e *Event) { e.Recorded = micros(9) }),
			func(t *testing.T, e Event) {
				if *e.Recorded != 9 {
					t.Errorf("got %d", *e.Recorded)
				}
			}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.want(t, Merge(test.a, test.b))
			test.want(t, Merge(test.b, test.a))
		})
	}
}

// small makes events with few different values, so that every tie occurs.
func small(r *rand.Rand, thread bool) Event {
	pick := func(n int) int64 { return int64(r.IntN(n)) }
	e := Event{
		Agent: "a", Key: 1, Time: Millis(pick(4)), Claim: uint8(pick(3)), Offset: pick(2),
		Session: string(rune('a' + pick(3))), Project: string(rune('a' + pick(2))), Model: string(rune('a' + pick(2))),
		Twin: Key(pick(2)),
	}
	e.Output, e.Input, e.CacheRead = pick(3), pick(2), pick(2)
	e.Flags = Flags(pick(128))
	if e.Time != 0 {
		e.Flags &^= Inherited
	}
	if pick(2) == 0 {
		e.Recorded = micros(Micros(pick(3)))
	}
	if thread {
		e.Thread, e.Ordinal = "t", int(pick(3))
	}
	return e
}

func same(a, b Event) bool {
	if (a.Recorded == nil) != (b.Recorded == nil) || a.Recorded != nil && *a.Recorded != *b.Recorded {
		return false
	}
	a.Recorded, b.Recorded = nil, nil
	return a == b
}

func TestMergeDoesNotDependOnOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 200_000 {
		thread := i%3 == 0
		a, b, c := small(r, thread), small(r, thread), small(r, thread)
		if x, y := Merge(a, b), Merge(b, a); !same(x, y) {
			t.Fatalf("order matters:\n%+v\n%+v\ngive\n%+v\n%+v", a, b, x, y)
		}
		if x, y := Merge(Merge(a, b), c), Merge(a, Merge(b, c)); !same(x, y) {
			t.Fatalf("grouping matters:\n%+v\n%+v\n%+v\ngive\n%+v\n%+v", a, b, c, x, y)
		}
		if x, y := Merge(Merge(a, b), b), Merge(a, b); !same(x, y) {
			t.Fatalf("a second reading matters:\n%+v\n%+v", a, b)
		}
	}
}

func TestKeysAreStable(t *testing.T) {
	// These values are in people's databases.
	tests := []struct {
		got  Key
		want Key
	}{
		{NewHash("message").Text("msg_01").Key(), 5457146061841327841},
		{RowKey("0199-aa", 42), 2114306214923172930},
		{NewHash("message").Bytes([]byte("msg_01")).Key(), 5457146061841327841},
	}
	for i, test := range tests {
		if test.got != test.want {
			t.Errorf("key %d is %d, stored ones are %d", i, test.got, test.want)
		}
	}
}
