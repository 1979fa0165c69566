package report

import (
	"time"

	"tokenmeter/internal/health"
	"tokenmeter/internal/store"
	"tokenmeter/internal/usage"
)

// Meter is what only the running meter knows and hands to the other program.
type Meter struct {
	Reading  Progress         `json:"reading"`
	Findings []health.Finding `json:"findings"`
	// StaleSince is since when the figures may be behind, because no meter runs or it
	// cannot store what it reads; zero = they are current.
	StaleSince time.Time `json:"staleSince,omitzero"`
	Online     Online    `json:"online,omitzero"`
	// Repricing is how far stored costs follow the last change of prices.
	Repricing store.Repricing `json:"repricing,omitzero"`
	// Currency is the user's choice.
	Currency usage.Currency `json:"currency,omitzero"`
}

// Online is what the settings let out; the zero one: nothing.
type Online struct {
	Prices bool     `json:"prices,omitzero"` // they are fetched once a day
	Asks   []string `json:"asks,omitempty"`  // names of the agents whose vendor is asked for the allowance
}
