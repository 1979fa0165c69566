package store

import (
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"tokenmeter/internal/usage"
)

// bills are all that is stored, by session and model.
func bills(t testing.TB, s *Store) map[[2]string]usage.Bill {
	t.Helper()
	list, err := s.Bills(context.Background())
	must(t, err)
	found := map[[2]string]usage.Bill{}
	for _, b := range list {
		found[[2]string{b.Session, b.Model}] = b
	}
	if len(found) != len(list) {
		t.Fatalf("%d bills for %d sessions and models", len(list), len(found))
	}
	return found
}

func billChunk(list ...usage.Bill) *Chunk {
	return &Chunk{File: &File{Agent: "a", Path: "/logs/s1", Root: "/logs", Name: "s1"}, Bills: list}
}

func TestTheNewestBillHolds(t *testing.T) {
	bill := func(at usage.Millis, cost usage.Micros) usage.Bill {
		return usage.Bill{Agent: "a", Session: "s1", Model: "m[1m]", Time: at, Cost: cost, WebSearches: 3,
			Tokens: usage.Tokens{Input: 1, CacheRead: 2, CacheWrite5m: 3, CacheWrite1h: 4, Output: int64(cost), Reasoning: 1}}
	}
	for name, c := range map[string]struct {
		told []usage.Bill
		want usage.Bill
	}{
		"several runs":                                 {[]usage.Bill{bill(10, 5), bill(20, 9)}, bill(20, 9)},
		"an undated one is the oldest":                 {[]usage.Bill{bill(0, 99), bill(20, 9)}, bill(20, 9)},
		"two at one time: the higher one is the newer": {[]usage.Bill{bill(20, 9), bill(20, 12)}, bill(20, 12)},
		"a later one may be lower":                     {[]usage.Bill{bill(20, 9), bill(30, 2)}, bill(30, 2)},
		"told again":                                   {[]usage.Bill{bill(20, 9), bill(20, 9)}, bill(20, 9)},
	} {
		t.Run(name, func(t *testing.T) {
			for _, backwards := range []bool{false, true} {
				told := slices.Clone(c.told)
				if backwards {
					slices.Reverse(told)
				}
				s := open(t, nil)
				for i := range told {
					write(t, s, billChunk(told[i]))
				}
				if got := bills(t, s); len(got) != 1 || got[[2]string{"s1", "m[1m]"}] != c.want {
					t.Errorf("backwards %v: %+v", backwards, got)
				}
				if n := total(t, s); n != (usage.Counts{}) {
					t.Errorf("a bill adds to the sums: %+v", n)
				}
			}
		})
	}
}

func TestBillsDoNotDependOnOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 2))
	for range 20 {
		var told []usage.Bill
		for range 60 {
			told = append(told, usage.Bill{Agent: "a", Session: fmt.Sprint("s", random.IntN(3)), Model: fmt.Sprint("m", random.IntN(2)), Time: usage.Millis(random.IntN(4)),
				Cost: usage.Micros(random.IntN(3)), Tokens: usage.Tokens{Input: random.Int64N(2), Output: random.Int64N(2), CacheRead: random.Int64N(2)}})
		}
		var first map[[2]string]usage.Bill
		for range 3 {
			random.Shuffle(len(told), func(a, b int) { told[a], told[b] = told[b], told[a] })
			s := open(t, nil)
			for part := range slices.Chunk(told, 7) {
				write(t, s, billChunk(part...))
			}
			before := tables(t, s)
			write(t, s, billChunk(told...))
			if after := tables(t, s); !slices.Equal(before, after) {
				t.Fatal("telling all again changes what is stored")
			}
			got := bills(t, s)
			if first == nil {
				first = got
			}
			if fmt.Sprint(got) != fmt.Sprint(first) {
				t.Fatalf("%v\n%v", got, first)
			}
		}
	}
}

