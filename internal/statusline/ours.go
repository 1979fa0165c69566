package statusline

import (
	"path"
	"strings"
)

// programName is what our program is called, on Windows with an ending.
const programName = "tokenmeter"

const dataDirFlag = "--data-dir"

// CommandLine is what Claude Code is to run: our program by its absolute path, and the data
// folder where it is not the one that is found anyway ("").
func CommandLine(program, dataDir string) string {
	line := quoted(program) + " " + Folder
	if dataDir != "" {
		line += " " + dataDirFlag + " " + quoted(dataDir)
	}
	return line
}

// quoted is a text as one word of a shell.
func quoted(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "`", "\\`").Replace(text) + `"`
}

// isOurs tells whether a command line runs us and does nothing else, wherever we lie.
func isOurs(line string) bool {
	program, rest, ok := word(line)
	name := strings.TrimSuffix(path.Base(strings.ReplaceAll(program, `\`, "/")), ".exe")
	if !ok || name != programName {
		return false
	}
	command, rest, ok := word(rest)
	if !ok || command != Folder {
		return false
	}
	if flag, more, ok := word(rest); ok && flag == dataDirFlag {
		if _, rest, ok = word(more); !ok {
			return false
		}
	}
	return strings.TrimSpace(rest) == ""
}

// word takes the first word off a command line; not ok where there is none, or where it holds more
// than a plain or quoted text.
func word(line string) (text, rest string, ok bool) {
	line = strings.TrimLeft(line, " \t")
	if line == "" {
		return "", "", false
	}
	if line[0] == '\'' {
		text, rest, ok = strings.Cut(line[1:], "'")
		return text, rest, ok
	}
	if line[0] != '"' {
		end := strings.IndexAny(line, " \t")
		if end < 0 {
			end = len(line)
		}
		text, rest = line[:end], line[end:]
		return text, rest, !strings.ContainsAny(text, "|&;<>()$`\\\"'*?[]#~=%\n{}")
	}
	var b strings.Builder
	for i := 1; i < len(line); i++ {
		switch c := line[i]; {
		case c == '"':
			rest = line[i+1:]
			return b.String(), rest, rest == "" || rest[0] == ' ' || rest[0] == '\t'
		case c == '$' || c == '`':
			return "", "", false
		case c == '\\' && i+1 < len(line) && strings.IndexByte("\\\"$`", line[i+1]) >= 0:
			i++
			b.WriteByte(line[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", "", false
}
