package reference

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"
)

// codexCounters are input (with both caches), cached, cache write, output, reasoning.
type codexCounters [5]int64

// codexRow is one row of counters of a rollout, with the request it adds, if any.
type codexRow struct {
	print   string // the counters as logged
	key     string // what makes it the same as another row of the same thread
	request Request
	counts  bool
}

// codexThread is what one file tells of a conversation.
type codexThread struct {
	id        string
	parents   []string
	rows      []codexRow
	ledger    map[string][]Request // by response
	inherited int                  // leading rows that are copies, by the file itself
	exact     bool                 // the file says so in figures
	open      bool                 // the end of the copy was not seen
}

// Codex reads all rollouts of Codex that env and home lead to.
func Codex(env map[string]string, home string) ([]Request, error) {
	var files []*codexThread
	homes := []string{}
	for _, one := range strings.Split(env["CODEX_HOME"], ",") {
		if one = strings.TrimSpace(one); one != "" {
			homes = append(homes, one)
		}
	}
	if len(homes) == 0 {
		homes = []string{filepath.Join(home, ".codex")}
	}
	for _, one := range homes {
		for _, folder := range []string{"sessions", "archived_sessions"} {
			root := filepath.Join(one, folder)
			err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
				if err != nil {
					if os.IsNotExist(err) {
						return nil
					}
					return err
				}
				if !codexName.MatchString(entry.Name()) || !entry.Type().IsRegular() {
					return nil
				}
				file, err := codexFile(path)
				files = append(files, file)
				return err
			})
			if err != nil {
				return nil, fmt.Errorf("read %s: %w", root, err)
			}
		}
	}
	return codexRequests(files), nil
}

