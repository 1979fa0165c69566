package corpus

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode/utf8"
)

// texts are pools of made-up text; a piece of one is what a prompt, an answer or a file
// says. Pieces share the pool's memory.
type texts struct{ said, done pool }

// poolSize is that of each pool, in bytes.
const poolSize = 4 << 20

func newTexts(seed uint64) *texts {
	random := rand.New(rand.NewPCG(seed, 0x74657874))
	return &texts{
		said: newPool(random, english, english, english, german, german, japanese, emoji, golang, list),
		done: newPool(random, golang, golang, python, script, object, object, escaped, terminal, patch, trace, windows, english, japanese, table),
	}
}

// talk is a piece of what people and models say to each other, of about size bytes.
func (t *texts) talk(random *rand.Rand, size int) string { return t.said.piece(random, size) }

// work is a piece of code, of data or of what a tool printed, of about size bytes.
func (t *texts) work(random *rand.Rand, size int) string { return t.done.piece(random, size) }

type pool struct {
	text   string
	starts []int // of the paragraphs
}

func newPool(random *rand.Rand, kinds ...func(*rand.Rand, *strings.Builder)) pool {
	var text strings.Builder
	text.Grow(poolSize + 4096)
	var p pool
	for text.Len() < poolSize {
		p.starts = append(p.starts, text.Len())
		kinds[random.IntN(len(kinds))](random, &text)
		text.WriteString("\n")
	}
	p.text = text.String()
	return p
}

// piece begins at a paragraph and ends at a whole character.
func (p *pool) piece(random *rand.Rand, size int) string {
	size = min(size, len(p.text))
	start := p.starts[random.IntN(len(p.starts))]
	if start+size > len(p.text) {
		start = 0
	}
	for size > 0 && start+size < len(p.text) && !utf8.RuneStart(p.text[start+size]) {
		size--
	}
	return p.text[start : start+size]
}

func pick(random *rand.Rand, list []string) string { return list[random.IntN(len(list))] }

// sentences writes prose of some words.
func sentences(random *rand.Rand, out *strings.Builder, words []string, space, stop string) {
	for range 1 + random.IntN(5) {
		for i := range 4 + random.IntN(14) {
			word := pick(random, words)
			if i == 0 {
				first, size := utf8.DecodeRuneInString(word)
				word = strings.ToUpper(string(first)) + word[size:]
			} else {
				out.WriteString(space)
			}
			out.WriteString(word)
			if space != "" && random.IntN(11) == 0 {
				out.WriteString(pick(random, marks))
			}
		}
		out.WriteString(stop)
	}
	out.WriteString("\n")
}

func english(random *rand.Rand, out *strings.Builder) {
	sentences(random, out, englishWords, " ", ". ")
}

func german(random *rand.Rand, out *strings.Builder) {
	sentences(random, out, germanWords, " ", ". ")
}

func japanese(random *rand.Rand, out *strings.Builder) {
	sentences(random, out, japaneseWords, "", "。")
}

func emoji(random *rand.Rand, out *strings.Builder) {
	for range 2 + random.IntN(5) {
		fmt.Fprintf(out, "%s %s %s → “%s” naïve café\n", pick(random, faces), pick(random, englishWords), pick(random, germanWords), pick(random, japaneseWords))
	}
}

func list(random *rand.Rand, out *strings.Builder) {
	fmt.Fprintf(out, "## %s\n\n", pick(random, englishWords))
	for i := range 3 + random.IntN(6) {
		fmt.Fprintf(out, "%d. **%s** in `%s`: \"%s %s\"\n", i+1, pick(random, names), path(random), pick(random, englishWords), pick(random, englishWords))
	}
}

// path is a name of a source file.
func path(random *rand.Rand) string {
	return pick(random, folders) + "/" + pick(random, names) + pick(random, endings)
}

func golang(random *rand.Rand, out *strings.Builder) {
	name := pick(random, names)
	fmt.Fprintf(out, "// %s %s the %s.\nfunc %s(ctx context.Context, %s []byte) (int, error) {\n", name, pick(random, englishWords), pick(random, englishWords), name, pick(random, names))
	for range 2 + random.IntN(9) {
		a, b := pick(random, names), pick(random, names)
		switch random.IntN(5) {
		case 0:
			fmt.Fprintf(out, "\tif %s, err := %s(ctx); err != nil {\n\t\treturn 0, fmt.Errorf(\"%s %s: %%w\\n\", err)\n\t}\n", a, b, pick(random, englishWords), a)
		case 1:
			fmt.Fprintf(out, "\tfor i, %s := range %s {\n\t\t%s[i] = %s << %d & 0x%x\n\t}\n", a, b, b, a, random.IntN(9), random.IntN(1<<16))
		case 2:
			fmt.Fprintf(out, "\t%s := strings.ReplaceAll(%s, `\\`, \"\\\\\") // <%s> && %s\n", a, b, a, pick(random, germanWords))
		case 3:
			fmt.Fprintf(out, "\tvar %s = map[string]int{\"%s\": %d, \"%s\": %d}\n", a, b, random.IntN(1000), a, random.IntN(1000))
		default:
			fmt.Fprintf(out, "\t%s.%s(%s, '\\t')\n", a, b, a)
		}
	}
	out.WriteString("\treturn len(out), nil\n}\n")
}

