package store

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"tokenmeter/internal/usage"
)

// log is the file of a thread in a test: it begins with the first rows of its parent.
type log struct {
	name    string
	parents []string // nearest first
	rows    []logRow
	copied  int // how many rows are the parent's
}

type logRow struct {
	owner string // who made it first
	at    int    // its place in the owner's log
}

// grow makes a log that forks from another after some of its rows.
func grow(name string, from *log, copied, own int) *log {
	l := &log{name: name, copied: copied}
	if from != nil {
		l.parents = append([]string{from.name}, from.parents...)
		l.rows = append(l.rows, from.rows[:copied]...)
	}
	for range own {
		l.rows = append(l.rows, logRow{name, len(l.rows)})
	}
	return l
}

func (r logRow) row() uint64   { return usage.NewHash("total").Text(r.owner).Int(int64(r.at)).Sum() }
func (r logRow) print() uint64 { return usage.NewHash("both").Text(r.owner).Int(int64(r.at)).Sum() }

// chunk is what a reader tells of rows lo up to hi of a log. Copies carry the date of the
// fork. Every third row repeats the counters and gives no event.
func (l *log) chunk(lo, hi int) *Chunk {
	c := &Chunk{
		File:    &File{Agent: "agent", Path: "/" + l.name, Offset: int64(hi)},
		Threads: []usage.Thread{{ID: l.name, Parents: l.parents, Inherited: l.copied}},
	}
	start := at("2026-11-20T08:00:00Z") + usage.Millis(len(l.parents))*3600_000
	for i := lo; i < hi; i++ {
		r := l.rows[i]
		when := start + usage.Millis(i)*1000
		m := usage.Mark{Thread: l.name, Ordinal: i, Print: r.print(), Row: r.row(), Time: when}
		c.Samples = append(c.Samples, usage.Sample{LimitID: "main", WindowMinutes: 300, UsedPercent: float64(i / 2), ObservedAt: when, Source: usage.SourceServer, Thread: l.name, Ordinal: i})
		if i%3 == 2 {
			m.Row = 0
		} else {
			c.Events = append(c.Events, usage.Event{
				Key: usage.RowKey(l.name, m.Row), Thread: l.name, Ordinal: i, Time: when, Session: l.name, Project: "/w/" + l.name, Model: "m",
				Tokens: usage.Tokens{Input: 1 + int64(r.at), Output: 10}, Offset: int64(i) * 100,
			})
		}
		c.Marks = append(c.Marks, m)
	}
	return c
}

// resolve is a simple rule of lineage: a row belongs to the farthest ancestor that is shown
// to have had it, by its own log or by another thread that descends from it; else, if the
// reader found it to be a copy, to the parent.
func resolve(child usage.Kin, kin []usage.Kin) []usage.Segment {
	common := func(prints []uint64) int {
		n := 0
		for n < len(prints) && n < len(child.Prints) && prints[n] == child.Prints[n] {
			n++
		}
		return n
	}
	read := map[string]bool{}
	owners := make([]int, len(child.Prints)) // 1 + place in Parents; 0 = own
	claim := func(rows, place int) {
		for i := range rows {
			owners[i] = max(owners[i], place+1)
		}
	}
	if len(child.Parents) > 0 {
		claim(min(child.Inherited, len(owners)), 0)
	}
	for _, k := range kin {
		read[k.ID] = true
		if place := slices.Index(child.Parents, k.ID); place >= 0 {
			claim(common(k.Prints), place)
			continue
		}
		for place, p := range child.Parents {
			if slices.Contains(k.Parents, p) {
				claim(min(common(k.Prints), child.Inherited, k.Inherited), place)
				break
			}
		}
	}
	var segments []usage.Segment
	for _, o := range owners {
		if o == 0 {
			break
		}
		name := child.Parents[o-1]
		if n := len(segments); n > 0 && segments[n-1].Owner == name {
			segments[n-1].Rows++
		} else {
			segments = append(segments, usage.Segment{Owner: name, Rows: 1, Known: read[name]})
		}
	}
	return segments
}

