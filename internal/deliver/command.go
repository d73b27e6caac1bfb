package deliver

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/fwdtools/fwd/internal/relay"
)

const (
	maxCommands = 256 // of one route at once; more callers wait

	killTime = 5 * time.Second  // from asking a command to end to making it
	exitTime = 10 * time.Second // for a caller to end its side after the command has exited
)

// Command is a destination that is run for each connection: a program and its
// arguments. The connection is its standard input and output, the environment
// says who called, and standard error is ours. It ends when it exits; when the
// caller goes away, or at the end, it is asked to.
type Command []string

func (c Command) String() string { return strings.Join(c, " ") }

// Find looks for the program.
func (c Command) Find() error {
	_, err := exec.LookPath(c[0])
	return err
}

// Open implements Destination.
func (c Command) Open(_ context.Context, caller, local netip.AddrPort) (relay.Conn, error) {
	cmd := exec.Command(c[0], c[1:]...)
	cmd.Stderr = os.Stderr
	cmd.Env = append(os.Environ(), // as ncat and socat have it
		"PROTO=TCP",
		"TCPREMOTEIP="+caller.Addr().Unmap().String(),
		"TCPREMOTEPORT="+strconv.Itoa(int(caller.Port())),
		"TCPLOCALIP="+local.Addr().Unmap().String(),
		"TCPLOCALPORT="+strconv.Itoa(int(local.Port())),
	)
	ends, err := start(cmd)
	if err != nil {
		return nil, err
	}
	p := &process{ends: ends, cmd: cmd, exitc: make(chan struct{})}
	go p.wait()
	return p, nil
}

// process is a command that runs, as a connection. Close waits for it.
type process struct {
	*ends
	cmd   *exec.Cmd
	exitc chan struct{} // closed when it has exited
	err   error         // set before exitc is closed

	mu    sync.Mutex
	asked *time.Timer // guarded by mu; makes it end, once it was asked to
}

var _ relay.Conn = (*process)(nil)

// exitError is a command that exited by itself and not with 0.
type exitError struct{ err error }

func (e *exitError) Error() string { return e.err.Error() }

func (e *exitError) Unwrap() error { return e.err }

func (p *process) wait() {
	err := p.cmd.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.asked != nil {
		p.asked.Stop()
		terminate(p.cmd) // what it has started meanwhile
	} else if err != nil {
		p.err = &exitError{fmt.Errorf("%s: %w", p.cmd.Path, err)}
	}
	close(p.exitc)
	p.exited()
}

// Abort asks the command to end, and makes it if it does not.
func (p *process) Abort(error) {
	p.ends.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.exitc:
		return
	default:
	}
	if p.asked == nil {
		terminate(p.cmd)
		p.asked = time.AfterFunc(killTime, p.kill)
	}
}

func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.exitc: // its number may be another one's
	default:
		kill(p.cmd)
	}
}

// Close waits until the command has exited. The error is an *exitError.
func (p *process) Close() error {
	p.ends.Close()
	<-p.exitc
	return p.err
}

// exit is how a command ended that conn may be, once it is closed.
func exit(conn relay.Conn) error {
	if p, ok := conn.(*process); ok {
		return p.Close()
	}
	return nil
}

// afterExit calls f some time after the command has exited, unless it is
// stopped.
func (p *process) afterExit(f func()) (stop func()) {
	stopc, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-p.exitc:
		case <-stopc:
			return
		}
		select {
		case <-time.After(exitTime):
			f()
		case <-stopc:
		}
	}()
	return func() { close(stopc); <-ended }
}
