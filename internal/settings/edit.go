package settings

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gofrs/flock"

	"tokenmeter/internal/usage"
)

// ErrStale is returned by Edit when the file is not the one that was loaded: someone has
// changed it since. Nothing was written; load again, look, and ask again.
var ErrStale = errors.New("the file was changed in the meantime; nothing was written")

const (
	lockName  = "settings.lock"
	lockWait  = 5 * time.Second
	lockRetry = 20 * time.Millisecond
)

// Change is one thing to change in the file. SetRefresh and its like make them.
type Change struct {
	apply func(*draft) error
}

// SetNetwork is the switch over everything that goes out.
func SetNetwork(on bool) Change { return set("network", "enabled", strconv.FormatBool(on)) }

// SetInquiry chooses whether the vendor of the agent with this id is asked for the current
// allowance, while the network is on.
func SetInquiry(agent string, on bool) Change {
	return Change{func(d *draft) error {
		if agent == "" {
			return errors.New("no agent is named")
		}
		return d.set(place("").name("network").name(agent), "enabled", strconv.FormatBool(on))
	}}
}

// SetRefresh switches the daily fetching of prices, while the network is on.
func SetRefresh(on bool) Change { return set("prices", "refresh", strconv.FormatBool(on)) }

// SetURL chooses where prices are fetched from; it must be https.
func SetURL(address string) Change { return set("prices", "url", quote(address)) }

// SetCurrency chooses what amounts are shown in, ISO code and units for a dollar as digits.
func SetCurrency(code, rate string, fetched bool) Change {
	return Change{func(d *draft) error {
		for _, v := range []struct{ key, value string }{
			{"code", quote(code)}, {"rate", quote(rate)}, {"fetched", strconv.FormatBool(fetched)},
		} {
			if err := d.set(place("").name("currency"), v.key, v.value); err != nil {
				return err
			}
		}
		return nil
	}}
}

// PutOverride enters a price, in place of the one with the same Model and From.
func PutOverride(o Override) Change { return Change{func(d *draft) error { return d.putOverride(o) }} }

// RemoveOverride removes the price with this identity; that there is none is an error.
func RemoveOverride(model, from string) Change {
	return Change{func(d *draft) error { return d.removeOverride(model, from) }}
}

// PutMapping prices a name of the logs as a model.
func PutMapping(name, model string) Change {
	return Change{func(d *draft) error {
		return d.set(place("").name("prices").name("map"), name, quote(model))
	}}
}

// RemoveMapping removes a mapping; that there is none is an error.
func RemoveMapping(name string) Change {
	return Change{func(d *draft) error {
		return d.remove(place("").name("prices").name("map"), name)
	}}
}

func set(table, key, value string) Change {
	return Change{func(d *draft) error { return d.set(place("").name(table), key, value) }}
}

// Edit changes the file at path, which must still be the one that loaded was read from; where
// there is none it is written with explanations. What is not asked for stays, byte by byte.
// With an error, nothing was changed. It waits at most 5 s for another writer, or until ctx
// ends.
func Edit(ctx context.Context, path string, loaded *Settings, changes ...Change) (Settings, []Warning, error) {
	fail := func(err error) (Settings, []Warning, error) {
		return *loaded, nil, fmt.Errorf("change %s: %w", FileName, err)
	}
	// The file may be a link into a folder of someone's own.
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		target = path
	}
	release, err := lock(ctx, filepath.Join(filepath.Dir(path), lockName))
	if err != nil {
		return fail(err)
	}
	defer release()
	text, print, err := readFile(target)
	if err != nil {
		return fail(err)
	}
	if print.there != loaded.print.there || print.content != loaded.print.content {
		return fail(ErrStale)
	}
	if !print.there {
		text = explained
	}
	next, err := changed(text, changes)
	if err != nil {
		return fail(err)
	}
	if print.there && next == text {
		s, warnings, err := read(text)
		s.print = print
		return s, warnings, err
	}
	if err := replace(target, next); err != nil {
		return fail(err)
	}
	return Load(path)
}

func lock(ctx context.Context, path string) (release func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	l := flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o600))
	if ok, err := l.TryLockContext(ctx, lockRetry); !ok {
		l.Close()
		if err == nil || errors.Is(err, context.DeadlineExceeded) {
			return nil, errors.New("another program is writing it; try again")
		}
		return nil, err
	}
	// The file stays: removing it would let two writers lock two files of one name.
	return func() { l.Close() }, nil
}

