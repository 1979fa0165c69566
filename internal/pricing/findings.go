package pricing

import (
	"tokenmeter/internal/health"
	"tokenmeter/internal/settings"
)

// PutFindings puts on the board what of a data folder's settings is not in force, and takes
// off it what was wrong before.
func PutFindings(board *health.Board, dir string, p *Prices) {
	path := settings.Path(dir)
	if p.Failed() != nil {
		board.Set(health.SettingsFailed, health.Warning, path, p.Failed().Error())
	} else {
		board.Clear(health.SettingsFailed, path)
	}
	wrong := map[string]bool{}
	for _, w := range p.Warnings() {
		wrong[w.Key] = true
		board.Set(health.SettingsWrong, health.Warning, w.Key, w.String())
	}
	for _, f := range board.Findings() {
		if f.Code == health.SettingsWrong && !wrong[f.Subject] {
			board.Clear(f.Code, f.Subject)
		}
	}
}