func TestBillsThatCannotBeAreBounded(t *testing.T) {
	s := open(t, nil)
	write(t, s, billChunk(usage.Bill{Session: "s1", Model: "m", Time: -5, Cost: 1 << 60, Tokens: usage.Tokens{Input: -1, Output: 1 << 62}}))
	want := usage.Bill{Agent: "a", Session: "s1", Model: "m", Cost: maxCount, Tokens: usage.Tokens{Output: maxCount}}
	if got := bills(t, s)[[2]string{"s1", "m"}]; got != want {
		t.Errorf("%+v", got)
	}
}

// version1 puts a database into place that a program made before there were bills.
func version1(t testing.TB, path string) { older(t, path, 1) }

// older puts a database of an earlier version into place.
func older(t testing.TB, path string, version uint32) {
	t.Helper()
	packed, err := os.Open(filepath.Join("testdata", fmt.Sprintf("version-%d.db.gz", version)))
	must(t, err)
	defer packed.Close()
	content, err := gzip.NewReader(packed)
	must(t, err)
	plain, err := io.ReadAll(content)
	must(t, err)
	if got := binary.BigEndian.Uint32(plain[60:]); got != version {
		t.Fatalf("it has version %d", got)
	}
	must(t, os.MkdirAll(filepath.Dir(path), 0o700))
	must(t, os.WriteFile(path, plain, 0o600))
}

// What the databases of earlier versions hold.
const (
	version1Requests = 112
	version1Output   = 156130
	version1Sessions = 4
)

func checkVersion1(t testing.TB, s *Store) {
	t.Helper()
	if n := total(t, s); n.Requests != version1Requests || n.Output != version1Output {
		t.Errorf("%d requests, output %d", n.Requests, n.Output)
	}
	sessions, err := s.Sessions(context.Background(), 0)
	if err != nil || len(sessions) == 0 || len(sessions) > version1Sessions {
		t.Errorf("%d sessions, %v", len(sessions), err)
	}
	if s.writer != nil { // by which it looks
		checkSums(t, s)
	}
}

func TestADatabaseWithoutBillsIsBroughtUpToDate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokenmeter.db")
	version1(t, path)
	if s, err := Open(context.Background(), path, Options{ReadOnly: true}); !errors.Is(err, ErrOlder) {
		if s != nil {
			s.Close()
		}
		t.Fatalf("who only reads gets %v", err)
	}
	s := openAt(t, path, Options{})
	checkVersion1(t, s)
	write(t, s, billChunk(usage.Bill{Session: "s1", Model: "m", Time: 1, Cost: 2}))
	must(t, s.Close())
	s = openAt(t, path, Options{ReadOnly: true})
	checkVersion1(t, s)
	if got := bills(t, s); len(got) != 1 {
		t.Errorf("%+v", got)
	}
}

// A damaged database of an earlier version is salvaged into the present schema: where its
// trees begin must not be guessed from that.
func TestADamagedDatabaseWithoutBillsIsRepaired(t *testing.T) {
	for name, spoil := range map[string]func(content []byte) []byte{
		"a freed page list that cannot be": func(c []byte) []byte { clear(c[100:108]); return c },
		"its last page is lost":            func(c []byte) []byte { return c[:len(c)-4096] },
		"the schema is lost":               func(c []byte) []byte { clear(c[100:4096]); return c },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "tokenmeter.db")
			version1(t, path)
			damage(t, path, spoil)
			s := openAt(t, path, Options{Repair: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)})
			if s.repaired == nil {
				t.Fatal("not taken for damaged")
			}
			if n := total(t, s); n.Requests < version1Requests/2 || n.Requests > version1Requests {
				t.Errorf("%d requests", n.Requests)
			}
			if got := bills(t, s); len(got) != 0 {
				t.Errorf("bills out of nothing: %+v", got)
			}
			checkSums(t, s)
		})
	}
}

func TestBackupsHoldBills(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokenmeter.db")
	s := openAt(t, path, Options{})
	write(t, s, billChunk(usage.Bill{Session: "s1", Model: "m", Time: 1, Cost: 2}))
	must(t, s.Backup(context.Background(), damageTime, 0))
	if got := bills(t, openAt(t, Backups(path)[0], Options{ReadOnly: true})); len(got) != 1 {
		t.Errorf("%+v", got)
	}
}
