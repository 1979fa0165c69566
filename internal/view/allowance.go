package view

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"tokenmeter/internal/report"
	"tokenmeter/internal/usage"
)

// exhausted is the used percentage at which nothing is left.
const exhausted = 100

// verdict judges a window: by its end if it has one, else by where the forecast sees it at
// the reset.
func verdict(w *report.Window) Verdict {
	f := w.Forecast
	switch {
	case w.UsedPercent != nil && *w.UsedPercent >= exhausted:
		return Out
	case f == nil || f.Abstained != "":
		return Unknown
	case f.P50 > exhausted:
		return Out
	case f.P90 > exhausted:
		return Tight
	}
	return Calm
}

// allowances puts the windows into words: by verdict, then the tightest first.
func allowances(s *report.Snapshot) []Allowance {
	var list []Allowance
	for _, w := range sorted(s) {
		list = append(list, allowanceOf(s, w))
	}
	return list
}

// sorted gives the windows by verdict, then the tightest first.
func sorted(s *report.Snapshot) []*report.Window {
	windows := make([]*report.Window, len(s.Windows))
	for i := range s.Windows {
		windows[i] = &s.Windows[i]
	}
	slices.SortStableFunc(windows, func(a, b *report.Window) int {
		return cmp.Or(-cmp.Compare(verdict(a), verdict(b)), -cmp.Compare(used(a), used(b)))
	})
	return windows
}

// used is the percentage, −1 where it is not known.
func used(w *report.Window) float64 {
	if w.UsedPercent == nil {
		return -1
	}
	return *w.UsedPercent
}

func allowanceOf(s *report.Snapshot, w *report.Window) Allowance {
	a := Allowance{Name: windowName(s, w), Used: Dash, Verdict: verdict(w), Known: w.UsedPercent != nil, Reset: resetWords(s, w)}
	if a.Known {
		a.Used, a.Share = Percent(*w.UsedPercent), min(1, max(0, *w.UsedPercent/100))
	}
	a.Source, a.Outlook = sourceWords(s, w), outlook(s, w)
	return a
}

// sourceWords is "server, 3 min ago", or "calibrated from a reading 3 min ago".
func sourceWords(s *report.Snapshot, w *report.Window) string {
	if w.ObservedAt.IsZero() {
		return string(w.Source)
	}
	if w.Source == usage.SourceCalibrated {
		return "calibrated from a reading " + Ago(w.ObservedAt, s.At)
	}
	return string(w.Source) + ", " + Ago(w.ObservedAt, s.At)
}

// outlook says whether a window lasts: "lasts with 18 % to spare", "may run out from 13:50,
// 75 % likely to last", "runs out about Thu 09:00, 4 days early". Empty where nothing is
// forecast.
func outlook(s *report.Snapshot, w *report.Window) string {
	f := w.Forecast
	switch verdict(w) {
	case Calm:
		return "lasts with " + Percent(exhausted-f.P50) + " to spare"
	case Tight:
		text := "may run out"
		if !f.RunsOutFrom.IsZero() {
			text += " from " + Moment(f.RunsOutFrom, s.At)
		}
		return text + ", " + Percent(100*(1-f.RunOutProbability)) + " likely to last"
	case Out:
		if *w.UsedPercent >= exhausted {
			return "nothing is left"
		}
		if f.RunsOutAt.IsZero() {
			return "runs out before the reset"
		}
		return "runs out about " + Moment(f.RunsOutAt, s.At) + ", " + early(w.ResetsAt.Sub(f.RunsOutAt)) + " early"
	}
	return ""
}

// early is how long before the reset: "40 min", "3 h", "4 days".
func early(d time.Duration) string {
	switch {
	case d < time.Hour:
		return strconv.Itoa(max(1, int(d.Minutes()))) + NarrowSpace + "min"
	case d < 48*time.Hour:
		return strconv.Itoa(int(math.Round(d.Hours()))) + NarrowSpace + "h"
	}
	return plural(int64(math.Round(d.Hours()/24)), "day", "days")
}

