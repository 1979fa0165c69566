package cli

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	// So that --timezone works on machines without the zone files.
	_ "time/tzdata"

	"tokenmeter/internal/report"
	"tokenmeter/internal/store"
	"tokenmeter/internal/usage"
)

// question is what `history` was asked, in the zone of the answer.
type question struct {
	by       []store.Dimension // in the order of allDimensions, each once
	since    time.Time
	until    time.Time
	zone     *time.Location
	agents   []usage.AgentID
	projects []string
	models   []string
	as       whatIf
	cost     func(*usage.Event) usage.Cost // of as; nil = the stored costs
}

// allDimensions are the words of --by, in the order of the columns.
func allDimensions() []store.Dimension {
	return []store.Dimension{
		store.Hour, store.Day, store.Week, store.Month, store.Agent, store.Model, store.Project, store.Session,
	}
}

func historyCommand(c *Context) *cobra.Command {
	var by []string
	var chosen selection
	var asJSON, asCSV bool
	var as whatIf
	cmd := &cobra.Command{
		Use:   "history",
		Short: "Sum up what was used, by time, agent, model, project, session",
		Long: `Sums up what was used. A date is a whole local day, so --until 2026-11-20 includes the
20th; a time counts to the quarter of an hour before it. Requests whose date is lost are
part of an answer without --since and --until only.`,
		Example: `  tokenmeter history
  tokenmeter history --by agent,model --since 2026-11-01 --json
  tokenmeter history --by month,project --csv
  tokenmeter history --by model --price-as claude-haiku-4-5`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if asJSON && asCSV {
				return wrongUsage("--json and --csv exclude each other")
			}
			q, err := chosen.question(c)
			if err != nil {
				return err
			}
			q.as = as
			if q.by, err = parseBy(by); err != nil {
				return err
			}
			d, err := openFor(cmd, c)
			if err != nil {
				return err
			}
			defer d.close()
			if q.cost, err = q.as.cost(d, q.zone, c.Clock()); err != nil {
				return err
			}
			rows, totals, err := q.ask(cmd.Context(), d.report)
			var notes []string
			if err == nil && !asJSON && !asCSV {
				notes, err = q.footnotes(cmd.Context(), d, totals)
			}
			if err != nil {
				return err
			}
			d.tellRepriced(cmd.Context(), c)
			d.close()
			switch {
			case asJSON:
				err = printHistoryJSON(c.Stdout, q, rows, totals)
			case asCSV:
				err = printHistoryCSV(c.Stdout, q, rows)
			default:
				err = printTable(c.Stdout, q, rows, totals, d.prices.Currency(), notes)
			}
			return errors.Join(err, d.incomplete)
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&by, "by", []string{string(store.Day)}, "what to group by: hour day week month session project model agent, a list")
	chosen.flags(f)
	f.StringVar(&as.model, "price-as", "", "what it would cost at the prices of this model")
	f.StringVar(&as.date, "price-on", "", "what it would cost at the prices of this date")
	f.StringVar(&as.service, "price-tier", "", "what it would cost as standard, fast, priority, flex or batch")
	f.BoolVar(&asJSON, "json", false, "print one JSON document")
	f.BoolVar(&asCSV, "csv", false, "print CSV with a header line")
	return cmd
}

// selection is which requests a command line names, as it names them.
type selection struct {
	since, until, zone       string
	agents, projects, models []string
}

func (s *selection) flags(f *pflag.FlagSet) {
	f.StringVar(&s.since, "since", "", "from this date or time on")
	f.StringVar(&s.until, "until", "", "up to the end of this date, or up to this time")
	f.StringArrayVar(&s.agents, "agent", nil, "only this agent; may be repeated")
	f.StringArrayVar(&s.projects, "project", nil, "only this working folder; may be repeated")
	f.StringArrayVar(&s.models, "model", nil, "only this model, as logged; may be repeated")
	f.StringVar(&s.zone, "timezone", "", "whose days these are, as Europe/Berlin (else this machine's)")
}

// question understands the flags.
func (s *selection) question(c *Context) (question, error) {
	q := question{projects: s.projects, models: s.models, zone: c.Zone}
	var err error
	if s.zone != "" {
		if q.zone, err = time.LoadLocation(s.zone); err != nil {
			return q, wrongUsage("%q is not a time zone: use a name such as Europe/Berlin or UTC", s.zone)
		}
	}
	if err = q.span(s.since, s.until, c.Clock()); err == nil {
		q.agents, err = parseAgents(s.agents, c)
	}
	return q, err
}

// parseBy understands the list of --by.
func parseBy(words []string) ([]store.Dimension, error) {
	asked := map[store.Dimension]bool{}
	for _, w := range words {
		d := store.Dimension(strings.ToLower(strings.TrimSpace(w)))
		if !slices.Contains(allDimensions(), d) {
			return nil, wrongUsage("--by %q is unknown: use hour, day, week, month, session, project, model, agent", w)
		}
		asked[d] = true
	}
	var by []store.Dimension
	for _, d := range allDimensions() {
		if asked[d] {
			by = append(by, d)
		}
	}
	if len(by) == 0 {
		return nil, wrongUsage("--by needs at least one of hour, day, week, month, session, project, model, agent")
	}
	return by, nil
}

