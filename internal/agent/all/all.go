// Package all lists the agents that Tokenmeter can read, in the order of the palette.
//
// It is the one place that names every agent's package; everyone else gets the list
// handed. It keeps no state and may be called from any goroutine. Tested here: ids and
// places in the palette are unique and in order.
package all

import (
	"fmt"
	"time"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/agent/claude"
	"tokenmeter/internal/agent/codex"
	"tokenmeter/internal/usage"
)

// Sources lists the agents in palette order, on a machine that stays in its zone.
func Sources() []agent.Source { return SourcesIn(func() *time.Location { return time.Local }) }

// SourcesIn is Sources on a machine whose zone may change: zone tells it as it is now.
func SourcesIn(zone func() *time.Location) []agent.Source {
	return inOrder(
		claude.Source{Zone: zone},
		codex.Source{},
	)
}

// inOrder panics where two agents share an id or do not follow the palette: both are
// mistakes in the program.
func inOrder(sources ...agent.Source) []agent.Source {
	ids := map[usage.AgentID]bool{}
	slot := -1
	for _, source := range sources {
		info := source.Info()
		if ids[info.ID] || info.Slot <= slot {
			panic(fmt.Sprintf("agent %q: its id or its place %d in the palette is taken", info.ID, info.Slot))
		}
		ids[info.ID], slot = true, info.Slot
	}
	return sources
}
