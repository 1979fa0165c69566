package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tokenmeter/internal/health"
	"tokenmeter/internal/link"
	"tokenmeter/internal/platform"
	"tokenmeter/internal/price"
	"tokenmeter/internal/pricing"
	"tokenmeter/internal/report"
	"tokenmeter/internal/settings"
	"tokenmeter/internal/store"
	"tokenmeter/internal/usage"
	"tokenmeter/internal/view"
)

// priceDocument is what `price --json` prints.
type priceDocument struct {
	Version  string            `json:"version"` // of all that is in force
	Date     string            `json:"date"`    // of the table
	Settings string            `json:"settings"`
	Mapped   map[string]string `json:"mapped"`
	Own      []ownPrice        `json:"own"`
	Unpriced []unpricedModel   `json:"unpriced"`
}

type ownPrice struct {
	Model        string  `json:"model"`
	From         *string `json:"from"`
	Until        *string `json:"until"`
	Input        string  `json:"input"`
	Output       string  `json:"output"`
	CacheRead    *string `json:"cacheRead"`
	CacheWrite5m *string `json:"cacheWrite5m"`
	CacheWrite1h *string `json:"cacheWrite1h"`
}

// unpricedModel is a model that has tokens without a price.
type unpricedModel struct {
	Agent          string  `json:"agent"`
	Model          *string `json:"model"`
	Requests       int64   `json:"requests"`
	UnpricedTokens int64   `json:"unpricedTokens"`
	Why            string  `json:"why"`
}

func priceCommand(c *Context) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "price",
		Short: "Show which prices count; map a model, or enter a price of your own",
		Long: `Shows the date of the price table, your own prices and mappings, and the models without a
price. What is entered here stands in settings.toml in the data folder, where it can be
changed by hand, too; remarks there stay. Costs of the past are done again after a change.`,
		Example: `  tokenmeter price
  tokenmeter price show claude-opus-5-5
  tokenmeter price map my-gateway-model claude-opus-4-8
  tokenmeter price set my-model --input 1.25 --output 7.5 --cache-read 0.125
  tokenmeter price currency EUR 0.92`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := openFor(cmd, c)
			if err != nil {
				return err
			}
			defer d.close()
			doc := priceDocument{Version: d.prices.Version(), Date: d.prices.Table().Date(), Settings: settings.Path(d.dir), Mapped: map[string]string{}, Own: []ownPrice{}}
			for name, to := range d.prices.Settings().Prices.Map {
				doc.Mapped[name] = to
			}
			for _, o := range d.prices.Settings().Prices.Overrides {
				doc.Own = append(doc.Own, ownPrice{
					o.Model, text(o.From), text(o.Until), o.Input.String(), o.Output.String(), rateText(o.CacheRead), rateText(o.CacheWrite5m), rateText(o.CacheWrite1h),
				})
			}
			unpriced, err := d.report.Unpriced(cmd.Context(), store.Query{})
			d.close()
			if err != nil {
				return err
			}
			doc.Unpriced = unpricedOf(unpriced, d.prices)
			if asJSON {
				return errors.Join(printJSON(c.Stdout, doc), d.incomplete)
			}
			printPrices(c.Stdout, doc, c.Env.Home)
			return d.incomplete
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	cmd.AddCommand(priceShowCommand(c), priceMapCommand(c), priceUnmapCommand(c), priceSetCommand(c), priceUnsetCommand(c), priceCurrencyCommand(c))
	return cmd
}

// unpricedOf adds why there is no price.
func unpricedOf(list []report.ModelTokens, p *pricing.Prices) []unpricedModel {
	models := []unpricedModel{}
	for _, m := range list {
		why := "it is not in the table"
		if m.Model == "" {
			why = "the log names no model"
		} else if _, known := p.Table().Lookup(m.Model); known {
			why = "some requests lie outside of what the table covers: see `tokenmeter explain`"
		}
		models = append(models, unpricedModel{string(m.Agent), text(m.Model), m.Requests, m.UnpricedTokens, why})
	}
	return models
}

func printPrices(w printer, doc priceDocument, home string) {
	fmt.Fprintf(w, "The table of list prices is of %s.\n", doc.Date)
	if len(doc.Mapped)+len(doc.Own) > 0 {
		fmt.Fprintf(w, "\nYours, in %s\n", visible(view.ShortPath(doc.Settings, home)))
		t := table{left: 2}
		var names []string
		for name := range doc.Mapped {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			t.add(visible(name), "as "+visible(doc.Mapped[name]))
		}
		for _, o := range doc.Own {
			line := "$" + o.Input + " in, $" + o.Output + " out a million"
			if o.From != nil {
				line += ", from " + *o.From
			}
			if o.Until != nil {
				line += ", until " + *o.Until
			}
			t.add(visible(o.Model), line)
		}
		t.print(w, "  ")
	}
	printUnpriced(w, doc.Unpriced)
	if len(doc.Unpriced) == 0 {
		fmt.Fprintln(w, "Everything that was counted has a price.")
	}
}

