package price

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"tokenmeter/internal/usage"
)

// The form of prices.json, which prices.schema.json describes. Unknown members are errors, so
// that a table of a newer form is refused and not half understood.

type file struct {
	Schema        string                `json:"$schema"`
	Version       string                `json:"version"`
	Sources       map[string]fileSource `json:"sources"`
	Vendors       map[string]fileVendor `json:"vendors"`
	Rows          []fileRow             `json:"rows"`
	Aliases       map[string]string     `json:"aliases"`
	SessionModels []string              `json:"session_models"`
	Base          fileBase              `json:"base"`
	// Exchange is what a US dollar costs in other currencies. The built-in table has none:
	// a rate is of its day.
	Exchange map[string]usage.Exchange `json:"exchange"`
}

type fileSource struct {
	Title string `json:"title"`
	Date  string `json:"date"`
}

type fileVendor struct {
	Title           string            `json:"title"`
	WebSearch       *Rate             `json:"web_search"`
	WritesAsInput   bool              `json:"writes_as_input"`
	Services        map[string]Factor `json:"services"`
	StandardInTiers []string          `json:"standard_in_tiers"`
}

type fileBase struct {
	Package string            `json:"package"`
	Version string            `json:"version"`
	Date    string            `json:"date"`
	Rows    []fileRow         `json:"rows"`
	Aliases map[string]string `json:"aliases"`
}

type fileRates struct {
	Input        *Rate `json:"input"`
	Output       *Rate `json:"output"`
	CacheRead    *Rate `json:"cache_read"`
	CacheWrite5m *Rate `json:"cache_write_5m"`
	CacheWrite1h *Rate `json:"cache_write_1h"`
}

type fileRow struct {
	Vendor    string `json:"vendor"`
	Model     string `json:"model"`
	ValidFrom string `json:"valid_from"`
	ValidTo   string `json:"valid_to"`
	UTCOffset string `json:"utc_offset"`
	Free      bool   `json:"free"`
	fileRates
	Tiers     []fileTier        `json:"tiers"`
	Windows   []fileWindow      `json:"windows"`
	Services  map[string]Factor `json:"services"`
	Source    string            `json:"source"`
	CheckedOn string            `json:"checked_on"`
}

type fileTier struct {
	Above *int64 `json:"above"` // the prompt is longer than this
	From  *int64 `json:"from"`  // the prompt is as long as this, or longer
	fileRates
}

type fileWindow struct {
	Start         string `json:"start"`
	End           string `json:"end"`
	WeekdaysSince string `json:"weekdays_since"`
	WeekdayOffset string `json:"weekday_offset"`
	fileRates
}

// decode reads exactly one JSON document of the form of a file.
func decode(data []byte) (f file, err error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&f); err != nil {
		return f, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return f, errors.New("there is more behind the table")
	}
	return f, nil
}

// rates checks the prices of one row, tier or window.
func (f fileRates) rates(free bool) (r rates, err error) {
	if f.Input == nil || f.Output == nil {
		return r, errors.New("input and output must have a price")
	}
	r = rates{input: *f.Input, output: *f.Output, read: absent, write5m: absent, write1h: absent}
	for _, c := range []struct {
		name string
		from *Rate
		to   *Rate
	}{
		{"input", f.Input, &r.input}, {"output", f.Output, &r.output}, {"cache_read", f.CacheRead, &r.read},
		{"cache_write_5m", f.CacheWrite5m, &r.write5m}, {"cache_write_1h", f.CacheWrite1h, &r.write1h},
	} {
		if c.from == nil {
			continue
		}
		*c.to = *c.from
		if *c.from == 0 && !free {
			return r, fmt.Errorf("%s is 0, but the row is not marked free", c.name)
		}
	}
	if r.read > r.input || r.input > r.output {
		return r, fmt.Errorf("cache_read, input, output are %s, %s, %s: they must not fall", r.read, r.input, r.output)
	}
	if r.write5m != absent && r.write1h != absent && r.write1h < r.write5m {
		return r, errors.New("an hour in the cache is cheaper than five minutes")
	}
	return r, nil
}

