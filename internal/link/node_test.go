package link

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	gorilla "github.com/gorilla/websocket"
	"github.com/rs/zerolog"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/portforward"
	"k8s.io/client-go/rest"
	pf "k8s.io/client-go/tools/portforward"
	"k8s.io/streaming/pkg/httpstream"
	streamspdy "k8s.io/streaming/pkg/httpstream/spdy"
)

// node plays the API server, kubelet and the runtime: it takes port-forward
// requests, in the ways that it is told, and gives the two streams to serve,
// which returns the error text.
type node struct {
	*httptest.Server
	serve       func(data httpstream.Stream, conn httpstream.Connection) (errorText string)
	noWebSocket bool
	textFirst   bool // the order of kubelet's library, otherwise containerd's
	pings       time.Duration
	requests    chan *http.Request
}

func newNode(t *testing.T, n *node) *node {
	n.requests = make(chan *http.Request, 100)
	n.Server = httptest.NewServer(n)
	t.Cleanup(n.Close)
	return n
}

func (n *node) dialer() *PortForward {
	return NewPortForward(&rest.Config{Host: n.URL}, "prod", "web-1", 61234, zerolog.Nop())
}

func (n *node) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.requests <- r
	streams := make(chan httpstream.Stream, 2)
	accept := func(s httpstream.Stream, _ <-chan struct{}) error {
		if s.Headers().Get(corev1.PortHeader) != "61234" {
			return errors.New("wrong port")
		}
		streams <- s
		return nil
	}
	var conn httpstream.Connection
	if gorilla.IsWebSocketUpgrade(r) {
		if n.noWebSocket {
			http.Error(w, "no WebSockets here", http.StatusBadRequest)
			return
		}
		up := gorilla.Upgrader{Subprotocols: []string{portforward.WebsocketsSPDYTunnelingPortForwardV1}}
		ws, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		conn, err = streamspdy.NewServerConnectionWithPings(pf.NewTunnelingConnection("server", ws), accept, n.pings)
		if err != nil {
			return
		}
	} else {
		if _, err := httpstream.Handshake(r, w, []string{portforward.PortForwardV1Name}); err != nil {
			return
		}
		conn = streamspdy.NewResponseUpgraderWithPings(n.pings).UpgradeResponse(w, r, accept)
		if conn == nil {
			return
		}
	}
	defer conn.Close()

	var data, errors httpstream.Stream
	for data == nil || errors == nil {
		select {
		case s := <-streams:
			if s.Headers().Get(corev1.StreamType) == corev1.StreamTypeError {
				errors = s
			} else {
				data = s
			}
		case <-conn.CloseChan():
			return
		}
	}
	text := n.serve(data, conn)
	if !n.textFirst {
		data.Close()
		time.Sleep(20 * time.Millisecond) // for a test that takes the first end for the whole to fail
	}
	if text != "" {
		io.WriteString(errors, text)
		data.Reset()
		errors.Reset()
	}
	errors.Close()
	data.Close()
	<-conn.CloseChan()
}

// refuse answers every request with a Status.
func refuse(t *testing.T, code int32, reason metav1.StatusReason, message string) *PortForward {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(int(code))
		json.NewEncoder(w).Encode(metav1.Status{
			TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
			Status:   metav1.StatusFailure, Code: code, Reason: reason, Message: message,
			Details: &metav1.StatusDetails{Kind: "pods", Name: "web-1"},
		})
	}))
	t.Cleanup(srv.Close)
	return NewPortForward(&rest.Config{Host: srv.URL}, "prod", "web-1", 61234, zerolog.Nop())
}
