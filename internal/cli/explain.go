package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tokenmeter/internal/price"
	"tokenmeter/internal/store"
	"tokenmeter/internal/usage"
	"tokenmeter/internal/view"
)

// explainDocument is what `explain --json` prints.
type explainDocument struct {
	Requests []explainRequest `json:"requests"`
}

// explainRequest is one request with all that its figures stand on.
type explainRequest struct {
	Time    *string  `json:"time"`
	Agent   string   `json:"agent"`
	Session *string  `json:"session"`
	Project *string  `json:"project"`
	Branch  *string  `json:"branch"`
	Model   *string  `json:"model"`
	Service *string  `json:"service"`
	File    *string  `json:"file"`
	Offset  int64    `json:"offset"` // of the line, in bytes
	Gone    bool     `json:"fileGone"`
	Notes   []string `json:"notes"`
	counters
	CacheCreation5m int64        `json:"cacheCreation5mTokens"`
	CacheCreation1h int64        `json:"cacheCreation1hTokens"`
	WebSearches     int64        `json:"webSearches"`
	RecordedUSD     *usd         `json:"recordedCostUSD"` // as the agent wrote it down
	Price           explainPrice `json:"price"`
}

type explainPrice struct {
	Unpriced  *string         `json:"unpriced"` // why there is no price
	Row       *string         `json:"row"`
	Model     *string         `json:"model"` // that the logged name stands for
	Vendor    *string         `json:"vendor"`
	Entered   bool            `json:"entered"` // by the user
	ValidFrom *string         `json:"validFrom"`
	ValidTo   *string         `json:"validTo"`
	CheckedOn *string         `json:"checkedOn"`
	Sources   []string        `json:"sources"`
	Lines     []explainLine   `json:"lines"`
	Factors   []explainFactor `json:"factors"`
	// LongContextFrom is the length of prompt from which these prices hold.
	LongContextFrom *int64 `json:"longContextFrom"`
	Peak            bool   `json:"peak"`
}

type explainLine struct {
	Class  string `json:"class"`
	Tokens int64  `json:"tokens"`
	Rate   string `json:"usdPerMillion"`
}

type explainFactor struct {
	Name   string `json:"name"`
	Factor string `json:"factor"`
}

func explainCommand(c *Context) *cobra.Command {
	var chosen selection
	var session string
	var limit int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "explain",
		Short: "Show the requests behind a figure: where each was read, and what its price is made of",
		Long: `Lists the newest requests that match, each with the log and the byte that it was read from,
its price with the row, the date and the source of it, and what the agent itself wrote down
as its cost, where it does that.`,
		Example: `  tokenmeter explain --limit 3
  tokenmeter explain --session 5d0c1c1e-… --json
  tokenmeter explain --since 2026-11-20 --model claude-opus-5-5`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q, err := chosen.question(c)
			if err != nil {
				return err
			}
			if limit < 1 || limit > 100_000 {
				return wrongUsage("--limit %d is not a number from 1 to 100000", limit)
			}
			d, err := openFor(cmd, c)
			if err != nil {
				return err
			}
			defer d.close()
			list, err := d.report.Requests(cmd.Context(), store.Requests{
				Since: usage.MillisOf(q.since), Until: usage.MillisOf(q.until), Agents: q.agents, Projects: q.projects, Models: q.models,
				Session: session, Limit: limit,
			})
			d.close()
			if err != nil {
				return err
			}
			if asJSON {
				doc := explainDocument{Requests: []explainRequest{}}
				for i := range list {
					doc.Requests = append(doc.Requests, explainRequestOf(&list[i], d.prices.Explain(&list[i].Event)))
				}
				return errors.Join(printJSON(c.Stdout, doc), d.incomplete)
			}
			if len(list) == 0 {
				fmt.Fprintln(c.Stdout, "No request matches.")
			}
			for i := range list {
				if i > 0 {
					fmt.Fprintln(c.Stdout)
				}
				printExplained(c.Stdout, &list[i], d.prices.Explain(&list[i].Event), q, d.prices.Currency(), c.Env.Home)
			}
			return d.incomplete
		},
	}
	f := cmd.Flags()
	f.StringVar(&session, "session", "", "only this session, by its whole id")
	chosen.flags(f)
	f.IntVar(&limit, "limit", 10, "how many, the newest first")
	f.BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

// notes says in words what is known of a request besides its figures.
func notes(r *store.Request) []string {
	list := []string{}
	for _, n := range []struct {
		flag usage.Flags
		text string
	}{
		{usage.LowerBound, "the log shows a placeholder: the output is at least this"},
		{usage.Aborted, "the stream was cut: the counters are what had arrived"},
		{usage.Sidechain, "made by a sub-agent"},
		{usage.Inherited, "copied from a log that is not here: its date is lost"},
		{usage.TimeGuessed, "the line has no time: that of its neighbour or its file was taken"},
		{usage.TimeSeen, "the line is dated in the future: the time of its first sight was taken"},
	} {
		if r.Flags&n.flag != 0 {
			list = append(list, n.text)
		}
	}
	if r.Gone {
		list = append(list, "the log is no longer there")
	}
	return list
}

