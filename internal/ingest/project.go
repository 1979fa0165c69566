package ingest

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// projects says which project a working folder belongs to: itself, or where it lies in a
// linked git worktree, the folder of the main repository. Answers are remembered, so a
// folder is looked at once. It may be used from any goroutine.
type projects struct {
	mu    sync.Mutex
	known map[string]string
}

// projectCount bounds what is remembered.
const projectCount = 4096

// of answers for a working folder as an agent wrote it. What is not here or is not
// absolute stays as written.
func (p *projects) of(folder string) string {
	if folder == "" {
		return ""
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if project, ok := p.known[folder]; ok {
		return project
	}
	project := projectOf(folder)
	if p.known == nil || len(p.known) >= projectCount {
		p.known = make(map[string]string)
	}
	p.known[folder] = project
	return project
}

func projectOf(folder string) string {
	if !filepath.IsAbs(folder) {
		return folder
	}
	clean := filepath.Clean(folder) // one folder, however it is spelled
	if info, err := os.Stat(clean); err != nil || !info.IsDir() {
		return folder
	}
	if main, ok := mainRepository(clean); ok {
		return main
	}
	return clean
}

// mainRepository finds the folder of the repository whose linked worktree holds the folder
// at, which is there and has a clean path.
func mainRepository(at string) (string, bool) {
	for {
		mark := filepath.Join(at, ".git")
		if info, err := os.Lstat(mark); err == nil {
			if !info.Mode().IsRegular() {
				return "", false // a main repository
			}
			return linkedTo(mark)
		}
		parent := filepath.Dir(at)
		if parent == at {
			return "", false
		}
		at = parent
	}
}

// linkedTo reads the .git file of a worktree. The file of a submodule leads to a folder
// "modules", not "worktrees", and is none.
func linkedTo(mark string) (string, bool) {
	line, ok := firstLine(mark)
	if !ok {
		return "", false
	}
	gitDir, ok := strings.CutPrefix(line, "gitdir:")
	if !ok {
		return "", false
	}
	gitDir = absolute(strings.TrimSpace(gitDir), filepath.Dir(mark))
	worktrees := filepath.Dir(gitDir)
	if filepath.Base(worktrees) != "worktrees" {
		return "", false
	}
	common := filepath.Dir(worktrees)
	if line, ok := firstLine(filepath.Join(gitDir, "commondir")); ok && line != "" {
		common = absolute(line, gitDir)
	}
	if filepath.Base(common) == ".git" {
		return filepath.Dir(common), true
	}
	if strings.Contains(filepath.ToSlash(common), "/.git/modules/") {
		return "", false // a worktree of a submodule: its main folder is not named here
	}
	return common, true // a bare repository is its own folder
}

func absolute(path, base string) string {
	if !filepath.IsAbs(path) {
		path = filepath.Join(base, path)
	}
	return filepath.Clean(path)
}

// firstLine reads the first line of a small regular file.
func firstLine(path string) (string, bool) {
	file, err := openLog(path)
	if err != nil {
		return "", false
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return "", false
	}
	var buffer [4096]byte
	n, _ := file.Read(buffer[:])
	line, _, _ := strings.Cut(string(buffer[:n]), "\n")
	return strings.TrimSpace(line), true
}
