package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	startPatience = 90 * time.Second // for the first local port, with an agent to launch
	stopPatience  = 5 * time.Second
)

// A peer is a command that forwards a local port to the server.
type peer struct {
	cmd    *exec.Cmd
	addr   string
	donec  chan struct{} // closed when it has ended
	stderr *tail
}

var localAddr = regexp.MustCompile(`127\.0\.0\.1:\d+`)

// startPeer starts a command and waits for the address that it prints. It has a
// process group of its own, so that it ends when told to by stop and not before.
func startPeer(ctx context.Context, args, env []string) (*peer, error) {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	p := &peer{cmd: exec.Command(args[0], args[1:]...), donec: make(chan struct{}), stderr: new(tail)}
	p.cmd.Env, p.cmd.Stderr = env, p.stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if _, err := p.cmd.StdinPipe(); err != nil { // it is open as long as this process lives
		return nil, err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	addrc := make(chan string, 1)
	go func() {
		defer close(p.donec)
		for lines := bufio.NewScanner(stdout); lines.Scan(); { // to its end, or it would block
			if addr := localAddr.FindString(lines.Text()); addr != "" {
				select {
				case addrc <- addr:
				default:
				}
			}
		}
		_ = p.cmd.Wait()
	}()
	select {
	case p.addr = <-addrc:
		return p, nil
	case <-p.donec:
		err = fmt.Errorf("%s ended: %v: %s", strings.Join(args, " "), p.cmd.ProcessState, p.stderr)
	case <-ctx.Done():
		err = fmt.Errorf("%s opened no local port: %w: %s", strings.Join(args, " "), ctx.Err(), p.stderr)
	}
	p.stop()
	return nil, err
}

// stop ends the command, by force if need be.
func (p *peer) stop() {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
		_ = syscall.Kill(-p.cmd.Process.Pid, sig)
		select {
		case <-p.donec:
			return
		case <-time.After(stopPatience):
		}
	}
}

// tail keeps the end of what is written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte // guarded by mu
}

const tailLen = 2 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b...)
	t.buf = t.buf[max(0, len(t.buf)-tailLen):]
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.buf))
}