func python(random *rand.Rand, out *strings.Builder) {
	fmt.Fprintf(out, "class %s:\n    \"\"\"%s %s.\"\"\"\n\n", pick(random, names), pick(random, englishWords), pick(random, englishWords))
	for range 2 + random.IntN(4) {
		fmt.Fprintf(out, "    def %s(self, %s=None):\n        return re.sub(r\"\\s+%s\\d{%d}\", '', self.%s[%d:])\n", pick(random, names), pick(random, names), pick(random, names), random.IntN(9), pick(random, names), random.IntN(99))
	}
}

func script(random *rand.Rand, out *strings.Builder) {
	for range 3 + random.IntN(6) {
		fmt.Fprintf(out, "export const %s = async (%s: %s) => ({ ...%s, `${%s}`: \"%s\" ?? null });\r\n", pick(random, names), pick(random, names), pick(random, names), pick(random, names), pick(random, names), pick(random, englishWords))
	}
}

func object(random *rand.Rand, out *strings.Builder) {
	out.WriteString("{\n")
	for range 3 + random.IntN(12) {
		fmt.Fprintf(out, "  \"%s_%d\": {\"%s\": %d, \"usage\": {\"%s_tokens\": %d}, \"path\": \"%s\"},\n", pick(random, names), random.IntN(100), pick(random, names), random.IntN(1<<20), pick(random, names), random.IntN(1<<14), path(random))
	}
	out.WriteString("  \"end\": true\n}\n")
}

// escaped is text that was already encoded before it came into a log.
func escaped(random *rand.Rand, out *strings.Builder) {
	for range 1 + random.IntN(5) {
		fmt.Fprintf(out, "{\"message\":\"{\\\"%s\\\":\\\"caf\\u00e9 \\\\u%04x\\\",\\\"%s\\\":[%d,null]}\\n\",\"%s\":\"\\ud83d\\ude80\"}\n", pick(random, names), 0x3040+random.IntN(80), pick(random, names), random.IntN(1e6), pick(random, names))
	}
}

func terminal(random *rand.Rand, out *strings.Builder) {
	fmt.Fprintf(out, "$ %s ./%s\n", pick(random, tools), path(random))
	for range 3 + random.IntN(9) {
		fmt.Fprintf(out, "\x1b[%dm%s\x1b[0m\t%s:%d:%d\t%d.%03ds\n", 31+random.IntN(6), pick(random, verdicts), path(random), random.IntN(900), random.IntN(80), random.IntN(9), random.IntN(1000))
	}
}

func patch(random *rand.Rand, out *strings.Builder) {
	name := path(random)
	fmt.Fprintf(out, "--- a/%s\n+++ b/%s\n@@ -%d,%d +%d,%d @@\n", name, name, random.IntN(900), random.IntN(20), random.IntN(900), random.IntN(20))
	for range 4 + random.IntN(10) {
		fmt.Fprintf(out, "%s\t%s := \"%s\" + %s(%s)\n", pick(random, []string{"+", "-", " "}), pick(random, names), pick(random, germanWords), pick(random, names), pick(random, names))
	}
}

func trace(random *rand.Rand, out *strings.Builder) {
	fmt.Fprintf(out, "panic: runtime error: index out of range [%d]\n\ngoroutine %d [running]:\n", random.IntN(99), random.IntN(99))
	for range 2 + random.IntN(7) {
		fmt.Fprintf(out, "main.(*%s).%s(0xc%09x)\n\t/home/mila/src/%s:%d +0x%x\n", pick(random, names), pick(random, names), random.IntN(1<<30), path(random), random.IntN(900), random.IntN(4096))
	}
}

func windows(random *rand.Rand, out *strings.Builder) {
	for range 2 + random.IntN(6) {
		fmt.Fprintf(out, "C:\\Users\\Mila Köhler\\%s\\%s%s  %d bytes\r\n", pick(random, names), pick(random, names), pick(random, endings), random.IntN(1<<20))
	}
}

func table(random *rand.Rand, out *strings.Builder) {
	for range 3 + random.IntN(9) {
		fmt.Fprintf(out, "%s;%s;\"%d,%02d €\";%s;%04d-%02d-%02d\n", pick(random, germanWords), pick(random, names), random.IntN(9999), random.IntN(100), pick(random, japaneseWords), 2020+random.IntN(7), 1+random.IntN(12), 1+random.IntN(28))
	}
}
