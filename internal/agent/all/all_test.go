package all

import (
	"testing"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/usage"
)

type source struct {
	agent.Source
	id   usage.AgentID
	slot int
}

func (s source) Info() agent.Info { return agent.Info{ID: s.id, Slot: s.slot} }

func TestSourcesSayWhatTheyAre(t *testing.T) {
	for i, s := range Sources() {
		info := s.Info()
		if info.ID == "" || info.Name == "" || info.Slot != i || info.Revision < 1 || len(info.Records) == 0 || len(info.Missing) == 0 {
			t.Errorf("%+v", info)
		}
	}
}

func TestMistakesInTheListPanic(t *testing.T) {
	for name, list := range map[string][]agent.Source{
		"two of one id":    {source{id: "a"}, source{id: "a", slot: 1}},
		"two in one place": {source{id: "a"}, source{id: "b"}},
		"out of order":     {source{id: "a", slot: 1}, source{id: "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("accepted")
				}
			}()
			inOrder(list...)
		})
	}
}