func settleAll(tx *Tx) error {
	families, err := tx.Unsettled("agent")
	if err != nil {
		return err
	}
	for _, f := range families {
		if err := tx.Settle("agent", f.Child.ID, resolve(f.Child, f.Kin)); err != nil {
			return err
		}
	}
	return nil
}

// picture is all that may be seen of a store: requests and samples.
func picture(t testing.TB, s *Store) []string {
	t.Helper()
	all, _ := events(t, s)
	var lines []string
	for key, e := range all {
		lines = append(lines, fmt.Sprint(key, " ", show(normal(e))))
	}
	samples, err := s.Samples(context.Background(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range samples {
		lines = append(lines, fmt.Sprintf("%+v", x))
	}
	// All were read within two days, so they matter now and, with no news, in a year.
	for _, now := range []string{"2026-11-20T20:00:00Z", "2027-11-20T20:00:00Z"} {
		current, err := s.CurrentSamples(context.Background(), at(now))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(current, samples) {
			t.Errorf("samples that matter at %s: %+v\nall: %+v", now, current, samples)
		}
	}
	slices.Sort(lines)
	return lines
}

func diff(t testing.TB, what string, got, want []string) {
	t.Helper()
	if slices.Equal(got, want) {
		return
	}
	for _, l := range got {
		if !slices.Contains(want, l) {
			t.Errorf("%s: too much: %s", what, l)
		}
	}
	for _, l := range want {
		if !slices.Contains(got, l) {
			t.Errorf("%s: missing: %s", what, l)
		}
	}
	t.FailNow()
}

func orders(n int) [][]int {
	if n == 0 {
		return [][]int{nil}
	}
	var all [][]int
	for _, shorter := range orders(n - 1) {
		for i := 0; i <= len(shorter); i++ {
			all = append(all, slices.Insert(slices.Clone(shorter), i, n-1))
		}
	}
	return all
}

func TestLineageInAllOrders(t *testing.T) {
	a := grow("a", nil, 0, 10)
	b := grow("b", a, 6, 5)
	c := grow("c", b, 8, 4)
	d := grow("d", a, 4, 3)
	e := grow("e", a, 0, 4) // a sub-agent that starts from nothing
	short := grow("short", a, 6, 0)
	families := []struct {
		name string
		logs []*log
		// rows that must be counted: dated ones by their owner, and undated ones.
		dated   map[string]int
		undated map[string]int
	}{
		{"all logs are here", []*log{a, b, c, d}, map[string]int{"a": 7, "b": 4, "c": 2, "d": 2}, nil},
		{"with a sub-agent and a fork without rows of its own", []*log{a, b, e, short}, map[string]int{"a": 7, "b": 4, "e": 3}, nil},
		{"the root is missing", []*log{b, c, d}, map[string]int{"b": 4, "c": 2, "d": 2}, map[string]int{"a": 4}},
		{"the middle is missing", []*log{a, c}, map[string]int{"a": 7, "c": 2}, map[string]int{"b": 2}},
		{"two siblings of a missing parent", []*log{b, d}, map[string]int{"b": 4, "d": 2}, map[string]int{"a": 4}},
		{"one orphan", []*log{c}, map[string]int{"c": 2}, map[string]int{"b": 6}},
	}
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) {
			whole := open(t, load("Europe/Berlin"))
			update(t, whole, func(tx *Tx) error {
				for _, l := range f.logs {
					if err := tx.Write(l.chunk(0, len(l.rows))); err != nil {
						return err
					}
				}
				return settleAll(tx)
			})
			want := picture(t, whole)
			checkSums(t, whole)
			dated, undated := map[string]int{}, map[string]int{}
			for _, r := range ask(t, whole, Query{By: []Dimension{Day, Session}}) {
				if r.Start != 0 {
					dated[r.Session] += int(r.Requests)
				} else {
					undated[r.Session] += int(r.Requests)
				}
			}
			if fmt.Sprint(dated, undated) != fmt.Sprint(f.dated, orEmpty(f.undated)) {
				t.Fatalf("dated %v, undated %v; want %v, %v", dated, undated, f.dated, f.undated)
			}
			for n, order := range orders(len(f.logs)) {
				r := rand.New(rand.NewPCG(uint64(n), 2))
				s := open(t, load("Europe/Berlin"))
				done := make([]int, len(f.logs))
				for _, i := range order {
					l := f.logs[i]
					for done[i] < len(l.rows) {
						// Sometimes in pieces, sometimes without settling, sometimes after a
						// restart, sometimes with something read again.
						step := min(len(l.rows)-done[i], 1+r.IntN(len(l.rows)))
						update(t, s, func(tx *Tx) error {
							if r.IntN(3) == 0 {
								again := order[r.IntN(len(order))]
								if err := tx.Write(f.logs[again].chunk(0, done[again])); err != nil {
									return err
								}
							}
							if err := tx.Write(l.chunk(done[i], done[i]+step)); err != nil {
								return err
							}
							if r.IntN(3) == 0 {
								return nil
							}
							return settleAll(tx)
						})
						done[i] += step
						checkSums(t, s)
						if r.IntN(4) == 0 {
							path := s.path
							s.Close()
							s = openAt(t, path, Options{Zone: load("Europe/Berlin")})
						}
					}
				}
				update(t, s, settleAll)
				diff(t, fmt.Sprint("order ", order), picture(t, s), want)
				checkSums(t, s)
				// All of it once more changes nothing, not even a byte.
				before := tables(t, s)
				update(t, s, func(tx *Tx) error {
					for _, i := range order {
						if err := tx.Write(f.logs[i].chunk(0, len(f.logs[i].rows))); err != nil {
							return err
						}
					}
					return settleAll(tx)
				})
				diff(t, "read again", tables(t, s), before)
				s.Close()
			}
		})
	}
}