// row checks a row of the file and gives it the form that prices are looked up in.
func (f *fileRow) row(v *vendor) (r row, err error) {
	r = row{vendor: v, model: f.Model, source: f.Source, checked: f.CheckedOn, validFrom: f.ValidFrom, validTo: f.ValidTo}
	zone, err := parseOffset(f.UTCOffset)
	if err != nil {
		return r, err
	}
	if f.ValidFrom != "" {
		day, err := parseDay(f.ValidFrom, zone)
		if err != nil {
			return r, err
		}
		r.from = usage.MillisOf(day)
	}
	r.until = forever
	if f.ValidTo != "" {
		day, err := parseDay(f.ValidTo, zone)
		if err != nil {
			return r, err
		}
		r.until = usage.MillisOf(day.AddDate(0, 0, 1))
	}
	if r.until <= r.from {
		return r, fmt.Errorf("it ends on %s, before it begins on %s", f.ValidTo, f.ValidFrom)
	}
	if r.rates, err = f.fileRates.rates(f.Free); err != nil {
		return r, err
	}
	if _, err := time.Parse(time.DateOnly, f.CheckedOn); err != nil {
		return r, fmt.Errorf("checked_on %q is not a day", f.CheckedOn)
	}
	for _, t := range f.Tiers {
		next := tier{}
		switch {
		case t.Above != nil && t.From == nil:
			next.from = *t.Above + 1
		case t.From != nil && t.Above == nil:
			next.from, next.inclusive = *t.From, true
		default:
			return r, errors.New("a tier needs one of above and from")
		}
		if next.from <= 1 || len(r.tiers) > 0 && next.from <= r.tiers[len(r.tiers)-1].from {
			return r, errors.New("thresholds of tiers must be positive and rise")
		}
		if next.rates, err = t.rates(f.Free); err != nil {
			return r, fmt.Errorf("tier: %w", err)
		}
		r.tiers = append(r.tiers, next)
	}
	for _, w := range f.Windows {
		next, err := w.window(f.Free)
		if err != nil {
			return r, fmt.Errorf("window: %w", err)
		}
		r.windows = append(r.windows, next)
	}
	if len(r.tiers) > 0 && len(r.windows) > 0 {
		return r, errors.New("tiers and windows together have no meaning")
	}
	r.services, err = mergeServices(v.services, f.Services)
	if err != nil {
		return r, err
	}
	if v.writesAsInput {
		r.eachRates(func(r *rates) {
			if r.write5m == absent && r.write1h == absent {
				r.write5m, r.write1h = r.input, r.input
			}
		})
	}
	id, err := json.Marshal(struct {
		Row    *fileRow
		Vendor fileVendor
	}{f, v.file})
	if err != nil {
		return r, err
	}
	r.id = rowID("", f.Model, f.ValidFrom, id)
	return r, nil
}

func (f *fileWindow) window(free bool) (w window, err error) {
	if w.start, err = parseMinute(f.Start); err != nil {
		return w, err
	}
	if w.end, err = parseMinute(f.End); err != nil {
		return w, err
	}
	if w.start >= w.end {
		return w, fmt.Errorf("%s is not before %s", f.Start, f.End)
	}
	if f.WeekdaysSince != "" {
		if w.offset, err = parseOffset(f.WeekdayOffset); err != nil {
			return w, err
		}
		since, err := parseDay(f.WeekdaysSince, w.offset)
		if err != nil {
			return w, err
		}
		w.weekdaysSince = usage.MillisOf(since)
	}
	w.rates, err = f.fileRates.rates(free)
	return w, err
}

// parseDay gives the first instant of a day.
func parseDay(text string, zone time.Duration) (time.Time, error) {
	day, err := time.Parse(time.DateOnly, text)
	if err != nil || day.Year() < 2000 || day.Year() > 2200 {
		return day, fmt.Errorf("%q is not a day between 2000-01-01 and 2200-12-31", text)
	}
	return day.Add(-zone), nil
}

// parseOffset reads "+08:00"; nothing is UTC.
func parseOffset(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	at, err := time.Parse("-07:00", text)
	if err != nil {
		return 0, fmt.Errorf("%q is not a distance from UTC like +08:00", text)
	}
	_, seconds := at.Zone()
	return time.Duration(seconds) * time.Second, nil
}

// parseMinute reads "HH:MM" as minutes of the day; "24:00" is its end.
func parseMinute(text string) (int, error) {
	if text == "24:00" {
		return 24 * 60, nil
	}
	hour, minute, ok := strings.Cut(text, ":")
	h, err := strconv.Atoi(hour)
	m, err2 := strconv.Atoi(minute)
	if !ok || len(text) != 5 || err != nil || err2 != nil || h < 0 || h > 23 || m < 0 || m > 59 {
		return 0, fmt.Errorf("%q is not a time of the day", text)
	}
	return h*60 + m, nil
}