// parseAgents checks the ids of --agent.
func parseAgents(words []string, c *Context) ([]usage.AgentID, error) {
	known := make([]string, 0, len(c.Sources))
	for _, s := range c.Sources {
		known = append(known, string(s.Info().ID))
	}
	var ids []usage.AgentID
	for _, w := range words {
		if !slices.Contains(known, w) {
			return nil, wrongUsage("--agent %q is unknown: this build knows %s", w, strings.Join(known, ", "))
		}
		ids = append(ids, usage.AgentID(w))
	}
	return ids, nil
}

// span understands --since and --until.
func (q *question) span(since, until string, now time.Time) error {
	var err error
	if since != "" {
		if q.since, _, err = parseDate(since, now, q.zone); err != nil {
			return err
		}
	}
	var last time.Time
	if until != "" {
		if last, q.until, err = parseDate(until, now, q.zone); err != nil {
			return err
		}
	}
	// A date that the zone skipped has no length; it is asked for in order all the same.
	if since != "" && until != "" && !q.since.Before(q.until) && !q.since.Equal(last) {
		return wrongUsage("--since %s is after --until %s", since, until)
	}
	return nil
}

// ask gets the rows, in the order of their keys, and their sum. A finer step of time than
// the one asked for is summed up here, so that any list of steps can be asked for.
func (q *question) ask(ctx context.Context, r *report.Report) ([]store.Row, usage.Counts, error) {
	steps, rest := q.steps()
	query := q.query()
	query.By = rest
	if len(steps) > 0 {
		query.By = append([]store.Dimension{finest(steps)}, rest...)
	}
	answer, err := r.History(ctx, query)
	if err != nil {
		return nil, usage.Counts{}, err
	}
	rows := answer.Rows
	slices.SortStableFunc(rows, func(a, b store.Row) int {
		undated := func(r store.Row) int { // last
			if r.Start == 0 && len(steps) > 0 {
				return 1
			}
			return 0
		}
		return cmp.Or(
			cmp.Compare(undated(a), undated(b)), cmp.Compare(a.Start, b.Start), cmp.Compare(a.Agent, b.Agent),
			cmp.Compare(a.Model, b.Model), cmp.Compare(a.Project, b.Project), cmp.Compare(a.Session, b.Session),
		)
	})
	return q.join(rows), answer.Totals, nil
}

// query is the range and the filters.
func (q *question) query() store.Query {
	return store.Query{
		Zone: q.zone, Since: usage.MillisOf(q.since), Until: usage.MillisOf(q.until),
		Agents: q.agents, Projects: q.projects, Models: q.models, Cost: q.cost,
	}
}

// join sums up the rows that have the same keys.
func (q *question) join(rows []store.Row) []store.Row {
	joined := make([]store.Row, 0, len(rows))
	place := make(map[string]int, len(rows))
	for _, row := range rows {
		keys := strings.Join(q.keys(row), "\x00")
		if i, ok := place[keys]; ok {
			joined[i].Counts = joined[i].Counts.Plus(row.Counts)
			continue
		}
		place[keys] = len(joined)
		joined = append(joined, row)
	}
	return joined
}

// steps parts the dimensions of time from the others.
func (q *question) steps() (steps, rest []store.Dimension) {
	for _, d := range q.by {
		switch d {
		case store.Hour, store.Day, store.Week, store.Month:
			steps = append(steps, d)
		default:
			rest = append(rest, d)
		}
	}
	return steps, rest
}

// finest is the step of which all steps are made: weeks and months share only days.
func finest(steps []store.Dimension) store.Dimension {
	if steps[0] == store.Week && len(steps) > 1 {
		return store.Day
	}
	return steps[0]
}

// keys are the values of a row, one for each dimension asked for; "" for the time of
// undated requests.
func (q *question) keys(row store.Row) []string {
	keys := make([]string, len(q.by))
	for i, d := range q.by {
		switch d {
		case store.Agent:
			keys[i] = string(row.Agent)
		case store.Model:
			keys[i] = row.Model
		case store.Project:
			keys[i] = row.Project
		case store.Session:
			keys[i] = row.Session
		default:
			keys[i] = q.step(d, row.Start)
		}
	}
	return keys
}

// step writes the beginning of a row's hour, day, week or month.
func (q *question) step(d store.Dimension, start usage.Millis) string {
	if start == 0 {
		return ""
	}
	if d == store.Hour {
		return start.Time().Format(time.RFC3339)
	}
	t := start.Time()
	if len(q.by) > 0 && q.by[0] != store.Hour {
		t = t.Add(6 * time.Hour) // a day may begin before or after midnight where clocks are turned then
	}
	t = t.In(q.zone)
	switch d {
	case store.Week:
		return t.AddDate(0, 0, -(int(t.Weekday())+6)%7).Format(time.DateOnly)
	case store.Month:
		return t.Format("2006-01")
	}
	return t.Format(time.DateOnly)
}
