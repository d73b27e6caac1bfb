//go:build unix

package deliver

import (
	"io"
	"net"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"time"
)

// ends are our ends of a command's standard input and output: one socket, so
// that programs for inetd, nc -e and socat find what they expect.
type ends struct {
	conn *net.UnixConn
	gone atomic.Bool // the command has exited
}

// start starts cmd in a process group of its own: a signal at the prompt is
// ours to pass on, and what cmd has started hears it, too.
func start(cmd *exec.Cmd) (*ends, error) {
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	cmd.Stdin, cmd.Stdout = theirs, theirs
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		ours.Close()
		return nil, err
	}
	return &ends{conn: ours}, nil
}

func socketPair() (*net.UnixConn, *os.File, error) {
	syscall.ForkLock.RLock() // until both are closed on exec
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fds[0])
		syscall.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "ours"), os.NewFile(uintptr(fds[1]), "socket")
	defer ours.Close()
	conn, err := net.FileConn(ours)
	if err != nil {
		theirs.Close()
		return nil, nil, err
	}
	return conn.(*net.UnixConn), theirs, nil
}

// exited ends a Read that waits: what the command has left running may hold the
// socket for long.
func (e *ends) exited() {
	e.gone.Store(true)
	e.conn.SetReadDeadline(time.Now())
}

// Read reads what the command has written, to the end even if it has exited.
func (e *ends) Read(b []byte) (int, error) {
	if !e.gone.Load() {
		n, err := e.conn.Read(b)
		if err == nil || !e.gone.Load() && !unread(err) {
			return n, err
		}
	}
	raw, err := e.conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	n := 0
	if err := raw.Control(func(fd uintptr) { n, err = syscall.Read(int(fd), b) }); err != nil {
		return 0, err
	}
	if n > 0 && err == nil {
		return n, nil
	}
	return 0, io.EOF
}

// unread tells that the other end was closed before it had read everything,
// which is the command's right.
func unread(err error) bool {
	op, ok := err.(*net.OpError)
	if !ok {
		return false
	}
	call, ok := op.Err.(*os.SyscallError)
	return ok && (call.Err == syscall.ECONNRESET || call.Err == syscall.EPIPE)
}

// Write gives the command input. One that has ended its side wants none.
func (e *ends) Write(b []byte) (int, error) {
	n, err := e.conn.Write(b)
	if err != nil && (e.gone.Load() || unread(err)) {
		return len(b), nil
	}
	return n, err
}

// CloseWrite is the end of the command's input.
func (e *ends) CloseWrite() error {
	if err := e.conn.CloseWrite(); err != nil && !e.gone.Load() {
		return err
	}
	return nil
}

// Close closes the socket.
func (e *ends) Close() error { return e.conn.Close() }

func terminate(cmd *exec.Cmd) { syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }

func kill(cmd *exec.Cmd) { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
