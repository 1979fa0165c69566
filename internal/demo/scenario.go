package demo

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/usage"
)

//go:embed scenario.json
var scenarioFile []byte

// scenario is who works on what, with which agents.
type scenario struct {
	Projects []project
	Agents   []worker
	Prompts  []string
	Answers  []string
	Tools    []string // "" = an answer without a tool call
}

// project is a folder that is worked in.
type project struct {
	Path       string // relative to the home folder
	Weight     float64
	Branches   []string
	WorktreeOf string // path of the project whose git worktree this is
	Leisure    bool   // worked on in the evening and on weekends
}

// worker is an agent as the scenario uses it.
type worker struct {
	ID          usage.AgentID
	Weight      float64
	CacheWrites bool    // the agent pays for what it writes to the cache
	SubAgents   float64 // chance that a conversation starts a sub-agent
	Forks       float64 // chance that a conversation is forked
	Models      []model
	SubModel    model // of sub-agents; no name: the conversation's own
	// Fresh tokens that use up the short and the long allowance window; 0 = no limits.
	ShortWindowTokens int64
	LongWindowTokens  int64

	simulator agent.Simulator
	limits    limits
}

type model struct {
	Name         string
	Weight       float64
	Window       int64   // context window in tokens
	Reasoning    float64 // usual share of the output
	SinceDaysAgo int     // in use for so many days; 0 = for longer than the history
	UntilDaysAgo int     // not in use for so many days; 0 = in use
}

// load reads the embedded scenario and finds a simulator for each of its workers. Sources
// that have none, or that the scenario does not know, stay out.
func load(sources []agent.Source) (*scenario, error) {
	s := &scenario{}
	if err := json.Unmarshal(scenarioFile, s); err != nil {
		return nil, fmt.Errorf("read the scenario: %w", err)
	}
	known := map[usage.AgentID]agent.Simulator{}
	for _, source := range sources {
		if simulator, ok := source.(agent.Simulator); ok {
			known[source.Info().ID] = simulator
		}
	}
	workers := s.Agents[:0]
	for _, w := range s.Agents {
		if w.simulator = known[w.ID]; w.simulator != nil {
			workers = append(workers, w)
		}
	}
	if s.Agents = workers; len(workers) == 0 {
		return nil, fmt.Errorf("simulate agents: none of this build can be simulated")
	}
	return s, nil
}

// pick chooses one of list by weight.
func pick[T any](random *rand.Rand, list []T, weight func(*T) float64) *T {
	sum := 0.0
	for i := range list {
		sum += weight(&list[i])
	}
	at := random.Float64() * sum
	for i := range list {
		if at -= weight(&list[i]); at < 0 {
			return &list[i]
		}
	}
	return &list[len(list)-1]
}

// around draws from a skewed distribution with the given median: half of the values lie
// within a factor of about two, a few are many times larger, as token counts are.
func around(random *rand.Rand, median float64, spread float64) float64 {
	return median * math.Exp(random.NormFloat64()*spread)
}
