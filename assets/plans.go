package assets

import _ "embed"

// Plans is the table of plans that agents are sold under, dated and with their sources. It is
// kept by hand.
//
//go:embed plans/plans.json
var Plans []byte

// PlansSchema is the JSON schema of Plans.
//
//go:embed plans/plans.schema.json
var PlansSchema []byte
