// Package httpsplit divides one caller's connection between the app in the pod
// and the client on the laptop, request by request: what matches a filter goes
// to the client, all else to the app, byte for byte as it came. HTTP/2 it
// leaves to http2split, and what is not HTTP is not divided.
//
// It reads heads strictly: a request whose bounds two readers could see
// differently (bare line feeds, folded lines, two lengths, an unknown
// transfer coding) makes everything from there on opaque, and belongs to the
// app. So nothing that the filter has not seen is taken for part of a request
// that it has, in either direction. Nor is a request divided that follows an
// answer whose end cannot be told: it is the app's if that answer is, and else
// the caller is reset.
package httpsplit

import (
	"github.com/fwdtools/fwd/internal/http2split"
	"github.com/fwdtools/fwd/internal/relay"
)

// Config says which requests go where. Without a Filter all are the client's,
// and so is what is not HTTP.
type Config = http2split.Config

// Forwarded is for whom a request comes.
type Forwarded = http2split.Forwarded

// kind is what a connection carries.
type kind int

const (
	opaque kind = iota // not HTTP, or in no way that is divided
	http1
	http2
)

// Split serves caller until all is over, and closes it. The error is what ended
// it before its time.
func Split(caller relay.Conn, cfg Config) error {
	s := newSplit(caller, cfg)
	kind, err := s.sniff()
	switch {
	case err != nil:
		s.abort(err)
	case kind == http2:
		err := http2split.Split(s.caller, s.handOver())
		s.end() // what it did not need
		return err
	case kind == http1:
		s.serve()
	default:
		home, err := s.home()
		if err != nil {
			s.abort(err)
			break
		}
		return relay.Join(s.caller, home)
	}
	return s.end()
}

// handOver is the Config with what is open already.
func (s *split) handOver() Config {
	cfg, app, client := s.cfg, s.app, s.client
	if app != nil {
		cfg.App = func() (relay.Conn, error) { return app, nil }
	}
	if client != nil {
		cfg.Client = func() (relay.Conn, error) {
			if c := client; c != nil {
				client = nil
				return c, nil
			}
			return s.cfg.Client()
		}
	}
	return cfg
}
