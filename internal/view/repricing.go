package view

import (
	"tokenmeter/internal/report"
	"tokenmeter/internal/store"
	"tokenmeter/internal/usage"
)

// RepricedShare is how much of the stored requests follow the last change of prices, 0 to 1.
func RepricedShare(r store.Repricing) float64 {
	if r.Done || r.Last <= 0 {
		return 1
	}
	return min(1, max(0, float64(r.Next)/float64(r.Last)))
}

// Repriced says what the last change of prices did, once it is done: "Prices have changed:
// 1,204 requests cost $12.40 at list price, not $15.10."; "" where nothing changed, where
// there were no prices before, or where the user knows.
func Repriced(r store.Repricing, c usage.Currency) string {
	if !r.Done || r.Told || r.Changed == 0 || r.From == "" {
		return ""
	}
	if r.Before == 0 {
		return "Prices have changed: " + plural(r.Changed, "request that had no price costs", "requests that had no price cost") + " " + Amount(r.After, c) +
			" at list price."
	}
	return "Prices have changed: " + plural(r.Changed, "request costs", "requests cost") + " " + Amount(r.After, c) +
		" at list price, not " + Amount(r.Before, c) + "."
}

// repricingBanner is for the page that shows costs.
func repricingBanner(s *report.Snapshot) (Banner, bool) {
	r := s.Repricing
	if r.Version != "" && !r.Done && r.Last > 0 {
		share := RepricedShare(r)
		return Banner{Kind: BannerReading, Title: "Prices have changed, costs are done again", Text: Percent(100 * share), Share: share}, true
	}
	if text := Repriced(r, s.Currency); text != "" {
		title, rest := "Prices have changed", text[len("Prices have changed: "):]
		return Banner{Kind: BannerNote, Title: title, Text: rest, Share: -1}, true
	}
	return Banner{}, false
}