// AllowanceSentences says of each window what is left, until when, whether it lasts, how sure
// that is and where it comes from: one paragraph of sentences a window, by verdict.
func AllowanceSentences(s *report.Snapshot) [][]string {
	var paragraphs [][]string
	for _, w := range sorted(s) {
		paragraphs = append(paragraphs, sentences(s, w))
	}
	return paragraphs
}

func sentences(s *report.Snapshot, w *report.Window) []string {
	name := windowName(s, w)
	until := ""
	if !w.ResetsAt.IsZero() {
		until = " until " + Moment(w.ResetsAt, s.At)
	}
	var list []string
	switch {
	case w.UsedPercent == nil:
		list = append(list, name+": how much is left is not known.")
	case fullAgain(w):
		list = append(list, name+": full again, as far as the last reading tells.")
	case *w.UsedPercent >= exhausted:
		list = append(list, name+": nothing is left"+until+".")
	case w.Source == usage.SourceCalibrated:
		list = append(list, name+": about "+Percent(exhausted-*w.UsedPercent)+" is left"+until+", between "+
			Percent(max(0, exhausted-w.High))+" and "+Percent(exhausted-w.Low)+".")
	default:
		list = append(list, name+": "+Percent(exhausted-*w.UsedPercent)+" is left"+until+".")
	}
	if f := w.Forecast; f != nil && used(w) < exhausted {
		if f.Abstained != "" {
			list = append(list, "Will it last? No forecast, "+f.Abstained+".")
		} else {
			list = append(list, capital(outlook(s, w))+".")
			list = append(list, "At the reset "+band(f)+" will be used, most likely "+atMost(f.P50)+"; it is "+likely(f.RunOutProbability)+" to run out before.")
			if f.SafePacePerHour > 0 && verdict(w) != Calm {
				list = append(list, "It just lasts at "+strconv.FormatFloat(f.SafePacePerHour, 'f', 1, 64)+" points for each hour of work that is left.")
			}
		}
		if f.Score.Windows > 0 && f.Abstained == "" {
			list = append(list, "Of the last "+plural(int64(f.Score.Windows), "window", "windows")+" such forecasts missed by "+
				points(f.Score.MedianMiss)+" in the median, and "+Percent(100*f.Score.Inside)+" of them ended within the band.")
		}
	}
	if w.Elsewhere != nil && *w.Elsewhere >= 0.1 {
		list = append(list, "About "+Percent(100**w.Elsewhere)+" of it is used elsewhere, not on this machine.")
	}
	return append(list, "Source: "+strings.TrimSpace(sourceWords(s, w))+".")
}

func capital(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// band is "31 to 61 %", or "31 % to more than there is".
func band(f *report.Forecast) string {
	if f.P90 > exhausted {
		return Percent(min(f.P10, exhausted)) + " up to all of it"
	}
	return strconv.Itoa(int(math.Round(f.P10))) + " to " + Percent(f.P90)
}

func atMost(p float64) string {
	if p > exhausted {
		return "all of it"
	}
	return Percent(p)
}

// likely is "4 % likely", in whole percent that never claim certainty.
func likely(p float64) string {
	switch {
	case p < 0.01:
		return "less than " + Percent(1) + " likely"
	case p > 0.99:
		return "more than " + Percent(99) + " likely"
	}
	return Percent(100*p) + " likely"
}

func points(n float64) string { return plural(int64(math.Round(n)), "point", "points") }

// resetWords is "resets 14:20", or "full again" when the reset has passed without news.
func resetWords(s *report.Snapshot, w *report.Window) string {
	switch {
	case fullAgain(w):
		return "full again"
	case w.ResetsAt.IsZero():
		return ""
	}
	return "resets " + Moment(w.ResetsAt, s.At)
}

// fullAgain: the reset has passed and nothing has been heard since.
func fullAgain(w *report.Window) bool {
	return w.Source == usage.SourceDerived && used(w) == 0 && w.ResetsAt.IsZero()
}

// tightest is the running window with the largest known share, nil if none is known. One
// that has passed without news says nothing about now.
func tightest(s *report.Snapshot) *report.Window {
	var best *report.Window
	for i := range s.Windows {
		if w := &s.Windows[i]; w.UsedPercent != nil && !fullAgain(w) && (best == nil || *w.UsedPercent > *best.UsedPercent) {
			best = w
		}
	}
	return best
}
