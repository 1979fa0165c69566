package claude

import (
	"maps"
	"slices"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/usage"
)

// billKind is the type of the lines in which Claude Code says, at the end of each run, what the
// session has used so far and what that cost, by model. They are no requests. The sums hold
// what sub-agents used, the request of a compaction and most cut streams; a fork's begin with
// its parent's; a run that was killed writes none.
const billKind = "cost-state"

// bills tells what a line of billKind says, a bill for each model.
func (p *parser) bills(l *line, out agent.Sink) {
	session := l.session
	if session == "" {
		session = p.fallback
	}
	s := &p.side
	s.Reset(l.bills)
	if !s.Object() {
		return
	}
	bills := map[string]usage.Bill{} // of members with one name the last counts
	for {
		key, more := s.Key()
		if !more {
			break
		}
		model := ""
		if len(key) <= longestText {
			model = p.known.String(key)
		}
		delete(bills, model)
		b := usage.Bill{Agent: ID, Session: session, Model: model, Time: p.last}
		if s.Object() && bill(s, &b) && model != "" {
			bills[model] = b
		}
	}
	for _, model := range slices.Sorted(maps.Keys(bills)) {
		b := bills[model]
		out.Bill(&b)
	}
}

// bill reads what was used of one model. It says whether that tells of a cost.
func bill(s *agent.Scanner, b *usage.Bill) (costs bool) {
	var writes, writes5m, writes1h int64
	for {
		key, more := s.Key()
		if !more {
			break
		}
		switch string(key) {
		case "inputTokens":
			b.Input = s.Count()
		case "outputTokens":
			b.Output = s.Count()
		case "thinkingTokens":
			b.Reasoning = s.Count()
		case "cacheReadInputTokens":
			b.CacheRead = s.Count()
		case "cacheCreationInputTokens":
			writes = s.Count()
		case "cacheCreationEphemeral5mInputTokens":
			writes5m = s.Count()
		case "cacheCreationEphemeral1hInputTokens":
			writes1h = s.Count()
		case "webSearchRequests":
			b.WebSearches = s.Count()
		case "costUSD":
			b.Cost, costs = s.Money()
		default:
			s.Skip()
		}
	}
	b.CacheWrite5m, b.CacheWrite1h = cacheWrites(writes, writes5m, writes1h)
	b.Reasoning = min(b.Reasoning, b.Output)
	return costs && (b.Total() > 0 || b.Cost > 0)
}
