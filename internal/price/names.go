package price

import (
	"strings"
	"time"
)

// A model has one key and many spellings. A spelling is taken apart from the outside in, and
// after each step what is left is looked up whole: there is no matching by prefix, so sonnet-4
// can never be taken for sonnet-4-5, nor gpt-5 for gpt-5.5. The steps are those of the survey
// (rules 1 to 8 of its chapter on names); what is not found after the last has no price.

const (
	longestName = 300
	mostKnown   = 4096
)

// match is the model that a name stands for, and what else the name says.
type match struct {
	model    *model // nil = unknown
	fast     bool   // it ended in -fast
	regional bool   // it named a region of Bedrock
	session  bool   // it stands for the model of the session
}

// resolve finds the model of a name.
func (t *Table) resolve(name string) match {
	if len(name) > longestName {
		return match{} // nor is it remembered
	}
	t.lock.RLock()
	m, ok := t.known[name]
	t.lock.RUnlock()
	if ok {
		return m
	}
	m = t.search(name)
	t.lock.Lock()
	if len(t.known) >= mostKnown {
		clear(t.known)
	}
	// A copy, because the name may be a piece of a larger text.
	t.known[strings.Clone(name)] = m
	t.lock.Unlock()
	return m
}

// find looks a spelling up as it is.
func (t *Table) find(name string) (match, bool) {
	k := key(name)
	if m, ok := t.mapped[k]; ok {
		return m, true
	}
	if m := t.models[k]; m != nil {
		return match{model: m}, true
	}
	if m := t.models[t.aliases[k]]; m != nil {
		return match{model: m}, true
	}
	if _, ok := t.session[k]; ok {
		return match{session: true}, true
	}
	return match{}, false
}

// spelling is a name that is being taken apart.
type spelling struct {
	rest           string
	fast, regional bool
}

func (t *Table) search(name string) match {
	s := spelling{rest: clean(name)}
	steps := [...]func(*spelling) bool{
		(*spelling).brackets, (*spelling).path, (*spelling).provider, (*spelling).region, (*spelling).dotted,
		(*spelling).revision, (*spelling).snapshot, (*spelling).sap, (*spelling).product,
	}
	found, ok := t.find(s.rest)
	for i := 0; i < len(steps) && !ok; i++ {
		if steps[i](&s) {
			found, ok = t.find(s.rest)
		}
	}
	for !ok && s.suffix() {
		found, ok = t.find(s.rest)
	}
	if !ok && s.rest != "" {
		// Some tools drop the family: sonnet-4.5.
		found, ok = t.find("claude-" + s.rest)
	}
	if !ok {
		return match{}
	}
	found.fast = found.fast || s.fast
	found.regional = found.regional || s.regional
	return found
}

// clean lowers a name and puts a dash for what separates words in display names: "GPT-5 Codex
// (high)". Two dashes stay two: SAP means something by them.
func clean(name string) string {
	name = strings.ToLower(strings.TrimSpace(name))
	name = strings.ReplaceAll(strings.TrimSuffix(name, ")"), " (", " ")
	return strings.Map(func(r rune) rune {
		switch r {
		case ' ', '\t', '_', '(':
			return '-'
		}
		return r
	}, name)
}

