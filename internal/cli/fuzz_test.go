package cli

import (
	"strings"
	"testing"
	"time"
)

// FuzzDate reads any words as a date, in zones whose days are not all of 24 hours.
func FuzzDate(f *testing.F) {
	for _, text := range []string{"2026-11-20", "20261120", "today", "YESTERDAY", "2026-11-20T14:00:00Z", "2026-11-20 14:00:00+02:00", "2011-12-30", "0000-01-01", "9999-12-31", "2026-02-30", "", "-1"} {
		f.Add(text, int64(1_932_884_130))
	}
	var zones []*time.Location
	for _, name := range []string{"UTC", "America/Santiago", "Australia/Lord_Howe", "Pacific/Apia"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			f.Fatal(err)
		}
		zones = append(zones, zone)
	}
	f.Fuzz(func(t *testing.T, text string, seconds int64) {
		now := time.Unix(seconds&(1<<36-1), 0)
		for _, zone := range zones {
			first, after, err := parseDate(text, now, zone)
			if err != nil {
				if !strings.Contains(err.Error(), "is not a date") {
					t.Fatalf("%q: %v", text, err)
				}
				continue
			}
			if length := after.Sub(first); length < 0 || length > 25*time.Hour {
				t.Fatalf("%q in %s: from %s to %s", text, zone, first, after)
			}
			// The date that was meant lies in it, unless the zone left that day out.
			if day, err := time.Parse("2006-01-02", text); err == nil && after.After(first) {
				if got := first.In(zone).Format("2006-01-02"); got != day.Format("2006-01-02") {
					t.Fatalf("%q in %s begins on %s", text, zone, got)
				}
			}
		}
	})
}

// FuzzBy reads any list of words for --by: the answer has each once, in the fixed order, and
// says the same when it is given again.
func FuzzBy(f *testing.F) {
	for _, text := range []string{"day", "agent,model", "model,agent,model", "hour,day", "", ",", " day", "DAY", "week,session,project"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		by, err := parseBy(strings.Split(text, ","))
		if err != nil {
			return
		}
		var words []string
		place := -1
		for _, d := range by {
			at := -1
			for i, known := range allDimensions() {
				if known == d {
					at = i
				}
			}
			if at <= place || !strings.Contains(strings.ToLower(text), string(d)) {
				t.Fatalf("%q: %v", text, by)
			}
			place = at
			words = append(words, string(d))
		}
		again, err := parseBy(words)
		if err != nil || len(again) != len(by) {
			t.Fatalf("%q: %v, again %v, %v", text, by, again, err)
		}
	})
}