func orEmpty(m map[string]int) map[string]int {
	if m == nil {
		return map[string]int{}
	}
	return m
}

func TestASecondOpinionMovesRowsBack(t *testing.T) {
	a, b := grow("a", nil, 0, 8), grow("b", grow("a", nil, 0, 8), 6, 4)
	opinions := [][]usage.Segment{
		nil,
		{{Owner: "a", Rows: 6, Known: true}},
		{{Owner: "a", Rows: 3, Known: true}},
		{{Owner: "x", Rows: 4}},
		{{Owner: "a", Rows: 2, Known: true}, {Owner: "x", Rows: 3}},
		{{Owner: "y", Rows: 6}},
	}
	s := open(t, load("Europe/Berlin"))
	write(t, s, a.chunk(0, 8), b.chunk(0, 10))
	pictures := map[int][]string{}
	settle := func(i int) {
		update(t, s, func(tx *Tx) error { return tx.Settle("agent", "b", opinions[i]) })
		checkSums(t, s)
		// The project of a row that comes back is the one that the copy is known with.
		got := picture(t, s)
		if want, ok := pictures[i]; ok {
			diff(t, fmt.Sprint("opinion ", i), got, want)
		}
		pictures[i] = got
	}
	for i := range opinions {
		settle(i)
		write(t, s, b.chunk(0, 10)) // read anew
		settle(i)
	}
	r := rand.New(rand.NewPCG(1, 9))
	for range 60 {
		i := r.IntN(len(opinions))
		update(t, s, func(tx *Tx) error { return tx.Settle("agent", "b", opinions[i]) })
		checkSums(t, s)
		requests := cmp.Compare(len(picture(t, s)), len(pictures[i]))
		if requests != 0 {
			t.Fatalf("opinion %d: %d things, were %d", i, len(picture(t, s)), len(pictures[i]))
		}
	}
}

