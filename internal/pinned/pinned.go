// Package pinned is TLS 1.3 between two parties that know each other's public
// keys beforehand: no certificate authority, no name, no other version. What
// the keys are for, and who made them, is not its business.
//
// TLS 1.3 leaves the choice among its cipher suites, which are all
// authenticated encryption, to crypto/tls.
package pinned

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net"
	"time"

	"github.com/fwdtools/fwd/internal/cork"
)

// ErrStranger is a peer that has not the key that it should have.
var ErrStranger = errors.New("the peer does not have the expected key")

// protocol keeps a link apart from whatever else speaks TLS with such keys.
const protocol = "fwd"

// Client makes a TLS connection of conn, on which it is the side that begins.
// key is its own, peer what the other side must have. Nothing is sent of the
// application before both are verified. ctx bounds the handshake. If it fails
// conn is closed.
func Client(ctx context.Context, conn net.Conn, key ed25519.PrivateKey, peer ed25519.PublicKey) (*Conn, error) {
	cfg, err := config(key, peer)
	if err != nil {
		conn.Close()
		return nil, err
	}
	// Not by a name and an authority but by config's VerifyConnection.
	cfg.InsecureSkipVerify = true
	under := cork.New(conn)
	return handshake(ctx, tls.Client(under, cfg), under)
}

// Server is Client for the other side. A peer that fails is not told why.
func Server(ctx context.Context, conn net.Conn, key ed25519.PrivateKey, peer ed25519.PublicKey) (*Conn, error) {
	cfg, err := config(key, peer)
	if err != nil {
		conn.Close()
		return nil, err
	}
	cfg.ClientAuth = tls.RequireAnyClientCert
	under := cork.New(conn)
	return handshake(ctx, tls.Server(under, cfg), under)
}

func handshake(ctx context.Context, conn *tls.Conn, under *cork.Conn) (*Conn, error) {
	if err := conn.HandshakeContext(ctx); err != nil {
		under.Close()
		return nil, fmt.Errorf("TLS: %w", err)
	}
	return &Conn{conn, under}, nil
}

// Conn is a TLS connection of which each Write is one of the connection
// beneath.
type Conn struct {
	*tls.Conn
	under *cork.Conn
}

// Write writes b in whole records, and all of them at once.
func (c *Conn) Write(b []byte) (int, error) {
	c.under.Cork()
	n, err := c.Conn.Write(b)
	if late := c.under.Uncork(); err == nil && late != nil {
		return 0, late
	}
	return n, err
}

// BeforeRead is cork.Conn's.
func (c *Conn) BeforeRead(f func()) { c.under.BeforeRead(f) }

// Close ends the connection at once: whoever is stuck in a Write is released.
// What the connection was for says by itself whether it ended in order.
func (c *Conn) Close() error { return c.under.Close() }

func config(key ed25519.PrivateKey, peer ed25519.PublicKey) (*tls.Config, error) {
	cert, err := certificate(key)
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		Certificates:           []tls.Certificate{cert},
		MinVersion:             tls.VersionTLS13,
		MaxVersion:             tls.VersionTLS13,
		NextProtos:             []string{protocol},
		SessionTicketsDisabled: true, // a resumed session would not show its key again
		// Whole records from the beginning: links live long and carry bulk.
		DynamicRecordSizingDisabled: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) == 0 || state.NegotiatedProtocol != protocol {
				return ErrStranger
			}
			if got, ok := state.PeerCertificates[0].PublicKey.(ed25519.PublicKey); !ok || !got.Equal(peer) {
				return ErrStranger
			}
			return nil
		},
	}, nil
}

// certificate is a wrapping for the public key that TLS takes; nobody looks at
// anything else in it.
func certificate(key ed25519.PrivateKey) (tls.Certificate, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Unix(0, 0),
		NotAfter:     time.Unix(1<<32, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make a certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
