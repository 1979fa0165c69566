package ingest_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"tokenmeter/internal/store"
)

func TestProjectsOfWorktrees(t *testing.T) {
	type made struct{ folder, want string }
	write := func(t *testing.T, path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// linked makes a worktree of the repository main, the way git does.
	linked := func(t *testing.T, main, tree, common string) {
		t.Helper()
		own := filepath.Join(main, ".git", "worktrees", filepath.Base(tree))
		write(t, filepath.Join(tree, ".git"), "gitdir: "+own+"\n")
		write(t, filepath.Join(own, "HEAD"), "ref: refs/heads/x\n")
		if common != "" {
			write(t, filepath.Join(own, "commondir"), common+"\n")
		}
	}
	cases := []struct {
		name string
		make func(t *testing.T, at string) made
	}{
		{"a plain folder", func(t *testing.T, at string) made {
			return made{at, at}
		}},
		{"a repository", func(t *testing.T, at string) made {
			write(t, at+"/shop/.git/HEAD", "x")
			return made{at + "/shop", at + "/shop"}
		}},
		{"a folder in a repository", func(t *testing.T, at string) made {
			write(t, at+"/shop/.git/HEAD", "x")
			write(t, at+"/shop/deep/er/file", "x")
			return made{at + "/shop/deep/er", at + "/shop/deep/er"}
		}},
		{"a worktree", func(t *testing.T, at string) made {
			linked(t, at+"/shop", at+"/trees/feature", "../..")
			return made{at + "/trees/feature", at + "/shop"}
		}},
		{"a folder in a worktree", func(t *testing.T, at string) made {
			linked(t, at+"/shop", at+"/trees/feature", "../..")
			write(t, at+"/trees/feature/deep/er/file", "x")
			return made{at + "/trees/feature/deep/er", at + "/shop"}
		}},
		{"a worktree within its repository", func(t *testing.T, at string) made {
			linked(t, at+"/shop", at+"/shop/.claude/worktrees/x", "../..")
			return made{at + "/shop/.claude/worktrees/x", at + "/shop"}
		}},
		{"a worktree without commondir", func(t *testing.T, at string) made {
			linked(t, at+"/shop", at+"/feature", "")
			return made{at + "/feature", at + "/shop"}
		}},
		{"an absolute commondir", func(t *testing.T, at string) made {
			linked(t, at+"/shop", at+"/feature", at+"/moved/.git")
			return made{at + "/feature", at + "/moved"}
		}},
		{"a relative gitdir", func(t *testing.T, at string) made {
			linked(t, at+"/shop", at+"/feature", "../..")
			write(t, at+"/feature/.git", "gitdir: ../shop/.git/worktrees/feature\n")
			return made{at + "/feature", at + "/shop"}
		}},
		{"a worktree of a bare repository", func(t *testing.T, at string) made {
			write(t, at+"/shop.git/worktrees/feature/commondir", "../..\n")
			write(t, at+"/feature/.git", "gitdir: "+at+"/shop.git/worktrees/feature\n")
			return made{at + "/feature", at + "/shop.git"}
		}},
		{"a submodule", func(t *testing.T, at string) made {
			write(t, at+"/shop/.git/modules/library/HEAD", "x")
			write(t, at+"/shop/library/.git", "gitdir: ../.git/modules/library\n")
			return made{at + "/shop/library", at + "/shop/library"}
		}},
		{"a submodule called worktrees", func(t *testing.T, at string) made {
			write(t, at+"/shop/.git/modules/worktrees/HEAD", "x")
			write(t, at+"/shop/worktrees/.git", "gitdir: ../.git/modules/worktrees\n")
			return made{at + "/shop/worktrees", at + "/shop/worktrees"}
		}},
		{"a worktree of a submodule", func(t *testing.T, at string) made {
			write(t, at+"/shop/.git/modules/library/worktrees/x/commondir", "../..\n")
			write(t, at+"/x/.git", "gitdir: "+at+"/shop/.git/modules/library/worktrees/x\n")
			return made{at + "/x", at + "/x"}
		}},
		{"a repository within a worktree", func(t *testing.T, at string) made {
			linked(t, at+"/shop", at+"/feature", "../..")
			write(t, at+"/feature/other/.git/HEAD", "x")
			return made{at + "/feature/other", at + "/feature/other"}
		}},
		{"an absent folder", func(t *testing.T, at string) made {
			linked(t, at+"/shop", at+"/feature", "../..")
			return made{at + "/feature/gone", at + "/feature/gone"}
		}},
		{"a file", func(t *testing.T, at string) made {
			linked(t, at+"/shop", at+"/feature", "../..")
			write(t, at+"/feature/file", "x")
			return made{at + "/feature/file", at + "/feature/file"}
		}},
		{"a relative folder", func(t *testing.T, at string) made { return made{"shop", "shop"} }},
		{"a path of another system", func(t *testing.T, at string) made { return made{`C:\w\shop`, `C:\w\shop`} }},
		{"a path with a slash at its end", func(t *testing.T, at string) made { return made{at + "/", at} }},
		{"an absent path with a slash at its end", func(t *testing.T, at string) made { return made{at + "/gone/", at + "/gone/"} }},
		{"no folder", func(t *testing.T, at string) made { return made{"", ""} }},
		{"a .git file that is empty", func(t *testing.T, at string) made {
			write(t, at+"/x/.git", "")
			return made{at + "/x", at + "/x"}
		}},
		{"a .git file that is noise", func(t *testing.T, at string) made {
			write(t, at+"/x/.git", "\x00\xff\nworktrees")
			return made{at + "/x", at + "/x"}
		}},
		{"a .git that is a link to a repository's", func(t *testing.T, at string) made {
			write(t, at+"/shop/.git/HEAD", "x")
			write(t, at+"/x/file", "x")
			if err := os.Symlink(at+"/shop/.git", at+"/x/.git"); err != nil {
				t.Skip(err)
			}
			return made{at + "/x", at + "/x"}
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m := newMachine(t)
			of := c.make(t, filepath.Join(m.home, "w"))
			if of.folder == filepath.Join(m.home, "w") || of.folder == filepath.Join(m.home, "w")+"/" {
				m.must(os.MkdirAll(of.folder, 0o755))
			}
			m.append(shop+"a.jsonl", line(1, of.folder))
			m.once()
			m.wantProject(of.want)
		})
	}
}

func (m *machine) wantProject(want string) {
	m.Helper()
	rows, err := m.store.History(context.Background(), store.Query{By: []store.Dimension{store.Project}})
	m.must(err)
	if len(rows) != 1 || rows[0].Project != want {
		m.Errorf("rows %+v, want one of project %q", rows, want)
	}
	sessions, err := m.store.Sessions(context.Background(), 0)
	m.must(err)
	if len(sessions) != 1 || sessions[0].Project != want {
		m.Errorf("sessions %+v, want one of project %q", sessions, want)
	}
}

func TestAWorktreeMadeByGit(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not here")
	}
	m := newMachine(t)
	git := func(args ...string) {
		t.Helper()
		command := exec.Command("git", args...)
		command.Env = append(os.Environ(), "HOME="+m.home, "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b")
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	git("init", "-q", m.path("shop"))
	git("-C", m.path("shop"), "commit", "-q", "--allow-empty", "-m", "start")
	git("-C", m.path("shop"), "worktree", "add", "-q", m.path("trees/feature"))
	m.append(shop+"a.jsonl", line(1, m.path("trees/feature")))
	m.once()
	m.wantProject(m.path("shop"))
}
