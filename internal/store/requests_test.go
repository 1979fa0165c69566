package store

import (
	"context"
	"path/filepath"
	"testing"

	"tokenmeter/internal/usage"
)

func TestRequests(t *testing.T) {
	recorded := usage.Micros(70)
	p := listPrices("one", 3, "unknown")
	s := openAt(t, filepath.Join(t.TempDir(), "tokenmeter.db"), Options{Pricing: p})
	day := at("2026-11-20T00:00:00Z")
	write(t, s, &Chunk{File: &File{Agent: "first", Path: "/logs/a.jsonl"}, Events: []usage.Event{
		{Key: 1, Time: day, Session: "s", Project: "/w/a", Branch: "main", Version: "2", Model: "known", Service: "fast", Tokens: usage.Tokens{Input: 2, Output: 5, Reasoning: 1}, WebSearches: 1, Offset: 40},
		{Key: 2, Time: day + 1000, Session: "s", Project: "/w/a", Model: "unknown", Tokens: usage.Tokens{Output: 9}, Recorded: &recorded},
		{Key: 3, Time: day - 1, Session: "t", Project: "/w/b", Model: "known", Tokens: usage.Tokens{Output: 9}, Recorded: &recorded},
		{Key: 4, Session: "t", Project: "/w/b", Model: "known", Tokens: usage.Tokens{Output: 1}, Flags: usage.Inherited},
	}}, &Chunk{File: &File{Agent: "second", Path: "/logs/b.jsonl", Gone: true}, Events: []usage.Event{
		{Key: 5, Time: day + 2000, Session: "s", Project: "/w/a", Model: "known", Tokens: usage.Tokens{Output: 1}},
	}})
	for name, c := range map[string]struct {
		q    Requests
		want []int64 // outputs
	}{
		"all, newest first, undated last": {Requests{Limit: 9}, []int64{1, 9, 5, 9, 1}},
		"the newest":                      {Requests{Limit: 2}, []int64{1, 9}},
		"from a millisecond":              {Requests{Since: day, Limit: 9}, []int64{1, 9, 5}},
		"up to a millisecond":             {Requests{Until: day, Limit: 9}, []int64{9}},
		"of a session":                    {Requests{Session: "s", Limit: 9}, []int64{1, 9, 5}},
		"of a session and an agent":       {Requests{Session: "s", Agents: []usage.AgentID{"first"}, Limit: 9}, []int64{9, 5}},
		"of a model and a project":        {Requests{Models: []string{"known"}, Projects: []string{"/w/b"}, Limit: 9}, []int64{9, 1}},
		"of an unknown session":           {Requests{Session: "no such", Limit: 9}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := s.Requests(context.Background(), c.q)
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != len(c.want) {
				t.Fatalf("%d requests, want %d: %+v", len(got), len(c.want), got)
			}
			for i := range got {
				if got[i].Output != c.want[i] {
					t.Errorf("request %d has output %d, want %d", i, got[i].Output, c.want[i])
				}
			}
		})
	}
	list, err := s.Requests(context.Background(), Requests{Session: "s", Agents: []usage.AgentID{"first"}, Limit: 9})
	if err != nil {
		t.Fatal(err)
	}
	full := list[1]
	want := usage.Event{Agent: "first", Time: day, Session: "s", Project: "/w/a", Branch: "main", Version: "2", Model: "known", Service: "fast",
		Tokens: usage.Tokens{Input: 2, Output: 5, Reasoning: 1}, WebSearches: 1, Offset: 40}
	want.Cost = p.Cost(&want)
	if full.Event != want || full.Path != "/logs/a.jsonl" || full.Gone {
		t.Errorf("got %+v", full)
	}
	if r := list[0]; r.Recorded == nil || *r.Recorded != 70 || r.Cost.Priced {
		t.Errorf("got %+v", r)
	}
	if _, err := s.Requests(context.Background(), Requests{}); err == nil {
		t.Error("no limit is taken")
	}
	sums, err := s.Recorded(context.Background())
	if err != nil || len(sums) != 2 {
		t.Fatalf("%+v, %v", sums, err)
	}
	for _, r := range sums {
		want := RecordedSum{Agent: "first", Model: "known", Requests: 1, Recorded: 70, Priced: 1, Both: 70, List: 27}
		if r.Model == "unknown" {
			want = RecordedSum{Agent: "first", Model: "unknown", Requests: 1, Recorded: 70}
		}
		if r != want {
			t.Errorf("got %+v, want %+v", r, want)
		}
	}
}
