package view

import (
	"math"
	"strconv"

	"tokenmeter/internal/report"
)

// PriceTest says how far our prices are from what the agents themselves say: "12 sessions
// compared, ours +0.4 %"; "" where there is nothing to compare.
func PriceTest(list []report.PriceTest) string {
	var sum report.PriceTest
	for i := range list {
		sum.Sessions += list[i].Sessions
		sum.Requests += list[i].Requests
		sum.Ours += list[i].Ours
		sum.Theirs += list[i].Theirs
	}
	if !sum.Compared() {
		return ""
	}
	return priceTestCounts(&sum) + " compared, ours " + priceTestOff(&sum)
}

// PriceTestOf says it of one model: "12 sessions, ours $12.40, theirs $12.35, +0.4 %"; of one
// without a price what the agent says: "no price here, theirs $3.00".
func PriceTestOf(p report.PriceTest) string {
	text := ""
	if p.Compared() {
		text = priceTestCounts(&p) + ", ours " + Money(p.Ours) + ", theirs " + Money(p.Theirs) + ", " + priceTestOff(&p)
	}
	if p.Unpriced > 0 {
		if text != "" {
			text += "; of " + Exact(p.Unpriced) + " more "
		}
		text += "no price here, theirs " + Money(p.UnpricedCost)
	}
	return text
}

func priceTestCounts(p *report.PriceTest) string {
	switch {
	case p.Requests == 0:
		return plural(p.Sessions, "session", "sessions")
	case p.Sessions == 0:
		return plural(p.Requests, "request", "requests")
	}
	return plural(p.Sessions, "session", "sessions") + " and " + plural(p.Requests, "request", "requests")
}

func priceTestOff(p *report.PriceTest) string {
	off, ok := p.Off()
	if !ok {
		return Money(p.Ours) + ", theirs " + Money(p.Theirs)
	}
	return Difference(off)
}

// Difference writes a difference in percent with one decimal, from 100 on without: +0.4 %,
// −12.0 %, +250 %.
func Difference(percent float64) string {
	decimals, size := 1, math.Abs(percent)
	if size >= 99.95 {
		decimals = 0
	}
	text := strconv.FormatFloat(size, 'f', decimals, 64)
	sign := "+"
	switch {
	case text == "0.0":
		sign = "±"
	case percent < 0:
		sign = Minus
	}
	return sign + text + NarrowSpace + "%"
}
