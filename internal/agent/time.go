package agent

import "tokenmeter/internal/usage"

// ParseTime reads an RFC 3339 time with any fraction and offset; without an offset it is
// UTC. Dates that cannot be (30 February) and moments up to the epoch, which would mean
// "unknown", are refused. Fractions are cut to milliseconds.
func ParseTime(b []byte) (usage.Millis, bool) {
	// 2006-01-02T15:04:05
	if len(b) < 19 || b[4] != '-' || b[7] != '-' || b[13] != ':' || b[16] != ':' ||
		b[10] != 'T' && b[10] != 't' && b[10] != ' ' {
		return 0, false
	}
	year, ok0 := number(b[0:4])
	month, ok1 := number(b[5:7])
	day, ok2 := number(b[8:10])
	hour, ok3 := number(b[11:13])
	minute, ok4 := number(b[14:16])
	second, ok5 := number(b[17:19])
	if !(ok0 && ok1 && ok2 && ok3 && ok4 && ok5) ||
		month < 1 || month > 12 || day < 1 || day > daysIn(year, month) ||
		hour > 23 || minute > 59 || second > 60 || second == 60 && minute != 59 {
		return 0, false
	}
	millis := ((daysSinceEpoch(year, month, day)*24+hour)*60+minute)*60_000 + second*1000
	rest := b[19:]
	if len(rest) > 0 && (rest[0] == '.' || rest[0] == ',') {
		n := 1
		for unit := int64(100); n < len(rest) && rest[n] >= '0' && rest[n] <= '9'; n++ {
			millis += int64(rest[n]-'0') * unit
			unit /= 10
		}
		if n == 1 {
			return 0, false
		}
		rest = rest[n:]
	}
	if len(rest) > 0 {
		offset, ok := zoneOffset(rest)
		if !ok {
			return 0, false
		}
		millis -= offset
	}
	if millis <= 0 {
		return 0, false
	}
	return usage.Millis(millis), true
}

// zoneOffset reads Z, +hh:mm or +hhmm, in milliseconds.
func zoneOffset(b []byte) (int64, bool) {
	if len(b) == 1 && b[0]|0x20 == 'z' {
		return 0, true
	}
	if len(b) != 5 && (len(b) != 6 || b[3] != ':') || b[0] != '+' && b[0] != '-' {
		return 0, false
	}
	hour, ok0 := number(b[1:3])
	minute, ok1 := number(b[len(b)-2:])
	if !ok0 || !ok1 || hour > 23 || minute > 59 {
		return 0, false
	}
	offset := (hour*60 + minute) * 60_000
	if b[0] == '-' {
		offset = -offset
	}
	return offset, true
}

// TimeOfNumber reads a number of seconds, milliseconds or microseconds since the epoch; its
// size tells which.
func TimeOfNumber(n float64) (usage.Millis, bool) {
	switch {
	case !(n > 0): // NaN too
		return 0, false
	case n < 1e11:
		n *= 1000
	case n < 1e14:
	case n < 1e17:
		n /= 1000
	default:
		return 0, false
	}
	return usage.Millis(n), n >= 1
}

func number(b []byte) (n int64, ok bool) {
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

func daysIn(year, month int64) int64 {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// daysSinceEpoch counts days of the Gregorian calendar, in years that begin in March so
// that the leap day comes last.
func daysSinceEpoch(year, month, day int64) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	return year*365 + year/4 - year/100 + year/400 + (153*(month-3)+2)/5 + day - 1 - 719468
}
