package platform

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"tokenmeter/internal/agent"
)

const windowName = "tokenmeter-window" + programSuffix

// ErrNoWindowProgram is returned by WindowProgram when it is nowhere.
var ErrNoWindowProgram = errors.New(windowName + " is neither beside this program nor on PATH")

// WindowProgram finds the window program: beside this executable, then on the PATH of env.
func WindowProgram(env agent.Env) (string, error) {
	if self, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(self); err == nil {
			self = real
		}
		if path := filepath.Join(filepath.Dir(self), windowName); runnable(path) {
			return path, nil
		}
	}
	if path := FindProgram(env, strings.TrimSuffix(windowName, programSuffix)); path != "" {
		return path, nil
	}
	return "", ErrNoWindowProgram
}

func runnable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && (programSuffix != "" || info.Mode().Perm()&0o111 != 0)
}

// StartWindow starts the window program at path, with the home of env and without the
// variables that env hides and that name a place: what env is not to see, the window is not
// to see either. It shares this process's standard error.
func StartWindow(env agent.Env, path string, arguments ...string) (*Process, error) {
	command := exec.Command(path, arguments...)
	command.Stderr = os.Stderr
	command.Env = keepAuthority(windowEnvironment(environmentOf(env, os.Environ())), os.Environ())
	p, err := start(command)
	if err != nil {
		return nil, fmt.Errorf("start window: %w", err)
	}
	return p, nil
}

func environmentOf(env agent.Env, variables []string) []string {
	home := "HOME"
	if env.OS == "windows" {
		home = "USERPROFILE"
	}
	var list []string
	for _, variable := range variables {
		name, value, _ := strings.Cut(variable, "=")
		hidden := env.Variable(name) == "" && filepath.IsAbs(value)
		if !hidden && name != home {
			list = append(list, variable)
		}
	}
	if env.Home != "" {
		list = append(list, home+"="+env.Home)
	}
	return list
}

// keepAuthority names the X server's key where only the home that is replaced would tell it.
func keepAuthority(changed, original []string) []string {
	var home string
	for _, variable := range original {
		name, value, _ := strings.Cut(variable, "=")
		switch name {
		case "XAUTHORITY":
			return changed
		case "HOME":
			home = value
		}
	}
	key := filepath.Join(home, ".Xauthority")
	if _, err := os.Stat(key); home == "" || err != nil {
		return changed
	}
	return append(changed, "XAUTHORITY="+key)
}

// StartSelf starts this executable again as a process that nothing ties to this one.
func StartSelf(arguments ...string) (*Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	p, err := start(exec.Command(self, arguments...))
	if err != nil {
		return nil, fmt.Errorf("start the meter: %w", err)
	}
	return p, nil
}

func start(command *exec.Cmd) (*Process, error) {
	detach(command)
	if err := command.Start(); err != nil {
		return nil, err
	}
	p := &Process{command: command, ended: make(chan struct{})}
	go func() {
		p.err = command.Wait()
		close(p.ended)
	}()
	return p, nil
}

// Process is a program that was started.
type Process struct {
	command *exec.Cmd
	ended   chan struct{}
	err     error // written before ended is closed
}

// Ended is closed when it has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Err waits for the end; nil: it ended by itself with exit code 0.
func (p *Process) Err() error {
	<-p.ended
	return p.err
}

// Kill ends it at once.
func (p *Process) Kill() { _ = p.command.Process.Kill() }
