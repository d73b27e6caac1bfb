package httpsplit

import (
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What two readers could see the bounds of differently is not divided: the app
// gets it, and a client nothing.
func TestBoundsThatReadersDispute(t *testing.T) {
	const chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
	for name, text := range map[string]string{
		"chunks of HTTP/1.0":                  "POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + toClient,
		"a carriage return after a size":      chunked + "5\r\r\nhello\r\n0\r\n\r\n" + toClient,
		"a carriage return in an extension":   chunked + "5;a\rb\r\nhello\r\n0\r\n\r\n" + toClient,
		"a space before a size":               chunked + " 5\r\nhello\r\n0\r\n\r\n" + toClient,
		"a line feed in an extension":         chunked + "5;a=\"\n\"\r\nhello\r\n0\r\n\r\n" + toClient,
		"a line feed after trailers":          chunked + "0\r\n\nGET / HTTP/1.1\r\n\r\n" + toClient,
		"a carriage return in trailers":       chunked + "0\r\nA: b\rX: y\r\n\r\n" + toClient,
		"a folded coding":                     "POST / HTTP/1.1\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + toClient,
		"a coding after a vertical tab":       "POST / HTTP/1.1\r\nTransfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n" + toClient,
		"a list of lengths":                   "POST / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\nx" + toClient,
		"a carriage return in a field's name": "GET / HTTP/1.1\r\nA\r: b\r\n\r\n" + toClient,
	} {
		t.Run(name, func(t *testing.T) {
			assertAppGetsAll(t, text)
		})
	}
}

// A client's connection that begins to answer is not one that has ended: the
// next request, sent before the answer, takes the same.
func TestClientThatAnswersIsKept(t *testing.T) {
	far, near := pair(t)
	c := newSide(tcp(near))
	s := &split{client: c, last: &exchange{side: c, donec: make(chan struct{})}}
	c.watch(func(error) {})
	_, err := io.WriteString(far, "HTTP/1.1 200 OK\r\n")
	require.NoError(t, err)
	<-c.watchc
	got, err := s.openClient()
	require.NoError(t, err)
	assert.Same(t, c, got)
}

// An answer is not read before its first byte was taken notice of: once it is
// over that byte would be one that nobody has asked for.
func TestWatcherIsHeardBeforeItsSideIsRead(t *testing.T) {
	for range 100 {
		far, near := pair(t)
		c := newSide(tcp(near))
		heard := false
		c.watch(func(error) { heard = true })
		_, err := far.Write([]byte("x"))
		require.NoError(t, err)
		_, err = c.Read(make([]byte, 1))
		require.NoError(t, err)
		require.True(t, heard)
	}
}

// A server may switch protocols for a caller whose Connection field lacks the
// word, as some do.
func TestUpgradeWithoutConnection(t *testing.T) {
	w := newWorld(t, upgrade("app"), nil).begin()
	w.say("GET /ws HTTP/1.1\r\nUpgrade: x\r\n\r\n")
	w.hear("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\napp first ")
	w.say("GET ")
	w.hear("appGET ")
	w.hearEnd()
}

// A switch that nobody has asked for makes what follows unreadable.
func TestUpgradeThatNobodyAskedFor(t *testing.T) {
	w := newWorld(t, upgrade("app"), upgrade("client")).begin()
	w.say(toApp)
	_, err := io.ReadAll(w.caller)
	assert.ErrorIs(t, err, syscall.ECONNRESET)
}

// strangely answers each request with a head that is not read strictly, and
// keeps its connection.
func strangely(name string) func(net.Conn) {
	return func(c net.Conn) {
		br := newConnReader(c)
		for {
			if _, err := readHead(br); err != nil {
				return
			}
			io.WriteString(c, strange(name))
		}
	}
}

func strange(name string) string {
	return "HTTP/1.1 200 OK\r\nContent-Length : " + string(rune('0'+len(name))) + "\r\n\r\n" + name
}

// An app whose answers cannot be told apart has the rest of the connection: it
// is not known when the client could answer.
func TestAnswersThatCannotBeToldApart(t *testing.T) {
	t.Run("of the app", func(t *testing.T) {
		w := newWorld(t, strangely("app"), server("client")).begin()
		want := ""
		for range maxPipelined {
			w.say(toApp)
			w.hear(strange("app"))
			w.say(toClient)
			w.hear(strange("app"))
			want += toApp + toClient
		}
		assert.Equal(t, want, w.got("app"))
		assert.Zero(t, w.opens("client"))
	})
	t.Run("of the app, to one who waits", func(t *testing.T) {
		w := newWorld(t, strangely("app"), server("client")).begin()
		w.say(toApp + toClient)
		w.hear(strings.Repeat(strange("app"), 2))
	})
	t.Run("of the client", func(t *testing.T) {
		w := newWorld(t, server("app"), strangely("client")).begin()
		w.say(toClient)
		w.hear(strange("client"))
		w.say(toApp)
		_, err := io.ReadAll(w.caller)
		assert.ErrorIs(t, err, syscall.ECONNRESET)
		assert.Empty(t, w.got("app"))
	})
	t.Run("to an upgrade", func(t *testing.T) {
		w := newWorld(t, func(c net.Conn) {
			readHead(newConnReader(c))
			io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade : x\r\n\r\n")
			b := make([]byte, 4)
			io.ReadFull(c, b)
			io.WriteString(c, "app"+string(b))
		}, nil).begin()
		w.say("GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
		w.hear("HTTP/1.1 101 Switching Protocols\r\nUpgrade : x\r\n\r\n")
		w.say("ping")
		w.hear("appping")
		w.hearEnd()
	})
}

// What an app says unasked, as servers do that lose patience, the caller hears
// at once.
func TestAppThatSpeaksUnasked(t *testing.T) {
	const impatient = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n"
	for name, ask := range map[string]string{"after its answer": "", "after an answer of the client": toClient} {
		t.Run(name, func(t *testing.T) {
			goc := make(chan struct{})
			w := newWorld(t, func(c net.Conn) {
				readHead(newConnReader(c))
				io.WriteString(c, answered("app", "GET", "/a", ""))
				<-goc
				io.WriteString(c, impatient)
			}, server("client")).begin()
			w.say(toApp)
			w.hear(answered("app", "GET", "/a", ""))
			if ask != "" {
				w.say(ask)
				w.hear(answered("client", "GET", "/c", ""))
			}
			close(goc)
			w.hear(impatient)
			w.hearEnd()
		})
	}
}

// A caller that goes is missed while its answer is awaited, too.
func TestCallerThatGoesWhileItWaits(t *testing.T) {
	const ask = "GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
	for name, text := range map[string]string{
		"for an upgrade":                      ask,
		"for an upgrade, with more to say":    ask + toApp,
		"for the app, with one to the client": toApp + toClient,
	} {
		t.Run(name, func(t *testing.T) {
			errc := make(chan error, 1)
			w := newWorld(t, func(c net.Conn) {
				_, err := io.Copy(io.Discard, struct{ io.Reader }{c})
				errc <- err
			}, server("client")).begin()
			w.say(text)
			require.Eventually(t, func() bool { return strings.HasSuffix(w.got("app"), "\r\n\r\n") }, 5*time.Second, time.Millisecond)
			w.caller.SetLinger(0)
			w.caller.Close()
			select {
			case err := <-errc:
				assert.ErrorIs(t, err, syscall.ECONNRESET)
			case <-time.After(5 * time.Second):
				t.Error("the app does not hear of it")
			}
		})
	}
	t.Run("in good order", func(t *testing.T) {
		w := newWorld(t, func(c net.Conn) {
			io.Copy(io.Discard, struct{ io.Reader }{c})
			io.WriteString(c, answered("app", "GET", "/ws", ""))
		}, nil).begin()
		w.say(ask)
		require.NoError(t, w.caller.CloseWrite())
		w.hear(answered("app", "GET", "/ws", ""))
		w.hearEnd()
	})
}

// An app that ends its direction still gets what is said in the other one.
func TestHalfCloseOfAnOpaqueAppIsOneDirection(t *testing.T) {
	w := newWorld(t, func(c net.Conn) {
		br := newConnReader(c)
		readHead(br)
		io.WriteString(c, answered("app", "GET", "/a", ""))
		br.Peek(1)
		c.(recorded).CloseWrite()
		sink(c)
	}, nil).begin()
	w.say(toApp)
	w.hear(answered("app", "GET", "/a", ""))
	w.say("\r\nnot HTTP ")
	w.hearEnd()
	w.say("any more")
	require.Eventually(t, func() bool { return w.got("app") == toApp+"\r\nnot HTTP any more" }, 5*time.Second, time.Millisecond)
	require.NoError(t, w.caller.CloseWrite())
}

// Who asks for the last answer waits for the end after it, also if a local
// server does not announce it.
func TestLastRequestToAClient(t *testing.T) {
	for name, ask := range map[string]string{
		"announced": "GET / HTTP/1.1\r\nX-User: alice\r\nConnection: close\r\n\r\n",
		"HTTP/1.0":  "GET / HTTP/1.0\r\nX-User: alice\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil, func(c net.Conn) {
				readHead(newConnReader(c))
				io.WriteString(c, answered("client", "GET", "/", ""))
			}).begin()
			w.say(ask)
			w.hear(answered("client", "GET", "/", ""))
			w.hearEnd()
		})
	}
}

// Without a filter the client has all of a connection, be it strange or not.
func TestStrangeBytesAreTheClientsWithoutAFilter(t *testing.T) {
	t.Run("in a body", func(t *testing.T) {
		text := "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n" + toClient
		w := newWorld(t, nil, sink)
		w.cfg.Filter = nil
		w.begin()
		w.say(text)
		require.NoError(t, w.caller.CloseWrite())
		_, err := io.ReadAll(w.caller)
		require.NoError(t, err)
		assert.Equal(t, text, w.got("client"))
	})
	t.Run("from a server that speaks first", func(t *testing.T) {
		w := newWorld(t, nil, func(c net.Conn) {
			io.WriteString(c, "220 hello\r\n")
			sink(c)
		})
		w.cfg.Filter = nil
		w.begin()
		w.hear("220 hello\r\n")
		w.say("HELO x\r\n")
		require.NoError(t, w.caller.CloseWrite())
		w.hear("8 bytes")
		w.hearEnd()
		assert.Equal(t, 1, w.opens("client"))
	})
}
