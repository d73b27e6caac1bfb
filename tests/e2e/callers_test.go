//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"net/http"
	"testing"

	proxyproto "github.com/pires/go-proxyproto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The local side learns who calls, in each of the ways that it may understand.
func TestStealTellsWhoCalls(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.site("web")
	caller := s.podIP("caller")
	t.Run("as HTTP fields", func(t *testing.T) {
		s := s.with(t)
		steal := s.listen(1, "--steal", "--forwarded", "-t", "pod/web", "80:"+s.local())
		for _, version := range []string{"--http1.1", "--http2-prior-knowledge"} {
			assert.Contains(t, s.call(version, "http://web/"), fmt.Sprintf("forwarded=%q", caller), version)
		}
		steal.stop()
	})
	t.Run("as PROXY protocol", func(t *testing.T) {
		s := s.with(t)
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer ln.Close()
		go http.Serve(&proxyproto.Listener{Listener: ln}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, r.RemoteAddr, " calls ", r.Context().Value(http.LocalAddrContextKey))
		}))
		steal := s.listen(1, "--steal", "--proxy-protocol", "-t", "pod/web", "80:"+port(t, ln.Addr().String()))
		assert.Regexp(t, `^`+caller+`:\d+ calls `+s.podIP("web")+`:80$`, s.call("http://web/"))
		steal.stop()
	})
	t.Run("not by a unix socket, which is reached all the same", func(t *testing.T) {
		s := s.with(t)
		path := t.TempDir() + "/s"
		ln, err := net.Listen("unix", path)
		require.NoError(t, err)
		defer ln.Close()
		go http.Serve(ln, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "unix: %s", r.URL.Path)
		}))
		steal := s.listen(1, "--steal", "-t", "pod/web", "80:unix:"+path)
		assert.Equal(t, "unix: /x", s.call("http://web/x"))
		steal.stop()
	})
	s.noRules("web")
}
