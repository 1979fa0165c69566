package view

import (
	"tokenmeter/internal/health"
)

// findingBanners shows what keeps the figures from being right, and what a person would
// wonder about. The rest is for doctor.
func findingBanners(findings []health.Finding) []Banner {
	var list []Banner
	for _, f := range findings {
		kind := BannerError
		switch {
		case f.Code == health.NoAgents: // the empty page says it
			continue
		case f.Code == health.NoTrayHost, f.Code == health.NoSessionBus:
			kind = BannerNote
		case f.Severity == health.Info:
			continue
		}
		words := health.Explain(f)
		list = append(list, Banner{Kind: kind, Title: words.Title, Text: words.Text, Remedy: words.Action, Share: -1})
	}
	return list
}
