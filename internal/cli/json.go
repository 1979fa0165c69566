package cli

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	"tokenmeter/internal/report"
	"tokenmeter/internal/store"
	"tokenmeter/internal/usage"
)

// printer is where commands print; errors are remembered by output.
type printer = io.Writer

// counters are the fields of every sum, in the words that tools of this field read.
type counters struct {
	InputTokens         int64 `json:"inputTokens"`
	OutputTokens        int64 `json:"outputTokens"` // with reasoning
	CacheCreationTokens int64 `json:"cacheCreationTokens"`
	CacheReadTokens     int64 `json:"cacheReadTokens"`
	ReasoningTokens     int64 `json:"reasoningTokens"`
	TotalTokens         int64 `json:"totalTokens"`
	Requests            int64 `json:"requests"`
	CostUSD             *usd  `json:"costUSD"` // null where nothing has a price
	UnpricedTokens      int64 `json:"unpricedTokens"`
}

func countersOf(c usage.Counts) counters {
	n := counters{
		InputTokens: c.Input, OutputTokens: c.Output, CacheCreationTokens: c.CacheWrite(), CacheReadTokens: c.CacheRead,
		ReasoningTokens: c.Reasoning, TotalTokens: c.Total(), Requests: c.Requests, UnpricedTokens: c.UnpricedTokens,
	}
	if c.PricedRequests > 0 {
		n.CostUSD = new(usd(c.Cost))
	}
	return n
}

// usd is money that is written in dollars with at most six decimals.
type usd usage.Micros

// MarshalJSON writes a number.
func (u usd) MarshalJSON() ([]byte, error) { return []byte(u.String()), nil }

func (u usd) String() string { return usage.FormatDecimal(int64(u), 6) }

// row is one row of history: its keys, then its counters.
type row struct {
	names  []store.Dimension
	values []string
	counters
}

// MarshalJSON writes one key for each dimension and no other, then the counters.
func (r row) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, name := range r.names {
		value := []byte("null")
		if r.values[i] != "" { // not logged, or without a date
			var err error
			if value, err = marshal(r.values[i]); err != nil {
				return nil, err
			}
		}
		b = fmt.Appendf(b, "%q:%s,", name, value)
	}
	rest, err := marshal(r.counters)
	if err != nil {
		return nil, err
	}
	return append(b, rest[1:]...), nil
}

// marshal is json.Marshal that leaves <, > and & as they are.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// printJSON prints one document.
func printJSON(w printer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return nil
}

// historyDocument is what `history --json` prints.
type historyDocument struct {
	Rows   []row    `json:"rows"`
	Totals counters `json:"totals"`
	// PricedAs: the costs are a what-if.
	PricedAs *pricedAs `json:"pricedAs,omitempty"`
}

func printHistoryJSON(w printer, q question, rows []store.Row, totals usage.Counts) error {
	doc := historyDocument{Rows: make([]row, 0, len(rows)), Totals: countersOf(totals), PricedAs: q.as.document()}
	for _, r := range rows {
		doc.Rows = append(doc.Rows, row{names: q.by, values: q.keys(r), counters: countersOf(r.Counts)})
	}
	return printJSON(w, doc)
}

// printHistoryCSV prints a header line and a line for each row, as RFC 4180 has it.
func printHistoryCSV(w printer, q question, rows []store.Row) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	var header []string
	for _, d := range q.by {
		header = append(header, string(d))
	}
	header = append(header, "inputTokens", "outputTokens", "cacheCreationTokens", "cacheReadTokens", "reasoningTokens",
		"totalTokens", "requests", "costUSD", "unpricedTokens")
	if err := out.Write(header); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	for _, r := range rows {
		n := countersOf(r.Counts)
		line := q.keys(r)
		for _, v := range []int64{
			n.InputTokens, n.OutputTokens, n.CacheCreationTokens, n.CacheReadTokens, n.ReasoningTokens, n.TotalTokens, n.Requests,
		} {
			line = append(line, strconv.FormatInt(v, 10))
		}
		price := ""
		if n.CostUSD != nil {
			price = n.CostUSD.String()
		}
		line = append(line, price, strconv.FormatInt(n.UnpricedTokens, 10))
		if err := out.Write(line); err != nil {
			return fmt.Errorf("write CSV: %w", err)
		}
	}
	out.Flush()
	return out.Error()
}

// statusDocument is what `status --json` prints.
type statusDocument struct {
	Now     statusNow      `json:"now"`
	Today   counters       `json:"today"`
	Windows []statusWindow `json:"windows"`
}

type statusNow struct {
	FreshTokensPerMinute     int64           `json:"freshTokensPerMinute"`
	CacheReadTokensPerMinute int64           `json:"cacheReadTokensPerMinute"`
	CostPerHourUSD           *usd            `json:"costPerHourUSD"`
	Sessions                 []statusSession `json:"sessions"`
}