func TestUnsettledAsksOnlyWhoIsConcerned(t *testing.T) {
	s := open(t, nil)
	a := grow("a", nil, 0, 10)
	b, c, far := grow("b", a, 6, 5), grow("c", a, 3, 5), grow("far", nil, 0, 5)
	ask := func(chunks ...*Chunk) (asked []string) {
		update(t, s, func(tx *Tx) error {
			for _, c := range chunks {
				if err := tx.Write(c); err != nil {
					return err
				}
			}
			families, err := tx.Unsettled("agent")
			for _, f := range families {
				var kin []string
				for _, k := range f.Kin {
					kin = append(kin, fmt.Sprintf("%s%d", k.ID, len(k.Prints)))
				}
				slices.Sort(kin)
				asked = append(asked, fmt.Sprintf("%s%d%v", f.Child.ID, len(f.Child.Prints), kin))
				if err := tx.Settle("agent", f.Child.ID, resolve(f.Child, f.Kin)); err != nil {
					return err
				}
			}
			return err
		})
		return asked
	}
	steps := []struct {
		name   string
		chunks []*Chunk
		want   []string
	}{
		{"a thread without parents", []*Chunk{far.chunk(0, 5)}, nil},
		{"an orphan", []*Chunk{b.chunk(0, 11)}, []string{"b11[]"}},
		{"its sibling", []*Chunk{c.chunk(0, 8)}, []string{"b11[c8]", "c8[b11]"}},
		{"the parent", []*Chunk{a.chunk(0, 4)}, []string{"b11[a4 c8]", "c8[a4 b11]"}},
		{"more of the parent, beyond the end of one child", []*Chunk{a.chunk(4, 9)}, []string{"b11[a9 c8]", "c8[a9 b11]"}},
		{"nothing new", []*Chunk{a.chunk(0, 9), b.chunk(0, 11)}, nil},
		{"nothing at all", nil, nil},
	}
	for _, step := range steps {
		if got := ask(step.chunks...); !slices.Equal(got, step.want) {
			t.Errorf("%s: asked %v, want %v", step.name, got, step.want)
		}
	}
	long := grow("a", nil, 0, 30)
	ask(long.chunk(9, 20))
	if got := ask(long.chunk(20, 30)); got != nil {
		t.Errorf("rows of the parent beyond its children: asked %v", got)
	}
	// A log that says exactly what it copied need not be asked as it grows.
	exact := grow("exact", a, 0, 9)
	first, next := exact.chunk(0, 4), exact.chunk(4, 9)
	first.Threads[0].Exact, next.Threads[0].Exact = true, true
	if got := ask(first); !slices.Equal(got, []string{"exact4[a30]"}) {
		t.Errorf("an exact thread: asked %v", got)
	}
	if got := ask(next); got != nil {
		t.Errorf("an exact thread grows: asked %v", got)
	}
}

func TestTwoFilesOfOneThread(t *testing.T) {
	a := grow("a", nil, 0, 9)
	b := grow("b", a, 6, 6)
	archived := b.chunk(0, 12)
	archived.File.Path = "/archive/b"
	stub := b.chunk(0, 7)
	stub.Threads[0].Parents, stub.Threads[0].Inherited = nil, 0 // cut before it says so
	var want []string
	for n, order := range orders(4) {
		s := open(t, nil)
		chunks := []*Chunk{a.chunk(0, 9), b.chunk(0, 12), archived, stub}
		for _, i := range order {
			update(t, s, func(tx *Tx) error {
				if err := tx.Write(chunks[i]); err != nil {
					return err
				}
				return settleAll(tx)
			})
		}
		checkSums(t, s)
		got := picture(t, s)
		if n > 0 {
			diff(t, fmt.Sprint("order ", order), got, want)
		}
		want = got
		s.Close()
	}
	if total := len(want); total == 0 {
		t.Fatal("nothing stored")
	}
}

func TestALargeFamilyIsNotSquared(t *testing.T) {
	// Two thousand sub-agents of one conversation, all of them new at once.
	root := grow("root", nil, 0, 3)
	s := open(t, nil)
	update(t, s, func(tx *Tx) error {
		if err := tx.Write(root.chunk(0, 3)); err != nil {
			return err
		}
		for i := range 2000 {
			l := grow(fmt.Sprint("sub", i), root, 0, 3)
			if err := tx.Write(l.chunk(0, 3)); err != nil {
				return err
			}
		}
		families, err := tx.Unsettled("agent")
		kin := 0
		for _, f := range families {
			kin += len(f.Kin)
		}
		if len(families) != 2000 || kin != 2000 {
			t.Errorf("%d families with %d kin", len(families), kin)
		}
		return err
	})
}
