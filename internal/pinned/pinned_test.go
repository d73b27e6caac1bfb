package pinned

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fwdtools/fwd/internal/cork"
)

func newKey(t *testing.T) (ed25519.PrivateKey, ed25519.PublicKey) {
	t.Helper()
	public, key, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	return key, public
}

// meet lets two sides shake hands.
func meet(t *testing.T, client, server func(ctx context.Context, conn net.Conn) (*Conn, error)) (c, s *Conn, cerr, serr error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	a, b := net.Pipe()
	donec := make(chan struct{})
	go func() {
		defer close(donec)
		s, serr = server(ctx, b)
		if serr == nil {
			_, serr = s.Write([]byte("hello")) // makes the client see whether it was let in
		}
	}()
	c, cerr = client(ctx, a)
	if cerr == nil {
		_, cerr = io.ReadFull(c, make([]byte, 5))
	}
	if cerr != nil {
		a.Close()
	}
	<-donec
	t.Cleanup(func() { a.Close(); b.Close() })
	return c, s, cerr, serr
}

func TestBothSidesKnowEachOther(t *testing.T) {
	ckey, cpub := newKey(t)
	skey, spub := newKey(t)
	c, s, cerr, serr := meet(t,
		func(ctx context.Context, conn net.Conn) (*Conn, error) { return Client(ctx, conn, ckey, spub) },
		func(ctx context.Context, conn net.Conn) (*Conn, error) { return Server(ctx, conn, skey, cpub) })
	require.NoError(t, cerr)
	require.NoError(t, serr)
	assert.EqualValues(t, tls.VersionTLS13, c.ConnectionState().Version)
	assert.False(t, s.ConnectionState().DidResume)
}

func TestStrangersAreNotLetIn(t *testing.T) {
	ckey, cpub := newKey(t)
	skey, spub := newKey(t)
	okey, opub := newKey(t)
	honest := func(ctx context.Context, conn net.Conn) (*Conn, error) { return Server(ctx, conn, skey, cpub) }
	for name, client := range map[string]func(ctx context.Context, conn net.Conn) (*Conn, error){
		"another key": func(ctx context.Context, conn net.Conn) (*Conn, error) { return Client(ctx, conn, okey, spub) },
		"no certificate": func(ctx context.Context, conn net.Conn) (*Conn, error) {
			under := cork.New(conn)
			return handshake(ctx, tls.Client(under, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{protocol}}), under)
		},
		"an older version": func(ctx context.Context, conn net.Conn) (*Conn, error) {
			cfg, err := config(ckey, spub)
			require.NoError(t, err)
			cfg.InsecureSkipVerify, cfg.MinVersion, cfg.MaxVersion = true, tls.VersionTLS12, tls.VersionTLS12
			under := cork.New(conn)
			return handshake(ctx, tls.Client(under, cfg), under)
		},
		"another protocol": func(ctx context.Context, conn net.Conn) (*Conn, error) {
			cfg, err := config(ckey, spub)
			require.NoError(t, err)
			cfg.InsecureSkipVerify, cfg.NextProtos = true, nil
			under := cork.New(conn)
			return handshake(ctx, tls.Client(under, cfg), under)
		},
		"another kind of key": func(ctx context.Context, conn net.Conn) (*Conn, error) {
			key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			require.NoError(t, err)
			template := &x509.Certificate{SerialNumber: big.NewInt(1)}
			der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
			require.NoError(t, err)
			cfg, err := config(ckey, spub)
			require.NoError(t, err)
			cfg.InsecureSkipVerify, cfg.Certificates = true, []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}
			under := cork.New(conn)
			return handshake(ctx, tls.Client(under, cfg), under)
		},
		"the right certificate and not its key": func(ctx context.Context, conn net.Conn) (*Conn, error) {
			cert, err := certificate(ckey)
			require.NoError(t, err)
			cert.PrivateKey = okey
			cfg, err := config(ckey, spub)
			require.NoError(t, err)
			cfg.InsecureSkipVerify, cfg.Certificates = true, []tls.Certificate{cert}
			under := cork.New(conn)
			return handshake(ctx, tls.Client(under, cfg), under)
		},
		"no TLS": func(_ context.Context, conn net.Conn) (*Conn, error) {
			go io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			io.Copy(io.Discard, conn)
			conn.Close()
			return nil, io.EOF
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, _, serr := meet(t, client, honest)
			assert.Error(t, serr)
		})
	}
	t.Run("a server of another protocol", func(t *testing.T) {
		_, _, cerr, _ := meet(t,
			func(ctx context.Context, conn net.Conn) (*Conn, error) { return Client(ctx, conn, ckey, spub) },
			func(ctx context.Context, conn net.Conn) (*Conn, error) {
				cfg, err := config(skey, cpub)
				require.NoError(t, err)
				cfg.ClientAuth, cfg.NextProtos, cfg.VerifyConnection = tls.RequireAnyClientCert, nil, nil
				under := cork.New(conn)
				return handshake(ctx, tls.Server(under, cfg), under)
			})
		assert.ErrorIs(t, cerr, ErrStranger)
	})
	t.Run("another server", func(t *testing.T) {
		_, _, cerr, _ := meet(t,
			func(ctx context.Context, conn net.Conn) (*Conn, error) { return Client(ctx, conn, ckey, opub) }, honest)
		assert.ErrorIs(t, cerr, ErrStranger)
	})
}

// A session that comes again shows its keys again.
func TestNothingIsResumed(t *testing.T) {
	ckey, cpub := newKey(t)
	skey, spub := newKey(t)
	cache := tls.NewLRUClientSessionCache(1)
	for range 2 {
		c, s, cerr, serr := meet(t,
			func(ctx context.Context, conn net.Conn) (*Conn, error) {
				cfg, err := config(ckey, spub)
				require.NoError(t, err)
				cfg.InsecureSkipVerify, cfg.ClientSessionCache, cfg.ServerName = true, cache, "x"
				under := cork.New(conn)
				return handshake(ctx, tls.Client(under, cfg), under)
			},
			func(ctx context.Context, conn net.Conn) (*Conn, error) { return Server(ctx, conn, skey, cpub) })
		require.NoError(t, cerr)
		require.NoError(t, serr)
		assert.False(t, c.ConnectionState().DidResume)
		assert.False(t, s.ConnectionState().DidResume)
	}
	_, found := cache.Get("x")
	assert.False(t, found, "the server gave a ticket")
}

func TestCloseReleasesAWrite(t *testing.T) {
	ckey, cpub := newKey(t)
	skey, spub := newKey(t)
	c, _, cerr, serr := meet(t,
		func(ctx context.Context, conn net.Conn) (*Conn, error) { return Client(ctx, conn, ckey, spub) },
		func(ctx context.Context, conn net.Conn) (*Conn, error) { return Server(ctx, conn, skey, cpub) })
	require.NoError(t, cerr)
	require.NoError(t, serr)
	errc := make(chan error, 1)
	go func() {
		_, err := c.Write([]byte("nobody reads this"))
		errc <- err
	}()
	require.NoError(t, c.Close())
	assert.Error(t, <-errc)
}
