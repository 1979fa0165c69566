package agent

import "tokenmeter/internal/usage"

// Money consumes a value and gives it as millionths, exact from the decimal text and rounded
// half to even. Not ok: no number, a negative one, or more than a billion.
func (s *Scanner) Money() (usage.Micros, bool) {
	const (
		most     = 1_000_000_000_000_000 // a billion, in millionths
		farthest = 10_000                // no sum is written with an exponent beyond
	)
	raw := s.scalar()
	if len(raw) == 0 || raw[0] < '0' || raw[0] > '9' {
		return 0, false
	}
	// The number is 0.DIGITS · 10^point; digits are counted from the first that is not zero.
	i, point, digits, fraction := 0, 0, 0, false
	for ; i < len(raw) && raw[i]|0x20 != 'e'; i++ {
		switch {
		case raw[i] == '.':
			fraction = true
		case raw[i] < '0' || raw[i] > '9':
			return 0, false
		case digits > 0 || raw[i] != '0':
			digits++
			if !fraction {
				point++
			}
		case fraction:
			point--
		}
	}
	mantissa := raw[:i]
	if i < len(raw) {
		exponent, negative := 0, false
		if i++; i < len(raw) && (raw[i] == '-' || raw[i] == '+') {
			negative = raw[i] == '-'
			i++
		}
		for ; i < len(raw); i++ {
			if raw[i] < '0' || raw[i] > '9' {
				return 0, false
			}
			exponent = min(exponent*10+int(raw[i]-'0'), farthest)
		}
		if negative {
			exponent = -exponent
		}
		point += exponent
	}
	if digits == 0 {
		return 0, true
	}
	const decimals = 6
	whole := point + decimals // so many digits stand before the point of the millionths
	if whole > 16 {
		return 0, false
	}
	var value int64
	seen, half, rest := 0, 0, false // half: the first digit behind the point
	for _, c := range mantissa {
		if c == '.' || seen == 0 && c == '0' {
			continue
		}
		switch {
		case seen < whole:
			value = value*10 + int64(c-'0')
		case seen == whole:
			half = int(c - '0')
		default:
			rest = rest || c != '0'
		}
		seen++
	}
	for ; seen < whole; seen++ {
		value *= 10
	}
	if half > 5 || half == 5 && (rest || value%2 == 1) {
		value++
	}
	if value > most {
		return 0, false
	}
	return usage.Micros(value), true
}
