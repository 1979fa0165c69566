package usage

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Rate is a price in millionths of a US dollar for a million tokens, which is 10⁻¹² dollars
// for one. In text it is dollars for a million tokens, "0.003625".
type Rate int64

const (
	rateDigits = 6
	// Dearest is over a thousand times what any model costs.
	Dearest Rate = 1_000_000 * 1_000_000
)

// ParseRate reads dollars for a million tokens, at most a million.
func ParseRate(text string) (Rate, error) {
	n, err := ParseDecimal(text, rateDigits, int64(Dearest))
	return Rate(n), err
}

// String gives dollars for a million tokens, without trailing zeros.
func (r Rate) String() string { return FormatDecimal(int64(r), rateDigits) }

// MarshalText is String.
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText is ParseRate.
func (r *Rate) UnmarshalText(text []byte) (err error) {
	*r, err = ParseRate(string(text))
	return err
}

// Exchange is what a US dollar costs in another currency, in billionths of its unit. In text
// it is units, "0.92".
type Exchange int64

// OneToOne is the rate of the dollar itself.
const OneToOne Exchange = 1_000_000_000

const (
	exchangeDigits           = 9
	highestExchange Exchange = 1_000_000_000 * OneToOne
)

// ParseExchange reads units for a dollar, above 0 and at most a billion.
func ParseExchange(text string) (Exchange, error) {
	n, err := ParseDecimal(text, exchangeDigits, int64(highestExchange))
	if err == nil && n == 0 {
		err = errors.New("the rate is 0")
	}
	return Exchange(n), err
}

// String gives units for a dollar, without trailing zeros.
func (e Exchange) String() string { return FormatDecimal(int64(e), exchangeDigits) }

// UnmarshalText is ParseExchange.
func (e *Exchange) UnmarshalText(text []byte) (err error) {
	*e, err = ParseExchange(string(text))
	return err
}

// ParseDecimal reads an unsigned decimal exactly, as a whole number of its last place: "2.5"
// of three places is 2500. The error says what is allowed.
func ParseDecimal(text string, places int, most int64) (int64, error) {
	whole, fraction, point := strings.Cut(text, ".")
	digits := strings.TrimRight(fraction, "0")
	if whole == "" || point && fraction == "" || strings.Trim(whole+fraction, "0123456789") != "" || len(digits) > places {
		return 0, fmt.Errorf("%q is not a number like 2.5, with at most %d digits after the point", Shortened(text), places)
	}
	n, err := strconv.ParseInt(whole+digits+strings.Repeat("0", places-len(digits)), 10, 64)
	if err != nil || n > most {
		return 0, fmt.Errorf("%s is more than %s", Shortened(text), FormatDecimal(most, places))
	}
	return n, nil
}

// FormatDecimal writes a whole number of so many places, without trailing zeros.
func FormatDecimal(n int64, places int) string {
	text, negative := strings.CutPrefix(strconv.FormatInt(n, 10), "-")
	if len(text) <= places {
		text = strings.Repeat("0", places+1-len(text)) + text
	}
	whole, fraction := text[:len(text)-places], strings.TrimRight(text[len(text)-places:], "0")
	if negative {
		whole = "-" + whole
	}
	if fraction == "" {
		return whole
	}
	return whole + "." + fraction
}

// Shortened is foreign text as it may stand in a sentence: its first 60 characters.
func Shortened(text string) string {
	const most = 60
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}
