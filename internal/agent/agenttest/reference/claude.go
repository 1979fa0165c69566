package reference

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// claudeReading is one line, or one advisor's entry, that tells of a request.
type claudeReading struct {
	Request
	key, twin string
	weakness  int  // of the claim on session and project
	speed     bool // the line names a speed
}

// Claude reads all transcripts of Claude Code that env and home lead to.
func Claude(env map[string]string, home string) ([]Request, error) {
	var readings []claudeReading
	seen := map[string]bool{}
	for _, root := range claudeRoots(env, home) {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				if os.IsNotExist(err) {
					return nil
				}
				return err
			}
			name, _ := filepath.Rel(root, path)
			name = filepath.ToSlash(name)
			if !strings.HasSuffix(strings.ToLower(name), ".jsonl") || !entry.Type().IsRegular() {
				return nil
			}
			desktop := !strings.HasSuffix(root, "projects")
			depth := slices.Index(strings.Split(filepath.ToSlash(filepath.Dir(name)), "/"), "projects")
			if desktop && (depth < 0 || depth >= 8) {
				return nil
			}
			real, err := filepath.EvalSymlinks(path)
			if err != nil || seen[real] {
				return err
			}
			seen[real] = true
			of, err := claudeFile(path, name, desktop)
			readings = append(readings, of...)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", root, err)
		}
	}
	return claudeRequests(readings), nil
}

func claudeRoots(env map[string]string, home string) (roots []string) {
	config := env["XDG_CONFIG_HOME"]
	if config == "" {
		config = filepath.Join(home, ".config")
	}
	if dirs := env["CLAUDE_CONFIG_DIR"]; dirs != "" {
		list := strings.Split(dirs, ",")
		if _, err := os.Stat(dirs); err == nil {
			list = []string{dirs}
		}
		for _, dir := range list {
			if inner := filepath.Join(dir, "projects"); filepath.Base(dir) != "projects" {
				dir = inner
			}
			roots = append(roots, dir)
		}
	} else {
		roots = append(roots,
			filepath.Join(home, ".claude", "projects"),
			filepath.Join(config, "claude", "projects"),
			filepath.Join(home, ".openclaude", "projects"))
	}
	desktop := filepath.Join(config, "Claude")
	if runtime.GOOS == "darwin" {
		desktop = filepath.Join(home, "Library", "Application Support", "Claude")
	}
	return append(roots,
		filepath.Join(desktop, "local-agent-mode-sessions"),
		filepath.Join(desktop, "claude-code-sessions"))
}

func claudeFile(path, name string, desktop bool) (readings []claudeReading, err error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	fileTime := info.ModTime().UTC().Truncate(time.Millisecond)
	var last time.Time
	for _, line := range lines(content) {
		for _, record := range records(line.text, isClaudeRecord) {
			if at := moment(member(record.tree, "timestamp")); !at.IsZero() {
				last = at
			}
			guess := last
			if guess.IsZero() {
				guess = fileTime
			}
			readings = append(readings, claudeLine(record.tree, name, line.at+record.at, desktop, guess)...)
		}
	}
	return readings, nil
}

func isClaudeRecord(tree any) bool {
	_, top := member(tree, "message").(map[string]any)
	_, inner := member(tree, "data", "message").(map[string]any)
	return claudeName(tree, "type") != "" && (top || inner || isClaudeBill(tree))
}

// claudeLine gives the readings of one line: none, or that of its message and those of the
// advisors that were asked for it.
func claudeLine(record any, name string, at int, desktop bool, guess time.Time) (readings []claudeReading) {
	entry, inner := record, false
	if _, ok := member(record, "message", "usage").(map[string]any); !ok {
		entry, inner = member(record, "data", "message"), true
		if _, ok := member(entry, "message", "usage").(map[string]any); !ok {
			return nil
		}
	}
	r := claudeReading{Request: Request{
		Agent:   "claude",
		Model:   claudeName(entry, "message", "model"),
		Session: claudeName(record, "sessionId"),
		Project: claudeName(record, "cwd"),
		Time:    moment(member(entry, "timestamp")),
	}}

	session, subagent := claudeNamed(name)
	if r.Session == "" {
		r.Session = session
	}
	if desktop && strings.HasPrefix(r.Project, "/sessions/") {
		r.Project = ""
	}
	r.Project = Repository(r.Project)

	dated := !r.Time.IsZero() || !moment(member(record, "timestamp")).IsZero()
	if r.Time.IsZero() {
		r.Time = guess
	}

	side, _ := member(entry, "isSidechain").(bool)
	origin := claudeName(record, "requestSessionId")
	if origin == "" {
		origin = r.Session
	}
	if side || inner || subagent {
		r.weakness += 4
	}
	if subagent {
		r.weakness += 2
	}
	if origin != r.Session {
		r.weakness++
	}

	claudeCounters(&r, member(entry, "message", "usage"))
	id := text(entry, "message", "id")
	request, uuid := text(entry, "requestId"), text(entry, "uuid")
	if uuid == "" {
		uuid = text(record, "uuid")
	}
	switch {
	case strings.HasPrefix(id, "msg_"):
		r.key = id
	case id != "":
		r.key = origin + " " + id
		if dated {
			r.twin = fmt.Sprint(id, r.Time, r.Input, r.CacheRead, r.CacheWrite5m, r.CacheWrite1h, r.Output, r.Reasoning)
		}
	case request != "":
		r.key = "request " + request
	case uuid != "":
		r.key = "uuid " + uuid
	default:
		r.key = fmt.Sprint("line ", name, " ", at)
	}

	if r.Input+r.CacheRead+r.CacheWrite5m+r.CacheWrite1h+r.Output > 0 {
		readings = append(readings, r)
	}
	iterations, _ := member(entry, "message", "usage", "iterations").([]any)
	for i, n := 0, 0; i < len(iterations); i++ {
		if text(iterations[i], "type") != "advisor_message" {
			continue
		}
		advisor := r
		advisor.key += fmt.Sprint(":advisor:", n)
		if r.twin != "" {
			advisor.twin += fmt.Sprint(":advisor:", n)
		}
		n++
		advisor.Model = claudeName(iterations[i], "model")
		claudeCounters(&advisor, iterations[i])
		if advisor.Input+advisor.CacheRead+advisor.CacheWrite5m+advisor.CacheWrite1h+advisor.Output > 0 {
			readings = append(readings, advisor)
		}
	}
	return readings
}

