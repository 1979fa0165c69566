package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"tokenmeter/internal/health"
	"tokenmeter/internal/ingest"
	"tokenmeter/internal/inquiry"
	"tokenmeter/internal/network"
	"tokenmeter/internal/platform"
	"tokenmeter/internal/pricing"
	"tokenmeter/internal/report"
	"tokenmeter/internal/settings"
	"tokenmeter/internal/store"
	"tokenmeter/internal/usage"
	"tokenmeter/internal/view"
)

// doctorDocument is what `doctor --json` prints.
type doctorDocument struct {
	Version       string          `json:"version"`
	DataFolder    string          `json:"dataFolder"`
	Database      string          `json:"database"`
	DatabaseBytes *int64          `json:"databaseBytes"` // with what is still in its journal
	Meter         doctorMeter     `json:"meter"`
	Agents        []doctorAgent   `json:"agents"`
	Prices        doctorPrices    `json:"prices"`
	Network       doctorNetwork   `json:"network"`
	Findings      []doctorFinding `json:"findings"`
}

type doctorMeter struct {
	Running bool    `json:"running"`
	Pid     *int64  `json:"pid"`
	Version *string `json:"version"`
}

// doctorPrices says how good the costs are.
type doctorPrices struct {
	Version  string          `json:"version"`
	Date     string          `json:"date"` // of the table
	Settings string          `json:"settings"`
	Currency *string         `json:"currency"` // nil = USD
	Unpriced []unpricedModel `json:"unpriced"`
	Tests    []doctorPrice   `json:"tests"` // against what agents note of costs themselves
}

// doctorNetwork is what the settings let out.
type doctorNetwork struct {
	Enabled bool     `json:"enabled"`
	Prices  bool     `json:"prices"`  // they are fetched
	Asks    []string `json:"asks"`    // agents whose vendor is asked for the allowance
	Waiting []string `json:"waiting"` // switches that are on, but wait for network.enabled
	Ledger  string   `json:"ledger"`
}

type doctorAgent struct {
	scanAgent
	Skipped map[usage.Reason]int64 `json:"skipped"` // lines, by reason
	Places  []doctorPlace          `json:"places"`
}

type doctorPlace struct {
	Path  string `json:"path"`
	There bool   `json:"there"`
	From  string `json:"from"` // the variable that led here, or "default"
}

// doctorPrice compares our prices of a model with what an agent notes of costs.
type doctorPrice struct {
	Agent       usage.AgentID `json:"agent"`
	Model       string        `json:"model"`
	Sessions    int64         `json:"sessions"`
	Requests    int64         `json:"requests"`
	OursUSD     usd           `json:"oursUSD"`
	TheirsUSD   usd           `json:"theirsUSD"`
	OffPercent  *float64      `json:"offPercent"` // null where theirs is nothing
	Unpriced    int64         `json:"unpriced"`   // sums and requests for which there is no price here
	UnpricedUSD usd           `json:"unpricedUSD"`
}

type doctorFinding struct {
	Code     string  `json:"code"`
	Severity string  `json:"severity"`
	Subject  *string `json:"subject"`
	Since    *string `json:"since"`
	Title    string  `json:"title"`
	Text     string  `json:"text"`
	Action   string  `json:"action"`
}

func doctorCommand(c *Context) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "What was found, what is wrong, what to do",
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := dataDir(cmd, c)
			if err != nil {
				return err
			}
			doc, tests, err := examine(cmd.Context(), c, dir)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.Stdout, doc)
			}
			printDoctor(c.Stdout, doc, tests, c.Env.Home)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