// replace writes the file in one step, readable by its owner only.
func replace(path, text string) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), ".settings-*") // made with mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(file.Name())
		}
	}()
	_, err = file.WriteString(text)
	if err == nil {
		err = file.Sync()
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return err
	}
	// The new name is made to last too, where the system can; the content already does.
	if dir, err := os.Open(filepath.Dir(path)); err == nil {
		_ = dir.Sync()
		dir.Close()
	}
	return nil
}

// changed applies changes to a text and sees to it that nothing else became different.
func changed(text string, changes []Change) (string, error) {
	doc, err := parse(text)
	if err != nil {
		return "", err
	}
	if v, ok := doc.tree["version"].(int64); ok && v > formatVersion {
		return "", fmt.Errorf("it has version %d, from a newer Tokenmeter", v)
	}
	if !doc.sure {
		return "", errors.New("its form is beyond what can be changed safely; change it in an editor")
	}
	_, before, err := read(text)
	if err != nil {
		return "", err
	}
	d := &draft{doc: doc}
	for _, c := range changes {
		if err := c.apply(d); err != nil {
			return "", err
		}
	}
	if len(d.doc.text) > largestFile {
		return "", fmt.Errorf("it would be larger than %d KiB", largestFile>>10)
	}
	_, after, err := read(d.doc.text)
	if err != nil {
		return "", err
	}
	// A value that would not be used is not entered.
	for _, w := range after {
		old := slices.IndexFunc(before, func(b Warning) bool { return b.Key == w.Key && b.Text == w.Text })
		if old < 0 {
			return "", errors.New(w.Text)
		}
		before = slices.Delete(before, old, old+1)
	}
	return d.doc.text, nil
}

// draft is a document on its way to another.
type draft struct{ doc *document }

// splice is a piece of text put in place of another.
type splice struct {
	from, to int
	text     string
}

// try makes splices, which must not overlap, and keeps the result if it decodes to want.
func (d *draft) try(want map[string]any, splices ...splice) bool {
	slices.SortFunc(splices, func(a, b splice) int { return b.from - a.from })
	text := d.doc.text
	for _, s := range splices {
		text = text[:s.from] + s.text + text[s.to:]
	}
	next, err := parse(text)
	if err != nil || !next.sure || !same(next.tree, want) {
		return false
	}
	d.doc = next
	return true
}

