package view

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Dash stands for what is not known.
const Dash = "–"

// NarrowSpace stands between a number and %, h, d, kB, MB, GB; it does not break.
const NarrowSpace = "\u202f"

// Minus is as wide as a digit.
const Minus = "\u2212"

// Tokens writes a count with three figures: 842, 3.21k, 42.1k, 1.84M, 1.04B.
func Tokens(n int64) string { return scaled(n, 2) }

// Tick writes a round number of a chart's axis: 0, 500, 2k, 2.5k, 4M.
func Tick(n int64) string {
	text := scaled(n, 2)
	unit := strings.TrimLeft(text, "0123456789."+Minus)
	number := strings.TrimSuffix(text, unit)
	if strings.Contains(number, ".") {
		number = strings.TrimRight(strings.TrimRight(number, "0"), ".")
	}
	return number + unit
}

// rate is for a figure that changes all the time: 842, 3.2k, 11.3k, 158k.
func rate(n int64) string { return scaled(n, 1) }

// scaled writes n with a unit, at most three figures and so many decimals. It works on
// integers, so that no binary fraction can tip a rounding.
func scaled(n int64, decimals int) string {
	sign := ""
	u := uint64(n)
	if n < 0 {
		sign, u = Minus, -u
	}
	if u < 1000 {
		return sign + strconv.FormatUint(u, 10)
	}
	unit := uint64(1000)
	for _, name := range []string{"k", "M", "B", "T", "Q"} {
		for d := decimals; d >= 0; d-- {
			scale := [...]uint64{1, 10, 100}[d]
			step := unit / scale
			rounded := u / step
			if u%step >= step-step/2 {
				rounded++
			}
			if rounded >= 1000 { // a figure too many
				continue
			}
			text := strconv.FormatUint(rounded/scale, 10)
			if d > 0 {
				rest := strconv.FormatUint(rounded%scale, 10)
				text += "." + strings.Repeat("0", d-len(rest)) + rest
			}
			return sign + text + name
		}
		unit *= 1000
	}
	return Exact(n) // over 999 Q
}

// Exact writes a count with thousands marks: 1,840,212.
func Exact(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = Minus, digits[1:]
	}
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return sign + b.String()
}

// Percent writes whole percents: 62 %.
func Percent(p float64) string {
	return strconv.FormatFloat(math.Round(p), 'f', 0, 64) + NarrowSpace + "%"
}

// share writes what part is of whole, a dash where there is no whole.
func share(part, whole int64) string {
	if whole == 0 {
		return Dash
	}
	return Percent(100 * float64(part) / float64(whole))
}

// change writes how far now is from before: +10 %, −2 %, from tenfold on 15.5×; "" where
// there was nothing.
func change(now, before int64) string {
	if before <= 0 {
		return ""
	}
	p := math.Round(100 * (float64(now)/float64(before) - 1))
	if p >= 1000 {
		return ratio(now, before)
	}
	if p < 0 {
		return Minus + Percent(-p)
	}
	return "+" + Percent(max(0, p)) // never −0
}

// ratio writes how many times b goes into a: 14.0×.
func ratio(a, b int64) string {
	if b == 0 {
		return Dash
	}
	return strconv.FormatFloat(float64(a)/float64(b), 'f', 1, 64) + "×"
}

// Bytes writes a size: 418 MB, 1.12 GB.
func Bytes(n int64) string {
	if n < 1000 {
		return strconv.FormatInt(n, 10) + NarrowSpace + "B"
	}
	text := Tokens(n)
	switch {
	case n >= 999_500_000_000_000: // no disk is so large
		return Exact(n/1_000_000_000_000) + NarrowSpace + "TB"
	case strings.HasSuffix(text, "k"):
		return strings.TrimSuffix(text, "k") + NarrowSpace + "kB"
	case strings.HasSuffix(text, "M"):
		return strings.TrimSuffix(text, "M") + NarrowSpace + "MB"
	case strings.HasSuffix(text, "B"):
		return strings.TrimSuffix(text, "B") + NarrowSpace + "GB"
	}
	return strings.TrimSuffix(text, "T") + NarrowSpace + "TB"
}

// freshTokens is a count of them in words.
func freshTokens(n int64) string {
	if n == 1 {
		return "1 fresh token"
	}
	return Tokens(n) + " fresh tokens"
}

// plural joins a number and its noun: 1 request, 2,400 requests.
func plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Exact(n) + " " + many
}

// two writes a number below 100 with two digits.
func two(n int64) string {
	if n < 10 {
		return "0" + strconv.FormatInt(n, 10)
	}
	return strconv.FormatInt(n, 10)
}

// Ago says how long ago t was: 1 s ago, 42 min ago, 3 h ago, yesterday 17:02, Thu 09:00,
// 1 Dec, 1 Dec 2025; in now's zone. The zero time is not known.
func Ago(t, now time.Time) string {
	text, span := age(t, now)
	if span {
		return text + " ago"
	}
	return text
}

// Age is Ago without the word.
func Age(t, now time.Time) string {
	text, _ := age(t, now)
	return text
}

// age tells whether it gives a span of time, else it is a moment.
func age(t, now time.Time) (text string, span bool) {
	if t.IsZero() {
		return Dash, false
	}
	t = t.In(now.Location())
	d := now.Sub(t)
	switch {
	case d < time.Second:
		return "1 s", true
	case d < time.Minute:
		return strconv.Itoa(int(d/time.Second)) + " s", true
	case d < time.Hour:
		return strconv.Itoa(int(d/time.Minute)) + " min", true
	case days(t, now) == 0 || d < 6*time.Hour:
		return strconv.Itoa(int(d/time.Hour)) + NarrowSpace + "h", true
	case days(t, now) == 1:
		return "yesterday " + t.Format("15:04"), false
	case days(t, now) < 7:
		return t.Format("Mon 15:04"), false
	}
	return date(t, now), false
}

// Moment says when t will be: 14:20 within a day, Thu 09:00 within a week, then 1 Dec; in
// now's zone.
func Moment(t, now time.Time) string {
	t = t.In(now.Location())
	switch d := t.Sub(now); {
	case d < 24*time.Hour:
		return t.Format("15:04")
	case d < 7*24*time.Hour:
		return t.Format("Mon 15:04")
	}
	return date(t, now)
}

// date writes 1 Dec, with the year where it is not now's.
func date(t, now time.Time) string {
	if t.Year() == now.Year() {
		return t.Format("2 Jan")
	}
	return t.Format("2 Jan 2006")
}

// days counts the midnights between two moments of one zone.
func days(from, to time.Time) int {
	day := func(t time.Time) int64 {
		y, m, d := t.Date()
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400
	}
	return int(day(to) - day(from))
}
