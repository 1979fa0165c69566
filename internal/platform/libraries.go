package platform

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tokenmeter/internal/agent"
)

// MissingLibraries lists the shared libraries that the window program needs and that are
// nowhere the loader looks; nil on systems that bring them along.
func MissingLibraries(env agent.Env) []string {
	if env.OS == "darwin" || env.OS == "windows" {
		return nil
	}
	return missingLibraries(loaderCache("/etc/ld.so.cache"), libraryFolders(env))
}

// windowLibraries are linked into the window program or opened by it at its start.
func windowLibraries() []string {
	return []string{
		"libGL.so.1", "libX11.so.6", "libXcursor.so.1", "libXi.so.6",
		"libXinerama.so.1", "libXrandr.so.2", "libXxf86vm.so.1",
	}
}

func missingLibraries(cached, folders []string) []string {
	var missing []string
	for _, name := range windowLibraries() {
		found := slices.ContainsFunc(folders, func(dir string) bool { return regular(filepath.Join(dir, name)) }) ||
			slices.ContainsFunc(cached, func(path string) bool { return filepath.Base(path) == name && regular(path) })
		if !found {
			missing = append(missing, name)
		}
	}
	return missing
}

func regular(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// loaderCache lists the absolute paths in the loader's cache. Whatever its version, the
// paths stand in it as strings that end with a NUL.
func loaderCache(path string) []string {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	var paths []string
	for _, text := range bytes.Split(content, []byte{0}) {
		if len(text) > 0 && text[0] == '/' && bytes.Contains(text, []byte(".so")) {
			paths = append(paths, string(text))
		}
	}
	return paths
}

// libraryFolders are searched besides the cache: systems with musl have none.
func libraryFolders(env agent.Env) []string {
	var folders []string
	for _, dir := range strings.Split(env.Variable("LD_LIBRARY_PATH"), ":") {
		if filepath.IsAbs(dir) {
			folders = append(folders, dir)
		}
	}
	return append(folders, "/usr/local/lib", "/lib64", "/usr/lib64", "/lib", "/usr/lib", "/run/opengl-driver/lib", "/usr/X11R6/lib")
}