var (
	codexName = regexp.MustCompile(`^rollout-(.*)\.jsonl(\.zst)?$`)
	codexUUID = regexp.MustCompile(`[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
)

// codexFile reads one rollout.
func codexFile(path string) (*codexThread, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(path, ".zst") {
		decoder, err := zstd.NewReader(bytes.NewReader(content))
		if err != nil {
			return nil, err
		}
		defer decoder.Close()
		if content, err = io.ReadAll(decoder); err != nil && len(content) == 0 {
			return nil, err
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	return codexRead(content, filepath.Base(path), info.ModTime().UTC().Truncate(time.Millisecond)), nil
}

func codexRead(content []byte, base string, fileTime time.Time) *codexThread {
	r := codexReading{
		thread: &codexThread{ledger: map[string][]Request{}},
		seen:   map[codexCounters]bool{},
		last:   fileTime,
	}
	stem := codexName.FindStringSubmatch(base)[1]
	r.name = stem
	if uuid := codexUUID.FindString(stem); uuid != "" {
		r.name, r.uuid = strings.ToLower(uuid), true
	}
	for _, line := range lines(content) {
		if len(bytes.TrimSpace(line.text)) == 0 {
			continue
		}
		found := records(line.text, func(tree any) bool {
			object, _ := tree.(map[string]any)
			_, has := object["payload"]
			return has
		})
		if len(found) == 0 {
			r.headLost = r.headLost || !r.hasMeta
			r.turnBefore = false
		}
		for _, record := range found {
			r.record(record.tree)
		}
	}
	if r.thread.id == "" {
		r.thread.id = r.name
	}
	if r.copying {
		r.thread.inherited, r.thread.open = len(r.thread.rows), true
		if r.spawned && r.fromZero {
			r.thread.inherited = 0
		}
	}
	if r.thread.inherited >= len(r.thread.rows) { // an end of which nothing follows tells nothing
		r.thread.open = true
	}
	if r.hasStart && r.ordered {
		r.thread.exact, r.thread.open = true, false
		r.thread.inherited = r.below
	} else if r.based {
		r.thread.exact, r.thread.open, r.thread.inherited = true, false, 0
	}
	return r.thread
}

// codexReading is the reading of one rollout.
type codexReading struct {
	thread   *codexThread
	name     string // the thread, as the file's name tells it
	uuid     bool   // by a UUID
	headLost bool
	last     time.Time
	dated    bool // the line has a time of its own

	hasMeta, based, hasStart, ordered, spawned, fromZero bool
	afterMeta, copying, keepsTimes, oldTask, turnBefore  bool
	begun                                                time.Time
	start                                                int64
	below                                                int

	project, model string
	usesLedger     bool

	heads    []codexCounters // the one that moved last at the end
	seen     map[codexCounters]bool
	previous *codexCounters
}

func (r *codexReading) record(record any) {
	payload := member(record, "payload")
	kind := text(record, "type")
	switch kind {
	case "session_meta", "turn_context", "token_usage_record", "inter_agent_communication_metadata":
	case "event_msg":
		if _, typed := member(payload, "type").(string); !typed {
			if _, wrapped := member(payload, "msg").(map[string]any); wrapped {
				payload = member(payload, "msg")
			}
		}
		kind = text(payload, "type")
		switch kind {
		case "token_count", "task_started", "turn_started", "thread_settings_applied":
		default:
			kind = ""
		}
	default:
		kind = ""
	}
	if kind != "" {
		r.dated = r.date(record, payload)
	}
	turnBefore := r.turnBefore
	r.turnBefore = false
	if kind != "session_meta" {
		r.afterMeta = false
	}
	if kind != "" && kind != "session_meta" && r.copying && r.keepsTimes && r.dated && !r.last.Before(r.begun) {
		r.endCopy()
	}
	switch kind {
	case "session_meta":
		r.meta(payload)
	case "turn_context":
		codexSet(&r.project, codexText(1024, payload, "cwd"))
		if !codexSet(&r.model, codexText(96, payload, "model")) {
			codexSet(&r.model, codexText(96, payload, "model_name"))
		}
		r.turnBefore = r.copying && !r.oldTask
	case "inter_agent_communication_metadata":
		if trigger, _ := member(payload, "trigger_turn").(bool); trigger && turnBefore {
			r.endCopy()
		}
	case "task_started", "turn_started":
		if started := moment(member(payload, "started_at")); started.IsZero() {
			r.oldTask = false
		} else if r.copying && started.Unix() >= r.begun.Unix() {
			r.endCopy()
		} else {
			r.oldTask = true
		}
	case "thread_settings_applied":
		if _, given := member(payload, "thread_settings").(map[string]any); given {
			codexSet(&r.model, codexText(96, payload, "thread_settings", "model"))
		}
	case "token_count":
		r.row(record, payload)
	case "token_usage_record":
		r.response(payload)
	}
}

// date finds the record's time; false: it has none, and that of the one before stands.
func (r *codexReading) date(record, payload any) bool {
	floor := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	stamp := member(record, "timestamp")
	if _, isText := stamp.(string); isText {
		if at := moment(stamp); !at.IsZero() {
			r.last, r.dated = at, true
			return true
		}
	}
	values := []any{member(record, "created_at")}
	if text(record, "type") == "event_msg" {
		values = append(values, member(payload, "created_at"), member(payload, "msg", "created_at"))
	}
	for _, value := range append(values, stamp) {
		if at := moment(value); !at.IsZero() && !at.Before(floor) {
			r.last, r.dated = at, true
			return true
		}
	}
	return false
}

func (r *codexReading) meta(payload any) {
	t := r.thread
	id := codexText(64, payload, "id")
	if t.id == "" {
		t.id = id
		if id == "" || r.headLost && r.uuid {
			t.id = r.name
		}
	}
	parents := []string{
		codexText(64, payload, "forked_from_id"), codexText(64, payload, "forkedFromId"), codexText(64, payload, "history_base", "thread_id"),
		codexText(64, payload, "source", "subagent", "thread_spawn", "parent_thread_id"),
		codexText(64, payload, "parent_thread_id"), codexText(64, payload, "parent_session_id"),
	}
	if id != t.id && (id != "" || r.hasMeta) {
		if r.afterMeta && len(t.rows) == 0 && !r.copying {
			r.copying = true
			r.keepsTimes = r.dated && r.last.Before(r.begun)
		}
		parents = append([]string{id}, parents...)
	} else {
		codexSet(&r.project, codexText(1024, payload, "cwd"))
		if !r.hasMeta {
			r.hasMeta, r.afterMeta = true, true
			if r.begun = moment(member(payload, "timestamp")); r.begun.IsZero() {
				r.begun = r.last
			}
			r.based = codexText(64, payload, "history_base", "thread_id") != ""
			_, r.spawned = member(payload, "source", "subagent").(map[string]any)
			if r.spawned {
				_, r.spawned = member(payload, "source", "subagent").(map[string]any)["thread_spawn"]
			}
			switch start := member(payload, "subagent_history_start_ordinal").(type) {
			case json.Number:
				n, err := start.Int64()
				r.start, r.hasStart = n, err == nil && n >= 0
			case string:
				var n int64
				if _, err := fmt.Sscanf(start, "%d", &n); err == nil && n >= 0 && fmt.Sprint(n) == start {
					r.start, r.hasStart = n, true
				}
			}
		} else {
			return
		}
	}
	for _, parent := range parents {
		if parent != "" && parent != t.id && len(t.parents) < 6 && !slices.Contains(t.parents, parent) {
			t.parents = append(t.parents, parent)
		}
	}
}

func (r *codexReading) endCopy() {
	if r.copying {
		r.copying = false
		r.thread.inherited = len(r.thread.rows)
	}
}

// row reads a token_count and works out what it adds.
func (r *codexReading) row(record, payload any) {
	if r.thread.id == "" {
		r.thread.id = r.name
	}
	info := member(payload, "info")
	total, hasTotal := codexUsage(member(info, "total_token_usage"))
	last, hasLast := codexUsage(member(info, "last_token_usage"))
	if !hasTotal && !hasLast {
		return
	}
	for _, model := range []string{codexText(96, info, "model"), codexText(96, info, "model_name"), codexText(96, payload, "model")} {
		if codexSet(&r.model, model) {
			break
		}
	}
	none := codexCounters{}
	row := codexRow{print: fmt.Sprint(hasTotal, total, hasLast, last)}
	if total == none && hasLast && last != none {
		hasTotal = false
	}
	if len(r.thread.rows) == 0 {
		r.fromZero = !hasTotal || hasLast && total == last
		_, r.ordered = member(record, "ordinal").(json.Number)
	}
	if ordinal, ok := member(record, "ordinal").(json.Number); ok && r.below == len(r.thread.rows) {
		if n, err := ordinal.Int64(); err == nil && n < r.start {
			r.below++
		}
	}

	var added codexCounters
	if hasTotal {
		row.key = fmt.Sprint("total ", total)
		added = r.add(total, last, hasLast)
	} else {
		row.key = fmt.Sprint("last ", r.last, last)
		if !r.dated {
			row.key = fmt.Sprint("row ", len(r.thread.rows), last)
		}
		added = last
	}
	if !r.usesLedger {
		row.request, row.counts = r.request(added)
	}
	r.thread.rows = append(r.thread.rows, row)
}

// add gives what a row with a total adds.
func (r *codexReading) add(total, last codexCounters, hasLast bool) codexCounters {
	none := codexCounters{}
	before := r.previous
	r.previous = &total
	if total == none || r.seen[total] {
		return none
	}
	r.seen[total] = true
	move := func(from int) {
		if from < 0 && len(r.heads) == 32 {
			from = 0
		}
		if from >= 0 {
			r.heads = slices.Delete(r.heads, from, from+1)
		}
		r.heads = append(r.heads, total)
	}
	if !hasLast {
		// The stream that is nearest below it, the one that moved last if two are.
		nearest, step := -1, int64(0)
		for i, head := range r.heads {
			gap, sum := codexMinus(total, head)
			if slices.Min(gap[:]) >= 0 && (nearest < 0 || sum <= step) {
				nearest, step = i, sum
			}
		}
		added := total
		if nearest >= 0 {
			added, _ = codexMinus(total, r.heads[nearest])
		}
		move(nearest)
		return added
	}
	base, _ := codexMinus(total, last)
	if at := slices.Index(r.heads, base); at >= 0 {
		move(at)
		return last
	}
	if base != none && before != nil {
		gap, _ := codexMinus(total, *before)
		fits := true
		for i := range gap {
			fits = fits && gap[i] >= 0 && gap[i] <= last[i]
		}
		if fits {
			move(slices.Index(r.heads, *before))
			return gap
		}
	}
	move(-1)
	return last
}

func codexMinus(a, b codexCounters) (difference codexCounters, sum int64) {
	for i := range a {
		difference[i] = a[i] - b[i]
		sum += difference[i]
	}
	return difference, sum
}

// request makes a request of what was added; false: nothing was.
func (r *codexReading) request(added codexCounters) (Request, bool) {
	input, output := max(added[0], 0), max(added[3], 0)
	read := min(max(added[1], 0), input)
	write := min(max(added[2], 0), input-read)
	q := Request{
		Agent: "codex", Model: r.model, Project: Repository(r.project), Session: r.thread.id, Time: r.last,
		Input: input - read - write, CacheRead: read, CacheWrite5m: write,
		Output: output, Reasoning: min(max(added[4], 0), output),
	}
	if q.Model == "" {
		q.Model = "unknown"
	}
	return q, input+output > 0
}

// response reads a token_usage_record.
func (r *codexReading) response(payload any) {
	if r.thread.id == "" {
		r.thread.id = r.name
	}
	used, ok := codexUsage(member(payload, "usage"))
	if !ok || text(payload, "thread_id") != r.thread.id {
		return
	}
	codexSet(&r.model, codexText(96, payload, "model"))
	r.usesLedger = true
	key := text(payload, "response_id")
	if key == "" {
		sum, _ := codexUsage(member(payload, "thread_token_usage"))
		key = fmt.Sprint("sum ", sum)
		if (sum == codexCounters{}) {
			key = fmt.Sprint("at ", r.last, used)
		}
	}
	if request, counts := r.request(used); counts {
		r.thread.ledger[key] = append(r.thread.ledger[key], request)
	}
}

// codexUsage reads a usage object; false: it is none.
func codexUsage(tree any) (c codexCounters, ok bool) {
	if _, ok := tree.(map[string]any); !ok {
		return c, false
	}
	for i, name := range []string{"input_tokens", "cached_input_tokens", "cache_write_input_tokens", "output_tokens", "reasoning_output_tokens"} {
		c[i] = count(tree, name)
	}
	if c[2] == 0 {
		c[2] = count(tree, "cache_creation_input_tokens")
	}
	return c, true
}

// codexText is a text that names something, cut to most bytes, between characters.
func codexText(most int, tree any, names ...string) string {
	name := text(tree, names...)
	for len(name) > most {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	return name
}

func codexSet(to *string, value string) bool {
	if value != "" {
		*to = value
	}
	return value != ""
}

// codexRequests gives each row of each thread to its owner and counts it once.
func codexRequests(files []*codexThread) (requests []Request) {
	h := codexHome{threads: map[string]*codexThread{}}
	for _, f := range files { // of copies the longest stands for the thread
		if known := h.threads[f.id]; known == nil || len(f.rows) > len(known.rows) {
			h.threads[f.id] = f
		}
	}
	type counted struct {
		Request
		ordinal int
		counted time.Time // of the reading whose counters stand
		claimed time.Time // of the one whose project stands
	}
	byKey := map[string]counted{}
	count := func(key string, q Request, ordinal int) {
		best := counted{q, ordinal, q.Time, q.Time}
		known, ok := byKey[key]
		if !ok {
			byKey[key] = best
			return
		}
		// The first occurrence counts; of equal ones the largest, then the latest, and so on,
		// for one answer in any order.
		other := known
		if codexCountsMore(known.Request, known.ordinal, known.counted, best.Request, best.ordinal, best.counted) {
			best, other = known, best
		}
		// The project is that of the earliest reading, the time too: the own log knows more
		// than a copy without a date.
		if best.Undated && !other.Undated || best.Undated == other.Undated && codexClaimsMore(other.Request, other.claimed, best.Request, best.claimed) {
			best.Session, best.Project, best.claimed = other.Session, other.Project, other.claimed
		}
		if best.Undated && !other.Undated || !other.Undated && other.Time.Before(best.Time) {
			best.Time, best.Undated = other.Time, false
		}
		byKey[key] = best
	}
	for _, f := range files {
		for key, requests := range f.ledger {
			for _, q := range requests {
				count("response "+f.id+" "+key, q, 0)
			}
		}
		owners := h.owners(f, nil)
		for i, row := range f.rows {
			if !row.counts {
				continue
			}
			q, owner := row.request, f.id
			if i < len(owners) {
				if owners[i].read {
					continue
				}
				owner = owners[i].id
				q.Session, q.Time, q.Undated = owner, time.Time{}, true
			}
			count("row "+owner+" "+row.key, q, i)
		}
	}
	for _, c := range byKey {
		requests = append(requests, c.Request)
	}
	return requests
}

func codexCountsMore(a Request, ordinalA int, timeA time.Time, b Request, ordinalB int, timeB time.Time) bool {
	total := func(q Request) int64 { return q.Input + q.CacheRead + q.CacheWrite5m + q.Output }
	return cmp.Or(
		cmp.Compare(ordinalB, ordinalA), cmp.Compare(a.Output, b.Output), cmp.Compare(total(a), total(b)), timeA.Compare(timeB),
		cmp.Compare(a.Input, b.Input), cmp.Compare(a.CacheRead, b.CacheRead), cmp.Compare(a.CacheWrite5m, b.CacheWrite5m),
		cmp.Compare(a.Reasoning, b.Reasoning), cmp.Compare(a.Model, b.Model)) > 0
}

func codexClaimsMore(a Request, timeA time.Time, b Request, timeB time.Time) bool {
	return cmp.Or(timeA.Compare(timeB), cmp.Compare(a.Session, b.Session), cmp.Compare(a.Project, b.Project)) < 0
}

type codexHome struct{ threads map[string]*codexThread }

// codexOwner owns a row; read: its log is here and has the row.
type codexOwner struct {
	id   string
	read bool
}

// owners gives the owner of each inherited row of a thread, from the first on.
func (h codexHome) owners(t *codexThread, asked []string) []codexOwner {
	if slices.Contains(asked, t.id) {
		return nil
	}
	asked = append(slices.Clone(asked), t.id)
	most := len(t.rows)
	if t.exact {
		most = min(most, t.inherited)
	}
	// Of a circle, which only damage can make, the younger thread is the child: ids grow.
	parents := slices.DeleteFunc(slices.Clone(t.parents), func(id string) bool {
		return id > t.id && h.isBelow(h.threads[id], t.id, nil)
	})
	if len(parents) == 0 {
		return nil
	}
	var owners []codexOwner
	for _, id := range parents {
		parent := h.threads[id]
		if parent == nil {
			continue
		}
		if n := codexShared(t, parent, most); n > len(owners) {
			owners = h.owners(parent, asked)
			owners = slices.Clone(owners[:min(n, len(owners))])
			for len(owners) < n {
				owners = append(owners, codexOwner{id, true})
			}
		}
	}
	nearest := h.threads[parents[0]]
	upTo := len(owners)
	if t.exact || !t.open || nearest == nil {
		upTo = max(upTo, min(t.inherited, most))
	}
	// Rows that relatives share come from the nearest ancestor they have in common.
	shared := make([]int, len(parents))
	for _, other := range h.threads {
		if other.id == t.id || slices.Contains(parents, other.id) || h.isBelow(other, t.id, nil) {
			continue
		}
		for i, id := range parents {
			if !slices.Contains(other.parents, id) {
				continue
			}
			if h.threads[id] == nil {
				n := most
				if other.exact {
					n = min(n, other.inherited)
				}
				shared[i] = max(shared[i], codexShared(t, other, n))
				if !t.exact {
					upTo = max(upTo, shared[i])
				}
			}
			break
		}
	}
	for len(owners) < upTo {
		owner := parents[0]
		for i := range parents {
			if shared[i] > len(owners) {
				owner = parents[i]
			}
		}
		owners = append(owners, codexOwner{id: owner})
	}
	return owners
}

// isBelow reports whether a thread descends from an ancestor.
func (h codexHome) isBelow(t *codexThread, ancestor string, asked []string) bool {
	if t == nil || slices.Contains(asked, t.id) {
		return false
	}
	for _, id := range t.parents {
		if id == ancestor || h.isBelow(h.threads[id], ancestor, append(slices.Clone(asked), t.id)) {
			return true
		}
	}
	return false
}

func codexShared(a, b *codexThread, most int) int {
	n := 0
	for n < most && n < len(b.rows) && a.rows[n].print == b.rows[n].print {
		n++
	}
	return n
}
