package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/fwdtools/fwd/internal/cli"
	"github.com/fwdtools/fwd/internal/dns"
	"github.com/fwdtools/fwd/internal/flags"
	"github.com/fwdtools/fwd/pkg/fwd"
)

// questions looks names up, many at a time, and prints the answers in the
// order of the names, each as soon as it and those before it are known.
type questions struct {
	names  iter.Seq2[string, error]
	lookup lookup
	json   bool
	tabbed bool // the name goes before each address
}

// atOnce is how many names are looked up at a time.
const atOnce = 64

type answer struct {
	dns.Answer
	err error
}

func (q questions) run(ctx context.Context, env cli.Env, client *fwd.Client, exchange dns.ExchangeFunc) error {
	// A cluster that refuses is one error, not one for each name.
	if err := client.Connect(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pending := make(chan chan answer, atOnce)
	var readErr error
	go func() {
		defer close(pending)
		for name, err := range q.names {
			if err != nil {
				readErr = fmt.Errorf("read names: %w", err)
				return
			}
			c := make(chan answer, 1)
			select {
			case pending <- c:
			case <-ctx.Done():
				return
			}
			go func() {
				a, err := q.lookup(ctx, exchange, name)
				c <- answer{a, err}
			}()
		}
	}()

	code := cli.ExitOK
	for c := range pending {
		a := <-c
		switch {
		case a.err != nil && !q.tabbed:
			return a.err
		case a.err != nil:
			code = worse(code, explain(env, a.err))
		default:
			if err := q.print(env.Stdout, a.Answer); err != nil {
				return fmt.Errorf("write standard output: %w", err)
			}
		}
	}
	switch {
	case readErr != nil:
		return readErr
	case code != cli.ExitOK:
		return cli.Reported(code)
	}
	return nil
}

// explain says why one name of several has no answer.
func explain(env cli.Env, err error) int {
	code, _ := flags.Explain(err)
	env.Log.Error().Msg(err.Error())
	return code
}

// worse is the exit code for several names: that of a failure, after which
// nothing is known, goes before that of a name that does not exist.
func worse(a, b int) int {
	if a == cli.ExitNetwork || b == cli.ExitNetwork {
		return cli.ExitNetwork
	}
	return max(a, b)
}

// line is one object of --json.
type line struct {
	Asked string `json:"asked"` // the name as it was given
	dns.Record
}

func (q questions) print(w io.Writer, a dns.Answer) error {
	out := bufio.NewWriter(w)
	for _, r := range a.Records {
		switch {
		case q.json:
			if err := json.NewEncoder(out).Encode(line{a.Name, r}); err != nil {
				return err
			}
		case q.tabbed:
			fmt.Fprintf(out, "%s\t%s\n", a.Name, r)
		default:
			fmt.Fprintln(out, r)
		}
	}
	return out.Flush()
}

// args are names from the command line.
func args(names []string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, name := range names {
			if !yield(name, nil) {
				return
			}
		}
	}
}

// lines are names from r, one per line; empty lines are passed over.
func lines(r io.Reader) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		scanner := bufio.NewScanner(r)
		for scanner.Scan() {
			if name := strings.TrimSpace(scanner.Text()); name != "" && !yield(name, nil) {
				return
			}
		}
		if err := scanner.Err(); err != nil {
			yield("", err)
		}
	}
}
