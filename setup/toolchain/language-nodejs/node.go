package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

const (
	// exitAfterReporting is how @pulumi/pulumi/cmd/run says that the user has seen the error already.
	exitAfterReporting = 32

	// gracePeriod is how long a program may take to end after the interrupt, before it is killed.
	gracePeriod = 5 * time.Second
)

var errNoNode = errors.New("no `node` on PATH, and a program needs Node.js 22 or newer: install it, then run again")

// node is one process to run: the arguments of `node`, and what is added to the environment.
type node struct {
	arguments      []string
	environment    []string
	directory      string
	stdout, stderr io.Writer
}

// command is the process, not started yet. It ends with the call that asked for it, with Cancel, and with this process.
func (h *host) command(ctx context.Context, n node) (*exec.Cmd, context.CancelFunc, error) {
	path, err := exec.LookPath("node")
	if err != nil {
		return nil, nil, errNoNode
	}
	ctx, cancel := context.WithCancel(ctx)
	context.AfterFunc(h.running, cancel)
	command := exec.CommandContext(ctx, path, n.arguments...)
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = gracePeriod
	command.SysProcAttr = endWithParent
	command.Env = append(os.Environ(), n.environment...)
	command.Dir = n.directory
	// Wrapped, so that a pipe lies between: Node makes the files it is given non-blocking, and they are ours as well.
	command.Stdout, command.Stderr = struct{ io.Writer }{n.stdout}, struct{ io.Writer }{n.stderr}
	return command, cancel, nil
}

// runNode runs the process to its end and says its exit code.
func (h *host) runNode(ctx context.Context, n node) (int, error) {
	command, cancel, err := h.command(ctx, n)
	if err != nil {
		return 0, err
	}
	defer cancel()
	// The kernel ties the process to the thread that started it, so the thread must stay while the process runs.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var exit *exec.ExitError
	switch err := command.Run(); {
	case errors.As(err, &exit) && exit.Exited():
		return exit.ExitCode(), nil
	case err != nil:
		return 0, fmt.Errorf("node did not run to its end: %w", err)
	}
	return 0, nil
}

// locateScript finds @pulumi/pulumi/cmd/<name> as Node resolves packages: in the directory's node_modules, else in
// those of the directories above.
func locateScript(name, directory string) (string, error) {
	for _, modules := range nodeModules(directory, "/") {
		script := filepath.Join(modules, "@pulumi", "pulumi", "cmd", name)
		if _, err := os.Stat(script); err == nil {
			return script, nil
		}
	}
	return "", fmt.Errorf("the npm package @pulumi/pulumi is not installed: neither %s nor a directory above has it in "+
		"node_modules. Next: run `npm ci` in %s", directory, directory)
}
