package view

import (
	"fmt"
	"slices"
	"strings"

	"tokenmeter/internal/report"
)

// NetworkUse says what goes out: "Network on: asks Claude and Codex, fetches prices daily", or
// "Network off".
func NetworkUse(o report.Online) string {
	var uses []string
	if len(o.Asks) > 0 {
		uses = append(uses, "asks "+strings.Join(o.Asks, " and "))
	}
	if o.Prices {
		uses = append(uses, "fetches prices daily")
	}
	if uses == nil {
		return "Network off"
	}
	return "Network on: " + strings.Join(uses, ", ")
}

// network says the same in the twenty letters that the rail has room for.
func network(o report.Online) string {
	uses := slices.Clone(o.Asks)
	if o.Prices {
		uses = append(uses, "prices")
	}
	switch {
	case len(uses) == 0:
		return NetworkUse(o)
	case len(o.Asks) == 0:
		return "Fetches prices daily"
	case len(uses) > 2:
		return fmt.Sprintf("Network on, %d uses", len(uses))
	}
	return "Asks " + strings.Join(uses, ", ")
}
