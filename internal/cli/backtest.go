package cli

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"tokenmeter/internal/report"
	"tokenmeter/internal/view"
)

// backtestDocument is what `backtest --json` prints. Null is what could not be measured.
type backtestDocument struct {
	Windows []backtestWindow `json:"windows"`
}

type backtestWindow struct {
	Agent         string          `json:"agent"`
	Account       *string         `json:"account"`
	LimitID       string          `json:"limitId"`
	WindowMinutes int64           `json:"windowMinutes"`
	Finished      int             `json:"finished"`
	Skipped       int             `json:"skipped"`
	Models        []backtestModel `json:"models"`
	Alerts        backtestAlerts  `json:"alerts"`
}

type backtestModel struct {
	Model         string      `json:"model"`
	Forecasts     int         `json:"forecasts"`
	MAE           *float64    `json:"mae"` // points
	MAEByFifth    [5]*float64 `json:"maeByFifth"`
	Brier         *float64    `json:"brier"`
	Coverage80    *float64    `json:"coverage80"`
	Width80       *float64    `json:"width80"` // points
	ETAErrorHours *float64    `json:"etaErrorHours"`
}

type backtestAlerts struct {
	Precision    *float64 `json:"precision"`
	Recall       *float64 `json:"recall"`
	LeadHours    *float64 `json:"leadHours"`
	FalsePerWeek *float64 `json:"falsePerWeek"`
}

func backtestDocumentOf(list []report.WindowBacktest) backtestDocument {
	figure := func(n *float64, decimals int) *float64 {
		if n == nil {
			return nil
		}
		return rounded(*n, decimals)
	}
	doc := backtestDocument{Windows: []backtestWindow{}}
	for _, b := range list {
		w := backtestWindow{
			Agent: string(b.Agent), Account: text(b.Account), LimitID: b.LimitID, WindowMinutes: b.WindowMinutes, Finished: b.Finished, Skipped: b.Skipped,
			Alerts: backtestAlerts{figure(b.Alerts.Precision, 3), figure(b.Alerts.Recall, 3), figure(b.Alerts.LeadHours, 2), figure(b.Alerts.FalsePerWeek, 3)},
		}
		for _, m := range b.Models {
			one := backtestModel{
				Model: m.Model, Forecasts: m.Forecasts, MAE: figure(m.MAE, 3), Brier: figure(m.Brier, 4),
				Coverage80: figure(m.Coverage80, 4), Width80: figure(m.Width80, 2), ETAErrorHours: figure(m.ETAErrorHours, 2),
			}
			for i, n := range m.MAEByFifth {
				one.MAEByFifth[i] = figure(n, 3)
			}
			w.Models = append(w.Models, one)
		}
		doc.Windows = append(doc.Windows, w)
	}
	return doc
}

func backtestCommand(c *Context) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "backtest",
		Short: "How good the forecasts would have been on your own history",
		Long: "Replays every finished allowance window with what was known then, and scores the models:\n" +
			"the miss at the reset in points, by fifth of the window in which the forecast was made;\n" +
			"the Brier score of \"it runs out\" (0 is perfect, 0.25 is a coin); how many windows ended\n" +
			"within the 80 % band, and how wide that was; and how good alerts would have been.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := openFor(cmd, c)
			if err != nil {
				return err
			}
			defer d.close()
			list, err := d.report.Backtest(cmd.Context())
			d.close()
			if err != nil {
				return err
			}
			if asJSON {
				return errors.Join(printJSON(c.Stdout, backtestDocumentOf(list)), d.incomplete)
			}
			printBacktest(c.Stdout, list)
			return d.incomplete
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

func printBacktest(w printer, list []report.WindowBacktest) {
	figure := func(n *float64, decimals int) string {
		if n == nil {
			return view.Dash
		}
		return strconv.FormatFloat(*n, 'f', decimals, 64)
	}
	percent := func(n *float64) string {
		if n == nil {
			return view.Dash
		}
		return view.Percent(100 * *n)
	}
	if len(list) == 0 {
		fmt.Fprintln(w, "No allowance window has been seen to its end yet.")
	}
	for i, b := range list {
		if i > 0 {
			fmt.Fprintln(w)
		}
		length := strconv.FormatInt(b.WindowMinutes, 10) + "m"
		if word := windowWord(b.WindowMinutes); word != nil {
			length = *word
		}
		name := string(b.Agent)
		for _, part := range []string{b.Account, b.LimitID} {
			if part != "" && part != name {
				name += ", " + part
			}
		}
		windows := "windows"
		if b.Finished == 1 {
			windows = "window"
		}
		fmt.Fprintf(w, "%s, %s: %d %s", name, length, b.Finished, windows)
		if b.Skipped > 0 {
			fmt.Fprintf(w, ", and %d left out that were reset or moved", b.Skipped)
		}
		fmt.Fprintln(w, ". Misses in points, also by the fifth in which it was forecast.")
		t := table{left: 1}
		t.add("model", "miss", "1st", "2nd", "3rd", "4th", "5th", "Brier", "in band", "width", "ETA off")
		for _, m := range b.Models {
			row := []string{m.Model, figure(m.MAE, 1)}
			for _, n := range m.MAEByFifth {
				row = append(row, figure(n, 1))
			}
			eta := figure(m.ETAErrorHours, 1)
			if m.ETAErrorHours != nil {
				eta += view.NarrowSpace + "h"
			}
			t.add(append(row, figure(m.Brier, 3), percent(m.Coverage80), figure(m.Width80, 0), eta)...)
		}
		t.print(w, "  ")
		a := b.Alerts
		fmt.Fprintf(w, "  Alerts: %s of them right, %s of the windows that ran out foretold, %s h ahead, %s false a week.\n",
			percent(a.Precision), percent(a.Recall), figure(a.LeadHours, 1), figure(a.FalsePerWeek, 2))
		for _, m := range b.Models {
			if m.Abstained > 0 {
				fmt.Fprintf(w, "  At %d of %d moments nothing would have been shown.\n", m.Abstained, m.Abstained+m.Forecasts)
			}
		}
	}
}