// key is the form in which two spellings of one model are equal: lower case, dashes for the
// points of a version, no -latest, and in Claude's names the tier before the version.
func key(name string) string {
	k := []byte(clean(name))
	for i := 1; i+1 < len(k); i++ {
		if k[i] == '.' && digit(k[i-1]) && digit(k[i+1]) {
			k[i] = '-'
		}
	}
	return tierFirst(strings.TrimSuffix(string(k), "-latest"))
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// tierFirst makes claude-sonnet-4-5 of claude-4-5-sonnet.
func tierFirst(k string) string {
	rest, ok := strings.CutPrefix(k, "claude-")
	if !ok || rest == "" || !digit(rest[0]) {
		return k
	}
	end := 0
	for end < len(rest) && (digit(rest[end]) || rest[end] == '-') {
		end++
	}
	version := strings.Trim(rest[:end], "-")
	tier, after, more := strings.Cut(rest[end:], "-")
	if tier == "" {
		return k
	}
	k = "claude-" + tier + "-" + version
	if more {
		k += "-" + after
	}
	return k
}

// brackets drops [1m] and the like; [fast=true] is another way to write -fast.
func (s *spelling) brackets() bool {
	open := strings.LastIndexByte(s.rest, '[')
	if open < 0 || !strings.HasSuffix(s.rest, "]") {
		return false
	}
	inside, before := s.rest[open+1:len(s.rest)-1], strings.TrimRight(s.rest[:open], "-")
	switch {
	case inside == "fast=true":
		before += "-fast"
	case inside == "fast=false", isSize(inside):
	default:
		return false
	}
	s.rest = before
	return true
}

// isSize tells that a word is a length of context: 1m, 200k.
func isSize(word string) bool {
	number := strings.TrimRight(word, "km")
	return len(number) == len(word)-1 && number != "" && strings.Trim(number, "0123456789") == ""
}

// path drops the folders before a name: anthropic/, openrouter/openai/, models/, an ARN.
// What runs on this machine has no list price, however its model is called.
func (s *spelling) path() bool {
	slash := strings.LastIndexByte(s.rest, '/')
	if slash < 0 {
		return false
	}
	for folder := range strings.SplitSeq(s.rest[:slash], "/") {
		switch folder {
		case "ollama", "ollama-chat", "lmstudio", "lm-studio", "llamacpp", "llama.cpp", "local":
			s.rest = ""
			return true
		}
	}
	s.rest = s.rest[slash+1:]
	return true
}

// provider drops "openai:" before a name, and the two variants behind one that cost the same.
// Other variants (:free, :nitro, :online, the sizes of local models) have other prices.
func (s *spelling) provider() bool {
	before, after, ok := strings.Cut(s.rest, ":")
	if !ok {
		return false
	}
	switch before {
	case "anthropic", "openai", "google", "google-gla", "google-vertex", "bedrock", "vertex", "azure", "xai", "x-ai",
		"deepseek", "moonshot", "moonshotai", "zai", "mistral", "minimax", "openrouter", "cursor":
		s.rest = after
		return true
	}
	if after == "beta" || after == "thinking" {
		s.rest = before
		return true
	}
	return false
}

// region drops the region of a Bedrock profile.
func (s *spelling) region() bool {
	before, after, ok := strings.Cut(s.rest, ".")
	if !ok {
		return false
	}
	switch before {
	case "us", "eu", "apac", "au", "jp", "ca", "us-gov":
		s.regional = true
	case "global":
	default:
		return false
	}
	s.rest = after
	return true
}

// dotted drops the vendor of a Bedrock id.
func (s *spelling) dotted() bool {
	before, after, ok := strings.Cut(s.rest, ".")
	if !ok {
		return false
	}
	switch before {
	case "anthropic", "openai", "deepseek", "mistral", "moonshot", "moonshotai", "zai", "minimax", "google", "xai":
		s.rest = after
		return true
	}
	return false
}

// revision drops what Bedrock writes behind a name: -v1:0, -v2:0:200k, -v1.
func (s *spelling) revision() bool {
	at := strings.LastIndex(s.rest, "-v")
	if at < 0 {
		return false
	}
	number, size, sized := strings.Cut(s.rest[at+2:], ":")
	if len(number) != 1 || !digit(number[0]) {
		return false
	}
	if sized {
		minor, length, more := strings.Cut(size, ":")
		if len(minor) != 1 || !digit(minor[0]) || more && !isSize(length) {
			return false
		}
	} else if !strings.HasPrefix(s.rest, "claude-") {
		return false // deepseek-v4 is a model
	}
	s.rest = s.rest[:at]
	return true
}

// snapshot makes a dash of Vertex's @: @20250929, @default.
func (s *spelling) snapshot() bool {
	before, after, ok := strings.Cut(s.rest, "@")
	if !ok || before == "" {
		return false
	}
	switch {
	case after == "default", after == "latest":
		s.rest = before
	case isDay(after, "20060102"):
		s.rest = before + "-" + after
	default:
		return false
	}
	return true
}

// sap drops the vendor of SAP's names: anthropic--claude-4.6-opus.
func (s *spelling) sap() bool {
	_, after, ok := strings.Cut(s.rest, "--")
	if ok {
		s.rest = after
	}
	return ok
}

// product drops Cursor's name before a model's.
func (s *spelling) product() bool {
	after, ok := strings.CutPrefix(s.rest, "cursor-")
	if ok {
		s.rest = after
	}
	return ok
}

// suffix drops one more word behind a name: a date, -latest, an effort, -fast. Only -fast
// changes the price.
func (s *spelling) suffix() bool {
	name := s.rest
	for _, layout := range [...]string{"20060102", "2006-01-02"} {
		if at := len(name) - len(layout) - 1; at > 0 && name[at] == '-' && isDay(name[at+1:], layout) {
			s.rest = name[:at]
			return true
		}
	}
	if s.revision() { // Vertex writes it before the day
		return true
	}
	at := strings.LastIndexByte(name, '-')
	if at <= 0 {
		return false
	}
	switch word := name[at+1:]; word {
	case "latest", "minimal", "none", "low", "medium", "high", "xhigh", "extra", "max", "ultra", "thinking", "thought":
	case "fast":
		s.fast = true
	default:
		if !isSize(word) {
			return false
		}
	}
	s.rest = strings.TrimRight(name[:at], "-")
	return true
}

// isDay reports whether a text is a day that exists, of a year in which there are models.
func isDay(text, layout string) bool {
	if len(text) != len(layout) {
		return false
	}
	day, err := time.Parse(layout, text)
	return err == nil && day.Year() >= 2020 && day.Year() < 2100
}
