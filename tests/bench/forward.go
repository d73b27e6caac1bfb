package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"

	"crypto/tls"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// forwardMode is what fwd is compared with: the plainest way through pods/proxy.
// Each local connection becomes a TLS connection to the API server with one
// request for an upgrade; then bytes are copied. There is no half-close.
func forwardMode(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench forward", flag.ExitOnError)
	ns := flags.String("namespace", "", "`namespace` of the pod")
	pod := flags.String("pod", "", "its `name`")
	_ = flags.Parse(args) // exits on error
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return err
	}
	up, err := newUpgrader(config, *ns, *pod)
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(ln.Addr())
	return serve(ctx, ln, func(local net.Conn) error { return up.join(ctx, local) })
}

// An upgrader opens pipes to the server through pods/proxy.
type upgrader struct {
	config *rest.Config
	tls    *tls.Config
	url    string
	addr   string // of the API server
}

func newUpgrader(config *rest.Config, ns, pod string) (*upgrader, error) {
	base, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, err
	}
	tlsConfig, err := rest.TLSConfigFor(config)
	if err != nil {
		return nil, err
	}
	if tlsConfig.ServerName == "" {
		tlsConfig.ServerName = base.Hostname()
	}
	tlsConfig.NextProtos = []string{"http/1.1"}
	target := base.JoinPath("api/v1/namespaces", ns, "pods", pod+":"+strconv.Itoa(serverPort), "proxy/")
	return &upgrader{config: config, tls: tlsConfig, url: target.String(), addr: base.Host}, nil
}

// dial opens a pipe. br may hold bytes that came with the answer.
func (u *upgrader) dial(ctx context.Context) (conn net.Conn, br *bufio.Reader, err error) {
	conn, err = (&tls.Dialer{Config: u.tls}).DialContext(ctx, "tcp", u.addr)
	if err != nil {
		return nil, nil, err
	}
	br = bufio.NewReader(conn)
	rt, err := rest.HTTPWrappersForConfig(u.config, roundTrip(func(req *http.Request) (*http.Response, error) {
		if err := req.Write(conn); err != nil {
			return nil, err
		}
		return http.ReadResponse(br, req)
	}))
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.url, nil)
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", upgradeTo)
	resp, err := rt.RoundTrip(req)
	if err == nil && resp.StatusCode != http.StatusSwitchingProtocols {
		err = errors.New("the API server answers " + resp.Status)
	}
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	return conn, br, nil
}

// join copies between local and a new pipe until one of them ends.
func (u *upgrader) join(ctx context.Context, local net.Conn) error {
	conn, br, err := u.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	endc := make(chan struct{}, 2)
	for _, way := range []struct {
		to   io.Writer
		from io.Reader
	}{{conn, local}, {local, br}} {
		go func() {
			_, _ = io.CopyBuffer(onlyWriter{way.to}, onlyReader{way.from}, make([]byte, 64<<10))
			endc <- struct{}{}
		}()
	}
	<-endc
	return nil
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
