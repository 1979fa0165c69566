package settings

import (
	"fmt"
	"strconv"
	"strings"
)

// Rate is a price in millionths of a US dollar for a million tokens. In text it is dollars for
// a million tokens, "0.003625".
type Rate int64

// Exchange is what a US dollar costs in another currency, in billionths of its unit. In text
// it is units, "0.92".
type Exchange int64

const (
	rateDigits           = 6
	highestRate     Rate = 1_000_000 * 1_000_000
	exchangeDigits       = 9
	exchangeOne          = Exchange(1_000_000_000)
	highestExchange      = 1_000_000_000 * exchangeOne
	amountAllowed        = "a number like 2.5, with at most six digits after the point, up to 1000000"
	exchangeAllowed      = "a number like \"0.92\" above 0, with at most nine digits after the point, up to 1000000000"
)

// ParseRate reads dollars for a million tokens: digits, and at most six after the point.
func ParseRate(text string) (Rate, error) {
	n, ok := parseDecimal(text, rateDigits, int64(highestRate))
	if !ok {
		return 0, fmt.Errorf("%s is not %s", shown(text), amountAllowed)
	}
	return Rate(n), nil
}

// String gives dollars for a million tokens, without trailing zeros.
func (r Rate) String() string { return formatDecimal(int64(r), rateDigits) }

// ParseExchange reads units for a dollar: digits, and at most nine after the point.
func ParseExchange(text string) (Exchange, error) {
	n, ok := parseDecimal(text, exchangeDigits, int64(highestExchange))
	if !ok || n == 0 {
		return 0, fmt.Errorf("%s is not %s", shown(text), exchangeAllowed)
	}
	return Exchange(n), nil
}

// String gives units for a dollar, without trailing zeros.
func (e Exchange) String() string { return formatDecimal(int64(e), exchangeDigits) }

// parseDecimal reads an unsigned decimal exactly, as a whole number of its last place.
func parseDecimal(text string, places int, most int64) (int64, bool) {
	whole, fraction, point := strings.Cut(text, ".")
	if whole == "" || point && fraction == "" || strings.Trim(whole+fraction, "0123456789") != "" {
		return 0, false
	}
	fraction = strings.TrimRight(fraction, "0")
	if len(fraction) > places {
		return 0, false
	}
	n, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", places-len(fraction)), 10, 64)
	return n, err == nil && n <= most
}

func formatDecimal(n int64, places int) string {
	sign := ""
	if n < 0 {
		sign = "-"
	}
	text := strings.TrimPrefix(strconv.FormatInt(n, 10), "-")
	if len(text) <= places {
		text = strings.Repeat("0", places+1-len(text)) + text
	}
	whole, fraction := text[:len(text)-places], strings.TrimRight(text[len(text)-places:], "0")
	if fraction == "" {
		return sign + whole
	}
	return sign + whole + "." + fraction
}

// shown is a text of the file as it may stand in a sentence.
func shown(text string) string {
	const most = 60
	runes := []rune(text)
	if len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return strconv.Quote(text)
}
