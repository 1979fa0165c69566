package report

import "tokenmeter/internal/health"

// Meter is what only the running meter knows and hands to the other program.
type Meter struct {
	Reading  Progress         `json:"reading"`
	Findings []health.Finding `json:"findings"`
}
