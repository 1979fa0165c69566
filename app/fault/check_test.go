//go:build linux

package fault

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"

	"tokenmeter/internal/agent/agenttest/reference"
	"tokenmeter/internal/platform"
)

// sums are requests and tokens by agent, model, project and local day.
type sums map[group]counts

type group struct{ Day, Agent, Model, Project string }

type counts struct {
	Requests            int64 `json:"requests"`
	InputTokens         int64 `json:"inputTokens"`
	OutputTokens        int64 `json:"outputTokens"`
	CacheCreationTokens int64 `json:"cacheCreationTokens"`
	CacheReadTokens     int64 `json:"cacheReadTokens"`
	ReasoningTokens     int64 `json:"reasoningTokens"`
}

func (c counts) plus(d counts) counts {
	return counts{
		c.Requests + d.Requests, c.InputTokens + d.InputTokens, c.OutputTokens + d.OutputTokens,
		c.CacheCreationTokens + d.CacheCreationTokens, c.CacheReadTokens + d.CacheReadTokens, c.ReasoningTokens + d.ReasoningTokens,
	}
}

// differs says where two sums differ, "" if nowhere.
func (s sums) differs(want sums) string {
	var lines []string
	for g := range maps.Keys(want) {
		if s[g] != want[g] {
			lines = append(lines, fmt.Sprintf("%v: %+v, want %+v", g, s[g], want[g]))
		}
	}
	for g := range maps.Keys(s) {
		if _, ok := want[g]; !ok {
			lines = append(lines, fmt.Sprintf("%v: %+v, want none", g, s[g]))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// requests are those of each agent.
func (s sums) requests() map[string]int64 {
	all := map[string]int64{}
	for g, c := range s {
		all[g.Agent] += c.Requests
	}
	return all
}

// expected is what the reference readers find in a home.
func expected(t testing.TB, homeFolder string, zone *time.Location) sums {
	t.Helper()
	all := sums{}
	for _, read := range []func(map[string]string, string) ([]reference.Request, error){reference.Claude, reference.Codex} {
		requests, err := read(nil, homeFolder)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range requests {
			g := group{"", r.Agent, r.Model, r.Project}
			if !r.Undated {
				g.Day = r.Time.In(zone).Format(time.DateOnly)
			}
			all[g] = all[g].plus(counts{1, r.Input, r.Output, r.CacheWrite5m + r.CacheWrite1h, r.CacheRead, r.Reasoning})
		}
	}
	return all
}

// history asks the meter.
func history(meter, homeFolder, zone, data, out string) (sums, error) {
	end, err := run(homeFolder, zone, out, meter, "history", "--by", "agent,model,project,day", "--json", "--data-dir", data)
	if err == nil {
		err = end.judge()
	}
	if err != nil {
		return nil, err
	}
	if end.code != 0 {
		return nil, fmt.Errorf("history: exit code %d\n%s", end.code, end.errors)
	}
	return historyIn(end.out)
}

// historyIn reads what `history --json` printed.
func historyIn(printed string) (sums, error) {
	var answer struct {
		Rows []struct {
			group
			counts
		}
	}
	if err := json.Unmarshal([]byte(printed), &answer); err != nil {
		return nil, fmt.Errorf("history: %w\n%s", err, printed)
	}
	all := sums{}
	for _, r := range answer.Rows {
		if _, twice := all[r.group]; twice {
			return nil, fmt.Errorf("history: two rows for %v", r.group)
		}
		all[r.group] = r.counts
	}
	return all, nil
}

// scanned is what `scan --json` printed of each agent.
func scanned(printed string) (map[string]int64, error) {
	var answer struct {
		Agents []struct {
			Agent    string
			Requests int64
		}
	}
	if err := json.Unmarshal([]byte(printed), &answer); err != nil {
		return nil, fmt.Errorf("scan --json: %w\n%s", err, printed)
	}
	all := map[string]int64{}
	for _, a := range answer.Agents {
		if a.Requests > 0 {
			all[a.Agent] = a.Requests
		}
	}
	return all, nil
}

// The database's own sums. strands, roll and day must each be the sum of the events.
const (
	sumOfEvents = `sum(e.input), sum(e.output), sum(e.cw5+e.cw1), sum(e.cread), sum(e.reason) FROM event e JOIN strand s ON s.id=e.strand`
	sumOfRolls  = `sum(n), sum(input), sum(output), sum(cw5+cw1), sum(cread), sum(reason)`
)

// sound looks into a database: SQLite finds it whole, and each table of sums has the sums
// of the events, which by day are those that are wanted.
func sound(data string, want sums) error {
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(data, platform.DatabaseName)+"?_query_only=1")
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	var verdict string
	if err := db.QueryRow("PRAGMA quick_check").Scan(&verdict); err != nil || verdict != "ok" {
		return fmt.Errorf("quick_check: %v %s", err, verdict)
	}
	events, err := grouped(db, `SELECT CASE WHEN s.day<-2000000000 THEN s.day ELSE s.day*96+e.ts/900000 END, s.agent, s.model, s.project, count(*), `+sumOfEvents+` GROUP BY 1, 2, 3, 4`)
	if err != nil {
		return err
	}
	quarters, err := grouped(db, `SELECT q, agent, model, project, `+sumOfRolls+` FROM roll GROUP BY 1, 2, 3, 4 HAVING sum(n)>0`)
	if err != nil {
		return err
	}
	if d := quarters.differs(events); d != "" {
		return fmt.Errorf("the quarters are not the sums of the events:\n%s", d)
	}
	strands, err := grouped(db, `SELECT day, agent, model, project, `+sumOfRolls+` FROM strand GROUP BY 1, 2, 3, 4 HAVING sum(n)>0`)
	if err != nil {
		return err
	}
	byDay, err := grouped(db, `SELECT s.day, s.agent, s.model, s.project, count(*), `+sumOfEvents+` GROUP BY 1, 2, 3, 4`)
	if err != nil {
		return err
	}
	if d := strands.differs(byDay); d != "" {
		return fmt.Errorf("the strands are not the sums of the events:\n%s", d)
	}
	days, err := grouped(db, `SELECT CASE WHEN d<-2000000000 THEN '' ELSE date(d*86400, 'unixepoch') END,
		(SELECT name FROM agent WHERE id=agent), coalesce((SELECT s FROM str WHERE id=model), ''), coalesce((SELECT s FROM str WHERE id=project), ''),
		`+sumOfRolls+` FROM day GROUP BY 1, 2, 3, 4 HAVING sum(n)>0`)
	if err != nil {
		return err
	}
	if d := days.differs(want); d != "" {
		return fmt.Errorf("the days are not those of the reference:\n%s", d)
	}
	return nil
}

func grouped(db *sql.DB, query string) (sums, error) {
	rows, err := db.Query(query)
	if err != nil {
		return nil, fmt.Errorf("%w in %s", err, query)
	}
	defer rows.Close()
	all := sums{}
	for rows.Next() {
		var g group
		var c counts
		if err := rows.Scan(&g.Day, &g.Agent, &g.Model, &g.Project,
			&c.Requests, &c.InputTokens, &c.OutputTokens, &c.CacheCreationTokens, &c.CacheReadTokens, &c.ReasoningTokens); err != nil {
			return nil, err
		}
		all[g] = c
	}
	return all, rows.Err()
}
