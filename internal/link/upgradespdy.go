package link

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"net/url"

	"k8s.io/apimachinery/pkg/util/portforward"
	"k8s.io/client-go/rest"
	"k8s.io/streaming/pkg/httpstream"
	streamspdy "k8s.io/streaming/pkg/httpstream/spdy"
)

// upgradeSPDY asks the API server for plain SPDY. br may hold bytes of the
// connection already.
func upgradeSPDY(ctx context.Context, config *rest.Config, target *url.URL) (net.Conn, *bufio.Reader, error) {
	tlsConfig, err := rest.TLSConfigFor(config)
	if err != nil {
		return nil, nil, err
	}
	dialer, err := streamspdy.NewRoundTripperWithConfig(streamspdy.RoundTripperConfig{TLS: tlsConfig, Proxier: config.Proxy})
	if err != nil {
		return nil, nil, err
	}
	upgrade := &spdyUpgrade{dialer: dialer}
	rt, err := rest.HTTPWrappersForConfig(config, upgrade)
	if err != nil {
		return nil, nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), nil)
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set(httpstream.HeaderProtocolVersion, portforward.PortForwardV1Name)
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return nil, nil, err
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		defer upgrade.conn.Close()
		return nil, nil, refusal(resp)
	}
	return upgrade.conn, upgrade.br, nil
}

// spdyUpgrade is a round tripper for one request that keeps its connection.
// client-go's own does too, but gives it away only wrapped in its SPDY.
type spdyUpgrade struct {
	dialer *streamspdy.SpdyRoundTripper
	conn   net.Conn
	br     *bufio.Reader
}

func (u *spdyUpgrade) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set(httpstream.HeaderConnection, httpstream.HeaderUpgrade)
	req.Header.Set(httpstream.HeaderUpgrade, streamspdy.HeaderSpdy31)
	conn, err := u.dialer.Dial(req)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(req.Context(), func() { conn.Close() })
	u.conn, u.br = conn, bufio.NewReaderSize(conn, readBuffer)
	resp, err := http.ReadResponse(u.br, req)
	if !stop() {
		return nil, req.Context().Err()
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return resp, nil
}