// examine looks at everything. A database that cannot be used is a finding here, not the
// end: that is when a doctor is needed.
func examine(ctx context.Context, c *Context, dir string) (doctorDocument, []report.PriceTest, error) {
	database := filepath.Join(dir, platform.DatabaseName)
	doc := doctorDocument{
		Version: c.Version, DataFolder: dir, Database: database,
		Agents: []doctorAgent{}, Findings: []doctorFinding{},
		Prices: doctorPrices{Settings: settings.Path(dir), Unpriced: []unpricedModel{}, Tests: []doctorPrice{}},
	}
	prices := pricing.Load(dir)
	doc.Prices.Version, doc.Prices.Date, doc.Prices.Currency = prices.Version(), prices.Table().Date(), text(prices.Currency().Code)
	doc.Network = networkOf(c, dir, prices)
	var findings []health.Finding
	pong, err := ping(ctx, c, dir)
	if err == nil {
		doc.Meter = doctorMeter{Running: true, Pid: number(int64(pong.Pid)), Version: text(pong.Build)}
		var meter report.Meter
		if json.Unmarshal(pong.Meter, &meter) == nil {
			findings = append(findings, meter.Findings...)
		}
	}
	states, tests, found, err := agentStates(ctx, c, dir, &doc.Prices)
	if err != nil {
		return doc, nil, err
	}
	findings = append(findings, found...)
	for i := range tests {
		p := &tests[i]
		price := doctorPrice{
			Agent: p.Agent, Model: p.Model, Sessions: p.Sessions, Requests: p.Requests, OursUSD: usd(p.Ours), TheirsUSD: usd(p.Theirs),
			Unpriced: p.Unpriced, UnpricedUSD: usd(p.UnpricedCost),
		}
		if off, ok := p.Off(); ok {
			price.OffPercent = new(math.Round(off*100) / 100)
			if p.Doubtful() {
				findings = append(findings, health.Finding{Code: health.PricesDiffer, Severity: health.Warning, Subject: p.Model,
					Args: []string{view.Difference(off), view.Money(p.Theirs)}, Since: c.Clock()})
			}
		}
		doc.Prices.Tests = append(doc.Prices.Tests, price)
	}
	if c.Desktop != nil {
		findings = append(findings, c.Desktop(ctx)...)
	}
	doc.DatabaseBytes = databaseSize(database)
	from := placesFrom(c)
	for _, a := range states {
		agent := doctorAgent{scanAgent: scanAgentOf(a), Skipped: a.Skipped, Places: []doctorPlace{}}
		if agent.Skipped == nil {
			agent.Skipped = map[usage.Reason]int64{}
		}
		for _, p := range a.Places {
			agent.Places = append(agent.Places, doctorPlace{Path: p.Path, There: p.There, From: from[p.Path]})
		}
		doc.Agents = append(doc.Agents, agent)
	}
	doc.Findings = findingsOf(findings)
	return doc, tests, nil
}

// networkOf says what the settings let out.
func networkOf(c *Context, dir string, prices *pricing.Prices) doctorNetwork {
	s := prices.Settings()
	n := doctorNetwork{Enabled: s.Network.Enabled, Prices: prices.Online(), Asks: []string{}, Waiting: []string{}, Ledger: filepath.Join(dir, network.LedgerName)}
	for _, info := range inquiry.Asked(s, c.Sources) {
		n.Asks = append(n.Asks, string(info.ID))
	}
	if !n.Enabled {
		if s.Prices.Refresh {
			n.Waiting = append(n.Waiting, "prices.refresh")
		}
		for _, id := range slices.Sorted(maps.Keys(s.Network.Inquiries)) {
			if s.Network.Inquiries[id].Enabled {
				n.Waiting = append(n.Waiting, "network."+id+".enabled")
			}
		}
	}
	return n
}

// words say the same to people.
func (n *doctorNetwork) words(agents []doctorAgent) string {
	online := report.Online{Prices: n.Prices}
	for _, a := range agents {
		if slices.Contains(n.Asks, a.Agent) {
			online.Asks = append(online.Asks, a.Name)
		}
	}
	words := strings.TrimPrefix(view.NetworkUse(online), "Network ")
	switch {
	case len(n.Waiting) > 0:
		words += ", " + counted(int64(len(n.Waiting)), "use waits", "uses wait") + " for network.enabled"
	case n.Enabled && !n.Prices && len(n.Asks) == 0:
		words = "on, but nothing is switched on that uses it"
	}
	return words
}

// agentStates takes in what is new and lists the agents; when that is impossible it lists
// them without figures, and what is wrong.
func agentStates(ctx context.Context, c *Context, dir string, prices *doctorPrices) ([]report.AgentState, []report.PriceTest, []health.Finding, error) {
	quiet := *c
	quiet.Stderr = io.Discard
	d, err := open(ctx, &quiet, dir, false)
	if ctx.Err() != nil {
		return nil, nil, nil, ctx.Err()
	}
	if err == nil {
		defer d.close()
		var s *report.Snapshot
		if s, err = d.report.Snapshot(ctx, d.meter()); err == nil {
			err = prices.fill(ctx, d)
		}
		var tests []report.PriceTest
		if err == nil {
			tests, err = d.report.SelfTest(ctx, d.prices.Cost)
		}
		if err == nil {
			return s.Agents, tests, s.Findings, nil
		}
	}
	var states []report.AgentState
	for _, a := range Agents(c.Sources, c.Env) {
		state := report.AgentState{Agent: a}
		for _, root := range a.Roots {
			there := c.Env.Exists(root)
			state.Found = state.Found || there
			state.Places = append(state.Places, report.Place{Path: root, There: there})
		}
		states = append(states, state)
	}
	board := health.NewBoard(c.Clock)
	ingest.PutStoreError(board, filepath.Join(dir, platform.DatabaseName), err)
	return states, nil, board.Findings(), nil
}

