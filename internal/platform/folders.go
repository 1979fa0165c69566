package platform

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"tokenmeter/internal/agent"
)

// Names in the data folder.
const (
	DatabaseName = "tokenmeter.db"
	LockName     = "app.lock"
)

// DataDir is the data folder, absolute: chosen if it is not empty, else the variable
// TOKENMETER_DATA_DIR, else the system's place for such data. It makes nothing.
func DataDir(env agent.Env, chosen string) (string, error) {
	if chosen == "" {
		chosen = env.Variable("TOKENMETER_DATA_DIR")
	}
	if chosen == "" {
		var err error
		if chosen, err = usualDataDir(env); err != nil {
			return "", err
		}
	}
	dir, err := filepath.Abs(chosen)
	if err != nil {
		return "", fmt.Errorf("find data folder: %w", err)
	}
	return dir, nil
}

func usualDataDir(env agent.Env) (string, error) {
	switch env.OS {
	case "windows":
		if local := env.Variable("LOCALAPPDATA"); local != "" {
			return filepath.Join(local, "Tokenmeter"), nil
		}
		if env.Home != "" {
			return filepath.Join(env.Home, "AppData", "Local", "Tokenmeter"), nil
		}
	case "darwin":
		if env.Home != "" {
			return filepath.Join(env.Home, "Library", "Application Support", "Tokenmeter"), nil
		}
	default:
		// The specification has relative values ignored.
		if data := env.Variable("XDG_DATA_HOME"); filepath.IsAbs(data) {
			return filepath.Join(data, "tokenmeter"), nil
		}
		if env.Home != "" {
			return filepath.Join(env.Home, ".local", "share", "tokenmeter"), nil
		}
	}
	return "", errors.New("find data folder: no home folder is known; set HOME or give --data-dir")
}

// CacheDir is the system's place for what may be lost at any time, or "" where no home
// folder is known. It makes nothing.
func CacheDir(env agent.Env) string {
	switch env.OS {
	case "windows":
		if local := env.Variable("LOCALAPPDATA"); local != "" {
			return filepath.Join(local, "Tokenmeter", "Cache")
		}
	case "darwin":
		if env.Home != "" {
			return filepath.Join(env.Home, "Library", "Caches", "Tokenmeter")
		}
	default:
		if cache := env.Variable("XDG_CACHE_HOME"); filepath.IsAbs(cache) {
			return filepath.Join(cache, "tokenmeter")
		}
		if env.Home != "" {
			return filepath.Join(env.Home, ".cache", "tokenmeter")
		}
	}
	return ""
}

// RuntimeDir is where the meter's socket lies: a folder of ours under XDG_RUNTIME_DIR where
// that is there, else the data folder. It makes nothing.
func RuntimeDir(env agent.Env, dataDir string) string {
	if run := env.Variable("XDG_RUNTIME_DIR"); filepath.IsAbs(run) {
		if info, err := os.Stat(run); err == nil && info.IsDir() {
			return filepath.Join(run, "tokenmeter")
		}
	}
	return dataDir
}

// MakeDataDir makes the data folder with mode 0700. One that is there already and holds
// nothing, or our database, is closed to others too; any other is left as it is.
func MakeDataDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make data folder: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("look at data folder: %w", err)
	}
	if info.Mode().Perm()&0o077 == 0 || !ours(dir) {
		return nil
	}
	if err := os.Chmod(dir, 0o700); err != nil && !errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("protect data folder: %w", err)
	}
	return nil
}

// ours keeps a folder that serves other purposes, such as a home, from being closed.
func ours(dir string) bool {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	for _, e := range entries {
		if e.Name() == DatabaseName || e.Name() == LockName {
			return true
		}
	}
	return len(entries) == 0
}
