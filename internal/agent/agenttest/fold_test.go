package agenttest

import (
	"math/rand/v2"
	"testing"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/usage"
)

// relatives says that a thread's rows 0 and 1 are its first parent's, known if its rows are
// among the kin.
type relatives struct{ agent.Source }

func (relatives) Resolve(child usage.Kin, kin []usage.Kin) []usage.Segment {
	known := false
	for _, k := range kin {
		known = known || k.ID == child.Parents[0] && len(k.Prints) > 0
	}
	return []usage.Segment{{Owner: child.Parents[0], Rows: 2, Known: known}}
}

func event(key usage.Key, output int64) usage.Event {
	return usage.Event{Key: key, Time: 1000, Tokens: usage.Tokens{Output: output}}
}

func TestFoldJoinsKeysAndTwins(t *testing.T) {
	facts := &Facts{Events: []usage.Event{event(1, 5), event(1, 9), event(2, 7), event(3, 7), event(4, 1)}}
	facts.Events[2].Twin, facts.Events[3].Twin = 77, 77
	// 4 meets 3 through another reading of 3.
	facts.Events[4].Twin = 88
	third := event(3, 2)
	third.Twin = 88
	facts.Events = append(facts.Events, third)
	got := Fold(struct{ agent.Source }{}, facts)
	if len(got.Events) != 2 || got.Events[0].Output != 9 || got.Events[1].Output != 7 || got.Events[1].Key != 2 {
		t.Fatalf("%+v", got.Events)
	}
}

// rows are the events and marks of a thread's rows.
func rows(thread string, first usage.Millis, outputs ...int64) *Facts {
	facts := &Facts{}
	for i, output := range outputs {
		e := event(usage.RowKey(thread, uint64(output)), output)
		e.Thread, e.Session, e.Ordinal, e.Time = thread, thread, i, first+usage.Millis(i)
		facts.Events = append(facts.Events, e)
		facts.Marks = append(facts.Marks, usage.Mark{Thread: thread, Ordinal: i, Row: uint64(output), Print: uint64(output), Time: e.Time})
		facts.Samples = append(facts.Samples, usage.Sample{Thread: thread, Ordinal: i, ObservedAt: e.Time, UsedPercent: float64(output)})
	}
	return facts
}

func TestFoldGivesCopiedRowsToTheirOwner(t *testing.T) {
	child := rows("child", 5000, 1, 2, 30)
	child.Threads = []usage.Thread{{ID: "child", Parents: []string{"parent"}}}
	sibling := rows("sibling", 7000, 1, 2, 40)
	sibling.Threads = []usage.Thread{{ID: "sibling", Parents: []string{"parent"}}}

	orphans := Fold(relatives{}, join(sibling, child))
	if len(orphans.Events) != 4 || len(orphans.Samples) != 2 {
		t.Fatalf("want two own rows and two of the missing parent, got %+v", orphans)
	}
	for _, e := range orphans.Events {
		if inherited := e.Output <= 2; inherited != (e.Time == 0 && e.Session == "parent" && e.Flags&usage.Inherited != 0) {
			t.Errorf("%+v", e)
		}
	}

	parent := rows("parent", 1000, 1, 2, 50)
	parent.Threads = []usage.Thread{{ID: "parent"}}
	whole := Fold(relatives{}, join(child, parent, sibling))
	if len(whole.Events) != 5 || len(whole.Samples) != 5 {
		t.Fatalf("want the parent's rows dated and once, got %+v", whole.Events)
	}
	for _, e := range whole.Events {
		if e.Time == 0 || e.Output <= 2 && e.Session != "parent" {
			t.Errorf("%+v", e)
		}
	}
}

func TestFoldDoesNotHangOnOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(seed, 9))
	for range 200 {
		facts := &Facts{}
		for range 2 + random.IntN(12) {
			e := event(usage.Key(1+random.IntN(4)), random.Int64N(3))
			e.Twin = usage.Key(random.IntN(3))
			e.Time = usage.Millis(random.IntN(3))
			e.Claim = uint8(random.IntN(2))
			e.Session = string(rune('a' + random.IntN(3)))
			facts.Events = append(facts.Events, e)
		}
		want := Fold(struct{ agent.Source }{}, facts)
		random.Shuffle(len(facts.Events), func(i, j int) {
			facts.Events[i], facts.Events[j] = facts.Events[j], facts.Events[i]
		})
		if diff := compare(want, Fold(struct{ agent.Source }{}, facts)); diff != "" {
			t.Fatal(diff)
		}
	}
}

func TestNewestSessionWins(t *testing.T) {
	facts := &Facts{Sessions: []usage.Session{{ID: "a", Time: 2, Model: "new"}, {ID: "a", Time: 1, Model: "old"}, {ID: "b", Time: 1}}}
	got := Fold(struct{ agent.Source }{}, facts).Sessions
	if len(got) != 2 || got[0].Model != "new" {
		t.Errorf("%+v", got)
	}
}
