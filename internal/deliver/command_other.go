//go:build !unix

package deliver

import (
	"errors"
	"io"
	"os"
	"os/exec"
)

// ends are our ends of a command's standard input and output: two pipes.
type ends struct {
	in  *os.File // of the command
	out *os.File
}

func start(cmd *exec.Cmd) (*ends, error) {
	theirIn, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer theirIn.Close()
	out, theirOut, err := os.Pipe()
	if err != nil {
		in.Close()
		return nil, err
	}
	defer theirOut.Close()
	cmd.Stdin, cmd.Stdout = theirIn, theirOut
	if err := cmd.Start(); err != nil {
		in.Close()
		out.Close()
		return nil, err
	}
	return &ends{in: in, out: out}, nil
}

func (e *ends) exited() {}

// Read reads what the command has written.
func (e *ends) Read(b []byte) (int, error) {
	n, err := e.out.Read(b)
	if err != nil {
		err = io.EOF
	}
	return n, err
}

// Write gives the command input. One that has closed it wants none.
func (e *ends) Write(b []byte) (int, error) {
	e.in.Write(b)
	return len(b), nil
}

// CloseWrite is the end of the command's input.
func (e *ends) CloseWrite() error { return e.in.Close() }

// Close closes both pipes.
func (e *ends) Close() error { return errors.Join(e.in.Close(), e.out.Close()) }

// There is no asking.
func terminate(cmd *exec.Cmd) { cmd.Process.Kill() }

func kill(cmd *exec.Cmd) { cmd.Process.Kill() }
