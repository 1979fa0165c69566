// Package reference reads agents' logs slowly and simply: the second opinion that the
// tests compare every figure with. One file of code an agent, json.Decoder tokens, no
// cleverness. It shares no rule and no code with the readers it checks, knows nothing of
// cursors, and holds all it reads in memory. Only tests may use it; it keeps no state.
package reference

import "time"

// Request is one billed request as the reference understands it.
type Request struct {
	Agent, Model, Project, Session string
	Time                           time.Time // zero where Undated

	Input, CacheRead, CacheWrite5m, CacheWrite1h, Output, Reasoning int64

	Undated bool // inherited from a log that is not here
}
