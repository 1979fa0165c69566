package settings

import (
	"strconv"

	"tokenmeter/internal/usage"
)

// What the file's amounts may be, in words.
const (
	amountAllowed   = "a number like 2.5, with at most six digits after the point, up to 1000000"
	exchangeAllowed = "a number like \"0.92\" above 0, with at most nine digits after the point, up to 1000000000"
)

// shown is a text of the file as it may stand in a sentence.
func shown(text string) string { return strconv.Quote(usage.Shortened(text)) }
