//go:build linux

package claim

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/netip"
	"time"
)

// maxMessage is the most bytes of a question or an answer.
const maxMessage = 4096

// question is one JSON object on a connection of its own, which ends with it.
// The answer is one too: a state, or with Behind an answer.
type question struct {
	Behind *netip.AddrPort `json:"behind,omitempty"` // nil: who are you?
}

// state is who has the name.
type state struct {
	Holder
	Yielded bool `json:"yielded,omitempty"` // nothing is taken any more
}

// answer says for whom the socket was opened, if for anybody.
type answer struct {
	Caller *netip.AddrPort `json:"caller,omitempty"`
}

// connect connects to a name. It never waits: either there is somebody who has
// room for a connection, or it fails, with ECONNREFUSED if there is nobody.
func connect(name string) (*net.UnixConn, error) {
	return net.DialUnix("unix", nil, &net.UnixAddr{Name: name, Net: "unix"})
}

// ask asks whoever has a name, until ctx ends. What it is told may be anything.
func ask(ctx context.Context, name string, q question, answer any) error {
	conn, err := connect(name)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Now()) })()
	if err := json.NewEncoder(conn).Encode(q); err != nil {
		return err
	}
	if err := conn.CloseWrite(); err != nil {
		return err
	}
	return read(conn, answer)
}

// read reads one message to its end.
func read(r io.Reader, v any) error {
	b, err := io.ReadAll(io.LimitReader(r, maxMessage+1))
	if err != nil {
		return err
	}
	if len(b) > maxMessage {
		return errors.New("a message is too long")
	}
	return json.Unmarshal(b, v)
}
