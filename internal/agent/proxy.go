package agent

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/fwdtools/fwd/internal/pinned"
)

// upgradeProtocol is what a client asks the API server to upgrade to (SPEC.md 10).
const upgradeProtocol = "fwd"

const (
	// strangerTime is how long a peer of the proxy port may take to prove itself.
	strangerTime = 10 * time.Second
	// requestSize bounds the request that an API server makes of a client's.
	requestSize = 16 << 10
)

// The proxy port is where the agent's own is: above what the kernel gives to
// outgoing connections.
const minProxyPort, maxProxyPort = 61000, 65535

// proxyPort is a second port of the agent, which pods/proxy reaches. It is
// open to the cluster's whole network, so it is not there before a client asks
// for it, and nothing is said on it but TLS with the client's key. The agent's
// key the client hears over the session that it asks on. Who does not know it
// cannot make the request, and is closed before it costs a signature.
type proxyPort struct {
	lobby     lobby // of its own: the cluster must not fill that of the pod's loopback
	strangers strangers

	mu   sync.Mutex
	key  ed25519.PrivateKey // guarded by mu; nil before open
	name string             // guarded by mu; the public key as text
	port int                // guarded by mu
}

// open listens, if nobody has asked before, and returns where and with what
// public key: "PORT KEY".
func (p *proxyPort) open(ctx context.Context, a *Agent) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.key == nil {
		public, key, err := ed25519.GenerateKey(nil)
		if err != nil {
			return "", err
		}
		ln, err := listenProxy()
		if err != nil {
			return "", fmt.Errorf("listen for pods/proxy: %w", err)
		}
		p.key, p.name = key, base64.RawURLEncoding.EncodeToString(public)
		p.port = ln.Addr().(*net.TCPAddr).Port
		context.AfterFunc(ctx, func() { ln.Close() })
		a.work.Go(func() {
			if err := a.accept(ctx, ln, &p.lobby, a.serveProxy); err != nil {
				a.cfg.Log.Warn().Err(err).Msg("pods/proxy is closed")
			}
		})
	}
	return strconv.Itoa(p.port) + " " + p.name, nil
}

func listenProxy() (ln net.Listener, err error) {
	for range 8 { // a port may be taken
		port := minProxyPort + rand.IntN(maxProxyPort-minProxyPort+1)
		ln, err = net.Listen("tcp", ":"+strconv.Itoa(port))
		if err == nil {
			return ln, nil
		}
	}
	return nil, err
}

// serveProxy runs a session on what came through pods/proxy.
func (a *Agent) serveProxy(ctx context.Context, conn net.Conn) {
	if !a.proxy.strangers.admits(conn.RemoteAddr()) {
		a.proxy.lobby.leave(conn)
		conn.Close()
		return
	}
	link, err := a.upgrade(ctx, conn)
	a.proxy.lobby.leave(conn) // it is the client, or goes
	if err != nil {
		conn.Close()
		a.proxy.strangers.failed(conn.RemoteAddr())
		a.cfg.Log.Debug().Err(err).Stringer("peer", conn.RemoteAddr()).Msg("no link")
		return
	}
	a.serveLink(ctx, conn, link)
}

// upgrade answers the API server's request and verifies the client.
func (a *Agent) upgrade(ctx context.Context, conn net.Conn) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, strangerTime)
	defer cancel()
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })()
	a.proxy.mu.Lock()
	key, name := a.proxy.key, a.proxy.name
	a.proxy.mu.Unlock()
	br := bufio.NewReaderSize(io.LimitReader(conn, requestSize), 4<<10)
	path, upgrade, err := readRequest(br)
	switch {
	case err != nil:
		return nil, err
	case subtle.ConstantTimeCompare([]byte(path), []byte("/"+name)) != 1:
		return nil, errors.New("the request is a stranger's")
	case upgrade != upgradeProtocol:
		return nil, errors.New("no upgrade was asked for")
	case br.Buffered() > 0:
		return nil, errors.New("the peer did not wait for an answer")
	}
	const answer = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: " + upgradeProtocol + "\r\n\r\n"
	if _, err := io.WriteString(conn, answer); err != nil {
		return nil, err
	}
	return pinned.Server(ctx, conn, key, a.cfg.Key)
}

// readRequest reads what matters of an HTTP/1.1 request without a body. The
// standard library's server would make the agent a quarter bigger.
func readRequest(br *bufio.Reader) (path, upgrade string, err error) {
	r := textproto.NewReader(br)
	line, err := r.ReadLine()
	if err != nil {
		return "", "", err
	}
	header, err := r.ReadMIMEHeader()
	if err != nil {
		return "", "", err
	}
	rest, ok := strings.CutPrefix(line, "GET ")
	path, version, _ := strings.Cut(rest, " ")
	if !ok || version != "HTTP/1.1" {
		return "", "", fmt.Errorf("no request: %.20q", line)
	}
	return path, header.Get("Upgrade"), nil
}