// claudeNamed is what a file's name says of its session, and whether it is a sub-agent's.
func claudeNamed(name string) (session string, subagent bool) {
	folders := strings.Split(name, "/")
	stem := strings.TrimSuffix(folders[len(folders)-1], filepath.Ext(name))
	folders = folders[:len(folders)-1]
	if at := slices.Index(folders, "subagents"); at > 0 {
		return folders[at-1], true
	}
	session = stem
	if stem == "chat" && len(folders) > 1 {
		session = folders[len(folders)-1]
	}
	return session, strings.HasPrefix(stem, "agent-")
}

// claudeName is a text that names something; what is longer than any name or path is none.
func claudeName(tree any, names ...string) string {
	if name := text(tree, names...); len(name) <= 4096 {
		return name
	}
	return ""
}

func claudeCounters(r *claudeReading, usage any) {
	r.Input = count(usage, "input_tokens")
	r.Output = count(usage, "output_tokens")
	r.Reasoning = min(count(usage, "output_tokens_details", "thinking_tokens"), r.Output)
	r.CacheRead = count(usage, "cache_read_input_tokens")
	if r.CacheRead == 0 {
		r.CacheRead = count(usage, "cached_prompt_tokens")
	}
	short := count(usage, "cache_creation", "ephemeral_5m_input_tokens")
	long := count(usage, "cache_creation", "ephemeral_1h_input_tokens")
	all := max(count(usage, "cache_creation_input_tokens"), short+long)
	r.CacheWrite1h = min(long, all)
	r.CacheWrite5m = all - r.CacheWrite1h
	r.speed = text(usage, "speed") != ""
}

// claudeRequests makes one request of all readings that share a key or a twin.
func claudeRequests(readings []claudeReading) (requests []Request) {
	group := map[string]int{} // key or twin → index into groups
	var groups [][]claudeReading
	for _, r := range readings {
		names := []string{"key " + r.key}
		if r.twin != "" {
			names = append(names, "twin "+r.twin)
		}
		home := -1
		for _, name := range names {
			other, known := group[name]
			switch {
			case !known:
			case home < 0:
				home = other
			case home != other: // two groups turn out to be one
				groups[home] = append(groups[home], groups[other]...)
				groups[other] = nil
				for name, at := range group {
					if at == other {
						group[name] = home
					}
				}
			}
		}
		if home < 0 {
			home = len(groups)
			groups = append(groups, nil)
		}
		for _, name := range names {
			group[name] = home
		}
		groups[home] = append(groups[home], r)
	}
	for _, readings := range groups {
		if len(readings) > 0 {
			requests = append(requests, claudeRequest(readings))
		}
	}
	return requests
}

// claudeRequest takes the counters from the reading with the largest output, the session
// and project from the one with the best claim, and the earliest time.
func claudeRequest(readings []claudeReading) Request {
	best, home, first := readings[0], readings[0], readings[0].Time
	for _, r := range readings[1:] {
		if claudeCountsMore(r, best) {
			best = r
		}
		if claudeClaimsMore(r, home) {
			home = r
		}
		if r.Time.Before(first) {
			first = r.Time
		}
	}
	request := best.Request
	request.Session, request.Project, request.Time = home.Session, home.Project, first
	return request
}

func claudeCountsMore(a, b claudeReading) bool {
	if a.Output != b.Output {
		return a.Output > b.Output
	}
	totalA := a.Input + a.CacheRead + a.CacheWrite5m + a.CacheWrite1h
	totalB := b.Input + b.CacheRead + b.CacheWrite5m + b.CacheWrite1h
	if totalA != totalB {
		return totalA > totalB
	}
	if a.speed != b.speed {
		return a.speed
	}
	// The rest only makes the choice the same in any order.
	return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Input, b.Input), cmp.Compare(a.CacheRead, b.CacheRead),
		cmp.Compare(a.CacheWrite5m, b.CacheWrite5m), cmp.Compare(a.Reasoning, b.Reasoning), cmp.Compare(a.Model, b.Model)) > 0
}

func claudeClaimsMore(a, b claudeReading) bool {
	if a.weakness != b.weakness {
		return a.weakness < b.weakness
	}
	if !a.Time.Equal(b.Time) {
		return a.Time.Before(b.Time)
	}
	if a.Session != b.Session {
		return a.Session < b.Session
	}
	return a.Project < b.Project
}
