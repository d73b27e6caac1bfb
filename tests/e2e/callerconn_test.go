//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/stretchr/testify/require"
)

// callerConn is a connection that the pod caller holds.
type callerConn struct {
	s     *space
	donec chan error // gets how the program that holds it ended
}

// connection connects from the pod caller to an echo, and returns a function
// that says something there and waits for the answer.
func (s *space) connection(host string, port int) (ask func(text string), conn *callerConn) {
	s.t.Helper()
	r, w := io.Pipe()
	out := newLines()
	conn = &callerConn{s: s, donec: make(chan error, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	s.t.Cleanup(func() { cancel(); w.Close() })
	go func() { conn.donec <- s.exec(ctx, "caller", r, out, "ncat", host, fmt.Sprint(port)) }()
	return func(text string) {
		s.t.Helper()
		_, err := io.WriteString(w, text+"\n")
		require.NoError(s.t, err)
		s.eventually("echo of "+text, func(context.Context) error {
			if !strings.Contains(out.String(), text+"\n") {
				return errors.New("not heard")
			}
			return nil
		})
	}, conn
}

// ends waits until the connection has ended.
func (c *callerConn) ends() {
	c.s.t.Helper()
	c.s.eventually("the connection's end", func(context.Context) error {
		select {
		case <-c.donec:
			return nil
		default:
			return errors.New("it goes on")
		}
	})
}
