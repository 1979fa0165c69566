package statusline

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/agent/claude"
	"tokenmeter/internal/platform"
)

// recordsName is the file in our folder that says what was there before us.
const recordsName = "chained.json"

// mostText bounds a file of settings or records, in bytes.
const mostText = 8 << 20

// records is that file.
type records struct {
	Version  int      `json:"version"`
	Installs []record `json:"installs"`
}

// record is what was done to one file of settings.
type record struct {
	Settings string  `json:"settings"`         // its path
	Command  string  `json:"command"`          // what was written
	Former   *former `json:"former,omitempty"` // what it replaced
	Added    string  `json:"added,omitempty"`  // what was put in where there was no member
	Created  bool    `json:"created,omitempty"`
}

// former is the command before ours.
type former struct {
	Command string `json:"command"`
	Written string `json:"written"` // in the settings, with its quotes and escapes
}

// chained is the command before ours in the settings that env leads to; "" if there is none.
func chained(dataDir string, env agent.Env) string {
	settings := claude.SettingsFile(env)
	if dataDir == "" || settings == "" {
		return ""
	}
	all, err := readRecords(dataDir)
	if err != nil {
		return ""
	}
	r := all.of(settings)
	if r == nil || r.Former == nil || isOurs(r.Former.Command) || strings.TrimSpace(r.Former.Command) == "" {
		return ""
	}
	return r.Former.Command
}

// of is the record of a file of settings, nil if there is none.
func (r *records) of(settings string) *record {
	for i := range r.Installs {
		if filepath.Clean(r.Installs[i].Settings) == filepath.Clean(settings) {
			return &r.Installs[i]
		}
	}
	return nil
}

// without is all records but that of a file of settings.
func (r records) without(settings string) records {
	r.Installs = slices.DeleteFunc(slices.Clone(r.Installs), func(one record) bool {
		return filepath.Clean(one.Settings) == filepath.Clean(settings)
	})
	return r
}

// readRecords reads what was done; nothing was where there is no file.
func readRecords(dataDir string) (r records, err error) {
	path := filepath.Join(dataDir, Folder, recordsName)
	text, err := readFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return records{Version: 1}, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err == nil && r.Version != 1 {
		err = errors.New("it is of another version of Tokenmeter")
	}
	if err != nil {
		return records{}, fmt.Errorf("read %s: %w", path, err)
	}
	return r, nil
}

// readFile reads a regular file that is not too large.
func readFile(path string) ([]byte, error) {
	file, err := open(path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, mostText+1))
	if err == nil && len(text) > mostText {
		err = fmt.Errorf("it is larger than %d MiB", mostText>>20)
	}
	return text, err
}

// write replaces the file.
func (r records) write(dataDir string) error {
	dir, err := makeFolder(dataDir)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("note what was there before: %w", err)
	}
	path := filepath.Join(dir, recordsName)
	if err := writeNew(path+".new", append(text, '\n'), nil); err != nil {
		return fmt.Errorf("note what was there before: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("note what was there before: %w", err)
	}
	return nil
}

// makeFolder makes our folder in the data folder, which may be missing too: the meter need never
// have run.
func makeFolder(dataDir string) (string, error) {
	if err := platform.MakeDataDir(dataDir); err != nil {
		return "", err
	}
	dir := filepath.Join(dataDir, Folder)
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("make folder of the status line: %w", err)
	}
	return dir, nil
}

// writeNew writes a file that reaches the disk, with mode and owner of another one, or 0600.
// What is left of a run that was killed gives way.
func writeNew(path string, text []byte, like fs.FileInfo) (err error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(path)
		}
	}()
	_, err = file.Write(text)
	if err == nil && like != nil {
		if err = keepOwner(file, like); err == nil {
			err = file.Chmod(like.Mode())
		}
	}
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}
