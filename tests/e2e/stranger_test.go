//go:build e2e

package e2e

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fwdtools/fwd/pkg/wire"
)

// stranger connects to a host and port, many times at once if asked to, says
// something and prints, as JSON, what each connection heard and after how many
// seconds it was closed.
const stranger = `
import json, select, socket, sys, time
host, port, count, say = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), bytes.fromhex(sys.argv[4])
conns = {}
for i in range(count):
    c = socket.create_connection((host, port))
    conns[c] = [time.time(), b""]
    try:
        c.sendall(say)
    except ConnectionError:
        pass
print("connected", flush=True)
while conns:
    for c in select.select(list(conns), [], [])[0]:
        try:
            data = c.recv(65536)
        except ConnectionError:
            data = b""
        conns[c][1] += data
        if not data:
            begin, heard = conns.pop(c)
            c.close()
            print(json.dumps({"after": time.time() - begin, "heard": heard.hex()}), flush=True)
`

// heard is what a stranger tells of one connection.
type heard struct {
	After float64 // seconds
	Heard string  // hex
}

// Whoever is in the pod can connect to the agent, and gets nowhere: it closes
// the connection, lives, and serves its client all the while.
func TestStrangersInThePod(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.backend("web", 7000, "echo", "-port", "7000")
	_, addrs := s.forward(1, "-t", "pod/web", "-L", "0:localhost:7000")
	port := s.agentPort("web")
	hello := func(s *space) { // over the session that the client has
		s.t.Helper()
		assert.Equal(s.t, "hello\n", s.ok(s.run(strings.NewReader("hello\n"), "socat", "-t60", "-", "TCP:"+addrs[0])))
	}
	hello(s)

	for _, tt := range []struct {
		name   string
		says   []byte
		closed string // the reason that the stranger is given, if any
		slow   bool   // closed only when the time for a greeting is over
	}{
		{name: "garbage", says: []byte("GET / HTTP/1.1\r\nHost: agent\r\n\r\n")},
		{name: "a greeting that is too long", says: []byte("fwd\x00\x00\x01\xff\xff")},
		{name: "a wrong key", says: greeting(), closed: "signature does not match"},
		{name: "an oversized frame after a greeting", says: append(greeting(), oversized()...)},
		{name: "half a greeting", says: greeting()[:40], slow: true},
		{name: "silence", slow: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := s.with(t)
			out := s.inPod("web", strings.NewReader(stranger), "python3", "-", "127.0.0.1", port, "1", hex.EncodeToString(tt.says))
			_, line, _ := strings.Cut(out, "connected\n")
			var got heard
			require.NoError(t, json.Unmarshal([]byte(line), &got), out)
			if tt.slow {
				assert.InDelta(t, 10, got.After, 5, "seconds until it was closed")
			} else {
				assert.Less(t, got.After, 5.0, "seconds until it was closed")
			}
			said, err := hex.DecodeString(got.Heard)
			require.NoError(t, err)
			_, n, err := wire.ParseHello(said)
			require.NoError(t, err, "the agent's greeting")
			assert.Contains(t, string(said[n:]), tt.closed)
			hello(s)
		})
	}
	t.Run("200 at once that say nothing", func(t *testing.T) {
		s := s.with(t)
		out, errc := newLines(), make(chan error, 1)
		go func() {
			errc <- s.exec(t.Context(), "web", strings.NewReader(stranger), out, "python3", "-", "127.0.0.1", port, "200", "")
		}()
		require.Equal(t, "connected", out.wait(s, 0))
		hello(s)
		// Another command wants in.
		r := s.run(strings.NewReader("hello\n"), "fwd-dial", "-t", "pod/web", "localhost:7000")
		assert.Equal(t, "hello\n", s.ok(r))
		assert.Empty(t, r.stderr)
		require.NoError(t, <-errc)
		assert.Equal(t, 200, strings.Count(out.String(), `"after"`), "connections closed")
		hello(s)
	})
	assert.Len(t, s.ephemeral("web"), 1, "it is the same agent all the while")
	assert.NotNil(t, s.agentState("web").Running)
}

// greeting is a client's, right but for its signature.
func greeting() []byte {
	signature := make([]byte, 64)
	rand.Read(signature)
	return wire.Hello{
		Role: wire.RoleClient, Streams: 100, Window: wire.MinWindow, Memory: wire.MinWindow, Auth: signature, Build: "stranger",
	}.Append(nil)
}

// oversized begins a frame that is longer than any of its type may be.
func oversized() []byte {
	frame := wire.Header{Type: wire.TypeData, Length: 1<<16 - 1, Stream: 1}.Append(nil)
	return append(frame, make([]byte, 1<<10)...)
}

// agentPort is the port of the agent in a pod.
func (s *space) agentPort(pod string) string {
	s.t.Helper()
	p, err := client.CoreV1().Pods(s.name).Get(s.t.Context(), pod, metav1.GetOptions{})
	require.NoError(s.t, err)
	for _, c := range p.Spec.EphemeralContainers {
		for _, arg := range c.Args {
			if port, ok := strings.CutPrefix(arg, "--port="); ok {
				return port
			}
		}
	}
	s.t.Fatalf("no agent in %s", pod)
	return ""
}
