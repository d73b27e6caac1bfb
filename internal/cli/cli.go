// Package cli is what all commands do alike: parse arguments, log and report
// to stderr, end on signals, and exit with the code that man pages promise.
//
// It knows nothing of clusters, so that fwd-agentd can use it.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/rs/zerolog"

	"github.com/fwdtools/fwd/internal/version"
)

// Command is what a grammar, or the subcommand of it that was chosen, does.
type Command interface {
	// Run does the work. It ends when ctx does, after it has undone what it
	// did elsewhere; the error is then not reported.
	Run(ctx context.Context, env Env) error
}

// Env is where a command reads and writes.
type Env struct {
	Stdin  *os.File
	Stdout *os.File // payload or the answer, nothing else
	Stderr io.Writer
	Log    zerolog.Logger // to stderr
}

// Program says what a command is.
type Program struct {
	Name        string
	Description string // usage text, with examples
	// Command is a pointer to the kong grammar. It, or each of its
	// subcommands, is a Command.
	Command any
	// Explain finds the exit code and a hint for an error of Run that is no
	// *ExitError. Nil means ExitNetwork without a hint.
	Explain func(err error) (code int, hint string)
}

// Flags are what every command has; embed it in the grammar.
type Flags struct {
	Verbose bool             `short:"v" help:"Say more on stderr about what is being done."`
	Quiet   bool             `short:"q" help:"Only errors on stderr."`
	Version kong.VersionFlag `help:"Print the version and exit."`
}

func (f Flags) level() zerolog.Level {
	switch {
	case f.Verbose:
		return zerolog.DebugLevel
	case f.Quiet:
		return zerolog.ErrorLevel
	}
	return zerolog.InfoLevel
}

// LogFlags lets Main find Flags in a grammar that embeds it.
func (f Flags) LogFlags() Flags { return f }

// Main runs p with the process's arguments and never returns.
func Main(p Program) { os.Exit(run(p, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

func run(p Program, args []string, stdin, stdout, stderr *os.File) int {
	env := Env{Stdin: stdin, Stdout: stdout, Stderr: stderr}
	command, code := parse(p, args, env)
	if command == nil {
		return code
	}
	level := zerolog.InfoLevel
	if f, ok := p.Command.(interface{ LogFlags() Flags }); ok {
		level = f.LogFlags().level()
	}
	env.Log = zerolog.New(logWriter(p.Name, stderr)).Level(level)
	ctx, stop := interruptible()
	defer stop()
	err := command.Run(ctx, env)
	if ctx.Err() != nil {
		return ExitInterrupted
	}
	return report(p, err, stderr)
}

// parse fills the grammar from args and returns the command to run; nil, with
// an exit code, if usage was wrong or only help or the version was asked for.
func parse(p Program, args []string, env Env) (Command, int) {
	var exited bool
	var code int
	parser, err := kong.New(p.Command,
		kong.Name(p.Name),
		kong.Description(p.Description),
		kong.Writers(env.Stdout, env.Stderr),
		kong.Vars{"version": p.Name + " " + version.String()},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Exit(func(c int) { exited, code = true, c }),
	)
	if err != nil {
		panic("cli: grammar of " + p.Name + ": " + err.Error())
	}
	kctx, err := parser.Parse(args)
	switch {
	case exited:
		return nil, code
	case err != nil:
		return nil, report(p, &ExitError{Code: ExitUsage, Err: err, Hint: "see " + p.Name + " --help"}, env.Stderr)
	}
	if node := kctx.Selected(); node != nil {
		return node.Target.Addr().Interface().(Command), 0
	}
	return p.Command.(Command), 0
}

// report writes err and its hint to stderr and returns the exit code.
func report(p Program, err error, stderr io.Writer) int {
	if err == nil {
		return ExitOK
	}
	var (
		code     = ExitNetwork
		hint     string
		reported Reported
		exit     *ExitError
	)
	switch {
	case errors.As(err, &reported):
		return int(reported)
	case errors.As(err, &exit):
		code, hint = exit.Code, exit.Hint
	case p.Explain != nil:
		code, hint = p.Explain(err)
	}
	fmt.Fprintf(stderr, "%s: error: %v\n", p.Name, err)
	if hint != "" {
		fmt.Fprintf(stderr, "%s: hint: %s\n", p.Name, hint)
	}
	return code
}

// interruptible is a context that ends with the first SIGINT or SIGTERM. The
// second one ends the process at once, because the default comes back.
func interruptible() (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}
