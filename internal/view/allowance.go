package view

import (
	"cmp"
	"slices"

	"tokenmeter/internal/report"
	"tokenmeter/internal/usage"
)

// exhausted is the used percentage at which nothing is left.
const exhausted = 100

// verdict judges a window. Without a forecast only its end is certain.
func verdict(w *report.Window) Verdict {
	if w.UsedPercent != nil && *w.UsedPercent >= exhausted {
		return Out
	}
	return Unknown
}

// allowances puts the windows into words: by verdict, then the tightest first.
func allowances(s *report.Snapshot) []Allowance {
	windows := make([]*report.Window, len(s.Windows))
	for i := range s.Windows {
		windows[i] = &s.Windows[i]
	}
	slices.SortStableFunc(windows, func(a, b *report.Window) int {
		return cmp.Or(-cmp.Compare(verdict(a), verdict(b)), -cmp.Compare(used(a), used(b)))
	})
	var list []Allowance
	for _, w := range windows {
		list = append(list, allowanceOf(s, w))
	}
	return list
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
	a.Source = string(w.Source)
	if !w.ObservedAt.IsZero() {
		a.Source += ", " + Ago(w.ObservedAt, s.At)
	}
	return a
}

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