// statusSession is a session of the last half hour. Empty texts are null: not logged.
type statusSession struct {
	Session       string  `json:"session"`
	Agent         string  `json:"agent"`
	Project       *string `json:"project"`
	Branch        *string `json:"branch"`
	Model         *string `json:"model"`
	Working       bool    `json:"working"` // a line within the last two minutes
	LastAt        *string `json:"lastAt"`
	ContextTokens *int64  `json:"contextTokens"`
	ContextWindow *int64  `json:"contextWindow"`
	counters
}

type statusWindow struct {
	Agent         string          `json:"agent"`
	Account       *string         `json:"account"`
	LimitID       string          `json:"limitId"`
	Window        *string         `json:"window"`
	WindowMinutes *int64          `json:"windowMinutes"`
	UsedPercent   *float64        `json:"usedPercent"`
	ResetsAt      *string         `json:"resetsAt"`
	ObservedAt    *string         `json:"observedAt"`
	Source        string          `json:"source"`
	Forecast      *statusForecast `json:"forecast"`
}

// statusForecast says how a window will end. All figures are null where it abstains.
type statusForecast struct {
	P10               *float64 `json:"p10"`
	P50               *float64 `json:"p50"`
	P90               *float64 `json:"p90"`
	RunOutProbability *float64 `json:"runOutProbability"`
	RunsOutAt         *string  `json:"runsOutAt"`
	SafePacePerHour   *float64 `json:"safePacePerHour"`
	Model             *string  `json:"model"`
	Abstained         *string  `json:"abstained"`
}

func statusForecastOf(f *report.Forecast) *statusForecast {
	if f == nil {
		return nil
	}
	if f.Abstained != "" {
		return &statusForecast{Model: text(f.Model), Abstained: &f.Abstained}
	}
	return &statusForecast{
		P10: rounded(f.P10, 1), P50: rounded(f.P50, 1), P90: rounded(f.P90, 1), RunOutProbability: rounded(f.RunOutProbability, 3),
		RunsOutAt: instant(f.RunsOutAt), SafePacePerHour: rounded(f.SafePacePerHour, 2), Model: text(f.Model),
	}
}

// rounded keeps some decimals; nil for what is no number.
func rounded(n float64, decimals int) *float64 {
	if math.IsNaN(n) || math.IsInf(n, 0) {
		return nil
	}
	unit := math.Pow10(decimals)
	return new(math.Round(n*unit) / unit)
}

func statusWindowsOf(windows []report.Window) []statusWindow {
	list := []statusWindow{}
	for _, w := range windows {
		s := statusWindow{
			Agent: string(w.Agent), Account: text(w.Account), LimitID: w.LimitID, Window: windowWord(w.WindowMinutes),
			WindowMinutes: number(w.WindowMinutes), UsedPercent: w.UsedPercent, ResetsAt: instant(w.ResetsAt),
			ObservedAt: instant(w.ObservedAt), Source: string(w.Source), Forecast: statusForecastOf(w.Forecast),
		}
		if w.Source == usage.SourceCalibrated {
			s.UsedPercent = rounded(*w.UsedPercent, 1)
		}
		list = append(list, s)
	}
	return list
}

func statusDocumentOf(s *report.Snapshot) statusDocument {
	doc := statusDocument{
		Now: statusNow{
			FreshTokensPerMinute: s.Now.FreshPerMinute, CacheReadTokensPerMinute: s.Now.CacheReadsPerMinute,
			Sessions: []statusSession{},
		},
		Today: countersOf(s.Today.Counts), Windows: statusWindowsOf(s.Windows),
	}
	if s.Now.CostPerHour != nil {
		doc.Now.CostPerHourUSD = new(usd(*s.Now.CostPerHour))
	}
	for _, q := range s.Now.Sessions {
		doc.Now.Sessions = append(doc.Now.Sessions, statusSession{
			Session: q.ID, Agent: string(q.Agent), Project: text(q.Project), Branch: text(q.Branch), Model: text(q.Model),
			Working: q.Working, LastAt: instant(q.Last.Time()), ContextTokens: number(q.ContextTokens),
			ContextWindow: number(q.ContextWindow), counters: countersOf(q.Counts),
		})
	}
	return doc
}

// windowWord is 5h, 7d, 30d, or the minutes.
func windowWord(minutes int64) *string {
	switch minutes {
	case 0:
		return nil
	case 5 * 60:
		return new("5h")
	case 7 * 24 * 60:
		return new("7d")
	case 30 * 24 * 60:
		return new("30d")
	}
	return new(strconv.FormatInt(minutes, 10) + "m")
}

// text is nil for what is not known.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// number is nil for what is not known.
func number(n int64) *int64 {
	if n == 0 {
		return nil
	}
	return &n
}

// instant is nil for what is not known.
func instant(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return new(t.UTC().Format(time.RFC3339Nano))
}
