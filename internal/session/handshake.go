package session

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/fwdtools/fwd/pkg/wire"
)

// greetTime bounds the greeting (SPEC.md 8).
const greetTime = 10 * time.Second

// Client greets an agent over link and proves to be the owner of cfg.Key. It
// owns link from here on and closes it if it fails: with ErrWrongAgent, a
// *wire.VersionError, a *wire.Error if the peer is no agent, or what the link
// returned. Whether the agent accepts the proof shows later, as the session's
// end (SPEC.md 1).
func Client(ctx context.Context, link net.Conn, cfg Config) (*Session, error) {
	cfg = cfg.withDefaults(clientMemory)
	var s *Session
	err := greet(ctx, link, func() error {
		peer, raw, err := readHello(link, wire.RoleAgent)
		if err != nil {
			if version := (*wire.VersionError)(nil); errors.As(err, &version) {
				// So that the agent, too, can say which versions met.
				link.Write(cfg.hello(wire.RoleClient, nil))
			}
			return err
		}
		if len(peer.Auth) != wire.NonceLen+wire.KeyIDLen {
			return fmt.Errorf("%v: no nonce and key id in it", peer)
		}
		id := wire.KeyID(cfg.Key.Public().(ed25519.PublicKey))
		if subtle.ConstantTimeCompare(peer.Auth[wire.NonceLen:], id[:]) != 1 {
			return ErrWrongAgent
		}
		proof := ed25519.Sign(cfg.Key, wire.SignedBytes(raw))
		if _, err := link.Write(cfg.hello(wire.RoleClient, proof)); err != nil {
			return err
		}
		s = newSession(link, cfg, peer, 1)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("greet agent: %w", err)
	}
	s.start()
	return s, nil
}

// Agent greets a client over link and checks that it owns the key cfg.Peer. It
// owns link from here on and closes it if it fails.
func Agent(ctx context.Context, link net.Conn, cfg Config) (*Session, error) {
	cfg = cfg.withDefaults(agentMemory)
	var s *Session
	err := greet(ctx, link, func() error {
		nonce := make([]byte, wire.NonceLen)
		rand.Read(nonce)
		id := wire.KeyID(cfg.Peer)
		own := cfg.hello(wire.RoleAgent, append(nonce, id[:]...))
		if _, err := link.Write(own); err != nil {
			return err
		}
		peer, _, err := readHello(link, wire.RoleClient)
		if err != nil {
			return err
		}
		if !ed25519.Verify(cfg.Peer, wire.SignedBytes(own), peer.Auth) {
			link.Write(wire.GoAway{Code: wire.Unauthorized, Text: "signature does not match the agent's key"}.Append(nil))
			return errors.New("client's signature does not match the key")
		}
		s = newSession(link, cfg, peer, 2)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("greet client: %w", err)
	}
	s.start()
	return s, nil
}

// greet runs f with the link closed under it when ctx ends or greetTime is
// over, and closes the link when f fails.
func greet(ctx context.Context, link net.Conn, f func() error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, greetTime, fmt.Errorf("no greeting within %v", greetTime))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { link.Close() })
	err := f()
	if !stop() && err == nil {
		err = context.Cause(ctx) // the link is being closed
	}
	if err != nil {
		link.Close()
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
	}
	return err
}

func (c Config) hello(role wire.Role, auth []byte) []byte {
	return wire.Hello{
		Role:    role,
		Streams: uint32(c.Streams),
		Window:  firstWindow,
		Memory:  uint32(c.Memory),
		Auth:    auth,
		Build:   c.Build,
	}.Append(nil)
}

// readHello reads one greeting and not a byte more, and returns it parsed and
// raw.
func readHello(r io.Reader, want wire.Role) (wire.Hello, []byte, error) {
	raw := make([]byte, wire.HelloPrefixLen, wire.HelloPrefixLen+wire.MaxHello)
	if _, err := io.ReadFull(r, raw); err != nil {
		return wire.Hello{}, nil, notEOF(err)
	}
	n, err := wire.ParseHelloPrefix(raw)
	if err != nil {
		if version := (*wire.VersionError)(nil); errors.As(err, &version) {
			// The peer comes to read our greeting when its own has been taken.
			io.CopyN(io.Discard, r, int64(binary.BigEndian.Uint16(raw[6:])))
		}
		return wire.Hello{}, nil, err
	}
	raw = raw[:wire.HelloPrefixLen+n]
	if _, err := io.ReadFull(r, raw[wire.HelloPrefixLen:]); err != nil {
		return wire.Hello{}, nil, notEOF(err)
	}
	h, _, err := wire.ParseHello(raw)
	if err == nil && h.Role != want {
		err = &wire.Error{Code: wire.ProtocolError, Text: fmt.Sprintf("%v: wrong role", h)}
	}
	return h, raw, err
}

// notEOF keeps an end of the link from being taken for an end of data.
func notEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
