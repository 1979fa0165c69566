package forecast

import "tokenmeter/internal/usage"

// Evaluation is what all models said at one moment of a finished window, and how it ended.
type Evaluation struct {
	Window    Window
	Number    int // of the window among those that count, oldest first, from 0
	Origin    int // the moment, in twentieths of the window
	At        usage.Millis
	Forecasts [models]Forecast // in the order of Models
	Truth     float64          // the last figure of the window, at most 100
	FullAt    usage.Millis     // when it was exhausted; zero = never
}

// Result says how good the forecasts of one history were. A pointer is nil where there is
// no figure.
type Result struct {
	Finished int // windows that have closed and were not touched
	Skipped  int // touched ones
	Models   []ModelResult
	Alerts   AlertResult
}

// ModelResult is how good one model was.
type ModelResult struct {
	Model         string
	Forecasts     int
	Abstained     int         // origins that are left out, of Shown only
	MAE           *float64    // points, of the capped median against the last figure
	MAEByFifth    [5]*float64 // by fifth of the window in which the forecast was made
	Brier         *float64    // of "reaches 100"
	Coverage80    *float64    // share of truths within the band, half a point either side
	Width80       *float64    // mean width of the band in points, capped at 100
	ETAErrorHours *float64    // mean miss of the moment, for windows that did run out
}

// AlertResult is how good alerts from Shown would have been.
type AlertResult struct {
	Precision    *float64 // share of alerts whose window ran out
	Recall       *float64 // share of windows that ran out before which there was an alert
	LeadHours    *float64 // median time from the alert to the end
	FalsePerWeek *float64
}

// warmUp is how many finished windows are learnt from before any is scored.
const warmUp = 4

// Replay forecasts each finished window after the fourth as it would have been forecast
// then, at every twentieth of it until it was exhausted, and hands each evaluation to visit.
func Replay(h History, visit func(*Evaluation)) { Learn(h, visit) }

// Backtest replays a history and scores every model.
func Backtest(h History) Result {
	r := Result{}
	for _, w := range h.Finished {
		if w.Touched {
			r.Skipped++
		}
	}
	r.Finished = len(finished(h))
	var t [models]tally
	a := newAlarm()
	Replay(h, func(e *Evaluation) {
		for i := range t {
			t[i].add(e, i)
		}
		a.see(e)
	})
	for i, name := range Models() {
		r.Models = append(r.Models, t[i].result(name))
	}
	r.Alerts = a.result()
	return r
}
