package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/fwdtools/fwd/internal/cli"
)

// child is a command that runs while the routes are there.
type child struct {
	path string
	args []string // the name first, as it was typed
}

// findChild looks a command up, as far as that goes before it is started.
func findChild(args []string) (*child, error) {
	path, err := exec.LookPath(args[0])
	if err != nil {
		var (
			lookup *exec.Error
			stat   *fs.PathError
		)
		switch {
		case errors.As(err, &stat):
			err = stat.Err
		case errors.As(err, &lookup):
			err = lookup.Err
		}
		return nil, fmt.Errorf("command %q: %w", args[0], err)
	}
	return &child{path, args}, nil
}

// killTime is how long a command may take to end once it was asked to.
const killTime = 5 * time.Second

// run runs the command to its end, with our standard input and output. Its exit
// code, or 128 and the signal that killed it, is ours. When ctx ends, because
// a route has failed, it is terminated.
//
// Signals are the command's while it runs, so that it may end as it likes, or
// not at all.
func (c *child) run(ctx context.Context, env cli.Env) error {
	// Without Reset ctx would end with them, too, and the routes before it does.
	signal.Reset(os.Interrupt, syscall.SIGTERM)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)

	cmd := exec.CommandContext(ctx, c.path)
	cmd.Args = c.args
	cmd.Stdin, cmd.Stdout, cmd.Stderr = env.Stdin, env.Stdout, env.Stderr
	cmd.Cancel = func() error { return terminate(cmd.Process) }
	cmd.WaitDelay = killTime
	if err := cmd.Start(); err != nil {
		return cli.Usage(fmt.Errorf("command %q: %w", c.args[0], err))
	}
	ended := make(chan struct{})
	passed := make(chan struct{})
	go func() {
		defer close(passed)
		for {
			select {
			case s := <-signals:
				if s != os.Interrupt || !fromTerminal() { // the terminal has interrupted it, too
					cmd.Process.Signal(s)
				}
			case <-ended:
				return
			}
		}
	}()
	err := cmd.Wait()
	close(ended)
	<-passed
	switch {
	case cmd.ProcessState == nil:
		return fmt.Errorf("command %q: %w", c.args[0], err)
	case ctx.Err() != nil:
		return nil
	}
	if code := exitCode(cmd.ProcessState); code != cli.ExitOK {
		return cli.Reported(code)
	}
	return nil
}

// terminate asks a process to end, where that can be asked.
func terminate(p *os.Process) error {
	if err := p.Signal(syscall.SIGTERM); err == nil || errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return p.Kill()
}

// exitCode is what a shell says of how a process ended.
func exitCode(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}
