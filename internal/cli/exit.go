package cli

import "fmt"

// Exit codes of all commands; each man page has this table.
const (
	ExitOK          = 0   // done
	ExitNetwork     = 1   // the network or a peer failed
	ExitUsage       = 2   // wrong use
	ExitCluster     = 3   // the cluster refused: kubeconfig, RBAC, target not found
	ExitAgent       = 4   // the agent did not start
	ExitNoName      = 5   // the name does not exist
	ExitInterrupted = 130 // interrupted by SIGINT or SIGTERM
)

// ExitError is an error that knows its exit code and perhaps a hint: what the
// person at the prompt can do next.
type ExitError struct {
	Code int
	Err  error
	Hint string
}

func (e *ExitError) Error() string { return e.Err.Error() }

func (e *ExitError) Unwrap() error { return e.Err }

// Usage is wrong use: err names the argument and what is wrong with it.
func Usage(err error) error { return &ExitError{Code: ExitUsage, Err: err} }

// Reported ends a command with this exit code; what went wrong is on stderr
// already.
type Reported int

func (r Reported) Error() string { return fmt.Sprintf("exit code %d", int(r)) }
