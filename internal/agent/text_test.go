package agent

import (
	"bytes"
	"encoding/json"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"tokenmeter/internal/usage"
)

var timeForm = regexp.MustCompile(`^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:)(\d\d)(?:[.,](\d+))?([Zz]|[+-]\d\d:?\d\d)?$`)

// parsedTime is ParseTime over the time package.
func parsedTime(text string) (usage.Millis, bool) {
	part := timeForm.FindStringSubmatch(text)
	if part == nil {
		return 0, false
	}
	leap := int64(0)
	if part[3] == "60" && strings.HasSuffix(part[2], "59:") {
		part[3], leap = "59", 1000
	}
	zone := strings.ToUpper(part[5])
	if zone == "" {
		zone = "Z"
	}
	if len(zone) == 5 {
		zone = zone[:3] + ":" + zone[3:]
	}
	if len(zone) == 6 && (zone[1:3] > "23" || zone[4:6] > "59") { // package time takes 24:00 too
		return 0, false
	}
	at, err := time.Parse(time.RFC3339, part[1]+"T"+part[2]+part[3]+zone)
	if err != nil {
		return 0, false
	}
	thousandths, _ := strconv.ParseInt((part[4] + "000")[:3], 10, 64)
	millis := at.UnixMilli() + leap + thousandths
	if millis <= 0 {
		return 0, false
	}
	return usage.Millis(millis), true
}

func FuzzParseTime(f *testing.F) {
	for _, text := range []string{
		"2031-04-02T08:15:30.123Z", "2031-04-02 08:15:30", "2031-04-02t08:15:30z", "2031-04-02T08:15:30,5-0530", "2016-12-31T23:59:60Z",
		"0000-01-01T00:00:00Z", "1970-01-01T00:00:00.001Z", "2031-02-29T00:00:00Z", "9999-12-31T23:59:59.9999+23:59", "2031-04-02T08:15:30+24:00",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		want, wantOK := parsedTime(string(text))
		got, ok := ParseTime(text)
		if got != want || ok != wantOK {
			t.Fatalf("%q: want %d, %v, got %d, %v", text, want, wantOK, got, ok)
		}
	})
}

func FuzzTimeOfNumber(f *testing.F) {
	for _, n := range []float64{1932884130, 1932884130.25, 1932884130123, 1932884130123456, 1e17, 1e11, 1e14, 1e-9, -1, 0.001, math.MaxFloat64, math.Inf(1), math.NaN()} {
		f.Add(math.Float64bits(n))
	}
	f.Fuzz(func(t *testing.T, bits uint64) {
		n := math.Float64frombits(bits)
		got, ok := TimeOfNumber(n)
		if !ok {
			if n >= 1 && n < 1e17 {
				t.Fatalf("%g: refused", n)
			}
			return
		}
		// Whatever the unit, the moment is in 1970 to 5138.
		if !(n > 0) || got < 1 || got > 100_000_000_000_000 {
			t.Fatalf("%g: %d", n, got)
		}
	})
}

// FuzzNumber compares what is read of a number with exact arithmetic.
func FuzzNumber(f *testing.F) {
	for _, text := range []string{`0`, `-0`, `7`, `12.0`, `12.5`, `1e3`, `1E+2`, `100e-2`, `1e-400`, `1e400`, `9223372036854775807`, `9223372036854775808`, `1099511627775.0`, `1099511627776`, `0.00000012e7`, `00`, `1.`, `"7"`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if Valid(text) != nil || len(text) > 1000 {
			return
		}
		read := func() *Scanner {
			s := &Scanner{}
			s.Reset(text)
			return s
		}
		n, ok := read().Int()
		count := read().Count()
		float, floatOK := read().Float()
		number := json.Number(strings.Trim(string(text), " \t\r\n"))
		want, err := strconv.ParseFloat(string(number), 64)
		isNumber := strings.ContainsAny(string(number[:1]), "-0123456789")
		if floatOK != (isNumber && err == nil) || floatOK && float != want {
			t.Fatalf("%s: want %g, %v, got %g, %v", text, want, err, float, floatOK)
		}
		if !isNumber || number[0] == '-' {
			if ok || n != 0 || count != 0 {
				t.Fatalf("%s: %d, %v, as a count %d", text, n, ok, count)
			}
			return
		}
		if exponent := number[max(0, bytes.IndexAny([]byte(number), "eE")):]; len(exponent) > 6 && len(exponent) < len(number) {
			return // too much for exact arithmetic
		}
		exact, _ := new(big.Rat).SetString(string(number))
		if !exact.IsInt() {
			if ok || n != 0 || count != 0 {
				t.Fatalf("%s: %d, %v, as a count %d", text, n, ok, count)
			}
			return
		}
		greatest := int64(math.MaxInt64)
		if exact.Num().IsInt64() {
			greatest = exact.Num().Int64()
		}
		if !ok || n != greatest {
			t.Fatalf("%s: %d, %v", text, n, ok)
		}
		if greatest > MaxCount {
			greatest = 0
		}
		if count != greatest {
			t.Fatalf("%s: as a count %d, want %d", text, count, greatest)
		}
	})
}

// FuzzRepair glues the stub of one text to another. Whatever they are, what is found is
// whole, in order, where it is said to be, and nothing twice.
func FuzzRepair(f *testing.F) {
	record := `{"type":"assistant","message":{"usage":{"output_tokens":5}}}`
	for _, stub := range []string{``, `{`, `{"a`, `{"a":"te`, `{"a":{"b":[1,2`, `{"a":1}`, `junk`, `[`, `{"a":"\`} {
		f.Add([]byte(stub), []byte(record), uint8(len(stub)))
	}
	f.Add([]byte(strings.Repeat(`{"a":`, 2000)), []byte(record), uint8(0))
	f.Fuzz(func(t *testing.T, stub, record []byte, cut uint8) {
		stub = stub[:len(stub)-min(len(stub), int(cut))]
		line := append(bytes.Clone(stub), record...)
		behind, steps := 0, 0
		lastFound := -1
		Repair(line, func(object []byte, at int) {
			steps++
			switch {
			case Valid(object) != nil || object[0] != '{':
				t.Fatalf("%q: no object: %q", line, object)
			case at < behind || at+len(object) > len(line) || !bytes.Equal(line[at:at+len(object)], object):
				t.Fatalf("%q: %q is not at %d, or stands before %d", line, object, at, behind)
			}
			behind, lastFound = at+len(object), at
		})
		if steps > len(line)/2 {
			t.Fatalf("%q: %d objects", line, steps)
		}
		// A record that is whole and stands behind another that is whole is always found.
		if Valid(stub) == nil && Valid(record) == nil && bytes.HasPrefix(stub, []byte(`{"`)) && bytes.HasPrefix(record, []byte(`{"`)) && lastFound != len(stub) {
			t.Fatalf("%q + %q: the last object found is at %d", stub, record, lastFound)
		}
	})
}
