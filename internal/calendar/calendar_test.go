package calendar_test

import (
	"testing"
	"time"

	"tokenmeter/internal/calendar"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func moment(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestDayStart(t *testing.T) {
	for name, c := range map[string]struct {
		zone  string
		year  int
		month time.Month
		day   int
		want  string // UTC
	}{
		"plain":                           {"UTC", 2026, 11, 20, "2026-11-20T00:00:00Z"},
		"half an hour off":                {"Asia/Kolkata", 2026, 11, 20, "2026-11-19T18:30:00Z"},
		"clocks leap later that day":      {"Europe/Berlin", 2026, 3, 29, "2026-03-28T23:00:00Z"},
		"the day after the leap":          {"Europe/Berlin", 2026, 3, 30, "2026-03-29T22:00:00Z"},
		"clocks fall back later that day": {"Europe/Berlin", 2026, 10, 25, "2026-10-24T22:00:00Z"},
		"midnight does not exist":         {"America/Sao_Paulo", 2018, 11, 4, "2018-11-04T03:00:00Z"},
		"midnight comes twice":            {"America/Havana", 2026, 11, 1, "2026-11-01T04:00:00Z"},
		"the evening before comes twice":  {"America/Sao_Paulo", 2018, 2, 18, "2018-02-18T03:00:00Z"},
		"a date that never was":           {"Pacific/Apia", 2011, 12, 30, "2011-12-30T10:00:00Z"},
		"the day after it":                {"Pacific/Apia", 2011, 12, 31, "2011-12-30T10:00:00Z"},
		"day 0 is the last month's last":  {"UTC", 2026, 3, 0, "2026-02-28T00:00:00Z"},
		"half an hour of daylight saving": {"Australia/Lord_Howe", 2026, 4, 5, "2026-04-04T13:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			got := calendar.DayStart(c.year, c.month, c.day, zone(t, c.zone)).UTC().Format(time.RFC3339)
			if got != c.want {
				t.Errorf("starts %s, want %s", got, c.want)
			}
		})
	}
}

func TestSpans(t *testing.T) {
	cycle := func(day int) func(time.Time, *time.Location) calendar.Span {
		return func(t time.Time, z *time.Location) calendar.Span { return calendar.Cycle(t, day, z) }
	}
	for name, c := range map[string]struct {
		of         func(time.Time, *time.Location) calendar.Span
		zone, at   string
		start, end string // UTC
	}{
		"a plain cycle":                              {cycle(10), "UTC", "2026-11-20T12:00:00Z", "2026-11-10T00:00:00Z", "2026-12-10T00:00:00Z"},
		"the day before the renewal":                 {cycle(21), "UTC", "2026-11-20T23:59:59Z", "2026-10-21T00:00:00Z", "2026-11-21T00:00:00Z"},
		"the first instant of the renewal":           {cycle(20), "UTC", "2026-11-20T00:00:00Z", "2026-11-20T00:00:00Z", "2026-12-20T00:00:00Z"},
		"it is the renewal day only where one lives": {cycle(20), "Asia/Tokyo", "2026-11-19T15:00:00Z", "2026-11-19T15:00:00Z", "2026-12-19T15:00:00Z"},
		"the 31st in a month of 30 days":             {cycle(31), "UTC", "2026-11-30T01:00:00Z", "2026-11-30T00:00:00Z", "2026-12-31T00:00:00Z"},
		"the 31st in February":                       {cycle(31), "UTC", "2026-02-27T01:00:00Z", "2026-01-31T00:00:00Z", "2026-02-28T00:00:00Z"},
		"the 30th in a leap year's February":         {cycle(30), "UTC", "2028-02-29T01:00:00Z", "2028-02-29T00:00:00Z", "2028-03-30T00:00:00Z"},
		"over the end of the year":                   {cycle(15), "UTC", "2027-01-03T01:00:00Z", "2026-12-15T00:00:00Z", "2027-01-15T00:00:00Z"},
		"the clock falls back in it":                 {cycle(20), "Europe/Berlin", "2026-10-30T01:00:00Z", "2026-10-19T22:00:00Z", "2026-11-19T23:00:00Z"},
		"the renewal day has no midnight":            {cycle(4), "America/Sao_Paulo", "2018-11-04T03:00:00Z", "2018-11-04T03:00:00Z", "2018-12-04T02:00:00Z"},
		"a renewal day that never was":               {cycle(30), "Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z", "2012-01-29T10:00:00Z"},
		"no renewal day":                             {cycle(0), "UTC", "2026-11-20T12:00:00Z", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"},
		"a renewal day beyond all months":            {cycle(99), "UTC", "2026-12-31T12:00:00Z", "2026-12-31T00:00:00Z", "2027-01-31T00:00:00Z"},
		"a month":                                    {calendar.Month, "UTC", "2026-02-28T23:59:59Z", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"},
		"a week on its Monday":                       {calendar.Week, "UTC", "2026-11-23T00:00:00Z", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"},
		"a week on its Sunday":                       {calendar.Week, "UTC", "2026-11-22T23:59:59Z", "2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z"},
		"a week with 169 hours":                      {calendar.Week, "Europe/Berlin", "2026-10-22T12:00:00Z", "2026-10-18T22:00:00Z", "2026-10-25T23:00:00Z"},
		"a day with 23 hours":                        {calendar.Day, "Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			at := moment(t, c.at)
			got := c.of(at, zone(t, c.zone))
			if start, end := got.Start.UTC().Format(time.RFC3339), got.End.UTC().Format(time.RFC3339); start != c.start || end != c.end {
				t.Errorf("%s to %s, want %s to %s", start, end, c.start, c.end)
			}
			if !got.Holds(at) || got.Holds(got.End) {
				t.Errorf("%v does not hold what it should", got)
			}
		})
	}
}

// TestSpansFillTime walks years in zones with every oddity: each span begins where the last
// one ended, holds its own first instant and not its end, and any moment within gives it again.
func TestSpansFillTime(t *testing.T) {
	kinds := map[string]func(time.Time, *time.Location) calendar.Span{"day": calendar.Day, "week": calendar.Week, "month": calendar.Month}
	for day := 1; day <= 31; day++ {
		kinds["cycle of day "+time.Date(2000, 1, day, 0, 0, 0, 0, time.UTC).Format("2")] = func(t time.Time, z *time.Location) calendar.Span {
			return calendar.Cycle(t, day, z)
		}
	}
	for _, name := range []string{
		"UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "America/Havana", "Australia/Lord_Howe", "Asia/Kolkata",
		"Asia/Kathmandu", "Pacific/Apia", "Pacific/Kiritimati", "Africa/Casablanca", "Asia/Beirut", "America/St_Johns",
	} {
		z := zone(t, name)
		for kind, of := range kinds {
			span := of(time.Date(2010, 12, 17, 3, 0, 0, 0, time.UTC), z)
			for span.Start.Year() < 2019 {
				if !span.Start.Before(span.End) {
					t.Fatalf("%s in %s: %v is empty", kind, name, span)
				}
				length := span.End.Sub(span.Start)
				for _, inside := range []time.Time{span.Start, span.Start.Add(length / 3), span.End.Add(-1)} {
					if got := of(inside, z); !got.Start.Equal(span.Start) || !got.End.Equal(span.End) {
						t.Fatalf("%s in %s: %v lies in %v and in %v", kind, name, inside, span, got)
					}
				}
				next := of(span.End, z)
				if !next.Start.Equal(span.End) {
					t.Fatalf("%s in %s: after %v comes %v", kind, name, span, next)
				}
				span = next
			}
		}
	}
}
