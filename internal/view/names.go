package view

import (
	"path"
	"strconv"
	"strings"

	"tokenmeter/internal/report"
	"tokenmeter/internal/usage"
)

// agentName is what people call an agent.
func agentName(agents []report.AgentState, id usage.AgentID) (name string, slot int) {
	for _, a := range agents {
		if a.ID == id {
			return a.Name, a.Slot
		}
	}
	return string(id), -1
}

// slashed writes a path of any system with slashes.
func slashed(p string) string { return strings.ReplaceAll(p, `\`, "/") }

// projectName is the last part of a working folder.
func projectName(project string) string {
	if project == "" {
		return Dash
	}
	name := path.Base(slashed(project))
	if name == "/" || name == "." {
		return project
	}
	return name
}

// projectNames gives each folder its last part, with the part before it where two would
// look the same.
func projectNames(projects []string) []string {
	seen := map[string]int{}
	for _, p := range projects {
		seen[projectName(p)]++
	}
	names := make([]string, len(projects))
	for i, p := range projects {
		names[i] = projectName(p)
		if seen[names[i]] < 2 || p == "" {
			continue
		}
		if parent := path.Base(path.Dir(slashed(p))); parent != "/" && parent != "." {
			names[i] = parent + "/" + names[i]
		}
	}
	return names
}

// ShortPath writes a path below the home folder as ~/…
func ShortPath(p, home string) string {
	if home == "" || len(home) < 2 {
		return p
	}
	if p == home {
		return "~"
	}
	rest, ok := strings.CutPrefix(p, home)
	if ok && (rest[0] == '/' || rest[0] == '\\') {
		return "~" + rest
	}
	return p
}

// modelName is a model as logged.
func modelName(model string) string {
	if model == "" {
		return Dash
	}
	return model
}

// shortModel is for the tray's one line only: the last part of a path, without the agent's
// own name in front and a date behind, "5-5" as "5.5".
func shortModel(model string, agent usage.AgentID) string {
	if model == "" {
		return ""
	}
	name := strings.TrimPrefix(path.Base(model), string(agent)+"-")
	parts := strings.Split(name, "-")
	kept := parts[:0]
	number := false // the last kept part is a number of one or two digits
	for _, p := range parts {
		digits := p != "" && strings.Trim(p, "0123456789") == ""
		switch {
		case digits && len(p) == 8 && len(kept) > 0:
			number = false
		case digits && len(p) <= 2 && number:
			kept[len(kept)-1] += "." + p
			number = false
		default:
			kept = append(kept, p)
			number = digits && len(p) <= 2
		}
	}
	return strings.Join(kept, "-")
}

// windowName is "Claude 5 h". Another limit than the agent's main one is named too, and
// the account where an agent has several.
func windowName(s *report.Snapshot, w *report.Window) string {
	name, _ := agentName(s.Agents, w.Agent)
	limit := strings.TrimLeft(strings.TrimPrefix(w.LimitID, string(w.Agent)), ":_-")
	if limit != "" {
		name += " " + clip(limit, 24)
	}
	if length := windowLength(w.WindowMinutes); length != "" {
		name += " " + length
	}
	for i := range s.Windows {
		if other := &s.Windows[i]; other.Agent == w.Agent && other.Account != w.Account && w.Account != "" {
			return name + " (" + clip(w.Account, 8) + ")"
		}
	}
	return name
}

// windowLength is "5 h", "7 d", "month", "90 min".
func windowLength(minutes int64) string {
	const hour, day = 60, 24 * 60
	switch {
	case minutes <= 0:
		return ""
	case minutes >= 28*day && minutes <= 31*day:
		return "month"
	case minutes%day == 0:
		return strconv.FormatInt(minutes/day, 10) + NarrowSpace + "d"
	case minutes%hour == 0:
		return strconv.FormatInt(minutes/hour, 10) + NarrowSpace + "h"
	}
	return strconv.FormatInt(minutes, 10) + " min"
}

// clip shortens text to a number of characters, the last being "…".
func clip(text string, length int) string {
	runes := []rune(text)
	if len(runes) <= length {
		return text
	}
	if length < 1 {
		return ""
	}
	return string(runes[:length-1]) + "…"
}
