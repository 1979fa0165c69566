package agent

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// slowQuotes is quotesOf, byte by byte.
func slowQuotes(text []byte) (quotes []int, ok bool) {
	for at := 0; at < len(text); at++ {
		switch text[at] {
		case '\\':
			return nil, false
		case '"':
			end, ok := validString(text, at)
			if !ok {
				return nil, false
			}
			quotes = append(quotes, at, end-1)
			at = end - 1
		}
	}
	return quotes, true
}

func checkQuotes(t *testing.T, text []byte) {
	if !canClassify || len(text) == 0 {
		return
	}
	want, wantOK := slowQuotes(text)
	// What lay in the room before must not show.
	room := slices.Repeat([]uint64{^uint64(0)}, len(text)/64+1)
	words, ok := quotesOf(text, room)
	if ok != wantOK {
		t.Fatalf("%q: found good %v, want %v", text, ok, wantOK)
	}
	if !ok {
		return
	}
	var got []int
	for at := range text {
		if words[at/64]>>(at%64)&1 != 0 {
			got = append(got, at)
		}
	}
	if !slices.Equal(got, want) || len(words) != (len(text)+63)/64 {
		t.Fatalf("%q: quotes at %v, want %v", text, got, want)
	}
	for i := 0; i < len(want); i += 2 {
		if end := nextQuote(words, want[i]+1); end != want[i+1]+1 {
			t.Fatalf("%q: the string at %d ends at %d, want %d", text, want[i], end, want[i+1]+1)
		}
	}
}

// TestQuotes puts what can go wrong at each place of a block and across its end.
func TestQuotes(t *testing.T) {
	if !canClassify {
		t.Skip("this processor finds strings one by one")
	}
	for _, part := range []string{
		`""`, `"\""`, `"\\"`, `"\\\""`, `"\\\\"`, `"a`, `\"a"`, `"\q"`, `"\u12aB"`, `"\u12g4"`, `"\u123"`, `"\u`, `"\ud83d\ude80"`, "\"\x1f\"", "\x1f", "\"\x00\"",
		"\"\x7f\xff\x80\"", `"` + strings.Repeat(`\\`, 70) + `"`, `"` + strings.Repeat(`\`, 131) + `"`, `"` + strings.Repeat(`\"`, 64) + `"`, `"\b\f\n\r\t\/"`,
		`"` + strings.Repeat("x", 200) + `"`, `{"a":"b","c":["d"]}`, "\"\xe2\x80\x9c\"", `"\`,
	} {
		for before := range 130 {
			for _, after := range []int{0, 1, 63, 64, 65} {
				text := slices.Concat(bytes.Repeat([]byte("x"), before), []byte(part), bytes.Repeat([]byte("y"), after))
				checkQuotes(t, text)
			}
		}
	}
	// Each byte inside of a string, outside and behind a backslash.
	for c := range 256 {
		for _, text := range []string{"\"" + string([]byte{byte(c)}) + "\"", string([]byte{byte(c)}), "\"\\" + string([]byte{byte(c)}) + "1234\""} {
			checkQuotes(t, []byte(strings.Repeat(" ", 61)+text))
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		text := make([]byte, random.IntN(400))
		for i := range text {
			text[i] = `"\u0aFn  xyz{}:,xyz{}xyz`[random.IntN(24)]
		}
		checkQuotes(t, text)
		// Most of those are damaged early; here is one that is not.
		checkQuotes(t, append(append([]byte(`"`), bytes.ReplaceAll(bytes.ReplaceAll(text, []byte(`\`), []byte(`\\`)), []byte(`"`), []byte(`\"`))...), '"'))
	}
}

func FuzzQuotes(f *testing.F) {
	for _, text := range scannerTexts {
		f.Add([]byte(text))
		f.Add([]byte(strings.Repeat(" ", 57) + text))
	}
	f.Fuzz(checkQuotes)
}

func BenchmarkQuotes(b *testing.B) {
	if !canClassify {
		b.Skip("this processor finds strings one by one")
	}
	text := claudeLines(8 << 20)
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	var room []uint64
	for b.Loop() {
		for _, line := range lines {
			var ok bool
			if room, ok = quotesOf(line, room); !ok {
				b.Fatal("a good line is called damaged")
			}
		}
	}
}
