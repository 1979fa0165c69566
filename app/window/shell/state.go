package shell

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/BurntSushi/toml"
)

const stateVersion = 1

// State is what the window remembers of itself, in its own file in the data folder.
type State struct {
	Version int     `toml:"version"`
	Width   float32 `toml:"width"` // in units that do not depend on the screen
	Height  float32 `toml:"height"`
	Page    string  `toml:"page"`
}

func firstState() State {
	return State{Version: stateVersion, Width: 1200, Height: 720, Page: LivePage}
}

// LoadState reads the state; where there is none that can be used, the window starts as new.
func LoadState(path string) State {
	s := firstState()
	if _, err := toml.DecodeFile(path, &s); err != nil || s.Version != stateVersion {
		return firstState()
	}
	if !(s.Width >= leastWidth && s.Width <= 1<<14) || !(s.Height >= leastHeight && s.Height <= 1<<14) {
		s.Width, s.Height = firstState().Width, firstState().Height
	}
	return s
}

// SaveState writes the state in one step, readable by its owner only. Nothing is written
// where nothing has changed.
func SaveState(path string, s State) error {
	if s == LoadState(path) {
		if _, err := os.Stat(path); err == nil {
			return nil
		}
	}
	var text bytes.Buffer
	if err := toml.NewEncoder(&text).Encode(s); err != nil {
		return fmt.Errorf("encode window state: %w", err)
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".window-*") // made with mode 0600
	if err != nil {
		return fmt.Errorf("save window state: %w", err)
	}
	_, err = file.Write(text.Bytes())
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		os.Remove(file.Name())
		return fmt.Errorf("save window state: %w", err)
	}
	return nil
}
