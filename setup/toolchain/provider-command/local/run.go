package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	provider "github.com/pulumi/pulumi-go-provider"
)

const (
	// gracePeriod is how long a cancelled command may take to clean up. The engine gives a plugin that it closes 5 s,
	// and nobody would be left to end the command after that.
	gracePeriod = 4 * time.Second

	// maxLogLine bounds one line of the log: a command may print without ever ending a line.
	maxLogLine = 64 * 1024
)

// run runs one command to its end. Without a command the output stays as it was.
func (c *Command) run(ctx context.Context, command *string, state State) (Output, error) {
	if command == nil {
		return state.Output, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.Closing, cancel)()

	process := process(ctx, *command, state)
	var deadline time.Time
	process.Cancel = func() error {
		deadline = time.Now().Add(gracePeriod)
		return syscall.Kill(-process.Process.Pid, syscall.SIGTERM)
	}
	logger := provider.GetLogger(ctx)
	var stdout, stderr bytes.Buffer
	var both sharedBuffer
	stdoutLines := lineWriter{log: logger.InfoStatus, quiet: !state.Logging.shows(logStdout)}
	stderrLines := lineWriter{log: logger.InfoStatus, quiet: !state.Logging.shows(logStderr)}
	process.Stdout = io.MultiWriter(&stdout, &both, &stdoutLines)
	process.Stderr = io.MultiWriter(&stderr, &both, &stderrLines)

	// Left to the start of the process, a missing directory would be reported as a missing interpreter.
	err := checkDirectory(process.Dir)
	if err == nil {
		err = process.Run()
	}
	stdoutLines.flush()
	stderrLines.flush()
	if ctx.Err() != nil && process.Process != nil {
		endGroup(process.Process.Pid, deadline)
		if !errors.Is(err, ctx.Err()) {
			err = fmt.Errorf("%w, %w", ctx.Err(), err)
		}
	}
	if err != nil {
		return Output{}, fmt.Errorf("%w: running %q:\n%s", err, *command, both.String())
	}
	return Output{
		Stdout: strings.TrimSuffix(stdout.String(), "\n"),
		Stderr: strings.TrimSuffix(stderr.String(), "\n"),
	}, nil
}

// process is the command, not started yet, in a process group of its own: a cancel must reach what a shell started too.
func process(ctx context.Context, command string, state State) *exec.Cmd {
	interpreter := []string{"/bin/sh", "-c"}
	if state.Interpreter != nil && len(*state.Interpreter) > 0 {
		interpreter = *state.Interpreter
	}
	arguments := append(interpreter[1:len(interpreter):len(interpreter)], command)
	process := exec.CommandContext(ctx, interpreter[0], arguments...)
	process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	process.WaitDelay = gracePeriod

	if state.Dir != nil {
		process.Dir = *state.Dir
	}
	if state.Stdin != nil && *state.Stdin != "" {
		process.Stdin = strings.NewReader(*state.Stdin)
	}
	process.Env = os.Environ()
	if state.Environment != nil {
		for name, value := range *state.Environment {
			process.Env = append(process.Env, name+"="+value)
		}
	}
	if state.AddPreviousOutputInEnv == nil || *state.AddPreviousOutputInEnv {
		if state.Stdout != "" {
			process.Env = append(process.Env, "PULUMI_COMMAND_STDOUT="+state.Stdout)
		}
		if state.Stderr != "" {
			process.Env = append(process.Env, "PULUMI_COMMAND_STDERR="+state.Stderr)
		}
	}
	return process
}

func checkDirectory(directory string) error {
	if directory == "" {
		return nil
	}
	_, err := os.Stat(directory)
	return err
}

// endGroup lets what is left of a cancelled command's group clean up until the deadline, then kills it.
func endGroup(group int, deadline time.Time) {
	const poll = 20 * time.Millisecond
	for ; time.Now().Before(deadline); time.Sleep(poll) {
		if syscall.Kill(-group, 0) != nil {
			return
		}
	}
	_ = syscall.Kill(-group, syscall.SIGKILL)
}

// sharedBuffer takes both outputs in the order they come, for the error message.
type sharedBuffer struct {
	mutex  sync.Mutex
	buffer bytes.Buffer
}

func (b *sharedBuffer) Write(text []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.buffer.Write(text)
}

func (b *sharedBuffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.buffer.String()
}

// lineWriter hands on each line as soon as it is whole.
type lineWriter struct {
	log   func(line string)
	quiet bool
	rest  []byte
}

func (w *lineWriter) Write(text []byte) (int, error) {
	if w.quiet {
		return len(text), nil
	}
	w.rest = append(w.rest, text...)
	for {
		end := bytes.IndexByte(w.rest, '\n')
		if end < 0 {
			break
		}
		w.log(string(w.rest[:end]))
		w.rest = w.rest[end+1:]
	}
	if len(w.rest) >= maxLogLine {
		w.flush()
	}
	return len(text), nil
}

func (w *lineWriter) flush() {
	if len(w.rest) > 0 {
		w.log(string(w.rest))
		w.rest = nil
	}
}
