package platform

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"tokenmeter/internal/agent"
)

// FindProgram finds a program on the PATH of env; "" = it is not there. Never what happens to lie in the
// working folder.
func FindProgram(env agent.Env, name string) string {
	for _, dir := range filepath.SplitList(env.Variable("PATH")) {
		if !filepath.IsAbs(dir) {
			continue
		}
		for _, suffix := range programSuffixes {
			if path := filepath.Join(dir, name+suffix); runnable(path) {
				return path
			}
		}
	}
	return ""
}

// Group is a program that was started together with whatever it starts in turn.
type Group struct {
	Input  io.WriteCloser // its standard input
	Output io.Reader      // its standard output; reading ends with End
	output *os.File
	handle group
	run    *exec.Cmd
}

// StartGroup starts the program at path in dir, with the environment that StartWindow's has. Its
// standard error is thrown away. On Linux it ends with this process, however that ends. End
// must be called, by the goroutine that called StartGroup.
func StartGroup(env agent.Env, dir, path string, arguments ...string) (*Group, error) {
	fail := func(err error) (*Group, error) { return nil, fmt.Errorf("start %s: %w", filepath.Base(path), err) }
	command := exec.Command(path, arguments...)
	command.Dir = dir
	command.Env = environmentOf(env, os.Environ())
	input, err := command.StdinPipe()
	if err != nil {
		return fail(err)
	}
	output, theirs, err := os.Pipe()
	if err != nil {
		input.Close()
		return fail(err)
	}
	command.Stdout = theirs
	g := &Group{Input: input, Output: output, output: output, run: command}
	// The system ends the program when the thread that started it ends, so that one must stay.
	runtime.LockOSThread()
	g.handle.prepare(command)
	err = command.Start()
	theirs.Close()
	if err != nil {
		runtime.UnlockOSThread()
		input.Close()
		output.Close()
		return fail(err)
	}
	g.handle.started(command)
	return g, nil
}

// End kills what is left of the group and waits for the program's end.
func (g *Group) End() {
	g.Input.Close()
	// Before the program's end is waited for: until then no other group can have its number.
	g.handle.kill(g.run)
	_ = g.run.Wait()
	g.output.Close()
	runtime.UnlockOSThread()
}