func explainRequestOf(r *store.Request, e price.Explanation) explainRequest {
	doc := explainRequest{
		Time: instant(r.Time.Time()), Agent: string(r.Agent), Session: text(r.Session), Project: text(r.Project), Branch: text(r.Branch),
		Model: text(r.Model), Service: text(r.Service), File: text(r.Path), Offset: r.Offset, Gone: r.Gone, Notes: notes(r),
		counters: countersOf(usage.CountsOf(&r.Event)), CacheCreation5m: r.CacheWrite5m, CacheCreation1h: r.CacheWrite1h, WebSearches: r.WebSearches,
		Price: explainPrice{
			Unpriced: text(why(e)), Row: text(e.Cost.Row), Model: text(e.Model), Vendor: text(e.Vendor), Entered: e.Own,
			ValidFrom: text(e.ValidFrom), ValidTo: text(e.ValidTo), CheckedOn: text(e.CheckedOn),
			Sources: []string{}, Lines: []explainLine{}, Factors: []explainFactor{}, LongContextFrom: number(e.Threshold), Peak: e.Peak,
		},
	}
	if r.Recorded != nil {
		doc.RecordedUSD = new(usd(*r.Recorded))
	}
	for _, s := range e.Sources {
		doc.Price.Sources = append(doc.Price.Sources, s.Title+", "+s.Date)
	}
	for _, l := range e.Lines {
		doc.Price.Lines = append(doc.Price.Lines, explainLine{string(l.Class), l.Tokens, l.Rate.String()})
	}
	for _, s := range e.Services {
		doc.Price.Factors = append(doc.Price.Factors, explainFactor{s.Name, s.Factor.String()})
	}
	return doc
}

// why says why there is no price, "" if there is one.
func why(e price.Explanation) string {
	if e.Missing != "" {
		return string(e.Why) + ": " + e.Missing
	}
	return string(e.Why)
}

// printExplained prints one request for people.
func printExplained(w printer, r *store.Request, e price.Explanation, q question, currency usage.Currency, home string) {
	when := "undated"
	if r.Time != 0 {
		when = r.Time.Time().In(q.zone).Format("2006-01-02 15:04:05")
	}
	fmt.Fprintf(w, "%s  %s  %s\n", when, r.Agent, visible(orDash(r.Model)))
	t := table{left: 2, whole: 2}
	t.add("Session", visible(orDash(r.Session)))
	t.add("Project", visible(orDash(view.ShortPath(r.Project, home))))
	t.add("Read from", visible(view.ShortPath(r.Path, home))+", byte "+view.Exact(r.Offset))
	for _, n := range notes(r) {
		t.add("Note", n)
	}
	t.print(w, "  ")
	lines := table{left: 1}
	for _, l := range e.Lines {
		lines.add(string(l.Class), view.Exact(l.Tokens), "$"+l.Rate.String()+" a million")
	}
	if e.Searches > 0 {
		lines.add("web searches", view.Exact(e.Searches), "$"+e.Search.String()+" a thousand")
	}
	if len(e.Lines) == 0 {
		for _, l := range []struct {
			name string
			n    int64
		}{{"input", r.Input}, {"cache read", r.CacheRead}, {"cache write, 5 minutes", r.CacheWrite5m}, {"cache write, 1 hour", r.CacheWrite1h}, {"output", r.Output}} {
			if l.n > 0 {
				lines.add(l.name, view.Exact(l.n))
			}
		}
	}
	lines.print(w, "    ")
	if reason := why(e); reason != "" {
		fmt.Fprintln(w, "  No price:", visible(reason)+".")
	} else {
		fmt.Fprintln(w, "  "+visible(priceSentence(r, e, currency)))
	}
	if r.Recorded != nil {
		fmt.Fprintf(w, "  The agent wrote down $%s.\n", usd(*r.Recorded))
	}
}

// priceSentence is "$0.043210 at list price: claude-opus-4-8 of Anthropic, valid from …".
func priceSentence(r *store.Request, e price.Explanation, currency usage.Currency) string {
	var b strings.Builder
	b.WriteString("$" + usd(e.Cost.Micros).String())
	if currency.Code != "" {
		b.WriteString(" (" + view.Amount(e.Cost.Micros, currency) + ")")
	}
	b.WriteString(" at list price: " + e.Model + " of " + e.Vendor)
	switch {
	case e.Own:
		b.WriteString(", as you entered it")
	case len(e.Sources) > 0:
		b.WriteString(", by " + e.Sources[0].Title)
	}
	if e.CheckedOn != "" {
		b.WriteString(", checked " + e.CheckedOn)
	}
	if e.ValidFrom != "" {
		b.WriteString(", valid from " + e.ValidFrom)
	}
	if e.ValidTo != "" {
		b.WriteString(" to " + e.ValidTo)
	}
	for _, s := range e.Services {
		b.WriteString(", times " + s.Factor.String() + " for " + s.Name)
	}
	if e.Threshold > 0 {
		b.WriteString(", long context from " + view.Tokens(e.Threshold))
	}
	if e.Peak {
		b.WriteString(", at the peak hour's price")
	}
	b.WriteString(". Row " + e.Cost.Row + ".")
	if r.Cost.Priced && r.Cost != e.Cost {
		b.WriteString(" Stored is $" + usd(r.Cost.Micros).String() + " of row " + r.Cost.Row + "; it is being brought up to date.")
	}
	return b.String()
}

func orDash(s string) string {
	if s == "" {
		return view.Dash
	}
	return s
}
