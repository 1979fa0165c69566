package settings

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"tokenmeter/internal/usage"
)

func seeds(f *testing.F) {
	for _, text := range []string{
		explained, "", "a.b.c = 1\n[a.d]\n", "[[a]]\nb=[{c=1},\n# x\n{c=2,}]\n[a.d]\n[[a]]\n[[a.e]]\n", "\ufeffx='''\n]''''' # y\r\n",
		"\"\\\"]\" . 'b' = \"\"\"\\\"\"\"\"\n", "x = 1979-05-27 07:32:00 # z\ny = [ 1, nan, -inf, 0x1f ]\nz={}\nw=[]\n",
		"prices.override=[{model=\"m\",input=1,output=0.5}]\nprices.map.\"a\"=\"b\"\n", "[prices]\nrefresh=true\nurl=\"https://a.b\"\n[[prices.override]]\nmodel=\"m\"\nfrom=2026-01-01\ninput=1_0\noutput=\"2\"",
		"a={b={c=[[1],[2,{d=1}]]},}\n",
	} {
		f.Add(text)
	}
}

// FuzzRead hands any text to the reader. What the library accepts, the scanner must see in
// the same way, and each line that a warning names must be there.
func FuzzRead(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > largestFile {
			return
		}
		s, warnings, err := read(text)
		for _, w := range warnings {
			if w.Line < 1 || w.Line > lineAt(text, len(text)) || !strings.HasPrefix(w.Text, w.Key+" ") {
				t.Errorf("%q: %+v", text, w)
			}
		}
		doc, parsed := parse(text)
		if (err == nil) != (parsed == nil) {
			t.Fatalf("%q: %v, %v", text, err, parsed)
		}
		if err == nil && !doc.sure {
			t.Errorf("%q: the scanner sees something else than %v", text, doc.tree)
		}
		for _, o := range s.Prices.Overrides {
			if !isName(o.Model) || o.Input < 0 || o.Output < 0 || !o.Free && o.Input == 0 {
				t.Errorf("%q: %+v", text, o)
			}
		}
		if s.Currency.Rate <= 0 || s.Currency.Fetched && !s.Prices.Refresh {
			t.Errorf("%q: %+v", text, s.Currency)
		}
	})
}

// FuzzEdit changes any file. A change either takes and shows, with every other value and
// every comment as before, or is refused.
func FuzzEdit(f *testing.F) {
	for i, text := range []string{explained, "", "[prices]\nx=1", "prices.a.b=1 # c", "[[prices.override]]\nmodel='m'\ninput=1\noutput=2\n#x\nq.r=1\n[prices.override.z]\ny=1\n", "[prices.map]\nm='x'#y\n"} {
		f.Add(text, uint8(i), "m", "2026-01-01")
	}
	f.Fuzz(func(t *testing.T, text string, which uint8, word, other string) {
		if len(text) > largestFile {
			return
		}
		doc, err := parse(text)
		if err != nil {
			return
		}
		long := usage.Rate(7_000_001)
		o := Override{Model: word, From: other, Input: 5, Output: 6, CacheWrite1h: &long, Note: other}
		changes := []Change{
			SetRefresh(true), SetURL(word), SetCurrency(word, other, false), PutOverride(o), RemoveOverride(word, other),
			RemoveOverride(word, ""), PutMapping(word, other), RemoveMapping(word),
		}
		n := int(which) % len(changes)
		next, err := changed(text, changes[n:n+1])
		if err != nil {
			return
		}
		after, err := parse(next)
		if err != nil {
			t.Fatalf("%q became %q: %v", text, next, err)
		}
		s, _, err := read(next)
		if err != nil {
			t.Fatal(err)
		}
		shows := true
		switch n {
		case 0:
			shows = after.tree["prices"].(map[string]any)["refresh"] == true
		case 1:
			shows = s.Prices.URL == word
		case 3:
			shows = false
			for _, p := range s.Prices.Overrides {
				shows = shows || p.Model == word && p.From == other && p.Input == 5 && p.Output == 6 && p.CacheWrite1h != nil && *p.CacheWrite1h == long && p.Note == other
			}
		case 6:
			shows = s.Prices.Map[word] == other
		case 7:
			_, there := s.Prices.Map[word]
			shows = !there
		}
		if !shows {
			t.Errorf("%q became %q, where the change does not show: %+v", text, next, s)
		}
		// All other tables are as they were, and in prices and currency what was not asked for.
		rest := func(tree map[string]any, drop ...string) map[string]any {
			tree = maps.Clone(tree)
			for _, d := range drop {
				delete(tree, d)
			}
			return tree
		}
		if !same(rest(doc.tree, "prices", "currency"), rest(after.tree, "prices", "currency")) {
			t.Errorf("%q became %q", text, next)
		}
		old, _ := doc.tree["prices"].(map[string]any)
		now, _ := after.tree["prices"].(map[string]any)
		if !same(rest(old, "refresh", "url", "override", "map"), rest(now, "refresh", "url", "override", "map")) {
			t.Errorf("%q became %q", text, next)
		}
		// Whole lines of comment are all there, in their order.
		if fmt.Sprint(comments(doc)) != fmt.Sprint(comments(after)) {
			t.Errorf("%q became %q: comments went", text, next)
		}
	})
}

// comments are the lines outside of all statements.
func comments(d *document) []string {
	var b strings.Builder
	at := 0
	for _, it := range d.items {
		if !it.inline && it.start >= at {
			b.WriteString(d.text[at:it.start])
			b.WriteByte('\n')
			at = it.end
		}
	}
	b.WriteString(d.text[min(at, len(d.text)):])
	var all []string
	for line := range strings.SplitSeq(b.String(), "\n") {
		if line = strings.Trim(line, " \t\r\ufeff"); line != "" {
			all = append(all, line)
		}
	}
	return all
}