// printUnpriced lists the models without a price and says what can be done.
func printUnpriced(w printer, list []unpricedModel) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintln(w, "\nWithout a price")
	t := table{left: 2, spare: 0}
	for _, m := range list {
		name := view.Dash
		if m.Model != nil {
			name = visible(*m.Model)
		}
		t.add(m.Agent, name, view.Tokens(m.UnpricedTokens)+" tokens", counted(m.Requests, "request", "requests"))
	}
	t.print(w, "  ")
	for _, line := range wrap("Their tokens count, their cost is unknown. `tokenmeter price map NAME MODEL` prices one as another, `tokenmeter price set NAME` gives it a price.", tableWidth-2) {
		fmt.Fprintln(w, "  "+line)
	}
}

// rateText is nil where there is no rate.
func rateText(r *usage.Rate) *string {
	if r == nil {
		return nil
	}
	return new(r.String())
}

func priceShowCommand(c *Context) *cobra.Command {
	return &cobra.Command{
		Use:   "show MODEL",
		Short: "Show all prices of a model, with their dates and sources",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := dataDir(cmd, c)
			if err != nil {
				return err
			}
			rows := pricing.Load(dir).Table().List(args[0])
			if len(rows) == 0 {
				return withHint(fmt.Errorf("there is no price for %q", args[0]), "`tokenmeter price map` prices it as another model, `tokenmeter price set` gives it a price")
			}
			t := table{left: 3, whole: 3}
			t.add("Model", "From", "To", "Input", "Output", "Reads", "Write 5m", "Write 1h")
			t.rule()
			add := func(rates map[price.Class]usage.Rate, cells ...string) {
				for _, class := range []price.Class{price.ClassInput, price.ClassOutput, price.ClassCacheRead, price.ClassCacheWrite5m, price.ClassCacheWrite1h} {
					cell := view.Dash
					if rate, ok := rates[class]; ok {
						cell = "$" + rate.String()
					}
					cells = append(cells, cell)
				}
				t.add(cells...)
			}
			for _, r := range rows {
				add(r.Rates, r.Model, orDash(r.ValidFrom), orDash(r.ValidTo))
				for _, other := range r.Others {
					which := "  peak hours"
					switch {
					case other.Threshold > 0 && other.Inclusive:
						which = "  from " + view.Tokens(other.Threshold)
					case other.Threshold > 0:
						which = "  above " + view.Tokens(other.Threshold)
					}
					add(other.Rates, which, "", "")
				}
			}
			t.print(c.Stdout, "")
			fmt.Fprintln(c.Stdout, "\nUS dollars for a million tokens; above, from: where the prompt is so long.")
			for _, s := range rows[len(rows)-1].Sources {
				fmt.Fprintln(c.Stdout, "Source:", s.Title+", "+s.Date)
			}
			return nil
		},
	}
}

func priceMapCommand(c *Context) *cobra.Command {
	return &cobra.Command{
		Use:   "map NAME MODEL",
		Short: "Price a model, as the logs name it, as another one",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return changeSettings(cmd, c, "From now on "+args[0]+" is priced as "+args[1]+".", func(p *pricing.Prices) ([]settings.Change, error) {
				if _, known := p.Table().Lookup(args[1]); !known {
					return nil, wrongUsage("there is no price for %q to map to", args[1])
				}
				return []settings.Change{settings.PutMapping(args[0], args[1])}, nil
			})
		},
	}
}

func priceUnmapCommand(c *Context) *cobra.Command {
	return &cobra.Command{
		Use:   "unmap NAME",
		Short: "Take a mapping back",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return changeSettings(cmd, c, args[0]+" is not mapped any more.", func(p *pricing.Prices) ([]settings.Change, error) {
				if _, mapped := p.Settings().Prices.Map[args[0]]; !mapped {
					return nil, wrongUsage("%q is not mapped", args[0])
				}
				return []settings.Change{settings.RemoveMapping(args[0])}, nil
			})
		},
	}
}