// lineEnd is what ends the lines of the file.
func (d *draft) lineEnd() string {
	if n := strings.IndexByte(d.doc.text, '\n'); n > 0 && d.doc.text[n-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

// after is a new line of text at a place between lines.
func (d *draft) after(at int, text string) splice {
	if at > 0 && d.doc.text[at-1] != '\n' && d.doc.text[:at] != "\ufeff" {
		return splice{at, at, d.lineEnd() + text + d.lineEnd()}
	}
	return splice{at, at, text + d.lineEnd()}
}

// set gives a key of a table another value, in the words of the file format.
func (d *draft) set(p place, key, value string) error {
	decoded, err := parse("value = " + value)
	if err != nil {
		return fmt.Errorf("%s cannot be written: %w", key, err)
	}
	want, ok := with(d.doc.tree, p.steps(), key, decoded.tree["value"], true)
	if !ok {
		return fmt.Errorf("%s is not a table in the file; change it in an editor", p)
	}
	if same(d.doc.tree, want) {
		return nil
	}
	if it := d.doc.find(p.name(key)); it != nil {
		if d.try(want, splice{it.from, it.to, value}) {
			return nil
		}
		return fmt.Errorf("%s cannot be changed safely; change it in an editor", key)
	}
	line := bareOrQuoted(key) + " = " + value
	if head := d.doc.head(p); head != nil {
		at, indent := head.end, d.indent(head)
		for _, it := range d.doc.items {
			if it.section == p && !it.header && !it.inline {
				at, indent = it.end, d.indent(&it)
			}
		}
		if d.try(want, d.after(at, indent+line)) {
			return nil
		}
	}
	// A table without a header may be made of dotted keys, after the last of which one more fits.
	for _, it := range slices.Backward(d.doc.items) {
		if it.inline || it.header || it.place == p || !it.place.within(p) {
			continue
		}
		rest, _ := strings.CutPrefix(string(p), string(it.section))
		dotted := d.indent(&it) + dottedKey(place(rest).steps()) + line
		if d.try(want, d.after(it.end, dotted)) {
			return nil
		}
	}
	if d.try(want, d.after(len(d.doc.text), d.lineEnd()+"["+strings.TrimSuffix(dottedKey(p.steps()), ".")+"]"+d.lineEnd()+line)) {
		return nil
	}
	return fmt.Errorf("there is no safe place for %s; add it in an editor", key)
}

// remove takes a key of a table away, with its line.
func (d *draft) remove(p place, key string) error {
	it := d.doc.find(p.name(key))
	if it == nil {
		return fmt.Errorf("there is no %s", shown(key))
	}
	want, ok := with(d.doc.tree, p.steps(), key, nil, false)
	if !ok || it.inline || !d.try(want, splice{it.start, it.end, ""}) {
		// An inline or dotted table that becomes empty may be gone altogether.
		return fmt.Errorf("%s cannot be removed safely; remove it in an editor", shown(key))
	}
	return nil
}

func (d *draft) indent(it *item) string {
	line := d.doc.text[it.start:]
	return line[:len(line)-len(strings.TrimLeft(line, " \t"))]
}

func overridesPlace() place { return place("").name("prices").name("override") }

// override finds the entry with an identity, -1 if there is none.
func (d *draft) override(model, from string) int {
	prices, _ := d.doc.tree["prices"].(map[string]any)
	for i, v := range list(prices["override"]) {
		values, _ := v.(map[string]any)
		// What is wrong elsewhere with an entry does not matter to who it is.
		r := &reader{doc: d.doc}
		t := table{reader: r, place: overridesPlace().at(i), values: values}
		if name, _ := values["model"].(string); name == model && t.day("from") == from {
			return i
		}
	}
	return -1
}

// field is a key of an override with its value in the words of the format, "" = none.
type field struct{ key, value string }

func (o *Override) fields() []field {
	text := func(s string) string {
		if s == "" {
			return ""
		}
		return quote(s)
	}
	rate := func(r *usage.Rate) string {
		if r == nil {
			return ""
		}
		return r.String()
	}
	free := ""
	if o.Free {
		free = "true"
	}
	return []field{
		{"model", quote(o.Model)}, {"from", o.From}, {"until", o.Until}, {"input", o.Input.String()}, {"output", o.Output.String()},
		{"cache_read", rate(o.CacheRead)}, {"cache_write_5m", rate(o.CacheWrite5m)}, {"cache_write_1h", rate(o.CacheWrite1h)},
		{"free", free}, {"note", text(o.Note)},
	}
}

func (d *draft) putOverride(o Override) error {
	for _, day := range []string{o.From, o.Until} {
		if _, err := time.Parse(time.DateOnly, day); err != nil && day != "" {
			return fmt.Errorf("%s is not a day like 2026-11-24", shown(day))
		}
	}
	if i := d.override(o.Model, o.From); i >= 0 {
		p := overridesPlace().at(i)
		for _, f := range o.fields() {
			var err error
			switch old := d.doc.find(p.name(f.key)); {
			case f.key == "model" || f.key == "from": // found by these
			case f.value != "":
				err = d.set(p, f.key, f.value)
			case old != nil:
				err = d.remove(p, f.key)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	var lines, parts []string
	for _, f := range o.fields() {
		if f.value != "" {
			lines = append(lines, f.key+" = "+f.value)
			parts = append(parts, f.key+" = "+f.value)
		}
	}
	inline := "{ " + strings.Join(parts, ", ") + " }"
	decoded, err := parse("value = " + inline)
	if err != nil {
		return fmt.Errorf("the price cannot be written: %w", err)
	}
	prices, _ := d.doc.tree["prices"].(map[string]any)
	old, there := prices["override"]
	entries := list(old)
	if there && entries == nil {
		return errors.New("prices.override is not a list of tables; change it in an editor")
	}
	want, ok := with(d.doc.tree, place("").name("prices").steps(), "override", append(entries, decoded.tree["value"]), true)
	if !ok {
		return errors.New("prices is not a table; change it in an editor")
	}
	end := d.lineEnd()
	if d.try(want, d.after(len(d.doc.text), end+"[[prices.override]]"+end+strings.Join(lines, end))) {
		return nil
	}
	// The list may be written between brackets.
	if whole := d.doc.find(overridesPlace()); whole != nil && d.doc.text[whole.from] == '[' {
		s := splice{whole.from + 1, whole.from + 1, inline}
		if n := len(entries); n > 0 {
			last := d.doc.find(overridesPlace().at(n - 1))
			s = splice{last.to, last.to, ", " + inline}
		}
		if d.try(want, s) {
			return nil
		}
	}
	return errors.New("there is no safe place for the price; add it in an editor")
}

func (d *draft) removeOverride(model, from string) error {
	i := d.override(model, from)
	if i < 0 {
		return fmt.Errorf("there is no price of %s from that day", shown(model))
	}
	prices, _ := d.doc.tree["prices"].(map[string]any)
	entries := slices.Delete(list(prices["override"]), i, i+1)
	p := overridesPlace().at(i)
	var splices []splice
	inline := false
	for _, it := range d.doc.items {
		if it.place.within(p) {
			inline = inline || it.inline && it.place == p
			if !it.inline {
				// Line by line: comments between them stay.
				splices = append(splices, splice{it.start, it.end, ""})
			}
		}
	}
	if !inline {
		parents := place("").name("prices").steps()
		want, ok := with(d.doc.tree, parents, "override", entries, true)
		if len(entries) == 0 {
			want, ok = with(d.doc.tree, parents, "override", nil, false)
			if below, _ := want["prices"].(map[string]any); len(below) == 0 && d.doc.head(place("").name("prices")) == nil {
				delete(want, "prices") // only the header of the price had made it
			}
		}
		if ok && d.try(want, splices...) {
			return nil
		}
	}
	return errors.New("the price cannot be removed safely; remove it in an editor")
}

// step is a name of a table, or the number of one in a list.
type step struct {
	name   string
	number int // -1 = a name
}

// steps takes a place apart.
func (p place) steps() []step {
	var all []step
	for rest := string(p); rest != ""; {
		if rest[0] == '.' {
			quoted, err := strconv.QuotedPrefix(rest[1:])
			if err != nil {
				return all
			}
			name, _ := strconv.Unquote(quoted)
			all = append(all, step{name, -1})
			rest = rest[1+len(quoted):]
			continue
		}
		digits, after, _ := strings.Cut(rest[1:], "]")
		n, err := strconv.Atoi(digits)
		if err != nil {
			return all
		}
		all = append(all, step{"", n})
		rest = after
	}
	return all
}

// with is a tree in which the table at steps has a key more, or less if keep is false. Tables
// on the way are made where they are missing. What it is made from stays as it is.
func with(tree map[string]any, steps []step, key string, value any, keep bool) (map[string]any, bool) {
	next := maps.Clone(tree)
	if next == nil {
		next = map[string]any{}
	}
	if len(steps) == 0 {
		if keep {
			next[key] = value
		} else {
			delete(next, key)
		}
		return next, true
	}
	name := steps[0].name
	below, there := tree[name]
	if len(steps) > 1 && steps[1].number >= 0 {
		entries := list(below)
		n := steps[1].number
		if n >= len(entries) {
			return nil, false
		}
		entry, ok := entries[n].(map[string]any)
		if !ok {
			return nil, false
		}
		if entries[n], ok = with(entry, steps[2:], key, value, keep); !ok {
			return nil, false
		}
		next[name] = entries
		return next, true
	}
	table, ok := below.(map[string]any)
	if there && !ok {
		return nil, false
	}
	if next[name], ok = with(table, steps[1:], key, value, keep); !ok {
		return nil, false
	}
	return next, true
}

// dottedKey is the keys on the way, each with a point after it.
func dottedKey(steps []step) string {
	var b strings.Builder
	for _, s := range steps {
		if s.number < 0 {
			b.WriteString(bareOrQuoted(s.name) + ".")
		}
	}
	return b.String()
}

func bareOrQuoted(key string) string {
	if key != "" && strings.Trim(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == "" {
		return key
	}
	return quote(key)
}

// quote is a string in the words of the file format. One that is not in UTF-8 stays so, and
// what is made with it does not decode.
func quote(s string) string {
	if !utf8.ValidString(s) {
		return `"` + s + `"`
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
