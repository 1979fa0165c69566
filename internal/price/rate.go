package price

import (
	"errors"
	"math"
	"math/bits"

	"tokenmeter/internal/usage"
)

// Rate is usage.Rate.
type Rate = usage.Rate

// absent is the rate of a class that a model does not offer, or whose price is not known.
const absent Rate = -1

// Factor is what a service multiplies prices by, in thousandths: 2500 is "2.5".
type Factor int64

const (
	factorDigits         = 3
	highestFactor        = 100_000
	single        Factor = 1000
)

// String gives the factor without trailing zeros.
func (f Factor) String() string { return usage.FormatDecimal(int64(f), factorDigits) }

// MarshalText is String.
func (f Factor) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText reads a factor: digits, and at most three after the point.
func (f *Factor) UnmarshalText(text []byte) error {
	n, err := usage.ParseDecimal(string(text), factorDigits, highestFactor)
	*f = Factor(n)
	return err
}

// rates are the prices of the classes of tokens.
type rates struct {
	input, read, write5m, write1h, output Rate
}

// sum is an amount in 10⁻¹² dollars.
type sum struct{ high, low uint64 }

// errTooLarge says that counters are beyond anything that was ever billed.
var errTooLarge = errors.New("the amount is too large")

// add adds n things at a price each. Both are below 2⁶³, so that the highest bits of a sum of
// five stay free.
func (s *sum) add(n int64, price Rate) {
	high, low := bits.Mul64(uint64(n), uint64(price))
	var carry uint64
	s.low, carry = bits.Add64(s.low, low, 0)
	s.high, _ = bits.Add64(s.high, high, carry)
}

// times multiplies by a number.
func (s *sum) times(n uint64) error {
	top, middle := bits.Mul64(s.high, n)
	carried, low := bits.Mul64(s.low, n)
	high, carry := bits.Add64(middle, carried, 0)
	if top != 0 || carry != 0 {
		return errTooLarge
	}
	s.high, s.low = high, low
	return nil
}

// plus adds another amount.
func (s *sum) plus(o sum) error {
	var carry uint64
	s.low, carry = bits.Add64(s.low, o.low, 0)
	s.high, carry = bits.Add64(s.high, o.high, carry)
	if carry != 0 {
		return errTooLarge
	}
	return nil
}

// micros divides by divisor·10⁶ and rounds half to even.
func (s sum) micros(divisor uint64) (usage.Micros, error) {
	overflow, by := bits.Mul64(divisor, 1_000_000)
	if overflow != 0 || s.high >= by {
		return 0, errTooLarge
	}
	quotient, rest := bits.Div64(s.high, s.low, by)
	if quotient >= math.MaxInt64 {
		return 0, errTooLarge
	}
	// rest > by-rest instead of 2·rest > by, which may not fit.
	if rest > by-rest || rest == by-rest && quotient&1 == 1 {
		quotient++
	}
	return usage.Micros(quotient), nil
}

// fraction is a product of factors, reduced.
type fraction struct{ over, under uint64 }

func (f *fraction) times(factor Factor) error {
	over, under := uint64(factor), uint64(single)
	overflow, product := bits.Mul64(f.over, over)
	overflow2, divisor := bits.Mul64(f.under, under)
	if overflow|overflow2 != 0 {
		return errTooLarge
	}
	f.over, f.under = product, divisor
	for a, b := product, divisor; ; a, b = b, a%b {
		if b == 0 {
			f.over, f.under = product/a, divisor/a
			return nil
		}
	}
}
