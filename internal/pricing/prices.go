package pricing

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"tokenmeter/assets"
	"tokenmeter/internal/network"
	"tokenmeter/internal/price"
	"tokenmeter/internal/settings"
	"tokenmeter/internal/usage"
)

// Prices are the prices in force.
type Prices struct {
	version   string
	data      []byte
	overrides price.Overrides
	settings  settings.Settings
	warnings  []settings.Warning
	failed    error // the settings cannot be used at all

	once  sync.Once
	table *price.Table
	wrong error
}

// TableName is the file of a fetched table in the data folder.
const TableName = "prices.json"

// Load reads what is in force in a data folder. It never fails: what cannot be used is left
// out, and Warnings say so.
func Load(dir string) *Prices {
	p := &Prices{data: assets.Prices}
	p.settings, p.warnings, p.failed = settings.Load(settings.Path(dir))
	p.overrides = overridesOf(&p.settings.Prices)
	if p.settings.Prices.Refresh {
		p.fetched(filepath.Join(dir, TableName))
	}
	p.version = price.Version(p.data, p.overrides)
	return p
}

// fetched takes a fetched table if there is one that is newer than the built-in one.
func (p *Prices) fetched(path string) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil && info.Size() > price.MaxTableBytes {
		err = fmt.Errorf("it has %d bytes", info.Size())
	}
	var data []byte
	if err == nil {
		data, err = os.ReadFile(path)
	}
	var table, built *price.Table
	if err == nil {
		table, err = price.Parse(data)
	}
	if err == nil {
		built, err = price.Default()
	}
	if err != nil {
		p.warnings = append(p.warnings, settings.Warning{Key: TableName, Text: "the fetched prices cannot be used, the built-in ones count: " + err.Error()})
		return
	}
	if table.Date() >= built.Date() {
		p.data = data
	}
}

// overridesOf turns what the settings say into what a table takes.
func overridesOf(s *settings.Prices) price.Overrides {
	o := price.Overrides{Map: s.Map}
	for _, own := range s.Overrides {
		o.Prices = append(o.Prices, price.OwnPrice{
			Model: own.Model, Input: &own.Input, Output: &own.Output, CacheRead: own.CacheRead,
			CacheWrite5m: own.CacheWrite5m, CacheWrite1h: own.CacheWrite1h,
			ValidFrom: price.Day(own.From), ValidTo: price.Day(own.Until), Free: own.Free,
		})
	}
	return o
}

// Version changes when a price may have: see store.Pricing.
func (p *Prices) Version() string { return p.version }

// Settings are those of the data folder.
func (p *Prices) Settings() *settings.Settings { return &p.settings }

// Failed says why the settings as a whole cannot be used; nil = they can.
func (p *Prices) Failed() error { return p.failed }

// Warnings say what of the settings and of a fetched table is not in force, and why.
func (p *Prices) Warnings() []settings.Warning {
	list := slices.Clone(p.warnings)
	if len(p.overrides.Map)+len(p.overrides.Prices) > 0 {
		if p.parse(); p.wrong != nil {
			list = append(list, settings.Warning{Key: "prices", Text: p.wrong.Error()})
		}
	}
	return list
}

// Table is the parsed table.
func (p *Prices) Table() *price.Table {
	p.parse()
	return p.table
}

func (p *Prices) parse() {
	p.once.Do(func() {
		table, err := price.Parse(p.data)
		if err != nil {
			panic("prices that were checked cannot be read: " + err.Error()) // tests and fetched read them
		}
		p.table, p.wrong = table.With(p.overrides)
	})
}

// Cost is the list price of an event.
func (p *Prices) Cost(e *usage.Event) usage.Cost {
	r := price.RequestOf(e)
	return p.Table().Price(&r)
}

// As gives Cost as it would be at another model, day or service.
func (p *Prices) As(w price.WhatIf) func(*usage.Event) usage.Cost {
	return func(e *usage.Event) usage.Cost {
		r := price.RequestOf(e).As(w)
		return p.Table().Price(&r)
	}
}

// Explain says what the price of an event is made of.
func (p *Prices) Explain(e *usage.Event) price.Explanation {
	r := price.RequestOf(e)
	return p.Table().Explain(&r)
}

// Currency is the money that the user reads: at the rate that was entered or, where the user
// wants that, the one that came with fetched prices.
func (p *Prices) Currency() usage.Currency {
	c := p.settings.Currency
	if c.Code == "USD" {
		return usage.Currency{}
	}
	if c.Fetched && p.settings.Prices.Refresh {
		if rate, ok := p.Table().Exchange(c.Code); ok {
			return usage.Currency{Code: c.Code, Rate: rate, Fetched: true}
		}
	}
	return usage.Currency{Code: c.Code, Rate: c.Rate}
}

// Online says that the settings permit prices to be fetched.
func (p *Prices) Online() bool { return network.ForPrices(&p.settings).Granted() }