func priceSetCommand(c *Context) *cobra.Command {
	var o settings.Override
	amounts := map[string]*string{}
	cmd := &cobra.Command{
		Use:   "set NAME --input USD --output USD",
		Short: "Enter a price of your own, in US dollars for a million tokens",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Model = args[0]
			var input, output *usage.Rate
			for name, to := range map[string]**usage.Rate{
				"input": &input, "output": &output, "cache-read": &o.CacheRead, "cache-write-5m": &o.CacheWrite5m, "cache-write-1h": &o.CacheWrite1h,
			} {
				if text := *amounts[name]; text != "" {
					r, err := usage.ParseRate(text)
					if err != nil {
						return wrongUsage("--%s: %v", name, err)
					}
					*to = &r
				}
			}
			if input == nil || output == nil {
				return wrongUsage("--input and --output are needed, in US dollars for a million tokens")
			}
			o.Input, o.Output = *input, *output
			var mapped []settings.Change
			return changeSettings(cmd, c, "From now on "+o.Model+" has your price.", func(p *pricing.Prices) ([]settings.Change, error) {
				if _, is := p.Settings().Prices.Map[o.Model]; is { // a mapping would go first
					mapped = append(mapped, settings.RemoveMapping(o.Model))
				}
				return append(mapped, settings.PutOverride(o)), nil
			})
		},
	}
	f := cmd.Flags()
	for name, help := range map[string]string{
		"input": "input that no cache holds", "output": "output, with reasoning", "cache-read": "reads from a cache (else as input)",
		"cache-write-5m": "writes to a cache that lives five minutes (else as input)",
		"cache-write-1h": "writes to a cache that lives an hour (else as those of five minutes)",
	} {
		amounts[name] = f.String(name, "", help)
	}
	f.StringVar(&o.From, "from", "", "the first day, as 2026-11-20, in UTC (else ever)")
	f.StringVar(&o.Until, "until", "", "the last day, in UTC; then the table counts again (else open)")
	f.BoolVar(&o.Free, "free", false, "zeros are meant")
	return cmd
}

func priceUnsetCommand(c *Context) *cobra.Command {
	return &cobra.Command{
		Use:   "unset NAME",
		Short: "Take all prices of your own for a model back",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return changeSettings(cmd, c, args[0]+" has no price of yours any more.", func(p *pricing.Prices) (changes []settings.Change, err error) {
				for _, o := range p.Settings().Prices.Overrides {
					if o.Model == args[0] {
						changes = append(changes, settings.RemoveOverride(o.Model, o.From))
					}
				}
				if len(changes) == 0 {
					err = wrongUsage("%q has no price of yours", args[0])
				}
				return changes, err
			})
		},
	}
}

func priceCurrencyCommand(c *Context) *cobra.Command {
	var fetched bool
	cmd := &cobra.Command{
		Use:   "currency CODE RATE",
		Short: "Show amounts in another currency, at a rate of your own: EUR 0.92; USD goes back",
		Args:  cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			code, rate := strings.ToUpper(args[0]), "1"
			if code != "USD" {
				if len(args) < 2 {
					return wrongUsage("say how many %s a US dollar is, as in `tokenmeter price currency %s 0.92`", code, code)
				}
				if rate = args[1]; len(code) != 3 {
					return wrongUsage("%q is not the code of a currency, as EUR", args[0])
				}
				if _, err := usage.ParseExchange(rate); err != nil {
					return wrongUsage("%v", err)
				}
			}
			return changeSettings(cmd, c, "Amounts are shown in "+code+".", func(*pricing.Prices) ([]settings.Change, error) {
				return []settings.Change{settings.SetCurrency(code, rate, fetched)}, nil
			})
		},
	}
	cmd.Flags().BoolVar(&fetched, "fetched", false, "take a newer rate along with fetched prices; only with refresh = true")
	return cmd
}

// changeSettings makes a change, tells a running meter, and says what counts now.
func changeSettings(cmd *cobra.Command, c *Context, done string, changes func(*pricing.Prices) ([]settings.Change, error)) error {
	dir, err := dataDir(cmd, c)
	if err != nil {
		return err
	}
	path := settings.Path(dir)
	before := pricing.Load(dir)
	if before.Failed() != nil {
		return withHint(before.Failed(), "mend the file by hand; it is left as it is")
	}
	list, err := changes(before)
	if err != nil {
		return err
	}
	if err := platform.MakeDataDir(dir); err != nil {
		return err
	}
	if _, _, err := settings.Edit(cmd.Context(), path, before.Settings(), list...); err != nil {
		return withHint(err, "the file is "+path)
	}
	now := pricing.Load(dir)
	board := health.NewBoard(c.Clock)
	pricing.PutFindings(board, dir, now)
	for _, f := range board.Findings() {
		warn(c, "%s (%s)", health.Explain(f).Title, f.Args[0])
	}
	// The meter would see it at its next look; so it is now.
	_, _ = askMeter(cmd.Context(), c, dir, link.Message{Do: link.CatchUp})
	fmt.Fprintln(c.Stdout, done)
	if now.Version() != before.Version() {
		fmt.Fprintln(c.Stdout, "Costs of the past follow.")
	}
	return nil
}
