package view

import (
	"math"
	"math/big"
	"strconv"

	"tokenmeter/internal/usage"
)

// Money writes an amount in US dollars: $12.22, from 1,000 $3,102.
func Money(m usage.Micros) string { return amount(m, "$") }

// Amount writes an amount in the currency that the user reads: €11.24.
func Amount(m usage.Micros, c usage.Currency) string {
	if c.Code == "" {
		return Money(m)
	}
	return amount(converted(m, c.Rate), currencySign(c.Code))
}

// amount writes millionths of a unit of money with two digits, from 1,000 without.
func amount(m usage.Micros, sign string) string {
	if m < 0 {
		return Minus + amount(-max(m, -math.MaxInt64), sign) // the lowest has no opposite
	}
	if m >= 999_995_000 {
		whole := int64(m / 1_000_000)
		if m%1_000_000 >= 500_000 {
			whole++
		}
		return sign + Exact(whole)
	}
	cents := int64((m + 5_000) / 10_000)
	return sign + strconv.FormatInt(cents/100, 10) + "." + two(cents%100)
}

// converted multiplies dollars by a rate; what is beyond all bounds stays there.
func converted(m usage.Micros, rate usage.Exchange) usage.Micros {
	product := new(big.Int).Mul(big.NewInt(int64(m)), big.NewInt(int64(rate)))
	product.Quo(product, big.NewInt(int64(usage.OneToOne)))
	if !product.IsInt64() {
		if m < 0 {
			return math.MinInt64
		}
		return math.MaxInt64
	}
	return usage.Micros(product.Int64())
}

// currencySign is what stands before an amount: a sign that belongs to one currency only,
// else its code.
func currencySign(code string) string {
	switch code {
	case "EUR":
		return "€"
	case "GBP":
		return "£"
	case "INR":
		return "₹"
	case "KRW":
		return "₩"
	}
	return code + NarrowSpace
}

// bothAmounts is for the tooltip: what it is in dollars and, if another currency is shown,
// in that one and at which rate.
func bothAmounts(m usage.Micros, c usage.Currency) string {
	if c.Code == "" {
		return Money(m) + " at list price"
	}
	from := "as you entered"
	if c.Fetched {
		from = "as fetched"
	}
	return Money(m) + " at list price, " + Amount(m, c) + " at " + c.Rate.String() + NarrowSpace + c.Code + " a dollar, " + from
}

// cost is the money of sums, or a dash where nothing in them has a price.
func cost(u usage.Counts, c usage.Currency) string {
	if u.PricedRequests == 0 {
		return Dash
	}
	return Amount(u.Cost, c)
}

// costFigure is cost with both amounts for the tooltip.
func costFigure(u usage.Counts, c usage.Currency, label, caption string) Figure {
	f := Figure{Label: label, Value: cost(u, c), Caption: caption}
	if u.PricedRequests > 0 {
		f.Exact = bothAmounts(u.Cost, c)
	}
	return f
}

// Coverage says how much of the tokens a cost covers, rounded down, so that 100 % means all:
// "98 % of tokens priced". It is "" where nothing is without a price.
func Coverage(c usage.Counts) string {
	if c.UnpricedTokens <= 0 {
		return ""
	}
	total := c.Total()
	priced := max(0, total-c.UnpricedTokens)
	percent := new(big.Int).Mul(big.NewInt(priced), big.NewInt(100))
	percent.Quo(percent, big.NewInt(max(total, 1)))
	return percent.String() + NarrowSpace + "% of tokens priced"
}