// fill asks the store what has no price.
func (p *doctorPrices) fill(ctx context.Context, d *data) error {
	unpriced, err := d.report.Unpriced(ctx, store.Query{})
	if err != nil {
		return err
	}
	p.Unpriced = unpricedOf(unpriced, d.prices)
	return nil
}

// placesFrom says of each folder what led to it.
func placesFrom(c *Context) map[string]string {
	from := map[string]string{}
	for _, s := range c.Sources {
		for _, root := range s.Roots(c.Env) {
			from[root.Path] = root.From
		}
	}
	return from
}

// databaseSize is the size of the database and its journal; nil = there is none.
func databaseSize(path string) *int64 {
	info, err := os.Stat(path)
	if err != nil {
		return nil
	}
	size := info.Size()
	if journal, err := os.Stat(path + "-wal"); err == nil {
		size += journal.Size()
	}
	return &size
}

// findingsOf puts findings into words, each once, worst first.
func findingsOf(findings []health.Finding) []doctorFinding {
	slices.SortStableFunc(findings, func(a, b health.Finding) int {
		return cmp.Or(-cmp.Compare(a.Severity, b.Severity), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Subject, b.Subject))
	})
	findings = slices.CompactFunc(findings, func(a, b health.Finding) bool {
		return a.Code == b.Code && a.Subject == b.Subject
	})
	list := []doctorFinding{}
	for _, f := range findings {
		words := health.Explain(f)
		list = append(list, doctorFinding{
			Code: string(f.Code), Severity: severityWord(f.Severity), Subject: text(f.Subject), Since: instant(f.Since),
			Title: words.Title, Text: words.Text, Action: words.Action,
		})
	}
	return list
}

func severityWord(s health.Severity) string {
	switch s {
	case health.Info:
		return "info"
	case health.Warning:
		return "warning"
	}
	return "error"
}

// printDoctor prints the document for people.
func printDoctor(w printer, doc doctorDocument, tests []report.PriceTest, home string) {
	fmt.Fprintln(w, "Tokenmeter", doc.Version)
	t := table{left: 2}
	size := "not there yet"
	if doc.DatabaseBytes != nil {
		size = view.Bytes(*doc.DatabaseBytes)
	}
	meter := "not running"
	if doc.Meter.Running {
		meter = "running"
		if doc.Meter.Pid != nil {
			meter += ", process " + strconv.FormatInt(*doc.Meter.Pid, 10)
		}
	}
	t.add("Data folder", view.ShortPath(doc.DataFolder, home))
	t.add("Database", size)
	t.add("Prices", "of "+doc.Prices.Date)
	t.add("Network", visible(doc.Network.words(doc.Agents)))
	t.add("Meter", meter)
	t.print(w, "  ")
	fmt.Fprintln(w, "\nAgents")
	for _, a := range doc.Agents {
		line := a.Name + ": not found"
		if a.Found {
			line = fmt.Sprintf("%s: %s in %s", a.Name, counted(a.Requests, "request", "requests"), counted(a.Files, "file", "files"))
			if a.LastAt != nil {
				line += ", last " + *a.LastAt
			}
			if a.SkippedLines > 0 {
				line += ", " + counted(a.SkippedLines, "skipped line", "skipped lines")
			}
		}
		fmt.Fprintln(w, "  "+line)
		for _, p := range a.Places {
			state := "no such folder"
			if p.There {
				state = "there"
			}
			from := ""
			if p.From != "" && p.From != "default" {
				from = " (" + p.From + ")"
			}
			fmt.Fprintf(w, "    %s: %s%s\n", visible(view.ShortPath(p.Path, home)), state, from)
		}
	}
	printUnpriced(w, doc.Prices.Unpriced)
	if len(tests) > 0 {
		fmt.Fprintln(w, "\nPrices, against what agents note of costs themselves")
		if text := view.PriceTest(tests); text != "" {
			fmt.Fprintln(w, "  "+text)
		}
		for _, p := range tests {
			for i, line := range wrap(visible(p.Model)+": "+view.PriceTestOf(p), tableWidth-6) {
				if i > 0 {
					line = "  " + line
				}
				fmt.Fprintln(w, "    "+line)
			}
		}
	}
	if len(doc.Findings) == 0 {
		fmt.Fprintln(w, "\nNothing is wrong.")
		return
	}
	fmt.Fprintln(w, "\nFindings")
	for _, f := range doc.Findings {
		fmt.Fprintf(w, "  %s: %s\n", f.Severity, visible(f.Title))
		for _, line := range append(wrap(visible(f.Text), tableWidth-4), wrap("What to do: "+visible(f.Action), tableWidth-4)...) {
			fmt.Fprintln(w, "    "+line)
		}
	}
}
